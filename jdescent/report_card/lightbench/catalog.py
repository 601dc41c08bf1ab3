"""All families that are here, and why the others are not."""

import functools
from collections.abc import Mapping

from jdescent.report_card.lightbench.bowls import bowls
from jdescent.report_card.lightbench.changing import changing
from jdescent.report_card.lightbench.surfaces import surfaces
from jdescent.report_card.lightbench.task import Family, Task
from jdescent.report_card.lightbench.unreachable import unreachable

LEFT_OUT: Mapping[str, str] = {
    "xor_digit": "recurrent nets for up to 100,000 steps a trial",
    "xor_digit_rnn": "as xor_digit",
    "xor_sequence": "as xor_digit",
    "xor_sequence_rnn": "as xor_digit",
    "xor_spot": "as xor_digit",
    "xor_spot_rnn": "as xor_digit",
    "noisy_matmul": "a million products and half a million random numbers a step and layer",
    "sparse_gradient": "solved by how few of 65,536 coordinates a step happens to show",
    "gradient_delay": "described as old gradients, computed as losses of parameters that were "
    "changed in place since: which gradient that is hangs on the library",
}


@functools.cache
def families() -> tuple[Family, ...]:
    """Those that are rebuilt."""
    return (*surfaces(), *bowls(), *changing(), *unreachable())


def tasks() -> tuple[Task, ...]:
    """Every level of each."""
    return tuple(Task(family, level) for family in families() for level in family.levels)


def task(family: str, level: str = "trivial") -> Task:
    """A task by its names.

    Raises:
        ValueError: there is none of that name.

    Example:
        >>> print(task("saddle_point", "hard").family.says)
        10 + x² − y² ≤ 0.1 from x = y = 0.1 … 0
    """
    by_name = {found.name: found for found in families()}
    if family not in by_name:
        raise ValueError(f"there is no family {family!r}: there are {', '.join(by_name)}")
    if level not in by_name[family].levels:
        there = ", ".join(by_name[family].levels)
        raise ValueError(f"{family} has no level {level!r}: it has {there}")
    return Task(by_name[family], level)
