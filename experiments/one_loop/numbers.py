"""The headline numbers: held-out scores beside the best simple methods."""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, geometric_mean, mean_share, positive_mean
from experiments.one_loop.config import Config
from experiments.one_loop.learner import Result
from experiments.one_loop.simulate import Learned
from experiments.one_loop.table import Row


def numbers(data: Learned, config: Config) -> Numbers:
    """The held-out score of each row, which must beat what the row promises to."""
    found: Numbers = {}
    for row, results in ((trained.row, trained.results) for trained in data.rows):
        name = row.name.replace(" ", "_").replace("-", "_")
        found[name] = score_number(row, results, config)
        if "p_value" in results[0].more:
            found[f"{name}_p_value"] = p_value_number(row, results, config)
    sooner = data.compared.steps_to_equal
    if np.isfinite(sooner).all():
        found["fine_tuning_steps_to_equal"] = from_full_effort(
            number.below, config, geometric_mean(sooner), float(config.second.steps),
            f"steps of fine-tuning that do what {config.second.steps} steps from scratch do, "
            "geometric mean",
            why="were the first text no help",
        )  # fmt: skip
    return found


def score_number(row: Row, results: list[Result], config: Config) -> Number:
    first = results[0]
    scores = [result.score for result in results]
    promised = row.promise(first)
    what = f"{row.name}: held-out {first.unit}; {first.against}: {first.baseline:.4g}"
    if not row.random:
        return deterministic_number(row, first, what, config)
    estimate = mean_share(scores) if first.higher_is_better else positive_mean(scores)
    return from_full_effort(
        number.above if first.higher_is_better else number.below, config, estimate, promised.score,
        f"{what}, mean over {config.seeds} seeds", why=promised.name, baseline=first.best,
    )  # fmt: skip


def deterministic_number(row: Row, result: Result, what: str, config: Config) -> Number:
    """All seeds are one run: least squares, where algebra knows them, or what is promised."""
    only = Estimate(result.score, 0.0, None)
    if "least_squares" in result.more:
        return number.theory(
            only,
            result.more["least_squares"],
            4 * result.more["distance_to_least_squares"],
            "four times what is left of the way of θ to least squares: R² moves by less than twice "
            "that times the root of the largest curvature, 2",
            f"{what}; theory: least squares",
            baseline=result.best,
            signed=True,
        )
    promised = row.promise(result)
    return from_full_effort(
        number.above, config, only, promised.score, what, why=promised.name, baseline=result.best
    )


def p_value_number(row: Row, results: list[Result], config: Config) -> Number:
    largest = max(result.more["p_value"] for result in results)
    what = (
        f"{row.name}: Mann–Whitney's p that related words lie no nearer than random ones, the "
        "largest of all seeds"
    )
    if config.effort < 1:
        return number.regression(
            largest, what, tolerance=largest / 2, why="half of it: less effort promises nothing"
        )
    why = "one in a thousand; vectors that know nothing, at ½ on average, would miss it"
    return number.bound(largest, why, what, at_most=1e-3, missed_by=0.5)


def from_full_effort(
    kept: Callable[..., Number], config: Config, estimate: Estimate, limit: float, what: str,
    **also: Any,
) -> Number:  # fmt: skip
    """The bound, from full effort on; less promises nothing."""
    if config.effort >= 1:
        return kept(estimate, limit, what, **also)
    return number.regression(estimate, what, baseline=also.get("baseline"))
