"""Ranges of rates and what transfers, on curves made by hand and on a few learners."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.plotting import panels
from jdescent.report_card import robustness
from jdescent.report_card.findings import Effort
from jdescent.report_card.learners import outcomes, runs, tables
from jdescent.report_card.learners.perceptrons import NARROW, WIDE, perceptrons
from jdescent.report_card.learners.runs import Outcomes
from jdescent.report_card.robustness import measuring, range_within, transfer_regret
from jdescent.report_card.robustness.scheduled import _shaped
from jdescent.report_card.subject import subject_of

EFFORT = Effort()
RATES = np.geomspace(1e-3, 10, 9)


@pytest.fixture
def few(monkeypatch):
    chosen = tuple(tables.tables()[:4])
    monkeypatch.setattr(runs, "tasks", lambda: (chosen, ()))
    return chosen


def value(part, name):
    return next(finding.value for finding in part.findings if finding.name == name)


# -- formulas --------------------------------------------------------------------------------------


@pytest.mark.parametrize("steepness", [0.3, 1.0])
def test_the_width_of_a_tent(steepness):
    x = np.log10(RATES)
    found = range_within(RATES, 1 - steepness * np.abs(x - x[4]))
    np.testing.assert_allclose(found.width, 2 * 0.1 / steepness)
    np.testing.assert_allclose(found.middle, x[4], atol=1e-9)
    assert not found.is_open


def test_a_range_that_reaches_the_end_of_the_grid_is_open():
    scores = np.where(RATES > 0.5, 1.0, 0.0)
    found = range_within(RATES, scores)
    assert found.is_open
    np.testing.assert_allclose(found.width, 1 + 0.05)  # half a decade holds the fall from 1 to 0


def test_a_second_range_apart_does_not_count():
    one = range_within([1e-3, 1e-2, 1e-1, 1, 10], [0.0, 1.0, 0.0, 0.95, 0.0])
    np.testing.assert_allclose(one.width, 0.2)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_range_is_of_the_best_score_whatever_that_is(scale):
    scores = np.array([0.0, 0.5, 1.0, 0.95, 0.2])
    rates = [1e-3, 1e-2, 1e-1, 1, 10]
    np.testing.assert_allclose(
        range_within(rates, scale * scores)[:2], range_within(rates, scores)[:2], atol=1e-9
    )


def test_where_nothing_is_learned_there_is_no_range():
    assert np.isnan(range_within(RATES, np.zeros(9)).width)


def test_regret_is_nothing_where_all_agree_and_all_where_one_stands_apart():
    alike = np.tile([0.2, 0.9, 0.3], (4, 1))
    np.testing.assert_array_equal(transfer_regret(alike), 0)
    apart = np.vstack([alike, [[1.0, 0.0, 0.0]]])
    np.testing.assert_allclose(transfer_regret(apart), [0, 0, 0, 0, 1])


def test_a_best_rate_that_falls_as_one_over_the_width_shifts_by_its_logarithm():
    narrow, wide = perceptrons(NARROW)[0], perceptrons(WIDE)[0]
    x = np.log10(RATES)
    tents = [1 - np.abs(x - x[4]) / 4, 1 - np.abs(x - x[4] + np.log10(WIDE / NARROW)) / 4]
    scores = np.repeat(np.array(tents)[..., None], 2, axis=-1)
    made = Outcomes([narrow, wide], RATES, np.zeros((2, 9, 2, 21)), np.zeros((2, 9, 2), int), ())
    shift, regret = measuring._widths(made, scores)
    assert shift.value == pytest.approx(-np.log10(4), abs=0.05)  # the grid has two a decade
    assert regret.value == pytest.approx(tents[1].max() - tents[1][4])


def test_schedules_rise_and_fall_as_they_are_said_to():
    warm, decayed = (_shaped(0.5, jnp.int32(which), 100) for which in (0, 1))
    np.testing.assert_allclose([warm(0), warm(5), warm(10), warm(99)], [0, 0.25, 0.5, 0.5])
    np.testing.assert_allclose([decayed(0), decayed(50), decayed(100)], [0.5, 0.25, 0])


# -- optimizers ------------------------------------------------------------------------------------


def test_a_part_of_the_runs_that_the_learners_made(few):
    subject = subject_of("adam")
    made = outcomes(subject, EFFORT)
    part = robustness.measure(subject, EFFORT)
    assert outcomes(subject, EFFORT) is made
    names = {"width of the range", "spread of best rates", "transfer regret", "warm-up", "decay"}
    assert names <= {finding.name for finding in part.findings}
    assert 0.3 < value(part, "width of the range") < 5
    assert 0 <= value(part, "transfer regret") < 0.5
    assert value(part, "decay") < 1  # of noisy gradients the last steps should be small
    assert not part.failures
    assert json.loads(json.dumps(part.series)) == part.series
    with panels([["a", "b", "c"]], height=3.0) as (figure, axes):
        for name, panel in zip("abc", robustness.PANELS, strict=True):
            panel.draw(axes[name], part.series)
        figure.draw_without_rendering()


def test_an_optimizer_that_takes_no_schedule_is_told_so(few):
    def plain(rate):
        return jd.sgd(jnp.asarray(rate, jnp.float32))

    part = robustness.measure(subject_of(plain), EFFORT)
    assert [failure.where for failure in part.failures] == ["schedules"]
    assert "takes no schedule" in part.failures[0].why
    assert value(part, "width of the range") > 0.3


def test_what_is_made_already_has_no_rates_to_vary(few):
    part = robustness.measure(subject_of(jd.sgd(0.1)), EFFORT)
    assert "no learning rate" in part.failures[0].why


def test_what_learns_nothing_is_told_in_words(few):
    def ascent(rate):
        return jd.chain(jd.sgd(rate), jd.sgd(1.0))

    part = robustness.measure(subject_of(ascent), EFFORT)
    assert "nothing was learned" in part.failures[0].why
    assert not part.findings
