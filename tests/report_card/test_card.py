"""The card whole: kept, resumed, written as a page, and made from the command line."""

import dataclasses
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import jdescent as jd
from jdescent._jax import enable_x64
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
    """The page and the figure can be made all the same; longer parts have tests of their own."""
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


# -- files, names and wrong calls ------------------------------------------------------------------


def test_a_card_kept_by_another_optimizer_of_the_same_name_is_not_taken(tmp_path, quick):
    """Of a closure, and of a pair, whose Python says nothing of what they hold."""

    def make(descend):
        return lambda lr: jd.sgd(lr) if descend else jd.sign_sgd(lr)

    cards_of = [
        jd.report(what, name="mine", out=tmp_path, progress=False)
        for what in (make(True), make(False), jd.sgd(0.1), jd.sign_sgd(0.1))
    ]
    values = [card.findings["symmetries.rotation"].value for card in cards_of]
    assert values == ["exactly", "no", "exactly", "no"]


def test_two_of_one_name_stand_beside_each_other(tmp_path, quick):
    path = tmp_path / "sgd.py"
    path.write_text("import jdescent as jd\ndef sgd(lr): return jd.sign_sgd(lr)\n")
    call = [f"{path}:sgd", "--name", "sgd", "--against", "sgd,lambda lr: jd.adam(lr, 0.5, 0.9)"]
    assert command.main([*call, "--out", str(tmp_path), "--quiet"]) == 0
    page = (tmp_path / "sgd.html").read_text()
    assert "<th>sgd</th><th>sgd (2)</th><th>lambda lr: jd.adam(lr, 0.5, 0.9)</th>" in page
    assert read(tmp_path / "sgd.json").python != read(tmp_path / "sgd_2.json").python


def test_the_same_one_beside_itself_is_measured_once(tmp_path, quick, monkeypatch):
    measured, measure = [], symmetries.measure
    monkeypatch.setattr(symmetries, "measure", lambda *a: measured.append(1) or measure(*a))
    jd.report("sgd", against=["sgd"], out=tmp_path, progress=False)
    assert len(measured) == 1


@pytest.mark.parametrize(
    "content",
    ["[]", "null", '{"about": []}', '{"about": {"format": 1}, "parts": []}', "\x00", '"NaN"',
     '{"about": {"format": 1}, "name": "", "parts": {"symmetries": {"findings": [1]}}}'],
)  # fmt: skip
def test_a_kept_file_that_is_no_card_is_measured_anew(content, tmp_path, quick):
    (tmp_path / "sgd.json").write_text(content)
    assert jd.report("sgd", out=tmp_path, progress=False).findings


def test_seconds_of_what_was_kept_count(tmp_path, quick):
    first, again = (jd.report("sgd", out=tmp_path, progress=False) for _ in range(2))
    assert again.about["seconds"] == first.about["seconds"]
    assert first.about["seconds"]["symmetries"] > 0


def test_many_write_one_card_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(made_card(), tmp_path / "card.json"), range(64)))
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    assert read(tmp_path / "card.json").name == made_card().name


@pytest.mark.parametrize(
    "name",
    ["$x^$ a$\\frac$", "<img src=x onerror=1>", "../../etc/passwd", "é" * 500, "…", "-v", ""],
)
def test_any_name_makes_a_file_a_figure_and_a_page(name, tmp_path):
    card = dataclasses.replace(made_card(), name=name)
    page = save([card], tmp_path / "out")
    assert page.parent == tmp_path / "out"
    assert len(list(page.parent.iterdir())) == 4
    assert "<img" not in page.read_text()
    assert not page.name.startswith(("-", "."))


def test_names_that_differ_late_have_files_of_their_own():
    assert slug("a" * 300) != slug("a" * 299 + "b")


def test_what_is_wrong_elsewhere_leaves_a_kept_card_alone(tmp_path, quick, capsys):
    jd.report("sgd", out=tmp_path, progress=False)
    before = (tmp_path / "sgd.json").read_text()
    for wrong in (
        ["sgd", "--against", "adma"], ["sgd", "--set", "beta=1"], ["sgd", "--seed", "-1"],
        ["sgd", "--seed", str(2**40)],
    ):  # fmt: skip
        assert command.main([*wrong, "--out", str(tmp_path), "--quiet"]) in (1, 2)
        assert capsys.readouterr().err.startswith("jdescent report: ")
    assert (tmp_path / "sgd.json").read_text() == before


@pytest.mark.parametrize("folder", ["a_file", "a_file/below", "/proc/nothing"])
def test_a_folder_that_cannot_be_written_to_is_refused_first(folder, tmp_path, quick, capsys):
    (tmp_path / "a_file").write_text("")
    assert command.main(["sgd", "--out", str(tmp_path / folder), "--quiet"]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_an_update_that_exits_is_a_failure_in_words(monkeypatch, tmp_path):
    def exits(rate):
        return jd.Optimizer(lambda x: (), lambda g, s, p=None: sys.exit(0))

    monkeypatch.setattr(cards, "PARTS", (contract, symmetries))
    card = jd.report(exits, progress=False)
    assert {f.where for f in card.failures} >= {"symmetries"}
    assert all("SystemExit" in f.why for f in card.failures)


def test_an_interrupted_call_says_that_it_goes_on(tmp_path, monkeypatch, capsys, quick):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(symmetries, "measure", interrupted)
    assert command.main(["sgd", "--out", str(tmp_path), "--quiet"]) == 130
    assert "goes on" in capsys.readouterr().err


@pytest.mark.parametrize("bound", ["null", "[1]", '"2"', "{}"])
def test_a_bound_that_is_no_number_is_refused_first(bound, tmp_path, capsys):
    path = tmp_path / "limits.json"
    path.write_text(f'{{"stability.limit": {{"at_least": {bound}}}}}')
    assert command.main(["sgd", "--fail-under", str(path), "--out", str(tmp_path)]) == 2
    assert "must be at least a number" in capsys.readouterr().err


def test_names_in_brackets_stay_whole():
    text = "adam, lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5), lion,"
    assert command._names(text) == ["adam", "lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)", "lion"]


def test_a_card_is_the_same_under_any_settings_of_jax(tmp_path, quick):
    usual = jd.report("adam", progress=False)
    with enable_x64(True), jax.debug_nans(True), jax.numpy_dtype_promotion("strict"):
        other = jd.report("adam", progress=False)
    assert other.parts == usual.parts


def test_a_missing_extra_is_no_broken_promise(monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    monkeypatch.setitem(sys.modules, "chex", None)
    part = contract.measure(subject_of("sgd"))
    values = {f.name: f.value for f in part.findings}
    assert part.failures == []
    assert "needs optax" in values["optax"]
    assert "needs chex" in values["dtypes"]
