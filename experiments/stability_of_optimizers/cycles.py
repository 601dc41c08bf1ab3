"""Adam's kin without noise: cycles, their multipliers, and what keeps Adam from settling."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.common.threads import in_threads
from experiments.stability_of_optimizers.config import Config
from jdescent.analysis import (
    AdamCycle,
    Crossing,
    Oscillation,
    adam_critical_sharpness,
    adam_cycle,
    crossing,
    largest_stable_rate,
)

NO_EPS = 1e-20
RATE, EPS, B2 = 0.01, 1e-8, 0.99  # of Adam with ε


class Cycle(NamedTuple):
    """What an update's own Newton solution and runs give, beside the closed form."""

    found: Oscillation
    theory: AdamCycle


NAMED: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "rmsprop .99": (partial(jd.rmsprop, decay=0.99, eps=NO_EPS), {"b1": 0.0, "b2": 0.99}),
    "rmsprop .999": (partial(jd.rmsprop, decay=0.999, eps=NO_EPS), {"b1": 0.0, "b2": 0.999}),
    "adam .9 .999": (jd.adam, {"b1": 0.9, "b2": 0.999}),
    "nadam .9 .99": (
        partial(jd.nadam, b2=0.99),
        {"b1": 0.9, "b2": 0.99, "nesterov": True},
    ),
}


def all_cycles(config: Config) -> dict[str, Cycle]:
    """By name: "adam β₁ β₂", and RMSProp's and Nadam's."""
    pairs = {(b1, 0.99) for b1 in config.b1s}
    pairs |= {(b1, b2) for b1 in (0.0, 0.5, 0.9) for b2 in config.b2s}
    wanted = NAMED | {
        adam_name(b1, b2): (partial(jd.adam, b1=b1, b2=b2), {"b1": b1, "b2": b2})
        for b1, b2 in sorted(pairs)
    }
    found = in_threads(oscillation, (make for make, _ in wanted.values()))
    return {
        name: Cycle(seen, adam_cycle(**settings))
        for seen, (name, (_, settings)) in zip(found, wanted.items(), strict=True)
    }


def adam_name(b1: float, b2: float) -> str:
    return f"adam {b1:g} {b2:g}".replace("0.", ".")


def oscillation(make: Callable[..., Any]) -> Oscillation:
    found = largest_stable_rate(make, 1.0).oscillation
    assert found is not None
    return found


def with_eps(config: Config) -> dict:
    """Adam from beside the minimum of ½λx², at curvatures about the 38ε/η at which ε ends."""
    critical = float(adam_critical_sharpness(RATE)) * EPS
    near = np.linspace(0.9, 1.1, config.rates) * critical
    wide = np.geomspace(1e-2, 1e4, 49) * critical
    tiny = 1e-25  # so that √v is far below ε
    return {
        "critical": critical,
        "edge": edge_of(near, tiny, config),
        "wide": wide,
        "rms": left(wide, RATE, config) / RATE,
    }


def edge_of(curvatures: np.ndarray, start: float, config: Config) -> Crossing:
    def run(curvature):
        path = descent(curvature, start, config.adam_steps // 4, None)
        return jnp.abs(path.params)

    ends = jd.sweep(run, curvature=curvatures).result.values
    return crossing(curvatures, ends < start)


def left(curvatures: np.ndarray, start: float, config: Config) -> np.ndarray:
    """Root mean square of x over the last quarter."""

    def run(curvature):
        path = descent(curvature, start, config.adam_steps, "params")
        x = path.record["params"]
        return jnp.sqrt(jnp.mean(x[-(len(x) // 4) :] ** 2))

    return jd.sweep(run, curvature=curvatures).result.values


def descent(curvature, start: float, steps: int, record: str | None):
    optimizer = jd.adam(RATE, b2=B2, eps=EPS)
    return jd.descend(
        lambda x: 0.5 * curvature * x**2, jnp.asarray(start), optimizer, steps, record=record,
        divergence=jnp.inf,
    )  # fmt: skip


ADAGRAD_STEPS = 3000


def adagrad_ends() -> dict:
    """AdaGrad on ½x² from 1 over five decades of rates: |x| in the end, and √S over η/2."""
    rates = np.geomspace(0.1, 1e4, 51)

    def run(rate):
        optimizer = jd.adagrad(rate, initial_accumulator_value=0.0, eps=0.0)
        start = jnp.asarray(1.0)
        path = jd.descend(
            lambda x: 0.5 * x**2, start, optimizer, ADAGRAD_STEPS, record="params",
            divergence=jnp.inf,
        )  # fmt: skip
        x = path.record["params"]
        return {
            "ends": jnp.abs(path.params),
            "roots": jnp.sqrt(jnp.sum(x[:-1] ** 2)) / (rate / 2),
        }

    swept = jd.sweep(run, rate=rates)
    return {"rates": rates, "ends": swept["ends"].values, "roots": swept["roots"].values}
