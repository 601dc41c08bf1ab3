import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import analysis

# Freireich et al. 1963: weeks in remission of 21 leukemia patients on 6-mercaptopurine
# (the standard example of censoring: Cox & Oakes 1984, table 1.1).
REMISSION = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
RELAPSED = np.arange(21) < 9


def censored_runs(draw, mean, watched, shape):
    times = draw.exponential(mean, shape)
    return np.minimum(times, watched), times <= watched


def test_the_mean_is_time_watched_per_escape_not_the_mean_of_escaped_runs():
    times, escaped = censored_runs(np.random.default_rng(0), 100.0, 50.0, 20000)
    estimate = analysis.exponential_mean(times, escaped)
    assert estimate.events + estimate.censored == 20000
    assert estimate.mean == times.sum() / escaped.sum()
    # sd of the estimate is mean/√events
    assert abs(estimate.mean - 100) < 4 * 100 / np.sqrt(estimate.events)
    # escaped runs alone: E[t | t < w] = τ − w/(e^{w/τ} − 1)
    naive = 100 - 50 / np.expm1(0.5)
    assert abs(times[escaped].mean() - naive) < 4 * 14.4 / np.sqrt(estimate.events)


def test_geometric_steps_have_the_same_maximum_likelihood_mean():
    steps = np.random.default_rng(1).geometric(1 / 40, 500)
    times, escaped = np.minimum(steps, 60), steps <= 60
    means = np.linspace(20, 80, 60001)
    log_likelihood = escaped.sum() * np.log(1 / means) + (times.sum() - escaped.sum()) * np.log1p(
        -1 / means
    )
    best = means[np.argmax(log_likelihood)]
    np.testing.assert_allclose(analysis.exponential_mean(times, escaped).mean, best, atol=1e-3)


def coverage_failures(draw, watched, runs, repeats):
    low = high = 0
    for _ in range(repeats):
        times, escaped = censored_runs(draw, 1.0, watched, runs)
        estimate = analysis.exponential_mean(times, escaped)
        low += estimate.low > 1.0
        high += estimate.high < 1.0
    return low / repeats, high / repeats


def test_without_censoring_the_upper_end_fails_in_exactly_the_stated_share():
    repeats = 3000
    low, high = coverage_failures(np.random.default_rng(2), np.inf, 12, repeats)
    sd = np.sqrt(0.025 * 0.975 / repeats)
    # 2Σt/τ is χ² with 2d degrees of freedom; the lower end has two more and is conservative
    assert abs(high - 0.025) < 3.5 * sd
    assert low < 0.025 + 3.5 * sd


def test_with_two_thirds_censored_the_interval_covers_at_least_its_confidence():
    repeats = 3000
    low, high = coverage_failures(np.random.default_rng(3), 0.4, 60, repeats)
    coverage = 1 - low - high
    sd = np.sqrt(0.95 * 0.05 / repeats)
    assert coverage > 0.95 - 3.5 * sd
    assert coverage < 0.975


@given(st.integers(1, 50), st.integers(0, 50), st.floats(0.5, 0.99))
def test_the_interval_holds_the_mean_and_widens_with_confidence(events, censored, confidence):
    escaped = np.arange(events + censored) < events
    times = np.linspace(1.0, 2.0, events + censored)
    estimate = analysis.exponential_mean(times, escaped, confidence)
    wider = analysis.exponential_mean(times, escaped, (1 + confidence) / 2)
    assert wider.low < estimate.low < estimate.mean < estimate.high < wider.high


def test_without_any_escape_only_a_lower_bound_remains():
    estimate = analysis.exponential_mean(np.full(4, 25.0), np.zeros(4, bool))
    # χ²(0.975; 2) = −2 ln 0.025
    assert estimate == (np.inf, pytest.approx(100 / -np.log(0.025)), np.inf, 0, 4)


def test_the_survival_curve_is_the_textbooks_product():
    curve = analysis.survival_curve(REMISSION, RELAPSED)
    at_relapse = np.isin(curve.time, [6, 7, 10, 13, 16, 22, 23])
    factors = [18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6]
    np.testing.assert_allclose(curve.survival[at_relapse], np.cumprod(factors), rtol=1e-14)
    np.testing.assert_array_equal(
        np.round(curve.survival[at_relapse], 3), [0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]
    )
    assert curve.time[0] == 0
    assert curve.survival[0] == 1


def test_the_band_is_greenwoods_on_the_log_minus_log_scale():
    curve = analysis.survival_curve(REMISSION, RELAPSED)
    first = int(np.flatnonzero(curve.time == 6)[0])
    survival = 18 / 21
    greenwood = np.sqrt(3 / (21 * 18)) / -np.log(survival)
    power = np.exp(1.959964 * greenwood)
    np.testing.assert_allclose(
        (curve.low[first], curve.high[first]),
        (survival**power, survival ** (1 / power)),
        rtol=1e-6,
    )


def test_the_band_is_certain_before_the_first_escape_and_undefined_after_the_last_run():
    curve = analysis.survival_curve(np.array([1.0, 2.0, 3.0]), np.array([False, True, True]))
    np.testing.assert_array_equal(curve.time, [0, 1, 2, 3])
    np.testing.assert_array_equal(curve.survival, [1, 1, 0.5, 0])
    np.testing.assert_array_equal(curve.low[:2], [1, 1])
    np.testing.assert_array_equal(curve.high[:2], [1, 1])
    assert np.isnan(curve.low[3])
    assert np.isnan(curve.high[3])


def test_the_curve_of_many_exponential_runs_stays_within_its_sampling_error():
    times, escaped = censored_runs(np.random.default_rng(4), 1.0, 2.0, 20000)
    curve = analysis.survival_curve(times, escaped)
    # Dvoretzky–Kiefer–Wolfowitz: sup |Ŝ − S| < √(ln(2/α)/(2n)) but for α = 1e-6
    bound = np.sqrt(np.log(2e6) / (2 * 20000))
    watched = curve.time < 2
    assert np.abs(curve.survival - np.exp(-curve.time))[watched].max() < bound


@pytest.mark.parametrize("statistic", [analysis.exponential_mean, analysis.survival_curve])
@pytest.mark.parametrize(
    ("times", "escaped", "error", "message"),
    [
        ([], [], ValueError, r"times must have shape \(runs,\) with runs ≥ 1, got \(0,\)"),
        ([[1.0]], [[True]], ValueError, "times must have shape"),
        ([1.0, 2.0], [True], ValueError, r"escaped must have one entry per run.*got \(1,\)"),
        ([1.0, -2.0], [True, True], ValueError, r"not negative.*got -2.0 at index \(1,\)"),
        ([np.nan, 2.0], [True, True], ValueError, r"must be finite.*got nan at index \(0,\)"),
        ([1.0, np.inf], [True, False], ValueError, r"must be finite.*got inf at index \(1,\)"),
        ([1.0, 2.0], [1, 0], TypeError, "escaped must be boolean, got int64"),
    ],
)
def test_bad_runs_are_named(statistic, times, escaped, error, message):
    escaped = np.array(escaped, dtype=None if len(escaped) else bool)
    with pytest.raises(error, match=message):
        statistic(np.array(times), escaped)


@pytest.mark.parametrize("statistic", [analysis.exponential_mean, analysis.survival_curve])
def test_a_confidence_outside_0_to_1_is_named(statistic):
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        statistic(np.array([1.0]), np.array([True]), 95.0)


@pytest.mark.parametrize("watched", [0.7, np.inf])
def test_the_band_holds_the_true_curve_as_often_as_it_says(watched):
    """Greenwood's band is asymptotic: of 60 runs, and where S is from 0.8 to 0.3."""
    draw, repeats = np.random.default_rng(12), 400
    at, held = np.array([0.25, 0.5, 0.69]), np.zeros(3)
    for _ in range(repeats):
        curve = analysis.survival_curve(*censored_runs(draw, 0.6, watched, 60))
        place = np.searchsorted(curve.time, at, side="right") - 1
        held += (curve.low[place] <= np.exp(-at / 0.6)) & (np.exp(-at / 0.6) <= curve.high[place])
    deviation = np.sqrt(0.95 * 0.05 / repeats)
    np.testing.assert_allclose(held / repeats, 0.95, atol=3.5 * deviation)


def test_all_censored_none_escaped_at_once_and_ties():
    for times, escaped, time, survival in (
        ([2.0, 1.0], [False, False], [0, 1, 2], [1, 1, 1]),
        ([0.0, 0.0, 1.0], [True, False, True], [0, 1], [2 / 3, 0]),
        ([5, 5, 5, 2], [True, False, True, False], [0, 2, 5], [1, 1, 1 / 3]),
    ):
        curve = analysis.survival_curve(np.array(times), np.array(escaped))
        np.testing.assert_array_equal(curve.time, time)
        np.testing.assert_allclose(curve.survival, survival)
    nothing = analysis.exponential_mean(np.array([3.0, 4.0]), np.array([False, False]))
    # what 7 without an escape rule out at 97.5 %: e^{−7/τ} = 0.025
    assert nothing.low == pytest.approx(-7 / np.log(0.025))
    assert nothing[1:] == (nothing.low, np.inf, 0, 2)


@pytest.mark.parametrize("power", [-1000, 1023])
def test_the_mean_is_in_the_unit_of_the_times(power):
    """Powers of two change no digit, and the sum of times does not overflow before the mean."""
    times, escaped = np.array([1.0, 1.5, 1.75]), np.array([True, True, True])
    unit = 2.0**power
    found, expected = (analysis.exponential_mean(t, escaped) for t in (unit * times, times))
    assert found[:2] == (unit * expected.mean, unit * expected.low)
    assert found.high == unit * expected.high
    assert analysis.exponential_mean(np.full(2, 1e308), escaped[:2]).mean == 1e308
