"""A step in two dimensions, written out for each parameter: the same rule with its own numbers.

What stands behind the equals sign is what the optimizer returned.
"""

import math
from dataclasses import dataclass

from jdescent_playground.catalog import METHODS
from jdescent_playground.numbers import BRIEF, bracketed, brief
from jdescent_playground.runs import Row, Run


@dataclass(frozen=True)
class Components:
    """One step: its rule in symbols (HTML), and a line of numbers a parameter."""

    rule: str
    lines: tuple[str, ...]


def components(run: Run, step: int) -> Components:
    """The step that leaves the point `step` of a run.

    Example:
        >>> from jdescent_playground.runs import Setup, compute
        >>> from jdescent_playground.surfaces import SURFACES
        >>> bowl = SURFACES["bowl-2-4"]
        >>> setup = Setup(bowl.task, "", {"learning_rate": 0.1}, (-3.0, 2.0), bowl.parameters)
        >>> for setup in (setup.but(method="sgd"), setup.but(method="adam")):
        ...     print(*components(compute(setup), 0).lines, sep="   ")
        −0.10·(−6.00) = 0.60   −0.10·8.00 = −0.80
        −0.10·(−6.00)/6.00 = 0.10   −0.10·8.00/8.00 = −0.10
    """
    setup, row = run.setup, run.row(step)
    settings = {**METHODS[setup.method].defaults, **setup.settings}
    after = _memory_after(run, row)
    plain = setup.clip is None and not settings.get("nesterov") and not settings.get("dampening")
    results = [brief(update) for update in row.update]
    slopes = [bracketed(slope, BRIEF) for slope in row.gradient]
    eta = f"−{brief(row.rate)}"
    if plain and setup.method in ("sgd", "optax.sgd") and settings["momentum"] is None:
        sides = [f"{eta}·{slope}" for slope in slopes]
        return _written("−η·g", sides, results)
    if plain and setup.method == "heavy_ball":
        beta = brief(float(settings["momentum"] or 0.0))
        sides = [
            f"{beta}·{bracketed(v, BRIEF)} − {eta[1:]}·{slope}"
            for v, slope in zip(row.memory["velocity"], slopes, strict=True)
        ]
        return _written("β·v − η·g", sides, results)
    if setup.clip is None and setup.method == "adam" and after:
        taken = row.step + 1
        debias = [1 - float(settings[name] or 0.0) ** taken for name in ("b1", "b2")]
        sides = [
            f"{eta}·{bracketed(m / debias[0], BRIEF)}/{brief(math.sqrt(v / debias[1]))}"
            for m, v in zip(after["m"], after["v"], strict=True)
        ]
        return _written("−η·m̂/√v̂", sides, results)
    sides = [f"slope {brief(slope)}, step" for slope in row.gradient]
    lines = tuple(f"{side} {result}" for side, result in zip(sides, results, strict=True))
    return Components("", lines)


def _written(rule: str, sides: list[str], results: list[str]) -> Components:
    lines = tuple(f"{side} = {result}" for side, result in zip(sides, results, strict=True))
    return Components(rule, lines)


def _memory_after(run: Run, row: Row) -> dict[str, list[float]]:
    """The optimizer's memories after the step: those of the next point."""
    following = min(row.step + 1, len(run.loss) - 1)
    return {
        name: values[following].tolist() for name, values in run.memory.items() if values.ndim > 1
    }
