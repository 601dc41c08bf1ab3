"""Stability: the largest stable rate on ½x², predicted and measured, and what lies beyond."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jdescent.analysis.stability import StableRate, largest_stable_rate, measuring
from jdescent.descend import descend
from jdescent.plotting import COLORS, THEORY
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Panel, Part
from jdescent.report_card.subject import Subject

NAME = "stability"
TITLE = "Stability"

CURVATURE = 1.0
BESIDE = (0.5, 0.9, 0.98, 1.02, 1.1, 1.5)  # of the limit
STEPS = 400
ERROR = 1e-3  # of the measured limit
GROWING = measuring.STEPS


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """Of the optimizer near the minimum of ½x²."""
    if not subject.takes_rate:
        why = "it has no learning rate: there is none at which it could become unstable"
        return Part([Finding("kind", "kind of the stability limit", "none", "theory", note=why)])
    call = "print(jd.analysis.largest_stable_rate(lambda rate: {}, curvature=1.0))"
    reproduce = f"{subject.imports}\n{call.format(subject.code.replace('{rate}', 'rate'))}"
    try:
        limit = largest_stable_rate(subject.make, CURVATURE)
    except Exception as error:
        why = f"no limit could be predicted: {type(error).__name__}: {error}"
        return Part(failures=[Failure("largest stable rate", why, reproduce)])
    findings = list(_limit_findings(limit))
    failures: list[Failure] = []
    series: dict[str, Any] = {}
    if np.isfinite(limit.rate) and limit.oscillation is None:
        measured = limit.measured()
        findings.append(
            Finding(
                "measured_limit", "largest rate at which small deviations decay in runs, times λ",
                measured, "theory", expected=limit.rate,
                note=f"one part in 1,000 is the error, and growth below e in {GROWING:,} steps",
            )
        )  # fmt: skip
        if not _agrees(limit, measured):
            why = f"predicted is {limit.rate:.6g}, but runs grow from {measured:.6g} on"
            failures.append(Failure("largest stable rate", why, reproduce))
        series |= _curve(subject, limit)
        findings.append(_beyond(series))
    else:
        series |= _settled(subject)
    return Part(findings, failures, series=series)


def _agrees(limit: StableRate, measured: float) -> bool:
    """Whether runs grow from the limit on, or from where they grow by e in as many steps."""
    if not measured >= limit.rate * (1 - ERROR):
        return False
    just_below = float(np.asarray(limit.spectral_radius(measured * (1 - ERROR))))
    return just_below <= np.exp(1 / GROWING)


def _limit_findings(limit: StableRate) -> Sequence[Finding]:
    about = "largest stable ηλ on ½λx²"
    found = [
        Finding("kind", "kind of the stability limit", limit.kind, "theory", note=limit.reason)
    ]
    if not np.isnan(limit.rate):
        follows = limit.kind in ("cycle", "none")
        note = "of deviations so small that an ε outweighs them" if follows else limit.reason
        found.append(
            Finding("limit", about, limit.rate, "theory", better="" if follows else "higher",
                    note=note)
        )  # fmt: skip
    if (cycle := limit.oscillation) is not None:
        found.append(
            Finding("oscillation", "mean |x| about the minimum, in units of η", cycle.mean,
                    "theory", better="lower")
        )  # fmt: skip
        if np.isfinite(cycle.amplitude):
            attracts = "attracts" if cycle.is_stable else "does not attract"
            found.append(
                Finding("cycle", "amplitude of the cycle x, −x, in units of η", cycle.amplitude,
                        "theory", note=f"it {attracts}")
            )  # fmt: skip
    return found


def _curve(subject: Subject, limit: StableRate) -> dict[str, Any]:
    """ρ(η) up to beyond the limit, and where runs from x = 1 end at rates beside it."""
    rates = limit.rate * np.linspace(0.02, 1.5, 60)
    beside = limit.rate * np.array(BESIDE)
    sizes = np.asarray(subject.over_rates(functools.partial(_run, subject), beside), np.float64)
    return {
        "limit": limit.rate,
        "rates": rates.tolist(),
        "radius": np.asarray(limit.spectral_radius(rates)).tolist(),
        "beside": beside.tolist(),
        "of_runs": np.exp(limit.growth(beside)).tolist(),
        "size": sizes.tolist(),
    }


def _run(subject: Subject, rate: Any) -> Any:
    """|x| at the end; infinite where that was not reached."""

    def loss(x):
        return CURVATURE * x**2 / 2

    path = descend(loss, jnp.float32(1.0), subject.make(rate), STEPS, record=None)
    return jnp.where(path.verdict.diverged, jnp.inf, jnp.abs(path.params))


def _beyond(series: Mapping[str, Any]) -> Finding:
    """What the run at half as much again as the limit does."""
    size = series["size"][-1]
    leaves = not np.isfinite(size) or size > 1e3
    word = "leaves" if leaves else "stays bounded" if size > 1e-3 else "converges"
    meaning = f"a run from x = 1 at {BESIDE[-1]:g} times the limit"
    return Finding("beyond", meaning, word, note=f"|x| = {size:.3g} after {STEPS} steps or its end")


def _settled(subject: Subject) -> dict[str, Any]:
    """Of what has no limit: where |x| is after 400 steps, at rates over six decades."""
    rates = subject.rates(1e-5, 10.0, 4)
    sizes = subject.over_rates(functools.partial(_run, subject), rates)
    return {"rates": rates.tolist(), "size": np.asarray(sizes).tolist()}


def _draw(axes: Any, series: Mapping[str, Any]) -> None:
    if "radius" not in series:
        _draw_settled(axes, series)
        return
    limit = series["limit"]
    axes.axhline(1.0, color=COLORS["gray"], linewidth=0.6)
    axes.axvline(1.0, color=COLORS["gray"], linewidth=0.6)
    axes.plot(np.array(series["rates"]) / limit, series["radius"], label="predicted", **THEORY)
    axes.plot(np.array(series["beside"]) / limit, series["of_runs"], "o", label="measured")
    axes.set(xlabel=f"learning rate, in units of the limit {limit:.4g}", ylabel="factor per step ρ")
    axes.legend()


def _draw_settled(axes: Any, series: Mapping[str, Any]) -> None:
    if "size" in series:
        size = np.clip(np.nan_to_num(np.array(series["size"], float), nan=1e9), 1e-12, 1e9)
        axes.loglog(series["rates"], size, "o-")
    axes.set(xlabel="learning rate", ylabel=f"|x| after {STEPS} steps")


PANELS = (Panel("On ½x²: factor per step, or where runs end", _draw),)
