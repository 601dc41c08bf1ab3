"""The stability figure at small size: the edges are where theory says, on every line of it."""

import numpy as np
import pytest

from experiments import stability_boundary as experiment
from experiments.stability_boundary.config import LIMITS, OPTIMIZERS
from jdescent import analysis


@pytest.fixture(scope="module")
def data():
    return experiment.simulate(experiment.QUICK)


def test_every_headline_number_agrees_with_theory(data):
    numbers = experiment.numbers(data, experiment.QUICK)
    assert [name for name, number in numbers.items() if not number.agrees] == []


def test_gradient_descent_ends_where_the_power_of_its_factor_says(data):
    for swept in data["boundary"].values():
        normal = swept["theory"] > 1e-280
        # Each step rounds x once, relative to the minimum at distance of order 1.
        np.testing.assert_allclose(
            swept["growth"][normal], swept["theory"][normal], rtol=1e-11, atol=1e-14
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_measured_edge_brackets_the_limit_at_every_momentum(data, name):
    plane = data["planes"][name]
    limit = LIMITS[name](1.0, plane["momenta"])
    off = np.abs(plane["edge"].position - limit)
    assert np.all(off <= plane["edge"].half_width * 1.001)


def test_the_heavy_ball_stays_on_its_plateau_up_to_the_cliff(data):
    swept = data["slices"]["heavy_ball"]
    beta = experiment.QUICK.momentum
    plateau = (swept["rates"] > (1 - beta**0.5) ** 2) & (swept["rates"] < (1 + beta**0.5) ** 2)
    np.testing.assert_allclose(swept["factor"][plateau], beta**0.5, rtol=2e-3)
    assert np.all(swept["factor"][swept["rates"] > analysis.heavy_ball_limit(1.0, beta)] > 1.05)


def test_the_four_named_runs_end_as_named(data):
    too_small, just_right, too_big, diverges = data["named"]
    assert too_small[-1] > 1e-2 * too_small[0]
    assert just_right[-1] < 1e-15 * just_right[0]
    assert just_right[-1] < too_big[-1] < too_big[0]
    assert np.all(np.diff(diverges) > 0)


@pytest.mark.filterwarnings("error")
def test_every_axes_of_the_figure_is_labelled(data):
    figure = experiment.plot(data, experiment.QUICK)
    figure.canvas.draw()
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert len(panels) == 5
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in panels)
