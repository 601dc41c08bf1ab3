"""The optimizers, and the preconditioned sharpness at which each is at its edge of stability."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

import jdescent as jd
from jdescent import analysis

BETA = 0.9


class Method(NamedTuple):
    """An optimizer, its two learning rates, and what `analysis` has in closed form of it.

    Attributes:
        name: as in the figure.
        make: from the learning rate to the optimizer.
        rates: on each problem.
        critical: the sharpness λ, or the preconditioned one λmax(H/(√v̂ + ε)), at which a rate η is
            the largest stable one.
        step: P·λ for λ = 1 and a second moment of 1: what an update moves for each unit of the
            gradient.
    """

    name: str
    make: Callable[[Any], Any]
    rates: dict[str, float]
    critical: Callable[[Any], Any]
    step: Callable[[Any], Any]

    @property
    def is_adaptive(self) -> bool:
        """Whether it has second moments."""
        return "v" in self.make(1.0).init(jnp.zeros(1)).memory

    def threshold(self, rate: Any) -> Any:
        """λmax(P·H) at the edge, with the P of `analysis.preconditioner`; no rate is left in it."""
        return self.step(rate) * self.critical(rate)


def adam(b2: float) -> Callable[[Any], Any]:
    return lambda rate: jd.adam(rate, BETA, b2)


METHODS = {
    "gd": Method(
        "GD",
        jd.sgd,
        {"synthetic": 0.4, "digits": 0.4},
        analysis.gd_limit,
        lambda rate: rate,
    ),
    "heavy_ball": Method(
        "heavy ball",
        lambda rate: jd.heavy_ball(rate, BETA),
        {"synthetic": 0.25, "digits": 0.5},
        lambda rate: analysis.heavy_ball_limit(rate, BETA),
        lambda rate: rate,
    ),
    "nesterov": Method(
        "Nesterov",
        lambda rate: jd.nesterov(rate, BETA),
        {"synthetic": 0.2, "digits": 0.2},
        lambda rate: analysis.nesterov_limit(rate, BETA),
        lambda rate: rate * (1 + BETA),
    ),
    "rmsprop": Method(
        "RMSProp",
        lambda rate: jd.rmsprop(rate, 0.999),
        {"synthetic": 3e-4, "digits": 3e-4},
        analysis.rmsprop_critical_sharpness,
        lambda rate: rate,
    ),
    "adam_99": Method(
        "Adam .99",
        adam(0.99),
        {"synthetic": 1e-3, "digits": 1e-3},
        lambda rate: analysis.adam_critical_sharpness(rate, BETA),
        lambda rate: rate * (1 - BETA),
    ),
    "adam_999": Method(
        "Adam .999",
        adam(0.999),
        {"synthetic": 3e-3, "digits": 3e-3},
        lambda rate: analysis.adam_critical_sharpness(rate, BETA),
        lambda rate: rate * (1 - BETA),
    ),
    "nadam": Method(
        "Nadam",
        lambda rate: jd.nadam(rate, BETA, 0.999),
        {"synthetic": 1e-3, "digits": 1e-3},
        lambda rate: analysis.nadam_critical_sharpness(rate, BETA),
        lambda rate: rate * (1 - BETA**2),
    ),
}
