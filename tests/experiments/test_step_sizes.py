"""The experiment on step sizes at its quick sizes: its theory, transcriptions, what it claims."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments import step_sizes
from experiments.common import claims, report
from experiments.step_sizes import bowls, schedules, smooth
from experiments.step_sizes.numbers import ratio

QUICK = step_sizes.QUICK


@pytest.fixture(scope="module")
def data():
    return step_sizes.simulate(QUICK)


@pytest.fixture(scope="module")
def found(data):
    return step_sizes.numbers(data, QUICK)


def test_every_headline_number_agrees_with_theory(found):
    assert report.off_theory(found) == []


def test_claims_of_deterministic_runs_come_out_as_on_record(found):
    verdicts = [claim.verdict(found) for claim in step_sizes.claims(QUICK)[:6]]
    assert verdicts == [
        claims.REPRODUCED,
        claims.BOUND_HOLDS,
        claims.REPRODUCED,
        claims.REPRODUCED,
        claims.NOT_REPRODUCED,
        claims.BOUND_HOLDS,
    ]


@pytest.mark.parametrize("name", smooth.methods())
def test_the_steps_taken_are_those_transcribed(name):
    """On a line of slope −1 a point moves by the sizes."""
    with jax.enable_x64(True):
        optimizer = smooth.methods()[name]
        path = jd.descend(lambda x: -x, jnp.array(0.0), optimizer, 31, record="params")
    np.testing.assert_allclose(path.record["params"], smooth.sums(name, 31), rtol=1e-12)


def test_silver_steps_sum_to_a_power_of_the_silver_ratio():
    at = smooth.checkpoints(QUICK)
    powers = smooth.SILVER_RATIO ** np.arange(1, QUICK.doublings + 1)
    np.testing.assert_allclose(smooth.sums("silver", at[-1])[at], powers - 1, rtol=1e-12)


@pytest.mark.parametrize("name", ["silver", "gd"])
def test_worst_huber_is_that_of_a_fine_search(name):
    steps = smooth.sizes(name, 7)
    slopes = np.geomspace(1e-3, 1, 20_000)
    x = np.ones_like(slopes)
    for size in steps:
        x -= size * np.clip(x, -slopes, slopes)
    beyond = np.abs(x) > slopes
    losses = np.where(beyond, slopes * np.abs(x) - slopes**2 / 2, x**2 / 2)
    expected = smooth.worst_huber(name, np.array([7]))[0]
    np.testing.assert_allclose(losses.max(), expected, rtol=1e-5)


def test_slope_of_a_pure_decay_is_its_rate():
    loss = 0.9 ** (2 * np.arange(400.0))
    assert bowls.slope(loss) == pytest.approx(-np.log(0.9))


def test_schedules_rise_alike_and_end_as_named():
    shapes = {name: schedules.shape(name, 100) for name in schedules.NAMES}
    for shape in shapes.values():
        np.testing.assert_allclose(shape[:6], np.arange(6) / 5, atol=1e-6)
        assert shape.max() == pytest.approx(1)
    assert shapes["constant"][-1] == 1
    assert shapes["1/√t"][-1] == pytest.approx(np.sqrt(5 / 94), rel=1e-5)
    assert shapes["linear"][-1] == pytest.approx(1 / 95, rel=1e-5)
    assert shapes["cosine"][-1] == pytest.approx(np.sin(np.pi / 2 / 95) ** 2, rel=1e-4)
    cooldown = shapes["warm-up–stable–decay"]
    assert cooldown[79] == 1
    np.testing.assert_allclose(cooldown[80:], np.arange(20, 0, -1) / 20, atol=1e-6)


def test_no_point_has_less_than_the_least_loss():
    """Nor has any at its distance from 0; all a are of length 1, so that G = 1."""
    problem = schedules.deviations()
    assert np.allclose(np.linalg.norm(problem.a, axis=1), 1)
    generator = np.random.default_rng(3)
    for _ in range(200):
        w = generator.normal(size=schedules.FEATURES)
        w *= problem.distance / np.linalg.norm(w)
        assert np.mean(np.abs(problem.a @ w - problem.b)) > problem.least
    assert problem.start_gap == pytest.approx(np.mean(np.abs(problem.b)) - problem.least)


def test_ratio_of_means_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        shared = generator.normal(size=12)
        above, below = 2 + 0.3 * shared, 1 + 0.2 * shared + 0.1 * generator.normal(size=12)
        low, high = ratio(above, below).interval
        covered += low < 2 < high
    assert 0.91 < covered / 400 < 0.985


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(step_sizes, data, QUICK)
    assert len(figure.axes) == 8
    figures.assert_labeled(figure.axes)
