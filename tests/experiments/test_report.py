"""What experiments share: numbers that are written down, compared, and never half written."""

import dataclasses
import json
import types
from dataclasses import dataclass

import pytest
from matplotlib.figure import Figure

from experiments import __main__ as command
from experiments.common import number, report
from experiments.common.statistics import Estimate

WHY = "3 standard errors of 9 runs"


@dataclass(frozen=True)
class Config:
    measured: float = 1.0
    sizes: tuple[int, ...] = (2, 4)


def plot(data, config):
    figure = Figure()
    figure.subplots().plot([0, data])
    return figure


@pytest.fixture
def experiment(monkeypatch):
    """A tiny experiment whose one number is whatever its settings say, and whose theory is 1."""
    module = types.SimpleNamespace(
        __doc__="A caption\nof two lines.",
        Config=Config,
        QUICK=Config(sizes=(1,)),
        simulate=lambda config: config.measured,
        numbers=lambda data, config: {
            "one": number.theory(Estimate(data, 0.03, (0.9, 1.1)), 1.0, 0.1, WHY, "what it is")
        },
        plot=plot,
    )
    monkeypatch.setattr(report, "load", lambda name: module)
    return module


def test_a_run_writes_two_pictures_and_its_numbers_beside_theory(experiment, tmp_path):
    assert report.run("tiny", Config(), tmp_path) == []
    assert {p.name for p in tmp_path.iterdir()} == {"tiny.pdf", "tiny.png", "tiny.json"}
    record = json.loads((tmp_path / "tiny.json").read_text())
    assert record["numbers"]["one"]["measured"] == record["numbers"]["one"]["theory"] == 1.0
    assert record["numbers"]["one"]["class"] == "theory"
    assert record["caption"] == "A caption of two lines."
    assert record["config"] == {"measured": 1.0, "sizes": [2, 4]}
    assert {"commit", "python", "versions", "device", "seconds"} <= set(record["provenance"])


def test_equal_runs_write_equal_pictures(experiment, tmp_path):
    report.run("tiny", Config(), tmp_path / "a")
    report.run("tiny", Config(), tmp_path / "b")
    for name in ("tiny.pdf", "tiny.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_number_off_its_theory_is_a_miss_that_says_by_how_much(experiment, tmp_path):
    (miss,) = report.run("tiny", Config(measured=1.25), tmp_path)
    assert str(miss) == f"one: 1.25, theory 1, tolerance 0.1 ({WHY})"


def test_a_check_reruns_with_the_settings_on_record(experiment, tmp_path):
    report.run("tiny", Config(measured=1.05, sizes=(7,)), tmp_path)
    assert report.check("tiny", tmp_path) == []
    assert report.config_from(experiment, {"measured": 1.05, "sizes": [7]}).sizes == (7,)


def test_a_check_finds_a_number_that_moved(experiment, tmp_path):
    report.run("tiny", Config(measured=0.95), tmp_path)
    path = tmp_path / "tiny.json"
    record = json.loads(path.read_text())
    record["numbers"]["one"]["measured"] = 0.8
    path.write_text(json.dumps(record))
    (miss,) = report.check("tiny", tmp_path)
    assert str(miss) == "one: 0.95, committed 0.8, tolerance 0.1"


def test_a_check_finds_a_number_whose_class_changed(experiment, tmp_path):
    report.run("tiny", Config(), tmp_path)
    experiment.numbers = lambda data, config: {
        "one": number.regression(data, "what it is", tolerance=0.1, why="two runs")
    }
    (miss,) = report.check("tiny", tmp_path)
    assert str(miss) == "one: 1, class regression, committed theory"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"at_least": 0.9, "missed_by": 0.5}, None),
        ({"at_least": 1.0, "missed_by": 0.5}, "at least 1"),
        ({"at_most": 0.9, "missed_by": 1.0}, "at most 0.9"),
        ({"at_least": 0.5, "at_most": 0.9, "missed_by": 1.0}, "at least 0.5, at most 0.9"),
        ({"at_least": float("nan"), "missed_by": 0.5}, "at least nan"),
    ],
)
def test_a_number_keeps_its_bounds_or_is_a_miss(bounds, expected):
    share = number.bound(0.95, "a baseline", "a share", **bounds)
    misses = [str(miss) for miss in report.off_theory({"share": share})]
    assert misses == ([f"share: 0.95, {expected} (a baseline)"] if expected else [])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"numbers": {}, "config": {"unknown": 1}}',
        '{"numbers": {"one": {"measured": 1, "theory": 1, "tolerance": 1, "meaning": "older"}}}',
    ],
)
def test_a_record_that_cannot_be_read_says_how_to_write_it_again(experiment, tmp_path, text):
    (tmp_path / "tiny.json").write_text(text)
    with pytest.raises(SystemExit, match="python -m experiments tiny"):
        report.check("tiny", tmp_path)


def test_a_missing_record_says_how_to_make_one(experiment, tmp_path):
    with pytest.raises(SystemExit, match="is not there: run"):
        report.check("tiny", tmp_path)


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(
    experiment, tmp_path
):
    (tmp_path / "file").write_text("not a folder")
    experiment.simulate = lambda config: pytest.fail("computed")
    with pytest.raises(SystemExit, match=r"cannot write figures to .*--out"):
        report.run("tiny", Config(), tmp_path / "file" / "figures")


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "figure.json"
    path.write_text("old")

    def full_disk(partial):
        partial.write_text("half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        report.write(path, full_disk)
    assert [p.name for p in tmp_path.iterdir()] == ["figure.json"]
    assert path.read_text() == "old"


def test_the_command_runs_one_experiment_with_its_own_settings(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "NAMES", ("tiny",))
    assert command.main(["tiny", "--out", str(tmp_path), "--sizes", "3", "5"]) == 0
    assert json.loads((tmp_path / "tiny.json").read_text())["config"]["sizes"] == [3, 5]
    assert command.main(["tiny", "--out", str(tmp_path), "--quick"]) == 0
    assert json.loads((tmp_path / "tiny.json").read_text())["config"]["sizes"] == [1]


def test_the_command_exits_with_one_on_a_miss(experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "NAMES", ("tiny",))
    assert command.main(["tiny", "--out", str(tmp_path), "--measured", "2.0"]) == 1
    assert "MISS one: 2, theory 1" in capsys.readouterr().err
    assert command.main(["--check", "--out", str(tmp_path)]) == 1


def test_the_command_refuses_unknown_names_and_quick_sizes_among_the_figures(capsys):
    assert command.main(["nothing"]) == 2
    assert "choose from stability_boundary" in capsys.readouterr().err
    assert command.main(["--quick"]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize("name", command.NAMES)
def test_help_explains_every_setting(name, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main([name, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    config = report_config(name)()
    for field in dataclasses.fields(config):
        if dataclasses.is_dataclass(getattr(config, field.name)):
            continue  # the sizes of a model are no settings of the command line
        assert f"--{field.name.replace('_', '-')}" in text
    assert "--check" in text


def report_config(name):
    return report.load(name).Config
