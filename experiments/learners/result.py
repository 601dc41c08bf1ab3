"""What a trained model is worth."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """A score on held-out data beside that of a baseline, and what a person can read.

    Attributes:
        score: of the trained model, on data that it was not trained on.
        baseline: of the named baseline, on the same data.
        against: what the baseline is: "majority class", "5-gram", "chance".
        unit: of both scores: "accuracy", "bits per character".
        higher_is_better: whether a larger score is a better one.
        shown: lines such as neighbors of words, retrieved sentences or sampled text.
        more: further numbers by name, such as p-values or scores of other baselines.
    """

    score: float
    baseline: float
    against: str
    unit: str
    higher_is_better: bool
    shown: tuple[str, ...] = ()
    more: dict[str, float] = field(default_factory=dict)
