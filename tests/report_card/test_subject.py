"""Optimizers on trial, named in every way that there is."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
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


FORMS = """
from __future__ import annotations
import dataclasses
import functools
import sys
import jax
import jdescent as jd
from beside import FACTOR

@dataclasses.dataclass
class Config:
    b: float = 0.5

def step(rate):
    def update(grads, state, params=None):
        return jax.tree.map(lambda g: -FACTOR * rate * g, grads), state
    return (lambda params: ()), update

def plain_pair(lr):
    return step(lr)

def by_keyword_alone(*, learning_rate):
    return jd.sgd(learning_rate)

def by_place_alone(learning_rate, /):
    return jd.sgd(learning_rate)

def named_rate(rate=0.1, beta=0.9):
    return jd.sgd(rate)

def second(beta=0.9, lr=0.1):
    return jd.sgd(lr)

def hands_on(factory):
    def wrapper(*args, **kwargs):
        return factory(*args, **kwargs)
    return wrapper

decorated = hands_on(jd.sgd)

class Instance:
    def __init__(self, lr=0.1):
        self.lr = lr
    def init(self, params):
        return ()
    def update(self, grads, state, params=None):
        return jax.tree.map(lambda g: -self.lr * g, grads), state

def exits(lr):
    sys.exit(0)

def exits_in_update(lr):
    return (lambda params: ()), (lambda grads, state, params=None: sys.exit(0))
"""


@pytest.fixture
def forms(tmp_path):
    (tmp_path / "beside.py").write_text("FACTOR = 1.0\n")
    path = tmp_path / "optax.py"  # as a library is called
    path.write_text(FORMS)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "plain_pair",
        "by_keyword_alone",
        "by_place_alone",
        "named_rate",
        "second",
        "decorated",
        "Instance",
    ],
)
def test_a_rate_is_given_as_the_function_takes_it(name, forms):
    subject = subject_of(f"{forms}:{name}")
    assert subject.name == f"optax.{name}"
    assert subject.takes_rate
    np.testing.assert_allclose(first_step(subject, 0.25), [-0.25, 0.5])
    known: dict = {}
    exec(subject.python(0.25), known)
    made, x = known["optimizer"], jnp.array([1.0, -2.0])
    np.testing.assert_allclose(made.update(x, made.init(x), x)[0], [-0.25, 0.5])


def test_a_function_that_exits_is_refused_in_words(forms):
    with pytest.raises(ValueError, match="cannot be made: SystemExit"):
        subject_of(f"{forms}:exits")
    assert not subject_of(f"{forms}:exits_in_update").rate_traces


def test_a_fingerprint_is_of_what_closures_hold_and_of_what_files_import(tmp_path):
    def make(factor):
        return lambda lr: jd.sgd(factor * lr)

    assert subject_of(make(1.0)).fingerprint == subject_of(make(1.0)).fingerprint
    assert subject_of(make(1.0)).fingerprint != subject_of(make(2.0)).fingerprint
    assert subject_of(jd.sgd(0.1)).fingerprint != subject_of(jd.adam(0.1)).fingerprint
    assert (
        subject_of(jd.sgd(0.1)).python()
        == "import jdescent as jd\noptimizer = jd.sgd(learning_rate=0.1)"
    )
    found = set()
    for factor in (1.0, 2.0):
        constant = f"FACTOR = {factor}\n"
        (tmp_path / "helper_on_trial.py").write_text(constant)  # which another file imports
        path = tmp_path / "mine.py"
        path.write_text(
            "import jdescent as jd, importlib, helper_on_trial\n"
            "importlib.reload(helper_on_trial)\n"
            "def mine(lr): return jd.sgd(helper_on_trial.FACTOR * lr)\n"
        )
        found.add(subject_of(f"{path}:mine").fingerprint)
    assert len(found) == 2


def test_what_calls_back_to_python_has_no_fingerprint():
    def counting(rate):
        def update(grads, state, params=None):
            return jax.pure_callback(lambda g: -np.asarray(g), grads, grads), state

        return jd.Optimizer(lambda params: (), update)

    assert subject_of(counting).fingerprint == ""


def test_a_schedule_among_the_settings_is_named_without_its_address():
    def warm(step):
        return 0.1

    subject = subject_of(functools.partial(optax.adam), {"mu_dtype": None, "b1": 0.5})
    assert subject.name == "adam(mu_dtype=None, b1=0.5)"
    scheduled = subject_of("adamw", {"weight_decay": warm})
    assert scheduled.name == "adamw(weight_decay=warm)"
