"""A headline number is one that can fail: what cannot is refused, or says that it tests nothing."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.common import number
from experiments.common.number import Baseline, Number
from experiments.common.statistics import (
    Estimate,
    geometric_mean,
    mean,
    mean_interval,
    mean_share,
    positive_mean,
)

SIZES = st.floats(1e-12, 1e12)
SAMPLES = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=8)
SHARES = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8)
GOOD = {
    "theory": {"theory": 2.0, "tolerance": 0.1, "why": "a grid step"},
    "exact": {"theory": 2.0, "tolerance": 1e-12, "why": "rounding"},
    "bound": {"at_least": 1.0, "missed_by": 0.5, "why": "a baseline"},
    "regression": {"tolerance": 0.2, "why": "two runs"},
}


def made(kind: str, **changes) -> Number:
    return Number(kind, **{"measured": 1.95, "meaning": "what it is", **GOOD[kind], **changes})


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("theory", {"theory": None}, "needs a finite theory"),
        ("theory", {"theory": math.nan}, "needs a finite theory"),
        ("theory", {"theory": math.inf}, "needs a finite theory"),
        ("theory", {"tolerance": None}, "must be above 0"),
        ("theory", {"tolerance": 0.0}, "must be above 0"),
        ("theory", {"tolerance": -0.1}, "must be above 0"),
        ("theory", {"tolerance": 1.001}, "at most 1, half of theory"),
        ("theory", {"tolerance": math.inf}, "at most 1, half of theory"),
        ("theory", {"tolerance": math.nan}, "at most 1, half of theory"),
        ("theory", {"theory": 0.0}, r"an identity \(exact\) or a bound"),
        ("theory", {"why": ""}, "say in `why`"),
        ("theory", {"at_least": 1.0}, "no bound"),
        ("exact", {"tolerance": 1e-3}, "must be rounding, at most 0.0002"),
        ("exact", {"theory": 0.0}, "`scale` is the size"),
        ("exact", {"theory": 0.0, "scale": 1e-9}, "at most 1e-13"),
        ("exact", {"why": ""}, "say in `why`"),
        ("exact", {"theory": None}, "other side of the identity"),
        ("bound", {"at_least": None}, "needs at_least or at_most"),
        ("bound", {"theory": 1.0}, "no theory"),
        ("bound", {"missed_by": None}, "what else could"),
        ("bound", {"missed_by": 1.0}, "must break the bound"),
        ("bound", {"missed_by": 7.0}, "must break the bound"),
        ("bound", {"why": ""}, "say in `why`"),
        ("bound", {"tolerance": 1.0}, "half of what was measured"),
        ("regression", {"tolerance": None}, "half of what was measured"),
        ("regression", {"tolerance": 1.95}, "half of what was measured"),
        ("exact", {"why": "", "tolerance": 0.0}, "say in `why`"),
        ("regression", {"why": ""}, "say in `why`"),
        ("regression", {"theory": 2.0}, "neither theory nor bounds"),
        ("regression", {"at_most": 2.0}, "neither theory nor bounds"),
        ("theory", {"interval": (1.95, 1.95)}, "a deterministic number has none"),
        ("theory", {"interval": (-0.1, 4.0)}, "take it of logarithms"),
        ("theory", {"interval": (math.nan, math.nan)}, "a deterministic number has none"),
    ],
)
def test_a_number_that_could_not_fail_is_refused(kind, changes, says):
    with pytest.raises(ValueError, match=says):
        made(kind, **changes)


def test_a_class_must_be_one_of_the_four():
    with pytest.raises(ValueError, match=r"class 'guess' of a number is none of theory, exact"):
        Number("guess", 1.0, "what it is")
    assert list(GOOD) == list(number.KINDS)


@pytest.mark.parametrize("kind", GOOD)
def test_a_number_survives_its_record(kind):
    whole = made(kind, interval=(1.9, 2.0), baseline=Baseline("neighbors", 0.9))
    record = json.loads(json.dumps(number.record_of(whole)))
    assert record["class"] == kind
    assert number.from_record(record) == whole


def test_a_record_without_a_class_is_older():
    record = number.record_of(made("theory"))
    del record["class"]
    with pytest.raises(ValueError, match="have no class, such as theory, exact, bound"):
        number.from_record(record)


@given(SIZES, st.floats(-0.5, 0.5), st.floats(1e-6, 0.5))
def test_a_measurement_agrees_just_within_the_tolerance(predicted, off, relative):
    found = number.theory(
        predicted * (1 + off), predicted, relative * predicted, "a grid step", "what it is"
    )
    assert found.kind == "theory"
    if abs(abs(off) - relative) > 1e-9:
        assert found.agrees == (abs(off) < relative)


@given(SIZES, st.floats(0.5001, 1e6))
def test_a_tolerance_beyond_half_of_theory_tests_nothing_and_says_so(predicted, relative):
    found = number.theory(predicted, predicted, relative * predicted, "two runs", "what it is")
    assert found.kind == "regression"
    assert "is not tested by this: two runs" in found.meaning
    assert found.tolerance <= predicted / 2


@given(SAMPLES, st.floats(1e-6, 1e6))
def test_a_mean_is_above_a_limit_and_it_is_said_whether_its_interval_is(samples, limit):
    estimate = positive_mean(samples)
    found = number.above(estimate, limit, "what it is")
    low, _ = estimate.ends
    if abs(low / limit - 1) > 1e-9 and abs(estimate.value / limit - 1) > 1e-9:
        assert found.agrees == (estimate.value > limit)
        assert ("interval above" in found.why) == (estimate.interval is not None and low > limit)
        assert ("reaches" in found.why) == (estimate.interval is not None and low <= limit)
    assert not dataclasses.replace(found, measured=limit, interval=None, tolerance=None).agrees


@given(SAMPLES, st.floats(1e-6, 1e6))
def test_a_mean_is_below_a_limit_and_it_is_said_whether_its_interval_is(samples, limit):
    estimate = geometric_mean(samples)
    found = number.below(estimate, limit, "what it is")
    _, high = estimate.ends
    if abs(high / limit - 1) > 1e-9 and abs(estimate.value / limit - 1) > 1e-9:
        assert found.agrees == (estimate.value < limit)
        assert ("interval below" in found.why) == (estimate.interval is not None and high < limit)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_a_signed_mean_is_above_0_and_it_is_said_whether_its_interval_is(samples):
    estimate = mean(samples)
    found = number.above(estimate, 0.0, "what it is", signed=True)
    low, _ = estimate.ends
    if abs(low) > 1e-6 and abs(estimate.value) > 1e-6:
        assert found.agrees == (estimate.value > 0)
        assert ("interval above" in found.why) == (estimate.interval is not None and low > 0)


def test_a_mean_told_from_its_limit_may_not_come_as_near_as_its_interval_is_wide():
    samples = [3.0, 4.0, 5.0]
    found = number.above(positive_mean(samples), 1.0, "what it is")
    low, _ = positive_mean(samples).ends
    assert found.at_least == pytest.approx(4 / low)
    nearer = dataclasses.replace(found, measured=0.99 * 4 / low, interval=None, tolerance=None)
    assert not nearer.agrees


def test_a_bound_that_a_failure_keeps_tests_nothing_and_says_so():
    found = number.bound(0.9, "a baseline", "a share", at_least=0.5, missed_by=0.6)
    assert found.kind == "regression"
    assert "tests nothing, as 0.6 keeps it" in found.meaning


@pytest.mark.parametrize("samples", [[1.0, math.nan, 2.0], [math.nan, math.nan]])
def test_what_was_not_reached_is_a_miss_and_no_crash(samples):
    for found in (
        number.above(geometric_mean(samples), 1.0, "steps"),
        number.regression(positive_mean(samples), "steps"),
        number.sampled_theory(positive_mean(samples), 1.0, "3 runs", "steps"),
    ):
        assert not found.agrees


@given(SAMPLES)
def test_intervals_of_positive_quantities_are_positive_and_hold_the_mean(samples):
    for estimate in (positive_mean(samples), geometric_mean(samples)):
        low, high = estimate.ends
        assert 0 <= low <= estimate.value * (1 + 1e-12)
        assert estimate.value <= high * (1 + 1e-12)


@given(SHARES)
def test_intervals_of_shares_lie_between_0_and_1(samples):
    estimate = mean_share(samples)
    low, high = estimate.ends
    assert 0 <= low <= high <= 1
    assert estimate.value == pytest.approx(np.mean(samples))


@given(st.floats(1e-6, 1e6), st.integers(2, 8))
def test_runs_that_are_all_alike_have_no_interval(value, count):
    for of in (mean, positive_mean, geometric_mean):
        assert of([value] * count).interval is None


@given(st.floats(0.5, 50.0), st.integers(3, 8), st.integers(0, 2**32 - 1))
def test_where_the_spread_is_small_all_scales_have_students_interval(value, count, seed):
    """They differ in the second order of the spread over the mean."""
    samples = value * (1 + 1e-5 * np.random.default_rng(seed).standard_normal(count))
    _, students = mean_interval(samples)
    for estimate in (positive_mean(samples), geometric_mean(samples)):
        np.testing.assert_allclose(estimate.interval, students, rtol=1e-7)
    shares = samples / 100
    np.testing.assert_allclose(
        mean_share(shares).interval, mean_interval(shares)[1], rtol=0, atol=1e-7
    )


def test_a_rerun_of_other_runs_misses_one_time_in_hundreds():
    """Of two independent means of 12 the difference passes 3√2 errors by Student's t."""
    random = np.random.default_rng(0)
    first, second = 1 + 0.1 * random.standard_normal((2, 4000, 12))
    moved = [
        abs(b.mean() - a.mean()) > number.regression(positive_mean(a), "what it is").tolerance
        for a, b in zip(first, second, strict=True)
    ]
    # the second mean's error is not the first's, so that the chance is about that of Student's t
    assert 0.25 * stats.t.sf(3, 11) < np.mean(moved) < 4 * stats.t.sf(3, 11)


def test_expectations_are_told_with_their_reason_and_the_baseline():
    assert number.expectation(made("theory")) == "theory 2, tolerance 0.1 (a grid step)"
    assert number.expectation(made("exact", tolerance=0.0)) == "exactly 2 (rounding)"
    assert number.expectation(made("regression")) == ""
    scored = made("bound", baseline=Baseline("neighbors", 0.98712))
    assert number.expectation(scored) == "at least 1 (a baseline); neighbors: 0.9871"
    assert number.describe(made("regression", measured=2.0)) == "2"


def test_an_estimate_draws_its_interval_as_error_bars():
    assert Estimate(2.0, 0.1, (1.0, 4.0)).reach == [[1.0], [2.0]]
    assert Estimate(2.0, 0.0, None).reach == [[0.0], [0.0]]
