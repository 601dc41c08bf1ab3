"""What one learns: a model, and data to learn from and to be judged by."""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, PRNGKeyArray, PyTree

from experiments.one_loop.result import Result
from jdescent.batches import Sampler


class Model(NamedTuple):
    """First parameters from a key, and what the parameters make of an input."""

    start: Callable[[PRNGKeyArray], PyTree]
    predict: Callable[..., Array]


class Data(NamedTuple):
    """Batches to train on, and the worth of trained parameters on what was held out."""

    batches: Sampler
    evaluate: Callable[[PyTree], Result]
