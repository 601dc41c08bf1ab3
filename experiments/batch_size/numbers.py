"""The headline numbers: what a batch is worth, and its noise beside exact laws."""

import numpy as np
import scipy

from experiments.batch_size.config import Config, digits
from experiments.batch_size.gradients import Noise, exact_variance
from experiments.batch_size.network import Training, steps_to
from experiments.batch_size.parabola import PRODUCTS, SIZE, settled_parabola
from experiments.batch_size.regression import SHUFFLED, Settled, settled_regression
from experiments.common import number
from experiments.common.digits import baseline_accuracies, best_baseline, majority_accuracy
from experiments.common.number import Number, Numbers
from experiments.common.statistics import geometric_mean, mean_share, positive_mean

MISSED = 0.01  # chance that the largest of many deviations passes its bound


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **network_numbers(data["network"], config),
        **gradient_numbers(data["noise"]),
        **regression_numbers(data["regression"]["settled"], config),
        **parabola_numbers(data["parabola"]),
    }


def network_numbers(found: dict[int, Training], config: Config) -> Numbers:
    return {**accuracy_numbers(found), **progress_numbers(found, config)}


def accuracy_numbers(found: dict[int, Training]) -> Numbers:
    best, majority = best_baseline(digits()), majority_accuracy(digits())
    nearest_mean = baseline_accuracies(digits())["nearest mean"]
    return {
        f"accuracy_batch_{size}": number.bound(
            mean_share(training.accuracy),
            "the nearest mean picture's; to name the commonest digit would miss it",
            f"held-out accuracy with batches of {size} at η = {training.rate:g}, the mean of "
            f"{training.accuracy.size} seeds",
            at_least=nearest_mean,
            missed_by=majority,
            baseline=best,
        )
        for size, training in found.items()
    }


def progress_numbers(found: dict[int, Training], config: Config) -> Numbers:
    """Steps and examples to the target: of the smallest batch relative to all the data."""
    smallest, largest = min(found), max(found)
    folds = steps_to(config.target, found[smallest]) / steps_to(config.target, found[largest])
    what = f"to a training loss of {config.target:g}, geometric mean over seeds"
    return {
        "steps_of_the_smallest_batch": number.above(
            geometric_mean(folds),
            1.0,
            f"steps with batches of {smallest}, in units of those with all {largest}, {what}",
            why="were batches of any size as good",
        ),
        "examples_of_all_the_data": number.above(
            geometric_mean(largest / smallest / folds),
            1.0,
            f"examples seen by full-batch descent, in units of those seen with batches of "
            f"{smallest}, {what}",
            why="were a batch as good as its examples one by one",
        ),
    }


def gradient_numbers(noise: Noise) -> Numbers:
    ratios = {
        (size, replace): distances / exact_variance(size, replace, noise.variance)
        for (size, replace), distances in noise.distances.items()
    }

    def score(ratio: np.ndarray, theory: float = 1.0) -> float:
        return float(abs(ratio.mean() - theory) / scipy.stats.sem(ratio))

    largest, replace = max(ratios, key=lambda setting: (setting[0], not setting[1]))
    other_law = float(
        exact_variance(largest, not replace, 1.0) / exact_variance(largest, replace, 1.0)
    )
    found = {
        "gradient_variance_largest_deviation": number.bound(
            max(map(score, ratios.values())),
            f"passed by chance in {MISSED:.0%}; the other law, for {largest} pictures, misses it",
            "largest distance of the measured trace of the gradient's covariance from theory, in "
            f"standard errors, over {len(ratios)} batch sizes and ways to draw",
            at_most=float(scipy.stats.norm.isf(MISSED / 2 / len(ratios))),
            missed_by=score(ratios[largest, replace], other_law),
        )
    }
    for (size, replace), ratio in ratios.items():
        how, factor = ("with", "") if replace else ("without", "·(n−B)/(n−1)")
        found[f"gradient_variance_{size}_{how}"] = number.sampled_theory(
            positive_mean(ratio),
            1.0,
            f"{ratio.size} batches",
            f"trace of the covariance of the gradient of {size} pictures drawn {how} replacement, "
            f"in units of σ²/B{factor}",
        )
    return found


def regression_numbers(settled: Settled, config: Config) -> Numbers:
    exact = {at: losses for at, losses in settled.items() if at[0] != SHUFFLED}

    def law(name: str, size: int) -> float:
        return settled_regression(name, size, config)

    other = {"with replacement": "without", "without": "with replacement"}
    found = {
        "regression_largest_deviation": largest_deviation(
            [(losses, law(*at)) for at, losses in exact.items()],
            [(losses, law(other[name], size)) for (name, size), losses in exact.items()],
            "settled loss of linear regression from the exact second moments",
            f"the laws of {' and '.join(other)} exchanged",
        )
    }
    for (name, size), losses in settled.items():
        mean, key = positive_mean(losses), f"settled_{name.replace(' ', '_')}_{size}"
        what = f"mean excess loss of linear regression, batches of {size} drawn {name}"
        if (name, size) in exact:
            of = f"{config.regression_runs} runs"
            found[key] = number.sampled_theory(mean, law(name, size), of, what)
        else:
            found[key] = number.below(
                mean,
                law("without", size),
                what,
                why="that of independent batches drawn without replacement",
            )
    return found


Pairs = list[tuple[np.ndarray, float]]


def largest_deviation(pairs: Pairs, wrong: Pairs, what: str, other: str) -> Number:
    """Of means from their theory, in standard errors; a wrong law, named `other`, would miss it."""

    def worst(pairs: Pairs) -> float:
        return max(
            float(abs(losses.mean() - theory) / scipy.stats.sem(losses)) for losses, theory in pairs
        )

    freedom = min(losses.size for losses, _ in pairs) - 1
    return number.bound(
        worst(pairs),
        f"passed by chance in {MISSED:.0%}; {other} would miss it",
        f"largest of {len(pairs)} distances, in standard errors, of the {what}",
        at_most=float(scipy.stats.t.isf(MISSED / 2 / len(pairs), freedom)),
        missed_by=worst(wrong),
    )


def parabola_numbers(settled: dict[str, np.ndarray]) -> Numbers:
    wrong = {
        "with replacement": ("the limit of small rates, ησ²/4", lambda products: products / 4),
        SHUFFLED: (
            "the law of independent batches",
            lambda products: settled_parabola("with replacement", products),
        ),
    }
    return {
        f"parabola_largest_deviation_{name.replace(' ', '_')}": largest_deviation(
            list(zip(losses, settled_parabola(name, PRODUCTS[name]), strict=True)),
            list(zip(losses, wrong[name][1](PRODUCTS[name]), strict=True)),
            f"settled loss on a parabola, batches of {SIZE} drawn {name}, from the closed form",
            wrong[name][0],
        )
        for name, losses in settled.items()
    }
