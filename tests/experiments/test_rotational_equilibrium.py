"""Rotational equilibrium at its quick sizes: its closed forms, invariances, and what it claims."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

from experiments import rotational_equilibrium
from experiments.common import claims, report
from experiments.rotational_equilibrium import meter, theory, walks
from experiments.rotational_equilibrium.theory import Walk

QUICK = rotational_equilibrium.QUICK


@pytest.fixture(scope="module")
def data(compiled_to_run_fast):
    return rotational_equilibrium.simulate(QUICK)


def test_every_headline_number_agrees_with_theory(data):
    assert report.off_theory(rotational_equilibrium.numbers(data, QUICK)) == []


def test_the_papers_forms_of_adamw_and_sgdm_come_out(data):
    found = rotational_equilibrium.numbers(data, QUICK)
    adamw, sgdm, *_ = rotational_equilibrium.claims(QUICK)
    assert adamw.verdict(found) == sgdm.verdict(found) == claims.REPRODUCED


def autoregression(walk: Walk) -> tuple[np.ndarray, np.ndarray]:
    """One entry of (x, m) as z ← Az + bξ, for a gradient of variance 1 and v = 1."""
    _, rate, decay, beta, _ = walk
    if walk.method == "adamw":
        mean = np.array([0.0, beta])
        return np.stack([np.array([1 - rate * decay, 0]) - rate * mean, mean]), np.array(
            [-rate * (1 - beta), 1 - beta]
        )
    velocity = np.array([-rate * decay, beta])
    return np.stack([np.array([1.0, 0]) + velocity, velocity]), np.array([-rate, -rate])


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("method", ["adamw", "sgdm"])
def test_the_closed_form_solves_the_lyapunov_equation(method, beta):
    """Covariance P = APAᵀ + bbᵀ; the correlation at lag 1 is (AP)₀₀/P₀₀."""
    walk, dimension = Walk(method, 0.02, 0.3, beta), 50
    step, noise = autoregression(walk)
    covariance = scipy.linalg.solve_discrete_lyapunov(step, np.outer(noise, noise))
    found = theory.equilibrium(walk, dimension)
    cosine = (step @ covariance)[0, 0] / covariance[0, 0]
    assert np.cos(found.angle) == pytest.approx(cosine, rel=1e-12)
    square = covariance[0, 0] * (
        dimension if method == "adamw" else (dimension - 1) / found.norm**2
    )
    assert found.norm**2 == pytest.approx(square, rel=1e-9)


def test_lions_correlations_are_those_of_its_filter():
    fast, slow, lags = 0.9, 0.95, 5
    weights = np.concatenate([[1 - fast], fast * (1 - slow) * slow ** np.arange(2_000)])
    full = np.array([weights[: weights.size - lag] @ weights[lag:] for lag in range(lags + 1)])
    np.testing.assert_allclose(theory.lion_spread(fast, slow), full[0])
    np.testing.assert_allclose(
        theory.lion_correlations(fast, slow)[:lags], full[1:] / full[0], rtol=1e-10
    )


@pytest.mark.parametrize("method", walks.BETAS)
def test_closed_forms_go_to_the_papers_as_decay_goes_to_zero(method):
    walk = Walk(method, 1e-7, 0.1, 0.9, 0.99)
    whole, limit = theory.equilibrium(walk, 100), theory.limit(walk, 100)
    exact = 0.01 if method == "lion" else 1e-5  # Lion's takes arcsin ρ for ρ
    np.testing.assert_allclose(whole, limit, rtol=exact)


def test_the_angle_depends_on_the_product_of_rate_and_decay_alone():
    """η → 4η, w → w/4, x → 4x is the same walk of Lion, to the last bit."""
    key, sample = jax.random.key(3), walks.direction(20)

    def squares(scale: float) -> np.ndarray:
        optimizer = meter.metered(
            walks.optimizer_of("lion", scale * 0.0625, 0.5 / scale, 0.9, 0.99)
        )
        start = scale * jnp.arange(1.0, 21.0)
        path = walks.jd.descend(walks.loss, start, optimizer, 50, batches=sample, key=key)
        return np.asarray(path.state.squares)

    np.testing.assert_array_equal(squares(4.0), squares(1.0) * [1, 16])


def test_the_meter_adds_up_angles():
    x = jnp.array([[1.0, 0.0], [0.0, 2.0]])
    optimizer = meter.metered(walks.jd.sgd(1.0))
    state = optimizer.init(x)
    _, state = optimizer.update(jnp.array([[1.0, -1.0], [0.0, 1.0]]), state, x)
    np.testing.assert_allclose(state.squares, [[(np.pi / 2) ** 2, 1], [0, 1]], atol=1e-6)


def test_the_loss_does_not_depend_on_the_length():
    x, a = jnp.arange(1.0, 6.0), jnp.array([1.0, -2.0, 0.5, 3.0, 0.0])
    gradient = jax.grad(walks.loss)(x, a)
    assert abs(gradient @ x) < 1e-6
    np.testing.assert_allclose(jax.grad(walks.loss)(8 * x, a), gradient / 8, rtol=1e-6)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(rotational_equilibrium, data, QUICK)
    assert len(figure.axes) == 8
    figures.assert_labeled(figure.axes)
