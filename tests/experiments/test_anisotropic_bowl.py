"""The bowl experiment at its quick sizes: exact solutions, symmetries, independent counts."""

from fractions import Fraction

import figures
import numpy as np
import pytest

from experiments import anisotropic_bowl
from experiments.anisotropic_bowl.config import ROUND, STEEP
from experiments.anisotropic_bowl.simulate import STARTS
from experiments.common import report
from jdescent import analysis

QUICK = anisotropic_bowl.QUICK


@pytest.fixture(scope="module")
def data():
    return anisotropic_bowl.simulate(QUICK)


def adam_steps(angle: float, start: tuple[float, float]) -> int:
    """Kingma and Ba's Algorithm 1 in NumPy, until the loss is a thousandth of its first."""
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    hessian = rotation @ np.diag(STEEP) @ rotation.T
    x, m, v = rotation @ np.array(start), np.zeros(2), np.zeros(2)
    first, t = x @ hessian @ x, 0
    while x @ hessian @ x > 1e-3 * first:
        t, g = t + 1, hessian @ x
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = x - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return t


def steps_of(data, method, angle):
    turned = data["turned"]
    return turned["steps"][method][int(np.flatnonzero(turned["angles"] == angle)[0])]


def test_every_headline_number_agrees_with_theory(data):
    found = anisotropic_bowl.numbers(data, QUICK)
    assert report.off_theory(found) == []
    assert all(number.kind != "regression" for number in found.values())


@pytest.mark.parametrize(
    ("name", "rate"),
    [("slow", Fraction(1, 10)), ("best", Fraction(1, 3)), ("boundary", Fraction(1, 2))],
)
def test_each_coordinate_is_its_curvatures_power_in_rational_arithmetic(data, name, rate):
    measured = data["coordinates"][name]["measured"]
    exact = [[float(abs(1 - rate * c) ** t) for c in (2, 4)] for t in range(len(measured))]
    np.testing.assert_allclose(measured, exact, rtol=1e-13, atol=0)


def test_at_the_boundary_x_dies_in_one_step_and_y_flips_for_ever(data):
    x, y = data["coordinates"]["boundary"]["measured"].T
    assert np.all(x[1:] == 0)
    assert np.all(y == 1)


@pytest.mark.parametrize("bowl", [ROUND, STEEP])
def test_descent_leaves_at_a_right_angle_to_the_contour_and_not_towards_the_minimum(data, bowl):
    start = np.array(STARTS[bowl])
    gradient = np.array(bowl) * start
    tangent = np.array([-gradient[1], gradient[0]])
    for method in ("gd", "heavy_ball"):
        step = data["paths"][bowl][method][1] - start
        assert abs(step @ tangent) < 1e-14 * np.linalg.norm(step) * np.linalg.norm(tangent)
    towards = step @ -start / np.linalg.norm(step) / np.linalg.norm(start)
    assert 0 < towards < np.cos(np.deg2rad(15))


@pytest.mark.parametrize("bowl", [ROUND, STEEP])
def test_adams_first_step_is_the_rate_times_minus_the_gradients_sign(data, bowl):
    start, second = data["paths"][bowl]["adam"][:2]
    np.testing.assert_allclose(second - start, -0.2 * np.sign(start), atol=1e-8)


def test_no_method_contracts_faster_than_chebyshevs_rate(data):
    conditions, methods = data["rates"]["conditions"], data["rates"]["methods"]
    fastest = analysis.tuned_heavy_ball(1.0, conditions).rate
    for factor in methods.values():
        assert np.all(factor["measured"] >= fastest * (1 - 1e-12))


def test_contraction_falls_as_one_over_kappa_and_the_momentum_methods_as_its_root(data):
    conditions, methods = data["rates"]["conditions"], data["rates"]["methods"]
    ends = [int(np.flatnonzero(conditions == 100)[0]), len(conditions) - 1]
    slopes = {
        name: np.diff(np.log(1 - factor["measured"][ends]))[0] / np.log(100)
        for name, factor in methods.items()
    }
    # finite κ: 2/(κ + 1) and 2/(√κ + 1) bend by 1/κ and 1/√κ at κ = 100, 2 and 20 % of two decades
    assert slopes.pop("gd") == pytest.approx(-1, abs=0.003)
    for slope in slopes.values():
        assert slope == pytest.approx(-0.5, abs=0.022)


@pytest.mark.parametrize(("angle", "count"), [(0.0, 178), (5.0, 526), (45.0, 1370)])
def test_adams_steps_equal_an_independent_transcriptions(data, angle, count):
    measured = steps_of(data, "adam", angle)
    assert adam_steps(angle, (1.0, 1.0)) == count
    assert measured[0] == count
    assert measured[1] == adam_steps(angle, (-1.0, 1.0))


def test_adams_steps_are_mirrored_about_45_degrees(data):
    """Swapping x and y turns the bowl from θ to 90° − θ and the start from (1, 1) to (1, −1)."""
    steps = data["turned"]["steps"]["adam"]
    np.testing.assert_allclose(steps[:, 0], steps[::-1, 1], atol=1, rtol=0)


def test_gradient_descent_takes_the_closed_forms_steps_at_every_angle_from_every_start(data):
    assert np.all(data["turned"]["steps"]["gd"] == 173)
    assert (99 / 101) ** (2 * 173) <= 1e-3 < (99 / 101) ** (2 * 172)


def test_gradient_descents_loss_curve_is_rho_to_the_2t_at_every_angle(data):
    for curve in data["turned"]["losses"]["gd"]:
        np.testing.assert_allclose(curve, (99 / 101) ** (2 * np.arange(174)), rtol=1e-12)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(anisotropic_bowl, data, QUICK)
    assert len(figure.axes) == 6
    figures.assert_labeled(figure.axes)
