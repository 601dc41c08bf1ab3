"""The surfaces are what they are called: minima, curvatures, turned bowls, contours, remarks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent_playground.expressions import parse
from jdescent_playground.surfaces import BANDS, SURFACES, bowl, turned, typed


def height(surface, x, y):
    return surface.task.height(jnp.array([x, y], float), surface.parameters)


@pytest.mark.parametrize("name", SURFACES)
def test_minima_are_flat_and_curved_as_said(x64, name):
    surface = SURFACES[name]
    assert bool(surface.minima) == (name != "saddle")
    for minimum in surface.minima:
        x = jnp.array(minimum.position)
        loss = lambda x: surface.task.height(x, surface.parameters)  # noqa: E731
        np.testing.assert_allclose(jax.grad(loss)(x), 0.0, atol=1e-6 * minimum.curvatures[1])
        curvatures = np.linalg.eigvalsh(jax.hessian(loss)(x))
        np.testing.assert_allclose(curvatures, minimum.curvatures, rtol=1e-6)
        assert float(loss(x)) == pytest.approx(minimum.loss, abs=1e-9)


@pytest.mark.parametrize(("condition", "degrees"), [(1.0, 0.0), (7.0, 30.0), (100.0, 90.0)])
def test_the_turned_bowl_is_the_library_s_own(condition, degrees):
    surface, own = bowl(condition, degrees), jd.losses.bowl((1.0, condition), angle=degrees)
    for x, y in [(1.0, 0.0), (-2.0, 1.5), (0.3, -0.7)]:
        assert float(height(surface, x, y)) == pytest.approx(
            float(own(jnp.array([x, y]))), rel=1e-4, abs=1e-5
        )


def test_the_formulas_are_what_is_computed():
    assert float(height(SURFACES["bowl-2-4"], 3.0, -2.0)) == 17.0
    assert float(height(SURFACES["saddle"], 2.0, 4.0)) == -6.0
    assert float(height(SURFACES["rosenbrock"], -1.0, 2.0)) == 104.0
    assert float(height(SURFACES["himmelblau"], 0.0, 0.0)) == 170.0
    assert float(height(SURFACES["double-well"], 1.0, 2.0)) == pytest.approx(4 - 2 / 3)


def test_turning_keeps_the_distance_and_turns_back():
    x, y = turned((3.0, 1.0), 37.0)
    assert x**2 + y**2 == pytest.approx(10.0)
    assert turned((x, y), -37.0) == pytest.approx((3.0, 1.0), abs=1e-5)
    assert float(height(bowl(20.0, 37.0), x, y)) == pytest.approx(
        float(height(bowl(20.0, 0.0), 3.0, 1.0)), rel=1e-5
    )


@pytest.mark.parametrize("name", SURFACES)
def test_every_start_and_minimum_lies_in_its_domain(name):
    surface = SURFACES[name]
    for place in (surface.start, *(minimum.position for minimum in surface.minima)):
        assert all(
            low <= value <= high for value, (low, high) in zip(place, surface.domain, strict=True)
        )


@pytest.mark.parametrize(
    "text",
    ["x^2 + y^2", "1/x + y", "log(x) + y^2", "x", "0*x + y*0", "log(-1 - x^2 - y^2)", "exp(x^6)"],
)
def test_the_contours_of_any_formula_rise_and_are_finite(text):
    surface = typed(parse(text, ("x", "y")))
    levels = surface.sampled(surface.domain).levels(surface.domain)
    assert levels.shape == (BANDS + 1,)
    assert np.isfinite(levels).all()
    assert (np.diff(levels) > 0).all()
    assert np.isfinite(surface.start).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log(x) + y", "not a number on 50"),
        ("sqrt(-1 - x^2) + y", "not a number anywhere"),
        ("1/(x^2 + y^2)", "a pole"),
        ("x^2 + y^2", ""),
    ],
)
def test_where_a_surface_breaks_off_is_said_in_words(text, words):
    surface = typed(parse(text, ("x", "y")))
    remark = surface.sampled(surface.domain).remark()
    assert words in remark
    assert bool(remark) == bool(words)


def test_a_typed_surface_starts_where_it_is_defined_and_not_at_the_brink():
    x, y = typed(parse("log(x) + 1/(10 - y)", ("x", "y"))).start
    assert x > 0.3
    assert y < 10


def test_the_code_of_a_typed_surface_is_that_surface():
    surface = typed(parse("x^2 y - max(x, 2y)", ("x", "y")))
    loss = eval(surface.task.code, {"jnp": jnp})
    point = jnp.array([1.5, -0.5])
    assert float(loss(point)) == float(surface.task.loss(point))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1/x + y", "has a pole"),
        ("1/(x^2 + (y - 0.013)^2)", "has a pole"),
        ("1/(x - y)", "has a pole"),
        ("log(x^2 + y^2)", "has a pole"),
        ("x^64 + y^64", "overflows on"),
        ("exp(exp(2x)) + y^2", "overflows on"),
        ("1/exp(40x) + y", "overflows on"),
        ("log(x) + y", "not a number on 50"),
        ("1/(x^2 + y^2 + 1)", ""),
        ("|x| + sin²(y)", ""),
    ],
)
def test_a_pole_and_an_overflow_are_told_apart(text, words):
    surface = typed(parse(text, ("x", "y")))
    remark = surface.sampled(surface.domain).remark()
    assert words in remark
    assert bool(remark) == bool(words)
    if "overflows" in words:
        assert "pole" not in remark
