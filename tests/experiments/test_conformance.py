"""The conformance matrix: distances that can be told, a picture and a table that show them all."""

import numpy as np
import pytest

from experiments import conformance
from experiments.common import markdown, report
from experiments.common import optimizers as optimizers_by_family
from experiments.common.papers import cases
from experiments.common.problem import Problem, distance, paper_path
from experiments.common.records import record_of
from experiments.conformance.catalog import COLUMNS, memory, reads, source, stable_rates
from experiments.conformance.references.rows import LIBRARIES, ROWS, UNTRACED
from experiments.conformance.simulate import PATHS, Measured
from jdescent import optimizers


@pytest.fixture(scope="module")
def found():
    return conformance.simulate(conformance.QUICK)


def test_every_headline_number_agrees(found):
    assert report.off_theory(conformance.numbers(found, conformance.QUICK)) == []


def test_the_problems_gradient_and_curvature_are_those_of_its_loss():
    """By central differences."""
    problem, step = Problem(), 1e-5
    x, t = problem.x0, 7
    for i, unit in enumerate(np.eye(len(x))):
        ahead, behind = x + step * unit, x - step * unit
        slope = (problem.loss(ahead, t) - problem.loss(behind, t)) / (2 * step)
        np.testing.assert_allclose(problem.gradient(x, t)[i], slope, rtol=1e-6, atol=1e-7)
        bend = (problem.gradient(ahead, t) - problem.gradient(behind, t)) / (2 * step)
        np.testing.assert_allclose(problem.hvp(x, unit), bend, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(problem.hessian(x)[i], bend, rtol=1e-6, atol=1e-7)


def test_a_distance_is_in_units_of_the_path():
    start = np.zeros(2)
    path = np.array([[1.0, 0.0], [1.0, 2.0]])  # moves of 1 and 2
    assert distance(path, path, start) == 0
    assert distance(path + np.array([0.3, 0.0]), path, start) == pytest.approx(0.1)


def test_an_algorithm_that_stops_early_is_refused():
    with pytest.raises(AssertionError, match="stops after 0 of 60 steps"):
        paper_path(lambda problem: iter(()), Problem())


def test_paths_on_record_are_of_rows_that_are_here_and_each_distance_has_a_cause(found):
    assert set(np.load(PATHS)) == {r.key for r in ROWS}
    assert all(row.library in LIBRARIES and row.optimizer in optimizers.__all__ for row in ROWS)
    for row in found:
        assert np.isfinite(row.distance), row
        at_rounding = row.distance <= 1e-5
        assert at_rounding or row.why or row.is_of_defaults, row
    assert sum(row.why == UNTRACED for row in ROWS) <= 2


def test_the_table_and_the_picture_show_every_optimizer(found):
    text = conformance.shown(found, conformance.QUICK)
    axes = conformance.plot(found, conformance.QUICK).axes
    labels = [label.get_text() for panel in axes for label in panel.get_yticklabels()]
    for name in conformance.QUICK.optimizers:
        assert f"| {name} |" in text
        assert name in labels
    assert "rounding" in text


def test_every_case_belongs_to_the_matrix():
    assert len(cases()) > 180
    assert Measured("adam", "paper", "", 0.0, "").is_of_defaults


@pytest.mark.parametrize(
    ("name", "read", "kept"),
    [
        ("sgd", "", "0"),
        ("adamw", "parameters", "2"),
        ("polyak_sgd", "loss", "0"),
        ("sgld", "random numbers", "0"),
        ("muon", "parameters", "1"),
        ("sam", "parameters, gradients elsewhere, what the inner one reads", "1"),
        ("adafactor", "parameters", f"{2 / 64:.2g}"),
    ],
)
def test_the_catalog_says_what_an_optimizer_reads_and_keeps(name, read, kept):
    case = next(case for case in cases() if case.optimizer == name)
    assert (reads(case), memory(case)) == (read, kept)


def test_every_optimizer_names_its_source():
    names = {case.optimizer for case in cases()}
    assert not [name for name in names if len(source(name)) < 12]
    assert source("adam").endswith("A Method for Stochastic Optimization, Algorithm 1")


def test_the_table_has_the_largest_stable_rate_on_record_and_a_page_by_family(found):
    text = conformance.shown(found, conformance.QUICK)
    limits = {row["optimizer"]: row[COLUMNS[4]] for row in markdown.rows_of(text, "source")}
    assert limits == {name: stable_rates()[name] for name in conformance.QUICK.optimizers}
    assert limits["sgd"] == "2"
    assert limits["adam"] == "0.18 by its ε"


def test_the_optimizers_by_family_are_those_of_the_library_as_they_are_now():
    page = optimizers_by_family.page(report.FIGURES / "conformance.json")
    assert page == (report.FIGURES / optimizers_by_family.NAME).read_text(encoding="utf-8")
    record = record_of(report.FIGURES / "conformance.json")
    rows = {row["optimizer"]: row for row in markdown.rows_of(record["shown"], "source")}
    first = {case.optimizer: case for case in reversed(cases()) if case.paper is not None}
    assert set(rows) == set(first)
    for name, case in first.items():
        facts = source(name), reads(case), memory(case), stable_rates()[name]
        assert tuple(rows[name][column] for column in COLUMNS[1:5]) == facts
        assert f"| {name} |" in page


def test_a_table_is_read_as_it_was_written():
    rows = [("a|b", "1"), ("c", "")]
    text = "text\n\n" + markdown.table(("x", "y"), [("no", "table")]) + "\n\n"
    text += markdown.table(("name", "value"), rows) + "\n\n| another | table |"
    assert [tuple(row.values()) for row in markdown.rows_of(text, "name")] == rows
