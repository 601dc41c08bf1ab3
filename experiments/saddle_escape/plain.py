"""Runs on the saddle ½(x² − γy²), with noise and without, and what theory says of them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

import jdescent as jd
from experiments.saddle_escape.config import THRESHOLD, Config
from jdescent import analysis

WATCHED = 1e-7  # runs are watched until theory says that fewer than this share has not left
START = 1e-6  # distance of the run without noise whose steps are a headline number
NOISE = 1e-3  # standard deviation of the gradient noise of the runs over momentum


class Setting(NamedTuple):
    """Where runs start, (1, ε), on what curvature −γ, with what noise and momentum."""

    curvature: Any
    distance: Any = 0.0
    noise: Any = 0.0
    momentum: Any = 0.0


class Left(NamedTuple):
    """Of each run, the step at which it left, if it did, and its last |y|."""

    steps: Num[np.ndarray, "*runs"]
    left: Num[np.ndarray, "*runs"]
    apart: Num[np.ndarray, "*runs"]


def distances(config: Config) -> np.ndarray:
    """Two a decade, down to the last."""
    return 10.0 ** -np.arange(config.decades, 0.9, -0.5)


def quiet_settings(config: Config) -> list[Setting]:
    """Without noise: on the ridge, over distance, and over momentum."""
    curvature = config.curvatures[0]
    return [
        Setting(curvature),
        *(Setting(curvature, distance) for distance in distances(config)),
        *(Setting(curvature, START, momentum=momentum) for momentum in config.momenta),
    ]


def noisy_settings(config: Config) -> list[Setting]:
    """With noise: over distance, over noise and curvature, and over momentum."""
    curvature = config.curvatures[0]
    return [
        *(
            Setting(curvature, distance, noise)
            for noise in config.noises[::2]
            for distance in distances(config)[::2]
        ),
        *(Setting(curvature, 0.0, s) for curvature in config.curvatures for s in config.noises),
        *(Setting(curvature, 0.0, NOISE, momentum) for momentum in config.momenta),
    ]


def quiet_runs(config: Config) -> dict[Setting, Left]:
    """One run a setting."""
    settings = quiet_settings(config)

    def run(setting: Setting) -> dict[str, Array]:
        optimizer = jd.heavy_ball(config.learning_rate, setting.momentum)
        return leave(setting, optimizer, config.still_steps)

    found = jd.sweep(run, setting=as_axis(settings))
    return by_setting(settings, found)


def noisy_runs(config: Config) -> dict[Setting, Left]:
    """Many runs a setting; no two draw the same noise."""
    settings = noisy_settings(config)
    steps = max(watched(setting, config) for setting in settings)
    key = jax.random.key(config.seed)

    def run(place: dict, index: Array) -> dict[str, Array]:
        setting = place["setting"]
        own = jax.random.fold_in(jax.random.fold_in(key, place["number"]), index)
        optimizer = noisy(own, setting.noise, config.learning_rate, setting.momentum)
        return leave(setting, optimizer, steps)

    places = {"setting": as_axis(settings), "number": np.arange(len(settings))}
    return by_setting(settings, jd.sweep(run, place=places, index=np.arange(config.runs)))


def as_axis(settings: list[Setting]) -> Setting:
    """The settings as arrays of the default float dtype, one entry a setting."""
    return Setting(
        *(np.asarray(jnp.array(values, float)) for values in zip(*settings, strict=True))
    )


def by_setting(settings: list[Setting], found) -> dict[Setting, Left]:
    names = Left._fields
    return {
        setting: Left(*(found[name].values[place] for name in names))
        for place, setting in enumerate(settings)
    }


def noisy(
    key: Array, noise: Array | float, rate: float, momentum: Array | float = 0.0
) -> jd.Optimizer:
    return jd.chain(jd.add_noise(key, noise), jd.heavy_ball(rate, momentum))


def leave(setting: Setting, optimizer: jd.Optimizer, steps: int) -> dict[str, Array]:
    """The step at which a run is at the threshold, if it comes to that."""

    def loss(x: Float[Array, "2"]) -> Float[Array, ""]:
        return 0.5 * (x[0] ** 2 - setting.curvature * x[1] ** 2)

    path = jd.descend(
        loss,
        jnp.stack([jnp.ones(()), setting.distance]),
        optimizer,
        steps,
        record=None,
        stop=lambda point: jnp.abs(point.params[1]) >= THRESHOLD,
    )
    verdict = path.verdict
    return {"steps": verdict.step, "left": verdict.stopped, "apart": jnp.abs(path.params[1])}


def folds(setting: Setting, config: Config) -> float:
    """ln r."""
    growth = analysis.saddle_growth(config.learning_rate, -setting.curvature, setting.momentum)
    return math.log(growth)


def spread(setting: Setting, config: Config) -> float:
    """s_b, the distance that the noise is as good as."""
    _, rate, *others = arguments(setting, config)
    return float(analysis.saddle_spread(rate, *others))


def watched(setting: Setting, config: Config) -> int:
    """Steps after which hardly any run can still be there: S(t) < δ/(s_b rᵗ)."""
    distance = WATCHED * spread(setting, config)
    return math.ceil(math.log(THRESHOLD / distance) / folds(setting, config))


def quiet_steps(setting: Setting, config: Config) -> float:
    threshold, rate, curvature, _, momentum = arguments(setting, config)
    return float(analysis.saddle_steps(setting.distance, threshold, rate, curvature, momentum))


def noisy_steps(setting: Setting, config: Config) -> analysis.SaddleSteps:
    """Mean and standard deviation; from a distance they are sums of S(t)."""
    if setting.distance == 0:
        return analysis.noisy_saddle_steps(*arguments(setting, config))
    steps = np.arange(1, watched(setting, config))
    share = survival(setting, steps, config)
    mean = 1 + np.sum(share)
    variance = 1 + (2 * steps + 1) @ share - mean**2
    return analysis.SaddleSteps(mean, np.sqrt(np.maximum(variance, 0.0)))


def survival(setting: Setting, steps: np.ndarray, config: Config) -> np.ndarray:
    share = analysis.saddle_survival(steps, *arguments(setting, config), distance=setting.distance)
    return np.asarray(share)


def arguments(setting: Setting, config: Config) -> tuple[float, float, float, float, float]:
    """δ, η, −γ, σ² and β, as the closed forms take them."""
    return (
        THRESHOLD,
        config.learning_rate,
        -setting.curvature,
        setting.noise**2,
        setting.momentum,
    )
