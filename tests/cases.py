"""The one table of optimizers: settings that matter, paper, twin in optax, what they read.

`CASES` are those of the core, on which everything is tried; `FAMILIES` adds those that the files of
`tests/papers` bring, each with its paper's algorithm. Contract, papers and errors are tried on all.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax
from problem import paper_path

import jdescent as jd


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
    settings: dict[str, Any] = {}
    twin_settings: dict[str, Any] | None = None
    paper: Callable[..., Any] | None = None
    paper_settings: dict[str, Any] | None = None
    rate: float = 0.1
    differs: str = ""
    twin_distance: float = 0.0
    tolerance: float = 1e-11

    def build(self, learning_rate=0.1):
        return self.ours(learning_rate, **self.settings)

    def build_twin(self, learning_rate=0.1):
        settings = self.settings if self.twin_settings is None else self.twin_settings
        return self.twin(learning_rate, **settings)

    def walk_paper(self, problem):
        settings = self.settings if self.paper_settings is None else self.paper_settings
        return paper_path(self.paper, problem, lr=self.rate, **settings)


CASES = [
    Case("sgd", jd.sgd, optax.sgd),
    Case("sgd with momentum", jd.sgd, optax.sgd, {"momentum": 0.9}),
    Case("sgd with nesterov", jd.sgd, optax.sgd, {"momentum": 0.9, "nesterov": True}),
    Case("sgd with dampening", jd.sgd, None, {"momentum": 0.9, "dampening": 0.3}),
    Case("heavy_ball", jd.heavy_ball, None, {"momentum": 0.9}),
    Case("nesterov", jd.nesterov, None, {"momentum": 0.9}),
    Case("adagrad", jd.adagrad, optax.adagrad),
    Case("adagrad from zero", jd.adagrad, optax.adagrad, {"initial_accumulator_value": 0.0}),
    Case("rmsprop", jd.rmsprop, optax.rmsprop),
    Case("rmsprop eps outside", jd.rmsprop, optax.rmsprop, {"eps_in_sqrt": False, "eps": 1e-3}),
    Case("rmsprop from one", jd.rmsprop, optax.rmsprop, {"initial_scale": 1.0, "decay": 0.99}),
    Case(
        "rmsprop centered",
        jd.rmsprop,
        optax.rmsprop,
        {"centered": True, "eps": 1e-3, "initial_scale": 1.0},
    ),
    Case(
        "rmsprop with momentum",
        jd.rmsprop,
        optax.rmsprop,
        {"momentum": 0.9, "bias_correction": True},
    ),
    Case(
        "rmsprop centered with nesterov",
        jd.rmsprop,
        optax.rmsprop,
        {"centered": True, "momentum": 0.5, "nesterov": True, "eps": 1e-2, "initial_scale": 1.0},
    ),
    Case("adadelta", jd.adadelta, optax.adadelta),
    Case("adam", jd.adam, optax.adam),
    Case("adam eps_root", jd.adam, optax.adam, {"b1": 0.5, "b2": 0.9, "eps_root": 1e-4}),
    Case("adamw", jd.adamw, optax.adamw, {"weight_decay": 0.01}),
    Case("nadam", jd.nadam, optax.nadam),
    Case("adamax", jd.adamax, optax.adamax),
    Case("amsgrad", jd.amsgrad, optax.amsgrad),
    Case("sign_sgd", jd.sign_sgd, optax.sign_sgd),
    Case("lion", jd.lion, optax.lion),
]

TWINS = [case for case in CASES if case.twin is not None]


def by_name(case: Case) -> str:
    return case.name
