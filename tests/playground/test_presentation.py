"""What is written on the page is true: numbers, the update, presets, sentences."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import read

from jdescent_playground.catalog import stability_limit
from jdescent_playground.curves import CURVES, typed
from jdescent_playground.equation import update_lines, without_tags
from jdescent_playground.expressions import parse
from jdescent_playground.numbers import bracketed, counted, shown
from jdescent_playground.rates import PRESETS, outcomes, presets
from jdescent_playground.runs import Setup, compute
from jdescent_playground.words import status


@given(st.floats(allow_nan=False, width=32))
def test_a_shown_number_is_right_to_its_last_digit(value):
    text = shown(value)
    assert read(text) == pytest.approx(value, rel=6e-3 if "10" in text else 6e-4)
    assert len(text) <= 11


@pytest.mark.parametrize(
    ("value", "text"),
    [(-2.5, "−2.50"), (0.0, "0.00"), (-0.0, "0.00"), (1 / 3, "0.3333"), (12.0, "12.00"),
     (99999.0, "99999"), (1e5, "1.00·10⁵"), (-4.2e-9, "−4.20·10⁻⁹"), (math.nan, "NaN"),
     (math.inf, "∞"), (-math.inf, "−∞"), (9.99999e-4, "1.00·10⁻³"), (0.001, "0.001")],
)  # fmt: skip
def test_numbers_as_a_lecturer_writes_them(value, text):
    assert shown(value) == text


def test_words_around_numbers():
    assert bracketed(-3.5) == "(−3.50)"
    assert bracketed(3.5) == "3.50"
    assert counted(1, "step") == "1 step"
    assert counted(1000, "step") == "1,000 steps"


def setup(method="sgd", curve="bowl", learning_rate=0.4, **settings):
    start = CURVES[curve].start
    return Setup(CURVES[curve].task, method, {"learning_rate": learning_rate, **settings}, start)


def evaluated(line: str) -> tuple[float, float]:
    """The two sides of a written line, the left one worked out."""
    left, right = line.split(" = ")
    number = r"\(?−?[\d.]+(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?\)?"
    python = re.sub(number, lambda found: repr(read(found.group())), left)
    python = python.replace("·", "*").replace("−", "-")
    return eval(python, {}), read(right)


def test_the_first_update_is_the_one_of_the_lecture():
    ((_, numbers),) = update_lines(compute(setup()), 0)
    assert without_tags(numbers) == "−2.50 − 0.40·(−3.50) = −1.10"


@pytest.mark.parametrize(
    "chosen",
    [
        setup(),
        setup("optax.sgd", learning_rate=0.1),
        setup("sgd", momentum=0.9, learning_rate=0.1),
        setup("heavy_ball", learning_rate=0.1),
        setup("adam", learning_rate=0.1),
        setup("sgd", curve="double-well", momentum=0.5, nesterov=True, learning_rate=0.05),
        setup("heavy_ball", learning_rate=0.1).but(clip=1.0),
        setup("lion", learning_rate=0.03).but(schedule="cosine"),
    ],
    ids=lambda chosen: f"{chosen.method} {chosen.settings}",
)
def test_the_written_update_adds_up(chosen):
    """Both sides agree within the rounding of four written digits, at every step."""
    run = compute(chosen)
    for step in (0, 1, 2, 7, 15):
        sums = [without_tags(numbers) for _, numbers in update_lines(run, step)]
        sums = [
            line for line in sums if " = " in line and ("+" in line or "·" in line.split("=")[0])
        ]
        assert sums
        for line in sums:
            left, right = evaluated(line)
            assert left == pytest.approx(right, rel=4e-3, abs=4e-3)
        assert read(sums[-1].split(" = ")[1]) == pytest.approx(float(run.x[step + 1]), rel=6e-4)


def test_momentum_is_written_in_its_classical_form():
    (velocity, _), (move, _) = update_lines(compute(setup("heavy_ball")), 0)
    assert without_tags(velocity) == "v ← β·v − η·L′(x)"
    assert without_tags(move) == "x ← x + v"


@given(rate=st.floats(2.02, 9.0), step=st.integers(1, 20))
def test_a_loss_that_grew_is_not_called_downhill(rate, step):
    run = compute(setup(learning_rate=rate))
    assert run.loss[step] > run.loss[step - 1]
    if step < run.last:
        assert "uphill" in status(run, step)
        assert "Downhill" not in status(run, step)


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "nesterov", "adam", "lion"])
@pytest.mark.parametrize("curve", ["bowl", "double-well"])
def test_the_sentence_says_where_down_is_and_where_the_ball_goes(method, curve):
    run = compute(setup(method, curve, learning_rate=0.1))
    for step in range(1, min(run.last, 60)):
        told = status(run, step)
        if run.loss[step] > run.loss[step - 1]:
            assert "uphill" in told
            continue
        down = "left" if run.gradient[step] > 0 else "right"
        assert told.startswith("Downhill") or run.gradient[step] == 0
        assert f"to the {down}" in told or run.gradient[step] == 0
        assert ("yet" in told) == (run.gradient[step] * run.update[step] > 0)


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [("log(x)", -1.0, "not a number here"), ("1/x", 0.0, "The loss is ∞ here"),
     ("exp(x^4)", 9.0, "beyond what 32 bits hold"), ("sqrt(x)", 0.0, "its slope is ∞")],
)  # fmt: skip
def test_why_a_run_cannot_begin_is_said(text, start, words):
    run = compute(Setup(typed(parse(text)).task, "sgd", {"learning_rate": 0.1}, start))
    assert words in status(run, 0)


def test_memories_that_are_no_numbers_are_not_written_as_such():
    run = compute(setup("optax.adafactor"))  # it keeps rows and columns beside its means
    (symbols, memory), (_, numbers) = update_lines(run, 1)
    assert "memory" in symbols
    assert " v = " in f" {without_tags(memory)}"
    assert "v row" not in memory
    assert numbers


def test_an_infinite_update_is_written_as_such():
    run = compute(setup(learning_rate=2.5))
    numbers = without_tags(update_lines(run, run.last)[0][1])
    assert "10" in numbers or "∞" in numbers


@pytest.mark.parametrize("curve", ["bowl", "parabola"])
@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "nesterov"])
def test_presets_end_as_they_are_named(curve, method):
    chosen = setup(method, curve)
    ((_, curvature),) = CURVES[curve].minima
    limit = stability_limit(method, chosen.settings, curvature)
    rates = presets(outcomes(chosen), limit)
    ended = {name: compute(chosen.but(learning_rate=rates[name])) for name in PRESETS}
    assert ended["just right"].converged
    assert ended["diverges"].diverged
    assert not ended["too big"].diverged
    assert ended["too small"].last > ended["just right"].last
    if method == "sgd":
        assert not ended["too small"].converged
        over = np.sign(ended["too big"].gradient[:20])
        assert (over[1:] != over[:-1]).all()  # every step jumps over the minimum


@pytest.mark.parametrize(
    ("text", "method"), [("x^4/4 - x^2", "sgd"), ("x^2 + sin(3x)", "heavy_ball"), ("x^2", "adam")]
)
def test_presets_found_by_trying_end_as_they_are_named(text, method):
    curve = typed(parse(text))
    chosen = Setup(curve.task, method, {"learning_rate": 0.1}, curve.start)
    rates = presets(outcomes(chosen))
    runs = {name: compute(chosen.but(learning_rate=rate)) for name, rate in rates.items() if rate}
    assert runs["just right"].converged
    assert not runs["too small"].converged
    assert not runs["too small"].diverged
    assert ("diverges" in runs) == (method != "adam")  # Adam's steps are bounded by its rate
    if "diverges" in runs:
        assert runs["diverges"].diverged
    if "too big" in runs:
        assert not runs["too big"].diverged


def test_where_nothing_arrives_no_rate_is_just_right():
    curve = typed(parse("x"))
    found = presets(outcomes(Setup(curve.task, "sgd", {}, 0.0)))
    assert found["just right"] is None
    assert found["too big"] is None
