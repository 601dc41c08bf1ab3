"""The headline numbers: measured edges and factors beside theory, within what a record allows."""

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.stability_boundary.config import LIMITS, OPTIMIZERS, RATES, TITLES, Config
from experiments.stability_boundary.simulate import FLOOR
from jdescent import analysis

ROUNDING = 1e-12


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **boundary_numbers(data["boundary"]),
        **edge_numbers(data["planes"]),
        **factor_numbers(data["slices"], config),
    }


def boundary_numbers(boundary: dict) -> Numbers:
    found = {}
    for name, formula in (("x", "(x − 3)²"), ("half", "½(x − 1)² + ½")):
        swept = boundary[name]
        found[f"gd_boundary_{name}"] = number.theory(
            float(swept["edge"].position),
            swept["limit"],
            1.001 * float(swept["edge"].half_width),
            "half a step of the grid",
            f"learning rate at which gradient descent on {formula} turns from shrinking to growing",
        )
    return found


def edge_numbers(planes: dict) -> Numbers:
    found = {}
    for name, plane in planes.items():

        def off(limit: np.ndarray, edge: analysis.Crossing = plane["edge"]) -> float:
            return float(np.max(np.abs(edge.position - limit) / edge.half_width))

        found[f"{name}_edge_error"] = number.bound(
            off(np.asarray(LIMITS[name](1.0, plane["momenta"]))),
            "half a step of the grid, and rounding; gradient descent's 2/λ would miss it",
            f"largest distance of {TITLES[name]}'s measured edge from theory, over all momenta, in "
            "half steps of the grid of rates",
            at_most=1.001,
            missed_by=off(np.asarray(analysis.gd_limit(1.0))),
        )
    return found


def factor_numbers(slices: dict, config: Config) -> Numbers:
    """The largest error of a measured factor, in units of what its record allows."""
    swept = slices["gd"]
    found = {
        "gd_factor_error": number.exact(
            float(np.max(np.abs(swept["factor"] - swept["exact"]))),
            0.0,
            ROUNDING,
            "rounding of 2,000 products",
            "largest distance of gradient descent's measured factor per step from the exact one",
            scale=1.0,
        )
    }
    for name in OPTIMIZERS:
        rates, momentum = slices[name]["rates"], config.momentum
        allowed = allowed_error(name, rates, momentum, config.plane_steps)

        def error(exact: np.ndarray, allowed: np.ndarray = allowed, name: str = name) -> float:
            off = np.abs(slices[name]["factor"] - exact) / allowed
            return float(np.max(off[np.isfinite(off)]))

        found[f"{name}_factor_error"] = number.bound(
            error(slices[name]["exact"]),
            "how near a peak of the oscillating record there is a step; the momentum "
            f"{momentum + 1e-3:g} would miss it",
            f"largest error of {TITLES[name]}'s measured factor per step, momentum {momentum:g}, "
            f"in units of what a record of {config.plane_steps} steps allows",
            at_most=1.0,
            missed_by=error(np.asarray(RATES[name](rates, 1.0, momentum + 1e-3))),
        )
    return found | {"heavy_ball_plateau": plateau_number(slices["heavy_ball"], config)}


def plateau_number(swept: dict, config: Config) -> Number:
    at = int(np.argmin(np.abs(swept["rates"] - 3.7)))
    rate = float(swept["rates"][at])
    return number.theory(
        float(swept["factor"][at]),
        float(np.sqrt(config.momentum)),
        _allowed(*roots_of("heavy_ball", rate, config.momentum), config.plane_steps),
        "how near a peak of the oscillating record there is a step",
        f"heavy ball's factor per step at η = {rate:.3f}/λ, momentum {config.momentum}: still √β a "
        "step below the edge",
    )


def allowed_error(name: str, rates: np.ndarray, momentum: float, steps: int) -> np.ndarray:
    """How far off `contraction_rate` may be, where the record is a sum of powers of two roots.

    Conjugate roots of angle θ give a record ρᵗ|cos(θt + φ)| that is touched in two of its quarters.
    Were θt mod π at n/4 steps as much as g apart, a quarter's highest step is at worst g/2 from a
    peak, so that ln ρ is off by −ln cos(g/2) over n/4. A real root is off by the power n/4 of the
    other one over it.
    """
    return np.array([_allowed(*roots_of(name, rate, momentum), steps) for rate in rates])


def roots_of(name: str, product: float, momentum: float) -> tuple[complex, complex]:
    """Of r² − (1 + β − ηλ)r + β, or Nesterov's r² − (1 + β)(1 − ηλ)r + β(1 − ηλ), larger first."""
    left = 1 - product
    total, together = {
        "heavy_ball": (left + momentum, momentum),
        "nesterov": ((1 + momentum) * left, momentum * left),
    }[name]
    one, other = np.roots([1, -total, together])
    return (one, other) if abs(one) >= abs(other) else (other, one)


def _allowed(root: complex, other: complex, steps: int) -> float:
    size = abs(root)
    length = steps + 1 if size >= 1 else int(min(steps + 1, np.log(FLOOR) / np.log(size)))
    quarter = length // 4
    if abs(root.imag) > ROUNDING:
        places = np.sort(abs(np.angle(root)) * np.arange(quarter) % np.pi)
        widest = np.max(np.diff(places, append=places[0] + np.pi))
        error = -np.log(np.cos(widest / 2)) / quarter
    else:
        error = (abs(other) / size) ** quarter
    return size * (min(error, 3 / length) + ROUNDING)
