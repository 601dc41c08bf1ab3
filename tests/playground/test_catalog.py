"""Every optimizer is there, with sliders that hold what its signature says."""

import inspect

import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent import optimizers
from jdescent.core import Real, Switch, hyperparameters_of
from jdescent_playground.catalog import METHODS, limit_formula, split, stability_limit
from jdescent_playground.curves import CURVES
from jdescent_playground.runs import Setup, compute

ALL = [
    pytest.param(method, one, id=f"{method.name}-{one.name}")
    for method in METHODS.values()
    for one in method.hyperparameters
]


def test_every_optimizer_of_jdescent_is_there():
    """But those that need a random key, another optimizer or the like."""
    shown = {name for name in METHODS if "." not in name}
    assert shown <= set(optimizers.__all__)
    for name in set(optimizers.__all__) - shown:
        with pytest.raises(TypeError):
            getattr(jd, name)(learning_rate=0.1)


def test_optaxs_are_there_under_its_name():
    for name in ("adam", "sgd", "lamb", "radam", "adafactor"):
        assert METHODS[f"optax.{name}"].factory is getattr(optax, name)


@pytest.mark.parametrize("name", [name for name in METHODS if "." not in name])
def test_all_hyperparameters_of_jdescent_have_a_slider_or_switch(name):
    signature = inspect.signature(getattr(jd, name)).parameters
    said = hyperparameters_of(getattr(jd, name)).values()
    numbers = [one.name for one in said if isinstance(one.kind, Real | Switch)]
    assert [one.name for one in METHODS[name].hyperparameters] == numbers
    for one in METHODS[name].hyperparameters[1:]:
        assert one.default == signature[one.name].default


@pytest.mark.parametrize(("method", "one"), ALL)
def test_a_slider_holds_its_default_and_returns_what_it_is_given(method, one):
    del method
    assert one.checked(one.default) == one.default
    if one.scale == "switch":
        assert one.value(one.position(one.default)) is one.default
        return
    positions = np.linspace(0, 1, 41)
    values = [one.value(position) for position in positions]
    numbers = [0.0 if value is None else value for value in values]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0.0 if one.optional else one.low, one.high)
    for value in values:
        again = one.value(one.position(value))
        assert again == value or again == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("sgd", {}),
        ("sgd", {"momentum": 0.5}),
        ("sgd", {"momentum": 0.8, "dampening": 0.5}),
        ("sgd", {"momentum": 0.5, "nesterov": True}),
        ("heavy_ball", {}),
        ("heavy_ball", {"momentum": 0.3}),
        ("nesterov", {"momentum": 0.5}),
        ("optax.sgd", {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_the_limit_marked_on_the_slider_is_where_runs_begin_to_leave(method, settings):
    """The 1,000 steps of a run, not theory, decide: 2 % below the limit it stays, 2 % above not."""
    limit = stability_limit(method, settings, curvature=2.0)
    setup = Setup(CURVES["parabola"].task, method, {**settings, "learning_rate": limit}, 0.0)
    below, above = (compute(setup.but(learning_rate=share * limit)) for share in (0.98, 1.02))
    assert abs(below.x[800] - 3) < 3 < abs(above.x[min(800, above.last)] - 3)


def test_no_limit_is_marked_where_none_is_known():
    assert stability_limit("adam", {}, 1.0) is None
    assert stability_limit("sgd", {}, 0.0) is None
    assert stability_limit("sgd", {}, -1.0) is None
    assert (
        stability_limit("sgd", {"momentum": 0.5, "nesterov": True, "dampening": 0.1}, 1.0) is None
    )


def test_the_limits_formula_says_what_is_computed():
    settings = {"momentum": 0.5}
    assert limit_formula("heavy_ball", settings) == "2(1 + β)/λ"
    assert stability_limit("heavy_ball", settings, 4.0) == 2 * 1.5 / 4
    assert limit_formula("nesterov", settings) == "2(1 + β)/((1 + 2β)λ)"
    assert stability_limit("nesterov", settings, 4.0) == 2 * 1.5 / (2 * 4)
    assert limit_formula("sgd", {"momentum": 0.5, "dampening": 0.2}) == "2(1 + β)/((1 − d)λ)"


def test_numbers_are_traced_and_switches_are_not():
    numbers, switches = split(METHODS["sgd"], {"learning_rate": 0.1, "momentum": 0.9})
    assert numbers == {"learning_rate": 0.1, "momentum": 0.9, "dampening": 0.0}
    assert switches == (("nesterov", False), ("undampened_start", False))


def test_equations_are_those_of_the_docstring():
    assert METHODS["heavy_ball"].equations == "velocity ← β·velocity − lr·g\nx ← x + velocity"
    assert all(method.equations for method in METHODS.values() if "." not in method.name)


def test_values_outside_a_sliders_range_are_refused():
    momentum = METHODS["heavy_ball"].hyperparameter("momentum")
    with pytest.raises(ValueError, match=r"from 0 to 0\.999, got 1\.5"):
        momentum.checked(1.5)
    with pytest.raises(ValueError, match="must be a number"):
        momentum.checked(None)
    with pytest.raises(ValueError, match="on or off"):
        METHODS["sgd"].hyperparameter("nesterov").checked(0.5)
    assert METHODS["sgd"].hyperparameter("momentum").checked(None) is None
