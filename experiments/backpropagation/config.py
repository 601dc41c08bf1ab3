"""The six networks of the backpropagation experiment, and the sizes of its runs."""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from experiments.backpropagation import theory
from experiments.common.digits import Digits, Examples, split_digits
from jdescent import plotting


class Start(NamedTuple):
    """How a network is drawn: weights N(0, weight_variance/fan-in), biases N(0, bias_variance)."""

    is_tanh: bool
    weight_variance: float
    bias_variance: float


FATES = ("vanishing", "balanced", "exploding")


COLORS = dict(zip(FATES, plotting.CYCLE[:3], strict=True))


BIAS_VARIANCE = 0.05  # of the tanh networks, as Schoenholz et al. have it


WEIGHT_VARIANCES = {
    "relu": (1.0, 2.0, 4.0),
    "tanh": (1.0, theory.tanh_critical(BIAS_VARIANCE), 4.0),
}


STARTS = {
    (name, fate): Start(name == "tanh", variance, BIAS_VARIANCE if name == "tanh" else 0.0)
    for name, variances in WEIGHT_VARIANCES.items()
    for fate, variance in zip(FATES, variances, strict=True)
}


def start_arrays() -> tuple[Array, Array, Array]:
    """The fields of all starts, each as an array to map over."""
    is_tanh, weight_variances, bias_variances = zip(*STARTS.values(), strict=True)
    return jnp.array(is_tanh), jnp.array(weight_variances), jnp.array(bias_variances)


@dataclass(frozen=True)
class Config:
    """Sizes of the backpropagation experiment."""

    depth: int = 50
    """Layers of every network, the readout included; at least 3."""
    signal_seeds: int = 24
    """Networks of each kind whose error signals are measured; at least 2."""
    signal_examples: int = 32
    """Digits that those networks are shown."""
    training_seeds: int = 3
    """Networks of each kind that are trained; at least 2."""
    training_steps: int = 200
    """Steps of each training."""
    batch: int = 32
    """Digits in a step's batch."""
    learning_rate: float = 3e-3
    """First rate of Nesterov's method with momentum 0.95; it falls to zero along a cosine."""

    def __post_init__(self) -> None:
        for name, least in {"depth": 3, "signal_seeds": 2, "training_seeds": 2}.items():
            if (value := getattr(self, name)) < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")


QUICK = Config(signal_seeds=6, training_seeds=2, training_steps=100)


def standardized_digits() -> Digits:
    """All digits, less the training pictures' mean pixel and divided by their deviation."""
    train, test = split_digits()
    mean, deviation = train[0].mean(), train[0].std()

    def standardize(examples: Examples) -> Examples:
        pictures, labels = examples
        return (pictures - mean) / deviation, labels

    return Digits(standardize(train), standardize(test))
