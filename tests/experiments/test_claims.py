"""A verdict comes from what was measured, and the ledger shows it with what decided it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.common import ledger, report
from experiments.common.claims import (
    BOUND_HOLDS,
    NOT_REPRODUCED,
    REPRODUCED,
    Claim,
    Range,
    Source,
    at_least,
    at_most,
    between,
    from_record,
    within,
)
from experiments.common.number import regression

SOURCE = Source("Nobody", 1999, "A Title", "arXiv 0000.00000", "equation 1")
numbers_between = st.floats(-1e6, 1e6)


def measured(**values):
    return {
        name: regression(value, f"the {name}", tolerance=0.0, why="a test", signed=True)
        for name, value in values.items()
    }


@given(numbers_between, numbers_between, st.floats(0, 10))
def test_a_claim_is_reproduced_where_its_numbers_lie_in_their_ranges(value, center, tolerance):
    claim = Claim(SOURCE, "x is c", "paper", {"x": within(center, tolerance)})
    inside = center - tolerance <= value <= center + tolerance
    assert claim.verdict(measured(x=value)) == (REPRODUCED if inside else NOT_REPRODUCED)


@given(numbers_between, numbers_between, numbers_between)
def test_of_bounds_alone_a_claim_is_a_bound_and_all_of_them_must_hold(low, high, value):
    claim = Claim(SOURCE, "x is large, y small", "paper", {"x": at_least(low), "y": at_most(high)})
    holds = low <= value <= high
    assert claim.verdict(measured(x=value, y=value)) == (BOUND_HOLDS if holds else NOT_REPRODUCED)


def test_nan_is_in_no_range():
    for holds in (between(-1, 1), at_least(-1), at_most(1)):
        assert math.nan not in holds


def test_what_cannot_be_missed_decides_nothing():
    for ends in ((-math.inf, math.inf), (1.0, 0.0), (math.nan, 1.0)):
        with pytest.raises(ValueError, match="range"):
            Range(*ends)
    with pytest.raises(ValueError, match="nothing decides"):
        Claim(SOURCE, "x", "paper", {})


def test_a_claim_survives_its_record():
    claim = Claim(SOURCE, "x", "paper", {"x": at_most(2.0), "y": between(0, 1)}, "seen before")
    fields = json.loads(json.dumps(claim.record(measured(x=1.0, y=0.5))))
    assert from_record(fields) == (claim, REPRODUCED)


def test_the_ledger_has_a_row_for_each_claim_with_what_decided_it(tmp_path):
    claim = Claim(SOURCE, "x hovers at 1", "a toy", {"x": between(0.9, 1.1)}, "loose")
    path = tmp_path / "figure.json"
    numbers = {
        "x": {
            "class": "regression", "measured": 1.5, "meaning": "the x", "tolerance": 0.0,
            "why": "a test", "interval": [1.25, 1.75],
        }
    }  # fmt: skip
    path.write_text(
        json.dumps({"numbers": numbers, "claims": [claim.record(measured(x=1.5))]}),
        encoding="utf-8",
    )
    page = ledger.page(ledger.rows_of([path]))
    assert "1 claims: 0 reproduced, 0 bound holds, 1 not reproduced here." in page
    row = next(line for line in page.splitlines() if "hovers" in line)
    for cell in ("*A Title* (arXiv 0000.00000, equation 1)", "a toy", "*loose*",
                 "the x: 1.5 [1.25, 1.75] (0.9 … 1.1)", "**not reproduced here**",
                 "`python -m experiments figure`"):  # fmt: skip
        assert cell in row


def test_a_verdict_that_changes_is_a_miss():
    claim = Claim(SOURCE, "x hovers at 1", "a toy", {"x": between(0.9, 1.1)})
    on_record = [claim.record(measured(x=1.0))]
    assert report.changed_verdicts(on_record, [claim], measured(x=1.05)) == []
    (miss,) = report.changed_verdicts(on_record, [claim], measured(x=1.2))
    assert miss.expected == "verdict not reproduced here, committed reproduced"
    (miss,) = report.changed_verdicts([], [claim], measured(x=1.0))
    assert "no such claim" in miss.expected
