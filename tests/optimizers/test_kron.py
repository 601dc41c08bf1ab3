"""What is known of a preconditioner that is fitted on a Lie group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.optimizers.kron import balanced, fitted, preconditioned, size

KEY = jax.random.key(2)
ALWAYS = {"preconditioner_update_probability": 1.0, "key": KEY}


def symmetric_root(C, power):
    values, vectors = np.linalg.eigh(C)
    return (vectors * values**power) @ vectors.T


def fit(draw, Q, rate, steps):
    """The mean of P = QᵀQ over the later half of the steps, as a matrix."""

    def step(carry, key):
        of_h, of_v = jax.random.split(key)
        h = draw(of_h)
        Q = balanced(fitted(carry, h, jax.random.normal(of_v, h.shape, h.dtype), rate))
        return Q, jax.vmap(lambda e: preconditioned(Q, e).ravel())(
            jnp.eye(h.size).reshape(h.size, *h.shape)
        )

    _, P = jax.jit(lambda Q: jax.lax.scan(step, Q, jax.random.split(KEY, steps)))(Q)
    return P[steps // 2 :].mean(0)


def test_a_triangle_whitens_what_it_is_fitted_to(x64):
    """P = E[h·hᵀ]^(−½): by the criterion's own minimum, to the noise of 10,000 probes."""
    factor = jnp.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [-1.0, 0.3, 3.0]])
    P = fit(lambda key: factor @ jax.random.normal(key, (3,)), (jnp.eye(3),), 0.01, 20_000)
    np.testing.assert_allclose(P, symmetric_root(factor @ factor.T, -0.5), atol=0.06)


def test_two_factors_whiten_what_has_a_covariance_of_two_factors(x64):
    left, right = jnp.array([[2.0, 0.0], [1.0, 0.5]]), jnp.diag(jnp.array([0.3, 1.0, 3.0]))
    P = fit(
        lambda key: left @ jax.random.normal(key, (2, 3)) @ right,
        (jnp.eye(2), jnp.eye(3)), 0.01, 20_000,
    )  # fmt: skip
    C = np.kron(left @ left.T, right @ right.T)
    expected = symmetric_root(C, -0.5)
    np.testing.assert_allclose(P, expected, atol=0.06 * np.abs(expected).max())


def test_a_diagonal_whitens_each_coordinate_alone(x64):
    sizes = jnp.array([0.1, 1.0, 10.0])
    P = fit(lambda key: sizes * jax.random.normal(key, (3,)), (jnp.ones(3),), 0.01, 20_000)
    np.testing.assert_allclose(P, np.diag(1 / sizes), rtol=0.06, atol=1e-12)


@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_every_factor_stays_triangular_with_a_positive_diagonal(rate):
    """However long the steps, as |(a − b)ᵢᵢ| ≤ ‖a + b‖."""
    optimizer = jd.psgd_kron(0.1, preconditioner_lr=rate, **ALWAYS)
    x = jnp.zeros((4, 3))
    state = optimizer.init(x)
    for size_of_gradient in (1e-6, 1e6, 1.0, 1e3, 1e-3):
        g = size_of_gradient * jax.random.normal(jax.random.fold_in(KEY, state.t), x.shape)
        _, state = optimizer.update(g, state, x)
        for q in state.Q:
            np.testing.assert_array_equal(q, jnp.triu(q))
            assert jnp.all(jnp.diag(q) > 0)


def test_the_norm_is_bounded_from_below_and_by_no_less_than_an_element():
    for seed in range(5):
        A = jax.random.normal(jax.random.key(seed), (5, 3))
        S = A @ A.T
        assert jnp.max(jnp.abs(S)) <= size(S) <= np.linalg.norm(S, 2) * (1 + 1e-6)
    np.testing.assert_allclose(size(jnp.outer(A[0], A[0])), A[0] @ A[0], rtol=1e-6)


def test_the_path_is_the_same_for_a_loss_in_other_units(x64):
    """Of c·L from Q₀/√c, without a bound on the step as well as with one."""
    loss = lambda x: jnp.sum(jnp.arange(1.0, 13.0).reshape(4, 3) * x**2) + jnp.sum(x) ** 4  # noqa: E731
    x0, c = jax.random.normal(KEY, (4, 3)), 1e6
    for max_rms in (None, 0.3):
        more = {"max_rms": max_rms, **ALWAYS}
        plain = jd.descend(loss, x0, jd.psgd_kron(0.01, **more), steps=30)
        optimizer = jd.psgd_kron(0.01, preconditioner_init_scale=c**-0.5, **more)
        scaled = jd.descend(lambda x: c * loss(x), x0, optimizer, steps=30)
        np.testing.assert_allclose(scaled.params, plain.params, rtol=1e-10, atol=1e-12)


def test_without_fitting_it_is_descent_along_the_mean_gradient(x64):
    loss, x0 = jd.losses.rosenbrock(), jnp.array([-1.2, 1.0])
    still = jd.psgd_kron(1e-3, preconditioner_update_probability=0.0, max_rms=None, b1=0.0, key=KEY)
    plain = jd.descend(loss, x0, jd.sgd(1e-3), steps=20)
    np.testing.assert_allclose(jd.descend(loss, x0, still, steps=20).params, plain.params)


def test_no_step_is_longer_than_its_bound():
    optimizer = jd.psgd_kron(0.1, max_rms=0.5, **ALWAYS)
    g = 1e4 * jnp.ones((4, 3))
    u, _ = optimizer.update(g, optimizer.init(g), g)
    np.testing.assert_allclose(jnp.sqrt(jnp.mean(u**2)), 0.1 * 0.5, rtol=1e-6)


def test_a_gradient_of_zero_neither_moves_nor_fits():
    optimizer = jd.psgd_kron(0.1, **ALWAYS)
    x = jnp.ones((2, 3))
    begun = optimizer.init(x)
    u, state = optimizer.update(0 * x, begun, x)
    np.testing.assert_array_equal(u, 0 * x)
    jax.tree.map(np.testing.assert_array_equal, state.Q, begun.Q)


def test_the_share_of_steps_that_fit_falls_as_that_of_the_authors(as_users_run):
    shares = jd.optimizers.kron.annealed(jnp.array([0, 500, 1500, 10_000, 2**31 - 1]))
    np.testing.assert_allclose(shares, [1, 1, np.exp(-1), 0.03, 0.03], rtol=1e-5)
