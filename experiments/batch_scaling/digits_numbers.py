"""The headline numbers of networks on digits: tradeoffs, best rates, scaling rules."""

import numpy as np

from experiments.batch_scaling.best_rates import exponent
from experiments.batch_scaling.classifier import SCALINGS
from experiments.batch_scaling.config import Config
from experiments.batch_scaling.noise_scale import Along
from experiments.batch_scaling.reading import Runs, best_rate, digits_tradeoff, distances
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, geometric_mean

NAMES = {"sgd": "SGD", "adam": "Adam"}
POWERS = {"sgd": 1.0, "adam": 0.5}  # of the batch size, in the rule for each
CAPPED = 0.3  # the exponent of the best rate beyond the noise scale
RULED = {"linear": "∝ B", "root": "∝ √B", "none": "the same"}


def digits_numbers(runs: Runs, along: Along, config: Config) -> Numbers:
    found: Numbers = {}
    for rule in config.rules:
        found |= tradeoff_numbers(runs, rule, along, config)
        found |= exponent_numbers(runs, rule, config)
        found |= rule_numbers(runs, rule, config)
    return found


def typical_scale(along: Along, config: Config) -> Estimate:
    """The simple noise scale past the start, until the loss is reached, of each seed's mean."""
    before = [
        row[1 : max(2, int(np.argmax(losses <= config.reached)))].mean()
        for row, losses in zip(along.simple, along.loss, strict=True)
    ]
    return geometric_mean(before)


def tradeoff_numbers(runs: Runs, rule: str, along: Along, config: Config) -> Numbers:
    steps, found = digits_tradeoff(runs, rule, config)
    slopes = np.diff(np.log(steps)) / np.diff(np.log(config.sizes))
    scale, name = typical_scale(along, config), NAMES[rule]
    about = f"{name} on digits to a loss of {config.reached:g}"
    return {
        f"digits_critical_{rule}": rerun(found.critical, f"fitted B_crit of {about}"),
        f"digits_hyperbola_{rule}": rerun(
            np.abs(found.off).max(), f"largest distance of ln S from the hyperbola, {about}", 0.5
        ),
        f"digits_slope_small_{rule}": rerun(
            slopes[0], f"d ln S/d ln B between the smallest batches, {about}", signed=True
        ),
        f"digits_slope_large_{rule}": rerun(
            slopes[-1], f"d ln S/d ln B between the largest batches, {about}", signed=True
        ),
        f"critical_over_noise_{rule}": rerun(
            found.critical / scale.value,
            f"B_crit of {about}, over the mean simple noise scale until there",
        ),
    }


def rerun(value: float, meaning: str, share: float = 0.2, **also) -> Number:
    return number.regression(
        float(value), meaning, tolerance=share * abs(float(value)),
        why="a mean of few seeds, which rounding may send elsewhere", **also,
    )  # fmt: skip


def exponent_numbers(runs: Runs, rule: str, config: Config) -> Numbers:
    """Between the smallest size and the third, also with clean labels; between the two largest."""

    def measured(kind: str, sizes: tuple[int, int]) -> tuple[Estimate, str]:
        curves = [getattr(runs[rule, size], kind) for size in sizes]
        rates = [best_rate(each, size, config) for each, size in zip(curves, sizes, strict=True)]
        meaning = (
            f"exponent of {NAMES[rule]}'s best rate in the batch size on digits, from B = "
            f"{sizes[0]} to {sizes[1]}"
        )
        return exponent(rates[0], rates[1], sizes), meaning

    small, meaning = measured("tried", config.exponent_sizes)
    clean, of_clean = measured("clean", config.exponent_sizes)
    large, of_large = measured("tried", (config.sizes[-2], config.sizes[-1]))
    return {
        f"digits_exponent_{rule}_small": number.sampled_theory(
            small, POWERS[rule], f"{config.network_seeds} seeds", meaning, signed=True
        ),
        f"clean_exponent_{rule}": number.regression(
            clean, f"{of_clean}, all labels right", signed=True
        ),
        f"digits_exponent_{rule}_large": (
            capped_number(large, of_large)
            if rule == "sgd"
            else number.regression(large, of_large, signed=True)
        ),
    }


def capped_number(measured: Estimate, meaning: str) -> Number:
    """Of SGD's best rate where batches are large."""
    return number.bound(
        measured,
        "there 2/h caps the rate, not noise; the linear rule has 1",
        meaning,
        at_most=CAPPED,
        missed_by=1.0,
        signed=True,
    )


def rule_numbers(runs: Runs, rule: str, config: Config) -> Numbers:
    """At the two largest sizes to which β can be scaled."""
    found = {}
    for scaling in SCALINGS:
        for size, distance in list(distances(runs, rule, scaling, config).items())[-2:]:
            found[f"distance_{rule}_{scaling}_{size}"] = rerun(
                distance,
                f"root mean square distance of ln L of {NAMES[rule]} on digits from that with "
                f"B = {config.sizes[0]}, B = {size}, rate {RULED[scaling]}",
                0.4,
            )
    return found
