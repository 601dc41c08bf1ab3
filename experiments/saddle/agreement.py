"""The headline numbers of the runs on a plain saddle."""

import math

import numpy as np
import scipy

from experiments.learners.seeds import mean_interval
from experiments.report import Number, Numbers
from experiments.saddle.plain import (
    NOISE,
    START,
    Left,
    Setting,
    noisy_settings,
    noisy_steps,
    quiet_settings,
    quiet_steps,
    survival,
)
from experiments.saddle.settings import Config
from jdescent import analysis

MISSED = 0.01  # chance that the largest of many deviations passes its bound


def numbers(quiet: dict[Setting, Left], noisy: dict[Setting, Left], config: Config) -> Numbers:
    return {
        **quiet_numbers(quiet, config),
        **mean_numbers(noisy, config),
        **worst_numbers(noisy, config),
    }


def quiet_numbers(quiet: dict[Setting, Left], config: Config) -> Numbers:
    ridge, *others = quiet_settings(config)
    named = Setting(ridge.curvature, START)
    return {
        "distance_on_the_ridge": Number(
            float(quiet[ridge].apart),
            0.0,
            0.0,
            f"distance |y| from the ridge after {config.still_steps} steps from (1, 0), no noise",
        ),
        f"steps_from_{START:g}": Number(
            float(quiet[named].steps),
            quiet_steps(named, config),
            0.0,
            f"steps from a distance of {START:g} without noise at "
            f"ηγ = {config.learning_rate * ridge.curvature:g}",
        ),
        "quiet_steps_error": Number(
            max(abs(float(quiet[at].steps) - quiet_steps(at, config)) for at in others),
            0.0,
            0.0,
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
        mean, interval = mean_interval(steps)
        product = config.learning_rate * setting.curvature
        where = (
            f"from the saddle at ηγ = {product:g}, noise σ = {setting.noise:g}, momentum "
            f"{setting.momentum:g}; tolerance: three standard errors"
        )
        found[f"mean_steps_at_{name}"] = Number(
            mean,
            float(theory.mean),
            3 * float(theory.deviation) / math.sqrt(steps.size),
            f"mean steps {where}",
            interval,
        )
        measured, error = deviation(steps)
        found[f"deviation_at_{name}"] = Number(
            measured,
            float(theory.deviation),
            3 * error,
            f"standard deviation of the steps {where}",
            (measured - 1.96 * error, measured + 1.96 * error),
        )
    return found


def deviation(steps: np.ndarray) -> tuple[float, float]:
    """The standard deviation, and its standard error from the sample's fourth moment."""
    measured = float(steps.std(ddof=1))
    return measured, measured * math.sqrt((scipy.stats.kurtosis(steps) + 2) / (4 * steps.size))


def worst_numbers(noisy: dict[Setting, Left], config: Config) -> Numbers:
    settings = noisy_settings(config)
    theories = {setting: noisy_steps(setting, config) for setting in settings}
    spread = [setting for setting in settings if theories[setting].deviation >= 1]
    scores = [score(noisy[setting].steps, theories[setting]) for setting in spread]
    on_top = [setting for setting in settings if setting.distance == 0]
    return {
        "largest_deviation": Number(
            float(np.abs(scores).max()),
            0.0,
            float(scipy.stats.norm.isf(MISSED / 2 / len(scores))),
            f"largest of {len(scores)} distances of mean steps from theory, in standard errors, at "
            "every setting where theory lets them vary by a step or more; tolerance: passed by "
            f"chance in {MISSED:.0%}",
        ),
        "survival_distance": Number(
            max(survival_gap(setting, noisy[setting].steps, config) for setting in on_top),
            0.0,
            math.sqrt(math.log(2 * len(on_top) / MISSED) / 2 / config.runs),
            f"largest distance of the share of runs still there from theory, over {len(on_top)} "
            f"settings; tolerance: passed by chance in {MISSED:.0%} (Massart's bound)",
        ),
        "runs_that_never_left": Number(
            float(sum(np.sum(~runs.left) for runs in noisy.values())),
            0.0,
            0.0,
            f"of {len(settings) * config.runs} runs with noise, those still there at the end",
        ),
    }


def score(steps: np.ndarray, theory: analysis.SaddleSteps) -> float:
    """The sample mean's distance from theory's in standard errors, theory's as well."""
    return float((steps.mean() - theory.mean) / (theory.deviation / math.sqrt(steps.size)))


def survival_gap(setting: Setting, steps: np.ndarray, config: Config) -> float:
    """Largest distance of the share of runs still there from theory, over all steps."""
    at = np.arange(1, steps.max() + 1)
    still = 1 - np.searchsorted(np.sort(steps), at, side="right") / steps.size
    return float(np.abs(still - survival(setting, at, config)).max())
