"""Gradients through long runs in little memory, bars that show them, and names of what is kept."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import assert_same

import jdescent as jd
from jdescent import progress

BOWL, START = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
PARABOLA = jd.losses.parabola()


def trained(rate, decay, steps=60, **options):
    start = jnp.array([2.0, 1.0])  # in the precision of the test
    return jd.descend(BOWL, start, jd.adam(rate, b1=decay), steps, **options).verdict.loss


@pytest.mark.parametrize("options", [{}, {"every": 10}, {"evaluate": (lambda p: p.loss, 20)}])
def test_the_gradient_by_adams_rate_and_decay_is_that_of_finite_differences(options, x64):
    """With checkpoints and without: the same to rounding, and (f(x + h) − f(x − h))/2h to h²."""

    def derivatives(checkpoint):
        value = lambda *x: trained(*x, checkpoint=checkpoint, **options)  # noqa: E731
        return jax.jit(jax.value_and_grad(value, argnums=(0, 1)))(0.02, 0.9)

    plain, kept = derivatives(False), derivatives(True)
    for ours, theirs in zip(jax.tree.leaves(kept), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    run, h = jax.jit(trained), 1e-5
    difference = [
        (run(0.02 + h, 0.9) - run(0.02 - h, 0.9)) / (2 * h),
        (run(0.02, 0.9 + h) - run(0.02, 0.9 - h)) / (2 * h),
    ]
    np.testing.assert_allclose(kept[1], difference, rtol=1e-6)


def bytes_of_gradient(steps, **options):
    """What the compiled program keeps beside its arguments and results, of 100 parameters."""

    def end(rate):
        loss = lambda x: jnp.sum(x**2)  # noqa: E731
        path = jd.descend(loss, jnp.ones(100), jd.adam(rate), steps, record=None, **options)
        return path.verdict.loss

    compiled = jax.jit(jax.grad(end)).lower(0.01).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_memory_for_a_gradient_grows_like_the_root_of_the_steps():
    """16 times the steps: about 16 times the memory without checkpoints, and about 4 with them."""
    plain = bytes_of_gradient(4096, every=1) / bytes_of_gradient(256, every=1)
    kept = bytes_of_gradient(4096, checkpoint=True) / bytes_of_gradient(256, checkpoint=True)
    assert 14 < plain < 17
    assert 3 < kept < 4.5


@pytest.mark.parametrize("options", [{}, {"every": 7}, {"record": None}])
def test_checkpoints_change_no_value(options):
    def run(checkpoint):
        return jax.jit(
            lambda: jd.descend(BOWL, START, jd.adam(0.05), 50, checkpoint=checkpoint, **options)
        )()

    kept, plain = run(True), run(False)
    np.testing.assert_allclose(kept.params, plain.params, rtol=1e-5)
    assert (kept.verdict.status, kept.verdict.step) == (plain.verdict.status, plain.verdict.step)
    if plain.loss is not None:
        np.testing.assert_allclose(kept.loss, plain.loss, rtol=1e-4)


class Shown:
    """In the place of tqdm: what it was told."""

    bars = []

    def __init__(self, total, **_):
        self.total, self.n, self.told, self.closed = total, 0, [], False
        self.bars.append(self)

    def set_postfix_str(self, text, refresh):
        self.text = text

    def update(self, steps):
        self.n += steps
        self.told.append((self.n, self.text))

    def close(self):
        self.closed = True


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setattr(progress, "tqdm", Shown)
    monkeypatch.setattr(Shown, "bars", [])
    return Shown.bars


@pytest.mark.parametrize(
    "options", [{}, {"every": 20}, {"record": None}, {"evaluate": (lambda p: p.loss, 100)}]
)
def test_a_bar_goes_from_step_to_step_with_the_loss_there_and_changes_nothing(bars, options):
    """x − 3 = −3·0.98ⁿ on the parabola: the loss is 9·0.98²ⁿ."""
    run = jax.jit(
        lambda shown: jd.descend(PARABOLA, 0.0, jd.sgd(0.01), 400, progress=shown, **options),
        static_argnums=0,
    )
    paths = [run(True), run(True)]
    jax.effects_barrier()
    assert [bar.closed for bar in bars] == [True, True]
    for bar in bars:
        assert bar.total == bar.n == 400
        steps = [step for step, _ in bar.told]
        assert 5 <= len(steps) <= 101
        assert steps == sorted(steps)
        assert max(np.diff(steps)) <= 100
        for step, text in bar.told:
            assert math.isclose(float(text.split()[1]), 9 * 0.98 ** (2 * step), rel_tol=2e-3)
    for path in paths:
        assert_same(path, run(False))


def test_many_runs_share_one_bar_with_the_lowest_loss(bars):
    rates = jnp.array([0.01, 0.02, 0.6])
    paths = jax.vmap(lambda lr: jd.descend(BOWL, START, jd.sgd(lr), 100, progress=True))(rates)
    jax.effects_barrier()
    (bar,) = bars
    assert bar.closed
    assert bar.n == 100
    assert math.isclose(float(bar.told[-1][1].split()[1]), paths.verdict.loss[1], rel_tol=1e-3)


def test_a_gradient_with_a_bar_is_the_gradient(bars):
    got = jax.jit(jax.grad(lambda lr: trained(lr, 0.9, progress=True, checkpoint=True)))(0.1)
    jax.effects_barrier()
    assert bars[-1].closed
    np.testing.assert_allclose(got, jax.jit(jax.grad(trained))(0.1, 0.9), rtol=1e-4)


# -- names and functions in one record -----------------------------------------------------------


def length(point):
    return jnp.linalg.norm(point.params)


def test_names_and_functions_are_recorded_together():
    def record(asked):
        return jax.jit(lambda: jd.descend(BOWL, START, jd.sgd(0.1), 6, record=asked).record)()

    listed = record(["loss", "gradient_norm", length])
    named = record({"loss": "loss", "slope": "gradient_norm", "far": length})
    same = {"loss": "loss", "slope": "gradient_norm", "far": "length"}
    assert set(listed) == set(same.values())
    assert_same(named, {name: listed[other] for name, other in same.items()})
    x = np.stack([2 * 0.8 ** np.arange(7), 0.6 ** np.arange(7)], axis=1)
    np.testing.assert_allclose(named["far"], np.linalg.norm(x, axis=1), rtol=1e-5)
    np.testing.assert_allclose(named["slope"], np.linalg.norm(x * [2, 4], axis=1), rtol=1e-5)


CLASHES = {
    "two functions of one name": ([length, length], "two things of the name 'length'"),
    "a function without a name": ([lambda p: p.loss], "a function without a name"),
    "a known name for something else": ({"params": length}, "'params' what is not the params"),
    "the loss for something else": ({"loss": "gradient_norm"}, "'loss' what is not the loss"),
    "a name that is none": ({"speed": "velocity"}, "record does not know ['velocity']"),
    "a key that is no name": ({3: "loss"}, "record does not know [3]"),
}


@pytest.mark.parametrize("name", CLASHES)
def test_names_that_clash_are_refused(name, as_users_run):
    asked, told = CLASHES[name]
    with pytest.raises(ValueError, match=re.escape(told)):
        jd.descend(BOWL, START, jd.sgd(0.1), 3, record=asked)
