"""The largest stable rates at small size: predicted, measured and derived by hand, they agree."""

import numpy as np
import pytest
from figures import assert_labeled, drawn

from experiments import stability_of_optimizers as experiment
from experiments.common import report
from experiments.stability_of_optimizers.library import first_cases, jobs

pytestmark = pytest.mark.usefixtures("compiled_to_run_fast")


@pytest.fixture(scope="module")
def data():
    return experiment.simulate(experiment.QUICK)


@pytest.fixture(scope="module")
def numbers(data):
    return experiment.numbers(data, experiment.QUICK)


def test_every_headline_number_agrees(numbers):
    assert report.off_theory(numbers) == []


def test_every_claim_that_needs_no_long_run_comes_out(numbers):
    verdicts = {
        claim.source.authors: claim.verdict(numbers)
        for claim in experiment.claims(experiment.QUICK)
    }
    assert set(verdicts.values()) <= {"reproduced", "bound holds"}, verdicts


def test_the_whole_library_is_run():
    names = {name for name, *_ in jobs(experiment.Config())}
    assert names == set(first_cases()) | {"rmsprop", "adam", "adamw", "nadam", "adagrad"}


def test_stability_grows_with_the_steps_that_schedule_free_has_to_average(data):
    assert np.all(np.diff(data["horizons"]) > 0)
    assert np.all(data["horizons"] < 20)


def test_sign_descent_is_at_two_points_in_turns(data):
    sizes = data["sizes"]["sign_sgd"]
    first, second = sizes[..., 0::2], sizes[..., 1::2]
    np.testing.assert_allclose(np.ptp(first, axis=-1), 0, atol=1e-9)
    np.testing.assert_allclose(first + second, 1, rtol=1e-9)


def test_the_table_names_every_optimizer_that_ran_with_its_limit(data):
    text = experiment.shown(data, experiment.QUICK)
    for name in experiment.QUICK.optimizers:
        assert f"| {name} |" in text
    assert "| sgd | 2 | 2.000" in text


def test_the_figure_is_fit_to_print(data):
    figure = drawn(experiment, data, experiment.QUICK)
    assert len(figure.axes) == 8
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_title(loc="left")
    assert_labeled(figure.axes[2:])
