"""The record of all cards, from which ranks are counted."""

import json

import numpy as np

from jdescent import optimizers
from jdescent.report_card import card as cards
from jdescent.report_card import library, ranks, symmetries
from jdescent.report_card.findings import Finding, Part

LEFT_OUT = """
adamc apply_if_finite backtracking_linesearch chebyshev cubic_newton
differentially_private_aggregate dpsgd ema ema_params freeze gauss_newton hutchinson masked
multi_steps polyak_average reduce_on_plateau saga schedule_free_eval_params svrg swa zoom_linesearch
"""


def made(name, value, failures=()):
    findings = [Finding("x", "", value, better="lower"), Finding("word", "", "exactly")]
    return cards.Card(name, "", {"speed": Part(findings, failures)}, {"format": cards.FORMAT})


def test_a_record_is_read_as_it_was_written(tmp_path, monkeypatch):
    for name, value in [("b", 2.0), ("a", np.inf), ("c", np.nan)]:
        cards.write(made(name, value), tmp_path / "store" / f"{name}.json")
    path = tmp_path / "library.json"
    found = library.write_record(tmp_path / "store", path)
    assert found["failures"] == {"a": 0, "b": 0, "c": 0}
    json.loads(path.read_text(), parse_constant=lambda word: 1 / 0)
    monkeypatch.setattr(ranks, "RECORD", path)
    ranks.library.cache_clear()
    try:
        assert ranks.library()["speed.x"]["a"] == np.inf
        assert np.isnan(ranks.library()["speed.x"]["c"])
        assert ranks.library()["speed.word"] == {}
        assert ranks.rank("speed.x", Finding("x", "", 3.0, better="lower"), "mine") == (2, 3)
    finally:
        ranks.library.cache_clear()


def test_the_library_is_all_that_a_rate_makes():
    found = library.subjects()
    left_out = set(optimizers.__all__) - set(found)
    assert len(found) > 110
    assert {"adam", "sam", "lookahead", "sophia", "newton", "dog"} <= set(found)
    assert left_out == set(LEFT_OUT.split())


def test_a_card_can_be_made_of_some_parts(tmp_path):
    card = library.measured("sgd", tmp_path, [symmetries.NAME])
    assert list(card.parts) == ["symmetries"]
    assert cards.read(tmp_path / "sgd.json").findings.keys() == card.findings.keys()
