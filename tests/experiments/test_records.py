"""Every number on record could have failed, and the README counts them as they are."""

import dataclasses
import math

import pytest

from experiments import NAMES
from experiments.common import gallery, records, report
from experiments.common.number import KINDS, Number

RECORDS = {name: records.numbers_of(report.FIGURES / f"{name}.json") for name in NAMES}
each_figure = pytest.mark.parametrize("name", NAMES)  # of a number each, tests would be thousands
SCORES = ("accuracy", "stopped_test_loss", "held_out_rmse")
NO_SCORES = (
    "majority_accuracy",
    "accuracy_gain",
    "gained_accuracy",
    "spread",
    "of_mean",
    "training",
)


def broken(found: Number) -> Number:
    """The number as a failure would have it."""
    if found.kind == "bound":
        return dataclasses.replace(found, measured=found.missed_by, interval=None, tolerance=None)
    off = 1.01 * found.tolerance + 1e-12 * max(1.0, abs(found.measured))
    base = found.measured if found.theory is None else found.theory
    return dataclasses.replace(found, measured=base + off, interval=None)


@each_figure
def test_a_number_agrees_as_it_is_and_fails_where_the_claim_does(name):
    for key, found in RECORDS[name].items():
        assert found.agrees, key
        failed = broken(found)
        if found.kind == "regression":
            assert report.change(failed, found), key
        else:
            assert not failed.agrees, key
        assert report.change(found, found) is None, key


@each_figure
def test_a_number_says_what_it_is_and_where_its_limits_come_from(name):
    for key, found in RECORDS[name].items():
        assert found.kind in KINDS, key
        assert found.meaning, key
        assert found.why, key
        assert "tolerance" not in found.meaning.lower(), key
        assert "tests nothing" not in found.meaning, key
        assert "is not tested" not in found.meaning, key
        assert "interval reaches" not in found.why, key


@each_figure
def test_a_tolerance_is_at_most_half_of_what_it_is_of(name):
    for key, found in RECORDS[name].items():
        if found.kind == "theory":
            assert 0 < found.tolerance <= abs(found.theory) / 2, key
        elif found.kind == "exact":
            assert found.tolerance <= 1e-4 * max(abs(found.theory), found.scale or 0), key
        elif found.tolerance is not None:
            assert found.tolerance <= abs(found.measured) / 2, key


@each_figure
def test_an_interval_has_a_width_and_holds_what_was_measured(name):
    for key, found in RECORDS[name].items():
        if found.interval:
            low, high = found.interval
            assert low < found.measured < high, key
            assert found.signed or low > 0, key
        assert math.isfinite(found.measured), key


@each_figure
def test_every_score_on_held_out_data_stands_beside_a_simple_method(name):
    for key, found in RECORDS[name].items():
        is_score = any(word in key for word in SCORES) and not any(no in key for no in NO_SCORES)
        of_one_loop = name == "one_loop" and "p_value" not in key and "steps" not in key
        if is_score or of_one_loop:
            assert found.baseline, key


def test_the_readme_counts_the_numbers_on_record():
    numbers = [found for numbers in RECORDS.values() for found in numbers.values()]
    readme = (report.FIGURES.parent / "README.md").read_text(encoding="utf-8")
    assert gallery.class_table(numbers) in readme
