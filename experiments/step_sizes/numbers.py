"""The headline numbers of the experiment on step sizes."""

import numpy as np
from scipy import stats

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.step_sizes import bowls, schedules, smooth
from experiments.step_sizes.config import Config

ROUNDING = 1e-9
LATE = 4  # checkpoints that a slope is fitted to
LINEAR, COSINE, CONSTANT, COOLDOWN = "linear", "cosine", "constant", "warm-up–stable–decay"


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **silver_numbers(data["worst"], config),
        **long_step_numbers(data["worst"], config),
        **chebyshev_numbers(data["errors"], config),
        **restart_numbers(data["accelerated"], config),
        **convex_numbers(data["convex"]),
        **digit_numbers(data["digits"]),
    }


def silver_numbers(worst: dict, config: Config) -> Numbers:
    at = smooth.checkpoints(config)
    huber, quadratic = (worst["silver"][kind][at] for kind in ("huber", "quadratic"))
    bound = smooth.silver_bound(at)
    descent = np.maximum(worst["gd"]["huber"], worst["gd"]["quadratic"])[at]
    slope = float(np.polyfit(np.log(at + 1.0)[-LATE:], np.log(huber[-LATE:]), 1)[0])
    found = {
        "silver_over_bound": number.bound(
            float((np.maximum(huber, quadratic) / bound).max()),
            "the paper's bound; constant steps would miss it",
            "largest loss after n = 2ᵏ − 1 silver steps among Huber functions and quadratics, over "
            "1/(1 + √(4ρ²ᵏ − 3)), largest over k",
            at_most=1.0,
            missed_by=float((descent / bound).max()),
        ),
        "silver_huber_share": number.theory(
            float(huber[-1] / bound[-1]),
            0.5,
            float((at[-1] + 1) ** -smooth.EXPONENT),
            "ρ⁻ᵏ, the order of the next term",
            f"the same of Huber functions alone at n = {at[-1]}; for n → ∞",
        ),
        "silver_exponent": number.theory(
            slope,
            -float(smooth.EXPONENT),
            float((at[-LATE] + 1) ** -smooth.EXPONENT),
            "ρ⁻ᵏ of the first checkpoint, the order of the next term",
            f"slope of ln(worst Huber) against ln(n + 1), the last {LATE} k; −log₂(1 + √2)",
        ),
    }
    for name, title in (("silver", "silver"), ("gd", "constant steps 1/L")):
        exact = smooth.worst_huber(name, at)
        i = int(np.abs(worst[name]["huber"][at] / exact - 1).argmax())
        found[f"huber_{name}"] = number.exact(
            float(worst[name]["huber"][at[i]]),
            float(exact[i]),
            float(ROUNDING * exact[i]),
            "rounding, in float64",
            f"worst Huber after {at[i]} {title}, where it is furthest from 1/(4S + 2), S the "
            "sum of the steps",
        )
    return found


def long_step_numbers(worst: dict, config: Config) -> Numbers:
    found = {}
    last = 2**config.doublings - 1
    for length, pattern in smooth.LONG_STEPS.items():
        name, steps = f"long_{length}", last // length * length
        mean = float(np.mean(pattern))
        cases = worst[name]["huber"][steps], worst[name]["quadratic"][steps]
        found[f"{name}_over_bound"] = number.bound(
            float(max(cases)) * mean * steps,
            "the paper's bound for T → ∞; to stand still on the quadratic of curvature L misses it",
            f"largest loss after T = {steps} steps of the pattern of {length}, among Huber "
            "functions and quadratics, times its mean step and T",
            at_most=1.0,
            missed_by=0.5 * mean * steps,
        )
        found[f"{name}_gain"] = number.theory(
            float(worst["gd"]["huber"][steps] / worst[name]["huber"][steps]),
            mean,
            mean / (2 * steps) + ROUNDING,
            "1/(2T), the order of the next term",
            f"worst Huber of constant steps over that of the pattern of {length}, T = {steps}; the "
            "pattern's mean step",
        )
    return found


def chebyshev_numbers(errors: dict, config: Config) -> Numbers:
    found = {}
    for n, error in zip(config.chebyshev_steps, errors["chebyshev"], strict=True):
        exact = bowls.least_error(n)
        found[f"chebyshev_{n}"] = number.exact(
            float(error), exact, 1e-6 * exact, "rounding, which n steps amplify",
            f"largest |x|/|x₀| after Chebyshev's {n} steps on quadratics, κ = "
            f"{bowls.CONDITION:g}; beside it the least that any n gradients reach",
        )  # fmt: skip
    return found


def restart_numbers(runs: dict, config: Config) -> Numbers:
    found = {}
    for i, condition in enumerate(config.restart_conditions):
        unaware = runs["unaware", "even"]["slowest"][i]
        period, count = bowls.ripple_period(unaware, condition, config)
        exact = bowls.ripple(condition)
        found[f"ripples_{condition:g}"] = number.theory(
            period,
            exact,
            float((2 + 0.1 * np.sqrt(condition)) / count),
            f"{count} ripples, their ends known to a step; zeros of J₁ are π apart to 0.1 in all",
            f"steps between changes of sign of the slowest coordinate, κ = {condition:g}; π√κ",
        )
        for spectrum in bowls.SPECTRA:
            restarted, aware = (
                bowls.slope(runs[name, spectrum]["loss"][i]) for name in ("restarted", "aware")
            )
            found[f"restarted_{spectrum}_{condition:g}"] = number.regression(
                restarted * float(np.sqrt(condition)),
                f"slope −½ d ln L/dt of the restarted method, times √κ, κ = {condition:g}, "
                f"{bowls.WORDS[spectrum]} curvatures",
                tolerance=0.05 * restarted * float(np.sqrt(condition)),
                why="a restart a step earlier or later",
            )
            last = int(np.flatnonzero(runs["aware", spectrum]["loss"][i] > bowls.FLOOR)[-1])
            found[f"aware_{spectrum}_{condition:g}"] = number.theory(
                aware * float(np.sqrt(condition)),
                float(-np.log1p(-1 / np.sqrt(condition)) * np.sqrt(condition)),
                2.5 * float(np.sqrt(condition)) / last,
                "the error is as t·ρᵗ at a double root: ln 3 over two thirds of the steps, and "
                "half as much again",
                f"the same of the method that knows κ = {condition:g}: −√κ·ln(1 − 1/√κ)",
            )
    return found


def convex_numbers(convex: dict) -> Numbers:
    problem = convex["problem"]
    means = {
        steps: float(gaps.mean() * np.sqrt(steps) / problem.distance)
        for steps, gaps in convex["theory"].items()
    }
    worst = max(means, key=lambda steps: means[steps])
    gaps = convex["theory"][worst] * np.sqrt(worst) / problem.distance
    found = {
        "linear_decay_over_bound": number.bound(
            positive_mean(gaps),
            "the paper's bound on the mean",
            "mean loss above the least after linear decay from D/(G√T), over D·G/√T, the largest "
            f"of {len(means)} T, least absolute deviations",
            at_most=1.0,
            missed_by=float(problem.start_gap * np.sqrt(worst) / problem.distance),
        )
    }
    return found | ratio_numbers(convex["tuned"], "convex", "loss above the least")


def digit_numbers(losses: dict) -> Numbers:
    return ratio_numbers(losses, "digits", "held-out cross-entropy")


def ratio_numbers(losses: dict, where: str, what: str) -> Numbers:
    found = {}
    for name, other in ((LINEAR, COSINE), (CONSTANT, LINEAR), (COOLDOWN, COSINE)):
        key = f"{where}_{schedules.KEYS[name]}_over_{schedules.KEYS[other]}"
        found[key] = number.regression(
            ratio(schedules.best(losses[name]), schedules.best(losses[other])),
            f"mean {what} of {name} over that of {other}, each at its best learning rate: {where}",
        )
    return found


def ratio(above: np.ndarray, below: np.ndarray) -> Estimate:
    """Of two means over the same seeds, its error to first order."""
    value = float(above.mean() / below.mean())
    off = above - value * below
    error = float(off.std(ddof=1) / np.sqrt(off.size) / below.mean())
    reach = np.exp(stats.t.ppf(0.975, off.size - 1) * error / value)
    return Estimate(value, error, (float(value / reach), float(value * reach)))
