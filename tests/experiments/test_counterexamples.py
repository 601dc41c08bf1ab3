"""The counterexamples at their quick sizes: their mathematics, and what they claim."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from experiments import counterexamples
from experiments.common import claims, report
from experiments.counterexamples import logistic, online, three_cycle, unit_roots
from jdescent import analysis

QUICK = counterexamples.QUICK


@pytest.fixture(scope="module")
def data():
    return counterexamples.simulate(QUICK)


@pytest.fixture(scope="module")
def found(data):
    return counterexamples.numbers(data, QUICK)


def test_every_headline_number_agrees(found):
    assert report.off_theory(found) == []


def test_every_claim_comes_out(found):
    verdicts = [claim.verdict(found) for claim in counterexamples.claims(QUICK)]
    assert verdicts == [claims.REPRODUCED] * 4 + [claims.BOUND_HOLDS]


def test_the_three_cycle_solves_the_heavy_balls_equation():
    """x₊ = x + β(x − x₋) − η·f′(x) at each of its points."""
    rate, momentum, _ = analysis.tuned_heavy_ball(three_cycle.SMALLEST, three_cycle.LARGEST)
    cycle = three_cycle.CYCLE
    with jax.enable_x64(True):
        slopes = np.asarray(jax.vmap(jax.grad(three_cycle.loss))(jnp.asarray(cycle)))
    after = cycle + momentum * (cycle - np.roll(cycle, 1)) - rate * slopes
    np.testing.assert_allclose(after, np.roll(cycle, -1), atol=1e-14)


def test_the_function_of_the_three_cycle_is_smooth():
    with jax.enable_x64(True):
        for joint in (1.0, 2.0):
            beside = jnp.array([joint - 1e-9, joint + 1e-9])
            for f in (three_cycle.loss, jax.grad(three_cycle.loss)):
                left, right = jax.vmap(f)(beside)
                assert abs(left - right) < 1e-6


def distance_to_hull(corners: np.ndarray, point: np.ndarray) -> float:
    """By minimizing over weights of the corners."""
    best = minimize(
        lambda w: np.sum((w**2 / np.sum(w**2) @ corners - point) ** 2),
        np.ones(len(corners)),
        tol=1e-14,
    )
    return float(np.sqrt(best.fun))


@pytest.mark.parametrize("length", [3, 4, 7])
def test_a_counterexample_is_half_the_squared_distance_from_its_polygon(length):
    place, smallest = 0.4 * np.exp(0.7j), 0.1
    corners = unit_roots.as_pair(place * np.exp(2j * np.pi * np.arange(length) / length))
    with jax.enable_x64(True):
        loss = unit_roots.counterexample(jnp.asarray(corners[0]), smallest, float(length))
        for point in np.random.default_rng(length).normal(size=(6, 2)):
            apart = distance_to_hull(corners, point)
            expected = smallest / 2 * np.sum(point**2) + (1 - smallest) / 2 * apart**2
            np.testing.assert_allclose(loss(jnp.asarray(point)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("condition", [10.0, 100.0])
def test_no_tuning_without_a_cycle_is_faster_than_the_fastest_on_the_line(condition):
    """Among 10,000 tunings of the whole stable region, by theory alone."""
    generator = np.random.default_rng(0)
    momentum = 1 - 10 ** generator.uniform(-3, 0, 10_000)
    rate = generator.uniform(0, 1, momentum.size) * analysis.heavy_ball_limit(1.0, momentum)
    lengths = np.arange(3.0, 90)[:, None]
    margin = analysis.heavy_ball_cycle_margin(rate, momentum, 1 / condition, 1.0, lengths)
    factor = unit_roots.worst_rate(rate, momentum, 1 / condition)
    fastest = unit_roots.worst_rate(
        *map(np.array, unit_roots.fastest_without_cycle(condition)), 1 / condition
    )
    assert factor[np.all(margin < 0, axis=0)].min() > fastest


def test_fastest_tuning_without_a_cycle_is_eight_times_as_fast_in_the_limit():
    condition = 1e6
    tuning = map(np.array, unit_roots.fastest_without_cycle(condition))
    speed = (1 - unit_roots.worst_rate(*tuning, 1 / condition)) * (condition + 1) / 2
    assert abs(speed - 8) < 0.02


@pytest.mark.parametrize("name", online.METHODS)
@pytest.mark.parametrize("steep", online.STEEP)
def test_drift_is_that_of_a_long_random_record(name, steep):
    """Transcribed: v of 200,000 random slopes."""
    generator, beta = np.random.default_rng(1), online.forgetting(steep)
    slopes = np.where(generator.random(200_000) < 1 / 3, steep, -1.0)
    weights = (1 - beta) * beta ** np.arange(40)
    v = np.convolve(slopes**2, weights)[40 : slopes.size]
    v = v if name == "adam" else np.maximum.accumulate(v)
    steps = -slopes[40:] / np.sqrt(v)
    tolerance = 5 * steps.std() / np.sqrt(steps.size)
    assert abs(steps.mean() - online.drift("random", name, steep)) < tolerance


def test_runs_stay_within_the_ends(data):
    for points in data["online"].values():
        assert np.abs(points).max() <= 1


def test_the_margin_is_the_largest():
    """On two points at right angles it is half the diagonal; by search on random ones."""
    assert logistic.data(np.eye(2)).margin == pytest.approx(np.sqrt(0.5))
    points = np.random.default_rng(2).normal(size=(12, 2)) * 0.3 + [0.9, 0.0]
    angles = np.linspace(-1, 1, 100_000)
    around = np.stack([np.cos(angles), np.sin(angles)])
    assert logistic.data(points).margin == pytest.approx(
        (points @ around).min(axis=0).max(), rel=1e-4
    )


def test_latest_settling_is_where_the_bound_on_the_mean_slope_is_what_is_needed():
    points, rate = logistic.data(logistic.TWO_POINTS), 30.0
    t = logistic.latest_settling(points, rate)
    scaled = points.margin**2 * rate * t
    mean_slope = (rate + 2 * np.log(scaled) + np.sqrt(2)) / scaled
    needed = min(1 / (2 * np.e * rate), np.log(2) / 4)
    assert mean_slope == pytest.approx(needed)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(counterexamples, data, QUICK)
    assert len(figure.axes) == 8
    figures.assert_labeled(figure.axes)
