"""One row of the table of optimizers."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import jdescent as jd
from experiments.common.problem import Problem, paper_path


class Case(NamedTuple):
    """An optimizer, settings that matter to it, its paper, and its optax twin where there is one.

    Attributes:
        ours: the factory, `twin` optax's; both called as ``factory(learning_rate, **settings)``.
        settings: of ours; `twin_settings` of the twin, where it says or has it otherwise.
        paper: the algorithm of its paper in NumPy, see `papers`; `paper_settings` what it is
            given beside ``lr=``, where that is not `settings`.
        differs: why the twin walks otherwise than the paper, where it does; then `twin_distance`
            is what was measured, in units of the path.
        tolerance: how far apart paths of float64 may be, in units of the path.
    """

    name: str
    ours: Callable[..., jd.Optimizer]
    twin: Callable[..., Any] | None = None
    settings: Mapping[str, Any] = MappingProxyType({})
    twin_settings: Mapping[str, Any] | None = None
    paper: Callable[..., Any] | None = None
    paper_settings: Mapping[str, Any] | None = None
    rate: float = 0.1
    differs: str = ""
    twin_distance: float = 0.0
    tolerance: float = 1e-11

    @property
    def optimizer(self) -> str:
        """The name of ours, with which every case's name begins."""
        return self.name.split()[0].rstrip(",")

    def build(self, learning_rate: Any = 0.1) -> Any:
        return self.ours(learning_rate, **self.settings)

    def build_twin(self, learning_rate: Any = 0.1) -> Any:
        settings = self.settings if self.twin_settings is None else self.twin_settings
        assert self.twin is not None
        return self.twin(learning_rate, **settings)

    def walk_paper(self, problem: Problem) -> np.ndarray:
        settings = self.settings if self.paper_settings is None else self.paper_settings
        assert self.paper is not None
        return paper_path(self.paper, problem, lr=self.rate, **settings)
