"""LightBench's own results: what 27 optimizers solved, and in how many trials.

Each level of a family has the number of the trial that solved it; below 0 the trials that did not,
1,000 but for some that ran out of time; 0 where an easier level had failed and none was made. The
numbers are those of one seed, of at most 1,000 trials that a sampler chose by the losses so far:
its first settings are the same for every optimizer.

Reference: benchmark_results.md, of 20 June 2025, in the folder benchmark of HeavyBall at commit
955f061, github.com/HomebrewML/HeavyBall; the same file in github.com/HomebrewML/LightBench.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdescent.report_card.encoding import decoded
from jdescent.report_card.lightbench.task import LEVELS

RECORD = Path(__file__).with_suffix(".json")


@functools.cache
def _record() -> Mapping[str, Any]:
    return decoded(RECORD)


def summary() -> Mapping[str, tuple[int, int, float]]:
    """Of each optimizer the tasks solved, all that are counted, and the mean of its trials.

    Example:
        >>> solved, counted, trials = summary()["AdamW"]
        >>> print(solved, counted, trials)
        107 148 107.791
    """
    return {name: tuple(row) for name, row in _record()["summary"].items()}


def details(optimizer: str) -> Mapping[str, int]:
    """The trials of each task, those that failed below 0.

    Raises:
        ValueError: an optimizer that is not in the table.

    Example:
        >>> print(details("Muon")["plateau_navigation-easy"], details("Muon")["beale-trivial"])
        2 -1000
    """
    if optimizer not in _record()["details"]:
        there = ", ".join(_record()["details"])
        raise ValueError(f"LightBench's table has no {optimizer!r}: it has {there}")
    return {
        f"{family}-{level}": trials
        for family, row in _record()["details"][optimizer].items()
        for level, trials in zip(LEVELS, row, strict=False)
        if trials is not None
    }
