"""Steps that do not depend on the gradient's scale, sums of squares, and dual averages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import random_gradients, walk

import jdescent as jd
from experiments.common.problem import Problem, distance
from experiments.common.walking import our_path


def parameters():
    return {"b": jnp.linspace(-1, 2, 4), "w": jnp.linspace(-1, 1, 12).reshape(4, 3)}


@pytest.mark.parametrize(
    "optimizer",
    [
        jd.signum(0.1),
        jd.tiger(0.1),
        jd.rprop(0.1),
        jd.lars(0.1, trust_coefficient=0.5),
        jd.fromage(0.1, min_norm=0.0),
        jd.sm3(0.1),
    ],
    ids=repr,
)
def test_a_loss_times_1024_is_descended_by_the_same_steps(optimizer, x64):
    params = parameters()
    gradients = random_gradients(20, params)
    steeper = jax.tree.map(lambda g: 1024 * g, gradients)
    one, other = (walk(optimizer, g, params)[0] for g in (gradients, steeper))
    for name in params:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-12, atol=1e-15)


def test_lars_makes_steps_of_the_rate_times_the_norm():
    optimizer, x = jd.lars(0.5, trust_coefficient=0.01), parameters()["w"]
    update, _ = optimizer.update(1e6 * jnp.cos(x), optimizer.init(x), x)
    np.testing.assert_allclose(jnp.linalg.norm(update), 0.005 * jnp.linalg.norm(x), rtol=1e-6)


def test_a_masked_trust_ratio_is_one():
    x, optimizer = parameters(), jd.lars(0.1, trust_ratio_mask={"b": False, "w": True})
    updates, _ = optimizer.update(x, optimizer.init(x), x)
    np.testing.assert_allclose(updates["b"], -0.1 * x["b"], rtol=1e-6)
    np.testing.assert_allclose(updates["w"], -0.1 * 0.001 * x["w"], rtol=1e-5)


def test_parameters_that_are_zero_move_by_plain_steps():
    for optimizer in (jd.lars(0.1), jd.fromage(0.1, min_norm=0.0)):
        x = jnp.zeros(3)
        update, _ = optimizer.update(jnp.ones(3), optimizer.init(x), x)
        np.testing.assert_allclose(update, -0.1, rtol=0.01)


@pytest.mark.parametrize("rate", [1e-3, 0.5, 10.0])
def test_fromage_keeps_the_norm_under_an_orthogonal_gradient(rate, x64):
    x, g = jnp.array([3.0, 4.0, 0.0]), jnp.array([0.0, 0.0, 7.0])
    optimizer = jd.fromage(rate)
    update, _ = optimizer.update(g, optimizer.init(x), x)
    np.testing.assert_allclose(jnp.linalg.norm(x + update), 5.0, rtol=1e-14)


@pytest.mark.parametrize("channels_first", [False, True])
def test_sgdp_steps_at_right_angles_to_scale_invariant_weights(channels_first, x64):
    """A loss of normalized channels: whatever momentum has gathered, x·u = 0 channel by channel."""
    axis = 1 if channels_first else 0

    def loss(w):
        return jnp.sum(jnp.sin(w / jnp.linalg.norm(w, axis=axis, keepdims=True)) ** 3)

    optimizer = jd.sgdp(0.1, momentum=0.9, channels_first=channels_first)
    x = parameters()["w"]
    state = optimizer.init(x)
    step = jax.jit(lambda x, state: optimizer.update(jax.grad(loss)(x), state, x))
    for _ in range(10):
        u, state = step(x, state)
        assert jnp.linalg.norm(u) > 1e-3
        np.testing.assert_allclose(jnp.sum(x * u, axis=axis), 0, atol=1e-7 * jnp.linalg.norm(u))
        x = x + u


def test_sm3_is_adagrad_on_vectors_and_never_faster_on_matrices(x64):
    params = parameters()
    gradients = random_gradients(20, params)
    ours, _ = walk(jd.sm3(0.1, momentum=0.0), gradients, params)
    adagrad, _ = walk(jd.adagrad(0.1, 0.0, 0.0), gradients, params)
    np.testing.assert_allclose(ours["b"], adagrad["b"], rtol=1e-13)
    assert np.all(np.abs(ours["w"]) <= np.abs(adagrad["w"]) * (1 + 1e-13))
    assert not np.allclose(ours["w"], adagrad["w"])


def test_ftrl_without_regularizers_is_adagrad(x64):
    problem = Problem(40)
    ours = our_path(jd.ftrl(0.2, beta=0.5), problem)
    adagrad = our_path(jd.adagrad(0.2, 0.0, 0.5, eps_in_sqrt=False), problem)
    assert distance(ours, adagrad, problem.x0) < 1e-13


def test_ftrl_makes_parameters_zero_that_the_gradient_hardly_moves(x64):
    """The leader of |x|·λ₁ + g·x is 0 until the gradients outweigh λ₁."""
    optimizer, x = jd.ftrl(0.5, lambda_1=1.0), jnp.zeros(2)
    state = optimizer.init(x)
    for t in range(1, 11):
        update, state = optimizer.update(jnp.array([0.3, 0.05]), state, x)
        x = x + update
        assert (x[0] != 0) == (0.3 * t > 1)
        assert x[1] == 0


def test_madgrad_walks_the_power_two_thirds_of_a_constant_slope(x64):
    """z − x₀ = −Λ^⅔·∛g with Λ = lr·(√1 + … + √t); without momentum x is z."""
    optimizer = jd.madgrad(0.1, momentum=0.0, eps=0.0)
    slopes = jnp.array([1e-3, 1.0, -30.0])
    path = jd.descend(
        lambda x: jnp.sum(slopes * x), jnp.zeros(3), optimizer, steps=25, record="params"
    )
    grown = np.cumsum(0.1 * np.sqrt(np.arange(1, 26)))[:, None]
    exact = -(grown ** (2 / 3)) * np.cbrt(slopes)
    np.testing.assert_allclose(path.record["params"][1:], exact, rtol=1e-12)


def test_rprop_finds_a_minimum_whatever_the_curvatures(x64):
    curvatures = jnp.geomspace(1e-6, 1e6, 25)
    optimizer = jd.rprop(0.1, min_step_size=1e-12)
    path = jd.descend(
        lambda x: jnp.sum(curvatures * (x - jnp.pi) ** 2), jnp.zeros(25), optimizer, steps=150
    )
    np.testing.assert_allclose(path.params, np.pi, atol=1e-9)
    assert jnp.all(path.state.delta <= 50)


FAMILY = {
    "signum": jd.signum(0.1), "tiger": jd.tiger(0.1), "rprop": jd.rprop(0.1),
    "lars": jd.lars(0.1), "lars of sums": jd.lars(0.1, 0.1, norm_of_sum=True),
    "fromage": jd.fromage(0.1), "fromage of any norm": jd.fromage(0.1, min_norm=0.0),
    "sgdp": jd.sgdp(0.1, 0.9, weight_decay=0.1), "sm3": jd.sm3(0.1),
    "adagrad": jd.adagrad(0.1, 0.0, 0.0, eps_in_sqrt=False), "madgrad": jd.madgrad(0.1, eps=0.0),
    "ftrl": jd.ftrl(0.1), "asgd": jd.asgd(0.1), "sgdw": jd.sgdw(0.1), "qhm": jd.qhm(0.1),
    "aggmo": jd.aggmo(0.1), "pid": jd.pid(0.1), "accsgd": jd.accsgd(0.1),
    "optimistic": jd.optimistic_gradient_descent(0.1), "silver": jd.silver(0.1),
    "chebyshev": jd.chebyshev(1.0, 9.0, 4), "nesterov_convex": jd.nesterov_convex(0.1),
    "nesterov_restarted": jd.nesterov_restarted(0.1),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILY)
def test_steps_and_their_derivatives_are_finite_where_all_gradients_are_zero(name):
    optimizer = FAMILY[name]

    def end(x, g):
        state = optimizer.init(x)
        for _ in range(3):
            update, state = optimizer.update(g, state, x)
            x = x + update
        return jnp.sum(x)

    value_and_slopes = jax.jit(jax.value_and_grad(end, argnums=(0, 1)))
    for x in (jnp.zeros((2, 2)), jnp.ones((2, 2))):
        value, slopes = value_and_slopes(x, jnp.zeros((2, 2)))
        assert jnp.isfinite(value)
        assert all(bool(jnp.all(jnp.isfinite(slope))) for slope in slopes)


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_what_is_not_finite_shows_and_no_infinity_is_taken_for_a_zero_gradient(name, bad):
    optimizer, x = FAMILY[name], jnp.array([[1.0, 2.0], [3.0, 4.0]])
    g = jnp.array([[0.5, bad], [0.5, -0.5]])
    step = jax.jit(optimizer.update)
    for state in (optimizer.init(x), step(0.5 * x, optimizer.init(x), x)[1]):
        update, state = step(g, state, x)
        numbers = [update, *jax.tree.leaves(state.memory)]
        assert not all(bool(jnp.all(jnp.isfinite(n))) for n in numbers)
