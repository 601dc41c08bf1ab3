"""The headline numbers of the counterexamples."""

import math

import numpy as np

from experiments.common import number
from experiments.common.number import ERRORS, Number, Numbers
from experiments.common.statistics import positive_mean
from experiments.counterexamples import logistic, online, three_cycle, unit_roots
from experiments.counterexamples.config import Config
from jdescent import analysis

NEAR_DOUBLE_ROOT = 3.0  # n·|error of ln ρ| of a record of n entries: `analysis.contraction_rate`
LIMIT, LIMIT_BETA = 8.0, 32.0  # of (1 − ρ)κ/2 and (1 − β)κ, for κ → ∞
ROUNDING = 1e-9


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **three_cycle_numbers(data["paths"], data["basins"]),
        **cycle_numbers(data["tunings"], data["cycles"]),
        **speed_numbers(data["speeds"], config),
        **online_numbers(data["online"], config),
        **logistic_numbers(data["logistic"], config),
    }


def three_cycle_numbers(paths: dict, basins: dict) -> Numbers:
    path = paths["heavy_ball"]
    found = {
        f"three_cycle_{i}": number.exact(
            float(path[-3:][np.argmin(np.abs(path[-3:] - point))]),
            float(point),
            ROUNDING,
            "rounding, in float64",
            f"a point of the heavy ball's cycle from 3.3; {round(point * 1225)}/1225",
        )
        for i, point in enumerate(three_cycle.CYCLE)
    }
    apart = three_cycle.distances(path)
    entries = int(np.sum(apart > unit_roots.ROUNDED))
    rate, momentum, _ = analysis.tuned_heavy_ball(three_cycle.SMALLEST, three_cycle.LARGEST)
    exact = float(analysis.heavy_ball_rate(rate, three_cycle.LARGEST, momentum))
    found["three_cycle_factor"] = number.theory(
        float(analysis.contraction_rate(apart, floor=unit_roots.ROUNDED)),
        exact,
        exact * NEAR_DOUBLE_ROOT / entries,
        f"n = {entries} entries give ln ρ to {NEAR_DOUBLE_ROOT:g}/n near a double root",
        "factor per step towards that cycle; all its points lie where the curvature is 25",
    )
    ends = basins["ends"]
    found["three_cycle_basin"] = number.regression(
        float(np.mean(ends == 1)),
        "share of the starts (x₋₁, x₀) in [−4, 4]² from which the heavy ball cycles",
        tolerance=2 / len(ends),
        why="two rows of pixels",
    )
    found["other_ends"] = number.exact(
        float(np.sum(ends == 2)), 0.0, 0.0, "a whole number",
        "starts that end neither there nor at the minimum",
    )  # fmt: skip
    found["nesterov_end"] = number.exact(
        float(abs(paths["nesterov"][-1])), 0.0, ROUNDING, "rounding",
        "distance of Nesterov's method from the minimum, from 3.3 on the same function",
        scale=three_cycle.START,
    )  # fmt: skip
    return found


def cycle_numbers(tunings: dict, cycles: dict) -> Numbers:
    stays, margin = tunings["stays"], tunings["margin"]
    free = ~stays.any(axis=1)
    descent = 1 - analysis.tuned_gd(1 / unit_roots.CONDITION, 1.0).rate
    tuned = 1 - analysis.tuned_heavy_ball(1 / unit_roots.CONDITION, 1.0).rate
    drawn = cycles["attraction"]
    off = drawn["entries"] * np.abs(np.log(drawn["measured"] / drawn["predicted"]))
    off_quadratics = drawn["entries"] * np.abs(np.log(drawn["measured"] / drawn["on_quadratics"]))
    return {
        "cycles_mistaken": number.exact(
            float(np.sum(stays != (margin >= 0))),
            0.0,
            0.0,
            "a whole number",
            f"of {stays.size} runs from a cycle's points, those that stay where theory has no "
            "cycle or leave where it has one",
        ),
        "tunings_that_cycle": number.regression(
            float(1 - free.mean()),
            f"share of {free.size} stable tunings (η, β), κ = {unit_roots.CONDITION:g}, for which "
            "a cycle was found and run",
            tolerance=0.01,
            why="a row of tunings",
        ),
        "fastest_that_does_not": number.bound(
            float((1 - tunings["quadratic"][free]).max() / descent),
            "the limit for κ → ∞ worked out here, from below; the tuning that is fastest on "
            "quadratics would miss it",
            "largest 1 − ρ on quadratics among the other tunings, over that of gradient descent",
            at_most=LIMIT,
            missed_by=float(tuned / descent),
        ),
        "attraction_error": number.bound(
            float(off.max()),
            "n entries give ln ρ to 3/n; the factor on quadratics would miss it",
            f"largest n·|ln ρ̂/ρ| of {off.size} runs drawn onto their cycle, ρ that of curvature L",
            at_most=NEAR_DOUBLE_ROOT,
            missed_by=float(off_quadratics.max()),
        ),
        "class_slack": number.bound(
            float(cycles["slack"][0]),
            "rounding; twice the μ would miss it",
            "least slack of the conditions on the values and slopes of an L-smooth, μ-strongly "
            "convex function, over pairs of points of the counterexamples, in units of the largest "
            "value",
            at_least=-1e-12,
            missed_by=float(cycles["slack"][1]),
            signed=True,
        ),
    }


def speed_numbers(speeds: dict, config: Config) -> Numbers:
    found = {}
    conditions, exact = speeds["conditions"], speeds["exact"]
    descent = 2 / (conditions + 1)  # gradient descent's 1 − ρ
    entries = np.minimum(config.rate_steps, np.log(unit_roots.FLOOR) / np.log1p(-exact * descent))
    off = NEAR_DOUBLE_ROOT / entries / descent
    for i, condition in enumerate(conditions):
        found[f"speed_at_{condition:g}"] = number.theory(
            float(speeds["measured"][i]),
            float(exact[i]),
            float(off[i]),
            "a record of n entries, which ends at 1e-290, gives ln ρ to 3/n near a double root",
            "1 − ρ of the fastest tuning without a cycle, over gradient descent's, κ = "
            f"{condition:g}",
        )
    last = conditions[-1]
    found["speed_limit"] = number.theory(
        float(speeds["measured"][-1]),
        LIMIT,
        float(LIMIT * LIMIT_BETA / last + off[-1]),
        "1 − β = 32/κ there, which the limit takes for small, and the error of that record",
        f"the same at κ = {last:g} beside its limit for κ → ∞, worked out here",
    )
    return found


def online_numbers(runs: dict, config: Config) -> Numbers:
    found = {}
    last = config.online_rate / math.sqrt(config.online_steps)
    for (kind, name, steep), points in runs.items():
        drift, end = online.drift(kind, name, steep), online.ENDS[name]
        key = f"{name}_{kind}_{steep:g}"
        where = f"{online.TITLES[name]}, C = {steep:g} {online.WORDS[kind]}"
        clock = online.arrivals(name, points, config)
        start = 2 * config.online_rate * abs(drift)
        if kind == "turn":
            speed, why = 1 / float(clock[0]), "two steps of α: where in a turn it starts and ends"
            at, error = float(points[0, -online.PERIOD :].mean()), 0.0
        else:
            estimate = positive_mean(clock)
            error = ERRORS * estimate.error / estimate.value**2
            speed, why = (
                1 / estimate.value,
                f"two steps of α, and 3 standard errors of {len(clock)} runs",
            )
            at = float(points[:, -1].mean())
        found[f"drift_{key}"] = number.theory(
            speed, abs(drift), start + error, why,
            f"1/Σ α_t from 0 until x = {end:+g}: {where}",
        )  # fmt: skip
        found[f"end_{key}"] = number.theory(
            at, end, 5 * last / (2 * abs(drift)) + 2 * last,
            "five times the width α_T/(2δ) in which a drift δ holds it, and two steps",
            f"x after {config.online_steps} steps: {where}", signed=True,
        )  # fmt: skip
    for steep in online.STEEP:
        found.update(regret_numbers(runs, steep, config))
    return found


def regret_numbers(runs: dict, steep: float, config: Config) -> Numbers:
    worst = (2 * steep - 4) / online.PERIOD
    step = steep * config.online_rate / math.sqrt(config.online_steps / 2)
    adam, amsgrad = (online.regret(runs["turn", name, steep], steep) for name in online.METHODS)
    meaning = f"mean loss above that of x = −1, over the last half of the steps, C = {steep:g}"
    return {
        f"regret_adam_{steep:g}": number.theory(
            adam, worst, 3 * step, "three steps of C·α_t", f"Adam's {meaning}; at x = 1 (2C − 4)/3"
        ),
        f"regret_amsgrad_{steep:g}": number.bound(
            amsgrad, "three steps of C·α_t; Adam would miss it", f"AMSGrad's {meaning}",
            at_most=3 * step, missed_by=adam, signed=True,
        ),
    }  # fmt: skip


def logistic_numbers(regressions: dict, config: Config) -> Numbers:
    late, ratios, after, before = [], [], 0, {}
    for name, runs in regressions.items():
        points, count = runs["data"], len(runs["data"].examples)
        before[name] = 0
        for rate, losses in zip(runs["rates"], runs["losses"], strict=True):
            s = logistic.settled_at(losses, rate, count)
            until = len(losses) - 1 if s is None else s
            late.append(until / logistic.latest_settling(points, rate))
            before[name] += int(np.sum(np.diff(losses[: until + 1]) > 0))
            if s is not None:
                bound = logistic.settled_bound(points, rate, np.arange(len(losses) - s))
                ratios.append(float(np.max(losses[s:] / bound)))
                after += int(np.sum(np.diff(losses[s:]) > 0))
    runs = regressions["two points"]
    slowest = float(runs["losses"][0, -1])
    steps, largest = config.budgets[-1], float(runs["rates"][-1])
    beside = slowest / logistic.settled_bound(runs["data"], largest, np.array(float(steps)))
    found = {
        "settling": number.bound(
            max(late),
            "the bound on t worked out here; two points that still oscillated at the end would "
            "miss it",
            "largest s/τ: steps until the loss is so low that it can only fall, over the latest "
            "that theory allows, over all data and learning rates",
            at_most=1.0,
            missed_by=steps
            / min(logistic.latest_settling(runs["data"], rate) for rate in runs["rates"]),
        ),
        "rises_after": number.exact(
            float(after), 0.0, 0.0, "a whole number", "steps after s that raised the loss"
        ),
        "settled_ratio": number.bound(
            max(ratios),
            f"the bound; the loss at η = {runs['rates'][0]:g} would miss that of {largest:g}",
            "largest loss after s over (0.53 + ½ ln²(γ²t))/(γ²ηt)",
            at_most=1.0,
            missed_by=float(beside),
        ),
    }
    for name, rises in before.items():
        found[f"rises_before_{name.replace(' ', '_')}"] = number.bound(
            float(rises),
            "it oscillates; a loss that only fell would miss it",
            f"steps before s that raised the loss, over all learning rates: {name}",
            at_least=1.0,
            missed_by=0.0,
        )
    return found | slope_numbers(runs, config) | {"budget_slope": budget_slope(regressions, config)}


def slope_numbers(runs: dict, config: Config) -> Numbers:
    found = {}
    for rate in config.logistic_rates:
        losses = runs["losses"][np.flatnonzero(runs["rates"] == rate)[0]]
        half, scale = len(losses) // 2, rate * runs["data"].margin ** 2
        s = logistic.settled_at(losses, rate, len(runs["data"].examples))
        if s is None or s > half or losses[half] * scale * half < 0.5:
            continue  # it settled far below the loss that 1/(γ²ηt) would be, and waits there
        found[f"inverse_loss_{rate:g}"] = number.theory(
            (1 / losses[-1] - 1 / losses[half]) / (len(losses) - 1 - half),
            scale,
            scale * float(losses[half] + 1 / half),
            "terms of the order of the loss and of 1/t",
            f"mean growth of 1/L per step over the last half, two points, η = {rate:g}; γ²η",
        )
    return found


def budget_slope(regressions: dict, config: Config) -> Number:
    budgets = np.array(config.budgets)
    ends = logistic.at_budget(regressions["digits"], config)
    slope = float(np.polyfit(np.log(budgets), np.log(ends), 1)[0])
    return number.regression(
        slope,
        "slope of ln L against ln T after T steps at η = T, digits; the bound is as T⁻²",
        tolerance=0.1 * abs(slope),
        why="oscillations amplify rounding",
        signed=True,
    )
