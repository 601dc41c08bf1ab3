"""The headline numbers: steps on a plain saddle and from a ridge beside their laws."""

import math

import numpy as np
import scipy

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.saddle_escape.config import Config
from experiments.saddle_escape.plain import (
    NOISE,
    START,
    Left,
    Setting,
    folds,
    noisy_settings,
    noisy_steps,
    quiet_settings,
    quiet_steps,
    survival,
)
from experiments.saddle_escape.ridge import CENTER, FALLS, RIDGE_THRESHOLD, axes_of_saddle
from jdescent import analysis

MISSED = 0.01  # chance that the largest of many deviations passes its bound
NOISE_FOLDS = (
    np.euler_gamma + math.log(2)
) / 2  # folds that the noise's own draw takes, on average


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **ridge_numbers(data["paths"], data["escapes"], config),
        **plain_numbers(data["quiet"], data["noisy"], config),
    }


def growth(path: np.ndarray) -> float:
    """Factor per step of the distance along the low axis, from 1e-9 to 1e-3, by least squares."""
    apart = np.abs((path - CENTER) @ axes_of_saddle()[:, 0])
    leaving = apart[np.argmin(apart) :]
    first, last = (int(np.argmax(leaving > distance)) for distance in (1e-9, 1e-3))
    return float(np.exp(np.polyfit(np.arange(first, last), np.log(leaving[first:last]), 1)[0]))


def ridge_numbers(paths: dict, escapes: dict, config: Config) -> Numbers:
    runs = escapes["steps"].size
    theory = analysis.noisy_saddle_steps(
        RIDGE_THRESHOLD, config.ridge_rate, FALLS, config.ridge_noise**2
    )
    bend = RIDGE_THRESHOLD**2 / float(np.log(analysis.saddle_growth(config.ridge_rate, FALLS)))
    share = scipy.stats.binomtest(int(escapes["right"].sum()), runs)
    low, high = share.proportion_ci()
    return {
        "himmelblau_growth": number.theory(
            growth(paths["ridge"]),
            float(analysis.saddle_growth(config.ridge_rate, FALLS)),
            3e-5,
            "the surface's bend, of order 1e-3 where the fit ends, shared among its 90 steps",
            "factor per step of the distance from Himmelblau's saddle",
        ),
        "himmelblau_mean_steps": number.theory(
            positive_mean(escapes["steps"]),
            float(theory.mean),
            number.ERRORS * float(theory.deviation) / runs**0.5 + bend,
            f"{number.ERRORS} standard errors of {runs} runs, and the surface's bend, of order δ² "
            "folds",
            f"mean steps from Himmelblau's saddle, with noise, to {RIDGE_THRESHOLD:g} away",
        ),
        "himmelblau_share_right": number.theory(
            Estimate(share.statistic, 0.5 / runs**0.5, (float(low), float(high))),
            0.5,
            number.ERRORS * 0.5 / runs**0.5,
            f"{number.ERRORS} standard errors of {runs} runs",
            "share of them that leaves to the right",
        ),
    }


def plain_numbers(
    quiet: dict[Setting, Left], noisy: dict[Setting, Left], config: Config
) -> Numbers:
    return {
        **quiet_numbers(quiet, config),
        **mean_numbers(noisy, config),
        **worst_numbers(noisy, config),
    }


def quiet_numbers(quiet: dict[Setting, Left], config: Config) -> Numbers:
    ridge, *others = quiet_settings(config)
    named = Setting(ridge.curvature, START)
    return {
        "distance_on_the_ridge": number.exact(
            float(quiet[ridge].apart),
            0.0,
            0.0,
            "on the ridge the slope across it is 0, rounded or not",
            f"distance |y| from the ridge after {config.still_steps} steps from (1, 0), no noise",
        ),
        f"steps_from_{START:g}": number.exact(
            float(quiet[named].steps),
            quiet_steps(named, config),
            0.0,
            "a whole number",
            f"steps from a distance of {START:g} without noise at "
            f"ηγ = {config.learning_rate * ridge.curvature:g}",
        ),
        "quiet_steps_error": number.exact(
            max(abs(float(quiet[at].steps) - quiet_steps(at, config)) for at in others),
            0.0,
            0.0,
            "whole numbers",
            f"largest difference of the steps without noise from theory, over {len(others)} "
            "distances and momenta",
        ),
    }


def mean_numbers(noisy: dict[Setting, Left], config: Config) -> Numbers:
    found = {}
    middle = config.noises[len(config.noises) // 2]
    plain = [(f"{config.learning_rate * c:g}", Setting(c, 0.0, middle)) for c in config.curvatures]
    momentum = max(config.momenta)
    ball = Setting(config.curvatures[0], 0.0, NOISE, momentum)
    for name, setting in [*plain, (f"momentum_{momentum:g}", ball)]:
        steps, theory = noisy[setting].steps, noisy_steps(setting, config)
        product = config.learning_rate * setting.curvature
        where = (
            f"from the saddle at ηγ = {product:g}, noise σ = {setting.noise:g}, momentum "
            f"{setting.momentum:g}"
        )
        of = f"{steps.size} runs"
        found[f"mean_steps_at_{name}"] = number.sampled_theory(
            positive_mean(steps),
            float(theory.mean),
            of,
            f"mean steps {where}",
            error=float(theory.deviation) / math.sqrt(steps.size),
        )
        found[f"deviation_at_{name}"] = number.sampled_theory(
            deviation(steps),
            float(theory.deviation),
            of,
            f"standard deviation of the steps {where}",
        )
    return found


def deviation(steps: np.ndarray) -> Estimate:
    """The standard deviation, its standard error from the sample's fourth moment."""
    measured = float(steps.std(ddof=1))
    relative = math.sqrt((scipy.stats.kurtosis(steps) + 2) / (4 * steps.size))
    reach = math.exp(1.96 * relative)
    return Estimate(measured, measured * relative, (measured / reach, measured * reach))


def worst_numbers(noisy: dict[Setting, Left], config: Config) -> Numbers:
    settings = noisy_settings(config)
    theories = {setting: noisy_steps(setting, config) for setting in settings}
    spread = [setting for setting in settings if theories[setting].deviation >= 1]
    scores = [score(noisy[setting].steps, theories[setting]) for setting in spread]
    on_top = [setting for setting in settings if setting.distance == 0]
    without_gamma = [
        score(noisy[setting].steps, late(theories[setting], -NOISE_FOLDS / folds(setting, config)))
        for setting in on_top
    ]
    return {
        "largest_deviation": number.bound(
            float(np.abs(scores).max()),
            f"passed by chance in {MISSED:.0%}; ln(δ/s)/ln r alone, without (γ_E + ln 2)/2, would "
            "miss it",
            f"largest of {len(scores)} distances of mean steps from theory, in standard errors, at "
            "every setting where theory lets them vary by a step or more",
            at_most=float(scipy.stats.norm.isf(MISSED / 2 / len(scores))),
            missed_by=float(np.abs(without_gamma).max()),
        ),
        "survival_distance": number.bound(
            max(survival_gap(setting, noisy[setting].steps, config) for setting in on_top),
            f"Massart's, passed by chance in {MISSED:.0%}; memoryless leaving would miss it",
            f"largest distance of the share of runs still there from theory, over {len(on_top)} "
            "settings",
            at_most=math.sqrt(math.log(2 * len(on_top) / MISSED) / 2 / config.runs),
            missed_by=max(memoryless_gap(setting, config) for setting in on_top),
        ),
        "runs_that_never_left": number.bound(
            float(sum(np.sum(~runs.left) for runs in noisy.values())),
            "by theory fewer than one run; a saddle that holds one would miss it",
            f"of {len(settings) * config.runs} runs with noise, those still there at the end",
            at_most=0.0,
            missed_by=1.0,
        ),
    }


def late(theory: analysis.SaddleSteps, steps: float) -> analysis.SaddleSteps:
    return theory._replace(mean=theory.mean + steps)


def score(steps: np.ndarray, theory: analysis.SaddleSteps) -> float:
    """The sample mean's distance from theory's in standard errors, theory's as well."""
    return float((steps.mean() - theory.mean) / (theory.deviation / math.sqrt(steps.size)))


def survival_gap(setting: Setting, steps: np.ndarray, config: Config) -> float:
    """Largest distance of the share of runs still there from theory, over all steps."""
    at = np.arange(1, steps.max() + 1)
    still = 1 - np.searchsorted(np.sort(steps), at, side="right") / steps.size
    return float(np.abs(still - survival(setting, at, config)).max())


def memoryless_gap(setting: Setting, config: Config) -> float:
    """The same of an exponential law of theory's mean."""
    mean = float(noisy_steps(setting, config).mean)
    at = np.arange(1, math.ceil(3 * mean))
    return float(np.abs(np.exp(-at / mean) - survival(setting, at, config)).max())
