"""The error signal of every layer, and the hand-written backward pass beside `jax.grad`."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from matplotlib.axes import Axes

from experiments.blame import theory
from experiments.blame.network import DeepNetwork, backward, deep_network, logits, tanh_or_relu
from experiments.blame.settings import (
    COLORS,
    FATES,
    STARTS,
    Config,
    standardized_digits,
    start_arrays,
)
from experiments.learners.digits import PIXELS, Examples
from experiments.learners.seeds import mean_interval
from experiments.report import Number, Numbers
from jdescent import losses, plotting

FINITE_WIDTH = 5 / (4 * PIXELS)
ROUNDING = {name: float(np.finfo(name).eps) for name in ("float64", "float32")}
PRECISION_COLORS = {"float64": plotting.COLORS["purple"], "float32": plotting.COLORS["orange"]}


class Signals(NamedTuple):
    """Norms at every layer, the readout last.

    Attributes:
        signals: ‖∂L/∂z_l‖ of each example.
        gradients: ‖∂L/∂W_l‖ of each example.
        float64, float32: ‖by hand − jax.grad‖/‖jax.grad‖ of ∂L/∂W_l of all, in that precision.
        own_rounding: the same of jax.grad in float32 and jax.grad in float64.
    """

    signals: Float[Array, "*networks layers examples"]
    gradients: Float[Array, "*networks layers examples"]
    float64: Float[Array, "*networks layers"]
    float32: Float[Array, "*networks layers"]
    own_rounding: Float[Array, "*networks layers"]

    @property
    def sizes(self) -> Float[np.ndarray, "*networks layers"]:
        """‖∂L/∂z_l‖ over all examples together."""
        return np.linalg.norm(self.signals, axis=-1)

    @property
    def gradient_sizes(self) -> Float[np.ndarray, "*networks layers"]:
        """‖∂L/∂W_l‖: the root of the sum of its squares over the examples."""
        return np.linalg.norm(self.gradients, axis=-1)

    @property
    def shares(self) -> Float[np.ndarray, "*networks layers"]:
        """Every layer's part of the squared ‖∂L/∂W‖."""
        squares = self.gradient_sizes**2
        return squares / squares.sum(axis=-1, keepdims=True)


def all_signals(config: Config) -> dict[tuple[str, str], Signals]:
    """The signals of `signal_seeds` networks from each start."""
    pictures, labels = standardized_digits().train
    examples = pictures[: config.signal_examples], labels[: config.signal_examples]
    keys = jax.random.split(jax.random.key(0), config.signal_seeds)

    @jax.jit
    def measure_all(starts: tuple[Array, Array, Array]) -> Signals:
        def measure(start):
            return lax.map(lambda key: signals_of(start, key, examples, config.depth), keys)

        return lax.map(measure, starts)

    measured = measure_all(start_arrays())
    return {
        kind: jax.tree.map(lambda array, i=i: np.asarray(array[i]), measured)
        for i, kind in enumerate(STARTS)
    }


def signals_of(
    start: tuple[Array, Array, Array], key: PRNGKeyArray, examples: Examples, depth: int
) -> Signals:
    """One network, its weights rounded to float32, so that both precisions have the same."""
    is_tanh, weight_variance, bias_variance = start
    activation = tanh_or_relu(is_tanh)
    automatic = jax.grad(losses.cross_entropy(lambda p, x: logits(p, x, activation)))
    drawn = deep_network(key, depth, weight_variance, bias_variance)
    narrow, narrow_examples = cast((drawn, examples), jnp.float32)
    wide = cast(narrow, jnp.float64)
    blame = backward(wide, examples, activation)
    exact = automatic(wide, examples)
    narrow_automatic = automatic(narrow, narrow_examples)
    narrow_by_hand = backward(narrow, narrow_examples, activation).gradient
    hidden = jnp.linalg.norm(blame.signals, axis=-1)
    signals = jnp.append(hidden, jnp.linalg.norm(blame.last_signal, axis=-1)[None], axis=0)
    return Signals(
        signals,
        gradients=signals * jnp.linalg.norm(blame.inputs, axis=-1),  # ∂L/∂W = x δᵀ has rank 1
        float64=relative_difference(blame.gradient, exact),
        float32=relative_difference(narrow_by_hand, narrow_automatic),
        own_rounding=relative_difference(cast(narrow_automatic, jnp.float64), exact),
    )


def cast(tree: PyTree, dtype: DTypeLike) -> PyTree:
    """Every floating array of the tree in another precision."""
    return jax.tree.map(
        lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree
    )


def relative_difference(one: DeepNetwork, other: DeepNetwork) -> Float[Array, " layers"]:
    return weight_norms(jax.tree.map(jnp.subtract, one, other)) / weight_norms(other)


def weight_norms(network: DeepNetwork) -> Float[Array, " layers"]:
    hidden = jnp.sqrt(jnp.sum(network.hidden.weights**2, axis=(1, 2)))
    return jnp.append(hidden, jnp.sqrt(jnp.sum(network.readout.weights**2)))


def signal_numbers(measured: dict[tuple[str, str], Signals], config: Config) -> Numbers:
    found = {}
    for (name, fate), signals in measured.items():
        start = STARTS[name, fate]
        found[f"{name}_{fate}_signal_factor"] = factor_number(
            f"the error signal, {name}, {fate}",
            signals.sizes,
            theory.signal_sizes(*start, config.depth),
            FINITE_WIDTH,
        )
        found[f"{name}_{fate}_gradient_factor"] = factor_number(
            f"the weight gradient (signal times input), {name}, {fate}",
            signals.gradient_sizes,
            np.sqrt(theory.gradient_shares(*start, config.depth)),
            2 * FINITE_WIDTH,
        )
    found["relu_drift"] = drift_number(measured["relu", "balanced"], config)
    for precision, epsilon in ROUNDING.items():
        worst = max(float(getattr(signals, precision).max()) for signals in measured.values())
        found[f"by_hand_{precision}"] = Number(
            worst, 0.0, config.depth * epsilon,
            f"largest ‖by hand − jax.grad‖/‖jax.grad‖ of any layer's ∂L/∂W in {precision}, all "
            "networks; tolerance: one rounding error a layer",
        )  # fmt: skip
    return found


def factor_number(
    what: str,
    sizes: Float[np.ndarray, "seeds layers"],
    predicted: Float[np.ndarray, " layers"],
    part: float,
) -> Number:
    rise, interval = mean_interval(per_layer(np.log(sizes)))
    factor = float(np.exp(per_layer(np.log(predicted))))
    return Number(
        float(np.exp(rise)), factor, part * factor,
        f"by what a layer multiplies the norm of {what}, on its way back: geometric mean over "
        f"layers and networks; tolerance: {part:.2g} of theory, which is for infinite width, as 64 "
        f"relu units multiply one example's signal by {FINITE_WIDTH:.2g} less on average",
        (float(np.exp(interval[0])), float(np.exp(interval[1]))),
    )  # fmt: skip


def per_layer(logs: Float[np.ndarray, "*seeds layers"]) -> Float[np.ndarray, "*seeds"]:
    """By how much the logarithm rises a layer, from the last one to the first."""
    return (logs[..., 0] - logs[..., -1]) / (logs.shape[-1] - 1)


def drift_number(signals: Signals, config: Config) -> Number:
    layers = config.depth - 2
    hidden = np.log(signals.signals[:, :-1]).mean(axis=-1)
    drift, interval = mean_interval(2 * per_layer(hidden))
    return Number(
        drift, theory.relu_drift(PIXELS), 3 * np.sqrt(5 / (PIXELS * layers * config.signal_seeds)),
        "what a layer of 64 relu units adds to the log of an example's squared error signal, "
        "balanced; 0 for infinite width; tolerance: three standard errors of the mean of networks "
        "whose logs spread by √(5/64) a layer",
        interval,
    )  # fmt: skip


def draw_signals(axes: Axes, name: str, measured: dict[tuple[str, str], Signals]) -> None:
    for fate in FATES:
        sizes = measured[name, fate].sizes
        predicted = theory.signal_sizes(*STARTS[name, fate], sizes.shape[1])
        draw_bands(axes, sizes / sizes[:, -1:], predicted, fate)
    axes.set(ylabel=r"$\|\delta_l\|\ /\ \|\delta_L\|$")


def draw_shares(axes: Axes, name: str, measured: dict[tuple[str, str], Signals]) -> None:
    for fate in FATES:
        shares = measured[name, fate].shares
        predicted = theory.gradient_shares(*STARTS[name, fate], shares.shape[1])
        draw_bands(axes, shares, predicted, fate)
    axes.set(ylabel=r"share of $\|\partial L/\partial W\|^2$")


def draw_bands(axes: Axes, rows: np.ndarray, predicted: np.ndarray, fate: str) -> None:
    """Median of the networks, the band in which four in five of them lie, and theory."""
    layers = np.arange(1, rows.shape[1] + 1)
    low, middle, high = np.quantile(rows, [0.1, 0.5, 0.9], axis=0)
    axes.fill_between(layers, low, high, color=COLORS[fate], alpha=0.25, linewidth=0)
    axes.plot(layers, middle, color=COLORS[fate])
    plotting.theory(axes, layers, predicted, label=None)
    axes.set(yscale="log", xlabel="layer $l$")


def name_starts(axes: Axes, name: str, places: Mapping[str, tuple[float, float]]) -> None:
    for fate, place in places.items():
        words = rf"{fate}, $\sigma_w^2={STARTS[name, fate].weight_variance:.3g}$"
        plotting.note(axes, place, words, COLORS[fate])


def draw_differences(axes: Axes, measured: dict[tuple[str, str], Signals]) -> None:
    def worst(what):
        largest = np.max([getattr(one, what) for one in measured.values()], axis=(0, 1))
        return np.where(largest > 0, largest, np.nan)

    gray = plotting.COLORS["gray"]
    layers = np.arange(1, len(worst("float64")) + 1)
    for precision, epsilon in ROUNDING.items():
        axes.plot(layers, worst(precision), color=PRECISION_COLORS[precision])
        plotting.theory(axes, layers, np.full(len(layers), epsilon), label=None)
        words = f"by hand against jax.grad, {precision}"
        plotting.note(axes, (1, 60 * epsilon), words, PRECISION_COLORS[precision])
    axes.plot(layers, worst("own_rounding"), color=gray)
    plotting.note(axes, (1, 0.2), "jax.grad, float32 against float64", gray)
    axes.set(yscale="log", ylim=(3e-17, 30), xlabel="layer $l$", ylabel="relative difference")
