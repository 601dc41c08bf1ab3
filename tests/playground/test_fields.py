"""Whatever is typed is taken as it stands or answered; no page writes an address it refuses."""

import json
import math
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tabs import Tab

from jdescent_playground import address, fields
from jdescent_playground.catalog import METHODS
from jdescent_playground.pages.game import Game
from jdescent_playground.pages.one_dimension import OneDimension
from jdescent_playground.pages.two_dimensions import TwoDimensions

NONSENSE = ["NaN", "nan", "inf", "-inf", "1e400", "abc", "1,000", "0x10", "1_0", "٣", "--1", "1e"]
REFUSED = {
    "rate-typed": [*NONSENSE, "0", "−1", "1e-9", "10.1", "", "  ", "1e-400"],
    "horizon": [*NONSENSE, "0", "-1", "3", "1001", "1e-9", "10.5", ""],
    "clip": [*NONSENSE, "0", "-1", "1e-9", "1e7"],
    "seed": [*NONSENSE, "-1", "1e-9", "1000001", "1.0", ""],
    "from": [*NONSENSE, "9", "1e7", ""],
    "to": [*NONSENSE, "-9", "1e7", ""],
}


@pytest.fixture(scope="module")
def line():
    return Tab(OneDimension, {"curve": "own", "formula": "x^2", "schedule": "cosine"})


@pytest.mark.parametrize(("field", "text"), [(f, t) for f, texts in REFUSED.items() for t in texts])
def test_what_a_field_does_not_take_is_answered_and_changes_nothing(line, field, text):
    before = line.address
    line.do(field, text)
    told = line.problem
    assert told.endswith(".")
    assert (" ".join(text.split()) or "nothing") in told
    assert "must" in told or "are numbers" in told
    assert line.properties[field]["aria_invalid"] is True
    assert line.address == before
    for end in {"from", "to"} & {field}:
        line.do(end, {"from": "-3", "to": "3"}[end])


TAKEN = [
    ("rate-typed", "0,25", "learning_rate", 0.25),
    ("rate-typed", "0.123456789", "learning_rate", 0.123456789),
    ("rate-typed", "1.00·10⁻⁴", "learning_rate", 1e-4),
    ("rate-typed", "+2.5e-1", "learning_rate", 0.25),
    ("horizon", "37", "horizon", 37),
    ("clip", "0.123456789", "clip", 0.123456789),
    ("seed", "7", "seed", 7),
    ("from", "−2.12345678", "from", -2.12345678),
]


@pytest.mark.parametrize(("field", "text", "name", "value"), TAKEN)
def test_what_a_field_takes_is_exactly_what_was_typed(line, field, text, name, value):
    line.do(field, text)
    assert float(line.query[name]) == value
    assert line.properties[field]["aria_invalid"] is False
    shown = line.properties[field]["value"]
    assert fields.parsed(shown) == value


def test_an_empty_clip_is_none_and_an_empty_formula_is_answered():
    tab = Tab(OneDimension, {"clip": "2"})
    tab.do("clip", "")
    assert "clip" not in tab.query
    tab.do("formula", "")
    assert "type a formula" in tab.problem


def test_both_ends_can_be_moved_beyond_one_another_one_after_the_other():
    for build, event in ((OneDimension, "curve"), (TwoDimensions, "surface")):
        tab = Tab(build)
        tab.do(event, "own")
        tab.do("from", "5")
        assert "from must be less than to" in tab.problem
        tab.do("to", "9")
        assert (tab.query["from"], tab.query["to"]) == ("5", "9")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_a_page_writes_is_read_as_the_same_number(value):
    assert fields.parsed(fields.exact(value)) == value
    assert address.number(-math.inf, math.inf)(address.written(value)) == value


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_answered(text):
    try:
        value = fields.parsed(text)
    except ValueError:
        return
    assert not math.isnan(value)


@pytest.mark.parametrize("method", METHODS)
def test_every_hyperparameter_answers_nonsense_in_one_grammatical_sentence(method):
    readers = address.setting_readers(method)
    for name in readers:
        for text in ("NaN", "1e400", "abc", "", "<b>", "1e-500", "-1e9"):
            values, (told,) = address.read({name: text}, readers)
            assert values == {}
            assert f"{name} must be " in told
            assert told.endswith(f"got {text or 'nothing'}")


def test_the_refusal_of_a_learning_rate_is_the_documented_one():
    tab = Tab(OneDimension, {"learning_rate": "50"})
    assert "learning_rate must be between 0.0001 and 10, got 50." in tab.problem


@pytest.mark.parametrize("method", METHODS)
def test_every_method_at_its_defaults_reads_its_own_address(method):
    written = dict(parse_qsl(address.write(METHODS[method].defaults, {})))
    assert address.read(written, address.setting_readers(method))[1] == []


SILENT = [
    (OneDimension, {"start": "100"}, "start"),
    (OneDimension, {"batch": "4"}, "batch"),
    (OneDimension, {"from": "3", "to": "1", "curve": "own"}, "from must be less"),
    (OneDimension, {"curve": "own", "formula": "x +"}, "formula"),
    (TwoDimensions, {"chosen": "5"}, "chosen"),
    (TwoDimensions, {"surface": "own", "from": "3", "to": "1"}, "from must be less"),
    (TwoDimensions, {"surface": "own", "formula": ""}, "formula"),
    (TwoDimensions, {"1": "adam", "1.b1": "7"}, "1.b1"),
    (Game, {"level": "2", "start": "9.5"}, "start"),
    (Game, {"level": "3", "exploded": "0.1"}, "exploded"),
]


@pytest.mark.parametrize(("build", "query", "named"), SILENT)
def test_what_an_address_cannot_have_is_said(build, query, named):
    tab = Tab(build, query)
    assert named in tab.problem
    again = Tab(build, tab.query)
    assert again.problem == ""
    assert again.address == tab.address


def events():
    number = st.one_of(
        st.floats(width=32).map(str), st.sampled_from(NONSENSE), st.floats(0, 1).map(str)
    )
    text = st.sampled_from(["x^2", "x y + x^2 + y^2", "1/x", "|x|", "<img src=x onerror=alert(1)>"])
    return st.lists(
        st.one_of(
            st.tuples(st.sampled_from(sorted(REFUSED)), number),
            st.tuples(st.just("formula"), text),
            st.tuples(st.just("rate"), st.floats(0, 1).map(str)),
            st.tuples(st.just("method"), st.sampled_from(["sgd", "adam", "lion"])),
            st.tuples(st.sampled_from(["step", "back", "reset"]), st.none()),
            st.tuples(st.just("key"), st.sampled_from(["Shift+ArrowLeft", "ArrowUp", "ArrowDown"])),
        ),
        max_size=6,
    )  # fmt: skip


@pytest.mark.parametrize("build", [OneDimension, TwoDimensions])
@settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
@given(done=events())
def test_a_page_never_writes_an_address_that_it_refuses(build, done):
    tab = Tab(build)
    for event, value in done:
        tab.do(event, value)
    again = Tab(build, tab.query)
    assert "the address" not in again.problem
    assert again.address == tab.address


def test_a_message_is_answered_also_where_its_handler_fails():
    tab = Tab(OneDimension)
    with pytest.raises(ValueError, match="could not convert"):
        tab.do("rate", "abc")
    _, changes = json.loads(tab.document.get_model_by_name("outbox").text)
    assert {"answered": "rate"} in changes
