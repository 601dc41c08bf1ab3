"""The headline numbers: successes beside LightBench's, and what explains the differences."""

from typing import Any

import numpy as np
from scipy import stats

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import mean, mean_share, positive_mean
from experiments.lightbench import counting
from experiments.lightbench.candidates import CANDIDATES
from experiments.lightbench.config import Config
from experiments.lightbench.counting import INDEX
from experiments.lightbench.searches import FAMILY_LONGER, STEPS, STEPS_LONGER
from experiments.lightbench.simulate import AIM, SHOWN_AT_ONCE, SIZE, searched
from jdescent.report_card.lightbench.published import details, summary

FEWER_STEPS = 1000
FIRST_TRIALS = (2, 3, 6, 8)
STATED = 107.791  # AdamW's attempts in LightBench's summary
PSGD_LEVELS = slice(4, 6)  # of plateau_navigation: extreme and nightmare


def numbers(data: dict[str, Any], config: Config) -> Numbers:
    first = data["first"]
    return {
        **_bookkeeping(),
        **_successes(first),
        **_beside(first, config),
        **_adopt(data, config),
        **_differences(first),
        **_explained(data, config),
    }


def _bookkeeping() -> Numbers:
    right = [
        (solved, counted) == (sum(t > 0 for t in details(name).values()), len(details(name)))
        for name, (solved, counted, _) in summary().items()
    ]
    trials = np.array(list(details("AdamW").values()), float)
    return {
        "tables_read": number.exact(
            sum(right), len(summary()), 0.0, "counts",
            "optimizers whose successes and tasks in LightBench's summary are those of its details",
        ),
        "attempts_with_failures": number.exact(
            float(np.mean(np.abs(trials))), STATED, 1e-3, "three decimals are published",
            "mean over all AdamW's rows there of the trials, 1,000 where they failed and 0 where "
            "none was made",
        ),
        "early_successes": number.regression(
            float(np.mean(np.isin(all_successes(), FIRST_TRIALS))),
            "share of all successes there that came at trials 2, 3, 6 and 8, whose settings are "
            "the same for every optimizer",
            tolerance=1e-3, why="a fact of the table",
        ),
        "attempts_of_successes": number.regression(
            float(np.mean(trials[trials > 0])), "mean over AdamW's successes there of the trials",
            tolerance=0.01, why="a fact of the table",
        ),
    }  # fmt: skip


def all_successes() -> np.ndarray:
    """The trials of every success in LightBench's table."""
    trials = np.concatenate([list(details(name).values()) for name in summary()])
    return trials[trials > 0]


def _successes(first: counting.Cells) -> Numbers:
    there = np.isfinite(counting.published_trials())
    shares = np.mean(counting.solved(first), axis=1)
    n, trials = len(searched()), first.shape[-1]
    return {
        f"solved_{key(name)}": number.regression(
            mean_share(shares[i]),
            f"share of {n} tasks that {trials} trials of {name} solve, mean over seeds; "
            f"LightBench's: {there[i].mean():.3f}",
        )
        for i, name in enumerate(CANDIDATES)
    }  # fmt: skip


def key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _beside(first: counting.Cells, config: Config) -> Numbers:
    drawn = f"; interval over families drawn anew {config.resamples} times"
    return {
        "order": _positive(
            counting.order_kept(first, config.resamples),
            f"Kendall's τ of the {len(first)} optimizers' successes here and there" + drawn,
        ),
        "agreement": number.regression(
            counting.agreement(first, config.resamples),
            "share of optimizers and tasks solved by most seeds' searches where they are solved "
            "there, and not where not" + drawn,
        ),
        "agreement_where_tried": number.regression(
            counting.agreement(first, config.resamples, of_tried=True),
            "the same share, without what was not tried there" + drawn,
        ),
        "agreement_beyond_chance": _positive(
            counting.kappa(first, config.resamples), "Cohen's κ of that agreement" + drawn
        ),
        "trials_ratio": number.regression(
            counting.trials_ratio(first, config.resamples),
            "geometric mean, over what is solved in both, of random trials needed here over those "
            "of the sampler there" + drawn,
        ),
    }


def _adopt(data: dict[str, Any], config: Config) -> Numbers:
    """What is called ADOPT there steps along the gradient: see `candidates`."""
    i = counting.INDEX["ADOPT"]
    tried, there = ~counting.untried()[i], np.isfinite(counting.published_trials()[i])
    repaired = counting.with_sgd_for_adopt(data["first"], data["beside"])

    def alike(first):
        return mean_share(np.mean(counting.solved(first)[tried] == there[tried, None], axis=0))

    return {
        "adopt_as_adopt": number.regression(
            alike(data["first"][i]),
            f"share of {tried.sum()} tasks tried there on which ADOPT here has the outcome of "
            "ADOPT there, mean over seeds",
        ),
        "adopt_as_sgd": number.above(
            alike(data["beside"][0]),
            float(alike(data["first"][i]).value),
            "the same share of gradient descent here beside ADOPT there",
        ),
        "order_with_sgd": _positive(
            counting.order_kept(repaired, config.resamples),
            "Kendall's τ as above, with gradient descent here in the place of ADOPT",
        ),
    }


def _positive(estimate, meaning):
    """Above 0, where its interval is; else what it was."""
    if estimate.interval[0] > 0:
        return number.above(estimate, 0.0, meaning, signed=True)
    return number.regression(estimate, meaning, signed=True)


def _differences(first: counting.Cells) -> Numbers:
    shares = np.mean(counting.solved(first), axis=1)
    pairs = {
        "cautious_over_adamw": ("cautious AdamW", "AdamW"),
        "adamw_over_rmsprop": ("AdamW", "RMSprop"),
        "rmsprop_over_muon": ("RMSprop", "Muon"),
        "adopt_over_muon": ("ADOPT", "Muon"),
        "adamw_over_psgdkron": ("AdamW", "PSGDKron"),
    }
    found: Numbers = {
        name: number.regression(
            mean(shares[INDEX[more]] - shares[INDEX[less]]),
            f"share solved by {more} less that by {less}, mean over seeds",
            signed=True,
        )
        for name, (more, less) in pairs.items()
    }
    trials = counting.trials_until_solved(first)
    plain, cautious = trials[INDEX["AdamW"]], trials[INDEX["cautious AdamW"]]
    found["cautious_fewer_trials"] = number.regression(
        positive_mean(np.exp(np.nanmean(np.log(plain / cautious), axis=0))),
        "trials of AdamW over those of cautious AdamW, geometric mean over tasks that both solve, "
        "mean over seeds",
    )
    return found


def _explained(data: dict[str, Any], config: Config) -> Numbers:
    first = data["first"]
    sooner = np.where(first > FEWER_STEPS, -1, first)
    early = np.mean(counting.solved(sooner), axis=(0, 1))
    late = np.mean(counting.solved(first), axis=(0, 1))
    return {
        "repeated": number.bound(
            data["repeated"], "rounding may move a trial at an edge",
            f"share of AdamW's trials on {' and '.join(config.repeated)} that end as on record",
            at_least=0.98, missed_by=0.9,
        ),
        "unreachable": number.exact(
            data["unreachable"], 0.0, 0.0, "no gradient leads there",
            "trials that reach the aims of minimax, wide_linear and saddle_point from y = 0",
            scale=1.0,
        ),
        "mended": number.bound(
            int(np.sum(data["mended"])), "most optimizers that see a gradient should",
            "optimizers that solve wide_linear once its aim is where its loss is least",
            at_least=5, missed_by=0,
        ),
        "plateau_without_eps": number.bound(
            float(np.min(data["without_eps"][PSGD_LEVELS])),
            "none of LightBench's AdamW trials, and none here with ε = 10⁻⁸",
            "share of AdamW's trials with ε = 10⁻³⁰ that solve the extreme and the nightmare "
            "plateau, the lower one", at_least=0.02, missed_by=0.0,
        ),
        "untried": number.regression(
            mean_share(np.mean(counting.solved(first)[counting.untried()], axis=0)),
            f"share of {counting.untried().sum()} optimizers and tasks, counted as failed there "
            "without a trial because an easier level had failed, that are solved here",
        ),
        "adversary_at_each_step": number.regression(
            float(data["at_each_step"][0]),
            "share of AdamW's trials that pass through the aim of adversarial_gradient-trivial, "
            "looked at at each step rather than each 256th",
            tolerance=0.02, why="rounding at the edges of the aim",
        ),
        "standing_still": number.sampled_theory(
            mean_share(data["standing_still"]), standing_still_chance(),
            f"{config.masks} draws",
            "chance that sparse_gradient-nightmare is solved before the first step",
            error=np.sqrt(standing_still_chance() * (1 - standing_still_chance()) / config.masks),
        ),
        "gained_by_more_steps": _positive(
            mean(data["longer"][1] - data["longer"][0]),
            f"share of the levels of {FAMILY_LONGER} that AdamW solves within {STEPS_LONGER} steps "
            f"a trial less that within {STEPS}, mean over seeds; it solves all of them there",
        ),
        "gained_by_steps": number.regression(
            mean(late - early),
            f"share solved within {STEPS} steps a trial less that within {FEWER_STEPS}, mean over "
            "optimizers and seeds", signed=True,
        ),
    }  # fmt: skip


def standing_still_chance() -> float:
    """P(χ²_N ≤ aim·size), N coordinates shown at once: Poisson of mean size·share.

    Example:
        >>> print(round(standing_still_chance(), 3))
        0.806
    """
    shown = np.arange(60)
    weights = stats.poisson.pmf(shown, SIZE * SHOWN_AT_ONCE)
    return float(np.sum(weights * np.where(shown == 0, 1, stats.chi2.cdf(AIM * SIZE, shown))))
