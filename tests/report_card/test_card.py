"""The card whole: kept, resumed, written as a page, and made from the command line."""

import json
import re

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import jdescent as jd
from jdescent.report_card import card as cards
from jdescent.report_card import (
    command,
    contract,
    identity,
    noise,
    ranks,
    save,
    slug,
    speed,
    stability,
    symmetries,
)
from jdescent.report_card.card import card_of, read, write
from jdescent.report_card.figure import figure_of
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Part, Table
from jdescent.report_card.page import page_of, written
from jdescent.report_card.subject import subject_of


@pytest.fixture
def quick(monkeypatch):
    """Only the part that takes half a second."""
    monkeypatch.setattr(cards, "PARTS", (symmetries,))


def made_card(**about):
    findings = [
        Finding("rate", "the <rate>", np.inf, "theory", expected=2.0, better="higher"),
        Finding("small", "a negative number", -0.25, interval=(-0.5, 0.0), note="5 seeds & more"),
        Finding("kept", "a promise", False, "exact"),
        Finding("nothing", "no number", float("nan")),
    ]
    failures = [
        Failure("a trial", "it <b>broke</b>", "optimizer = 1"),
        Failure("another", "it <b>broke</b>", "optimizer = 1"),
    ]
    table = Table("Rows & columns", ["a"], [["<td>"]])
    part = Part(findings, failures, [table], {})
    whole = {
        "thorough": False,
        "seed": 0,
        "jdescent": "1",
        "jax": "2",
        "device": "cpu",
        "format": 1,
    }
    return cards.Card("mine <script>", "optimizer = mine", {"symmetries": part}, whole | about)


def test_a_card_is_the_same_after_being_written_and_read(tmp_path):
    card = made_card(seconds={"symmetries": 1.5})
    write(card, tmp_path / "new" / "card.json")
    text = (tmp_path / "new" / "card.json").read_text()
    json.loads(text, parse_constant=pytest.fail)  # no NaN, which JSON does not have
    again = read(tmp_path / "new" / "card.json")
    assert str(again) == str(card)
    assert again.findings["symmetries.rate"] == card.findings["symmetries.rate"]
    assert np.isnan(again.findings["symmetries.nothing"].value)
    assert page_of(again) == page_of(card)


def test_what_was_finished_is_not_measured_again(tmp_path, quick, monkeypatch):
    kept = tmp_path / "sgd.json"
    subject = subject_of("sgd")
    first = card_of(subject, USUAL, kept, progress=False)
    monkeypatch.setattr(symmetries, "measure", lambda *_: pytest.fail("measured again"))
    again = card_of(subject, USUAL, kept, progress=False)
    assert again.findings.keys() == first.findings.keys()
    for other in (subject_of("sgd", {"momentum": 0.5}), subject_of("sign_sgd")):
        with pytest.raises(pytest.fail.Exception):
            card_of(other, USUAL, kept, progress=False)
    with pytest.raises(pytest.fail.Exception):
        card_of(subject, Effort(seed=1), kept, progress=False)


def test_code_that_changed_is_measured_again(tmp_path, quick):
    path = tmp_path / "mine.py"
    path.write_text("import jdescent as jd\ndef mine(lr): return jd.sgd(lr)\n")
    before = jd.report(f"{path}:mine", out=tmp_path, progress=False)
    path.write_text("import jdescent as jd\ndef mine(lr): return jd.sign_sgd(lr)\n")
    after = jd.report(f"{path}:mine", out=tmp_path, progress=False)
    values = [c.findings["symmetries.rotation"].value for c in (before, after)]
    assert values == ["exactly", "no"]


def test_a_kept_card_that_was_cut_off_is_measured_anew(tmp_path, quick):
    kept = tmp_path / "sgd.json"
    kept.write_text('{"name": "sgd", "par')
    assert card_of(subject_of("sgd"), USUAL, kept, progress=False).findings
    assert read(kept).findings


def test_a_page_has_the_numbers_and_nothing_from_elsewhere():
    page = page_of(made_card(), [made_card()])
    assert "<script" not in page
    assert "mine &lt;script&gt;" in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "the &lt;rate&gt;" in page
    assert "∞" in page
    assert "−0.25" in page
    assert "5 seeds &amp; more" in page
    assert "a trial; another" in page  # one cause, once
    assert page.count("it &lt;b&gt;broke&lt;/b&gt;") == 2  # of each of two cards
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (2.0, "2"),
        (0.12346, "0.1235"),
        (np.inf, "∞"),
        (-np.inf, "−∞"),
        (np.nan, "none"),
        (-3.0, "−3"),
    ],
)
def test_numbers_are_written_as_they_are_read(value, word):
    assert written(value) == word


def test_a_rank_counts_those_that_are_ahead(monkeypatch):
    record = {"speed.x": {"a": 1.0, "b": 2.0, "c": float("inf"), "d": float("nan"), "mine": 0.0}}
    monkeypatch.setattr(ranks, "library", lambda: record)

    def place(value, better):
        return ranks.rank("speed.x", Finding("x", "", value, better=better), "mine")

    assert place(1.5, "lower") == (2, 4)
    assert place(1.0, "lower") == (1, 4)
    assert place(1.5, "higher") == (3, 4)
    assert place(np.inf, "lower") == (3, 4)
    assert place(np.nan, "lower") is None
    assert place(True, "lower") is None
    assert place(1.0, "") is None


def nan(rate):
    return jd.Optimizer(lambda x: (), lambda g, s, p=None: (jnp.nan * g, s))


def untraced(rate):
    return jd.Optimizer(lambda x: (), lambda g, s, p=None: (-rate * np.asarray(g), s))


def needs_a_product(rate):
    return jd.Optimizer(lambda x: (), lambda g, s, p=None, *, product: (-rate * product(g), s))


@pytest.mark.parametrize("make", [nan, untraced, needs_a_product])
def test_whatever_fails_is_a_failure_in_words(make, monkeypatch):
    """The page and the figure can be made all the same; two parts are tested apart."""
    quick = (contract, identity, symmetries, stability, speed, noise)
    monkeypatch.setattr(cards, "PARTS", quick)
    card = card_of(subject_of(make), USUAL, None, progress=False)
    assert card.failures
    assert all(failure.why for failure in card.failures)
    assert "What went wrong" in page_of(card)
    assert isinstance(figure_of(card), Figure)


def test_the_command_writes_what_it_says(tmp_path, quick, capsys):
    limits = tmp_path / "limits.json"
    limits.write_text('{"failures": {"at_most": 0}, "symmetries.shift": {"equals": "exactly"}}')
    call = ["heavy_ball", "--set", "momentum=0.9", "--against", "sgd", "--out", str(tmp_path)]
    assert command.main([*call, "--fail-under", str(limits), "--quiet"]) == 0
    stem = tmp_path / slug("heavy_ball(momentum=0.9)")
    for suffix in ("html", "pdf", "png", "json"):
        assert stem.with_name(f"{stem.name}.{suffix}").stat().st_size > 1000
    assert f"{stem}.html" in capsys.readouterr().out
    page = stem.with_name(f"{stem.name}.html").read_text()
    assert "beside sgd" in page
    limits.write_text('{"symmetries.shift": {"equals": "no"}, "stability.limit": {"at_least": 1}}')
    assert command.main([*call, "--fail-under", str(limits), "--quiet"]) == 1
    errors = capsys.readouterr().err
    assert "symmetries.shift is exactly, and must equal no" in errors
    assert "stability.limit was not measured" in errors


def test_what_cannot_be_made_is_a_page_that_says_so(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("def mine(lr):\n    raise RuntimeError('<not today>')\n")
    assert command.main([f"{path}:mine", "--out", str(tmp_path)]) == 1
    page = next(tmp_path.glob("*.html")).read_text()
    assert "&lt;not today&gt;" in page
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["adam", "--set", "b1"], "NAME=VALUE"),
        (["adam", "--fail-under", "nowhere.json"], "cannot be read"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_measured(arguments, says, capsys):
    assert command.main(arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[1]", '{"failures": 0}', '{"failures": {"below": 1}}', "{"])
def test_bounds_that_mean_nothing_are_refused(text, tmp_path, capsys):
    path = tmp_path / "limits.json"
    path.write_text(text)
    assert command.main(["adam", "--fail-under", str(path)]) == 2
    assert "--fail-under" in capsys.readouterr().err


def test_saving_gives_the_page(tmp_path):
    page = save([made_card()], tmp_path)
    assert page.read_text() == page_of(made_card())
