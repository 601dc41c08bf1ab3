"""Optimizers on trial, named in every way that there is."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.report_card.subject import setting_of, subject_of, tried

MINE = """
import collections
import jax

Pair = collections.namedtuple("Pair", "init update")

def plain(step_size, sign=-1.0):
    def update(grads, state, params=None):
        return jax.tree.map(lambda g: sign * step_size * g, grads), state
    return Pair(lambda params: (), update)

made = plain(0.5)
number = 3

def wrong(lr):
    return lr

def fails(lr):
    raise RuntimeError("not today")
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def first_step(subject, rate):
    optimizer = subject.make(rate)
    x = jnp.array([1.0, -2.0])
    return optimizer.update(x, optimizer.init(x), x)[0]


@pytest.mark.parametrize(
    "what",
    [
        "sgd",
        "optax:sgd",
        "lambda lr: optax.sgd(lr)",
        jd.sgd,
        functools.partial(jd.sgd),
        "FILE:plain",
    ],
)
def test_all_ways_to_name_gradient_descent_make_it(what, mine):
    if isinstance(what, str):
        what = what.replace("FILE", str(mine))
    subject = subject_of(what)
    assert subject.takes_rate
    assert subject.rate_traces
    np.testing.assert_allclose(first_step(subject, 0.25), [-0.25, 0.5])


def test_the_code_on_a_card_makes_the_same_optimizer(mine):
    for what, settings in [
        ("heavy_ball", {"momentum": 0.5}),
        ("optax:sgd", {"momentum": 0.9}),
        ("lambda lr: jd.sgd(2 * lr)", {}),
        (f"{mine}:plain", {"sign": -2.0}),
        (functools.partial(jd.adam, b1=0.5), {}),
    ]:
        subject = subject_of(what, settings)
        known: dict = {}
        exec(subject.python(0.25), known)
        x = jnp.array([1.0, -2.0])
        made = known["optimizer"]
        got = made.update(x, made.init(x), x)[0]
        np.testing.assert_array_equal(got, first_step(subject, 0.25))


def test_settings_are_given_and_kept_as_numbers():
    subject = subject_of("adam", {"b1": 0.5})
    assert subject.name == "adam(b1=0.5)"
    assert subject.settings["b1"] == 0.5
    assert subject.settings["b2"] == 0.999
    assert "learning_rate" not in subject.settings


def test_what_has_no_learning_rate_is_said_to_have_none(mine):
    made = subject_of(f"{mine}:made")
    assert not made.takes_rate
    assert made.rates().tolist() == [1.0]
    assert "no learning rate" in tried(made.rates())
    np.testing.assert_allclose(first_step(made, 7.0), [-0.5, 1.0])
    assert subject_of("dog").default_rate == 1.0


@pytest.mark.parametrize(
    ("what", "settings", "error", "says"),
    [
        ("adma", {}, ValueError, "no optimizer 'adma'.*adam"),
        ("lookahead", {}, ValueError, "needs fast_optimizer.*--set fast_optimizer="),
        ("adam", {"beta": 1}, ValueError, "no setting beta.*b1"),
        ("adam", {"b1": 2.0}, ValueError, "cannot be made.*b1 must be"),
        ("optax:nothing", {}, ValueError, "optax has no 'nothing'"),
        ("no_such_module:x", {}, ValueError, "no module 'no_such_module'"),
        ("nowhere.py:x", {}, ValueError, "no file .*nowhere.py"),
        ("lambda lr", {}, ValueError, "no Python expression"),
        ("FILE:number", {}, TypeError, "must be a function .*got 3"),
        ("FILE:wrong", {}, TypeError, r"must make an \(init, update\) pair"),
        ("FILE:fails", {}, ValueError, "RuntimeError: not today"),
        ("FILE:missing", {}, ValueError, "has no 'missing'; it has .*plain"),
        ("FILE:made", {"sign": 1}, ValueError, "is made already"),
    ],
)
def test_what_makes_no_optimizer_is_refused_in_words(what, settings, error, says, mine):
    with pytest.raises(error, match=says):
        subject_of(what.replace("FILE", str(mine)), settings)


@pytest.mark.parametrize("text", ["1/0", "raise SystemExit('bye')", "import nothing_of_that_name"])
def test_a_file_that_fails_says_why(text, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken.py fails: (Zero|System|Module)"):
        subject_of(f"{path}:x")


@pytest.mark.parametrize("text", ["b1", "=3", "b 1=3", "1=3"])
def test_a_setting_is_a_name_and_a_value(text):
    with pytest.raises(ValueError, match="NAME=VALUE"):
        setting_of(text)


def test_rates_one_by_one_give_what_rates_together_give():
    def descended(make, rate):
        return jd.descend(lambda x: jnp.sum(x**2), jnp.ones(2), make(rate), 3, record=None).params

    def concrete(rate):
        return jd.sgd(float(rate))  # as one that asks what the rate is

    together, apart = subject_of(jd.sgd), subject_of(concrete)
    assert together.rate_traces
    assert not apart.rate_traces
    rates = np.array([0.1, 0.2], np.float32)
    found = [
        one.over_rates(functools.partial(descended, one.make), rates) for one in (together, apart)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
