"""The error signal of every layer, and the hand-written backward pass beside `jax.grad`."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from matplotlib.axes import Axes

from experiments.backpropagation import theory
from experiments.backpropagation.config import (
    COLORS,
    FATES,
    STARTS,
    Config,
    standardized_digits,
    start_arrays,
)
from experiments.backpropagation.network import (
    DeepNetwork,
    backward,
    deep_network,
    logits,
    tanh_or_relu,
)
from experiments.common import number
from experiments.common.digits import PIXELS, Examples
from experiments.common.number import Numbers
from experiments.common.statistics import geometric_mean
from jdescent import losses, plotting

MEANINGS = {
    "signal": "error signal",
    "gradient": "weight gradient (signal times input)",
}
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
        rise = theory.finite_width_rise(
            *STARTS[name, fate], config.depth, PIXELS, mean_squares(config.signal_examples)
        )
        for what, norms, predicted in (
            ("signal", signals.signals, rise.signal),
            ("gradient", signals.gradients, rise.gradient),
        ):
            factor = geometric_mean(np.exp(rise_of_examples(np.asarray(norms))))
            found[f"{name}_{fate}_{what}_factor"] = number.sampled_theory(
                factor,
                math.exp(predicted),
                f"{config.signal_seeds} networks and of theory's {theory.WALKS} draws",
                f"by what a layer of {PIXELS} units multiplies the norm of one example's "
                f"{MEANINGS[what]}, {name}, {fate}, on its way back: geometric mean over layers, "
                "examples and networks",
                error=math.hypot(factor.error, rise.error * factor.value),
            )
    for precision, epsilon in ROUNDING.items():
        worst = max(float(getattr(signals, precision).max()) for signals in measured.values())
        found[f"by_hand_{precision}"] = number.exact(
            worst,
            0.0,
            config.depth * epsilon,
            "one rounding error a layer",
            f"largest ‖by hand − jax.grad‖/‖jax.grad‖ of any layer's ∂L/∂W in {precision}, all "
            "networks",
            scale=1.0,
        )
    return found


def mean_squares(count: int) -> tuple[float, ...]:
    """Of the pictures that the networks are shown."""
    pictures, _ = standardized_digits().train
    return tuple(np.mean(np.asarray(pictures[:count], float) ** 2, axis=1).tolist())


def rise_of_examples(
    norms: Float[np.ndarray, "seeds layers examples"],
) -> Float[np.ndarray, " seeds"]:
    """By how much ln ‖·‖ of an example rises a layer, from the last one to the first, on average.

    Left aside are examples that a network is so sure of that their error rounds to 0.
    """
    felt = norms[:, -1] > 0
    logs = np.log(np.where(felt[:, None], norms, 1.0))
    rises = (logs[:, 0] - logs[:, -1]) / (norms.shape[1] - 1)
    return np.sum(rises, axis=-1) / np.sum(felt, axis=-1)


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
