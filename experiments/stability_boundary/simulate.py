"""Gradient descent and two momentum methods at many rates, on parabolas."""

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.common.report import stage
from experiments.stability_boundary.config import OPTIMIZERS, RATES, TITLES, Config
from jdescent import analysis

FLOOR = 1e-290  # of the distances that are measured: below it float64 loses digits


def simulate(config: Config) -> dict:
    """All runs of the figure, in float64."""
    with jax.enable_x64(True):
        parabolas = {"x": jd.losses.parabola(), "half": jd.losses.parabola(1.0, 1.0, 0.5)}
        with stage(f"{config.rates} learning rates on two parabolas"):
            boundary = {name: rate_sweep(loss, config) for name, loss in parabolas.items()}
        planes = {}
        for name, make in OPTIMIZERS.items():
            count = config.plane_rates * config.plane_momenta
            with stage(f"{TITLES[name]}: {count} runs over rate and momentum"):
                planes[name] = momentum_plane(make, config)
        with stage("factor per step along one momentum"):
            slices = {name: momentum_slice(name, config) for name in TITLES}
        named = np.stack([named_run(parabolas["half"], rate) for rate in config.runs])
    return {"boundary": boundary, "planes": planes, "slices": slices, "named": named}


def curvature_of(loss: jd.losses.Landscape) -> float:
    return loss.global_minimum.curvatures[0]


def rate_sweep(loss: jd.losses.Landscape, config: Config) -> dict:
    """|x_T − x*|/|x₀ − x*| of gradient descent for rates over (0, 3/λ), and where it passes 1."""
    curvature, minimum = curvature_of(loss), loss.global_minimum.position
    rates = np.linspace(0, 3 / curvature, config.rates + 1)[1:]
    start = jnp.asarray(0.0)

    def run(learning_rate):
        path = jd.descend(
            loss, start, jd.sgd(learning_rate), config.steps, record=None, divergence=jnp.inf
        )
        return jnp.abs((path.params - minimum) / (start - minimum))

    growth = jd.sweep(run, learning_rate=rates).result.values
    return {
        "rates": rates,
        "growth": growth,
        "edge": analysis.crossing(rates, growth < 1),
        "theory": np.abs(analysis.gd_rate(rates, curvature)) ** config.steps,
        "limit": analysis.gd_limit(curvature),
    }


def factor_per_step(optimizer: jd.Optimizer, steps: int, every: int = 1) -> jax.Array:
    """The measured contraction on ½x², started at 1."""
    path = jd.descend(
        jd.losses.parabola(1.0, 0.0, 0.0),
        jnp.asarray(1.0),
        optimizer,
        steps,
        record="params",
        every=every,
        divergence=jnp.inf,
    )
    # A run that overflows is held at its last finite point: what is held is no measurement.
    held = path.verdict.diverged & (path.steps >= path.verdict.step)
    distance = jnp.where(held, jnp.inf, jnp.abs(path.record["params"]))
    even = distance[: steps // every + 1]  # where `every` leaves a rest, the last is nearer
    return jnp.asarray(analysis.contraction_rate(even, floor=FLOOR)) ** (1 / every)


def momentum_plane(make, config: Config) -> dict:
    """Factor per step over the plane, in units of 1/λ, and the edge at every momentum."""
    grid = jd.sweep(
        lambda momentum, rate: factor_per_step(make(rate, momentum), config.plane_steps, every=5),
        momentum=np.linspace(0, 0.99, config.plane_momenta),
        rate=np.linspace(0, 4.2, config.plane_rates + 1)[1:],
    )
    factor = grid.result.values
    rates = grid.rate.values
    return {
        "momenta": grid.momentum.values,
        "rates": rates,
        "factor": factor,
        "edge": analysis.crossing(rates, factor < 1, axis=1),
    }


def momentum_slice(name: str, config: Config) -> dict:
    """Factor per step against rate at one momentum (none for gradient descent)."""
    make = OPTIMIZERS.get(name)
    rates = np.linspace(0, 4.2, config.slice_rates + 1)[1:]

    def run(rate):
        optimizer = make(rate, config.momentum) if make else jd.sgd(rate)
        return factor_per_step(optimizer, config.plane_steps)

    exact = RATES[name](rates, 1.0, config.momentum) if make else analysis.gd_rate(rates, 1.0)
    return {"rates": rates, "factor": jd.sweep(run, rate=rates).result.values, "exact": exact}


def named_run(loss: jd.losses.Landscape, rate: float, steps: int = 40) -> np.ndarray:
    """Loss above the minimum, step by step."""
    path = jd.descend(loss, jnp.asarray(-2.5), jd.sgd(rate), steps, divergence=jnp.inf)
    return np.asarray(path.loss) - loss.global_minimum.loss
