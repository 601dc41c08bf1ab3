"""Imports run downwards, as CONTRIBUTING says, and an experiment has its own files alone."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import NAMES

ROOT = Path(__file__).parents[1]
ROOMS = ("jdescent", "experiments", "jdescent_playground")
DOWNWARDS = (
    ("experiments", "jdescent_playground", "jdescent.report"),
    ("jdescent.sweeps", "jdescent.analysis", "jdescent.plotting"),
    ("jdescent.descend",),
    ("jdescent.optimizers", "jdescent.losses", "jdescent.batches"),
    ("jdescent.core",),
)
SAME_FILES = ("config", "figure", "numbers", "simulate")


def modules() -> dict[str, Path]:
    """Every module of the library, the experiments and the playground, by its dotted name."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    dotted = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    return {name.removesuffix(".__init__"): path for path, name in dotted.items()}


MODULES = modules()


def statements(code: ast.Module) -> Iterator[ast.stmt]:
    """Those that run when the module is imported: imports within functions run later."""
    for statement in code.body:
        yield from ast.walk(statement) if not isinstance(statement, ast.FunctionDef) else ()


def imported(name: str) -> Iterator[str]:
    """Modules that this one imports; `from package import a` is of `package.a` where it is one."""
    for statement in statements(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names if alias.name in MODULES)
        elif isinstance(statement, ast.ImportFrom) and statement.module in MODULES:
            for alias in statement.names:
                inner = f"{statement.module}.{alias.name}"
                yield inner if inner in MODULES else statement.module


def roots(code: ast.Module) -> set[str]:
    """First names of all that is imported anywhere in it, within functions too."""
    statements = [*ast.walk(code)]
    plain = [n.name for s in statements if isinstance(s, ast.Import) for n in s.names]
    of = [s.module for s in statements if isinstance(s, ast.ImportFrom) and s.module]
    return {name.split(".")[0] for name in plain + of}


IMPORTS = {name: set(imported(name)) for name in MODULES}


def height(name: str) -> int | None:
    """The step of `DOWNWARDS` that a module is on, the lowest 0; None beside them."""
    for step, rooms in enumerate(reversed(DOWNWARDS)):
        if any(f"{name}.".startswith(f"{room}.") for room in rooms):
            return step
    return None


def test_imports_run_downwards():
    heights = {name: at for name in MODULES if (at := height(name)) is not None}
    assert set(heights.values()) == set(range(len(DOWNWARDS)))
    upwards = [
        f"{name} imports {other}"
        for name, at in heights.items()
        for other in IMPORTS[name]
        if heights.get(other, at) > at
    ]
    assert not upwards


def test_only_the_command_knows_the_playground():
    knowing = [
        name
        for name, path in MODULES.items()
        if not name.startswith("jdescent_playground")
        and "jdescent_playground" in roots(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert knowing == ["jdescent.__main__"]


def test_no_experiments_imports_go_in_a_circle():
    of_experiments = {name: found for name, found in IMPORTS.items() if "experiments" in name}
    graphlib.TopologicalSorter(of_experiments).prepare()


@pytest.mark.parametrize("figure", NAMES)
def test_an_experiment_imports_itself_and_what_is_common_alone(figure):
    own, allowed = f"experiments.{figure}", ("experiments.common", "jdescent")
    of_others = [
        f"{name} imports {other}"
        for name in MODULES
        if f"{name}.".startswith(f"{own}.")
        for other in IMPORTS[name]
        if not any(f"{other}.".startswith(f"{room}.") for room in (own, *allowed))
    ]
    assert not of_others


@pytest.mark.parametrize("figure", NAMES)
def test_every_figure_has_a_folder_of_its_name_with_the_same_files(figure):
    assert {f"experiments.{figure}.{file}" for file in SAME_FILES} <= set(MODULES)


def test_there_is_no_other_folder_and_what_is_common_imports_no_experiment():
    folders = {path.name for path in (ROOT / "experiments").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {*NAMES, "common"}
    for name in MODULES:
        if name.startswith("experiments.common"):
            assert not {other.split(".")[1] for other in IMPORTS[name] if "." in other} & {*NAMES}
