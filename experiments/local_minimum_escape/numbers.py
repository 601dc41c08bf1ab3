"""The headline numbers: escape times, the edges of the valleys, and where momentum coasts."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate
from experiments.local_minimum_escape.basins import SETTLED, holding_limit, settling_limit
from experiments.local_minimum_escape.coasting import time_step
from experiments.local_minimum_escape.config import TARGET, VALLEY, VALLEY_X, Config
from experiments.local_minimum_escape.theories import Many
from jdescent import analysis


def numbers(data: dict, config: Config) -> dict[str, Number]:
    return {
        **escape_numbers(data["escapes"], data["curves"]),
        **theory_numbers(data["many"]),
        **basin_numbers(data["ends"], data["basins"]),
        **coasting_numbers(data["coasting"], config),
    }


def escape_numbers(escapes: dict[int, dict], curves: dict) -> Numbers:
    found = {}
    for size, run in escapes.items():
        mean = run["mean"]
        of = f"the mean of {mean.events} exponential times"
        found[f"escape_steps_batch_{size}"] = number.sampled_theory(
            Estimate(mean.mean, mean.mean / math.sqrt(mean.events), (mean.low, mean.high)),
            run["exact"],
            of,
            f"mean steps to escape with batches of {size}; {mean.censored} of "
            f"{run['times'].size} runs were still in the valley",
            error=run["exact"] / math.sqrt(mean.events),
        )
    return found | {"escape_log_slope": log_slope(escapes)} | survival_numbers(escapes, curves)


def theory_numbers(many: dict[int, Many]) -> Numbers:
    """Many more escapes beside the exact chain, and how far they are from other theories."""
    found = {}
    for size, run in many.items():
        mean = run.mean
        estimate = Estimate(mean.mean, mean.mean / math.sqrt(mean.events), (mean.low, mean.high))
        found[f"many_escape_steps_{size}"] = number.sampled_theory(
            estimate,
            run.exact,
            f"the mean of {mean.events:,} exponential times",
            f"the same with batches of {size}, whose means are drawn from their exact law",
            error=run.exact / math.sqrt(mean.events),
        )
        for name, other, words in (
            ("quadrature", run.quadrature, "the diffusion's exact mean, by quadrature,"),
            ("kramers", run.kramers, "Kramers' law"),
        ):
            found[f"{name}_told_apart_{size}"] = number.bound(
                run.errors_from(other),
                f"{number.ERRORS} standard errors tell it apart; the exact chain is "
                f"{run.errors_from(run.exact):.2g} away",
                f"standard errors from that mean to {words} at {other:.0f}, "
                f"{other / run.exact - 1:+.1%} from the exact chain",
                at_least=number.ERRORS,
                missed_by=run.errors_from(run.exact),
            )
    return found


def log_slope(escapes: dict) -> Number:
    """Least-squares slope of ln N against batch size; its error from that of each ln N, 1/√d."""
    sizes = np.array(list(escapes), float)
    weight = (sizes - sizes.mean()) / np.sum((sizes - sizes.mean()) ** 2)

    def slope(means: Iterable[float]) -> float:
        return float(weight @ np.log(list(means)))

    error = math.sqrt(
        sum(w**2 / r["mean"].events for w, r in zip(weight, escapes.values(), strict=True))
    )
    return number.theory(
        slope(run["mean"].mean for run in escapes.values()),
        slope(run["exact"] for run in escapes.values()),
        number.ERRORS * error,
        f"{number.ERRORS} standard errors, from those of each ln N",
        "least-squares slope of ln(mean escape steps) against batch size (Kramers: about 1/2)",
    )


def survival_numbers(escapes: dict[int, dict], curves: dict) -> Numbers:
    """Where the wait is not memoryless, the exact chain says so; where it nearly is, e^{−t/N}."""
    smallest, largest = min(escapes), max(escapes)

    def exact(steps: np.ndarray) -> np.ndarray:
        return np.interp(steps, curves["steps"], curves["survival"])

    def memoryless(size: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda steps: np.exp(-steps / escapes[size]["exact"])

    departure = np.abs(curves["survival"] - memoryless(smallest)(curves["steps"])).max()
    what = "largest distance of the share still in the valley from"
    return {
        "survival_distance_from_exact": number.bound(
            survival_distance(escapes[smallest], exact),
            "Kolmogorov's 1 % bound; exp(−t/N) would miss it",
            f"{what} that of the exact chain with Gaussian noise, batches of {smallest}",
            at_most=kolmogorov(escapes[smallest]),
            missed_by=survival_distance(escapes[smallest], memoryless(smallest)),
        ),
        "survival_distance": number.bound(
            survival_distance(escapes[largest], memoryless(largest)),
            f"Kolmogorov's 1 % bound; the exact chain with batches of {smallest} would miss it",
            f"{what} exp(−t/N), batches of {largest}",
            at_most=kolmogorov(escapes[largest]),
            missed_by=float(departure),
        ),
    }


def kolmogorov(run: dict) -> float:
    """What the largest distance of so many runs from their law passes once in a hundred times."""
    return 1.63 / math.sqrt(run["times"].size)


def survival_distance(run: dict, theory: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest distance, after each step and before it, of the survival curve from theory."""
    curve = analysis.survival_curve(run["times"], run["escaped"])
    before = np.concatenate(([1.0], curve.survival[:-1]))
    after_step = np.abs(curve.survival - theory(curve.time))
    return float(max(after_step.max(), np.abs(before - theory(curve.time - 1)).max()))


def basin_numbers(ends: np.ndarray, basins: dict) -> dict[str, Number]:
    off = np.abs(ends - VALLEY_X)
    found = {
        "full_batch_leaves": number.exact(
            float(np.sum(off > SETTLED)),
            0.0,
            0.0,
            "a count",
            f"full-batch runs that leave the valley, of {ends.size} started in (−3.1, 0)",
        ),
        "full_batch_distance": number.exact(
            float(off.max()),
            0.0,
            4 * float(np.finfo(ends.dtype).eps),
            "rounding",
            "largest distance from −1 at which they end",
            scale=1.0,
        ),
    }
    for name, minimum in (("valley", VALLEY), ("target", TARGET)):
        for change, limit, what in (
            ("settles", settling_limit, "ends at"),
            ("holds", holding_limit, "stays on the side of"),
        ):
            edge = basins[f"{name}_{change}"]
            found[f"{name}_{change}_below"] = number.theory(
                float(edge.position),
                limit(minimum),
                1.05 * float(edge.half_width),
                "half a step of the grid",
                f"learning rate up to which gradient descent started near {minimum.position:g} "
                f"{what} it",
            )
    return found


def coasting_numbers(coasting: dict, config: Config) -> dict[str, Number]:
    edge, momentum = coasting["edge"], coasting["momentum"]
    return {
        "coasting_start": number.theory(
            float(edge.position),
            coasting["edge_theory"],
            float(edge.half_width) + time_step(config.ball_rate, momentum) ** 2,
            "h² = 2η/(1 + β), the order of the oscillator's error, and half a step of the grid",
            f"start nearest the valley from which the heavy ball coasts over, β = {momentum}, "
            f"η = {config.ball_rate}",
            signed=True,
        )
    }
