"""A run taken away computes the same numbers; an address brings back the same state."""

import json
import subprocess
import sys
from urllib.parse import parse_qsl

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent_playground import address
from jdescent_playground.catalog import METHODS
from jdescent_playground.curves import CURVES, typed
from jdescent_playground.export import as_json, as_python
from jdescent_playground.expressions import parse
from jdescent_playground.runs import Setup, compute

WELL = CURVES["double-well"].task
TYPED = typed(parse("x^4/4 - cos(3x)")).task
SETUPS = {
    "gradient descent": Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5),
    "adam on a typed curve": Setup(TYPED, "adam", {"learning_rate": 0.05, "b1": 0.8}, 1.5),
    "optax, scheduled and clipped": Setup(
        CURVES["rugged"].task, "optax.adamw", {"learning_rate": 0.1}, 2.7,
        schedule="cosine", horizon=40, clip=2.0,
    ),
    "mini-batches": Setup(WELL, "heavy_ball", {"learning_rate": 0.05}, -1.0, batch_size=4, seed=7),
    "diverging": Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 2.5}, -2.5),
}  # fmt: skip


def test_the_scripts_print_the_numbers_of_the_page():
    """All scripts in one process, each in names of its own, as starting JAX takes seconds."""
    runs = {name: compute(setup) for name, setup in SETUPS.items()}
    scripts = {name: as_python([(run, 90)]) for name, run in runs.items()}
    together = (
        "import sys, json\n"
        "for name, script in json.load(sys.stdin).items():\n"
        "    print('#', name)\n"
        "    exec(script, {})\n"
    )
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-c", together],
        input=json.dumps(scripts), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for part in printed.split("# ")[1:]:
        name, *lines = part.strip().splitlines()
        run = runs[name]
        steps, x, loss = np.array([line.split() for line in lines[:-1]], dtype=float).T
        assert len(steps) == min(90, run.last) + 1
        np.testing.assert_array_equal(x.astype(np.float32), run.x[: len(x)])
        np.testing.assert_allclose(loss, run.loss[: len(x)], rtol=1e-6)
    assert printed.count("# ") == len(SETUPS)


@pytest.mark.parametrize("name", SETUPS)
def test_json_holds_every_shown_point(name):
    run = compute(SETUPS[name])
    content = json.loads(as_json(run, 30))
    assert len(content["points"]) == min(30, run.last) + 1
    for point in content["points"]:
        row = run.row(point["step"])
        assert np.float32(point["x"]) == row.x
        assert np.float32(point["gradient"]) == row.gradient
        assert float(point["loss"]) == row.loss
    assert content["settings"]["learning_rate"] == SETUPS[name].learning_rate


def test_infinity_in_json_is_text_so_that_every_reader_reads_it():
    run = compute(SETUPS["diverging"])
    content = json.loads(as_json(run, run.last), parse_constant=pytest.fail)
    assert content["points"][-1]["loss"] == "inf"
    assert content["ended"] == "non-finite"


def _readers():
    return {
        "x": address.number(-10, 10),
        "n": address.whole(0, 1000),
        "curve": address.choice(CURVES),
        "clip": address.optional(address.number(0, 9)),
        "start": address.numbers(2, -5, 5),
    }


def test_what_is_written_is_read_again():
    values = {"x": -2.5, "n": 7, "curve": "rugged", "clip": None, "start": (1.5, -0.25)}
    query = dict(parse_qsl(address.write(values, {})))
    assert address.read(query, _readers()) == (values, [])


def test_defaults_are_not_written():
    assert address.write({"x": 1.0, "n": 0}, {"x": 1.0, "n": 3}) == "n=0"
    assert address.write({"x": 1.0}, {"x": 1.0}) == ""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x", "ten", "a number from -10 to 10"),
        ("x", "nan", "a number from -10 to 10"),
        ("x", "inf", "a number from -10 to 10"),
        ("x", "11", "a number from -10 to 10"),
        ("n", "-1", "a whole number from 0 to 1000"),
        ("n", "1.5", "a whole number from 0 to 1000"),
        ("n", "²", "a whole number from 0 to 1000"),
        ("n", "9" * 5000, "something shorter"),
        ("curve", "<script>", "one of bowl, parabola, double-well, rugged"),
        ("start", "1", "2 numbers with commas between"),
        ("start", "1,x", "a number from -5 to 5"),
    ],
)
def test_nonsense_in_an_address_is_named_and_passed_over(name, text, expected):
    values, complaints = address.read({name: text, "clip": "2"}, _readers())
    assert values == {"clip": 2.0}
    assert len(complaints) == 1
    assert f"{expected} was expected" in complaints[0]


@given(st.dictionaries(st.sampled_from(["x", "n", "curve", "clip", "start"]), st.text(max_size=30)))
def test_any_query_is_read_or_complained_of(query):
    values, complaints = address.read(query, _readers())
    assert len(values) + len(complaints) == len(query)


@pytest.mark.parametrize("method", ["sgd", "rmsprop", "optax.adam"])
def test_hyperparameters_travel(method):
    readers = address.setting_readers(method)
    values = METHODS[method].defaults
    query = dict(parse_qsl(address.write(values, {})))
    assert address.read(query, readers) == (values, [])
    _, complaints = address.read({"nesterov": "maybe", "b1": "2", "momentum": "7"}, readers)
    assert complaints
