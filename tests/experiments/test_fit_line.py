"""A line through five points: the loop in plain Python, the textbook's sums, least squares."""

import math

import figures
import numpy as np
import pytest

from experiments import fit_line
from experiments.common import report
from experiments.fit_line.config import STARTS

QUICK = fit_line.QUICK
XS, YS = [1, 2, 3, 4, 5], [2, 4, 6, 8, 10]


@pytest.fixture(scope="module")
def data():
    return fit_line.simulate(QUICK)


def loop_in_plain_python(w: float, b: float, steps: int, rate: float) -> list[tuple[float, float]]:
    path = [(w, b)]
    for _ in range(steps):
        errors = [w * x + b - y for x, y in zip(XS, YS, strict=True)]
        slope_w = 2 / 5 * sum(e * x for e, x in zip(errors, XS, strict=True))
        w, b = w - rate * slope_w, b - rate * 2 / 5 * sum(errors)
        path.append((w, b))
    return path


def test_every_headline_number_agrees_with_theory(data):
    found = fit_line.numbers(data, QUICK)
    assert report.off_theory(found) == []
    assert all(number.kind != "regression" for number in found.values())


@pytest.mark.parametrize("start", range(len(STARTS)))
def test_the_path_is_that_of_the_loop_in_plain_python(data, start):
    expected = loop_in_plain_python(*STARTS[start], steps=2_000, rate=0.01)
    np.testing.assert_allclose(data["theta"][start], expected, rtol=0, atol=1e-12)


def test_two_thousand_steps_end_near_two_and_zero(data):
    w, b = data["theta"][0, -1]
    assert w == pytest.approx(2, abs=1e-3)
    assert b == pytest.approx(0, abs=1e-3)


def test_every_start_ends_in_the_same_valley(data):
    ends = data["theta"][:, -1]
    np.testing.assert_allclose(ends, np.tile([2.0, 0.0], (len(ends), 1)), atol=5e-3)


def test_the_first_gradient_and_loss_are_those_done_by_hand(data):
    # errors −2, −4, … −10: J = (4 + 16 + 36 + 64 + 100)/5, Σe·x = −110, Σe = −30
    assert data["loss"][0] == pytest.approx(44, rel=1e-15)
    np.testing.assert_allclose(data["gradient"][0], [-44, -12], rtol=1e-15)


def test_the_bowl_has_the_curvatures_of_its_hessian_by_hand(data):
    # H = (2/5) [[55, 15], [15, 5]]: trace 24, determinant 8
    root = math.sqrt(136)
    np.testing.assert_allclose(data["bowl"].curvatures, [12 + root, 12 - root], rtol=1e-12)


def test_its_minimum_is_numpys_polynomial_fit(data):
    np.testing.assert_allclose(data["bowl"].minimum, np.polyfit(XS, YS, 1), atol=1e-12)


def test_the_loss_is_the_two_modes_and_nothing_else(data):
    # the errors round at 1e-15 and are 1e-4 at the end, so that their squares are known to 1e-11
    exact = data["bowl"].excess_loss(data["exact"][0])
    np.testing.assert_allclose(data["loss"], exact, rtol=1e-10)


@pytest.mark.parametrize(
    ("rate", "steps"), [(0.084, 30), (1 / (12 + math.sqrt(136)), 3), (1e-4, 1)]
)
def test_theory_holds_at_other_stable_rates(rate, steps):
    config = fit_line.Config(learning_rate=rate, steps=steps)
    assert report.off_theory(fit_line.numbers(fit_line.simulate(config), config)) == []


@pytest.mark.parametrize("rate", [0.0, -0.01, 0.0846, math.nan])
def test_a_rate_that_cannot_descend_is_refused_with_the_limit(rate):
    with pytest.raises(ValueError, match=r"stability limit 2/λ = 0\.0845"):
        fit_line.Config(learning_rate=rate)


def test_the_figure_is_one_column_and_no_text_leaves_it_or_is_below_seven_points(data):
    figures.drawn(fit_line, data, QUICK)
