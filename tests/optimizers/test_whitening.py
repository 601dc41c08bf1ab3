"""What theory says of steps that are whitened, projected, centralized or kept on a sphere."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from jdescent.core.trees import global_norm

RANDOM = np.random.default_rng(1)
G = jnp.asarray(RANDOM.standard_normal((4, 3)), jnp.float32)
X = jnp.asarray(RANDOM.standard_normal((4, 3)), jnp.float32)
seeds = st.integers(0, 2**31 - 1)


def second_step(optimizer, g=G, x=X):
    _, state = optimizer.update(g, optimizer.init(x), x)
    return optimizer.update(jnp.cos(g), state, x)[0]


@given(seeds, st.floats(0.01, 2))
def test_hyperball_turns_a_matrix_by_the_arc_tangent_of_the_rate(seed, rate):
    """Of a gradient at right angles to it; norms stay, whatever the gradient's length is."""
    a, b = np.random.default_rng(seed).standard_normal((2, 4, 3))
    g = 1e6 * (b - a * np.sum(a * b) / np.sum(a**2))
    x, g = jnp.asarray(a, jnp.float32), jnp.asarray(g, jnp.float32)
    optimizer = jd.hyperball(rate, jd.sgd(0.1))
    after = x + optimizer.update(g, optimizer.init(x), x)[0]
    assert float(global_norm(after)) == pytest.approx(float(global_norm(x)), rel=1e-5)
    cosine = jnp.sum(x * after) / global_norm(x) ** 2
    assert float(jnp.arccos(cosine)) == pytest.approx(np.arctan(rate), rel=1e-3)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_hyperball_knows_the_norm_of_narrow_parameters_to_float32(dtype):
    """Where the base makes no step, x stays, but for a rounding of its norm."""
    x = jnp.asarray(np.linspace(-1, 2, 12).reshape(4, 3), dtype)
    optimizer = jd.hyperball(0.1, jd.sgd(0.1))
    step, _ = optimizer.update(jnp.zeros_like(x), optimizer.init(x), x)
    assert jnp.abs(step.astype(jnp.float32)).max() < 1e-6


def test_hyperball_leaves_vectors_and_what_a_mask_names_to_the_base():
    params, grads = {"w": X, "b": X[0], "free": X}, {"w": G, "b": G[0], "free": G}
    optimizer = jd.hyperball(0.1, jd.sgd(0.5), mask={"w": True, "b": False, "free": False})
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    np.testing.assert_allclose(updates["free"], -0.5 * G)
    np.testing.assert_allclose(updates["b"], -0.5 * G[0])
    by_default, _ = jd.hyperball(0.1, jd.sgd(0.5)).update(grads, optimizer.init(params), params)
    np.testing.assert_array_equal(by_default["w"], by_default["free"])
    np.testing.assert_allclose(by_default["b"], -0.5 * G[0])


def test_steps_of_splus_have_one_length_and_do_not_know_the_gradients():
    """‖Q_L·S·Q_Rᵀ‖ = √(m·n) of signs S."""
    optimizer = jd.splus(0.1, weight_decay=0.0)
    length = float(global_norm(second_step(optimizer)))
    assert length == pytest.approx(0.1 * 2 / 7 * np.sqrt(12), rel=1e-5)
    np.testing.assert_allclose(second_step(optimizer, 1e3 * G), second_step(optimizer, 1e3 * G))


def test_kl_shampoo_finds_the_covariance_that_its_gradients_have():
    """Gradients A·Z·B of white Z: L⊗R → A·Aᵀ⊗Bᵀ·B, and steps are white: E[u·uᵀ] = n·I."""
    left, right = np.tril(RANDOM.uniform(0.5, 1.5, (3, 3))), np.diag([0.5, 1.0, 2.0, 3.0])
    left, right = jnp.asarray(left, jnp.float32), jnp.asarray(right, jnp.float32)
    optimizer = jd.kl_shampoo(1.0, b1=0.0, b2=0.999)
    x = jnp.zeros((3, 4))

    def step(state, key):
        g = (
            jnp.asarray(left, x.dtype)
            @ jax.random.normal(key, x.shape)
            @ jnp.asarray(right, x.dtype)
        )
        u, state = optimizer.update(g, state, x)
        return state, u

    run = jax.jit(lambda keys: jax.lax.scan(step, optimizer.init(x), keys))
    state, steps = run(jax.random.split(jax.random.key(0), 8000))
    found = np.kron(*(np.asarray(h) for h in state.H))
    covariance = np.kron(left @ left.T, right.T @ right)
    assert np.abs(found - covariance).max() <= 0.1 * np.abs(covariance).max()
    late = np.asarray(steps[4000:])
    seen = np.einsum("tij,tkj->ik", late, late) / (late.shape[0] * late.shape[2])
    np.testing.assert_allclose(seen, np.eye(3), atol=0.1)


def test_apollo_makes_every_column_as_long_as_adam_would_in_the_projection(x64):
    """Adam's first step is the sign of P·g: of length √r."""
    optimizer = jd.apollo(1.0, rank=2, eps=0.0, key=jax.random.key(3))
    g, x = (jnp.asarray(a, float) for a in (G.T, X.T))
    update, state = optimizer.update(g, optimizer.init(x), x)
    lengths = np.linalg.norm(state.P @ g, axis=0)
    np.testing.assert_allclose(update, -g * np.sqrt(2) / lengths[None], rtol=1e-12)
    whole = jd.apollo(1.0, rank=1, scale=4.0, scale_type="tensor", eps=0.0)
    update, _ = whole.update(g, whole.init(x), x)
    assert np.linalg.matrix_rank(np.stack([update.ravel(), g.ravel()])) == 1


def test_apollo_grows_no_faster_than_it_is_told(x64):
    """Adam's second step, of a gradient far greater, is √1.9 times as long with β₂ = 0.9."""
    free, optimizer = (
        jd.apollo(1.0, b1=0.0, b2=0.9, eps=0.0, rank=2, growth=growth) for growth in (9.0, 1.1)
    )
    x = jnp.asarray(X, float)
    first, state = optimizer.update(1e-3 * jnp.asarray(G, float), optimizer.init(x), x)
    second, _ = optimizer.update(1e3 * jnp.asarray(G, float), state, x)
    unlimited, _ = free.update(1e3 * jnp.asarray(G, float), state, x)
    ratio = float(global_norm(unlimited) / global_norm(first))
    assert ratio == pytest.approx(np.sqrt(1.9), rel=1e-5)
    assert float(global_norm(second)) == pytest.approx(1.1 * float(global_norm(first)), rel=1e-9)


def test_the_first_gradients_size_does_not_count_in_sgd_sai_but_its_noise_does():
    optimizer = jd.sgd_sai(0.1, momentum=0.0, eps=0.0, weight_decay=0.0)
    step = functools.partial(second_step, optimizer)
    scaled = optimizer.update(8 * G, optimizer.init(X), X)[1].s
    np.testing.assert_allclose(scaled, optimizer.update(G, optimizer.init(X), X)[1].s, rtol=1e-6)
    noise = np.std(np.asarray(G), ddof=1)
    np.testing.assert_allclose(step(), -0.1 * jnp.cos(G) * float(global_norm(G)) / noise, rtol=1e-5)


def test_ranger_is_its_parts():
    parts = jd.lookahead(jd.chain(jd.centralize(), jd.radam(0.1, 0.95, 0.999, 1e-5)), 6, 0.5)
    start = {"w": X, "b": X[0]}

    def loss(p):
        return jnp.sum(p["w"] ** 4) + jnp.sum(jnp.cosh(p["b"]))

    ends = [jd.descend(loss, start, o, steps=20).params for o in (jd.ranger(0.1), parts)]
    jax.tree.map(np.testing.assert_array_equal, *ends)


@given(seeds)
def test_centralized_gradients_have_mean_0_for_every_output(seed):
    g = jnp.asarray(np.random.default_rng(seed).standard_normal((5, 2, 3)), jnp.float32)
    for axis, others in ((-1, (0, 1)), (0, (1, 2))):
        transform = jd.centralize(output_axis=axis)
        once, _ = transform.update(g, transform.init(g))
        np.testing.assert_allclose(jnp.mean(once, others), 0, atol=1e-6)
        np.testing.assert_allclose(transform.update(once, transform.init(g))[0], once, atol=1e-6)
    vector, _ = transform.update(g[0, 0], transform.init(g[0, 0]))
    np.testing.assert_array_equal(vector, g[0, 0])
