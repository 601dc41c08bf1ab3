"""Every optimizer against its optax twin, in units of rounding: ε·(lr + |u|)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import TWINS, by_name
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from walks import nested_tree, random_gradients, units_apart, walk

import jdescent as jd
from jdescent.testing import assert_same_path


def natural_step(ours, learning_rate, settings):
    """The lr of a unit; where a velocity sums normalized steps, it sums their roundings too."""
    return (
        learning_rate / (1 - settings.get("momentum", 0)) if ours is jd.rmsprop else learning_rate
    )


CORRECTED = (jd.adam, jd.adamw, jd.nadam, jd.amsgrad)
"""Whose twins take 1 − βᵗ from a rounded βᵗ, off by ε/(1 − β): they walk in float64 here."""


@pytest.mark.parametrize("case", TWINS, ids=by_name)
def test_updates_equal_the_twins_to_four_roundings_in_float32(case):
    step = natural_step(case.ours, 0.1, case.settings)
    assert_same_path(
        case.build(0.1), case.build_twin(0.1), nested_tree(), step, steps=200, units=4,
        in_float64=case.ours in CORRECTED,
    )  # fmt: skip


def walk_both(ours, twin, params, steps):
    """Both libraries' updates from one compilation; optax mixes dtypes: strictness forbids it."""

    @jax.jit
    def walks(gradients, params):
        updates, _ = walk(ours, gradients, params)
        with jax.numpy_dtype_promotion("standard"):
            return updates, walk(twin, gradients, params)[0]

    return walks(random_gradients(steps, params), params)


@pytest.mark.parametrize("case", TWINS, ids=by_name)
def test_updates_equal_the_twins_to_1e_12_of_the_rate_in_float64(case, x64):
    updates, expected = walk_both(case.build(0.1), case.build_twin(0.1), nested_tree(), 200)
    assert updates["w"].dtype == jnp.float64
    assert units_apart(updates, expected, 0.1) <= 1e-12 / 2**-52


def decades(low, high):
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


def fractions(below):
    return st.floats(0, below)


# ε·m is small beside √v, and its ratio well-conditioned, where m forgets no later than v: β₁ ≤ β₂
MEANS = {"b1": fractions(0.99), "b2": fractions(0.9999), "eps": decades(-10, -2)}
FAMILIES = {
    "sgd": (jd.sgd, optax.sgd, {}, {}),
    "sgd momentum": (jd.sgd, optax.sgd, {}, {"momentum": fractions(0.99)}),
    "sgd nesterov": (jd.sgd, optax.sgd, {"nesterov": True}, {"momentum": fractions(0.99)}),
    "adagrad": (
        jd.adagrad,
        optax.adagrad,
        {},
        {"initial_accumulator_value": st.floats(0, 2), "eps": decades(-10, -2)},
    ),
    "rmsprop": (
        jd.rmsprop,
        optax.rmsprop,
        {},
        {"decay": fractions(0.999), "eps": decades(-10, -2), "initial_scale": st.floats(0, 2)},
    ),
    "rmsprop eps outside, momentum": (
        jd.rmsprop,
        optax.rmsprop,
        {"eps_in_sqrt": False},
        {"decay": fractions(0.999), "eps": decades(-8, -2), "momentum": fractions(0.99)},
    ),
    "rmsprop corrected, nesterov": (
        jd.rmsprop,
        optax.rmsprop,
        {"bias_correction": True, "nesterov": True},
        {"decay": fractions(0.999), "eps": decades(-10, -2), "momentum": fractions(0.9)},
    ),
    "adadelta": (
        jd.adadelta,
        optax.adadelta,
        {},
        {"rho": fractions(0.999), "eps": decades(-8, -2)},
    ),
    "adam": (jd.adam, optax.adam, {}, MEANS | {"eps_root": decades(-10, -2)}),
    "adamw": (jd.adamw, optax.adamw, {}, MEANS | {"weight_decay": fractions(0.5)}),
    "nadam": (jd.nadam, optax.nadam, {}, MEANS),
    "adamax": (jd.adamax, optax.adamax, {}, MEANS),
    "amsgrad": (jd.amsgrad, optax.amsgrad, {}, MEANS),
    "sign_sgd": (jd.sign_sgd, optax.sign_sgd, {}, {}),
    "lion": (
        jd.lion,
        optax.lion,
        {},
        {"b1": fractions(0.99), "b2": fractions(0.999), "weight_decay": fractions(0.5)},
    ),
}


@functools.cache
def compiled(family, ours):
    """The updates of one library, compiled once for all hyperparameters."""
    make, twin, fixed, _ = FAMILIES[family]

    @jax.jit
    def updates(hyperparameters, gradients, params):
        optimizer = (make if ours else twin)(**fixed, **hyperparameters)
        with jax.numpy_dtype_promotion("strict" if ours else "standard"):
            return walk(optimizer, gradients, params)[0]

    return updates


def twins_updates(family, hyperparameters, gradients, params):
    """Of the very float32 numbers that ours is given; in float64 where a bias is corrected."""
    if not (FAMILIES[family][0] in CORRECTED or "bias_correction" in FAMILIES[family][2]):
        return compiled(family, ours=False)(hyperparameters, gradients, params)
    rounded = {name: float(np.float32(value)) for name, value in hyperparameters.items()}
    gradients, params = np.asarray(gradients, np.float64), np.asarray(params, np.float64)
    with jax.enable_x64(True):
        updates = compiled(family, ours=False)(rounded, gradients, params)
        return np.asarray(updates, np.float32)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_updates_equal_the_twins_over_all_hyperparameters(family, data):
    ours, _, _, strategies = FAMILIES[family]
    rates = decades(-6, 0 if "weight_decay" in strategies else 2)  # lr·w < 2, or x itself diverges
    hyperparameters = data.draw(st.fixed_dictionaries({"learning_rate": rates} | strategies))
    if "eps" in strategies and "b1" in strategies:
        assume(hyperparameters["b1"] <= hyperparameters["b2"])
    params = jnp.linspace(-1, 1, 4)
    gradients = random_gradients(100, params, seed=data.draw(st.integers(0, 2**32 - 1)))
    updates = compiled(family, ours=True)(hyperparameters, gradients, params)
    expected = twins_updates(family, hyperparameters, gradients, params)
    step = natural_step(ours, hyperparameters["learning_rate"], hyperparameters)
    assert units_apart(updates, expected, step) <= 4


SHAPES = st.sampled_from([(), (0,), (1,), (3,), (2, 2)])
TREES = st.recursive(
    SHAPES.map(lambda shape: jnp.full(shape, 0.5)) | st.none(),
    lambda branches: (
        st.dictionaries(st.sampled_from("abcd"), branches, max_size=3)
        | st.lists(branches, max_size=3)
        | st.tuples(branches, branches)
    ),
    max_leaves=5,
)


@settings(max_examples=12)
@given(case=st.sampled_from(TWINS), params=TREES, seed=st.integers(0, 2**32 - 1))
def test_updates_equal_the_twins_on_trees_of_any_build(case, params, seed):
    gradients = random_gradients(4, params, seed)
    gradients = [jax.tree.map(lambda g, n=n: g[n], gradients) for n in range(4)]
    step = natural_step(case.ours, 0.1, case.settings)
    assert_same_path(
        case.build(0.1), case.build_twin(0.1), params, step, gradients=gradients,
        in_float64=case.ours in CORRECTED,
    )  # fmt: skip


SCHEDULES = {
    "cosine": (jd.schedules.cosine(0.1, 60), optax.cosine_decay_schedule(0.1, 60)),
    "warm-up": (
        jd.schedules.warm_up(jd.schedules.exponential(0.1, 0.5, every=20), 10),
        optax.warmup_exponential_decay_schedule(0.0, 0.1, 10, 20, 0.5),
    ),
}
# adam with β₂ = 0.9, where the twin's bias correction is right to a few roundings
SCHEDULED = [case for case in TWINS if case.name in ("sgd with nesterov", "adam eps_root", "lion")]


@pytest.mark.parametrize("case", SCHEDULED, ids=by_name)
@pytest.mark.parametrize("name", SCHEDULES)
def test_updates_equal_the_twins_under_either_library_s_schedule(case, name):
    ours, twins = SCHEDULES[name]
    params = jnp.linspace(-1, 1, 4)

    @jax.jit
    def walks(gradients):
        with jax.numpy_dtype_promotion("standard"):  # optax's schedules divide integers by floats
            return [
                walk(build(schedule), gradients, params)[0]
                for build in (case.build, case.build_twin)
                for schedule in (ours, twins)
            ]

    with_ours, with_twins, twin_with_ours, twin_with_twins = walks(random_gradients(100, params))
    assert units_apart(with_ours, twin_with_ours, 0.1) <= 4
    assert units_apart(with_twins, twin_with_twins, 0.1) <= 4
    # the two schedules round differently: by ε of the rate on top of the rule's own rounding
    assert units_apart(with_ours, twin_with_twins, 0.1) <= 8
