"""The headline numbers: the exact solution, factors per step, and steps on rotated bowls."""

import numpy as np

from experiments.anisotropic_bowl.config import ROUND, TABLE_CONDITIONS, TITLES, Config
from experiments.anisotropic_bowl.rotated import ADAM_STEPS, FALL, gd_steps
from experiments.anisotropic_bowl.simulate import COORDINATE_RATES, SMALLEST
from experiments.common import number
from experiments.common.number import Numbers
from jdescent import analysis

# A record of n entries gives ln ρ to 1.62/n at a double root, where the momentum methods' constants
# put them, and to 3/n near one (see analysis.contraction_rate); ρᵗ alone is exact to rounding.
AT_DOUBLE_ROOT, NEAR_DOUBLE_ROOT = 1.7, 3.0
ROUNDING = 1e-12


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **coordinate_numbers(data["coordinates"]),
        **rate_numbers(data["rates"], config),
        **grid_numbers(data["grid"], config),
        **rotated_numbers(data["turned"]),
    }


def coordinate_numbers(coordinates: dict) -> Numbers:
    found = {}
    for name, path in coordinates.items():
        scale = np.where(path["exact"] > 0, path["exact"], 1.0)
        found[f"exact_solution_{name}"] = number.exact(
            float(np.max(np.abs(path["measured"] - path["exact"]) / scale)),
            0.0,
            ROUNDING,
            "rounding of as many products as steps",
            "largest relative distance of |x| and |y| from |1 − 2η|ᵗ and |1 − 4η|ᵗ on x² + 2y² "
            f"at η = {COORDINATE_RATES[name]:.4g}",
            scale=1.0,
        )
    return found


def entries(rate: np.ndarray, steps: int) -> np.ndarray:
    """Length of a record that starts at 1, shrinks by `rate` and ends at SMALLEST."""
    return np.minimum(steps + 1, np.log(SMALLEST) / np.log(rate))


def rate_numbers(rates: dict, config: Config) -> Numbers:
    """Table entries, and the largest relative error of 1 − ρ."""
    methods, conditions = rates["methods"], rates["conditions"]
    descent = methods["gd"]
    table = {f"{c:g}": int(np.flatnonzero(conditions == c)[0]) for c in TABLE_CONDITIONS}
    found = {}
    for condition, at in table.items():
        found[f"gd_factor_at_{condition}"] = number.exact(
            float(descent["measured"][at]),
            float(descent["exact"][at]),
            ROUNDING,
            "rounding",
            f"factor per step of {TITLES['gd']} at κ = {condition}",
        )
    found["gd_rate_error"] = number.exact(
        worst(descent["measured"], descent["exact"]),
        0.0,
        float(np.max(ROUNDING / (1 - descent["exact"]))),
        "rounding of ρ, in units of the smallest 1 − ρ",
        f"largest relative error of {TITLES['gd']}'s 1 − ρ over all condition numbers",
        scale=1.0,
    )
    for name in methods:
        if name != "gd":
            found |= momentum_numbers(name, methods, table, config)
    return found


def momentum_numbers(name: str, methods: dict, table: dict[str, int], config: Config) -> Numbers:
    exact, measured = methods[name]["exact"], methods[name]["measured"]
    slow = exact > 0
    bound = np.full_like(exact, ROUNDING)
    bound[slow] = exact[slow] * AT_DOUBLE_ROOT / entries(exact[slow], config.rate_steps)
    found = {
        f"{name}_factor_at_{condition}": number.theory(
            float(measured[at]),
            float(exact[at]),
            float(bound[at]),
            f"a record of n entries gives ln ρ to {AT_DOUBLE_ROOT}/n at a double root",
            f"factor per step of {TITLES[name]} at κ = {condition}",
        )
        for condition, at in table.items()
    }
    found[f"{name}_rate_error"] = number.bound(
        worst(measured, exact),
        "the same; gradient descent's ρ would miss it",
        f"largest relative error of {TITLES[name]}'s 1 − ρ over all condition numbers",
        at_most=float(np.max(bound / (1 - exact))),
        missed_by=worst(methods["gd"]["exact"], exact),
    )
    return found


def worst(measured: np.ndarray, exact: np.ndarray) -> float:
    """The largest relative error of 1 − ρ."""
    return float(np.max(np.abs(measured - exact) / (1 - exact)))


def grid_numbers(grid: dict, config: Config) -> Numbers:
    best = analysis.tuned_heavy_ball(*ROUND)
    fastest, plateau = float(best.rate), 0.9**0.5
    at = int(np.flatnonzero(grid["momenta"] == 0.9)[0])
    error = NEAR_DOUBLE_ROOT / entries(np.array([fastest, plateau]), config.grid_steps)
    why = f"a record of n entries gives ln ρ to {NEAR_DOUBLE_ROOT:g}/n near a double root"
    return {
        "heavy_ball_smallest_factor": number.theory(
            float(grid["smallest"].min()),
            fastest,
            float(fastest * error[0]),
            why,
            "smallest factor per step on x² + 2y² over a grid of heavy balls that holds the "
            f"tuned η = {best.learning_rate:.5f}, β = {best.momentum:.5f}",
        ),
        "heavy_ball_smallest_factor_at_0.9": number.theory(
            float(grid["smallest"][at]),
            plateau,
            float(plateau * error[1]),
            why,
            "smallest factor per step on x² + 2y² over learning rates at momentum 0.9: √β",
        ),
    }


def rotated_numbers(turned: dict) -> Numbers:
    found = {}
    for angle, reference in ADAM_STEPS.items():
        at = int(np.flatnonzero(turned["angles"] == angle)[0])
        found[f"adam_steps_at_{angle:g}"] = number.exact(
            float(turned["steps"]["adam"][at, 0]),
            reference,
            0.0,
            "a whole number, in float64",
            f"steps of Adam until the loss is {FALL:g} of its first value, bowl and start (1, 1) "
            f"turned by {angle:g}°; beside it, an independent transcription's count",
        )
    for word, extreme in (("fewest", np.min), ("most", np.max)):
        found[f"gd_{word}_steps"] = number.exact(
            float(extreme(turned["steps"]["gd"])),
            gd_steps(),
            0.0,
            "a whole number, in float64",
            f"{word} steps tuned gradient descent takes, over all angles and starts",
        )
    return found
