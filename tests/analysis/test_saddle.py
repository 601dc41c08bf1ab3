"""Steps to leave a saddle, against the exact chain, impulse responses and runs without noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from jdescent import analysis

RATES = st.floats(1e-3, 0.5)
CURVATURES = st.floats(-10.0, -0.1)
MOMENTA = st.floats(0.0, 0.99)
MAX = 20_000


def exact_chain(threshold, rate, curvature, noise, start=0.0, nodes=600):
    """Mean and standard deviation of the first step with |x| ≥ δ, by Nyström's method.

    h = 1 + Kh and h₂ = 2h − 1 + Kh₂ with the kernel of x → N((1 + ηγ)x, η²σ²) inside (−δ, δ).
    """
    x, weight = np.polynomial.legendre.leggauss(nodes)
    x, weight = threshold * x, threshold * weight
    width, growth = rate * noise, 1 - rate * curvature

    def kernel(start):
        return scipy.stats.norm.pdf(x, growth * np.asarray(start)[..., None], width) * weight

    inside = np.eye(nodes) - kernel(x)
    steps = np.linalg.solve(inside, np.ones(nodes))
    squares = np.linalg.solve(inside, 2 * steps - 1)
    first = kernel(start)
    mean = 1 + first @ steps
    return mean, np.sqrt(1 + 2 * first @ steps + first @ squares - mean**2)


def walk_out(distance, threshold, rate, curvature, momentum=0.0):
    """Steps of the heavy ball without noise, counted."""
    x, v = distance, 0.0
    for step in range(MAX):
        if abs(x) >= threshold:
            return step
        v = momentum * v - rate * curvature * x
        x += v
    return MAX


@given(RATES, CURVATURES, MOMENTA)
def test_growth_is_the_largest_eigenvalue_of_one_step(rate, curvature, momentum):
    step = np.array([[1 - rate * curvature, momentum], [-rate * curvature, momentum]])
    largest = np.abs(np.linalg.eigvals(step)).max()
    found = analysis.saddle_growth(rate, curvature, momentum)
    np.testing.assert_allclose(found, largest, rtol=1e-9)
    assert found > 1


@given(RATES, CURVATURES, MOMENTA)
def test_growth_solves_its_equation_and_grows_with_momentum(rate, curvature, momentum):
    r = analysis.saddle_growth(rate, curvature, momentum)
    total = 1 + momentum - rate * curvature
    np.testing.assert_allclose(r**2 + momentum, total * r, rtol=1e-12)
    assert r >= analysis.saddle_growth(rate, curvature) * (1 - 1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95])
def test_spread_is_the_sum_of_the_kicks_impulse_responses(momentum):
    """x_t is a sum of independent kicks; its deviation over rᵗ, kick by kick in float64."""
    rate, curvature, noise, steps = 0.05, -1.5, 0.3, 600
    x, v, responses = 1.0, 1.0, []
    for _ in range(steps):
        responses.append(x)
        v = momentum * v - rate * curvature * x
        x += v
    growth = analysis.saddle_growth(rate, curvature, momentum)
    deviation = rate * noise * np.linalg.norm(responses) / growth**steps
    found = analysis.saddle_spread(rate, curvature, noise**2, momentum)
    np.testing.assert_allclose(found, deviation, rtol=1e-12)


@given(st.integers(-12, -1), st.floats(0.01, 0.4))
def test_steps_without_momentum_are_those_counted(exponent, product):
    distance = 0.9 * 10.0**exponent
    expected = walk_out(distance, 1.0, product, -1.0)
    assert analysis.saddle_steps(distance, 1.0, product, -1.0) == expected


@pytest.mark.parametrize("momentum", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("distance", [1e-9, 1e-6, 1e-3])
def test_steps_with_momentum_are_those_counted(momentum, distance):
    expected = walk_out(distance, 1.0, 0.05, -1.0, momentum)
    assert analysis.saddle_steps(distance, 1.0, 0.05, -1.0, momentum) == expected


def test_known_steps_and_the_two_ends():
    assert analysis.saddle_steps(1e-6, 1.0, 0.05, -1.0) == 284
    starts = np.array([0.0, 0.5, 1.0, 2.0])
    # 1.05¹⁴ = 1.98 and 1.05¹⁵ = 2.08
    np.testing.assert_array_equal(
        analysis.saddle_steps(starts, 1.0, 0.05, -1.0), [np.inf, 15, 0, 0]
    )


@pytest.mark.parametrize(("curvature", "noise"), [(-1.0, 0.2), (-1.0, 0.1), (-4.0, 0.2)])
def test_noisy_steps_are_the_exact_chains_to_the_square_of_the_spread(curvature, noise):
    mean, deviation = exact_chain(1.0, 0.05, curvature, noise)
    found = analysis.noisy_saddle_steps(1.0, 0.05, curvature, noise**2)
    spread = analysis.saddle_spread(0.05, curvature, noise**2)
    bound = spread**2 / np.log(1 - 0.05 * curvature)
    assert abs(found.mean - mean) < bound
    assert abs(found.deviation - deviation) < 2 * bound


@pytest.mark.parametrize("start", [0.0, 0.003, 0.03, 0.3])
def test_the_survivals_sum_is_the_exact_chains_mean_from_any_start(start):
    """Tolerance: (s/δ)²/ln r = 0.005; a short run meets less noise, by (ε/δ)² of its variance."""
    mean, deviation = exact_chain(1.0, 0.05, -1.0, 0.1, start)
    steps = np.arange(1, 1_500)
    share = analysis.saddle_survival(steps, 1.0, 0.05, -1.0, 0.01, distance=start)
    assert abs(1 + share.sum() - mean) < 0.005
    variance = 1 + (2 * steps + 1) @ share - (1 + share.sum()) ** 2
    assert abs(np.sqrt(variance) - deviation) < 0.01 + start**2 * deviation


def test_survival_falls_by_the_growth_per_step_in_the_end():
    steps = np.array([300, 301])
    early, late = analysis.saddle_survival(steps, 1.0, 0.05, -1.0, 1e-4, momentum=0.5)
    np.testing.assert_allclose(early / late, analysis.saddle_growth(0.05, -1.0, 0.5), rtol=1e-12)


def test_runs_with_momentum_and_noise_leave_as_predicted():
    """4,000 runs, three standard errors: of the deviation 2 %, as ln|Z| has a kurtosis of 7."""

    def run(key):
        optimizer = jd.chain(jd.add_noise(key, 1e-3), jd.heavy_ball(0.05, 0.8))
        return jd.descend(
            lambda x: -0.5 * x**2,
            jnp.zeros(()),
            optimizer,
            250,
            record=None,
            stop=lambda point: jnp.abs(point.params) >= 1,
        ).verdict.step

    steps = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 4_000)))
    theory = analysis.noisy_saddle_steps(1.0, 0.05, -1.0, 1e-6, momentum=0.8)
    assert abs(steps.mean() - theory.mean) < 3 * theory.deviation / np.sqrt(4_000)
    assert abs(steps.std() / theory.deviation - 1) < 0.06


def test_closed_forms_map_and_keep_float32_under_jax():
    noises = jnp.array([1e-4, 1e-2])
    steps = jax.jit(jax.vmap(lambda s: analysis.noisy_saddle_steps(1.0, 0.05, -1.0, s**2)))(noises)
    assert steps.mean.dtype == jnp.float32
    # a hundredfold noise saves ln 100/ln r steps
    np.testing.assert_allclose(-np.diff(steps.mean), np.log(100) / np.log(1.05), rtol=1e-5)
    share = jax.jit(analysis.saddle_survival)(jnp.array([1.0, 150.0]), 1.0, 0.05, -1.0, 1e-4)
    np.testing.assert_allclose(share, [1.0, 0.3289], atol=1e-4)
    without = jax.jit(analysis.saddle_steps)(jnp.array([0.0, 1e-6]), 1.0, 0.05, -1.0)
    np.testing.assert_array_equal(without, [np.inf, 284])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.saddle_growth(0.1, 1.0), "curvature must be negative, got 1.0"),
        (lambda: analysis.saddle_growth(0.0, -1.0), "learning_rate must be positive, got 0.0"),
        (lambda: analysis.saddle_growth(0.1, -1.0, 1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: analysis.saddle_steps(-1.0, 1.0, 0.1, -1.0), "distance must be zero or positive"),
        (lambda: analysis.saddle_steps(0.1, 0.0, 0.1, -1.0), "threshold must be positive"),
        (lambda: analysis.noisy_saddle_steps(1.0, 0.1, -1.0, 0.0), "noise_variance must be pos"),
        (lambda: analysis.saddle_survival(0, 1.0, 0.1, -1.0, 1.0), "steps must be at least 1"),
    ],
)
def test_arguments_out_of_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_slow_growth_keeps_its_digits():
    """ln r is ηγ/(1−β) for small ηγ, and r is 1 to rounding."""
    slow = analysis.saddle_steps(jnp.float32(1e-6), 1.0, 1e-6, -1.0)
    np.testing.assert_allclose(slow, np.log(1e6) / 1e-6, rtol=1e-6)
    slower = analysis.saddle_steps(1e-3, 1.0, 1e-19, -1.0, 0.9)
    np.testing.assert_allclose(slower, np.log(1e3) / 1e-18, rtol=1e-12)


def test_steps_that_end_on_the_threshold_are_whole_in_either_precision():
    starts = 2.0 ** -np.arange(1, 30)
    for distance in (starts, starts.astype(np.float32), jnp.asarray(starts)):
        steps = analysis.saddle_steps(distance, 1.0, 1.0, -1.0)  # r = 2
        np.testing.assert_array_equal(steps, np.arange(1, 30))


def test_noise_as_large_as_the_threshold_is_refused_or_nan():
    for call in (analysis.noisy_saddle_steps, lambda *a: analysis.saddle_survival(3, *a)):
        with pytest.raises(ValueError, match=r"threshold / saddle_spread must be at least 3, got"):
            call(1.0, 0.05, -1.0, 1e4)
        assert np.isnan(jax.tree.leaves(jax.jit(call)(1.0, 0.05, -1.0, 1e4))).all()


@pytest.mark.parametrize("product", [0.05, 1.0, 10.0, 1e3])
def test_noisy_steps_are_the_sum_of_their_survival_however_fast_they_grow(product):
    """The mean of the part lost by rounding up: |E e^{2πi ln|Z|/ln r}| = 1/√cosh(π²/ln r)."""
    steps = np.arange(1.0, 2000.0)
    found = analysis.noisy_saddle_steps(1.0, product, -1.0, 1e-14)
    total = 1 + np.sum(analysis.saddle_survival(steps, 1.0, product, -1.0, 1e-14))
    folds = np.log1p(product)
    wave = 1 / (np.pi * np.sqrt(np.cosh(min(np.pi**2 / folds, 700))))
    assert abs(found.mean - total) <= 1.1 * wave + 1e-12 * total
    assert found.mean >= 1


def test_a_run_that_starts_beyond_the_threshold_has_left():
    share = analysis.saddle_survival(1, 1.0, 0.05, -1.0, 1e-4, distance=np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(share, [1, 0, 0])
