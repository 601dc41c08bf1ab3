"""Whom a path is told to be of: renamed copies, other settings, and optimizers got wrong."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent._jax import enable_x64
from jdescent.report_card import identity
from jdescent.report_card.matching import ALIKE
from jdescent.report_card.relatives import RECORD, RECORDED, nearest, relatives
from jdescent.report_card.slips import SLIPS, late
from jdescent.report_card.subject import subject_of
from jdescent.report_card.trial import STEPS, trial

Pair = collections.namedtuple("Pair", "init update")


def by_hand(step, b1=0.9, b2=0.95):
    """Adam in other words, with a step of one's own: ``step(m, v, v_before, b1ᵗ, b2ᵗ)``."""

    def make(rate):
        def init(params):
            zeros = jax.tree.map(jnp.zeros_like, params)
            return 0, zeros, zeros

        def update(grads, state, params=None):
            t, m, v = state
            new_m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
            new_v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g**2, v, grads)
            powers = [jnp.asarray(b, rate_dtype) ** (t + 1) for b in (b1, b2)]
            updates = jax.tree.map(
                lambda m, v, before: -rate * step(m, v, before, *powers), new_m, new_v, v
            )
            return updates, (t + 1, new_m, new_v)

        rate_dtype = jnp.result_type(float)
        return Pair(init, update)

    return make


def measured(what):
    with jax.numpy_dtype_promotion("standard"):
        return identity.measure(subject_of(what))


@pytest.fixture
def few_relatives(monkeypatch):
    """For what is told of the path alone, whoever is near."""
    monkeypatch.setattr(identity, "LOOKED_AT", {False: 1, True: 1})
    monkeypatch.setattr(identity, "MISTAKES", 1)


def of(part, name):
    return next(f.value for f in part.findings if f.name == name)


RIGHT = by_hand(lambda m, v, _, p1, p2: m / (1 - p1) / (jnp.sqrt(v / (1 - p2)) + 1e-8))


def test_a_copy_of_adam_is_told_with_its_settings():
    part = measured(RIGHT)
    assert of(part, "nearest") == "jd.adam(b2=0.95)"
    assert of(part, "equals")
    assert part.failures == []


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (lambda m, v, _, p1, p2: m / (jnp.sqrt(v) + 1e-8), "neither bias is corrected"),
        (
            lambda m, v, _, p1, p2: m / (1 - p1) / jnp.sqrt(v / (1 - p2) + 1e-8),
            "ε stands inside the root",
        ),
        (
            lambda m, v, old, p1, p2: m / (1 - p1) / (jnp.sqrt(old / (1 - p2)) + 1e-8),
            "v is that of the step before, corrected for this one",
        ),
        (lambda m, v, _, p1, p2: m / (1 - p1) / (v / (1 - p2) + 1e-8), "without its root"),
    ],
)
def test_an_adam_got_wrong_is_told_what_is_wrong(step, wrong):
    part = measured(by_hand(step))
    assert of(part, "equals")
    (failure,) = part.failures
    assert failure.where == "it is adam got wrong"
    assert wrong in failure.why


def adamw_that_grows(rate):
    """Decoupled decay, added."""
    adam = optax.adam(rate, b2=0.95)

    def update(grads, state, params):
        updates, state = adam.update(grads, state)
        return jax.tree.map(lambda u, x: u + rate * 0.02 * x, updates, params), state

    return Pair(adam.init, update)


def momentum_that_sums(rate):
    def init(params):
        return jax.tree.map(jnp.zeros_like, params)

    def update(grads, velocity, params=None):
        velocity = jax.tree.map(lambda v, g: v + g, velocity, grads)
        return jax.tree.map(lambda v: -rate * v, velocity), velocity

    return Pair(init, update)


def descent_to_new_parameters(rate):
    def update(grads, state, params):
        return jax.tree.map(lambda x, g: x - rate * g, params, grads), state

    return Pair(lambda params: (), update)


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    [
        (adamw_that_grows, "adamw", "decay has the wrong sign"),
        (momentum_that_sums, "heavy_ball", "never decayed"),
        (descent_to_new_parameters, "sgd", "returns the new parameters"),
    ],
)
def test_slips_of_hands_are_told(make, name, wrong):
    part = measured(make)
    assert of(part, "equals")
    told = {failure.where: failure.why for failure in part.failures}
    assert wrong in told[f"it is {name} got wrong"]


@pytest.mark.parametrize(
    ("make", "name", "wrong"),
    [
        (optax.rprop, "rprop", "late"),
        (optax.adan, "adan", "1 − β₂"),
        (optax.contrib.acprop, "acprop", "before this gradient"),
    ],
)
def test_three_of_optax_are_told_to_be_their_papers_optimizers_got_wrong(make, name, wrong):
    part = measured(make)
    (failure,) = part.failures
    assert failure.where == f"it is {name} got wrong"
    assert wrong in failure.why


def test_the_librarys_own_are_themselves_whatever_else_they_equal():
    for what in ("adam", "lion", "rprop"):
        part = measured(what)
        assert of(part, "nearest") == f"jd.{what}"
        assert part.failures == []
    switched = identity.measure(subject_of("adam", {"eps": 0.0, "eps_root": 1e-8}))
    assert switched.failures == []


def test_nadam_by_another_name_is_told():
    part = measured(lambda lr: optax.adam(lr, b1=0.95, nesterov=True))
    assert of(part, "equals")
    assert of(part, "nearest") in ("jd.adam(nesterov=True, b1=0.95)", "jd.nadam(b1=0.95)")


def test_a_factor_of_the_rate_alone_is_told_of_the_plainest():
    part = measured("lambda lr: jd.sgd(3 * lr)")
    assert of(part, "nearest") == "jd.sgd(3 * rate)"


def test_what_has_no_learning_rate_is_told_with_the_one_it_equals():
    assert of(measured(jd.sgd(0.1)), "nearest") == "jd.sgd(learning_rate=0.1)"


def test_a_momentum_and_a_factor_of_the_rate_are_found():
    part = measured(lambda lr: jd.heavy_ball(lr / 3, momentum=0.7))
    assert of(part, "equals")
    assert "0.333333 * rate" in of(part, "nearest")
    assert "0.7" in of(part, "nearest")


def test_what_equals_nobody_is_said_to_equal_nobody():
    def third_root(rate):
        return Pair(
            lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda x: -rate * jnp.cbrt(x), g), s)
        )

    part = measured(third_root)
    assert not of(part, "equals")
    assert of(part, "distance") > 1e-3
    assert part.failures == []


def test_ascent_is_told(few_relatives):
    part = measured(
        lambda lr: Pair(lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda x: lr * x, g), s))
    )
    assert any("sign of its update is wrong" in failure.why for failure in part.failures)


def test_a_path_that_is_not_finite_is_a_failure_in_words():
    part = measured(
        lambda lr: Pair(
            lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda x: x * jnp.nan, g), s)
        )
    )
    assert [failure.why for failure in part.failures] == ["its path is not finite from step 1 on"]
    assert part.findings == ()


def test_leaves_that_never_move_are_told(few_relatives):
    def first_leaf_alone(rate):
        def update(grads, state, params=None):
            first, *others = jax.tree.leaves(grads)
            moved = [-rate * first, *(jnp.zeros_like(x) for x in others)]
            return jax.tree.unflatten(jax.tree.structure(grads), moved), state

        return Pair(lambda params: (), update)

    def still(rate):
        return Pair(lambda p: (), lambda g, s, p=None: (jax.tree.map(jnp.zeros_like, g), s))

    assert any("s and w never move" in f.why for f in measured(first_leaf_alone).failures)
    assert any("no parameter moves" in f.why for f in measured(still).failures)


def test_steps_that_no_gradient_changes_are_told(few_relatives):
    def constant(rate):
        return Pair(
            lambda p: (),
            lambda g, s, p=None: (jax.tree.map(lambda x: jnp.full_like(x, -rate), g), s),
        )

    assert any("no gradient counts" in f.why for f in measured(constant).failures)


def test_settings_that_bring_nothing_near_are_not_named():
    """A fit to what has nothing in common gives numbers such as 5e277 * rate."""
    part = measured(
        lambda lr: Pair(lambda p: (), lambda g, s, p=None: (jax.tree.map(jnp.negative, p), s))
    )
    assert of(part, "distance") > ALIKE
    assert "rate" not in of(part, "nearest")


def test_late_updates_are_those_before():
    optimizer, x = late(jd.sgd(1.0)), jnp.array(1.0)
    state = optimizer.init(x)
    steps = []
    for gradient in (1.0, 2.0, 3.0):
        update, state = optimizer.update(jnp.array(gradient), state, x)
        steps.append(float(update))
    assert steps == [0.0, -1.0, -2.0]


def test_the_record_holds_the_paths_of_today():
    recorded = np.load(RECORD)
    start = recorded["start"]
    titles, variations = recorded["titles"].tolist(), recorded["variations"]
    known = {one.title: one for one in relatives()}
    assert set(titles) <= set(known)
    assert {slip.factory for slip in SLIPS} == {
        known[t].factory for t in set(titles) if known[t].wrong
    }
    with enable_x64(True):
        np.testing.assert_array_equal(np.asarray(trial().x0), start)
        for title in ("jd.adam", "jd.lion", "jd.muon", "jd.rprop"):
            one = known[title]
            usual = {name: number.start for name, number in one.numbers.items()}
            path = np.asarray(jax.jit(lambda o=one, u=usual: o.path(u))())
            move = (path - start)[RECORDED]
            (row,) = (i for i, t in enumerate(titles) if t == title and variations[i] == 0)
            np.testing.assert_allclose(recorded["moves"][row], move / np.abs(move).max(), atol=1e-3)


def test_the_nearest_of_a_path_on_record_is_its_own():
    known = {one.title: one for one in relatives()}["jd.yogi"]
    with enable_x64(True):
        path = np.asarray(known.path({name: n.start for name, n in known.numbers.items()}))
    assert path.shape == (STEPS, 18)
    assert nearest(path, 1)[0].relative.title == "jd.yogi"
