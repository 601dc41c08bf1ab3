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

from experiments.common.claims import Claim
from experiments.common.number import Number, Numbers, describe, expectation, from_record, record_of
from jdescent import plotting

ROOT = Path(__file__).parents[2]
IN_A_CLONE = (ROOT / ".git").exists()
FIGURES = (ROOT if IN_A_CLONE else Path()) / "paper_figures"
LIBRARIES = (
    "jdescent", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "matplotlib", "xarray",
)  # fmt: skip


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
    this text, in Markdown, on record and into the gallery; one that has `claims` puts these
    published claims and their verdicts on record and into the ledger.
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
    claims = claims_of(experiment, config)
    record = {
        "experiment": name,
        "caption": caption(experiment),
        "numbers": {key: record_of(number) for key, number in numbers.items()},
        "claims": [claim.record(numbers) for claim in claims],
        "shown": experiment.shown(data, config) if hasattr(experiment, "shown") else "",
        "config": dataclasses.asdict(config),
        "provenance": provenance(time.perf_counter() - began),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=True) + "\n"
    write_text(folder / f"{name}.json", text)
    for key, number in numbers.items():
        print(f"  {key:<42} {describe(number)}")
    for claim in claims:
        print(f"  {claim.verdict(numbers)}: {claim.says} ({claim.source.authors})")
    return off_theory(numbers)


def check(name: str, folder: Path) -> list[Miss]:
    """Rerun with the committed settings; the numbers off theory or off those committed."""
    experiment = load(name)
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        committed = {key: from_record(fields) for key, fields in record["numbers"].items()}
        config = config_from(experiment, record["config"])
    except FileNotFoundError:
        raise SystemExit(f"{path} is not there: run `python -m experiments {name}` first") from None
    except (KeyError, TypeError, ValueError) as error:  # of JSON as well
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
        before = committed[key]
        print(f"  {key:<42} {describe(number)}, committed {before.measured:.6g}")
        if (found := change(number, before)) is not None:
            misses.append(Miss(key, number.measured, found))
    return misses + changed_verdicts(
        record.get("claims", []), claims_of(experiment, config), numbers
    )


def claims_of(experiment: ModuleType, config: Any) -> list[Claim]:
    return experiment.claims(config) if hasattr(experiment, "claims") else []


def changed_verdicts(
    committed: list[dict[str, Any]], claims: list[Claim], numbers: Numbers
) -> list[Miss]:
    """The claims that come out otherwise than on record."""
    before = {fields["says"]: fields["verdict"] for fields in committed}
    return [
        Miss(
            claim.says,
            numbers[next(iter(claim.decided_by))].measured,
            f"verdict {now}, committed {then}",
        )
        for claim in claims
        if (now := claim.verdict(numbers)) != (then := before.get(claim.says, "no such claim"))
    ]


def change(number: Number, before: Number) -> str | None:
    """What the number should still be but is not; a bound without a tolerance may move in it."""
    if number.kind != before.kind:
        return f"class {number.kind}, committed {before.kind}"
    tolerance = number.tolerance
    if tolerance is None or abs(number.measured - before.measured) <= tolerance:
        return None
    return f"committed {before.measured:.8g}, tolerance {tolerance:.3g}"


def off_theory(numbers: Numbers) -> list[Miss]:
    return [
        Miss(key, number.measured, expectation(number))
        for key, number in numbers.items()
        if not number.agrees
    ]


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
    if not IN_A_CLONE:
        return "unknown"

    def git(*words: str) -> str:
        answer = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return answer.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "experiments", "jdescent")
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


def write_text(path: Path, text: str) -> None:
    write(path, lambda partial: partial.write_text(text, encoding="utf-8"))


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Say on standard error what is being done, and how long it took."""
    print(f"  {what} …", end="", file=sys.stderr, flush=True)
    began = time.perf_counter()
    yield
    print(f" {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
