"""Leaving a local minimum: gradient noise and momentum do it, full-batch descent never does.

(a) The double well x⁴/4 − x³/6 − 3x²/4: minima at −1 and 3/2, a barrier of height ΔU = 1/3 between
them; a run has escaped at x ≥ 1. (b) One run on mini-batches, drawn with replacement from the
well's 96 examples, and one on all of them. (c) The heavy ball from one start at three momenta,
against the damped oscillator x″ = −γx′ − U′(x), γ = (1 − β)√(2/(η(1 + β))), which it discretizes:
it stays, coasts over the barrier, or coasts over and comes back. (d) Mean steps to escape against
batch size, with 95 % intervals that count the runs still in the valley when watching ended, against
the exact mean of the Markov chain and Kramers' law; inset: relative to the exact mean. (e) Share of
runs still in the valley (Kaplan–Meier, 95 % bands), time in units of the exact mean N. It nears
exp(−t/N), a wait without memory, as the barrier grows over the noise; where it is low, runs stay a
while before any leaves, as the exact chain does (dotted). (f) Where full-batch descent ends, over
start and learning rate η; unsettled runs cycle or wander on one side of the barrier. Dashed: the
largest stable rate of each minimum, 4/5 and 8/15; the rate from which a valley no longer holds its
runs; and the starts 1/4 ± √(25/16 + 1/η), beyond which the first step passes the barrier. (g) Where
the heavy ball ends, over start and momentum β. Dashed: the starts from which the oscillator comes
to rest on the barrier. The dots are the runs of (c). The runs of (b, d, e) are in float32, all
others in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.common.number import Number
from experiments.common.report import stage
from experiments.local_minimum_escape import basins, coasting, noise
from experiments.local_minimum_escape.config import (
    BARRIER,
    BARRIER_X,
    TARGET,
    THRESHOLD,
    VALLEY,
    VALLEY_X,
    WELL,
    Config,
)
from jdescent import plotting

QUICK = Config(batch_sizes=(2, 4), seeds=260, starts=100, rates=65, momenta=24, steps=2_000)


def simulate(config: Config) -> dict:
    """All runs of the figure: those on mini-batches in float32, the others in float64."""
    escapes = noise.escapes(config)
    with stage("one run in full"):
        paths = noise.batch_and_full_path(escapes, config)
    with jax.enable_x64(True):
        with stage(f"full-batch descent from {config.starts} starts in the valley"):
            ends = basins.valley_ends(config)
        with stage(f"gradient descent: {config.starts * config.rates} runs over start and rate"):
            valleys = basins.basin_map(config)
        with stage(f"heavy ball: {config.starts * config.momenta} runs over start and momentum"):
            ball_valleys = coasting.coasting_map(config)
            balls = {momentum: coasting.ball_path(momentum, config) for momentum in config.balls}
    return {
        "escapes": escapes,
        "curves": noise.curves(escapes, config),
        "paths": paths,
        "ends": ends,
        "basins": valleys,
        "coasting": ball_valleys,
        "balls": balls,
    }


def numbers(data: dict, config: Config) -> dict[str, Number]:
    return {
        **noise.numbers(data["escapes"], data["curves"]),
        **basins.numbers(data["ends"], data["basins"]),
        **coasting.numbers(data["coasting"], config),
    }


def plot(data: dict, config: Config) -> Figure:
    rows = [["a", "b", "c"], ["d", "e"], ["f", "g"]]
    layout, ratios = [[[row]] for row in rows], (3, 4, 5)
    with plotting.panels(layout, height=7.0, height_ratios=ratios) as (figure, axes):
        draw_well(axes["a"])
        noise.draw_paths(axes["b"], data["paths"])
        coasting.draw_balls(axes["c"], data["balls"])
        noise.draw_means(axes["d"], data["escapes"], data["curves"], config)
        noise.draw_survival(axes["e"], data["escapes"], data["curves"], config)
        basins.draw_basins(axes["f"], data["basins"])
        coasting.draw_coasting(axes["g"], data["coasting"], config)
    return figure


def draw_well(axes: Axes) -> None:
    low, high = -1.95, 2.3
    x = np.linspace(low, high, 300)
    axes.plot(x, jax.vmap(WELL)(jnp.asarray(x, float)), color=plotting.COLORS["gray"])
    for point, color in (
        (VALLEY, basins.OUTCOMES["ends at −1"]),
        (TARGET, basins.OUTCOMES["ends at 3/2"]),
        (BARRIER, "black"),
    ):
        axes.plot(point.position, point.loss, "o", color=color, markersize=5)
    axes.annotate(
        "",
        (VALLEY_X, VALLEY.loss),
        (VALLEY_X, BARRIER.loss),
        arrowprops={"arrowstyle": "<->", "lw": 0.8, "shrinkA": 0, "shrinkB": 3},
    )
    axes.hlines(BARRIER.loss, VALLEY_X, BARRIER_X, color="black", linewidth=0.5)
    axes.text(VALLEY_X, 0.07, r"$\Delta U$", ha="center", fontsize=7)
    axes.text(VALLEY_X, VALLEY.loss - 0.1, "start", ha="center", va="top", fontsize=7)
    axes.axvspan(THRESHOLD, high, color=plotting.COLORS["orange"], alpha=0.2, linewidth=0)
    axes.text(THRESHOLD - 0.07, 0.45, "escaped", ha="right", fontsize=7)
    axes.set(
        xlim=(low, high), ylim=(-1.15, 0.75), xlabel="$x$", ylabel="$U(x)$", xticks=(-1, 0, 1, 2)
    )
    plotting.title(axes, "a", "double well")
