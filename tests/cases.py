"""The optimizers on which everything is tried, with settings that matter and their optax twins.

Those of all families, each with its paper's algorithm, are in `experiments.common.papers`.
"""

import optax

import jdescent as jd
from experiments.common.case import Case

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
