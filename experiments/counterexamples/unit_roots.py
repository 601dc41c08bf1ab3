"""Goujaud, Taylor and Dieuleveut's functions of the plane, on which heavy balls go round for ever.

Points are complex numbers here and arrays of two in JAX. L = 1 throughout, so that μ = 1/κ.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.counterexamples.config import Config
from experiments.counterexamples.three_cycle import moving
from jdescent import analysis

CONDITION = 100.0
STAYS = 1e-6
SHIFT = 1e-3  # of a start beside the cycle
SLOW = 0.5  # a factor per step
FLOOR = 1e-290
ROUNDED = 1e-13
PAIRED_POINTS = 48
COARSE = 300
DRAWN_SHIFT, DRAWN_STEPS = 0.3, 300

Point = Float[Array, "2"]


def margin(rate, momentum, smallest, length) -> np.ndarray:
    """`analysis.heavy_ball_cycle_margin` with L = 1."""
    return np.asarray(analysis.heavy_ball_cycle_margin(rate, momentum, smallest, 1.0, length))


def corner(rate, momentum, smallest, length):
    """c of the polygon's corners c·x_t, (x_t − g_t)/(1 − μ), as a complex number."""
    z = np.exp(2j * np.pi / length)
    slope = ((1 + momentum) - z - momentum / z) / rate
    return (1 - slope) / (1 - smallest)


def counterexample(corner: Point, smallest: Array | float, length: Array | float) -> Callable:
    """½μ|x|² + ½(1 − μ)·d(x, P)², P the regular polygon of K corners, one of them given."""
    radius = jnp.sqrt(jnp.sum(corner**2))
    half = jnp.pi / length
    turn = jnp.arctan2(corner[1], corner[0])
    apothem, reach = radius * jnp.cos(half), radius * jnp.sin(half)

    def loss(x):
        angle = jnp.arctan2(x[1], x[0]) - turn
        edge = turn + (2 * jnp.floor(angle / (2 * half)) + 1) * half  # the nearest one's normal
        cosine, sine = jnp.cos(edge), jnp.sin(edge)
        out, along = cosine * x[0] + sine * x[1], cosine * x[1] - sine * x[0]
        beyond = jnp.maximum(out - apothem, 0)
        aside = jnp.where(beyond > 0, along - jnp.clip(along, -reach, reach), 0)
        return smallest / 2 * jnp.sum(x**2) + (1 - smallest) / 2 * (beyond**2 + aside**2)

    return loss


def on_cycle(rate, momentum, length, corner: Point, shift, steps: int, record) -> jd.Trajectory:
    """The heavy ball from the cycle's first point, or beside it."""
    theta = 2 * jnp.pi / length
    velocity = jnp.stack([1 - jnp.cos(theta), jnp.sin(theta)])
    ball = moving(jd.heavy_ball(rate, momentum), velocity)
    loss = counterexample(corner, 1 / CONDITION, length)
    start = jnp.array([1.0, 0.0]) + shift
    return jd.descend(loss, start, ball, steps, record=record, divergence=1e8)


def as_pair(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], axis=-1)


def cycle_points(length: Array, steps: int) -> Array:
    angle = 2 * jnp.pi * (jnp.arange(steps + 1.0) % length) / length
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)


def stable_grid(config: Config) -> dict[str, np.ndarray]:
    """Which tunings are stable, of rates in (0, 4) and momenta in (0, 1) at the pixels' middles.

    Those tunings, and the lengths K.
    """
    middles = (np.arange(config.tunings) + 0.5) / config.tunings
    momentum, rate = np.meshgrid(middles, 4 * middles, indexing="ij")
    stable = rate < analysis.heavy_ball_limit(1.0, momentum)
    return {
        "stable": stable,
        "lengths": np.arange(3.0, config.longest_cycle + 1),
        "stable_rate": rate[stable],
        "stable_momentum": momentum[stable],
    }


def map_of_tunings(config: Config) -> dict[str, np.ndarray]:
    """For each stable tuning and length: does the run stay on the cycle, should it by theory?

    Also the margin of theory, and the factor per step of the tuning on quadratics.
    """
    tunings = stable_grid(config)
    rate, momentum = tunings["stable_rate"], tunings["stable_momentum"]
    lengths = tunings["lengths"]
    corners = as_pair(corner(rate[:, None], momentum[:, None], 1 / CONDITION, lengths))

    def stays(tuning, number):
        length = jnp.asarray(lengths)[number]
        path = on_cycle(
            jnp.asarray(rate)[tuning],
            jnp.asarray(momentum)[tuning],
            length,
            jnp.asarray(corners)[tuning, number],
            0.0,
            config.cycle_steps,
            None,
        )
        apart = path.params - cycle_points(length, config.cycle_steps)[-1]
        return jnp.sqrt(jnp.sum(apart**2)) < STAYS

    with jax.enable_x64(True):
        stayed = jd.sweep(stays, tuning=np.arange(rate.size), number=np.arange(lengths.size))
    margins = margin(rate[:, None], momentum[:, None], 1 / CONDITION, lengths)
    return {
        **tunings,
        "stays": stayed.result.values,
        "margin": margins,
        "quadratic": worst_rate(rate, momentum, 1 / CONDITION),
    }


def worst_rate(rate, momentum, smallest) -> np.ndarray:
    """Factor per step on the worst quadratic with curvatures in [μ, 1]."""
    slow, steep = (analysis.heavy_ball_rate(rate, end, momentum) for end in (smallest, 1.0))
    return np.maximum(np.asarray(slow), np.asarray(steep))


def attraction(map_: dict, config: Config) -> dict[str, np.ndarray]:
    """Measured factor per step towards the cycle of largest margin, at every tenth tuning.

    Tunings that are there in a few steps, or whose margin a start beside the cycle could pass, are
    left out.
    """
    best = map_["margin"].argmax(axis=1)
    local = np.asarray(analysis.heavy_ball_rate(map_["stable_rate"], 1.0, map_["stable_momentum"]))
    is_clear = (map_["margin"].max(axis=1) > 10 * SHIFT) & (local > SLOW)
    picked = np.flatnonzero(is_clear)[::10]
    rate, momentum = map_["stable_rate"][picked], map_["stable_momentum"][picked]
    length = map_["lengths"][best[picked]]
    place = corner(rate, momentum, 1 / CONDITION, length)
    shift = SHIFT * abs(1 - place) * abs(place) / (abs(1 - place) + abs(place))

    def apart(rate, momentum, length, place, shift):
        path = on_cycle(rate, momentum, length, place, shift, config.cycle_steps, "params")
        gap = path.record["params"] - cycle_points(length, config.cycle_steps)
        return jnp.sqrt(jnp.sum(gap**2, axis=-1))

    with jax.enable_x64(True):
        lanes = (rate, momentum, length, as_pair(place), as_pair(shift * np.exp(1j)))
        gaps = np.asarray(jax.jit(jax.vmap(apart))(*map(jnp.asarray, lanes)))
    return {
        "measured": np.asarray(analysis.contraction_rate(gaps, floor=ROUNDED)),
        "predicted": local[picked],
        "on_quadratics": map_["quadratic"][picked],
        "entries": np.sum(gaps > ROUNDED, axis=1),
    }


def interpolation_slack(map_: dict) -> np.ndarray:
    """Least slack of the conditions on values and slopes of a μ-strongly convex function, L = 1.

    With the class's μ, and with twice that. Over all pairs among the cycle's points and random
    ones, for every tenth counterexample; in units of the largest value. Below 0 beyond rounding,
    one of them is not in the class.
    """
    best = map_["margin"].argmax(axis=1)
    picked = np.flatnonzero(map_["margin"].max(axis=1) > 0)[::10]
    rate, momentum = map_["stable_rate"][picked], map_["stable_momentum"][picked]
    length = map_["lengths"][best[picked]]
    place = as_pair(corner(rate, momentum, 1 / CONDITION, length))

    def slack(key, length, place):
        loss = counterexample(place, 1 / CONDITION, length)
        random = 2 * jax.random.normal(key, (PAIRED_POINTS, 2))
        x = jnp.concatenate([cycle_points(length, 6), random])
        f, g = jax.vmap(jax.value_and_grad(loss))(x)
        dx, dg = x[:, None] - x[None], g[:, None] - g[None]
        bent, apart, across = (jnp.sum(p, -1) for p in (dg**2, dx**2, dg * dx))
        convexity = f[:, None] - f[None] - jnp.sum(g[None] * dx, -1)

        def least(mu):
            form = bent + mu * apart - 2 * mu * across
            return jnp.min(convexity - form / (2 * (1 - mu))) / jnp.max(f)

        return jnp.stack([least(1 / CONDITION), least(2 / CONDITION)])

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), picked.size)
        found = jax.jit(jax.vmap(slack))(keys, jnp.asarray(length), jnp.asarray(place))
    return np.asarray(found).min(axis=0)


def drawn_cycle() -> dict[str, np.ndarray]:
    """The tuned heavy ball's clearest cycle, a run from beside it, and the loss around it."""
    rate, momentum, _ = analysis.tuned_heavy_ball(1 / CONDITION, 1.0)
    lengths = np.arange(3.0, 9)
    margins = margin(rate, momentum, 1 / CONDITION, lengths)
    length = lengths[margins.argmax()]
    place = corner(rate, momentum, 1 / CONDITION, length)
    with jax.enable_x64(True):
        pair, shift = jnp.asarray(as_pair(place)), jnp.array([DRAWN_SHIFT, DRAWN_SHIFT])
        path = on_cycle(rate, momentum, length, pair, shift, DRAWN_STEPS, "params")
    corners = place * np.exp(2j * np.pi * np.arange(length) / length)
    return {
        "path": np.asarray(path.record["params"]),
        "corners": as_pair(corners),
        "length": length,
    }


def fastest_without_cycle(condition: float) -> tuple[float, float]:
    """(η, β) of the fastest tuning that has no cycle, on the line where μ's root is double.

    Elsewhere a tuning of the same momentum is slower, or one of the same speed cycles.
    """
    lengths = np.arange(3.0, 8 * np.sqrt(condition) + 8)

    def cycles(root: float) -> bool:
        rate = (1 - root) ** 2 * condition
        return bool(np.any(margin(rate, root**2, 1 / condition, lengths) >= 0))

    fastest = analysis.tuned_heavy_ball(1.0, condition).rate
    roots = 1 - np.geomspace(1 - fastest, 1e-3 / condition, COARSE)  # √β, the fastest first
    free = next(i for i, root in enumerate(roots) if not cycles(root))
    low, high = roots[max(free - 1, 0)], roots[free]
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if cycles(middle) else (low, middle)
    return float((1 - high) ** 2 * condition), float(high**2)


def speeds(config: Config) -> dict[str, np.ndarray]:
    """1 − ρ over gradient descent's, of the fastest tuning without a cycle: run on μ and L."""
    conditions = np.array(config.conditions)
    rate, momentum = np.array([fastest_without_cycle(c) for c in conditions]).T

    def distance(rate, momentum, smallest):
        curvatures = jnp.stack([smallest, jnp.ones_like(smallest)])
        path = jd.descend(
            lambda x: 0.5 * jnp.sum(curvatures * x**2),
            jnp.ones(2),
            jd.heavy_ball(rate, momentum),
            config.rate_steps,
            record=lambda point: jnp.max(jnp.abs(point.params)),
        )
        return path.record

    with jax.enable_x64(True):
        lanes = map(jnp.asarray, (rate, momentum, 1 / conditions))
        measured = analysis.contraction_rate(np.asarray(jax.jit(jax.vmap(distance))(*lanes)), FLOOR)
    descent = np.asarray(1 - analysis.tuned_gd(1 / conditions, 1.0).rate)
    tuned = np.asarray(1 - analysis.tuned_heavy_ball(1 / conditions, 1.0).rate)
    return {
        "conditions": conditions,
        "measured": (1 - np.asarray(measured)) / descent,
        "exact": (1 - worst_rate(rate, momentum, 1 / conditions)) / descent,
        "tuned": tuned / descent,
    }
