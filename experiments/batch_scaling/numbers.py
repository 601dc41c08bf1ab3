"""The headline numbers of the noisy quadratic."""

import numpy as np

from experiments.batch_scaling import quadratic
from experiments.batch_scaling.best_rates import best_rates, exponent
from experiments.batch_scaling.config import Config
from experiments.batch_scaling.digits_numbers import NAMES, POWERS, capped_number, digits_numbers
from experiments.batch_scaling.noise_numbers import noise_numbers
from experiments.batch_scaling.quadratic import METHODS, SIZES, Best, Checked
from experiments.batch_scaling.theory import Tuned
from experiments.batch_scaling.tradeoff import fitted
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import positive_mean

ALONGSIDE = 0.1  # how far exponents may be from the rules
ROUNDING = 1e-6


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **frontier_numbers(data["frontiers"]),
        **check_numbers(data["checks"], config),
        **best_numbers(data["best"], config),
        **noise_numbers(data["single"], data["along"]),
        **digits_numbers(data["digits"], data["along"], config),
    }


def frontier_numbers(frontiers: dict[str, list[Tuned]]) -> Numbers:
    steps = {m: np.array([tuned.steps for tuned in row]) for m, row in frontiers.items()}
    critical = {m: row[0] * SIZES[0] / row[-1] for m, row in steps.items()}
    found: Numbers = {}
    for method, row in steps.items():
        name = METHODS[method]
        found |= {
            f"critical_{method}": exactly(
                critical[method], f"E_min/S_min of {name} on the quadratic, by exact moments"
            ),
            f"slope_small_{method}": number.theory(
                float(np.log2(row[1] / row[0])),
                -1.0,
                0.03,
                "a step that is small beside 2/h changes this by its order",
                f"d ln S/d ln B from B = 1 to 2, {name}, by exact moments; theory: where batches "
                "are small, examples alone count",
                signed=True,
            ),
            f"slope_large_{method}": number.bound(
                float(np.log2(row[-3] / row[-1])) / 2,
                "noise has gone, and steps with it; were examples all that counts it would be 1",
                f"−d ln S/d ln B at B = {SIZES[-1]:,.0f}, {name}, by exact moments",
                at_most=0.05,
                missed_by=1.0,
            ),
            f"hyperbola_{method}": exactly(
                np.abs(fitted(SIZES, row).off).max(),
                f"largest distance of ln S from the fitted hyperbola, {name}, by exact moments",
            ),
        }
    found["momentum_small"] = number.theory(
        float(steps["momentum"][0] / steps["sgd"][0]),
        1.0,
        0.02,
        "its memory of ten steps, beside thousands",
        "steps of momentum 0.9 over those of SGD on the quadratic, B = 1",
    )
    for method in ("momentum", "preconditioned"):
        found[f"critical_{method}_over_sgd"] = exactly(
            critical[method] / critical["sgd"],
            f"E_min/S_min of {METHODS[method]} over that of SGD, by exact moments",
        )
    return found


def exactly(value: float, meaning: str, **also) -> Number:
    """What is computed without chance from exact moments, and need only be so again."""
    return number.regression(
        float(value), meaning, tolerance=max(ROUNDING, 0.02 * abs(value)),
        why="a step more or less where moments end near the target", **also,
    )  # fmt: skip


def check_numbers(checks: dict[str, Checked], config: Config) -> Numbers:
    """The mean loss of runs at the step at which exact moments come to the target."""
    found = {}
    for method, check in checks.items():
        q, beta = quadratic.problem_of(method, config)
        tuned = check.tuned
        exact = quadratic.Momentum(q, tuned.rate, quadratic.CHECKED, beta).loss(int(tuned.steps))
        found[f"moments_{method}"] = number.sampled_theory(
            positive_mean(check.losses), exact, f"{config.seeds} runs",
            f"loss of {METHODS[method]} on the quadratic after {tuned.steps:.0f} steps with "
            f"batches of {quadratic.CHECKED:.0f}; theory: exact moments",
        )  # fmt: skip
    return found


def best_numbers(best: dict[tuple[str, int], Best], config: Config) -> Numbers:
    """Exponents of the best rate between the two smallest batches and the two largest."""
    found: Numbers = {}
    for rule in config.rules:
        for end, (small, large) in {
            "small": config.batches[:2], "large": config.batches[-2:]
        }.items():  # fmt: skip
            pair = best[rule, small], best[rule, large]
            rates = [best_rates(each.rates, each.losses) for each in pair]
            measured = exponent(rates[0], rates[1], (small, large))
            exact = float(np.log(pair[1].expected / pair[0].expected) / np.log(large / small))
            meaning = (
                f"exponent of {NAMES[rule]}'s best rate in the batch size on the quadratic, from "
                f"B = {small} to {large}"
            )
            is_capped = rule == "sgd" and end == "large"
            found[f"exponent_{rule}_{end}"] = (
                capped_number(measured, f"{meaning}; exact moments have {exact:.2f}")
                if is_capped
                else number.theory(
                    measured, exact, number.ERRORS * measured.error + 0.02,
                    f"{number.ERRORS} standard errors of {config.seeds} runs, and 0.02 for the "
                    "parabolas and, of Adam, its moments",
                    f"{meaning}; theory: exact moments; the rule has {POWERS[rule]:g}", signed=True,
                )
            )  # fmt: skip
    return found
