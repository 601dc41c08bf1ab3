"""The points that five methods visit on a round bowl and on a steep one."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import jdescent as jd
from experiments.anisotropic_bowl.config import COLORS, ROUND, STEEP, TITLES, tuned
from jdescent import analysis, plotting

Curvatures = tuple[float, float]
Domain = tuple[tuple[float, float], tuple[float, float]]

STARTS = {ROUND: (-1.9, 1.3), STEEP: (-2.4, 0.12)}
ADAPTIVE = {"rmsprop": jd.rmsprop(0.1), "adam": jd.adam(0.2)}


def method_paths(curvatures: Curvatures, steps: int) -> dict[str, np.ndarray]:
    """The points each method visits, shape (steps + 1, 2)."""
    loss, start = jd.losses.bowl(curvatures), jnp.array(STARTS[curvatures])
    methods = {name: tuned(name, *curvatures) for name in ("gd", "heavy_ball", "nesterov")}
    return {
        name: np.asarray(
            jd.descend(loss, start, optimizer, steps, record="params").record["params"]
        )
        for name, optimizer in (methods | ADAPTIVE).items()
    }


def draw_paths(
    axes: Axes, curvatures: Curvatures, paths: dict[str, np.ndarray], domain: Domain
) -> None:
    """The paths over contours; the start's own contour and −∇L, shortened, stand out."""
    start, bends = np.array(STARTS[curvatures]), np.array(curvatures)
    plotting.contours(axes, jd.losses.bowl(curvatures), domain)
    around = np.linspace(0, 2 * np.pi, 200)
    radii = np.sqrt(np.sum(bends * start**2) / bends)
    axes.plot(radii[0] * np.cos(around), radii[1] * np.sin(around), color="0.5", linewidth=0.8)
    for name, path in paths.items():
        axes.plot(
            *path.T, "o-", markersize=2, linewidth=0.7, color=COLORS[name], label=TITLES[name]
        )
    longest = analysis.tuned_heavy_ball(*curvatures).learning_rate
    x, y = start - 1.35 * longest * bends * start  # clear of every first step
    plotting.arrow(axes, start, (x, y), "black")
    plotting.note(axes, (x, y - 0.06 * radii[1]), r"$-\nabla L$", "black", ha="center", va="top")
    axes.plot(0, 0, "+", color="black", markersize=7, zorder=6)
    axes.set(xlabel="$x$", ylabel="$y$")


def draw_directions(axes: Axes, curvatures: Curvatures) -> None:
    """The field of descent directions, −∇L/‖∇L‖."""
    points = np.stack(np.meshgrid(*(np.arange(-2.75, 2, 0.5),) * 2), axis=-1).reshape(-1, 2)
    uphill = points * np.array(curvatures)
    downhill = -uphill / np.linalg.norm(uphill, axis=1, keepdims=True)
    axes.quiver(*points.T, *downhill.T, color="0.65", scale=20, width=0.004, zorder=0)
