"""What one learns: a model, data to learn from and to be evaluated by, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Array, PRNGKeyArray, PyTree

from experiments.common.number import Baseline
from jdescent.batches import Sampler


@dataclass(frozen=True)
class Result:
    """A score on held-out data beside that of a baseline, and what a person can read.

    Attributes:
        score: of the trained model, on data that it was not trained on.
        baseline: what is reached with little or no learning, on the same data.
        against: what that is: "majority class", "chance", "from scratch".
        best: the best of simple methods, on the same data; it may be better than the model.
        unit: of both scores: "accuracy", "bits per character".
        higher_is_better: whether a larger score is a better one.
        shown: lines such as neighbors of words, retrieved sentences or sampled text.
        more: further numbers by name, such as p-values or scores of other baselines.
    """

    score: float
    baseline: float
    against: str
    best: Baseline
    unit: str
    higher_is_better: bool
    shown: tuple[str, ...] = ()
    more: dict[str, float] = field(default_factory=dict)


class Model(NamedTuple):
    """First parameters from a key, and what the parameters make of an input."""

    start: Callable[[PRNGKeyArray], PyTree]
    predict: Callable[..., Array]


class Data(NamedTuple):
    """Batches to train on, and the worth of trained parameters on what was held out."""

    batches: Sampler
    evaluate: Callable[[PyTree], Result]
