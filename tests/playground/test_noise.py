"""The noise of mini-batches: clouds have the spread of theory, and seeds are the very runs."""

import math

import numpy as np
import pytest
from tabs import Tab

from jdescent_playground.curves import CURVES
from jdescent_playground.noise import BATCHES, SEEDS, cloud, seeds
from jdescent_playground.pages.one_dimension import OneDimension
from jdescent_playground.runs import Setup, compute

WELL = CURVES["double-well"]
SIGMA = math.sqrt(40 / 3)  # of one example's gradient


def setup(batch_size=4, **changes):
    bare = Setup(WELL.task, "sgd", {"learning_rate": 0.1}, -1.0, batch_size=batch_size)
    return bare.but(**changes)


@pytest.mark.parametrize("batch_size", [1, 4, 32])
@pytest.mark.parametrize("x", [-1.3, 0.4])
def test_a_cloud_has_the_mean_and_the_spread_of_theory(batch_size, x):
    found = cloud(setup(batch_size), x)
    assert found.spread == pytest.approx(SIGMA / math.sqrt(batch_size), rel=1e-5)
    error = found.spread / math.sqrt(BATCHES)
    assert abs(found.slopes.mean() - WELL.slope(x)) < 4 * error
    assert abs(found.slopes.std() - found.spread) < 4 * error


def test_a_cloud_of_all_examples_is_refused():
    with pytest.raises(ValueError, match="takes all examples"):
        cloud(setup(None), 0.0)


def test_each_of_fifty_is_the_run_of_its_seed():
    found = seeds(WELL, setup(seed=63))
    assert found.first == 50
    for place in (0, 13, 49):
        np.testing.assert_array_equal(found.x[place], compute(setup(seed=50 + place)).x)


def test_who_left_the_valley_is_counted():
    found = seeds(WELL, setup(2))
    for step in (0, 40, 1000):
        np.testing.assert_array_equal(found.left(step), found.x[:, step] > 0)
    assert not found.left(0).any()


NOISY = {"curve": "double-well", "learning_rate": "0.1", "start": "-1", "batch": "4"}


def test_the_page_shows_the_noise_where_there_are_batches():
    tab = Tab(OneDimension, NOISY)
    assert tab.properties["noise-section"]["hidden"] is False
    assert "±" in tab.texts["cloud-words"]
    tab.do("batch", "")
    assert tab.properties["noise-section"]["hidden"] is True
    assert Tab(OneDimension).properties["noise-section"]["hidden"] is True


def test_a_click_on_a_small_picture_shows_its_run():
    tab = Tab(OneDimension, NOISY | {"step": "40"})
    tab.page.noise._try_seeds()
    dots = tab.page.noise.seeds.now.data
    assert len(dots["x"]) == SEEDS
    tab.do("pointer:seeds", [3.4, 1.5, "end"])
    assert tab.query["seed"] == "13"
    place = tab.page.noise.seeds.frame.data
    assert (place["x"], place["y"]) == ([3.5], [1.5])
    left = seeds(WELL, setup(seed=13)).left(40)
    assert tab.texts["seeds-words"].startswith(f"After 40 steps {left.sum()} of 50 runs")
    tab.do("pointer:seeds", [11.0, 0.5, "end"])
    assert tab.query["seed"] == "13"
