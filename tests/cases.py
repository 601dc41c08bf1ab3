"""The one table of optimizers that all contract and parity tests run over."""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax

import jdescent as jd


class Case(NamedTuple):
    """An optimizer, settings that matter to it, and its optax twin where there is one."""

    name: str
    ours: Callable[..., jd.Optimizer]
    twin: Callable[..., Any] | None = None
    settings: dict[str, Any] = {}

    def build(self, learning_rate=0.1):
        return self.ours(learning_rate, **self.settings)

    def build_twin(self, learning_rate=0.1):
        return self.twin(learning_rate, **self.settings)


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
