"""Which tests are to notice a fault in a file: those of what it is for, the quickest first.

Beside the file's own examples, of a family of optimizers those that are given one of its names, or
say it themselves; of other files, whole modules of tests.
"""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

from mutating.mutants import ROOT

OPTIMIZERS = Path("jdescent/optimizers")
# Each optimizer beside its paper, its refusals, and at the ends of what it accepts.
FOR_EACH_OPTIMIZER = ["test_papers", "test_hyperparameters", "test_every", "test_extremes"]
LOOP = ["test_descend", "test_verdicts", "test_descend_errors", "test_trajectory", "test_going_on"]
CORE = ["test_core", "test_core_errors", "test_numerics", "optimizers/test_textbook"]
SUITES = {
    "jdescent/core/asks.py": CORE,
    "jdescent/core/hyperparameters.py": [*CORE, "optimizers/test_hyperparameters"],
    "jdescent/core/identity.py": ["sweeps/test_identity", "test_remembered"],
    "jdescent/core/kinds.py": [*CORE, "optimizers/test_hyperparameters"],
    "jdescent/core/masks.py": ["test_tracing", "test_transforms", *CORE],
    "jdescent/core/partition.py": ["test_partition", *CORE],
    "jdescent/core/remembered.py": ["test_remembered", "test_tracing"],
    "jdescent/core/signature.py": [*CORE, "optimizers/test_hyperparameters"],
    "jdescent/core/tracing.py": ["test_tracing", "test_remembered"],
    "jdescent/core": CORE,
    "jdescent/evaluating.py": ["test_evaluations", *LOOP],
    "jdescent/objective.py": [*LOOP, "test_model_states"],
    "jdescent/rows.py": [*LOOP, "test_evaluations"],
    "jdescent/stopping.py": ["test_evaluations", *LOOP],
    "jdescent/taking.py": [*LOOP, "test_evaluations"],
    "jdescent": LOOP,
}
DESCEND = (
    "descend", "loop", "starting", "stopping", "taking", "objective", "recording", "rows", "runs",
    "evaluating", "trajectory",
)  # fmt: skip
MODULES = {
    "core": sorted(set(ROOT.glob("jdescent/core/*.py")) - {ROOT / "jdescent/core/identity.py"}),
    "identity": [ROOT / "jdescent/core/identity.py"],
    "optimizers": sorted(ROOT.glob("jdescent/optimizers/*.py")),
    "descend": [ROOT / f"jdescent/{name}.py" for name in DESCEND],
}


def suite_of(file: Path) -> tuple[list[str], list[Any]]:
    """Pytest's arguments and plugins, for a file by its path in the repository."""
    if file.parent != OPTIMIZERS:
        names = next(names for place, names in SUITES.items() if file.is_relative_to(place))
        return [*(f"tests/{name}.py" for name in names), str(file)], []
    names = factories(ROOT / file) or factories_that_import(file.stem)
    said = re.compile(rf"\b(?:{'|'.join(names)})\b")
    own = [
        path
        for path in sorted((ROOT / "tests/optimizers").glob("test_*.py"))
        if path.stem not in FOR_EACH_OPTIMIZER and said.search(path.read_text("utf-8"))
    ]
    each = [f"tests/optimizers/{name}.py" for name in FOR_EACH_OPTIMIZER]
    return [*each, *(str(path.relative_to(ROOT)) for path in own), str(file)], [Chosen(names)]


def factories(file: Path) -> list[str]:
    """The optimizers that a file defines."""
    return [
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(getattr(decorator, "id", "") == "optimizer" for decorator in node.decorator_list)
    ]


def factories_that_import(module: str) -> list[str]:
    """Those of the families that take something from a module that has none."""
    imports = f"from jdescent.optimizers.{module} import"
    return [
        name
        for file in sorted((ROOT / OPTIMIZERS).glob("*.py"))
        if imports in file.read_text("utf-8")
        for name in factories(file)
    ]


class Chosen:
    """A plugin of pytest: of the tests that are collected, those of some optimizers."""

    def __init__(self, names: list[str]):
        self.names = set(names)
        self.said = re.compile(rf"\bjd\.(?:{'|'.join(names)})\b")

    def pytest_collection_modifyitems(self, config, items) -> None:
        kept = [item for item in items if self.is_of_them(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def is_of_them(self, item) -> bool:
        function = getattr(item, "function", None)
        if function is None:  # an example
            return True
        given = getattr(item, "callspec", None)
        values = given.params.values() if given else ()
        if any(self.names & {v if isinstance(v, str) else "", *_named(v)} for v in values):
            return True
        return bool(self.said.search(inspect.getsource(function)))


def _named(value: Any) -> set[str]:
    """The names of a row of a table of optimizers, or of a factory."""
    return {
        getattr(value, "optimizer", None),
        getattr(getattr(value, "ours", value), "__name__", None),
    } - {None}
