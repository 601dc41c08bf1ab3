"""Speed without noise: steps against condition number, on rotated bowls, landscapes and saddles.

A quadratic ½⟨x, Hx⟩ of 20 numbers has eigenvalues from 1/κ to 1, evenly spaced in logarithms, and
starts at the loss ½ with as much of it in each eigendirection. Of a method whose steps are linear
in the gradients so far, conjugate gradients is the best, and its steps are the bound.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import linalg

from jdescent import losses
from jdescent.descend import descend
from jdescent.plotting import COLORS, THEORY
from jdescent.report_card.findings import USUAL, Effort, Finding, Panel, Part
from jdescent.report_card.subject import Subject, tried
from jdescent.trajectory import Status

NAME = "speed"
TITLE = "Speed without noise"

DIMENSION = 20
CONDITIONS = (1.0, 10.0, 100.0, 1000.0)
REDUCTION = 1e-6  # of the loss, which is to be reached
STEPS = 4_000
ROTATED = 1000.0  # the condition number of the rotated bowl
FALL, START = 0.1, 1e-3  # of the saddle: its negative curvature, and how far beside it runs start
LANDSCAPES = {
    "rosenbrock": (losses.rosenbrock(), (-1.2, 1.0)),
    "beale": (losses.beale(), (1.0, 1.0)),
}
LOW, HIGH, A_DECADE = 1e-4, 10.0, 5  # rates tried


class Quadratic(NamedTuple):
    """½⟨x, Hx⟩ from x0, until the loss is as low as `level`."""

    name: str
    hessian: np.ndarray
    x0: np.ndarray
    level: float


def quadratics(seed: int = 0) -> list[Quadratic]:
    """Bowls along the axes, one that is rotated, and a saddle."""
    random = np.random.default_rng(seed)
    found = []
    for kappa in CONDITIONS:
        spectrum = np.geomspace(1 / kappa, 1, DIMENSION)
        start = 1 / np.sqrt(spectrum * DIMENSION)
        found.append(Quadratic(f"{kappa:g}", np.diag(spectrum), start, REDUCTION / 2))
        if kappa == ROTATED:
            turn = linalg.qr(random.standard_normal((DIMENSION, DIMENSION)))[0]
            bowl = turn @ np.diag(spectrum) @ turn.T
            found.append(Quadratic("rotated", bowl, turn @ start, REDUCTION / 2))
    curvatures = np.r_[np.ones(DIMENSION - 1), -FALL]
    found.append(Quadratic("saddle", np.diag(curvatures), np.full(DIMENSION, START), -1.0))
    return found


def conjugate_gradient_steps(problem: Quadratic) -> int:
    """How many steps of conjugate gradients bring the loss of a bowl to its level."""
    H, x = problem.hessian, problem.x0.copy()
    r = -H @ x
    d = r.copy()
    for step in range(1, DIMENSION + 1):
        alpha = (r @ r) / (d @ H @ d)
        x, new = x + alpha * d, r - alpha * H @ d
        if x @ H @ x / 2 <= problem.level:
            return step
        d, r = new + (new @ new) / (r @ r) * d, new
    return DIMENSION


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """Steps to the goal at the best of the rates that are tried."""
    rates = subject.rates(LOW, HIGH, A_DECADE)
    problems = quadratics(effort.seed)
    steps = _steps_of_quadratics(subject, problems, rates)
    best = {p.name: float(s.min()) for p, s in zip(problems, steps, strict=True)}
    bounds = {p.name: conjugate_gradient_steps(p) for p in problems if p.name != "saddle"}
    budget = f"{tried(rates)}, at most {STEPS:,} steps"
    findings = [
        Finding(
            f"steps_{kappa:g}", f"steps to a millionth of the loss on a bowl of κ = {kappa:g}",
            best[f"{kappa:g}"], "bound", expected=bounds[f"{kappa:g}"], better="lower",
            note=f"{budget}; expected: conjugate gradients",
        )
        for kappa in CONDITIONS
    ]  # fmt: skip
    findings += [
        Finding(
            "exponent", "growth of the steps with κ: p in κᵖ, from κ = 10 to 1,000",
            float(np.log10(_ratio(best["1000"], best["10"])) / 2), better="lower",
            note="1 for gradient descent, ½ for accelerated methods, 0 for Newton's",
        ),
        Finding(
            "rotation", f"steps on a rotated bowl, in those on it along the axes (κ = {ROTATED:g})",
            _ratio(best["rotated"], best[f"{ROTATED:g}"]), better="lower", note=budget,
        ),
        Finding(
            "saddle", f"steps to leave a saddle of curvature −{FALL:g} from {START:g} beside it",
            best["saddle"], better="lower", note=budget,
        ),
    ]  # fmt: skip
    findings += [_of_landscape(subject, name, rates) for name in LANDSCAPES]
    series = {
        "conditions": list(CONDITIONS),
        "steps": [best[f"{kappa:g}"] for kappa in CONDITIONS],
        "bounds": [bounds[f"{kappa:g}"] for kappa in CONDITIONS],
        "rotated": [ROTATED, best["rotated"]],
        "limit": STEPS,
    }
    return Part(findings, series=series)


def _ratio(steps: float, others: float) -> float:
    """None, as NaN, where the others do not arrive: it would be best where both are worst."""
    return steps / others if np.isfinite(others) else np.nan


def _steps_of_quadratics(
    subject: Subject, problems: list[Quadratic], rates: np.ndarray
) -> np.ndarray:
    """Steps to each level by problem and rate; infinity where it is not reached."""
    data = {
        key: np.stack([np.repeat([getattr(p, key)], len(rates), 0) for p in problems])
        for key in ("hessian", "x0", "level")
    }
    flat = {key: jnp.float32(value.reshape(-1, *value.shape[2:])) for key, value in data.items()}

    def run(rate, problem):
        def loss(x):
            return x @ problem["hessian"] @ x / 2

        def arrived(point):
            return point.loss <= problem["level"]

        return _arrival(descend(loss, problem["x0"], subject.make(rate), STEPS,
                                record=None, stop=arrived))  # fmt: skip

    found = subject.over_rates(run, np.tile(rates, len(problems)).astype(np.float32), flat)
    return np.asarray(found).reshape(len(problems), len(rates))


def _arrival(path: Any) -> Any:
    arrived = path.verdict.status == Status.STOPPED
    return jnp.where(arrived, path.verdict.step.astype(jnp.float32), jnp.inf)


def _of_landscape(subject: Subject, name: str, rates: np.ndarray) -> Finding:
    loss, start = LANDSCAPES[name]

    def run(rate):
        path = descend(loss, jnp.float32(start), subject.make(rate), STEPS, record=None)
        return jnp.where(path.verdict.diverged, jnp.inf, path.verdict.loss)

    ends = np.asarray(subject.over_rates(run, rates.astype(np.float32)), float)
    lowest = float(np.min(np.where(np.isfinite(ends), ends, np.inf)))
    return Finding(
        name, f"loss on {name}'s function after {STEPS:,} steps from {start}", lowest,
        better="lower", note=f"{tried(rates)}; the minimum is 0",
    )  # fmt: skip


def _draw(axes: Any, series: Mapping[str, Any]) -> None:
    steps = np.array(series["steps"], float)
    axes.plot(series["conditions"], series["bounds"], label="conjugate gradients", **THEORY)
    axes.plot(series["conditions"], steps, "o-", label="along the axes")
    kappa, rotated = series["rotated"]
    axes.plot([kappa], [rotated], "s", color=COLORS["vermillion"], label="rotated")
    axes.axhline(series["limit"], color=COLORS["gray"], linewidth=0.6)
    axes.set(xscale="log", yscale="log", xlabel="condition number κ",
             ylabel="steps to a millionth of the loss")  # fmt: skip
    axes.legend()


PANELS = (Panel("Steps on bowls of 20 numbers", _draw),)
