"""Overfitting: what a network learns by heart, and what early stopping gives back.

A network with two hidden layers of 128 relu units, 26,122 parameters, learns few digits by Adam;
300 other digits are for validation and 450 for the test; five networks, each on a split of its own.
(a) Training loss goes to zero, validation loss turns (means, and spans of all); dots: where early
stopping, having looked in vain for 150 steps, goes back to. The validation loss rises by growing
confidence in wrong answers: with true labels the test accuracy does not fall (d, left). (b) The
same where a quarter of the training labels are drawn at random. (c) Zhang et al. (2017): a network
can learn any labels; random ones take longer, and in the end all are learned. (d) Test accuracy of
the last parameters and of those restored by early stopping, over the part of random labels; dots
are networks. (e) Test loss of both for more or fewer digits with true labels. (f) Portrait of a
memorized set: pictures from a training set of random labels, and what the network now answers.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.learners.digits import CLASSES
from experiments.learners.seeds import mean_interval
from experiments.memory import drawing
from experiments.memory.runs import Runs, all_runs
from experiments.memory.settings import QUICK, Config
from experiments.report import Number, Numbers, stage
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]

Data = dict[tuple[int, float], Runs]


def simulate(config: Config) -> Data:
    """All runs, by number of examples and part of random labels."""
    with stage(f"{len(config.kinds) * config.seeds} networks, to the end and stopped early"):
        return all_runs(config)


def numbers(data: Data, config: Config) -> Numbers:
    n, some = config.examples, config.random_parts[1]
    return {
        **stopping_numbers("true", f"{n} digits", data[n, 0.0]),
        **stopping_numbers("mixed", f"{n} digits, {some:.0%} random labels", data[n, some]),
        **memory_numbers(data[n, 0.0], data[n, 1.0]),
        "restored": Number(
            max(float(np.abs(restored_error(runs)).max()) for runs in data.values()), 0.0, 1e-4,
            "validation loss of the restored parameters less the lowest that the same run, not "
            "stopped, shows up to there, largest; tolerance: rounding of two programs, amplified",
        ),
        "loss_per_doubling": loss_per_doubling(data, config),
    }  # fmt: skip


def stopping_numbers(name: str, what: str, runs: Runs) -> Numbers:
    course, stopped = jax.tree.map(np.asarray, (runs.course, runs.stopped))
    rise, rise_interval = mean_interval(course.validation[:, -1] - course.validation.min(axis=1))
    saved, saved_interval = mean_interval(course.test[:, -1] - stopped.test)
    loss, loss_interval = mean_interval(stopped.test)
    gained, gained_interval = mean_interval(stopped.test_accuracy - course.test_accuracy[:, -1])
    return {
        f"{name}_training_loss": Number(
            float(course.train[:, -1].max()), None, 0.01,
            f"largest training loss in the end, {what}", at_most=0.05,
        ),
        f"{name}_validation_rise": Number(
            rise, None, 0.1, f"validation loss in the end less its lowest, nats, {what}",
            rise_interval,
        ),
        f"{name}_stopped_test_loss": Number(
            loss, None, 0.1,
            f"test loss of the restored parameters, nats, {what}; chance has log 10",
            loss_interval, at_most=float(np.log(CLASSES)),
        ),
        f"{name}_saved_test_loss": Number(
            saved, None, 0.1,
            f"test loss in the end less that of the restored parameters, nats, paired, {what}",
            saved_interval, at_least=0.0,
        ),
        f"{name}_gained_accuracy": Number(
            gained, None, 0.03,
            f"test accuracy of the restored parameters less that in the end, paired, {what}",
            gained_interval,
        ),
    }  # fmt: skip


def memory_numbers(true: Runs, random: Runs) -> Numbers:
    learned, learned_interval = mean_interval(np.asarray(true.stopped.test_accuracy))
    by_heart, by_heart_interval = mean_interval(np.asarray(random.course.test_accuracy[:, -1]))
    return {
        "true_test_accuracy": Number(
            learned, None, 0.03,
            "test accuracy of the restored parameters, true labels; at least the majority class's",
            learned_interval, at_least=float(true.majority.max()),
        ),
        "random_training_accuracy": Number(
            float(random.course.train_accuracy[:, -1].min()), 1.0, 0.0,
            "least training accuracy in the end, all labels random: every one is memorized",
        ),
        "random_test_accuracy": Number(
            by_heart, 1 / CLASSES, 0.06,
            "test accuracy in the end, all labels random; tolerance: as alike pictures are right "
            "or wrong together, networks spread by 0.04 around chance",
            by_heart_interval,
        ),
    }  # fmt: skip


def restored_error(runs: Runs) -> np.ndarray:
    seen = np.where(runs.steps <= runs.last_step[:, None], runs.course.validation, np.inf)
    return runs.stopped.validation - seen.min(axis=1)


def loss_per_doubling(data: Data, config: Config) -> Number:
    losses = [np.log(data[n, 0.0].stopped.test) for n in config.sizes]
    slopes = np.polyfit(np.log2(config.sizes), losses, 1)[0]
    slope, interval = mean_interval(slopes)
    return Number(
        float(np.exp(slope)), None, 0.05,
        "by what the test loss of the restored parameters is multiplied when the digits double",
        (float(np.exp(interval[0])), float(np.exp(interval[1]))), at_most=1.0,
    )  # fmt: skip


def plot(data: Data, config: Config) -> Figure:
    by_part = {part: data[config.examples, part] for part in config.random_parts}
    by_size = {size: data[size, 0.0] for size in config.sizes}
    some = config.random_parts[1]
    layout = [["a", "b"], ["c", "d"], ["e", "f"]]
    with plotting.panels(layout, height=6.3) as (figure, axes):
        drawing.draw_course(axes["a"], by_part[0.0], top=0.8)
        plotting.title(axes["a"], "a", f"{config.examples} digits")
        drawing.draw_course(axes["b"], by_part[some], top=1.6)
        plotting.title(axes["b"], "b", f"{config.examples} digits, {some:.0%} random labels")
        drawing.draw_memorizing(axes["c"], by_part)
        plotting.title(axes["c"], "c", "memorizing random labels")
        drawing.draw_accuracies(axes["d"], by_part)
        plotting.title(axes["d"], "d", "accuracy on other digits")
        drawing.draw_sizes(axes["e"], by_size)
        plotting.title(axes["e"], "e", "more digits with true labels")
        drawing.draw_portrait(axes["f"], by_part[1.0])
        plotting.title(axes["f"], "f", "a memorized set, and the answers")
    return figure
