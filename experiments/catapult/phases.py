"""Sweeps of the network with one example: where it ends, its phases' edges, its peak."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.catapult import theory
from experiments.catapult.config import Config
from experiments.catapult.two_layer import Path, descent, start

SHOWN = (1.0, 2.2, 3.0, 3.8, 4.1)
SHOWN_STEPS = 60
EDGE_STEP = 0.01
PEAK_RATES = (2.5, 3.0)
PEAK_STEPS = 40
DEPARTURE_STEPS = 80
DEPARTED = 1.0  # |ηλ − 4|
CHAOTIC_STEPS = 12  # before rounding, tripled at every step, is seen

Grid = Float[np.ndarray, "rates seeds"]


class Ends(NamedTuple):
    """Of every run of a sweep.

    Attributes:
        rates: ηλ₀.
        curvature: ηλ at the end.
        first, peak: η²f²/n at the start, and the largest.
        peak_step: at which step that is.
        diverged: whether the run did.
    """

    rates: Float[np.ndarray, " rates"]
    curvature: Grid
    first: Grid
    peak: Grid
    peak_step: Grid
    diverged: Grid


def ends(rates, seeds: int, width: int, steps: int) -> Ends:
    """Of descent at every rate from every start."""

    def run(product: Array, seed: Array) -> dict[str, Array]:
        path = descent(start(seed, width), product, steps)
        return {
            "curvature": path.curvature[-1],
            "first": path.size[0],
            "peak": jnp.max(path.size),
            "peak_step": jnp.argmax(path.size),
            "diverged": path.diverged,
        }

    found = jd.sweep(run, product=np.asarray(rates), seed=np.arange(seeds))
    return Ends(np.asarray(rates), *(found[name].values for name in Ends._fields[1:]))


def about(edge: float, config: Config) -> np.ndarray:
    """A grid of rates amid which the edge lies."""
    return edge + EDGE_STEP * (np.arange(config.edge_rates) - (config.edge_rates - 1) / 2)


def phases(config: Config) -> dict[str, Ends]:
    """Over all rates, and about the edges at 2 and 4."""
    grids = {
        "all": np.array(config.rates),
        "critical": about(theory.CRITICAL, config),
        "divergent": about(theory.DIVERGENT, config),
    }
    whole = ends(np.concatenate(list(grids.values())), config.seeds, config.width, config.steps)
    stops = np.cumsum([len(grid) for grid in grids.values()])
    return {
        name: Ends(*(column[stop - len(grid) : stop] for column in whole))
        for (name, grid), stop in zip(grids.items(), stops, strict=True)
    }


def peaks(config: Config) -> dict[int, Ends]:
    """By width."""
    return {
        width: ends(PEAK_RATES, config.peak_seeds, width, PEAK_STEPS) for width in config.widths
    }


def shown(config: Config) -> dict[float, Path]:
    """One start at the rates that are drawn, step by step, and at 4/λ₀."""
    weights = start(0, config.width)
    run = jax.jit(lambda product: descent(weights, product, SHOWN_STEPS))
    return {
        product: jax.tree.map(np.asarray, run(product)) for product in (*SHOWN, theory.DIVERGENT)
    }


def departures(config: Config) -> dict[int, Float[np.ndarray, "distances seeds"]]:
    """Steps until |ηλ − 4| ≥ 1, from just below (−1) and just above (+1) 4/λ₀."""

    def run(product: Array, seed: Array) -> Array:
        path = descent(start(seed, config.departure_width), product, DEPARTURE_STEPS)
        return jnp.argmax(jnp.abs(path.curvature - theory.DIVERGENT) >= DEPARTED)

    distances, seeds = np.array(config.departures), np.arange(config.seeds)
    products = theory.DIVERGENT + np.concatenate([-distances, distances])
    below, above = np.split(jd.sweep(run, product=products, seed=seeds).result.values, 2)
    return {-1: below, 1: above}
