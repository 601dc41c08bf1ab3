"""The sizes of the table, and of the language model in it."""

import math
from dataclasses import dataclass, field
from typing import Annotated

from tyro.conf import Suppress

from experiments.one_loop import fine_tuning, language_model


@dataclass(frozen=True)
class Config:
    """Eight learners and how long they learn."""

    seeds: int = 3
    """Trainings of each, from other first parameters on other batches; 2 or more."""
    effort: float = 1.0
    """Share of the steps to take. From 1 on, what is learned must beat what it promises to."""
    language: Annotated[language_model.Settings, Suppress] = field(
        default_factory=language_model.Settings
    )
    second: Annotated[fine_tuning.Settings, Suppress] = field(default_factory=fine_tuning.Settings)

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError(f"seeds={self.seeds}: an interval needs 2 or more")
        if not 0 < self.effort < math.inf:
            raise ValueError(f"effort={self.effort} must be above 0, and finite")


QUICK = Config(seeds=2, effort=0.02, language=language_model.QUICK, second=fine_tuning.QUICK)
