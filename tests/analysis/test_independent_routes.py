"""Every function of `jdescent.analysis` by another route, over the whole range it promises.

Closed forms are compared with arithmetic of 60 digits that starts from what defines them: one step
of the method as a matrix, the stationary equation, a sum, a polynomial. Arguments are drawn at
random over many decades, in float32 and float64, by NumPy and by JAX. What is allowed is `ulps`
roundings of the result, and what rounding the arguments named in `rounded` does to it: a product
such as ηλ must be rounded once, and near a zero or a limit of the result that is all one sees.
"""

import inspect
import itertools
import re
import zlib
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from jdescent import analysis
from jdescent.analysis import absorbing_chain, inputs

DRAWS = 24
D = Decimal
ZERO = D(0)


@pytest.fixture(autouse=True)
def sixty_digits():
    with localcontext(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN):
        yield


# --- random arguments -----------------------------------------------------------------------------


def decades(low, high):
    return lambda draw, dtype: 10.0 ** draw.uniform(low, high, DRAWS)


def negative_decades(low, high):
    return lambda draw, dtype: -(10.0 ** draw.uniform(low, high, DRAWS))


def momenta(draw, dtype):
    """0, 0.9 and up to 1 − 1e-9; to 1 − 1e-6 in float32, which ends at 1 − 6e-8."""
    closest = -6 if dtype == np.float32 else -9
    drawn = 1 - 10.0 ** draw.uniform(closest, 0, DRAWS)
    drawn[:3] = 0.0, 0.9, 1 - 10.0**closest
    return drawn


def whole(low, high):
    return lambda draw, dtype: np.rint(10.0 ** draw.uniform(np.log10(low), np.log10(high), DRAWS))


class Case(NamedTuple):
    draw: dict[str, Callable]
    reference: Callable
    rounded: tuple[str, ...] = ()
    ulps: float = 8.0
    scaled: Callable | None = None  # arguments made to fit each other


# --- 60 digits ------------------------------------------------------------------------------------


def vanishing(determinant):
    """The argument at which a determinant that is linear in it is 0."""
    at_0, at_1 = determinant(D(0)), determinant(D(1))
    return at_0 / (at_0 - at_1)


def flips(update):
    """Where an eigenvalue of one step's matrix [[a, b], [c, d]] is −1: det(A + 1) = 0."""

    def determinant(unknown):
        (a, b), (c, d) = update(unknown)
        return (a + 1) * (d + 1) - b * c

    return vanishing(determinant)


def spectral_radius(update):
    (a, b), (c, d) = update
    half, determinant = (a + d) / 2, a * d - b * c
    discriminant = half**2 - determinant
    return abs(half) + discriminant.sqrt() if discriminant > 0 else determinant.sqrt()


def heavy_ball(rate, curvature, momentum, dampening=ZERO):
    kick = rate * curvature * (1 - dampening)
    return (1 - kick, momentum), (-kick, momentum)


def nesterov(rate, curvature, momentum):
    return (1 - rate * curvature * (1 + momentum), -rate * momentum**2), (curvature, momentum)


def decoupled(rate, curvature, momentum, decay):
    return (1 - rate * (decay + curvature), -rate * momentum), (curvature, momentum)


def solve(matrix, right):
    """Gauss–Jordan elimination with pivoting, in whatever arithmetic the entries have."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = max(range(column, len(rows)), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(len(rows)):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [x - factor * y for x, y in zip(rows[row], rows[column], strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


def stationary_variance(update, kick, noise):
    """P₁₁ of P = APAᵀ + σ²bbᵀ."""
    (a, b), (c, d) = update
    matrix = [
        [1 - a * a, -2 * a * b, -b * b],
        [-a * c, 1 - a * d - b * c, -b * d],
        [-c * c, -2 * c * d, 1 - d * d],
    ]
    u, v = kick
    return solve(matrix, [noise * u * u, noise * u * v, noise * v * v])[0]


def shuffled_variance(learning_rate, curvature, noise_variance, batches):
    """The noise of an epoch has the covariance σ²m/(m−1)·(I − 11ᵀ/m); xₘ = rᵐx₀ − ηΣ rʲξⱼ."""
    r, m = 1 - learning_rate * curvature, int(batches)
    weights = [r**j for j in range(m)]
    mean = sum(weights) / m
    centered = sum((w - mean) ** 2 for w in weights)
    return learning_rate**2 * noise_variance * m / (m - 1) * centered / (1 - r ** (2 * m))


def chebyshev(steps, smallest, largest):
    """1/T_t((κ+1)/(κ−1)) with T_t(x) = cosh(t arcosh x)."""
    x = (largest + smallest) / (largest - smallest)
    folds = steps * (x + (x * x - 1).sqrt()).ln()
    return 2 / (folds.exp() + (-folds).exp())


def saddle_roots(learning_rate, curvature, momentum):
    total = 1 + momentum - learning_rate * curvature
    split = (total**2 - 4 * momentum).sqrt()
    return (total + split) / 2, (total - split) / 2


def saddle_spread(learning_rate, curvature, noise_variance, momentum):
    """Kick by kick: hₖ = (r^{k+1} − r₋^{k+1})/(r − r₋) is what is left of one after k steps.

    Var x_t/r^{2t} = η²σ² Σ hₖ²/r^{2t}, whose limit is that of the growing root's geometric sum.
    """
    growing, damped = saddle_roots(learning_rate, curvature, momentum)
    return (
        learning_rate
        * (noise_variance * growing**2 / ((growing - damped) ** 2 * (growing**2 - 1))).sqrt()
    )


def grown(distance, learning_rate, curvature, momentum):
    """Of a start at rest, x₀ = x₋₁: the coefficient of rᵗ."""
    growing, damped = saddle_roots(learning_rate, curvature, momentum)
    return distance * growing * (1 - damped) / (growing - damped)


def saddle_steps(distance, threshold, learning_rate, curvature, momentum):
    growing, _ = saddle_roots(learning_rate, curvature, momentum)
    start = grown(distance, learning_rate, curvature, momentum)
    return ((threshold / start).ln() / growing.ln()).to_integral_value("ROUND_CEILING")


EULER = D("0.577215664901532860606512090082402431042159335939923598805767")
PI = D("3.14159265358979323846264338327950288419716939937510582097494459")


def noisy_steps(threshold, learning_rate, curvature, noise_variance, momentum):
    folds = saddle_roots(learning_rate, curvature, momentum)[0].ln()
    apart = threshold / saddle_spread(learning_rate, curvature, noise_variance, momentum)
    mean = (apart.ln() + (EULER + D(2).ln()) / 2) / folds + D("0.5")
    return mean, (PI**2 / 8 / folds**2 + D(1) / 12).sqrt()


def error_function(x):
    """By its series, whose terms are e^{x²} at most: 60 digits leave 40 for |x| < 6."""
    term, total, n = x, x, 0
    while abs(term) > D("1e-58"):
        n += 1
        term *= -x * x / n
        total += term / (2 * n + 1)
    return 2 * total / PI.sqrt()


def saddle_survival(steps, threshold, learning_rate, curvature, noise_variance, momentum, distance):
    growing, _ = saddle_roots(learning_rate, curvature, momentum)
    scale = saddle_spread(learning_rate, curvature, noise_variance, momentum) * D(2).sqrt()
    center = grown(distance, learning_rate, curvature, momentum)
    edge = threshold * (-steps * growing.ln()).exp()
    near, far = (edge - center) / scale, (edge + center) / scale
    if abs(near) > 6:
        return D(1) if near > 0 else None
    return (error_function(near) + error_function(min(far, D(8)))) / 2


# --- the table of closed forms --------------------------------------------------------------------

CURVATURE = decades(-6, 6)
BOWL = {"smallest": CURVATURE, "largest": CURVATURE}


def ordered(arguments):
    """Condition numbers from 1 to 1e12, and some near 1."""
    smallest, ratio = arguments["smallest"], np.geomspace(1e-12, 1e12, DRAWS)
    largest = smallest * (1 + ratio.astype(smallest.dtype))
    return {**arguments, "largest": np.maximum(largest, np.nextafter(smallest, np.inf))}


def below(limit, **fixed):
    """Learning rates from 1e-9 of the limit to 0.999 of it."""

    def scaled(arguments):
        names = [n for n in inspect.signature(limit).parameters if n in arguments]
        largest = limit(**{name: arguments[name].astype(float) for name in names}, **fixed)
        dtype = arguments["curvature"].dtype
        return {**arguments, "learning_rate": (arguments["learning_rate"] * largest).astype(dtype)}

    return scaled


def fractions(draw, dtype):
    return np.append(10.0 ** draw.uniform(-9, 0, DRAWS - 8), 1 - 10.0 ** draw.uniform(-3, 0, 8))


METHOD = {"learning_rate": fractions, "curvature": CURVATURE}
NOISE = {"noise_variance": decades(-6, 6)}
SADDLE = {"learning_rate": decades(-9, 1), "curvature": negative_decades(-4, 1)}


def little_noise(arguments):
    """Noise whose spread is from 1e-9 to 0.3 of the threshold."""
    spread = analysis.saddle_spread(
        *(arguments[name].astype(float) for name in ("learning_rate", "curvature")),
        1.0,
        arguments["momentum"].astype(float),
    )
    deviation = arguments["noise_variance"] * arguments["threshold"].astype(float) / spread
    dtype = arguments["curvature"].dtype
    return {**arguments, "noise_variance": (deviation**2).astype(dtype)}


def around_leaving(arguments):
    """Times at which the survival falls, from starts on the saddle and starts beside it."""
    arguments = little_noise(arguments)
    dtype = arguments["curvature"].dtype
    known = {name: arguments[name].astype(float) for name in arguments}
    names = ("learning_rate", "curvature", "noise_variance", "momentum")
    spread = analysis.saddle_spread(*(known[name] for name in names))
    growth = saddle_log_growth(known)
    steps = np.maximum(1, np.rint(known["steps"] * np.log(known["threshold"] / spread) / growth))
    distance = (known["distance"] * spread).astype(dtype)
    return {**arguments, "steps": steps.astype(dtype), "distance": distance}


def saddle_log_growth(known):
    rows = zip(known["learning_rate"], known["curvature"], known["momentum"], strict=True)
    return np.array([float(saddle_roots(*map(D, row))[0].ln()) for row in rows])


def apart(arguments):
    """Starts from 1e-9 of the threshold to just below it."""
    return {**arguments, "distance": arguments["distance"] * arguments["threshold"]}


CLOSED_FORMS = {
    "gd_limit": Case(
        {"curvature": CURVATURE},
        lambda curvature: vanishing(lambda rate: 2 - rate * curvature),
    ),
    "heavy_ball_limit": Case(
        {"curvature": CURVATURE, "momentum": momenta, "dampening": momenta},
        lambda curvature, momentum, dampening: flips(
            lambda rate: heavy_ball(rate, curvature, momentum, dampening)
        ),
    ),
    "ema_momentum_limit": Case(
        {"curvature": CURVATURE, "momentum": momenta},
        lambda curvature, momentum: flips(
            lambda rate: (
                (1 - rate * (1 - momentum) * curvature, -rate * momentum),
                ((1 - momentum) * curvature, momentum),
            )
        ),
    ),
    "nesterov_limit": Case(
        {"curvature": CURVATURE, "momentum": momenta},
        lambda curvature, momentum: flips(lambda rate: nesterov(rate, curvature, momentum)),
    ),
    "sgdw_limit": Case(
        {"curvature": CURVATURE, "momentum": momenta, "weight_decay": decades(-6, 3)},
        lambda curvature, momentum, weight_decay: flips(
            lambda rate: decoupled(rate, curvature, momentum, weight_decay)
        ),
    ),
    "adamw_limit": Case(
        {"preconditioned_curvature": CURVATURE, "b1": momenta, "weight_decay": decades(-6, 3)},
        lambda preconditioned_curvature, b1, weight_decay: flips(
            lambda rate: decoupled(rate, (1 - b1) * preconditioned_curvature, b1, weight_decay)
        ),
    ),
    "rmsprop_critical_sharpness": Case(
        {"learning_rate": CURVATURE},
        lambda learning_rate: vanishing(lambda sharpness: 2 - learning_rate * sharpness),
    ),
    "adam_critical_sharpness": Case(
        {"learning_rate": CURVATURE, "b1": momenta},
        lambda learning_rate, b1: flips(
            lambda sharpness: heavy_ball(learning_rate, (1 - b1) * sharpness, b1)
        ),
    ),
    "nadam_critical_sharpness": Case(
        {"learning_rate": CURVATURE, "b1": momenta},
        lambda learning_rate, b1: flips(
            lambda sharpness: nesterov(learning_rate, (1 - b1) * sharpness, b1)
        ),
    ),
    "gd_rate": Case(
        {"learning_rate": decades(-9, 1), "curvature": decades(-1, 1)},
        lambda learning_rate, curvature: spectral_radius(
            ((1 - learning_rate * curvature, D(0)), (D(0), D(0)))
        ),
        ("learning_rate",),
    ),
    "heavy_ball_rate": Case(
        {"learning_rate": decades(-9, 1), "curvature": decades(-1, 1), "momentum": momenta},
        lambda learning_rate, curvature, momentum: spectral_radius(
            heavy_ball(learning_rate, curvature, momentum)
        ),
        ("learning_rate",),
    ),
    "nesterov_rate": Case(
        {"learning_rate": decades(-9, 1), "curvature": decades(-1, 1), "momentum": momenta},
        lambda learning_rate, curvature, momentum: spectral_radius(
            nesterov(learning_rate, curvature, momentum)
        ),
        ("learning_rate",),
    ),
    "tuned_gd": Case(
        BOWL,
        lambda smallest, largest: (
            2 / (smallest + largest),
            D(0),
            (largest / smallest - 1) / (largest / smallest + 1),
        ),
        scaled=ordered,
    ),
    "tuned_heavy_ball": Case(
        BOWL,
        lambda smallest, largest: (
            4 / (smallest.sqrt() + largest.sqrt()) ** 2,
            (((largest / smallest).sqrt() - 1) / ((largest / smallest).sqrt() + 1)) ** 2,
            ((largest / smallest).sqrt() - 1) / ((largest / smallest).sqrt() + 1),
        ),
        scaled=ordered,
    ),
    "standard_nesterov": Case(
        BOWL,
        lambda smallest, largest: (
            1 / largest,
            ((largest / smallest).sqrt() - 1) / ((largest / smallest).sqrt() + 1),
            1 - (smallest / largest).sqrt(),
        ),
        scaled=ordered,
    ),
    "tuned_nesterov": Case(
        BOWL,
        lambda smallest, largest: (
            4 / (3 * largest + smallest),
            ((3 * largest / smallest + 1).sqrt() - 2) / ((3 * largest / smallest + 1).sqrt() + 2),
            1 - 2 / (3 * largest / smallest + 1).sqrt(),
        ),
        scaled=ordered,
    ),
    "chebyshev_bound": Case(
        {"steps": whole(1, 1e6), **BOWL}, chebyshev, ("steps",), scaled=ordered
    ),
    "sgd_variance": Case(
        {**METHOD, **NOISE},
        lambda learning_rate, curvature, noise_variance: (
            learning_rate**2 * noise_variance / (1 - (1 - learning_rate * curvature) ** 2)
        ),
        ("learning_rate",),
        scaled=below(analysis.gd_limit),
    ),
    "heavy_ball_variance": Case(
        {**METHOD, "momentum": momenta, **NOISE},
        lambda learning_rate, curvature, momentum, noise_variance: stationary_variance(
            heavy_ball(learning_rate, curvature, momentum),
            (-learning_rate, -learning_rate),
            noise_variance,
        ),
        ("learning_rate",),
        scaled=below(analysis.heavy_ball_limit),
    ),
    "nesterov_variance": Case(
        {**METHOD, "momentum": momenta, **NOISE},
        lambda learning_rate, curvature, momentum, noise_variance: stationary_variance(
            nesterov(learning_rate, curvature, momentum),
            (-learning_rate * (1 + momentum), D(1)),
            noise_variance,
        ),
        ("learning_rate",),
        scaled=below(analysis.nesterov_limit),
    ),
    "epoch_shuffled_variance": Case(
        {**METHOD, **NOISE, "batches": whole(2, 400)},
        shuffled_variance,
        ("learning_rate",),
        scaled=below(analysis.gd_limit),
    ),
    "temperature": Case(
        {
            "learning_rate": decades(-9, 1),
            **NOISE,
            "batch_size": whole(1, 1e9),
            "momentum": momenta,
        },
        lambda learning_rate, noise_variance, batch_size, momentum: (
            learning_rate * noise_variance / (2 * batch_size * (1 - momentum))
        ),
    ),
    "kramers_time": Case(
        {
            "well_curvature": CURVATURE,
            "barrier_curvature": negative_decades(-6, 6),
            "barrier_height": decades(-3, 1.5),
            "temperature": decades(-0.3, 2),
        },
        lambda well_curvature, barrier_curvature, barrier_height, temperature: (
            2
            * PI
            / (-well_curvature * barrier_curvature).sqrt()
            * (barrier_height / temperature).exp()
        ),
        ("barrier_height",),
    ),
    "saddle_growth": Case(
        {**SADDLE, "momentum": momenta},
        lambda learning_rate, curvature, momentum: saddle_roots(learning_rate, curvature, momentum)[
            0
        ],
    ),
    "saddle_spread": Case(
        {**SADDLE, **NOISE, "momentum": momenta}, saddle_spread, ("learning_rate",)
    ),
    "saddle_steps": Case(
        {"distance": fractions, "threshold": decades(-3, 3), **SADDLE, "momentum": momenta},
        saddle_steps,
        ("learning_rate", "threshold"),
        scaled=apart,
    ),
    "noisy_saddle_steps": Case(
        {
            "threshold": decades(-3, 3),
            **SADDLE,
            "noise_variance": decades(-9, -0.6),
            "momentum": momenta,
        },
        noisy_steps,
        ("learning_rate", "threshold"),
        scaled=little_noise,
    ),
    "saddle_survival": Case(
        {
            "steps": lambda draw, dtype: draw.uniform(0.8, 1.6, DRAWS),
            "threshold": decades(-1, 1),
            **SADDLE,
            "noise_variance": decades(-6, -0.6),
            "momentum": momenta,
            "distance": lambda draw, dtype: draw.uniform(0, 4, DRAWS) * (np.arange(DRAWS) % 2),
        },
        saddle_survival,
        ("steps", "threshold", "distance"),
        scaled=around_leaving,
        ulps=32,
    ),
}


def arguments_of(name, dtype):
    case = CLOSED_FORMS[name]
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = {key: sample(draw, dtype).astype(dtype) for key, sample in case.draw.items()}
    with np.errstate(over="ignore", under="ignore"):
        return case.scaled(drawn) if case.scaled else drawn


def exact(case, row, dtype):
    """The reference and how far it moves when an argument is rounded."""
    eps = D(float(np.finfo(dtype).eps))
    numbers = {key: D(float(value)) for key, value in row.items()}

    def columns(**changed):
        found = case.reference(**{**numbers, **changed})
        return found if isinstance(found, tuple) else (found,)

    right = columns()
    moved = [D(0)] * len(right)
    for key, sign in itertools.product(case.rounded, (-1, 1)):
        other = columns(**{key: numbers[key] * (1 + 2 * sign * eps)})
        if None not in (*right, *other):
            moved = [max(m, abs(a - b)) for m, a, b in zip(moved, right, other, strict=True)]
    return right, moved


def evaluate(name, arguments, library):
    found = getattr(analysis, name)(**{key: library.asarray(x) for key, x in arguments.items()})
    return [np.asarray(column) for column in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_equal_sixty_digits(name, dtype):
    case, arguments = CLOSED_FORMS[name], arguments_of(name, dtype)
    with jax.enable_x64(dtype == np.float64):
        columns = list(zip(*(evaluate(name, arguments, each) for each in (np, jnp)), strict=True))
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    for place in range(DRAWS):
        row = {key: value[place] for key, value in arguments.items()}
        for libraries, value, step in zip(columns, *exact(case, row, dtype), strict=True):
            if value is None:
                continue
            allowed = max(case.ulps * eps * abs(float(value)) + 2 * float(step), tiny)
            for found in libraries:
                assert found.ndim == 0 or found.dtype == dtype
                entry = found if found.ndim == 0 else found[place]
                assert abs(float(D(float(entry)) - value)) <= allowed, (row, entry, float(value))


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_what_is_out_of_range_is_named_or_nan_where_it_is_traced(name):
    function, arguments = getattr(analysis, name), arguments_of(name, np.float32)
    known = {key: float(value[3]) for key, value in arguments.items()}
    traced = jax.jit(function)
    assert np.isfinite(jax.tree.leaves(traced(**known))).all()
    for key, allowed in inputs.ranges(function).items():
        if key not in known:
            continue
        for value in (-1.0, 0.0, 0.5, 1.0, np.nan):
            changed = {**known, key: value}
            if allowed.holds(value) and (not allowed.whole or value == int(value)):
                continue
            with pytest.raises(ValueError, match=rf"{key} must be .*, got {value}"):
                function(**changed)
            assert all(np.isnan(entry) for entry in jax.tree.leaves(traced(**changed)))
        for value in ("0.5", True, None, 0.5j):
            with pytest.raises(TypeError, match=f"{key} must be a real number"):
                function(**{**known, key: value})


# --- within rounding of a limit or a root ---------------------------------------------------------


OF_SIXTY = D("1e-25")  # what 60 digits leave of a double root
NEAR = 4  # roundings by which the learning rate may be off for a promise to hold
EDGES = {
    "gd_rate": lambda curvature: [1 / curvature],
    "heavy_ball_rate": lambda curvature, momentum: [
        (1 - momentum.sqrt()) ** 2 / curvature,
        (1 + momentum.sqrt()) ** 2 / curvature,
    ],
    "nesterov_rate": lambda curvature, momentum: [
        ((1 - momentum) / (1 + momentum)) ** 2 / curvature,
        1 / curvature,
    ],
    "sgd_variance": lambda curvature: [2 / curvature],
    "heavy_ball_variance": lambda curvature, momentum: [2 * (1 + momentum) / curvature],
    "nesterov_variance": lambda curvature, momentum: [
        (2 + 2 * momentum) / (1 + 2 * momentum) / curvature
    ],
    "epoch_shuffled_variance": lambda curvature: [2 / curvature],
}


def edge_arguments(name, dtype):
    """Learning rates up to 12 roundings from where the result is singular, a row at a time."""
    edge, draw = EDGES[name], np.random.default_rng(zlib.crc32(name.encode()))
    samples = {**CLOSED_FORMS[name].draw, "curvature": decades(-2, 2)}
    drawn = {key: sample(draw, dtype).astype(dtype) for key, sample in samples.items()}
    for place in range(DRAWS):
        row = {key: D(float(value[place])) for key, value in drawn.items()}
        for singular in edge(*(row[key] for key in inspect.signature(edge).parameters)):
            off = 1 + float(np.finfo(dtype).eps) * draw.integers(-12, 13)
            rate = dtype(float(singular) * off)
            yield {**{key: value[place] for key, value in drawn.items()}, "learning_rate": rate}


def attained(name, row, dtype):
    """Smallest and largest of the exact results for learning rates up to `NEAR` roundings off."""
    numbers = {key: D(float(value)) for key, value in row.items()}
    rate, off = numbers["learning_rate"], NEAR * D(float(np.finfo(dtype).eps))
    edge = EDGES[name]
    singular = edge(*(numbers[key] for key in inspect.signature(edge).parameters))
    ends = [rate * (1 - off), rate * (1 + off)]
    rates = ends + [s for s in singular if ends[0] < s < ends[1]]
    if "variance" in name:
        rates = [min(r, *singular) for r in rates]
    results = [
        D("inf")
        if "variance" in name and r in singular
        else CLOSED_FORMS[name].reference(**{**numbers, "learning_rate": r})
        for r in rates
    ]
    return min(results), max(results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EDGES)
def test_near_a_singularity_answers_are_exact_for_a_rate_a_few_roundings_away(name, dtype):
    rows = list(edge_arguments(name, dtype))
    arguments = {key: np.array([row[key] for row in rows], dtype) for key in rows[0]}
    with jax.enable_x64(dtype == np.float64):
        columns = [*evaluate(name, arguments, np), *evaluate(name, arguments, jnp)]
    ulps = 8 * D(float(np.finfo(dtype).eps))
    for place, row in enumerate(rows):
        low, high = attained(name, row, dtype)
        for found in columns:
            entry = D(float(found[place]))
            assert low * (1 - ulps) - OF_SIXTY <= entry <= high * (1 + ulps), (
                row,
                entry,
                low,
                high,
            )


# --- statistics, chains and images ----------------------------------------------------------------


def parabola(x):
    return x**2 / 2


def minibatch_limit():
    """Isotropic, one curvature, all of them, and bisection with exact fractions."""
    assert analysis.minibatch_limit([3.0], 1) == pytest.approx(2 / 9, rel=1e-15)
    assert analysis.minibatch_limit([0.5] * 7, 4) == pytest.approx(2 * 4 / (12 * 0.5), rel=1e-14)
    for batch_size in (1, 3, 1000, 10**12, 10**18):
        spectrum = 10.0 ** np.random.default_rng(batch_size % 97).uniform(-9, 6, 12)
        low, high = Fraction(0), 2 / (Fraction(spectrum.max()) * (1 + Fraction(1, batch_size)))
        for _ in range(80):
            middle = (low + high) / 2
            terms = [middle * Fraction(each) / batch_size for each in spectrum]
            total = sum(t / (2 - t * (batch_size + 1)) for t in terms)
            low, high = (middle, high) if total < 1 else (low, middle)
        found = analysis.minibatch_limit(spectrum, batch_size)
        assert abs(Fraction(found) / low - 1) < 1e-14
    assert analysis.minibatch_limit([4.0, 2.0], np.inf) == 0.5
    many = np.geomspace(1e-3, 1, 10**5)
    step = analysis.minibatch_limit(many, 1)
    assert np.sum(step * many / (2 - 2 * step * many)) == pytest.approx(1, rel=1e-11)


def exact_regression(x, y, rate, batch_size, replace):
    """The second moments of least squares in fractions, solved and followed."""
    x = [[Fraction(value) for value in row] for row in x]
    y, rate, n, d = [Fraction(value) for value in y], Fraction(rate), len(x), len(x[0])
    index = range(d)
    gram = [[sum(row[i] * row[j] for row in x) for j in index] for i in index]
    best = solve(gram, [sum(r[i] * t for r, t in zip(x, y, strict=True)) for i in index])
    errors = [
        sum(a * b for a, b in zip(row, best, strict=True)) - t for row, t in zip(x, y, strict=True)
    ]
    hessian = [[2 * gram[i][j] / n for j in index] for i in index]
    share = Fraction(1, batch_size)
    if not replace:
        share *= Fraction(n - batch_size, n - 1)
    matrix, right = [], []
    for i, j in itertools.product(index, index):
        row = []
        for k, m in itertools.product(index, index):
            fourth = 4 * sum(r[i] * r[k] * r[m] * r[j] for r in x) / n
            once = (i == k) * hessian[m][j] + hessian[i][k] * (m == j)
            product = hessian[i][k] * hessian[m][j]
            row.append(once - rate * (product + share * (fourth - product)))
        matrix.append(row)
        noise = 4 * sum(e * e * r[i] * r[j] for e, r in zip(errors, x, strict=True)) / n
        right.append(rate * share * noise)
    second = solve(matrix, right)
    return sum(hessian[i][j] * second[i * d + j] for i, j in itertools.product(index, index)) / 2


def regressions():
    draw = np.random.default_rng(11)
    for n, d in ((3, 1), (4, 2), (5, 2)):
        for spread in (0, 3, 12, 60):
            scale = 10.0 ** draw.uniform(-spread, spread, d)
            yield draw.normal(size=(n, d)) * scale, draw.normal(size=n)


def regression_excess():
    """From steps of 1e-12 of the limit; features in units up to 1e120 apart cost no digits."""
    for x, y in regressions():
        limit = 2 / np.linalg.eigvalsh(2 * x.T @ x / len(x)).max()
        for fraction, size, replace in itertools.product((1e-12, 0.01, 0.2), (1, 2), (True, False)):
            rate = float(fraction * limit)
            found = analysis.regression_excess(x, y, rate, size, replace)
            right = exact_regression(x, y, rate, size, replace)
            condition = np.linalg.cond(x / np.linalg.norm(x, axis=0)) ** 2
            assert np.isfinite(found) or fraction > 1e-12
            if right > 0 and np.isfinite(found):
                assert found == pytest.approx(float(right), rel=1e-14 * condition + 1e-12)
            assert found >= 0
    # all examples: no noise; one example: fitted exactly
    assert analysis.regression_excess(x, y, 0.01 * limit, len(x), replace=False) == 0
    assert analysis.regression_excess([[2.0]], [1.0], 0.1, 1) == pytest.approx(0, abs=1e-30)


def regression_descent():
    """Every sequence of two batches, in fractions."""
    for x, y in itertools.islice(regressions(), 6):
        n, d = x.shape
        rate = 0.3 / np.linalg.eigvalsh(2 * x.T @ x / n).max()
        start = [Fraction(0)] * d
        best = np.linalg.lstsq(x, y)[0]

        def excess(w, x=x, y=y, best=best):
            apart = x @ (np.array(w, float) - best)
            return np.mean(apart**2)

        def moved(w, i, x=x, y=y, rate=rate):
            error = sum(Fraction(a) * b for a, b in zip(x[i], w, strict=True)) - Fraction(y[i])
            kick = 2 * Fraction(rate) * error
            return [b - kick * Fraction(a) for a, b in zip(x[i], w, strict=True)]

        once = [moved(start, i) for i in range(n)]
        twice = [moved(w, i) for w in once for i in range(n)]
        expected = [np.mean([excess(w) for w in group]) for group in ([start], once, twice)]
        found = analysis.regression_descent(x, y, np.zeros(d), float(rate), 1, 2)
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    settled = analysis.regression_descent(x, y, best, float(rate), n, 50, replace=False)
    assert np.all((settled >= 0) & (settled < 1e-25 * np.mean(y**2)))


def quadrature_time():
    """A parabola's error functions; a slope so steep that runs roll down it in Δ/|U'|."""
    for heat, start, threshold in ((2.0, -1.0, 1.5), (0.004, 0.0, 0.8)):

        def integrand(y, heat=heat):
            z = y / np.sqrt(heat)
            return np.sqrt(2 * np.pi / heat) * np.exp(z**2 / 2 + scipy.stats.norm.logcdf(z))

        expected, _ = scipy.integrate.quad(integrand, start, threshold, epsabs=0, epsrel=1e-11)
        found = analysis.quadrature_time(parabola, start, threshold, heat)
        assert found == pytest.approx(expected, rel=1e-9)

    def slope(x):
        return -3 * x + 1e4 * jnp.minimum(x + 1, 0.0) ** 2

    found = analysis.quadrature_time(slope, 0.0, 2.0, 1e-3)
    assert found == pytest.approx(2 / 3, rel=1e-9)
    with pytest.raises(ValueError, match="temperature = 1e-09 is too small"):
        analysis.quadrature_time(slope, 0.0, 2.0, 1e-9)


def gaussian_chain_steps():
    """With ηλ = 1 every step is drawn afresh, whatever its rarity: N = 1/P(step ≥ threshold)."""
    for ends in (1.0, 4.0, 8.5, 20.0, 35.0):
        found = analysis.gaussian_chain_steps(parabola, 0.0, ends, 1.0, 1.0, nodes=200)
        assert found == pytest.approx(1 / scipy.stats.norm.sf(ends), rel=1e-9)
    assert analysis.gaussian_chain_steps(parabola, 0.0, 45.0, 1.0, 1.0, nodes=200) == np.inf


def gaussian_chain_survival():
    """S(t) = (1 − p)ᵗ for independent steps, up to 1e17 of them."""
    for ends in (1.0, 5.0, 8.0):
        p = scipy.stats.norm.sf(ends)
        steps = np.array([0, 1, 2, 1 / p, 3 / p, 20 / p]).astype(np.int64)
        found = analysis.gaussian_chain_survival(parabola, 0.0, ends, 1.0, 1.0, steps, nodes=200)
        np.testing.assert_allclose(found, np.exp(steps * np.log1p(-p)), rtol=1e-9)


def batch_noise():
    """All ordered draws, in fractions."""
    for offsets, size in (([1.0, -1.0], 2), ([0.5, 0.25, -1.0, 3.0], 3), ([1e-5, 1.0, -1.0], 4)):
        found = analysis.batch_noise(offsets, size)
        sums = {}
        for draw in itertools.product(map(Fraction, offsets), repeat=size):
            mean = sum(draw) / size
            sums[mean] = sums.get(mean, 0) + Fraction(1, len(offsets) ** size)
        values = sorted(sums)
        np.testing.assert_allclose(found.values, np.array(values, float), atol=1e-15)
        probabilities = [float(sums[value]) for value in values]
        np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-13)
    assert analysis.batch_noise([0.0, 0.0], 3).values.tolist() == [0.0]


def sampled_chain_steps():
    """Independent steps leave after the geometric time of their probability."""
    for values, probabilities, leaves in (
        ([-1.0, 0.0, 1.0], [0.25, 0.5, 0.25], 0.25),
        ([-1.0, 1e-3], [1e-3, 0.999], 1e-3),
    ):
        noise = analysis.GradientNoise(np.array(values), np.array(probabilities))
        found = analysis.sampled_chain_steps(parabola, 0.0, 0.9, 1.0, noise, 2001)
        assert found == pytest.approx(1 / leaves, rel=1e-6)


def exponential_mean():
    """The interval's ends are the rates at which so few, or so many, escapes are improbable."""
    draw = np.random.default_rng(3)
    for runs, watched, confidence in itertools.product((1, 5, 60), (0.0, 0.1, 3.0), (0.5, 0.95)):
        wait = draw.exponential(1.0, runs)
        times, escaped = np.minimum(wait, watched), wait <= watched
        found = analysis.exponential_mean(times, escaped, confidence)
        total, events, tail = times.sum(), int(escaped.sum()), (1 - confidence) / 2
        assert (found.events, found.censored) == (events, runs - events)
        assert found.low <= found.mean <= found.high
        if total > 0:
            few = scipy.stats.poisson.cdf(events, total / found.low)
            assert few == pytest.approx(tail, rel=1e-9)
        if events:
            assert found.mean == pytest.approx(total / events)
            many = scipy.stats.poisson.sf(events - 1, total / found.high)
            assert many == pytest.approx(tail, rel=1e-9)
        else:
            assert found.mean == found.high == np.inf


def survival_curve():
    """The product over escape times in fractions, and Greenwood's band on ln(−ln S)."""
    draw = np.random.default_rng(4)
    for runs, share in itertools.product((1, 2, 40), (0.0, 0.4, 1.0)):
        times, escaped = draw.integers(0, 12, runs), draw.random(runs) < share
        found = analysis.survival_curve(times, escaped)
        assert np.all(np.diff(found.time) > 0)
        assert found.time[0] == 0
        z = scipy.stats.norm.ppf(0.975)
        for place, now in enumerate(found.time):
            survival, greenwood = Fraction(1), Fraction(0)
            for time in sorted({int(t) for t in times[escaped] if t <= now}):
                at_risk, gone = int(sum(times >= time)), int(sum((times == time) & escaped))
                survival *= 1 - Fraction(gone, at_risk)
                greenwood += Fraction(gone, at_risk * (at_risk - gone) or 1)
            assert found.survival[place] == pytest.approx(float(survival), rel=1e-12)
            ends = found.low[place], found.high[place]
            if survival == 1:
                assert ends == (1, 1)
            elif survival == 0:
                assert np.isnan(ends).all()
            else:
                log = np.log(float(survival))
                width = z * np.sqrt(float(greenwood)) / abs(log)
                expected = np.exp(log * np.exp(width)), np.exp(log * np.exp(-width))
                np.testing.assert_allclose(ends, expected, rtol=1e-9)


def outcome_boundary():
    outcome = np.random.default_rng(5).random((9, 7)) < 0.4
    found = analysis.outcome_boundary(outcome)
    for row, column in np.ndindex(8, 6):
        four = outcome[row : row + 2, column : column + 2]
        assert found[row, column] == (0 < four.sum() < 4)


def box_counts():
    for shape, base in (((64, 64), 2), ((50, 81), 3)):
        mask = np.random.default_rng(6).random(shape) < 0.02
        found = analysis.box_counts(mask, base)
        for size, number in zip(found.sizes, found.counts, strict=True):
            assert number == len({tuple(box) for box in (np.argwhere(mask) // size).tolist()})


def box_dimension():
    dust = np.ones((1, 1), bool)
    for _ in range(5):
        dust = np.kron(dust, np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]])).astype(bool)
    assert analysis.box_dimension(dust, base=3) == pytest.approx(np.log(4) / np.log(3), rel=1e-12)


def flipped_half():
    """A half-plane with an exact number of flips at each distance from its edge."""
    draw, outcome = np.random.default_rng(7), np.arange(64)[:, None] + np.zeros(64) > 31.5
    for distance, flips in ((2, 3), (5, 4), (9, 2)):
        outcome[32 + distance, draw.choice(64, flips, replace=False)] = False
    return outcome


def boundary_surrogates():
    outcome = flipped_half()
    drawn = analysis.boundary_surrogates(outcome, 3)
    straight = np.arange(64)[:, None] + np.zeros(64) > 31.5
    np.testing.assert_array_equal(
        np.sum(drawn != straight, axis=2)[:, [34, 37, 41]], [[3, 4, 2]] * 3
    )
    assert np.sum(drawn != straight) == 3 * 9


def smooth_outcome():
    """A blurred half-plane is the normal distribution of the distance: ½ where it was ½."""
    straight = np.arange(64)[:, None] + np.zeros(64) > 31.5
    np.testing.assert_array_equal(analysis.smooth_outcome(flipped_half()), straight)


def null_dimension():
    """Rows permuted by hand give the same dimensions as the surrogates."""
    outcome, draw = flipped_half(), np.random.default_rng(8)
    found = analysis.null_dimension(outcome, surrogates=399)
    by_hand = []
    for _ in range(399):
        rows = np.array([draw.permutation(row) for row in outcome])
        by_hand.append(analysis.box_dimension(analysis.outcome_boundary(rows)))
    # the median's error is 1.25σ/√399, and 2.5 times that at the ends of the interval
    low, median, high = np.quantile(by_hand, [0.025, 0.5, 0.975])
    error = np.std(by_hand) / np.sqrt(399)
    np.testing.assert_allclose(found.median, median, atol=8 * error)
    np.testing.assert_allclose((found.low, found.high), (low, high), atol=16 * error)
    assert found.smooth == pytest.approx(1)


def contraction_rate():
    """Records c·ρᵗ; a record's rounding in its logarithm, over half its length."""
    factors = np.array([0.3, 0.999, 1.0, 1.2])
    records = 3.0 * factors[:, None] ** np.arange(60.0)
    single = jax.jit(analysis.contraction_rate)(jnp.asarray(records, jnp.float32))
    np.testing.assert_allclose(analysis.contraction_rate(records), factors, rtol=1e-13)
    np.testing.assert_allclose(single, factors, rtol=2e-6)
    rounded = analysis.contraction_rate(records.astype(np.float32))
    np.testing.assert_allclose(rounded, factors, rtol=2e-6)
    late = np.append(np.zeros(30), np.ones(10))
    assert np.isnan(analysis.contraction_rate(late))


def crossing():
    values = np.sort(np.random.default_rng(9).normal(size=20) * 1e3)
    for last in range(19):
        edge = analysis.crossing(values, np.arange(20) <= last)
        middle = (Fraction(values[last]) + Fraction(values[last + 1])) / 2
        assert edge.position == pytest.approx(float(middle), rel=1e-15)
        assert edge.half_width == pytest.approx(float(Fraction(values[last + 1]) - middle))


OTHERS = {
    function.__name__: function
    for function in (
        minibatch_limit,
        regression_excess,
        regression_descent,
        quadrature_time,
        gaussian_chain_steps,
        gaussian_chain_survival,
        batch_noise,
        sampled_chain_steps,
        exponential_mean,
        survival_curve,
        outcome_boundary,
        box_counts,
        box_dimension,
        boundary_surrogates,
        smooth_outcome,
        null_dimension,
        contraction_rate,
        crossing,
    )
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions_equal_another_route(name, as_users_run):
    OTHERS[name]()


COUNTS = {"batch_size", "batches", "steps", "nodes", "surrogates", "number", "base", "seed"}


@pytest.mark.parametrize("name", sorted(CLOSED_FORMS | OTHERS))
def test_counts_are_whole_numbers(name):
    function = getattr(analysis, name)
    counts = COUNTS.intersection(inspect.signature(function).parameters)
    of_entries = {"steps"} if name == "gaussian_chain_survival" else set()  # an array of integers
    for key in counts - of_entries:
        assert inputs.ranges(function)[key].whole, key


# Whose routes, such as dense Hessians and runs of the optimizers, have a file of their own.
ELSEWHERE = {
    "test_curvature": {
        "critical_sharpness",
        "directional_curvature",
        "gauss_newton_operator",
        "gauss_newton_product",
        "hessian_operator",
        "hessian_product",
        "hessian_trace",
        "sharpness",
        "spectral_density",
        "top_eigenpairs",
    },
    "test_preconditioned_sharpness": {"preconditioned_sharpness", "preconditioner"},
    "test_stability": {"largest_stable_rate", "measured_largest_stable_rate"},
    "test_stability_limits": {"lookahead_limit", "optimistic_limit", "schedule_free_limit"},
    "test_adam_cycles": {"adam_cycle"},
    "test_heavy_ball_cycles": {"heavy_ball_cycle_margin"},
}


def test_every_public_function_has_a_route():
    functions = sorted(n for n in analysis.__all__ if inspect.isfunction(getattr(analysis, n)))
    assert functions == sorted([*CLOSED_FORMS, *OTHERS, *itertools.chain(*ELSEWHERE.values())])


@pytest.mark.parametrize("file", ELSEWHERE)
def test_routes_elsewhere_are_there(file):
    words = (Path(__file__).parent / f"{file}.py").read_text(encoding="utf-8")
    assert all(re.search(rf"\b{name}\b", words) for name in ELSEWHERE[file])


def test_mean_steps_equal_exact_fractions_where_leaving_is_rare():
    """A walk of 80 states that drifts back: (I − K)h = 1 in fractions, relative to every entry."""
    for forward in (Fraction(1, 2), Fraction(1, 8), Fraction(1, 4096)):
        n = 80
        kernel = [[Fraction(0)] * n for _ in range(n)]
        for i in range(n):
            kernel[i][max(i - 1, 0)] += 1 - forward
            if i + 1 < n:
                kernel[i][i + 1] += forward
        leaving = [Fraction(0)] * (n - 1) + [forward]
        ahead = [1 / forward]
        for _ in range(n - 1):
            ahead.append((1 - forward) / forward * ahead[-1] + 1 / forward)
        right = [sum(ahead[i:]) for i in range(n)]
        found = absorbing_chain.mean_steps(np.array(kernel, float), np.array(leaving, float))
        np.testing.assert_allclose(found, np.array(right, float), rtol=1e-12)
