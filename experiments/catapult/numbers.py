"""The headline numbers of the network with one example, beside its map."""

import numpy as np

from experiments.catapult import phases, theory
from experiments.catapult.config import Config
from experiments.catapult.network_numbers import network_numbers
from experiments.catapult.phases import Ends
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, mean, positive_mean
from jdescent import analysis

LAZY, NEAR, CATAPULT, CHAOTIC = 1.5, 2.2, 3.0, 3.4  # rates of headline numbers, as ηλ₀
MAPPED = (1.0, 2.2, 3.0)  # rates of runs that do not amplify rounding
SIDES = {-1: "below", 1: "above"}


def numbers(data: dict, config: Config) -> Numbers:
    swept = data["phases"]
    return {
        **map_numbers(data["shown"]),
        **edge_numbers(swept),
        **end_numbers(swept["all"]),
        **peak_numbers(data["peaks"]),
        **departure_numbers(data["departures"], config),
        **network_numbers(data["networks"]),
    }


def map_numbers(shown: dict) -> Numbers:
    def off(product: float) -> float:
        path = shown[product]
        a, y = theory.follow(path.curvature[0], path.size[0], len(path.size) - 1)
        return float(max(np.abs(a - path.curvature).max(), np.abs(y - path.size).max()))

    chaotic = shown[theory.DIVERGENT].size[: phases.CHAOTIC_STEPS + 1]
    return {
        "map_error": number.exact(
            max(map(off, MAPPED)),
            0.0,
            1e-12,
            "rounding of some 60 steps",
            "largest distance of ηλ and η²f²/n of the network from those of the map, at ηλ₀ = "
            f"{', '.join(f'{product:g}' for product in MAPPED)}",
            scale=1.0,
        ),
        "chaos_error": number.exact(
            float(np.abs(chaotic - theory.chaotic(chaotic[0], len(chaotic) - 1)).max()),
            0.0,
            4 * 3.0**phases.CHAOTIC_STEPS * 1e-15,
            "rounding, which each step triples",
            f"largest distance of η²f²/n at ηλ₀ = 4 from 4cos²(3ᵗθ), {phases.CHAOTIC_STEPS} steps",
            scale=4.0,
        ),
    }


def edge_numbers(swept: dict[str, Ends]) -> Numbers:
    """Both edges, of every seed, midway between two rates of the grid."""
    critical, divergent = swept["critical"], swept["divergent"]
    never_grows = critical.peak <= critical.first
    return {
        "critical": edge_number(
            critical.rates, never_grows, theory.CRITICAL, "the loss ever rises above its first"
        ),
        "divergent": edge_number(
            divergent.rates, ~divergent.diverged.astype(bool), theory.DIVERGENT, "a run diverges"
        ),
    }


def edge_number(rates: np.ndarray, holds: np.ndarray, edge: float, what: str) -> Number:
    found = analysis.crossing(rates, holds, axis=0)
    return number.theory(
        mean(np.asarray(found.position)),
        edge,
        1.5 * phases.EDGE_STEP,
        "half a step of the grid, and one for a start that is not small against √n",
        f"ηλ₀ from which on {what}, mean over starts",
        signed=True,
    )


def end_numbers(swept: Ends) -> Numbers:
    catapults = swept.rates > theory.CRITICAL
    lazy = swept.rates == LAZY
    change = (LAZY - swept.curvature[lazy][0]) / theory.lazy_change(LAZY, swept.first[lazy][0])
    near = theory.near_critical(NEAR)
    delta = NEAR - theory.CRITICAL
    return {
        "lazy_change": number.theory(
            positive_mean(change),
            1.0,
            0.01,
            "terms of the next order in 1/n",
            f"what ηλ loses from {LAZY:g} in the lazy phase, over the first order in 1/n",
        ),
        "near_end": number.theory(
            positive_mean(at(swept, NEAR).curvature),
            float(near.curvature),
            delta**3,
            "terms of order δ³",
            f"ηλ at the end from ηλ₀ = {NEAR:g}; theory 2 − δ − ⅔δ²",
        ),
        "near_peak": number.theory(
            positive_mean(at(swept, NEAR).peak),
            float(near.peak),
            2 * delta**4,
            "terms of order δ⁴",
            f"largest η²f²/n from ηλ₀ = {NEAR:g}; theory δ²/2 + δ³/3",
        ),
        **{f"end_{rate:g}": wide_number(swept, rate) for rate in (CATAPULT, CHAOTIC)},
        "flatter": number.bound(
            positive_mean(at(swept, CATAPULT).curvature / CATAPULT),
            "the minimum is flatter by a factor that does not depend on n; lazy training keeps λ",
            f"λ at the end over λ₀, ηλ₀ = {CATAPULT:g}",
            at_most=0.5,
            missed_by=1.0,
        ),
        "largest_end": number.bound(
            float(swept.curvature[catapults].max()),
            "above 2, f would grow; every catapult begins there",
            "largest ηλ at the end of a run that began above 2 and below 4",
            at_most=theory.CRITICAL,
            missed_by=float(swept.rates[catapults].min()),
        ),
    }


def at(swept: Ends, rate: float) -> Ends:
    return Ends(*(column[swept.rates == rate][0] for column in swept))


def wide_number(swept: Ends, rate: float) -> Number:
    found = positive_mean(at(swept, rate).curvature)
    finite = 2 * float(at(swept, rate).first.mean()) / (rate - theory.CRITICAL)
    return number.theory(
        found,
        float(theory.wide(rate).curvature.mean()),
        number.ERRORS * found.error + finite,
        f"{number.ERRORS} standard errors, and what the first f adds, 2y/δ",
        f"ηλ at the end from ηλ₀ = {rate:g}; theory: the map's mean as n → ∞",
    )


def peak_numbers(peaks: dict[int, Ends]) -> Numbers:
    found: Numbers = {}
    for place, rate in enumerate(phases.PEAK_RATES):
        step = np.concatenate([ends.peak_step[place] for ends in peaks.values()])
        first = np.concatenate([ends.first[place] for ends in peaks.values()])
        predicted = theory.steps_per_width(rate)
        found |= {
            f"peak_step_{rate:g}": slope_number(
                slope(-np.log(first), step),
                predicted,
                f"steps by which the peak is later for each unit of −ln y₀, ηλ₀ = {rate:g}",
            ),
            f"peak_step_per_width_{rate:g}": slope_number(
                slope(log_widths(peaks), step),
                predicted,
                f"steps by which the peak is later for each unit of ln n, ηλ₀ = {rate:g}",
            ),
            f"peak_exponent_{rate:g}": slope_number(
                slope(
                    log_widths(peaks),
                    np.concatenate([np.log(n * e.peak[place]) for n, e in peaks.items()]),
                ),
                1.0,
                f"exponent of the largest η²L in the width, ηλ₀ = {rate:g}",
            ),
        }
    return found


def log_widths(peaks: dict[int, Ends]) -> np.ndarray:
    return np.concatenate([np.full(ends.first.shape[1], np.log(n)) for n, ends in peaks.items()])


def slope(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Of the least-squares line, with its standard error and 95 % interval."""
    (steepness, _), covariance = np.polyfit(x, y, 1, cov="unscaled")
    residuals = y - np.poly1d(np.polyfit(x, y, 1))(x)
    error = float(np.sqrt(covariance[0, 0] * residuals @ residuals / (len(x) - 2)))
    half = 1.96 * error
    return Estimate(float(steepness), error, (steepness - half, steepness + half))


def slope_number(found: Estimate, predicted: float, meaning: str) -> Number:
    return number.theory(
        found,
        predicted,
        number.ERRORS * found.error + 0.02 * predicted,
        f"{number.ERRORS} standard errors of the slope, and 2 % for starts that are not small",
        meaning,
    )


def departure_numbers(departures: dict[int, np.ndarray], config: Config) -> Numbers:
    logs = -np.log(np.array(config.departures))
    return {
        f"departure_{name}": number.sampled_theory(
            positive_mean(np.polyfit(logs, departures[side], 1)[0]),
            1 / theory.LEAVING,
            f"slopes of {config.seeds} starts",
            f"steps until ηλ is 1 away from 4, {name} it, for each unit of −ln|4 − ηλ₀|; theory "
            "1/(2 ln φ), φ the golden ratio",
        )
        for side, name in SIDES.items()
    }
