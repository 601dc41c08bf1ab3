"""How long gradient noise takes to push a run over a barrier: Kramers' law and exact answers.

The iterate x ← x − η(U'(x) + ξ), Var ξ = σ²/B, diffuses with temperature T = ησ²/(2B), one step
lasting the time η. Three predictions of the mean first-passage time, ever closer to the run:

- `kramers_time`: the law for T → 0, one exponential;
- `quadrature_time`: exact for the continuous-time Langevin equation at any T;
- `gaussian_chain_steps`, `sampled_chain_steps`: exact for the discrete iteration.

A run escapes upwards, at the first step with x ≥ threshold. Put the threshold deep in the target
basin: at the barrier top half of the runs fall back, and checking only at steps shifts a threshold
outwards by 0.58·√(2ηT). For an escape to the left mirror the potential: `lambda x: U(-x)`.

Temperature and Kramers' law are elementwise arithmetic; the exact answers are NumPy float64
computations whatever JAX's default precision, and take the potential as a function of one scalar
that JAX can differentiate.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import jax
import numpy as np
import scipy
from jaxtyping import Array, Float, Int

from jdescent._jax import enable_x64
from jdescent.analysis import absorbing_chain
from jdescent.analysis.inputs import (
    BATCH,
    FINITE,
    NON_NEGATIVE,
    POSITIVE,
    Momentum,
    Negative,
    NonNegative,
    Positive,
    Reals,
    checked,
    count,
    elementwise,
    floats,
    namespace,
    require,
    require_vector,
    vector,
)

Potential = Callable[..., Reals]

# Below the well, occupation beyond U − U(start) = 40T is e⁻⁴⁰ = 4e-18: under float64 rounding.
NEGLIGIBLE_RISE = 40.0
# Large steps spread the discrete chain wider than that; ten step deviations more hold it for every
# ηU'' up to 1.9.
STEP_DEVIATIONS = 10.0
MOST_NOISE_VALUES = 4096
SAME_SUM = 1e-10  # of the largest offset: 4,096 roundings are 1e-12
MOST_LOST = 1e-6  # of the probability of a step; the quadrature loses 1e-9 of it
MOST_SAMPLED_STEPS = 1e9
KRYLOV_DIMENSION = 500
PANELS = 64
MOST_PANELS = 4096
QUADRATURE_TOLERANCE = 1e-9
PANEL_NODES = 16


@elementwise
def temperature(
    learning_rate: Positive,
    noise_variance: Positive,
    batch_size: Annotated[Reals, BATCH] = 1,
    momentum: Momentum = 0.0,
) -> Reals:
    """Temperature of SGD's diffusion.

    T = ησ² / (2B(1−β))

    Args:
        learning_rate: η > 0; any shape.
        noise_variance: σ² > 0, of one example's gradient.
        batch_size: B ≥ 1, a whole number, drawn with replacement; infinity for no noise. Without
            replacement from n examples multiply T by (n−B)/(n−1); epoch shuffling correlates steps
            and has no such T.
        momentum: β in [0, 1) of the heavy ball.

    Returns:
        T, elementwise.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(temperature(0.1, 40 / 3, batch_size=4), 6)
        0.166667

    Reference:
        Mandt, Hoffman & Blei, *Stochastic Gradient Descent as Approximate Bayesian Inference*,
        2017.
    """
    return learning_rate * noise_variance / 2 / batch_size / (1 - momentum)


@elementwise
def kramers_time(
    well_curvature: Positive,
    barrier_curvature: Negative,
    barrier_height: NonNegative,
    temperature: Positive,
) -> Reals:
    """Mean escape time over one barrier in the limit of small temperature.

    τ = 2π/√(U''_a·|U''_b|) · e^{ΔU/T};  in steps, N = τ/η

    Args:
        well_curvature: U''_a > 0 at the minimum; any shape.
        barrier_curvature: U''_b < 0 at the barrier top.
        barrier_height: ΔU ≥ 0, the top's loss minus the minimum's.
        temperature: T > 0.

    Returns:
        τ in units of learning rate × steps, elementwise; relative error O(T).

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> steps = kramers_time(2.5, -1.5, 1 / 3, temperature(0.1, 40 / 3, batch_size=4)) / 0.1
        >>> print(f"{steps:.1f}")
        239.7

    Reference:
        Kramers, *Brownian motion in a field of force and the diffusion model of chemical
        reactions*, 1940; Hänggi, Talkner & Borkovec, *Reaction-rate theory: fifty years after
        Kramers*, 1990.
    """
    xp = namespace(well_curvature, barrier_curvature, barrier_height, temperature)
    attempt_time = 2 * xp.pi / xp.sqrt(well_curvature) / xp.sqrt(-barrier_curvature)
    # in two factors, so that neither overflows where their product with the time does not
    root = xp.exp(barrier_height / temperature / 2)
    return attempt_time * root * root


@checked
def quadrature_time(
    potential: Potential,
    start: Annotated[float, FINITE],
    threshold: Annotated[float, FINITE],
    temperature: Annotated[float, POSITIVE],
) -> float:
    """Exact mean first-passage time of dx = −U'(x) dt + √(2T) dW from start up to threshold.

    τ = (1/T) ∫_{start}^{threshold} e^{U(y)/T} ∫_{−∞}^{y} e^{−U(z)/T} dz dy

    Composite Gauss–Legendre quadrature in logarithms, so that neither factor overflows.

    Args:
        potential: U, a function of one scalar that rises without bound to the left.
        start: where runs begin.
        threshold: where they end, above start.
        temperature: T > 0.

    Returns:
        τ in units of learning rate × steps; inf beyond e⁷⁰⁹.

    Raises:
        ValueError: threshold not above start, T not positive, a potential that does not rise by
            40T to the left, or one so large everywhere that its differences lose their digits.

    Example:
        >>> def U(x): return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4
        >>> f"{quadrature_time(U, -1.0, 1.0, temperature(0.1, 40 / 3, batch_size=4)) / 0.1:.1f}"
        '283.5'

    Reference:
        Gardiner, *Handbook of Stochastic Methods*, 1985, section 5.2.7.
    """
    finest = QUADRATURE_TOLERANCE * temperature
    lowest = _lowest_visited(potential, start, threshold, temperature, finest)
    coarse, panels = np.nan, PANELS
    while panels <= MOST_PANELS:
        log_time = _log_quadrature_time(potential, lowest, start, threshold, temperature, panels)
        if abs(log_time - coarse) <= QUADRATURE_TOLERANCE:
            with np.errstate(over="ignore"):
                return float(np.exp(log_time))
        coarse, panels = log_time, 4 * panels
    raise ValueError(
        f"temperature = {temperature:g} is too small for this potential: {MOST_PANELS} panels do "
        "not resolve its exponentials; in this limit the run follows the gradient flow down to a "
        "valley, and leaves it as kramers_time says"
    )


def _log_quadrature_time(
    potential: Potential,
    lowest: float,
    start: float,
    threshold: float,
    temperature: float,
    panels: int,
) -> float:
    def log_integral(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        z, weight = _gauss_legendre(left, right, PANEL_NODES)
        return scipy.special.logsumexp(-_values(potential, z) / temperature, axis=-1, b=weight)

    tail = np.linspace(lowest, start, panels + 1)
    edge = np.linspace(start, threshold, panels + 1)
    sides = np.concatenate((tail[:-1], edge[:-1])), np.concatenate((tail[1:], edge[1:]))
    to_edge = np.logaddexp.accumulate(log_integral(*sides))[panels - 1 : -1]
    y, weight = _gauss_legendre(edge[:-1], edge[1:], PANEL_NODES)
    to_y = np.logaddexp(
        to_edge[:, None], log_integral(np.broadcast_to(edge[:-1, None], y.shape), y)
    )
    log_time = scipy.special.logsumexp(_values(potential, y) / temperature + to_y, b=weight)
    return log_time - np.log(temperature)


@checked
def gaussian_chain_steps(
    potential: Potential,
    start: Annotated[float, FINITE],
    threshold: Annotated[float, FINITE],
    learning_rate: Annotated[float, POSITIVE],
    gradient_variance: Annotated[float, POSITIVE],
    nodes: Annotated[int, count(1)] = 500,
) -> float:
    """Exact mean number of steps of x ← x − η(U'(x) + ξ), ξ ~ N(0, σ²/B), until x ≥ threshold.

    h(x) = 1 + ∫_{y<threshold} k(x, y) h(y) dy, i.e. h = (I − K)⁻¹1 (Nyström, Gauss–Legendre)

    Args:
        potential: U, a function of one scalar that JAX can differentiate.
        start: where runs begin.
        threshold: where they end, above start.
        learning_rate: η > 0.
        gradient_variance: σ²/B > 0, of one step's gradient.
        nodes: quadrature nodes; the error falls exponentially, 500 is ample for a kernel wider
            than 1/100 of the valley.

    Returns:
        The mean number of steps, with as many digits for 1e300 steps as for 10; inf beyond.

    Raises:
        ValueError: an argument is outside its range, the potential does not rise by 40T to the
            left, the nodes are too few for the kernel's width, or steps overshoot to its left.

    Example:
        >>> def U(x): return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4
        >>> f"{gaussian_chain_steps(U, -1.0, 1.0, 0.1, 40 / 3 / 4):.1f}"
        '276.1'

    Reference:
        Kemeny & Snell, *Finite Markov Chains*, 1960, section 3.2; Nyström's method: Atkinson,
        *The Numerical Solution of Integral Equations of the Second Kind*, 1997, chapter 4.
    """
    chain = _gaussian_chain(potential, start, threshold, learning_rate, gradient_variance, nodes)
    remaining = absorbing_chain.mean_steps(chain.kernel, chain.leaving)
    reached = chain.from_start > 0
    return float(1 + chain.from_start[reached] @ remaining[reached])


@checked
def gaussian_chain_survival(
    potential: Potential,
    start: Annotated[float, FINITE],
    threshold: Annotated[float, FINITE],
    learning_rate: Annotated[float, POSITIVE],
    gradient_variance: Annotated[float, POSITIVE],
    steps: Int[Array, " times"] | Int[np.ndarray, " times"],
    nodes: Annotated[int, count(1)] = 500,
) -> Float[np.ndarray, " times"]:
    """Exact P(x < threshold at every one of the first t steps) of the chain with Gaussian noise.

    S(t) = (Kᵗ1)(start), by repeated squaring of K; it tends to a multiple of e^{−t/N}

    Args:
        potential: U, a function of one scalar that JAX can differentiate.
        start: where runs begin.
        threshold: where they end, above start.
        learning_rate: η > 0.
        gradient_variance: σ²/B > 0, of one step's gradient.
        steps: t ≥ 0, integers, shape (times,) with times ≥ 1.
        nodes: quadrature nodes (see `gaussian_chain_steps`).

    Returns:
        S at each t, float64, shape (times,).

    Raises:
        ValueError: as `gaussian_chain_steps`, or a negative t.

    Example:
        >>> def U(x): return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4
        >>> gaussian_chain_survival(U, -1.0, 1.0, 0.1, 40 / 3 / 4, np.array([0, 276])).round(3)
        array([1.   , 0.367])
    """
    require_vector("steps", steps, "times")
    times = np.asarray(steps)
    if times.dtype.kind not in "iu":
        raise TypeError(f"steps must be integers, got {times.dtype}")
    require("steps", times, count(0))
    chain = _gaussian_chain(potential, start, threshold, learning_rate, gradient_variance, nodes)
    after_first = np.maximum(times.astype(np.int64) - 1, 0)
    stays = absorbing_chain.survival(chain.kernel, chain.leaving, after_first)
    return np.where(times == 0, 1.0, chain.from_start @ stays)


class GradientNoise(NamedTuple):
    """A discrete distribution of gradient noise: its values and their probabilities."""

    values: np.ndarray
    probabilities: np.ndarray


@checked
def batch_noise(
    offsets: Sequence[float] | Float[Array, " examples"] | Float[np.ndarray, " examples"],
    batch_size: Annotated[int, count(1)],
) -> GradientNoise:
    """Exact distribution of the mean of B offsets drawn with replacement from a data set.

    A data set with losses U(x) + cᵢx has gradients U'(x) + cᵢ: cᵢ are the offsets. Equal sums are
    merged, so offsets on a lattice (such as ±c and 0) give few values.

    Args:
        offsets: cᵢ, one per example, shape (examples,). Their mean should be 0: it tilts U.
        batch_size: B ≥ 1.

    Returns:
        The distinct batch means, ascending, and their probabilities.

    Raises:
        ValueError: no offsets, B below 1, or more than 4,096 distinct sums (then the noise is
            close to Gaussian: use `gaussian_chain_steps`).

    Example:
        >>> noise = batch_noise(np.array([-1.0, 0.0, 0.0, 1.0]), batch_size=2)
        >>> print(noise.values, noise.probabilities * 16)
        [-1.  -0.5  0.   0.5  1. ] [1. 4. 6. 4. 1.]
    """
    offsets = vector("offsets", offsets, "examples")
    scale = float(np.abs(offsets).max()) or 1.0
    single, single_probability = _merged(offsets / scale, np.full(offsets.size, 1 / offsets.size))
    total, probability = np.zeros(1), np.ones(1)
    for _ in range(batch_size):
        total, probability = _merged(
            np.add.outer(total, single).ravel(),
            np.multiply.outer(probability, single_probability).ravel(),
        )
        if total.size > MOST_NOISE_VALUES:
            raise ValueError(
                f"offsets give more than {MOST_NOISE_VALUES} distinct sums: round them to a "
                "lattice, or use gaussian_chain_steps"
            )
    # a mean is not above the largest, nor does it overflow where that does not
    mean = np.clip(total / batch_size, single[0], single[-1])
    return GradientNoise(mean * scale, probability)


def _merged(values: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums that differ by rounding alone as one."""
    order = np.argsort(values)
    values, probabilities = values[order], probabilities[order]
    first = np.append(0, 1 + np.flatnonzero(np.diff(values) > SAME_SUM))
    return values[first], np.add.reduceat(probabilities, first)


@checked
def sampled_chain_steps(
    potential: Potential,
    start: Annotated[float, FINITE],
    threshold: Annotated[float, FINITE],
    learning_rate: Annotated[float, POSITIVE],
    noise: GradientNoise,
    nodes: Annotated[int, count(2)] = 16384,
) -> float:
    """Mean number of steps of x ← x − η(U'(x) + ξ) with discrete noise, until x ≥ threshold.

    h(x) = 1 + Σ_v p(v) h(x − ηU'(x) − ηv), h = 0 from the threshold on

    h jumps wherever a noise value starts to reach the threshold, so high-order interpolation
    does not apply. Linear interpolation on a grid of spacing Δ solves, exactly, a chain that is
    rounded at random to a neighboring node: this keeps the mean and adds at most Δ²/4 (Δ²/6 on
    average) to each step's variance s² = η²·Var ξ. The relative error is therefore about
    −(ΔU/T)·Δ²/(6s²), below 1e-5 for the example's potential up to 1e5 steps.

    Args:
        potential: U, a function of one scalar that JAX can differentiate.
        start: where runs begin.
        threshold: where they end, above start.
        learning_rate: η > 0.
        noise: values and probabilities of one step's gradient noise (see `batch_noise`).
        nodes: grid points.

    Returns:
        The mean number of steps, for means up to about 1e8.

    Raises:
        ValueError: an argument is outside its range, the potential does not rise by 40T to the
            left, the nodes are too few for the noise, or the linear solver does not converge.
        TypeError: the noise is no `GradientNoise`.

    Example:
        >>> def U(x): return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4
        >>> offsets = 2 * np.sqrt(10) * np.array([1, 0, 0, 0, 0, -1])
        >>> f"{sampled_chain_steps(U, -1.0, 1.0, 0.1, batch_noise(offsets, 4)):.1f}"
        '276.0'

    Reference:
        Kemeny & Snell, *Finite Markov Chains*, 1960, section 3.2.
    """
    noise = _distribution(noise)
    variance = float(noise.probabilities @ noise.values**2)
    heat = float(temperature(learning_rate, variance))
    width = learning_rate * np.sqrt(variance)
    lowest = _lowest_visited(potential, start, threshold, heat, heat) - STEP_DEVIATIONS * width
    grid, spacing = np.linspace(lowest, threshold, nodes, retstep=True)
    _require_resolution(nodes, 4 * spacing, width)

    def transitions(x: np.ndarray) -> scipy.sparse.csr_array:
        drift = x - learning_rate * _values(jax.grad(potential), x)
        target = drift[:, None] - learning_rate * noise.values
        weight = np.where(target < threshold, noise.probabilities, 0.0)
        place = np.clip((target - lowest) / spacing, 0, nodes - 1)
        node = np.minimum(place.astype(np.int64), nodes - 2)
        right = place - node
        row = np.broadcast_to(np.arange(x.size)[:, None], node.shape)
        entries = np.concatenate((weight * (1 - right), weight * right), axis=None)
        indices = np.concatenate((row, row), axis=None), np.concatenate((node, node + 1), axis=None)
        return scipy.sparse.csr_array((entries, indices), shape=(x.size, nodes))

    system = scipy.sparse.eye_array(nodes, format="csr") - transitions(grid)
    remaining, failed = scipy.sparse.linalg.gmres(
        system, np.ones(nodes), rtol=1e-9, restart=KRYLOV_DIMENSION, maxiter=2
    )
    steps = float(1 + (transitions(np.array([start])) @ remaining)[0])
    if failed or not 1 <= steps <= MOST_SAMPLED_STEPS:
        raise ValueError(
            f"GMRES did not converge in {2 * KRYLOV_DIMENSION} iterations: the mean is above about "
            "1e8 steps, or the learning rate is so small that the noise is Gaussian in effect; "
            "use gaussian_chain_steps, or kramers_time"
        )
    return steps


def _distribution(noise: GradientNoise) -> GradientNoise:
    if not isinstance(noise, GradientNoise):
        raise TypeError(
            "noise must be a GradientNoise of values and their probabilities, as batch_noise gives "
            f"it, got {type(noise).__name__}: pass GradientNoise(values, probabilities)"
        )
    values = vector("noise.values", noise.values, "values")
    probabilities = floats("noise.probabilities", noise.probabilities, NON_NEGATIVE)
    total = float(np.sum(probabilities))
    if values.shape != probabilities.shape or abs(total - 1) > 1e-9:
        raise ValueError(
            "noise must hold one probability for each value, with the sum 1, got shapes "
            f"{values.shape} and {probabilities.shape}, sum {total}"
        )
    return GradientNoise(values, probabilities)


class _GaussianChain(NamedTuple):
    """Probabilities among the nodes, and of reaching the threshold from each, in one step."""

    kernel: np.ndarray
    leaving: np.ndarray
    from_start: np.ndarray


def _gaussian_chain(
    potential: Potential,
    start: float,
    threshold: float,
    learning_rate: float,
    gradient_variance: float,
    nodes: int,
) -> _GaussianChain:
    heat = float(temperature(learning_rate, gradient_variance))
    width = learning_rate * float(np.sqrt(gradient_variance))
    visited = _lowest_visited(potential, start, threshold, heat, heat)
    lowest = visited - STEP_DEVIATIONS * width
    node, weight = _gauss_legendre(np.asarray(lowest), np.asarray(threshold), nodes)
    _require_resolution(nodes, np.pi * (threshold - lowest) / (2 * nodes), width)
    x = np.append(node, start)
    drift = x - learning_rate * _values(jax.grad(potential), x)
    normal = np.exp(-0.5 * ((node - drift[:, None]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    kernel = normal * weight
    leaving, stays = scipy.special.ndtr(np.array([[1], [-1]]) * (drift - threshold) / width)
    found = kernel.sum(axis=1)
    lost = stays - found
    worst = np.argmax(np.where(x >= visited, lost, 0))
    if lost[worst] > MOST_LOST:
        raise ValueError(
            f"learning_rate = {learning_rate:g} overshoots: a step from x = {x[worst]:.3g} goes to "
            f"{drift[worst]:.3g}, to the left of where runs are followed ({lowest:.3g}); lower it, "
            "or the threshold"
        )
    # what the quadrature makes of a row is off by 1e-9 of it; a rare escape would drown in that
    kernel *= (stays / np.where(found > 0, found, 1))[:, None]
    return _GaussianChain(kernel[:-1], leaving[:-1], kernel[-1])


def _require_resolution(nodes: int, spacing: float, width: float) -> None:
    if spacing > width:
        enough = int(np.ceil(nodes * spacing / width))
        raise ValueError(
            f"nodes = {nodes} are too few for steps of standard deviation {width:.3g}: pass "
            f"nodes={enough} or more"
        )


def _lowest_visited(
    potential: Potential, start: float, threshold: float, temperature: float, finest: float
) -> float:
    """A point left of the start that diffusion never passes: U rises by 40T on the way to it.

    Differences of U that are to be told apart are given by `finest`.
    """
    if not start < threshold:
        raise ValueError(
            f"threshold must be above start, got start={start}, threshold={threshold}; for an "
            "escape to the left mirror the potential: lambda x: U(-x)"
        )
    candidates = start - (threshold - start) * np.geomspace(1 / 64, 1024, 256)
    rise = _float64(potential, np.append(candidates, start))
    _require_digits(float(rise[-1]), start, finest)
    high_enough = rise[:-1] - rise[-1] >= NEGLIGIBLE_RISE * temperature
    if not high_enough.any():
        raise ValueError(
            f"potential must rise by {NEGLIGIBLE_RISE:g}·temperature = "
            f"{NEGLIGIBLE_RISE * temperature:.3g} to the left of start={start}, but it does not: "
            "runs can leave that way"
        )
    return float(candidates[np.argmax(high_enough)])


def _require_digits(level: float, start: float, finest: float) -> None:
    """Only differences of a potential count: its level must leave them their digits."""
    grain = float(np.spacing(abs(level)))
    if grain > finest:
        raise ValueError(
            f"potential is {level:.6g} at start={start:g}, where float64 tells values {grain:.2g} "
            f"apart, but this needs {finest:.2g}: subtract the level from the potential, which "
            "changes no time"
        )


def _gauss_legendre(
    left: np.ndarray, right: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on each interval [left, right], along a new last axis."""
    node, weight = _unit_gauss_legendre(nodes)
    half = (right - left)[..., None] / 2
    return (left[..., None] + half) + half * node, half * weight


_unit_gauss_legendre = functools.cache(scipy.special.roots_legendre)


def _values(function: Callable[..., Reals], x: np.ndarray) -> np.ndarray:
    """`_float64`, refused where it is not a number."""
    values = _float64(function, x)
    if np.isnan(values).any():
        raise ValueError(
            f"potential, or its derivative, is not a number at x = {x[np.isnan(values)][0]:.6g}: "
            "it must be defined from the start to the threshold, and to the left as far as runs go"
        )
    return values


def _float64(function: Callable[..., Reals], x: np.ndarray) -> np.ndarray:
    """Values of a scalar JAX function at every entry of x, in float64 whatever JAX's default."""
    try:
        with enable_x64(True):
            values = np.asarray(jax.vmap(function)(x.ravel()))
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
        raise TypeError(
            "potential must be written with jax.numpy, as in jnp.exp(x) or jnp.where(x > 0, a, b), "
            "and not with NumPy, math, float() or if, for which its traced x is no number"
        ) from error
    if values.shape != (x.size,):
        raise ValueError(
            f"potential must give one number for one number, got shape {values.shape[1:]}"
        )
    return values.reshape(x.shape)
