"""The headline numbers: limits, cycles and amplitudes beside what is predicted of them."""

import math

import numpy as np

from experiments.common import number, statistics
from experiments.common.number import Number, Numbers
from experiments.stability_of_optimizers import amplitudes, curves, cycles
from experiments.stability_of_optimizers.config import Config
from experiments.stability_of_optimizers.cycles import Cycle
from experiments.stability_of_optimizers.library import OPTAX, OURS, Row
from experiments.stability_of_optimizers.shown import is_frozen
from jdescent.analysis import Crossing, optimistic_limit

LINEARIZED = 1e-9  # of a limit: bisection, and ε² of the linearization
DIFFERENCES = 1e-6  # of a multiplier: central differences
SHARPER = 1.01  # a prediction this much off would be seen
LN_T = 6  # terms of order 1/T of schedule-free's limit, in shares of 1/T
LARGEST = 0.2  # of the largest of some runs
BURSTS = 0.1  # of a root mean square that comes from rare bursts


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **limit_numbers(data["rows"]),
        **library_numbers(data["rows"]),
        **momentum_numbers(data["momentum"], config),
        **optimistic_numbers(data["optimism"], config),
        **lookahead_numbers(data["periods"], config),
        **schedule_free_numbers(data["horizons"], config),
        **cycle_numbers(data["cycles"]),
        **settling_numbers(data["eps"]),
        **adagrad_numbers(data["adagrad"]),
        **sign_numbers(data["sizes"]),
        **muon_numbers(data["sizes"]["muon"]),
        "muon_stretched_mean": stretched_number(data["sizes"]),
    }


def key_of(row: Row) -> str:
    frozen = "_frozen" if is_frozen(row) else ""
    return f"limit_{row.name}{frozen}" + ("_of_optax" if row.library == OPTAX else "")


def with_finite_limit(rows: list[Row]) -> list[Row]:
    """And a measured one; of those without, see `library_numbers`."""
    return [row for row in rows if row.has_limit and math.isfinite(row.predicted + row.measured)]


def limit_numbers(rows: list[Row]) -> Numbers:
    found = {}
    for row in with_finite_limit(rows):
        held = ", its second moment held at 1" if is_frozen(row) else ""
        found[key_of(row)] = number.theory(
            row.measured,
            row.predicted,
            row.expected_error * row.predicted,
            "growth that counts is by e; and four digits of the search",
            f"largest stable ηλ of {row.library}'s {row.name}{held}, by running it, beside that "
            "of the linearized update",
        )
    return found


def library_numbers(rows: list[Row]) -> Numbers:
    ours = [row for row in rows if row.library == OURS and not is_frozen(row)]
    always = [row for row in rows if row.has_limit and math.isinf(row.predicted)]
    return {
        "never_grow": number.exact(
            float(sum(math.isinf(row.measured) for row in always)),
            float(len(always)),
            0.0,
            "a count; 61 rates over 20 decades were run",
            "optimizers predicted to be stable at every rate that, run, never grow",
        ),
        "grow_in_theory_alone": number.regression(
            float(
                sum(
                    math.isfinite(row.predicted) != math.isfinite(row.measured)
                    for row in rows
                    if row.has_limit
                )
            ),
            "optimizers that, run, never grow, but whose linearized update does: optax's "
            "backtracking, which from rest gives up after 30 trials, and in a run goes on from the "
            "rate that it found last",
            tolerance=0.0,
            why="a count of those that are here",
        ),
        **{
            f"with_{key}": number.regression(
                float(sum(row.kind in kinds for row in ours)),
                f"optimizers of jdescent that {words}",
                tolerance=0.0,
                why="a count of those that are here",
            )
            for key, kinds, words in (
                ("limit", ("linear", "periodic map"), "have a linear map"),
                ("oscillation", ("cycle",), "oscillate in proportion to the rate"),
                ("neither", ("none",), "have neither"),
            )
        },
    }


def momentum_numbers(momentum: dict, config: Config) -> Numbers:
    found = {}
    for name, of_method in momentum.items():
        exact = np.asarray(curves.MOMENTUM[name][1](1.0, np.array(config.momenta)))
        off = np.abs(of_method["predicted"] / exact - 1)
        found[f"{name}_linearized"] = number.exact(
            float(off.max()), 0.0, LINEARIZED, "bisection in float64",
            f"largest relative distance of the limit of the linearized {name} from the closed "
            "form, over all momenta", scale=1.0,
        )  # fmt: skip
        found[f"{name}_measured"] = number.theory(
            float(of_method["measured"][config.momenta.index(0.9)]),
            float(exact[config.momenta.index(0.9)]),
            5e-4 * float(exact[config.momenta.index(0.9)]),
            f"growth by e in {config.growth_steps:,} steps",
            f"largest stable ηλ of {name}, β = 0.9, by running it",
        )
    return found


def optimistic_numbers(optimism: dict[str, float], config: Config) -> Numbers:
    return {
        f"optimistic_of_{library}": number.theory(
            measured, float(optimistic_limit(1.0)), 1e-3 * float(optimistic_limit(1.0)),
            f"growth by e in {config.growth_steps:,} steps",
            f"largest stable ηλ of {library}'s optimistic gradient descent, by running it",
        )
        for library, measured in optimism.items()
    }  # fmt: skip


def lookahead_numbers(periods: dict[int, Crossing], config: Config) -> Numbers:
    theory = curves.lookahead_theory(config)
    found, share = {}, config.shares.index(0.5)
    for k, of_k in zip(config.periods, theory, strict=True):
        found[f"lookahead_{k}"] = number.theory(
            float(np.asarray(periods[k].position)[share]),
            float(of_k[share]),
            1.001 * float(np.asarray(periods[k].half_width)[share]),
            "half a step of the sweep",
            f"largest stable ηλ of gradient descent in lookahead, k = {k}, α = 0.5",
        )
    edges = np.array([periods[k].position for k in config.periods])
    widths = np.array([periods[k].half_width for k in config.periods])
    found["lookahead_error"] = number.bound(
        float(np.max(np.abs(edges - theory) / widths)),
        "half a step of the sweep; gradient descent's 2/λ would miss it",
        "largest distance of lookahead's edge from the closed form, over all k and α, in half "
        "steps of the sweep",
        at_most=1.001,
        missed_by=float(np.max(np.abs(edges - 2) / widths)),
    )
    return found


def schedule_free_numbers(horizons: np.ndarray, config: Config) -> Numbers:
    return {
        f"schedule_free_{steps}": number.theory(
            float(edge),
            float(curves.schedule_free_theory(steps)),
            LN_T / steps * float(curves.schedule_free_theory(10**12)),
            "terms of order 1/T",
            f"largest ηλ at which schedule-free SGD, β₁ = {curves.B1}, is no farther than it began "
            f"after {steps:,} steps, beside theory to order ln T/T",
        )
        for steps, edge in zip(config.horizons, horizons, strict=True)
        if steps >= 300
    }


def cycle_numbers(found: dict[str, Cycle]) -> Numbers:
    summary = {}
    for name, (seen, theory) in found.items():
        key = name.replace(" ", "_").replace(".", "")
        summary[f"{key}_amplitude"] = number.theory(
            seen.amplitude, theory.amplitude, DIFFERENCES * theory.amplitude,
            "ε = 10⁻⁸, and Newton's last step",
            f"|x|/η on the cycle x, −x of {name}, by Newton's method on its update",
        )  # fmt: skip
        summary[f"{key}_multiplier"] = number.theory(
            seen.multipliers[0], theory.multipliers[0], DIFFERENCES, "central differences",
            f"largest factor per step of a deviation from the cycle of {name}, from its update",
        )  # fmt: skip
        meaning = f"root mean square of x/η of {name} in long runs"
        if theory.is_stable:
            summary[f"{key}_rms"] = number.theory(
                seen.rms, theory.amplitude, 1e-4 * theory.amplitude,
                "what is left of how the run began", meaning + ", beside the cycle that attracts",
            )  # fmt: skip
        else:
            summary[f"{key}_rms"] = number.regression(
                seen.rms, meaning + f", whose cycle repels, at {theory.amplitude:.6f}",
                tolerance=BURSTS * seen.rms, why="it comes from bursts, which rounding moves",
            )  # fmt: skip
    return summary


def settling_numbers(eps: dict) -> Numbers:
    edge, critical = eps["edge"], eps["critical"]
    above = eps["rms"][eps["wide"] > 10 * critical]
    below = eps["rms"][eps["wide"] < 0.9 * critical]
    return {
        "adam_eps_edge": number.theory(
            float(edge.position), critical, 2.002 * float(edge.half_width),
            "half a step of the sweep, and as much for how a run begins",
            f"curvature above which Adam, η = {cycles.RATE}, ε = 10⁻⁸, leaves the minimum",
        ),
        "adam_left_above": number.bound(
            float(above.min()), "a tenth of the cycle η/38; what settles would miss it",
            "least root mean square of x/η of this Adam at curvatures from ten times that on",
            at_least=0.1 / 38, missed_by=float(below.max()), tolerance=float(above.min()) / 2,
        ),
        "adam_left_below": number.bound(
            float(below.max()), "a millionth of the cycle; what is above the edge would miss it",
            "largest root mean square of x/η of this Adam at curvatures below 0.9 of that",
            at_most=1e-6 / 38, missed_by=float(above.min()),
        ),
    }  # fmt: skip


def adagrad_numbers(adagrad: dict) -> Numbers:
    rate = adagrad["rates"][-1]
    return {
        "adagrad_end": number.bound(
            float(adagrad["ends"].max()),
            "a millionth of the start; RMSProp at the smallest of these rates stays at η/2",
            f"largest |x| that AdaGrad leaves of 1 in {cycles.ADAGRAD_STEPS:,} steps on ½x², over "
            f"rates from {adagrad['rates'][0]:g} to {rate:g}",
            at_most=1e-6,
            missed_by=float(adagrad["rates"][0]) / 2,
        ),
        "adagrad_root": number.bound(
            float(adagrad["roots"].min()),
            "the largest rate that its root allows; a limit would be 1",
            "least √S that it ends with, over ηλ/2, over these rates",
            at_least=1.0,
            missed_by=0.99,
        ),
        "adagrad_root_of_large_rate": number.theory(
            float(adagrad["roots"][-1]), 2.0, 10 / rate,
            "terms of order 1/η", f"√S over ηλ/2 at η = {rate:g}: the first step alone makes it 2",
        ),
    }  # fmt: skip


def sign_numbers(sizes: dict[str, np.ndarray]) -> Numbers:
    summary = {}
    for name in ("sign_sgd", "signum", "lion", "tiger"):
        of_method = sizes[name]
        summary[f"{name}_invariance"] = number.exact(
            float(np.abs(of_method - of_method[:1, :1]).max()), 0.0, 1e-9,
            "rates and curvatures are powers of two",
            f"largest difference of |x|/η of {name} between rates and curvatures, over all steps",
            scale=1.0,
        )  # fmt: skip
        means = of_method[0, 0].mean(axis=-1)
        if name == "sign_sgd":
            summary["sign_sgd_mean"] = number.exact(
                float(means.mean()), 0.5, 1e-9, "rounding of sums",
                "mean |x|/η of sign descent, over all starts",
            )  # fmt: skip
            summary["sign_sgd_largest"] = number.bound(
                float(of_method.max()), "derived: the cycle is r, r − η; Lion's would miss it",
                "largest |x|/η of sign descent", at_most=1.0,
                missed_by=float(sizes["lion"].max()), tolerance=0.05,
            )  # fmt: skip
            continue
        summary[f"{name}_mean"] = number.regression(
            statistics.positive_mean(means), f"mean |x|/η of {name}, over starts"
        )
        largest = float(of_method[0, 0].max())
        summary[f"{name}_largest"] = number.regression(
            largest, f"largest |x|/η of {name}, of all starts",
            tolerance=LARGEST * largest, why="an extreme, which rounding moves",
        )  # fmt: skip
    return summary


def muon_numbers(sizes: np.ndarray) -> Numbers:
    summary = {}
    height, width = amplitudes.SHAPE
    what = f"of Muon on ½‖W‖², W {height}×{width}"
    of_rates = [statistics.mean(sizes[i, 0].mean(axis=-1)) for i in range(len(amplitudes.RATES))]
    for rate, mean, of_rate in zip(amplitudes.RATES, of_rates, sizes[:, 0], strict=True):
        key = f"muon_{rate:g}".replace("0.", "")
        summary[f"{key}_mean"] = number.regression(mean, f"mean ‖W‖₂/η {what}, η = {rate:g}")
        summary[f"{key}_largest"] = number.regression(
            statistics.positive_mean(of_rate.max(axis=-1)),
            f"largest ‖W‖₂/η in a run {what}, η = {rate:g}, mean over starts",
        )
    small, large = of_rates
    error = 3 * math.hypot(small.error / small.value, large.error / large.value)
    summary["muon_rates"] = number.theory(
        large.value / small.value, 1.0, error, "3 standard errors over starts",
        f"mean ‖W‖₂/η {what}, at sixteen times the rate over that at the rate",
    )  # fmt: skip
    return summary


def stretched_number(sizes: dict[str, np.ndarray]) -> Number:
    most = amplitudes.MOST_STRETCHED
    return number.regression(
        statistics.mean(sizes["muon_stretched"][0, 0].mean(axis=-1)),
        f"mean ‖W‖₂/η of Muon where the entries of W have curvatures of {most**-2:g} to "
        f"{most**2:g}, products of its rows' and its columns': more than on ½‖W‖²",
    )
