"""Successes and trials, of the searches and of LightBench's table."""

import functools
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Float
from scipy import special, stats

from experiments.common.statistics import Estimate
from experiments.lightbench.candidates import CANDIDATES
from experiments.lightbench.simulate import Cells, searched
from jdescent.report_card.lightbench.published import details

PUBLISHED: Mapping[str, str] = {
    "AdamW": "AdamW",
    "cautious AdamW": "cautious AdamW",
    "PSGDKron": "CachedPSGDKron",
    "SFAdamW": "ForeachSFAdamW",
    "LaProp": "LaProp",
    "RMSprop": "RMSprop",
    "Muon": "Muon",
    "ADOPT": "ForeachADOPT",
}
"""The names of the candidates there."""
INDEX = {name: i for i, name in enumerate(CANDIDATES)}


def published_trials() -> Float[np.ndarray, "optimizers tasks"]:
    """Of each candidate and task searched here the trials that it took there; infinite if unsolved.

    A task that was not tried there, as an easier level had failed, is unsolved.
    """
    rows = []
    for name in PUBLISHED.values():
        found = details(name)
        trials = [found.get(f"{family}-{level}", -1) for family, level in searched()]
        rows.append([trial if trial > 0 else np.inf for trial in trials])
    return np.array(rows)


@functools.cache
def untried() -> Bool[np.ndarray, "optimizers tasks"]:
    """Counted as failed there without a trial, as an easier level had failed."""
    rows = [
        [found.get(f"{family}-{level}") == 0 for family, level in searched()]
        for found in map(details, PUBLISHED.values())
    ]
    return np.array(rows)


def solved(first: Cells) -> Bool[np.ndarray, "optimizers tasks seeds"]:
    """Whether any trial of a seed's search reached the aim."""
    return np.any(first >= 0, axis=-1)


def solved_after(first: Cells, trials: int) -> Float[np.ndarray, "optimizers tasks seeds"]:
    """The chance that a search in random order has solved it after so many trials.

    1 − C(N − k, n)/C(N, n) of N trials on record of which k succeeded: exact, without replacement.

    Example:
        >>> first = np.array([[[[5, -1, -1, -1]]]])  # one of four
        >>> print(solved_after(first, 1).item(), solved_after(first, 4).item())
        0.25 1.0
    """
    n, k = first.shape[-1], np.sum(first >= 0, axis=-1)
    return 1 - special.comb(n - k, trials) / special.comb(n, trials)


def trials_until_solved(first: Cells) -> Float[np.ndarray, "optimizers tasks seeds"]:
    """(N + 1)/(k + 1), the mean over all orders, where k > 0; NaN elsewhere.

    Example:
        >>> print(trials_until_solved(np.array([[[[5, -1, 7]]]])).item())  # places 1, 1, 2 of three
        1.3333
    """
    k = np.sum(first >= 0, axis=-1)
    return np.where(k > 0, (first.shape[-1] + 1) / (k + 1), np.nan)


def over_families(
    statistic: Callable[[np.ndarray], float], resamples: int, seed: int = 16
) -> Estimate:
    """A statistic of the tasks, with the interval that drawing families anew gives.

    Levels of one family are much alike: they come and go together.
    """
    names = [family for family, _ in searched()]
    members = [np.flatnonzero(np.array(names) == name) for name in dict.fromkeys(names)]
    n = len(members)
    picks = np.random.default_rng(seed).integers(n, size=(resamples, n))
    drawn = [statistic(np.concatenate([members[i] for i in pick])) for pick in picks]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    value = statistic(np.arange(len(names)))
    return Estimate(value, float(np.nanstd(drawn)), (float(low), float(high)))


def with_sgd_for_adopt(first: Cells, beside: Cells) -> Cells:
    """The searches with those of gradient descent in ADOPT's place."""
    return np.concatenate([first[: INDEX["ADOPT"]], beside])


def order_kept(first: Cells, resamples: int) -> Estimate:
    """Kendall's τ_b between the successes of the optimizers here and there."""
    here, there = np.mean(solved(first), axis=2), np.isfinite(published_trials())

    def tau(tasks):
        return float(stats.kendalltau(here[:, tasks].sum(1), there[:, tasks].sum(1)).statistic)

    return over_families(tau, resamples)


def agreement(first: Cells, resamples: int, of_tried: bool = False) -> Estimate:
    """The share of optimizers and tasks solved by most seeds where there, and not where not."""
    here, there = np.mean(solved(first), axis=2) > 0.5, np.isfinite(published_trials())
    counted = ~untried() | (not of_tried)
    return over_families(
        lambda tasks: float(np.mean((here == there)[:, tasks][counted[:, tasks]])), resamples
    )


def kappa(first: Cells, resamples: int) -> Estimate:
    """Cohen's κ of what was tried: agreement beyond that of two such tables by chance."""
    here, there = np.mean(solved(first), axis=2) > 0.5, np.isfinite(published_trials())

    def beyond_chance(tasks):
        a, b = (outcome[:, tasks][~untried()[:, tasks]] for outcome in (here, there))
        by_chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
        return float(((a == b).mean() - by_chance) / (1 - by_chance))

    return over_families(beyond_chance, resamples)


def trials_here(first: Cells) -> Float[np.ndarray, "optimizers tasks"]:
    """Trials until solved, over all seeds together."""
    k = np.sum(first >= 0, axis=(2, 3))
    return np.where(k > 0, (first.shape[2] * first.shape[3] + 1) / (k + 1), np.nan)


def trials_ratio(first: Cells, resamples: int) -> Estimate:
    """Geometric mean over what is solved in both of the trials here over those there."""
    ratios = trials_here(first) / published_trials()  # 0 where unsolved there
    logs = np.log(np.where(ratios > 0, ratios, np.nan))
    return over_families(lambda tasks: float(np.exp(np.nanmean(logs[:, tasks]))), resamples)
