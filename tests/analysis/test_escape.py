import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from jdescent import analysis

START, THRESHOLD, RATE = -1.0, 1.0, 0.1
EXAMPLE_VARIANCE = 40 / 3
BARRIER_HEIGHT = 1 / 3
OFFSETS = 2 * np.sqrt(10) * np.repeat([1.0, 0.0, -1.0], [16, 64, 16])


def double_well(x):
    """U' = (x+1)·x·(x−3/2): a shallow valley at −1, the barrier at 0, the deep one at 3/2."""
    return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4


def heat(batch_size):
    return analysis.temperature(RATE, EXAMPLE_VARIANCE, batch_size)


def kramers(temperature):
    return analysis.kramers_time(2.5, -1.5, BARRIER_HEIGHT, temperature)


@functools.cache
def sampled_steps(batch_size):
    noise = analysis.batch_noise(OFFSETS, batch_size)
    return analysis.sampled_chain_steps(double_well, START, THRESHOLD, RATE, noise)


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(2, 88.2), (4, 239.7), (8, 1772), (12, 13090), (16, 96721)]
)
def test_kramers_law_for_the_double_well(batch_size, steps):
    assert round(kramers(heat(batch_size)) / RATE, 1 if batch_size < 8 else 0) == steps


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(2, 99.1), (4, 283.5), (8, 1966), (12, 13961), (16, 101196)]
)
def test_the_langevin_equations_time_for_the_double_well(batch_size, steps):
    time = analysis.quadrature_time(double_well, START, THRESHOLD, heat(batch_size))
    assert round(time / RATE, 1 if batch_size < 8 else 0) == steps


@pytest.mark.parametrize(
    ("batch_size", "steps"), [(2, 99.0), (4, 276.1), (8, 1893), (12, 13383), (16, 96674)]
)
def test_the_gaussian_chains_steps_for_the_double_well(batch_size, steps):
    found = analysis.gaussian_chain_steps(
        double_well, START, THRESHOLD, RATE, EXAMPLE_VARIANCE / batch_size
    )
    assert round(found, 1 if batch_size < 8 else 0) == steps


@pytest.mark.parametrize(
    ("batch_size", "steps"),
    # limits of cubic interpolation on 1,000 to 16,000 nodes, which agree to the digits shown
    [(2, 98.89), (4, 276.00), (8, 1893.10), (12, 13385.9), (16, 96707.2)],
)
def test_the_sampled_chains_steps_for_the_double_well(batch_size, steps):
    # the documented error, −(ΔU/T)·Δ²/(6s²) with ΔU/T = B/2, is at most 1e-5; then the digits
    np.testing.assert_allclose(sampled_steps(batch_size), steps, rtol=1e-5, atol=0.01)


def test_the_sampled_chains_error_is_the_documented_one():
    noise = analysis.batch_noise(OFFSETS, 16)
    coarse = analysis.sampled_chain_steps(double_well, START, THRESHOLD, RATE, noise, 1025)
    variance = RATE**2 * EXAMPLE_VARIANCE / 16
    left = -1.85 - 10 * np.sqrt(variance)  # U rises by 40T up to −1.85, then ten deviations
    spacing = (THRESHOLD - left) / 1024
    predicted = -(16 / 2) * spacing**2 / (6 * variance)
    np.testing.assert_allclose(coarse / sampled_steps(16) - 1, predicted, rtol=0.15)


def test_kramers_law_is_the_limit_of_small_temperature_with_its_first_correction():
    def derivative(order, x):
        function = double_well
        for _ in range(order):
            function = jax.grad(function)
        return float(function(x))

    well, top = (
        [derivative(order, x) for order in (2, 3, 4)] for x in (-1.0, 0.0)
    )  # curvature, third and fourth derivative
    correction = sum(
        -sign * fourth / (8 * curvature**2) + 5 * third**2 / (24 * abs(curvature) ** 3)
        for (curvature, third, fourth), sign in ((well, 1), (top, -1))
    )
    assert round(correction, 3) == 0.928
    temperatures = BARRIER_HEIGHT / np.array([12.0, 24.0, 48.0, 96.0])
    excess = np.array(
        [
            analysis.quadrature_time(double_well, START, THRESHOLD, t) / kramers(t) - 1
            for t in temperatures
        ]
    )
    second = (excess / temperatures - correction) / temperatures
    # what is left is C₂T: Richardson's extrapolation removes it
    first = 2 * excess[1:] / temperatures[1:] - excess[:-1] / temperatures[:-1]
    np.testing.assert_allclose(first[-1], correction, rtol=1e-3)
    assert np.all(np.abs(second) < 2 * np.abs(second[-1]))


@given(st.floats(0.05, 2.0), st.floats(-2.0, 0.5), st.floats(0.1, 2.0))
@settings(max_examples=10)
def test_the_langevin_time_of_a_parabola_is_its_error_function_integral(temperature, start, way):
    def integrand(y):  # √(2πT)/T · e^{y²/2T} Φ(y/√T)
        z = y / np.sqrt(temperature)
        return np.sqrt(2 * np.pi / temperature) * np.exp(z**2 / 2 + scipy.stats.norm.logcdf(z))

    expected, _ = scipy.integrate.quad(integrand, start, start + way, epsabs=0, epsrel=1e-11)
    found = analysis.quadrature_time(lambda x: x**2 / 2, start, start + way, temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_langevin_time_neither_overflows_nor_underflows_inside():
    cold = BARRIER_HEIGHT / 600
    np.testing.assert_allclose(
        analysis.quadrature_time(double_well, START, THRESHOLD, cold) / kramers(cold),
        1 + 0.928 * cold,
        rtol=1e-5,
    )
    assert analysis.quadrature_time(double_well, START, THRESHOLD, cold / 2) == np.inf


@given(st.floats(0.5, 2.5), st.floats(0.5, 1.0))
@settings(max_examples=10)
def test_independent_steps_escape_after_one_over_their_probability(threshold, deviation):
    # with ηλ = 1 each step forgets the last: x ← −ηξ
    found = analysis.gaussian_chain_steps(lambda x: x**2 / 2, 0.0, threshold, 1.0, deviation**2)
    np.testing.assert_allclose(found, 1 / scipy.stats.norm.sf(threshold / deviation), rtol=1e-9)
    noise = analysis.batch_noise(np.array([-1.0, 0.0, 1.0]), 4)
    sampled = analysis.sampled_chain_steps(lambda x: x**2 / 2, 0.0, 0.7, 1.0, noise, 2001)
    # of 81 equally likely draws, a mean of ±3/4 has 4 and of ±1 has 1
    np.testing.assert_allclose(sampled, 81 / 5, rtol=1e-9)


def simulated_steps(draw, noise, runs):
    """First step at which x ≥ threshold, for many runs of x ← x − η(U'(x) + ξ)."""
    position = np.full(runs, START)
    steps = np.zeros(runs, int)
    waiting = np.ones(runs, bool)
    while waiting.any():
        x = position[waiting]
        slope = (x + 1) * x * (x - 1.5)
        position[waiting] = x - RATE * (slope + noise(draw, x.size))
        steps[waiting] += 1
        waiting &= position < THRESHOLD
    return steps


@pytest.mark.parametrize("kind", ["gaussian", "sampled"])
def test_direct_simulation_agrees_with_the_chains(kind):
    batch_size, runs = 2, 20000
    if kind == "gaussian":
        deviation = np.sqrt(EXAMPLE_VARIANCE / batch_size)
        exact = analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, deviation**2)

        def noise(draw, size):
            return draw.normal(0, deviation, size)
    else:
        exact = sampled_steps(batch_size)

        def noise(draw, size):
            return draw.choice(OFFSETS, (size, batch_size)).mean(axis=1)

    steps = simulated_steps(np.random.default_rng(5), noise, runs)
    z = (steps.mean() - exact) / (steps.std() / np.sqrt(runs))
    assert abs(z) < 3.5


def test_small_steps_at_one_temperature_reach_the_langevin_time_with_their_known_correction():
    temperature = BARRIER_HEIGHT / 6
    continuous = analysis.quadrature_time(double_well, START, THRESHOLD, temperature)
    bend = -17 / 30  # ∫ U'²U''' from the minimum to the barrier
    for rate, tolerance in ((0.02, 3e-4), (0.01, 1e-4)):
        steps = analysis.gaussian_chain_steps(
            double_well, START, THRESHOLD, rate, 2 * temperature / rate
        )
        predicted = (1 - rate * (2.5 - 1.5) / 4) * np.exp(rate**2 * bend / (12 * temperature))
        np.testing.assert_allclose(steps * rate / continuous, predicted, rtol=tolerance)


def test_the_survival_function_sums_to_the_mean_and_decays_exponentially():
    variance = EXAMPLE_VARIANCE / 2
    times = np.arange(4000)
    survival = analysis.gaussian_chain_survival(
        double_well, START, THRESHOLD, RATE, variance, times
    )
    mean = analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, variance)
    # N = Σ P(not escaped after t steps); S(4000) is e⁻⁴⁰
    np.testing.assert_allclose(survival.sum(), mean, rtol=1e-9)
    assert survival[0] == 1
    assert np.all(np.diff(survival) <= 0)
    ratios = survival[201:1001] / survival[200:1000]
    np.testing.assert_allclose(ratios, ratios[-1], rtol=1e-9)


def test_the_first_step_survives_with_the_probability_of_its_noise():
    start = 0.9
    survival = analysis.gaussian_chain_survival(
        double_well, start, THRESHOLD, RATE, EXAMPLE_VARIANCE / 2, np.array([1])
    )
    drift = start - RATE * (start + 1) * start * (start - 1.5)
    deviation = RATE * np.sqrt(EXAMPLE_VARIANCE / 2)
    np.testing.assert_allclose(
        survival[0], scipy.stats.norm.cdf((THRESHOLD - drift) / deviation), rtol=1e-6
    )


@given(st.floats(-5.0, 5.0), st.floats(0.2, 5.0))
@settings(max_examples=8)
def test_escape_does_not_depend_on_where_zero_is_nor_on_the_unit_of_length(shift, scale):
    # V(x) = a²·U((x − s)/a) has U's curvatures; noise and thresholds scale by a
    def moved(x):
        return scale**2 * double_well((x - shift) / scale)

    ends = shift + scale * START, shift + scale * THRESHOLD
    variance = EXAMPLE_VARIANCE / 4
    np.testing.assert_allclose(
        analysis.quadrature_time(moved, *ends, scale**2 * heat(4)),
        analysis.quadrature_time(double_well, START, THRESHOLD, heat(4)),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        analysis.gaussian_chain_steps(moved, *ends, RATE, scale**2 * variance),
        analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, variance),
        rtol=1e-9,
    )


def test_answers_do_not_depend_on_jaxs_default_precision():
    single = analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, 10.0)
    with jax.enable_x64(True):
        double = analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, 10.0)
    assert single == double


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=4), st.integers(1, 4))
def test_batch_noise_is_the_distribution_of_all_draws(examples, batch_size):
    noise = analysis.batch_noise(np.array(examples, float), batch_size)
    draws = [sum(draw) for draw in itertools.product(examples, repeat=batch_size)]
    sums, counts = np.unique(draws, return_counts=True)
    np.testing.assert_allclose(noise.values, sums / batch_size, atol=1e-12)
    np.testing.assert_allclose(noise.probabilities, counts / len(draws), rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_the_double_wells_noise_has_gaussian_moments_to_order_five(batch_size):
    noise = analysis.batch_noise(OFFSETS, batch_size)
    assert noise.values.size == 2 * batch_size + 1
    variance = EXAMPLE_VARIANCE / batch_size
    moments = [noise.probabilities @ noise.values**order for order in range(6)]
    np.testing.assert_allclose(
        moments, [1, 0, variance, 0, 3 * variance**2, 0], rtol=1e-10, atol=1e-9
    )


def test_temperature_grows_with_the_rate_and_the_noise_and_falls_with_the_batch():
    np.testing.assert_allclose(BARRIER_HEIGHT / heat(np.array([2, 4, 8])), [1, 2, 4])
    assert analysis.temperature(0.1, 3.0, 5, momentum=0.9) == pytest.approx(0.3)
    rates = jnp.array([0.1, 0.2])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(analysis.temperature, (0, None)))(rates, 4.0), [0.2, 0.4], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.temperature(0.1, 1.0, 0), "batch_size must be at least 1, got 0"),
        (lambda: analysis.temperature(0.1, 1.0, 1, 1.0), "momentum must be in"),
        (lambda: kramers(0.0), "temperature must be positive, got 0.0"),
        (lambda: analysis.kramers_time(2.5, 1.5, 0.3, 0.1), "barrier_curvature must be negative"),
        (lambda: analysis.kramers_time(2.5, -1.5, -0.3, 0.1), "barrier_height must be zero or"),
        (
            lambda: analysis.quadrature_time(double_well, 1.0, -1.0, 0.1),
            "threshold must be above start, got start=1.0, threshold=-1.0; .* mirror",
        ),
        (
            lambda: analysis.quadrature_time(lambda x: -x, -1.0, 1.0, 1000.0),
            "potential must rise by 40·temperature",
        ),
        (
            lambda: analysis.gaussian_chain_steps(double_well, -1.0, 1.0, 0.1, 0.001),
            r"nodes = 500 are too few for steps of standard deviation 0.00316: pass nodes=",
        ),
        (
            lambda: analysis.sampled_chain_steps(
                double_well, -1.0, 1.0, 0.1, analysis.batch_noise(OFFSETS, 4), 32
            ),
            "nodes = 32 are too few",
        ),
        (lambda: analysis.batch_noise(np.array([]), 2), r"offsets must have shape \(examples,\)"),
        (lambda: analysis.batch_noise(OFFSETS, 0), "batch_size must be at least 1, got 0"),
        (
            lambda: analysis.batch_noise(np.sqrt(np.arange(100.0)), 4),
            "more than 4096 distinct sums",
        ),
        (
            lambda: analysis.gaussian_chain_survival(
                double_well, -1.0, 1.0, 0.1, 1.0, np.array([-1])
            ),
            "steps must be zero or positive",
        ),
        (
            lambda: analysis.quadrature_time(lambda x: x**2 / 2 + 1e8, 0.0, 1.0, 0.1),
            r"potential is 1e\+08 at start=0, where float64 tells values 1\.5e-08 apart.*subtract",
        ),
        (
            lambda: analysis.gaussian_chain_steps(lambda x: x**2 / 2 + 1e18, 0.0, 1.0, 0.1, 1.0),
            r"potential is 1e\+18 at start=0.*subtract the level",
        ),
    ],
)
def test_bad_input_is_named_with_its_value_and_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_escape_too_rare_to_solve_for_is_refused():
    noise = analysis.batch_noise(OFFSETS, 64)
    with pytest.raises(ValueError, match="GMRES did not converge in 1000 iterations"):
        analysis.sampled_chain_steps(double_well, START, THRESHOLD, RATE, noise, 4096)


@pytest.mark.parametrize(
    ("temperature", "nodes"), [(0.02, 200), (0.0055, 300), (0.002, 450), (0.0005, 900)]
)
def test_rare_escapes_keep_their_digits(temperature, nodes):
    """x⁴/4 − x²/2 − x/10 with ΔU/T up to 300, against quadrature and its corrections in η.

    What is left out of them is of order η² (here 2e-4) and does not depend on T.
    """

    def well(x):
        return x**4 / 4 - x**2 / 2 - 0.1 * x

    rate = 0.02
    left, top, _ = np.sort(np.roots([1, 0, -1, -0.1]).real)
    bend, _ = scipy.integrate.quad(lambda x: (x**3 - x - 0.1) ** 2 * 6 * x, left, top)
    prefactor = 1 - rate * ((3 * left**2 - 1) - (1 - 3 * top**2)) / 4
    continuous = analysis.quadrature_time(well, left, 0.9, temperature)
    noise = 2 * temperature / rate
    steps = analysis.gaussian_chain_steps(well, left, 0.9, rate, noise, nodes)
    predicted = prefactor * np.exp(rate**2 * bend / (12 * temperature))
    np.testing.assert_allclose(steps * rate / continuous, predicted, rtol=2.5e-4)


def test_survival_of_a_rare_escape_is_exponential_with_its_mean():
    temperature, rate = BARRIER_HEIGHT / 35, 0.1
    walk = double_well, START, THRESHOLD, rate, 2 * temperature / rate
    mean = analysis.gaussian_chain_steps(*walk)
    assert 1e16 < mean < 1e18
    times = (mean * np.array([0.01, 0.5, 1.0, 5.0])).astype(np.int64)
    found = analysis.gaussian_chain_survival(*walk, times)
    np.testing.assert_allclose(found, np.exp(-times / mean), rtol=1e-8)


def test_wells_and_chains_that_cannot_be_followed_are_refused(as_users_run):
    noise = analysis.GradientNoise(np.array([-1.0, 1.0]), np.array([0.5, 0.6]))
    with pytest.raises(ValueError, match=r"noise must hold one probability.* sum 1\.1"):
        analysis.sampled_chain_steps(double_well, START, THRESHOLD, RATE, noise)
    with pytest.raises(
        ValueError, match=r"learning_rate = 3 overshoots: a step from x = 0\.\d+ goes"
    ):
        analysis.gaussian_chain_steps(lambda x: 4 * x**4, 0.0, 1.0, 3.0, 0.1)
    with pytest.raises(ValueError, match="potential, or its derivative, is not a number at x"):
        analysis.quadrature_time(lambda x: x**2 + 0 * jnp.log(0.5 - x), 0.0, 1.0, 0.01)
    with pytest.raises(TypeError, match="steps must be integers, got float64"):
        analysis.gaussian_chain_survival(double_well, START, THRESHOLD, RATE, 1.0, np.array([1.0]))
    for steps in (np.array(3), np.array([]), np.array([], int), np.ones((2, 2), int)):
        with pytest.raises(
            ValueError, match=r"steps must have shape \(times,\) with times ≥ 1, got"
        ):
            analysis.gaussian_chain_survival(double_well, START, THRESHOLD, RATE, 1.0, steps)
    pair = [-1.0, 1.0], [0.5, 0.5]
    with pytest.raises(TypeError, match=r"noise must be a GradientNoise .* got tuple: pass"):
        analysis.sampled_chain_steps(double_well, START, THRESHOLD, RATE, pair)
    # x ← −ξ leaves with every second draw, from lists as from arrays
    found = analysis.sampled_chain_steps(
        lambda x: x**2 / 2, 0.0, 0.9, 1.0, analysis.GradientNoise(*pair), 2001
    )
    assert found == pytest.approx(2, rel=1e-9)
    with pytest.raises(TypeError, match="offsets must be a real number or an array of them"):
        analysis.batch_noise([1j, -1j], 2)


def by_numpy(x):
    return np.exp(x)


def by_math(x):
    return math.exp(x)


def by_if(x):
    return x if x > 0 else -x


@pytest.mark.parametrize("potential", [by_numpy, by_math, by_if])
def test_a_potential_that_cannot_be_differentiated_is_named_with_the_way_out(potential):
    noise = analysis.GradientNoise(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
    for call in (
        lambda: analysis.quadrature_time(potential, START, THRESHOLD, 0.1),
        lambda: analysis.gaussian_chain_steps(potential, START, THRESHOLD, RATE, 1.0),
        lambda: analysis.sampled_chain_steps(potential, START, THRESHOLD, RATE, noise),
    ):
        with pytest.raises(TypeError, match=r"potential must be written with jax\.numpy"):
            call()


def test_a_level_that_leaves_differences_their_digits_changes_no_time():
    """1e5 leaves 1.5e-11 of them, 1.5e-10 of the temperature."""

    def raised(x):
        return double_well(x) + 1e5

    np.testing.assert_allclose(
        analysis.quadrature_time(raised, START, THRESHOLD, 0.1),
        analysis.quadrature_time(double_well, START, THRESHOLD, 0.1),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        analysis.gaussian_chain_steps(raised, START, THRESHOLD, RATE, 1.0),
        analysis.gaussian_chain_steps(double_well, START, THRESHOLD, RATE, 1.0),
        rtol=1e-9,
    )


@pytest.mark.parametrize("largest", [1e308, np.finfo(float).max, 1e-320])
@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_means_of_offsets_are_no_larger_than_these(largest, batch_size):
    noise = analysis.batch_noise([-largest, largest], batch_size)
    shares = np.linspace(-1, 1, batch_size + 1)
    np.testing.assert_allclose(noise.values, shares * largest, rtol=1e-14, atol=5e-324)
    assert (noise.values[0], noise.values[-1]) == (-largest, largest)


def test_traced_arguments_of_a_numpy_computation_are_refused_with_the_way_out():
    def mean(temperature):
        return analysis.quadrature_time(double_well, START, THRESHOLD, temperature)

    with pytest.raises(TypeError, match=r"temperature is traced, but quadrature_time computes"):
        jax.jit(mean)(0.1)
