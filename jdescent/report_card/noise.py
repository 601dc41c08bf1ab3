"""Noise: where runs settle, how rare large gradients throw them, and when they leave a well.

One parameter x, with the slope of ½x², or of the double well (x² − 1)²/4, and noise of variance 1
added to it at every step. Runs of many seeds go side by side.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.descend import descend
from jdescent.plotting import COLORS, THEORY
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Panel, Part
from jdescent.report_card.subject import Subject

NAME = "noise"
TITLE = "Noise"

STEPS = 2_000
SEEDS = {False: 32, True: 256}
REFERENCE = 0.01  # the rate at which single numbers are given, where none is the default
FREEDOM = 1.5  # of Student's t: its mean exists, its variance does not
SPIKE, SPIKE_STEP = 1e3, 1_000  # one gradient so large among those of size 1
KICKS = (1.0, 1e-3)  # of a single gradient, in answer to which a linear method moves in proportion
EXACTLY_LINEAR = 1e-3


class Case(NamedTuple):
    """Slope a·x + b·x³ + scale·noise, from x0.

    Attributes:
        kind: of the noise: 0 normal, 1 Student's t, 2 a single kick at step 0, 3 normal and one
            spike, 4 a single kick later.
    """

    name: str
    a: float
    b: float
    scale: float
    kind: int
    x0: float


class Response(NamedTuple):
    """x after a single gradient beside the slope, in units of it: (rates, steps) each.

    Attributes:
        whole: to one of size 1, at the first step.
        small: to a thousandth of it.
        late: to such a small one at the step SPIKE_STEP.
        amid: to the spike, amid noise, of which x without it is taken away.
    """

    whole: np.ndarray
    small: np.ndarray
    late: np.ndarray
    amid: np.ndarray

    def is_of_a_filter(self, at: int) -> bool:
        """Whether a rate's answer is in proportion to the gradient, and the same at any step and
        amid others."""
        whole, small = self.whole[at], self.small[at]
        first = small[: STEPS - SPIKE_STEP]
        same = [(small, whole)]
        same += [(other[at][SPIKE_STEP:], first) for other in (self.late, self.amid)]
        limit = EXACTLY_LINEAR * np.abs(whole).max()
        return all(bool(np.abs(one - other).max() <= limit) for one, other in same)

    @property
    def variance(self) -> np.ndarray:
        """Of x under noise of variance 1, in the mean over the latter half of a run from rest."""
        return np.cumsum(self.small**2, -1)[:, STEPS // 2 :].mean(-1)


CASES = (
    Case("normal", 1, 0, 1, 0, 0),
    Case("batches of 16", 1, 0, 0.25, 0, 0),
    Case("heavy tails", 1, 0, 1, 1, 0),
    Case("spike", 1, 0, 1, 3, 0),
    Case("well", -1, 1, 1, 0, -1),
    *(Case(f"kick {kick:g}", 1, 0, kick, 2, 0) for kick in KICKS),
    Case("late kick", 1, 0, KICKS[1], 4, 0),
)


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """Stationary variance beside the linear response, heavy tails, a spike, and escapes."""
    rates = subject.rates(1e-4, 1.0, 4)
    seeds = SEEDS[effort.thorough]
    paths = _paths(subject, rates, seeds, effort.seed)
    late = slice(STEPS // 2, None)
    variance = {
        name: np.mean(paths[name][..., late] ** 2, -1) for name in ("normal", "batches of 16")
    }
    whole, small = (paths[f"kick {kick:g}"][:, 0] / kick for kick in KICKS)
    amid = (paths["spike"] - paths["normal"])[:, 0] / SPIKE
    response = Response(whole, small, paths["late kick"][:, 0] / KICKS[1], amid)
    at = int(np.argmin(np.abs(np.log(rates / (subject.default_rate or REFERENCE)))))
    shown = f"at the rate {rates[at]:.3g}, {seeds} seeds of {STEPS:,} steps"
    findings = [
        _stationary(variance["normal"][at], response, at, shown),
        _growth_with_the_rate(variance["normal"], rates, at),
        Finding(
            "batch", "stationary loss of single examples, in that of batches of 16",
            float(np.mean(variance["normal"][at]) / np.mean(variance["batches of 16"][at])),
            note=f"{shown}; 16 where it is as the noise's variance, 4 as its size, 1 as neither",
        ),
        Finding(
            "heavy_tails", "median |x| under Student's t noise, in that under normal noise",
            _ratio_of_medians(paths["heavy tails"][at, :, late], paths["normal"][at, :, late]),
            better="lower", note=f"{FREEDOM:g} degrees of freedom; {shown}",
        ),
        *_spike(paths["spike"][at], paths["normal"][at], shown),
        _escape(paths["well"], rates, seeds),
    ]  # fmt: skip
    crossed = (paths["well"] > 0).any(-1)
    series = {
        "rates": rates.tolist(),
        "variance": np.mean(variance["normal"], -1).tolist(),
        "response": response.variance.tolist() if response.is_of_a_filter(at) else [],
        "escaped": crossed.mean(-1).tolist(),
    }
    return Part(findings, _disagreement(findings[0]), series=series)


def _disagreement(stationary: Finding) -> list[Failure]:
    """Where a linear method settles elsewhere than its answer to one gradient says."""
    if stationary.expected is None or stationary.interval is None:
        return []
    low, high = stationary.interval
    if abs((low + high) / 2 - stationary.expected) <= 2 * (high - low):  # four standard errors
        return []
    why = (
        f"it answers one gradient linearly, so that the mean of x² should be "
        f"{stationary.expected:.4g}, but it is {stationary.value:.4g} ({low:.4g} to {high:.4g})"
    )
    return [Failure(stationary.meaning, why)]


def _paths(subject: Subject, rates: np.ndarray, seeds: int, seed: int) -> dict[str, np.ndarray]:
    """Positions x by case: (rates, seeds, steps); those of a kick are of one seed."""
    lanes = [
        (case, number) for case in CASES for number in range(1 if case.kind in (2, 4) else seeds)
    ]
    data = {
        "slope": jnp.float32([[case.a, case.b, case.scale, case.x0] for case, _ in lanes]),
        "kind": jnp.int32([case.kind for case, _ in lanes]),
        "key": jax.vmap(lambda n: jax.random.fold_in(jax.random.key(seed), n))(
            jnp.int32([number for _, number in lanes])  # all cases see the same draws
        ),
    }

    def run(rate, lane):
        a, b, scale, x0 = lane["slope"]

        def loss(x, noise):
            return jnp.sum(a * x**2 / 2 + b * x**4 / 4 + scale * noise * x)

        def draw(key, step):
            normal_key, chi_key = jax.random.split(jax.random.fold_in(key, step))
            normal = jax.random.normal(normal_key, (1,))
            student = normal / jnp.sqrt(2 * jax.random.gamma(chi_key, FREEDOM / 2, (1,)) / FREEDOM)
            kick = jnp.where(step == 0, jnp.ones(1), 0.0)
            late_kick = jnp.where(step == SPIKE_STEP, jnp.ones(1), 0.0)
            spiked = normal + SPIKE * late_kick
            return jnp.stack([normal, student, kick, spiked, late_kick])[lane["kind"]]

        path = descend(
            loss, x0[None], subject.make(rate), STEPS,
            batches=draw, key=lane["key"], record=lambda point: point.params[0],
        )  # fmt: skip
        over = path.verdict.diverged & (jnp.arange(1, STEPS + 1) >= path.verdict.step)
        return jnp.where(over, jnp.nan, path.record[1:])  # not where it was frozen

    count = len(lanes)
    repeated = jax.tree.map(lambda x: jnp.tile(x, (len(rates), *(1,) * (x.ndim - 1))), data)
    found = np.asarray(
        subject.over_rates(run, np.repeat(rates, count).astype(np.float32), repeated)
    )
    found = np.float64(found).reshape(len(rates), count, STEPS)
    names = np.array([case.name for case, _ in lanes])
    return {case.name: found[:, names == case.name] for case in CASES}


def _stationary(of_seeds: np.ndarray, response: Response, at: int, shown: str) -> Finding:
    mean = float(np.mean(of_seeds))
    half = 2 * float(np.std(of_seeds, ddof=1)) / np.sqrt(len(of_seeds))
    linear = response.is_of_a_filter(at)
    theory = "; expected: the sum of squares of its answer to one gradient" if linear else ""
    return Finding(
        "stationary", "stationary mean of x² under noise of variance 1", mean,
        "theory" if linear else "measured",
        expected=float(response.variance[at]) if linear else None,
        interval=(mean - half, mean + half), better="lower", note=shown + theory,
    )  # fmt: skip


def _growth_with_the_rate(variance: np.ndarray, rates: np.ndarray, at: int) -> Finding:
    """The exponent p of ηᵖ, from the rates of a decade about one of them."""
    near = np.abs(np.log10(rates / rates[at])) <= 0.51
    logs = np.log(np.mean(variance, -1)[near])
    fits = len(logs) > 1 and np.all(np.isfinite(logs))
    slope = np.polyfit(np.log(rates[near]), logs, 1)[0] if fits else np.nan
    return Finding(
        "exponent", "growth of the stationary mean of x² with the rate: p in ηᵖ", float(slope),
        note=f"over a decade about {rates[at]:g}",
    )  # fmt: skip


def _ratio_of_medians(above: np.ndarray, below: np.ndarray) -> float:
    return float(np.median(np.abs(above)) / np.median(np.abs(below)))


def _spike(spiked: np.ndarray, usual: np.ndarray, shown: str) -> list[Finding]:
    """How far one large gradient throws x, and how long it takes to be back among the others."""
    before = np.sqrt(np.mean(usual[:, STEPS // 2 :] ** 2))
    thrown = np.abs(spiked[:, SPIKE_STEP:])
    reach = float(np.median(thrown.max(-1)) / before)
    typical = np.sqrt(np.mean(thrown**2, 0))  # over seeds
    outside = np.flatnonzero(~(typical <= 2 * before))
    return [
        Finding(
            "spike", f"largest |x| after one gradient {SPIKE:g} times as large, in the usual |x|",
            reach, better="lower", note=shown,
        ),
        Finding(
            "recovery", "steps until |x| is within twice the usual again",
            float(outside[-1] + 1) if outside.size else 0.0, better="lower",
            note=f"at most {STEPS - SPIKE_STEP}; {shown}",
        ),
    ]  # fmt: skip


def _escape(paths: np.ndarray, rates: np.ndarray, seeds: int) -> Finding:
    share = (paths > 0).any(-1).mean(-1)
    enough = np.flatnonzero(share >= 0.5)
    rate = float(rates[enough[0]]) if enough.size else np.inf
    return Finding(
        "escape", f"least rate at which half of the runs leave a well in {STEPS:,} steps", rate,
        note=f"(x² − 1)²/4 from −1 to beyond 0; {seeds} seeds; {len(rates)} rates tried",
    )  # fmt: skip


def _draw_variance(axes: Any, series: Mapping[str, Any]) -> None:
    if not np.any(np.nan_to_num(np.array(series["variance"], float)) > 0):
        axes.text(0.5, 0.5, "nowhere above 0, or not finite", ha="center", transform=axes.transAxes)
        return
    if series["response"]:
        axes.plot(series["rates"], series["response"], label="linear response", **THEORY)
    axes.plot(series["rates"], series["variance"], "o", label="mean of x²")
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="mean of x²")
    axes.legend()


def _draw_escapes(axes: Any, series: Mapping[str, Any]) -> None:
    axes.plot(series["rates"], series["escaped"], "o-", color=COLORS["vermillion"])
    axes.set(xscale="log", ylim=(-0.03, 1.03), xlabel="learning rate",
             ylabel=f"share of runs in {STEPS:,} steps")  # fmt: skip


PANELS = (
    Panel("Stationary variance on ½x²", _draw_variance),
    Panel("Runs that leave the well (x² − 1)²/4", _draw_escapes),
)
