"""What every factory's signature promises: refusals by name, documentation, traced values."""

import inspect
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import pytest

import jdescent as jd
from jdescent import core, optimizers, transforms

FACTORIES = {name: getattr(optimizers, name) for name in optimizers.__all__} | {
    name: getattr(jd, name)
    for name in ("clip", "clip_by_global_norm", "centralize", "add_decayed_weights", "add_noise")
}
FACTORIES = {name: one for name, one in FACTORIES.items() if core.hyperparameters_of(one)}
each_factory = pytest.mark.parametrize("name", FACTORIES)


def valid(said):
    """A value that the signature allows."""
    if isinstance(said.kind, core.Real):
        kind = said.kind
        return min(kind.low + 0.5, (kind.low + kind.high) / 2) if kind.low > -jnp.inf else 0.5
    return {
        "Whole": 3, "Switch": True, "FloatingDType": jnp.float32, "RandomKey": jax.random.key(0),
        "Booleans": True, "AnOptimizer": jd.sgd(0.1), "Checked": jd.global_norm,
    }.get(type(said.kind).__name__)  # fmt: skip


def needed(factory):
    """Values for the arguments that have no default."""
    return {
        name: valid(said)
        for name, said in core.hyperparameters_of(factory).items()
        if said.default is inspect.Parameter.empty
    }


@each_factory
def test_what_the_signature_does_not_allow_is_refused_by_name(name, as_users_run):
    factory = FACTORIES[name]
    for said in core.hyperparameters_of(factory).values():
        for value, error in said.kind.refused():
            with pytest.raises(error, match=said.name):
                factory(**{**needed(factory), said.name: value})


@each_factory
def test_a_default_can_be_called_only_where_a_function_is_asked_for(name):
    """optax.inject_hyperparams takes all that can be called, dtypes such as jnp.float32 too, for
    schedules."""
    for said in core.hyperparameters_of(FACTORIES[name]).values():
        given = said.default is not inspect.Parameter.empty
        is_checked = isinstance(said.kind, core.Checked)
        assert not (given and callable(said.default)) or is_checked, said.name


@each_factory
def test_arguments_are_explained_in_the_docstring_as_the_signature_says_them(name):
    factory = FACTORIES[name]
    words = " ".join(inspect.getdoc(factory).split())
    for said in core.hyperparameters_of(factory).values():
        assert f"{said.name}: {' '.join(said.described().split())}" in words
    assert "Reference:" in words or factory.__module__ == transforms.__name__


def test_a_traced_value_out_of_its_range_shows_in_the_update():
    def update(b1, x):
        optimizer = jd.adam(0.1, b1=b1)
        return optimizer.update(x, optimizer.init(x))[0]

    assert jnp.isfinite(jax.jit(update)(0.9, 1.0))
    for b1 in (-0.1, 1.0, jnp.nan):
        assert jnp.isnan(jax.jit(update)(b1, 1.0))


@jd.optimizer
def every_kind(
    size: core.Count,
    share: core.Fraction = 0.5,
    shift: core.Finite = -1.0,
    width: core.Positive | None = None,
    seed: core.Seed = 0,
    pair: tuple[Literal["near", "far"], core.Decay] = ("near", 0.5),
    rates: Annotated[Any, core.Each(core.Real())] = (),
    few: Annotated[int, core.Whole(most=3)] = 1,
):
    """One step of the shift.

    Reference: nobody.
    """
    return jd.leafwise(lambda g: 0 * g + shift * size)


def test_kinds_know_their_ranges(as_users_run):
    assert every_kind(2, 1.0, -3.0).update(jnp.ones(()), every_kind(2).init(jnp.ones(())))[0] == -6
    assert repr(every_kind(2, shift=0.5)) == "every_kind(size=2, shift=0.5)"
    for wrong, told in [
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"size": 1.0}, "size must be a Python integer"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"share": 1.1}, "share must be ≥ 0 and ≤ 1, got 1.1"),
        ({"shift": jnp.inf}, "shift must be finite, got inf"),
        ({"width": 0.0}, "width must be > 0 and finite, got 0.0"),
        ({"pair": "near"}, "pair must be a tuple of 2, got 'near'"),
        ({"pair": ("near",)}, "pair must be a tuple of 2, got 1"),
        ({"pair": ("here", 0.5)}, r"pair\[0\] must be one of \['near', 'far'\], got 'here'"),
        ({"rates": 0.1}, "rates must be a sequence, got 0.1"),
        ({"rates": [0.1, -1.0]}, r"rates\[1\] must be ≥ 0 and finite, got -1.0"),
        ({"few": 4}, "few must be at most 3, got 4"),
        ({"pair": ("far", 1.0)}, r"pair\[1\] must be ≥ 0 and < 1, got 1.0"),
    ]:
        with pytest.raises((ValueError, TypeError), match=told):
            every_kind(**{"size": 2, **wrong})
    with pytest.raises(TypeError, match="missing a required argument: 'size'"):
        every_kind()
    for row in (
        "pair: a tuple ('near' or 'far'; pair[1] in [0, 1)).",
        "rates: a sequence, each rates[i] ≥ 0.",
        "few: few, an integer ≥ 1 and ≤ 3.",
    ):
        assert row in every_kind.__doc__


def test_a_value_may_be_what_a_function_makes_of_it():
    def even(name, value):
        if value % 2:
            raise ValueError(f"{name} must be even, got {value}")
        return value // 2

    @jd.optimizer
    def halved(pair: Annotated[Any, core.Checked(even, ((3, ValueError),)), "an even number"]):
        """Steps of half a number."""
        return jd.leafwise(lambda g: 0 * g + pair)

    assert halved(6).update(jnp.ones(()), halved(6).init(jnp.ones(())))[0] == 3
    assert "pair: an even number." in halved.__doc__
    (said,) = core.hyperparameters_of(halved).values()
    ((wrong, error),) = said.kind.refused()
    with pytest.raises(error, match="pair must be even, got 3"):
        halved(wrong)
