"""Minima and curvatures of the curves, known and found; what is said where a curve breaks off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jdescent_playground.curves import CURVES, typed
from jdescent_playground.expressions import parse


@pytest.mark.parametrize("name", CURVES)
def test_minima_are_flat_and_curved_as_said(x64, name):
    curve = CURVES[name]
    assert curve.minima
    for place, curvature in curve.minima:
        assert abs(jax.grad(curve.task.loss)(place)) < 1e-4 * curvature
        assert jax.grad(jax.grad(curve.task.loss))(place) == pytest.approx(curvature, rel=1e-3)


@pytest.mark.parametrize("name", CURVES)
def test_a_typed_copy_finds_the_same_minima(name):
    text = {
        "bowl": "½(x − 1)² + ½",
        "parabola": "(x-3)^2",
        "double-well": "x⁴/4 − x³/6 − 3x²/4",
        "rugged": "x² + 2 sin(πx)²",
    }[name]
    found = typed(parse(text), CURVES[name].domain).minima
    np.testing.assert_allclose(found, CURVES[name].minima, rtol=1e-3, atol=1e-3)


def test_the_rugged_curve_has_a_trap_on_the_way():
    minima = [place for place, _ in CURVES["rugged"].minima]
    assert len(minima) >= 5
    start = CURVES["rugged"].start
    assert CURVES["rugged"].minimum_below(start)[0] > 1


def test_the_minimum_below_lies_downhill():
    well = CURVES["double-well"]
    assert well.minimum_below(-1.7) == well.minimum_below(-0.1) == (-1.0, 2.5)
    assert well.minimum_below(0.1) == well.minimum_below(2.4) == (1.5, 3.75)
    assert well.minimum_below(float("nan")) is None


@pytest.mark.parametrize("text", ["abs(x)", "1/x", "tan(x)", "1/(x^2 - 1)", "x^3", "x^4"])
def test_kinks_poles_and_flat_places_are_no_minima_with_a_curvature(text):
    assert all(abs(place) > 1e-2 for place, _ in typed(parse(text)).minima)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log(x)", "not a number left of x = −0.0"),
        ("sqrt(1 - x)", "not a number right of x = 1.0"),
        ("sqrt(x^2 - 1)", "not a number between x = −1.00 and 1.00"),
        ("1/(x - 1)", "a pole near x = 1.00"),
        ("log(-1 - x^2)", "not a number anywhere"),
        ("x^2", ""),
        ("sin(x)/x", "not a number at x = 0.00"),
        ("1/(x - 0.001)^2", "a pole near x = 0.00"),
        ("log(|x|)", "a pole near x = 0.00"),
        ("tan(x)", "a pole near x = −1.57"),
        ("x^-3", "a pole near x = 0.00"),
        ("1/(x^2 + 1)", ""),
        ("1/(1 + |x|)", ""),
        ("x^64", "left of x = −4.00 and right of x = 4.00 it overflows"),
        ("exp(exp(x))", "right of x = 4.50 it overflows"),
        ("exp(40x)", "right of x = 2.22: it overflows"),
        ("1/exp(40x)", "left of x = −2.22: it overflows"),
        ("1/(x - 1)^60", "it overflows"),
    ],
)
def test_where_a_curve_breaks_off_is_said_in_words(text, words):
    remark = typed(parse(text)).remark()
    assert words in remark
    assert bool(remark) == bool(words)
    assert ("overflow" in remark) == ("overflow" in words)
    assert not ("overflow" in words and "pole" in remark)


@pytest.mark.parametrize("text", ["1/x", "1/x^2", "tan(x)", "exp(x^2)", "log(x)", "log(-1-x^2)"])
def test_the_view_of_any_curve_is_finite_and_open(text):
    bottom, top = typed(parse(text)).range()
    assert np.isfinite([bottom, top]).all()
    assert bottom < top
    assert np.isfinite(typed(parse(text)).start)


@pytest.mark.parametrize("power", [2, 3, 4])
@pytest.mark.parametrize("place", [-2.345, 0.001, 1.9999])
def test_a_pole_of_any_order_is_found_where_it_is(power, place):
    curve = typed(parse(f"x^2 + 1/(x - {place})^{power}".replace("- -", "+ ")))
    told = float(curve.remark().split("x = ")[1].removesuffix(".").replace("−", "-"))
    assert told == pytest.approx(place, abs=0.011)


def test_a_pole_does_not_flatten_the_rest():
    bottom, top = typed(parse("x^2 + 0.001/(x - 1)^2")).range()
    assert top - bottom < 60


def test_a_typed_curve_starts_where_it_is_defined():
    curve = typed(parse("log(x) + 1/x"))
    assert np.isfinite(curve.height(curve.start))
    assert jnp.isfinite(curve.slope(curve.start))
