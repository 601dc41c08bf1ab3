"""Tuned optimizers: parabolas, arrivals and ratios known beforehand; runs are the tasks' own."""

import figures
import jax
import numpy as np
import pytest

import jdescent as jd
from experiments import tuned_optimizers
from experiments.tuned_optimizers.config import NETS, QUICK, TRANSFORMERS, Config
from experiments.tuned_optimizers.numbers import best_rate, best_rates, left, shares
from experiments.tuned_optimizers.simulate import (
    ADAM,
    FREE,
    LEAST,
    LION,
    METHODS,
    MOMENTUM,
    Data,
    Runs,
    chosen_tasks,
    learning_rates,
    run,
)
from jdescent.report_card.learners import task

RATES = np.geomspace(1e-3, 1.0, 7)
SEEDS, EVALUATIONS = 4, 21


def made_up(best: dict[str, float], least: dict[str, float]) -> Data:
    """Each method's ends are a parabola in logarithms; paths fall to them in a straight line."""
    random = np.random.default_rng(0)
    noise = np.exp(0.01 * random.standard_normal((2, 1, SEEDS)))  # of a start, the same for all

    def runs(name):
        apart = np.log(RATES / best.get(name, 0.03))[None, :, None]
        ends = least.get(name, 0.05) * np.exp(0.2 * apart**2) * noise
        return Runs(1 + (ends[..., None] - 1) * np.linspace(0, 1, EVALUATIONS))

    return Data(
        ["copy a line", "relu MLP"], [TRANSFORMERS, NETS], RATES, {n: runs(n) for n in METHODS}
    )


def test_the_best_rate_is_the_parabolas_and_its_ratio_is_exact():
    data = made_up({ADAM: 0.041, LION: 0.0082}, {})
    np.testing.assert_allclose(best_rates(data, LION), 0.0082, rtol=1e-9)
    assert best_rate(data, LION).value == pytest.approx(0.2, rel=1e-9)


def test_a_best_rate_at_the_end_of_the_grid_does_not_leave_it():
    data = made_up({MOMENTUM: 50.0}, {})
    assert np.all(best_rates(data, MOMENTUM) <= RATES[-1] * (1 + 1e-12))


def test_what_is_left_is_a_ratio_that_the_starts_noise_leaves():
    data = made_up({}, {ADAM: 0.04, MOMENTUM: 0.06})
    found = left(data, MOMENTUM, NETS)
    assert found.value == pytest.approx(1.5, rel=1e-9)
    assert found.error < 1e-9


def test_arrival_is_the_first_evaluation_at_adams_end_and_1_where_there_is_none():
    data = made_up({}, {ADAM: 0.5, LION: 1e-3, MOMENTUM: 0.9})
    at = shares(data, LION)  # 1 − 0.999·s ≤ 0.5·noise
    best = data.runs[ADAM].tuned[..., -1]
    lowest = data.runs[LION].tuned[..., -1]
    exact = (1 - best) / (1 - lowest)
    assert np.all((at >= exact) & (at < exact + 1 / (EVALUATIONS - 1)))
    np.testing.assert_array_equal(shares(data, MOMENTUM), 1.0)
    np.testing.assert_array_equal(shares(data, ADAM), 1.0)


def test_the_figure_and_the_claims_find_their_numbers():
    data, config = made_up({}, {}), Config()
    found = tuned_optimizers.numbers(data, config)
    verdicts = [claim.verdict(found) for claim in tuned_optimizers.claims(config)]
    assert len(verdicts) == 5
    figure = figures.drawn(tuned_optimizers, data, config)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 5
    assert titles[0].endswith(TRANSFORMERS)
    assert titles[1].endswith(NETS)


def test_all_methods_on_the_perceptrons_are_runs_of_the_tasks():
    places = [t.name for t in chosen_tasks(QUICK)]
    assert len(places) == 5
    rates = learning_rates(QUICK)
    np.testing.assert_allclose(rates, [1e-3, 1e-2, 1e-1, 1.0], rtol=1e-6)
    runs = run(ADAM, chosen_tasks(QUICK), rates, QUICK)
    assert runs.shape == (5, 4, QUICK.seeds, 21)
    of_one = task("relu MLP")
    alone = of_one.excess(np.asarray(of_one.run(jd.adam(float(rates[1])), seed=2).metric, float))
    np.testing.assert_allclose(
        runs[places.index("relu MLP"), 1, 2], np.clip(alone, LEAST, 1), rtol=2e-3
    )


def test_schedule_free_is_measured_where_it_says_and_not_where_its_slopes_are_taken():
    free = METHODS[FREE]
    of_one = task("relu MLP").program
    data = task("relu MLP").data
    at_x, at_y = (
        np.asarray(of_one.run(free.make(0.1, of_one.steps), data, jax.random.key(0), at).metric)
        for at in (free.at, METHODS[ADAM].at)
    )
    assert at_x[0] == pytest.approx(at_y[0], rel=1e-6)
    assert np.any(np.abs(at_x[1:] / at_y[1:] - 1) > 0.01)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"slowest": 0.0}, "ascend"),
        ({"rates_a_decade": 0}, "1 or more"),
        ({"seeds": 2}, "other seeds"),
        ({"kinds": ("nets",)}, "perceptrons"),
    ],
)
def test_sizes_that_make_no_experiment_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Config(**wrong)
