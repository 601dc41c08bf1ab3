"""What every experiment shares: headline numbers beside their theory, written down and checked."""

import dataclasses
import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import matplotlib as mpl

from jdescent import plotting

FIGURES = Path(__file__).parent.parent / "paper_figures"
LIBRARIES = (
    "jdescent", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "matplotlib", "xarray",
)  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A headline number of a figure.

    Attributes:
        measured: what the run gave.
        theory: what theory says it should be; None where there is none.
        tolerance: how far, in absolute terms, `measured` may lie from `theory` now, and from the
            committed `measured` when the figure is rerun.
        meaning: one line that says what the number is, with its unit.
        interval: a 95 % confidence interval, where the number is statistical.
        at_least, at_most: what the number must reach or stay below, such as the score of a baseline
            that was measured in the same run.
    """

    measured: float
    theory: float | None
    tolerance: float
    meaning: str
    interval: tuple[float, float] | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether it agrees with theory within the tolerance, and keeps its bounds."""
        return (
            (self.theory is None or abs(self.measured - self.theory) <= self.tolerance)
            and (self.at_least is None or self.measured >= self.at_least)
            and (self.at_most is None or self.measured <= self.at_most)
        )


Numbers = dict[str, Number]


@dataclass(frozen=True)
class Miss:
    """A headline number that is not what it should be."""

    name: str
    measured: float
    expected: str

    def __str__(self) -> str:
        return f"{self.name}: {self.measured:.8g}, {self.expected}"


def run(name: str, config: Any, folder: Path) -> list[Miss]:
    """Simulate, draw, write NAME.pdf, .png and .json into the folder; the numbers off theory.

    An experiment that has a `save_animation` writes NAME.gif as well; one that has `shown` puts
    this text, in Markdown, on record and into the gallery.
    """
    require_writable(folder)
    experiment = load(name)
    began = time.perf_counter()
    data = experiment.simulate(config)
    numbers = experiment.numbers(data, config)
    with stage("drawing"), mpl.rc_context(plotting.STYLE):
        figure = experiment.plot(data, config)
        # Without dates and versions inside, an unchanged figure is an unchanged file.
        write(
            folder / f"{name}.pdf",
            lambda path: figure.savefig(path, metadata={"CreationDate": None}),
        )
        write(
            folder / f"{name}.png", lambda path: figure.savefig(path, metadata={"Software": None})
        )
        if hasattr(experiment, "save_animation"):
            write(
                folder / f"{name}.gif",
                lambda path: experiment.save_animation(data, config, path),
            )
    record = {
        "experiment": name,
        "caption": caption(experiment),
        "numbers": {key: dataclasses.asdict(number) for key, number in numbers.items()},
        "shown": experiment.shown(data, config) if hasattr(experiment, "shown") else "",
        "config": dataclasses.asdict(config),
        "provenance": provenance(time.perf_counter() - began),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=True) + "\n"
    write(folder / f"{name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    for key, number in numbers.items():
        print(f"  {key:<42} {describe(number)}")
    return off_theory(numbers)


def check(name: str, folder: Path) -> list[Miss]:
    """Rerun with the committed settings; the numbers off theory or off those committed."""
    experiment = load(name)
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        committed = record["numbers"]
        config = config_from(experiment, record["config"])
    except FileNotFoundError:
        raise SystemExit(f"{path} is not there: run `python -m experiments {name}` first") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SystemExit(
            f"{path} cannot be read as a record of {name} ({error}): "
            f"run `python -m experiments {name}` to write it again"
        ) from error
    numbers = experiment.numbers(experiment.simulate(config), config)
    misses = off_theory(numbers)
    if gone := set(committed) ^ set(numbers):
        raise SystemExit(
            f"{path} and this version differ in which numbers they have: {sorted(gone)}"
        )
    for key, number in numbers.items():
        before = committed[key]["measured"]
        print(f"  {key:<42} {describe(number)}, committed {before:.6g}")
        if not abs(number.measured - before) <= number.tolerance:
            expected = f"committed {before:.8g}, tolerance {number.tolerance:.3g}"
            misses.append(Miss(key, number.measured, expected))
    return misses


def off_theory(numbers: Numbers) -> list[Miss]:
    return [
        Miss(key, number.measured, expectation(number))
        for key, number in numbers.items()
        if not number.agrees
    ]


def describe(number: Number) -> str:
    text = f"{number.measured:.6g}"
    if number.interval:
        text += " [{:.5g}, {:.5g}]".format(*number.interval)
    return f"{text}, {expected}" if (expected := expectation(number)) else text


def expectation(number: Number) -> str:
    """Theory and bounds in words; empty where there are none."""
    parts = []
    if number.theory is not None:
        parts.append(f"theory {number.theory:.7g}, tolerance {number.tolerance:.3g}")
    if number.at_least is not None:
        parts.append(f"at least {number.at_least:.6g}")
    if number.at_most is not None:
        parts.append(f"at most {number.at_most:.6g}")
    return ", ".join(parts)


def load(name: str) -> ModuleType:
    return importlib.import_module(f"experiments.{name}")


def caption(experiment: ModuleType) -> str:
    """The experiment's docstring as one paragraph."""
    return " ".join((experiment.__doc__ or "").split())


def config_from(experiment: ModuleType, fields: dict[str, Any]) -> Any:
    """A Config from its JSON form."""
    return dataclass_from(experiment.Config, fields)


def dataclass_from(kind: type, fields: dict[str, Any]) -> Any:
    """Lists become tuples again, and dictionaries the dataclasses that they were."""
    types = typing.get_type_hints(kind)

    def restored(key: str, value: Any) -> Any:
        if dataclasses.is_dataclass(types.get(key)):
            return dataclass_from(types[key], value)
        return tuple(value) if isinstance(value, list) else value

    return kind(**{key: restored(key, value) for key, value in fields.items()})


def provenance(seconds: float) -> dict[str, Any]:
    """Which code ran, on what, and for how long."""
    device = jax.devices()[0]
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "device": f"{device.platform} ({device.device_kind}), {jax.device_count()} of them",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(seconds, 1),
    }


def commit() -> str:
    """The git commit of the code, marked if it has been changed since; "unknown" outside git."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        answer = subprocess.run(
            ["git", *words], cwd=here, capture_output=True, text=True, check=True
        )
        return answer.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ".", "../jdescent")
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def require_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is computed for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SystemExit(
            f"cannot write figures to {folder}: {error.strerror}; name another folder with --out"
        ) from error


def write(path: Path, save: Any) -> None:
    """Write a file whole or not at all: a full disk or a killed run leaves the old one."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        save(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Say on standard error what is being done, and how long it took."""
    print(f"  {what} …", end="", file=sys.stderr, flush=True)
    began = time.perf_counter()
    yield
    print(f" {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
