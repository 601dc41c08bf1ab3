"""Which minimum of a plane gradient descent ends in, and the lines that part their basins."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from matplotlib.path import Path
from scipy.integrate import solve_ivp

import jdescent as jd
from experiments.many_minima.config import Config

SURFACE = jd.losses.himmelblau()
MINIMA = np.array([point.position for point in SURFACE.minima])
(MAXIMUM,) = (np.array(point.position) for point in SURFACE.maxima)
NEAR = 1e-2  # to the maximum, where lines end
AWAY = 1e-4  # from a saddle, where following its stable direction begins
FAR = 100.0  # a distance that no start has
Points = Float[np.ndarray, "points 2"]


def descended(config: Config) -> dict:
    """The minimum that each start of a grid ends in, by descent and by the gradient's flow."""
    x, y = np.meshgrid(*[places(config.valley_starts, side) for side in SURFACE.domain])
    starts = np.stack([x, y], axis=-1).reshape(-1, 2)

    def end(start):
        rate = config.valley_rate
        return jd.descend(SURFACE, start, jd.sgd(rate), config.valley_steps, record=None).params

    with jax.enable_x64(True):
        ends = jd.sweep(end, start=starts).result.values
    distance = np.linalg.norm(ends[:, None] - MINIMA, axis=-1)
    lines = separatrices()
    return {
        "reached": np.argmin(distance, axis=1).reshape(x.shape),
        "farthest": float(np.max(np.min(distance, axis=1))),
        "predicted": valleys_between(lines, starts).reshape(x.shape),
        "lines": lines,
    }


def places(count: int, side: tuple[float, float]) -> Float[np.ndarray, " places"]:
    """The middles of so many equal parts of a side."""
    low, high = side
    return low + (high - low) * (np.arange(count) + 0.5) / count


def separatrices() -> list[Points]:
    """Through each saddle, the points that flow into it: from the maximum to outside the domain.

    They are found by flowing uphill from beside the saddle, to both sides along the eigenvector of
    its Hessian that has positive curvature.
    """
    with jax.enable_x64(True):
        slope, hessian = jax.jit(jax.grad(SURFACE)), jax.jit(jax.hessian(SURFACE))
        lines = []
        for saddle in SURFACE.saddles:
            place = np.array(saddle.position)
            along = np.linalg.eigh(hessian(jnp.array(place)))[1][:, -1]
            halves = [uphill(slope, place + side * AWAY * along) for side in (-1, 1)]
            inner, outer = sorted(halves, key=lambda half: float(np.linalg.norm(half[-1])))
            lines.append(np.concatenate([inner[::-1], outer]))
    return lines


def uphill(slope, start: Float[np.ndarray, "2"]) -> Points:
    """Along the gradient at unit speed, until the maximum is reached or the domain left behind."""
    (left, right), _ = SURFACE.domain

    def direction(_, x):
        gradient = np.asarray(slope(x))
        return gradient / np.linalg.norm(gradient)

    def arrives(_, x):
        return np.linalg.norm(x - MAXIMUM) - NEAR

    def leaves(_, x):
        return (right - left) - np.max(np.abs(x))

    arrives.terminal = leaves.terminal = True  # type: ignore[attr-defined]
    length = 3 * (right - left)
    path = solve_ivp(direction, (0, length), start, events=(arrives, leaves), rtol=1e-6)
    return path.y.T


def valleys_between(lines: Sequence[Points], points: Points) -> Int[np.ndarray, " points"]:
    """The minimum whose valley each point is in; valleys are parted by lines from the maximum."""

    def beyond(line):
        direction = line[-1] - MAXIMUM
        return MAXIMUM + FAR * direction / np.linalg.norm(direction)

    around = sorted(lines, key=lambda line: np.arctan2(*(line[-1] - MAXIMUM)[::-1]))
    found = np.full(len(points), -1)
    for one, next_one in zip(around, [*around[1:], around[0]], strict=True):
        ends = [beyond(one), beyond(next_one)]
        valley = Path(np.concatenate([[MAXIMUM], one, ends, next_one[::-1]]))
        (minimum,) = np.flatnonzero(valley.contains_points(MINIMA))
        found[valley.contains_points(points)] = minimum
    return found
