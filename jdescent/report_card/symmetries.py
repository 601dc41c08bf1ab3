"""Symmetries: which changes of the loss or of the coordinates an optimizer does not notice.

A loss f̃(y) = k·f(T·y + s) is descended from T⁻¹(x₀ − s), and its path is carried back by T·y + s.
Where the optimizer does not notice, it is the path on f, to rounding. Scales are also tried with
another learning rate, η·kᵖ: gradient descent makes up for k with p = −1, Adam needs nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import linalg

from jdescent._jax import enable_x64
from jdescent.plotting import COLORS
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Panel, Part
from jdescent.report_card.subject import Subject
from jdescent.report_card.trial import SIZE, STEPS, distance, trial, walk

NAME = "symmetries"
TITLE = "Symmetries"

FACTOR = 7.0  # of a scale; no power of two, so that what is exact is not so by chance
# Of the descent, where there is no default, or it leaves: so large that a decay shows.
RATES = (0.05, 0.01, 0.001)
POWERS = (0, -1, -2, 1, 2)
SUPERSCRIPTS = {-2: "⁻²", -1: "⁻¹", 1: "", 2: "²"}
EXACT, NEARLY = 1e-9, 1e-2  # units of the path, in float64
EXACT_NARROW = 1e-4  # in float32, whose roundings 24 steps amplify


class Change(NamedTuple):
    """A change of loss and coordinates: f̃(y) = factor·f(T·y + shift).

    Attributes:
        size: of the scale, which another learning rate may make up for; 1 where there is none.
    """

    name: str
    meaning: str
    matrix: np.ndarray
    shift: np.ndarray
    factor: float = 1.0
    size: float = 1.0


def changes(seed: int = 0) -> Iterator[Change]:
    """What is tried."""
    random = np.random.default_rng(seed)
    same, still = np.eye(SIZE), np.zeros(SIZE)

    def within(block: np.ndarray, leaf: slice) -> np.ndarray:
        matrix = same.copy()
        matrix[leaf, leaf] = block
        return matrix

    def rotation(n: int) -> np.ndarray:
        return linalg.qr(random.standard_normal((n, n)))[0]

    vector, matrix = slice(0, 5), slice(6, 18)
    signs = np.diag(random.choice([-1.0, 1.0], SIZE))
    sizes = np.diag(FACTOR ** random.uniform(-1, 1, SIZE))
    permuted = within(np.eye(5)[random.permutation(5)], vector)
    yield Change("loss_scale", f"the loss times {FACTOR:g}", same, still, FACTOR, FACTOR)
    yield Change(
        "parameter_scale", f"all parameters in units {FACTOR:g} times larger",
        FACTOR * same, still, size=FACTOR,
    )  # fmt: skip
    yield Change("coordinate_scales", "each parameter in a unit of its own", sizes, still)
    yield Change("shift", "the origin elsewhere", same, random.standard_normal(SIZE))
    yield Change("sign", "some parameters with the other sign", signs, still)
    yield Change("permutation", "the entries of a vector in another order", permuted, still)
    yield Change("rotation", "a vector rotated", within(rotation(5), vector), still)
    rows = np.kron(rotation(4), np.eye(3))
    yield Change("rows", "a matrix rotated from the left", within(rows, matrix), still)
    columns = np.kron(np.eye(4), rotation(3))
    yield Change("columns", "a matrix rotated from the right", within(columns, matrix), still)


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """Which symmetries hold exactly, nearly, or not."""
    tried = list(changes(effort.seed))
    powers = POWERS if subject.takes_rate else (0,)
    runs = [(change, power) for change in tried for power in (powers if change.size != 1 else (0,))]
    for rate in (subject.default_rate or RATES[0], *RATES):
        try:
            with enable_x64(True):
                apart, exact = _distances(subject, runs, rate, effort.seed), EXACT
        except Exception:  # an optimizer that has numbers of its own in float32
            apart, exact = _distances(subject, runs, rate, effort.seed), EXACT_NARROW
        if apart is not None:
            break
    else:
        why = f"its path is not finite in {STEPS} steps, not even at η = {rate:g}"
        return Part(failures=[Failure(TITLE.lower(), why, subject.python(rate))])
    by_change: dict[str, dict[int, float]] = {}
    for (change, power), value in zip(runs, apart, strict=True):
        by_change.setdefault(change.name, {})[power] = value
    findings = [_finding(change, by_change[change.name], exact, rate) for change in tried]
    series = {
        "names": [change.meaning for change in tried],
        "same_rate": [by_change[change.name][0] for change in tried],
        "best_rate": [min(by_change[change.name].values()) for change in tried],
        "exact": exact,
    }
    return Part(findings, series=series)


def _distances(
    subject: Subject, runs: Sequence[tuple[Change, int]], rate: float, seed: int
) -> list[float] | None:
    """From the path that is not changed; None where that is not finite."""
    problem = trial(seed)

    def path(rate: Any, change: Mapping[str, Any]) -> Any:
        def loss(y: Any, t: Any) -> Any:
            return change["factor"] * problem.loss(change["matrix"] @ y + change["shift"], t)

        start = jnp.linalg.solve(change["matrix"], problem.x0 - change["shift"])
        found = walk(subject.make(rate), loss, start, STEPS)
        return found @ change["matrix"].T + change["shift"][None]

    unchanged = (Change("", "", np.eye(SIZE), np.zeros(SIZE)), 0)
    every = [unchanged, *runs]
    data = {
        key: jnp.asarray(np.stack([np.asarray(getattr(change, key)) for change, _ in every]))
        for key in ("matrix", "shift", "factor")
    }
    data = jax.tree.map(lambda x: x.astype(problem.x0.dtype), data)
    rates = rate * np.array([change.size**power for change, power in every])
    paths = np.asarray(subject.over_rates(path, rates.astype(problem.x0.dtype), data))
    if not np.isfinite(paths[0]).all():
        return None
    return [distance(found, paths[0], np.asarray(problem.x0)) for found in paths[1:]]


def _finding(change: Change, by_power: Mapping[int, float], exact: float, rate: float) -> Finding:
    power = min(by_power, key=lambda p: (by_power[p] > exact, abs(p) if by_power[p] <= exact else 0,
                                         by_power[p]))  # fmt: skip
    apart = by_power[power]
    word = "exactly" if apart <= exact else "nearly" if apart <= NEARLY else "no"
    if power and word != "no":
        word += f", with the rate times {FACTOR:g}{SUPERSCRIPTS[power]}"
    note = f"paths part by {apart:.2g} of their length, at the rate {rate:g}"
    meaning = f"the same path with {change.meaning}"
    return Finding(change.name, meaning, word, "exact", note=note)


def _draw(axes: Any, series: Mapping[str, Any]) -> None:
    names, floor = series["names"], 1e-17
    rows = np.arange(len(names))[::-1]
    axes.axvline(series["exact"], color="black", linewidth=0.8, linestyle="--")
    for key, color, marker, label in (
        ("same_rate", COLORS["blue"], "o", "same rate"),
        ("best_rate", COLORS["vermillion"], "x", "best power of the scale"),
    ):
        shown = np.clip(np.nan_to_num(np.array(series[key], float), nan=10, posinf=10), floor, 10)
        axes.plot(shown, rows, marker, color=color, label=label, linestyle="none")
    axes.set(xscale="log", xlim=(floor / 3, 30), xlabel="distance, in lengths of the path")
    axes.set_yticks(rows, names)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.28), ncol=2)


PANELS = (Panel("Other coordinates: how far paths part", _draw),)
