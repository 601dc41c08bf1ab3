"""The headline numbers: what is memorized, and what early stopping gives back."""

import jax
import numpy as np

from experiments.common import number
from experiments.common.digits import CLASSES
from experiments.common.number import Baseline, Number, Numbers
from experiments.common.statistics import Estimate, geometric_mean, mean, mean_share, positive_mean
from experiments.overfitting.config import Config
from experiments.overfitting.problems import Baselines, simple_baselines
from experiments.overfitting.simulate import Data, Runs

SPREAD = 0.03  # of the accuracies of networks that know nothing, where few happen to agree


def numbers(data: Data, config: Config) -> Numbers:
    n, some = config.examples, config.random_parts[1]
    true, mixed = (simple_baselines(config, n, part) for part in (0.0, some))
    mixed_words = f"{n} digits, {some:.0%} random labels"
    restored = max(float(np.abs(restored_error(runs)).max()) for runs in data.values())
    return {
        **stopping_numbers("true", f"{n} digits", data[n, 0.0], true),
        **stopping_numbers("mixed", mixed_words, data[n, some], mixed),
        **gain_numbers(data[n, 0.0], data[n, some], f"{n} digits", mixed_words),
        **memory_numbers(data[n, 0.0], data[n, 1.0], true),
        "restored": number.exact(
            restored,
            0.0,
            1e-4,
            "rounding of two programs, amplified by descent",
            "validation loss of the restored parameters less the lowest that the same run, not "
            "stopped, shows up to there, largest",
            scale=1.0,
        ),
        "loss_per_doubling": loss_per_doubling(data, config),
    }


def stopping_numbers(name: str, what: str, runs: Runs, simple: Baselines) -> Numbers:
    course, stopped = jax.tree.map(np.asarray, (runs.course, runs.stopped))
    lowest = course.validation.argmin(axis=1)
    then = float(course.train[np.arange(len(lowest)), lowest].mean())
    return {
        f"{name}_training_loss": number.bound(
            float(course.train[:, -1].max()),
            "a tenth of the mean where validation is best, which would miss it",
            f"largest training loss in the end, {what}",
            at_most=then / 10,
            missed_by=then,
        ),
        f"{name}_validation_rise": number.above(
            mean(course.validation[:, -1] - course.validation.min(axis=1)),
            0.0,
            f"validation loss in the end less its lowest, nats, {what}",
            why="that of a run that does not overfit",
            signed=True,
        ),
        f"{name}_stopped_test_loss": number.bound(
            positive_mean(stopped.test),
            "softmax regression's; chance, log 10, would miss it",
            f"test loss of the restored parameters, nats, {what}",
            at_most=simple.loss.score,
            missed_by=float(np.log(CLASSES)),
            baseline=simple.loss,
        ),
        f"{name}_saved_test_loss": number.above(
            mean(course.test[:, -1] - stopped.test),
            0.0,
            f"test loss in the end less that of the restored parameters, nats, paired, {what}",
            why="were nothing saved",
            signed=True,
        ),
    }


def gain_numbers(true: Runs, mixed: Runs, true_words: str, mixed_words: str) -> Numbers:
    """Stopping gains accuracy where labels are wrong, and none where they are right."""

    def gain(runs: Runs) -> Estimate:
        return mean(runs.stopped.test_accuracy - runs.course.test_accuracy[:, -1])

    what, gained = (
        "test accuracy of the restored parameters less that in the end, paired",
        gain(mixed),
    )
    return {
        "true_gained_accuracy": number.bound(
            gain(true),
            "half of what is gained with random labels, which would miss it",
            f"{what}, {true_words}",
            at_most=gained.value / 2,
            missed_by=gained.value,
            signed=True,
        ),
        "mixed_gained_accuracy": number.above(
            gained, 0.0, f"{what}, {mixed_words}", why="were nothing gained", signed=True
        ),
    }


def memory_numbers(true: Runs, random: Runs, simple: Baselines) -> Numbers:
    by_heart = random.course.train_accuracy[:, -1]
    guessed = mean_share(random.course.test_accuracy[:, -1])
    return {
        "true_test_accuracy": number.bound(
            mean_share(true.stopped.test_accuracy),
            "half of the best baseline's; the majority class would miss it",
            "test accuracy of the restored parameters, true labels",
            at_least=simple.accuracy.score / 2,
            missed_by=float(true.majority.mean()),
            baseline=simple.accuracy,
        ),
        "random_training_accuracy": number.bound(
            float(by_heart.min()),
            "all memorized; one label that is not would miss it",
            "least training accuracy in the end, all labels random",
            at_least=1.0,
            missed_by=1 - 1 / random.truth.shape[1],
        ),
        "random_test_accuracy": number.sampled_theory(
            guessed,
            1 / CLASSES,
            f"{len(by_heart)} networks, which spread by {SPREAD} or more, as they answer alike "
            "pictures alike",
            "test accuracy in the end, all labels random; theory: chance",
            error=max(guessed.error, SPREAD / len(by_heart) ** 0.5),
            baseline=Baseline("chance", 1 / CLASSES),
        ),
    }


def restored_error(runs: Runs) -> np.ndarray:
    seen = np.where(runs.steps <= runs.last_step[:, None], runs.course.validation, np.inf)
    return runs.stopped.validation - seen.min(axis=1)


def loss_per_doubling(data: Data, config: Config) -> Number:
    losses = [np.log(data[n, 0.0].stopped.test) for n in config.sizes]
    slopes = np.polyfit(np.log2(config.sizes), losses, 1)[0]
    return number.below(
        geometric_mean(np.exp(slopes)),
        1.0,
        "by what the test loss of the restored parameters is multiplied when the digits double",
        why="were more digits no better",
    )
