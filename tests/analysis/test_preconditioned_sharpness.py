"""The Hessian through an optimizer's preconditioner, against matrices built from its state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

import jdescent as jd
from jdescent import analysis

RATE, STEPS = 0.01, 25


def problem():
    keys = jax.random.split(jax.random.key(0), 4)
    x = jax.random.normal(keys[0], (20, 3))
    y = jnp.tanh(x @ jax.random.normal(keys[1], (3, 2)))
    start = {
        "in": jax.random.normal(keys[2], (3, 4)) / 2,
        "out": jax.random.normal(keys[3], (4, 2)) / 2,
    }

    def loss(params):
        return jnp.mean((jnp.tanh(x @ params["in"]) @ params["out"] - y) ** 2)

    return loss, start


def second_moment(state, b2):
    return jax.tree.map(lambda v: v / (1 - b2**STEPS), state.v)


def of_adam(state):
    gain = RATE * (1 - 0.9) / (1 - 0.9**STEPS)
    return jax.tree.map(lambda v: gain / (jnp.sqrt(v) + 1e-8), second_moment(state, 0.95))


def of_rmsprop(state):
    return jax.tree.map(lambda v: RATE / jnp.sqrt(v + 1e-8), state.v)


def of_shampoo(state):
    """L^−¼ ⊗ R^−¼ of each matrix, as it stands after the last step."""

    def power(matrix):
        values, vectors = np.linalg.eigh(matrix + 1e-4 * np.eye(len(matrix)))
        return vectors @ np.diag(values**-0.25) @ vectors.T

    blocks = [np.kron(*map(power, state.H[name])) for name in ("in", "out")]
    whole = np.zeros((20, 20))
    whole[:12, :12], whole[12:, 12:] = blocks
    return RATE * whole


CASES = {
    "rmsprop": (lambda: jd.rmsprop(RATE, 0.9), of_rmsprop),
    "adam": (lambda: jd.adam(RATE, 0.9, 0.95), of_adam),
    "adamw": (lambda: jd.adamw(RATE, 0.9, 0.95, weight_decay=0.1), of_adam),
    "shampoo": (lambda: jd.shampoo(RATE), of_shampoo),
}


def as_matrix(P):
    return P if isinstance(P, np.ndarray) else np.diag(ravel_pytree(P)[0])


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_largest_eigenvalue_of_the_matrices_of_the_state(x64, name):
    make, of_state = CASES[name]
    (loss, start), optimizer = problem(), make()
    path = jax.jit(lambda x: jd.descend(loss, x, optimizer, STEPS, record=None))(start)
    found = jax.jit(
        lambda path: analysis.preconditioned_sharpness(
            loss, path.params, optimizer, path.state, threshold=2.0
        )
    )(path)
    flat, unravel = ravel_pytree(path.params)
    H = np.array(jax.hessian(lambda flat: loss(unravel(flat)))(flat))
    eigenvalues = np.linalg.eigvals(as_matrix(of_state(path.state)) @ H)
    np.testing.assert_allclose(found, eigenvalues.real.max() / 2, rtol=1e-6)


def test_optax_is_measured_as_jdescent_is(x64):
    """Adam's memories in other nodes, in a chain with a transformation that leaves P as it is."""
    loss, start = problem()
    theirs = optax.chain(optax.identity(), optax.adam(RATE, 0.9, 0.95))
    gradient, v = jax.grad(loss)(start), jax.tree.map(jnp.cos, start)
    with jax.numpy_dtype_promotion("standard"):
        path = jax.jit(lambda x: jd.descend(loss, x, theirs, STEPS, record=None))(start)
        found = jax.jit(
            lambda path: analysis.preconditioner(theirs, path.state, start, gradient)(v)
        )(path)
    nu = jax.tree.map(lambda v: v / (1 - 0.95**STEPS), path.state[1][0].nu)
    gain = RATE * (1 - 0.9) / (1 - 0.9**STEPS)
    expected = jax.tree.map(lambda v, nu: gain * v / (jnp.sqrt(nu) + 1e-8), v, nu)
    np.testing.assert_allclose(ravel_pytree(found)[0], ravel_pytree(expected)[0], rtol=1e-12)


BETA = 0.9


@pytest.mark.parametrize(
    ("make", "limit", "threshold"),
    [
        (jd.sgd, analysis.gd_limit(3.0), 2),
        (lambda lr: jd.heavy_ball(lr, BETA), analysis.heavy_ball_limit(3.0, BETA), 2 * (1 + BETA)),
        (
            lambda lr: jd.nesterov(lr, BETA),
            analysis.nesterov_limit(3.0, BETA),
            2 * (1 + BETA) ** 2 / (1 + 2 * BETA),
        ),
    ],
)
def test_it_is_one_at_the_largest_stable_rate(x64, make, limit, threshold):
    bowl, x = jd.losses.bowl((1.0, 3.0)), jnp.array([1.0, 2.0])
    optimizer = make(limit)
    found = jax.jit(
        lambda x: analysis.preconditioned_sharpness(
            bowl, x, optimizer, optimizer.init(x), threshold=threshold
        )
    )(x)
    np.testing.assert_allclose(found, 1, rtol=1e-12)


def test_it_maps_over_rates_and_is_recorded(x64):
    bowl, x = jd.losses.bowl((1.0, 3.0)), jnp.array([1.0, 2.0])

    def run(rate):
        optimizer = jd.rmsprop(rate, 0.99)
        return jd.descend(
            bowl, x, optimizer, steps=20, every=10,
            record=lambda point: {
                "c": analysis.preconditioned_sharpness(bowl, point.params, optimizer, point.state),
                "v": point.state.v,
            },
        ).record  # fmt: skip

    rates = jnp.array([0.01, 0.03])
    record = jax.jit(jax.vmap(run))(rates)
    P = np.array(rates)[:, None, None] / np.sqrt(record["v"] + 1e-8)
    expected = np.max(P * np.array([1.0, 3.0]), axis=-1)
    np.testing.assert_allclose(record["c"][:, 1:], expected[:, 1:], rtol=1e-9)
    assert np.all(np.isnan(record["c"][:, 0]))  # no step was taken, and v is 0


def test_of_a_singular_preconditioner_what_moves_counts(x64):
    loss = lambda p: p["a"] ** 2 + 5 * p["b"] ** 2 + p["a"] * p["b"]  # noqa: E731
    x = {"a": jnp.array(1.0), "b": jnp.array(1.0)}
    optimizer = jd.partition({"a": "moves", "b": "stays"}, moves=jd.sgd(0.1), stays=jd.sgd(0.0))
    found = jax.jit(
        lambda x: analysis.preconditioned_sharpness(loss, x, optimizer, optimizer.init(x))
    )(x)
    np.testing.assert_allclose(found, 0.2, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: jd.lion(0.01),
        lambda: jd.muon(0.01),
        lambda: jd.lars(0.01),
    ],
)
def test_steps_of_a_length_of_their_own_have_no_preconditioner(make):
    loss = lambda x: jnp.sum(jnp.sin(x) ** 2)  # noqa: E731
    optimizer, x = make(), jnp.array([[1.0, 0.5], [-0.3, 0.8]])
    state = optimizer.update(jnp.cos(x), optimizer.init(x), x)[1]
    with pytest.raises(ValueError, match="no preconditioner here: its update is not linear"):
        analysis.preconditioner(optimizer, state, x, jax.grad(loss)(x))


def test_before_the_first_step_adam_has_none():
    optimizer, x = jd.adam(0.01), jnp.ones(2)
    with pytest.raises(ValueError, match="or has taken no step"):
        analysis.preconditioner(optimizer, optimizer.init(x), x, x)


def test_the_state_of_another_optimizer_is_refused(as_users_run):
    x = jnp.ones(2)
    with pytest.raises(ValueError, match="state and the states of the optimizer"):
        analysis.preconditioner(jd.adam(0.1), jd.sgd(0.1).init(x), x, x)
    with pytest.raises(TypeError, match="init and update"):
        analysis.preconditioner(jd.adam, jd.sgd(0.1).init(x), x, x)


def test_along_a_run_adam_has_no_sharpness_before_its_first_step():
    loss, optimizer = jd.losses.bowl((2.0, 40.0)), jd.adam(0.01)

    def seen(point):
        return jd.analysis.preconditioned_sharpness(loss, point.params, optimizer, point.state)

    start = jnp.array([3.0, 1.0])
    path = jd.descend(loss, start, optimizer, steps=14, every=7, record=seen)
    assert np.isnan(path.record[0])
    assert np.all(path.record[1:] > 0)
    lion = jd.lion(0.01)
    moved = jd.descend(loss, start, lion, steps=2)
    with pytest.raises(ValueError, match="no preconditioner"):
        jd.analysis.preconditioned_sharpness(loss, moved.params, lion, moved.state)
