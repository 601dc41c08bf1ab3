"""Identity: whom an optimizer equals, under which settings, or who is nearest."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jdescent._jax import enable_x64
from jdescent.plotting import COLORS
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Panel, Part, Table
from jdescent.report_card.matching import EQUAL, Match, matched
from jdescent.report_card.relatives import Candidate, nearest, relatives
from jdescent.report_card.subject import Subject
from jdescent.report_card.trial import RATE, SHAPES, SIZE, STEPS, tree, trial, walk

NAME = "identity"
TITLE = "Identity"

LOOKED_AT = {False: 8, True: 16}  # relatives whose settings are sought
PLAIN, MISTAKES = 2, 6  # settings that make plain what it is; others that are looked at beyond
FAR = 1e3  # of the minimum towards which first steps are to lead, beyond what noise does


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """The nearest relatives, by the distance of paths on one trial, and their settings."""
    path = _path(subject)
    where = f"a descent of {STEPS} steps at η = {RATE:g}"
    if not np.isfinite(path).all():
        first = int(np.argmin(np.isfinite(path).all(-1))) + 1
        why = f"its path is not finite from step {first} on"
        return Part(failures=[Failure(where, why, subject.python(RATE))])
    still = _unmoved(path)
    if len(still) == len(SHAPES):
        why = "no parameter moves, though every gradient differs from 0"
        return Part(failures=[Failure(where, why, subject.python(RATE))])
    failures = _climbing(subject)
    if still:
        why = f"{' and '.join(still)} never move, of the leaves {', '.join(SHAPES)}"
        failures.append(Failure(where, why, subject.python(RATE)))
    matches: list[Match] = []
    for candidate in _candidates(path, subject, LOOKED_AT[effort.thorough]):
        matches.append(matched(path, candidate, subject.settings, subject.takes_rate))
        if matches[-1].is_equal and not matches[-1].complexity:
            break  # it is this one as it stands
    others = _without_switches(matches) + _mistakes(path, matches)
    matches += [matched(path, one, subject.settings, subject.takes_rate) for one in others]
    matches.sort(key=Match.order)
    best = matches[0]
    findings = [
        Finding(
            "nearest", "the nearest relative", str(best), "exact",
            note=f"their paths part by {best.distance:.2g} of their length in {STEPS} steps",
        ),
        Finding("distance", "distance of its path, in lengths of the path", best.distance, "exact"),
        Finding("equals", f"whether it equals it, to {EQUAL:g}", best.is_equal, "exact"),
    ]  # fmt: skip
    if best.is_equal and best.relative.wrong and not subject.is_of_library:
        failures.append(
            Failure(
                f"it is {best.relative.name} got wrong", best.relative.wrong, subject.python(RATE)
            )
        )
    rows = [(str(match), f"{match.distance:.2g}") for match in matches]
    titles = ("relative, with the settings that bring it nearest", "distance of paths")
    series = {"names": [row[0] for row in rows], "distances": [m.distance for m in matches]}
    return Part(findings, failures, [Table("Nearest relatives", titles, rows)], series)


def _candidates(path: np.ndarray, subject: Subject, count: int) -> list[Candidate]:
    """Those whose paths are nearest; first of all the subject itself, if it is the library's."""
    near = nearest(path, count)
    return sorted(near, key=lambda one: not subject.code.startswith(f"{one.relative.title}("))


def _mistakes(path: np.ndarray, matches: list[Match]) -> list[Candidate]:
    """Mistakes to look at where nothing is equal with a setting or two."""
    if min(matches, key=Match.order).order() <= (0, PLAIN):
        return []
    looked_at = {match.relative.title for match in matches}
    near = nearest(path, MISTAKES, wrong=True)
    return [one for one in near if one.relative.title not in looked_at]


def _without_switches(matches: list[Match]) -> list[Candidate]:
    """What the equal ones are without their switches, where that was not looked at."""
    looked_at = {match.relative.title for match in matches}
    names = {match.relative.name for match in matches if match.is_equal and match.complexity}
    return [
        Candidate(one, {})
        for one in relatives()
        if one.name in names and not (one.switches or one.wrong) and one.title not in looked_at
    ]


def _path(subject: Subject) -> np.ndarray:
    """On the trial, in float64 where the optimizer can."""
    try:
        with enable_x64(True):
            return _walked(subject)
    except Exception:  # an optimizer that has numbers of its own in float32
        return _walked(subject).astype(np.float64)


def _walked(subject: Subject) -> np.ndarray:
    problem = trial()
    made = subject.make(RATE)
    return np.asarray(jax.jit(lambda: walk(made, problem.loss, problem.x0, STEPS))())


def _unmoved(path: np.ndarray) -> list[str]:
    """Leaves of the parameters that stay where they started."""
    start = np.asarray(trial().x0)  # which may be of another precision than the path
    moves = tree((np.ptp(path, axis=0) > 0) | ~np.isclose(path[0], start, rtol=1e-6))
    return [name for name, move in moves.items() if not np.any(move)]


def _climbing(subject: Subject) -> list[Failure]:
    """Where the first steps lead away from a far minimum, or to where no gradient counts."""
    far = FAR * jnp.linspace(0.5, 1.5, SIZE, dtype=jnp.float32)
    move, other = _move(subject, far), _move(subject, -far)
    if np.any(move) and np.array_equal(move, other):
        why = "its steps are the same wherever the minimum is: no gradient counts"
        return [Failure("the direction of its steps", why, subject.python(RATE))]
    if not np.isfinite(move).all() or np.dot(move, np.asarray(far)) >= 0:
        return []
    why = "on a bowl it goes up: the sign of its update is wrong"
    return [Failure("the direction of its steps", why, subject.python(RATE))]


def _move(subject: Subject, minimum: Array) -> np.ndarray:
    """Where three steps on ½|x − minimum|² lead from 0."""

    def loss(x: Any, t: Any) -> Any:
        return jnp.sum((x - minimum) ** 2) / 2

    path = walk(subject.make(RATE), loss, jnp.zeros(SIZE, jnp.float32), 3)
    return np.asarray(path[-1]).astype(np.float64)


def _draw(axes: Any, series: Mapping[str, Any]) -> None:
    rows = np.arange(len(series["names"]))[::-1]
    distances = np.clip(np.array(series["distances"], float), 1e-17, 10)
    axes.axvline(EQUAL, color="black", linewidth=0.8, linestyle="--")
    axes.plot(distances, rows, "o", color=COLORS["blue"])
    for row, name, at in zip(rows, series["names"], distances, strict=True):
        axes.annotate(name, (at, row), xytext=(0, 5), textcoords="offset points", fontsize=6,
                      ha="right" if at > 1e-8 else "left")  # fmt: skip
    axes.set(xscale="log", xlim=(1e-18, 30), ylim=(-0.6, len(rows) - 0.2),
             xlabel="distance, in lengths of the path")  # fmt: skip
    axes.set_yticks([])


PANELS = (Panel("Nearest relatives; left of the line, equal", _draw),)
