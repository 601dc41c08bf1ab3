"""Overfitting at its quick sizes: early stopping to the step, memorized labels, honest splits."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments import overfitting
from experiments.common import report
from experiments.common.digits import CLASSES, PIXELS
from experiments.common.perceptron import perceptron
from experiments.overfitting.config import Config
from experiments.overfitting.early_stopping import early_stopping
from experiments.overfitting.figure import portrait
from experiments.overfitting.problems import problem
from experiments.overfitting.simulate import LOSS

QUICK = overfitting.QUICK


@pytest.fixture(scope="module")
def data():
    return overfitting.simulate(QUICK)


def stop_on_the_way_to_zero(start=3.0, **settings):
    """Descent of x² by x ← 0.9 x; its validation loss (x − 1)² is lowest on the way."""
    settings = {"every": 2, "patience": 3} | settings
    return early_stopping(
        lambda x: x**2, lambda x: (x - 1) ** 2, jnp.array(start), jd.sgd(0.05), 100, **settings
    )


def test_every_headline_number_agrees(data):
    assert report.off_theory(overfitting.numbers(data, QUICK)) == []


@pytest.mark.parametrize(("every", "patience"), [(1, 1), (2, 3), (5, 4)])
def test_early_stopping_restores_the_best_look_and_gives_up_after_its_patience(every, patience):
    stopped = stop_on_the_way_to_zero(every=every, patience=patience)
    looks = np.arange(0, 101, every)
    best = looks[np.argmin((3 * 0.9**looks - 1) ** 2)]
    assert stopped.step == best
    assert stopped.last_step == best + every * patience
    np.testing.assert_allclose(stopped.params, 3 * 0.9**best, rtol=1e-5)
    np.testing.assert_allclose(stopped.validation_loss, (3 * 0.9**best - 1) ** 2, rtol=1e-4)


def test_a_start_that_only_gets_worse_is_given_back():
    stopped = stop_on_the_way_to_zero(start=1.0)
    assert stopped.step == 0
    assert stopped.params == 1.0
    assert stopped.last_step == 6


def test_early_stopping_ends_at_its_limit_while_validation_still_improves():
    stopped = early_stopping(
        lambda x: x**2, lambda x: x**2, jnp.array(1.0), jd.sgd(0.05), 10, every=5, patience=2
    )
    assert stopped.step == stopped.last_step == 10


def test_the_restored_parameters_are_those_of_a_descent_of_just_so_many_steps(data):
    """From the same start on the same batches, stopped by hand at the best step."""
    part = QUICK.random_parts[1]
    runs = data[QUICK.examples, part]
    given = problem(0, QUICK.examples, part, QUICK.validation, QUICK.sizes[-1])
    of_network, of_batches = jax.random.split(given.key)
    path = jd.descend(
        LOSS,
        perceptron(of_network, (PIXELS, QUICK.width, QUICK.width, CLASSES)),
        jd.adam(QUICK.learning_rate),
        int(runs.best_step[0]),
        batches=jd.batches.mini_batch(given.train, QUICK.batch),
        key=of_batches,
    )
    for examples, score in ((given.validation, "validation"), (given.test, "test")):
        expected = getattr(runs.stopped, score)[0]
        assert LOSS(path.params, examples) == pytest.approx(float(expected), rel=1e-4)


def test_stopping_waits_for_the_lowest_validation_loss_it_has_seen(data):
    for runs in data.values():
        for seed in range(QUICK.seeds):
            seen = runs.course.validation[seed, : runs.last_step[seed] // QUICK.every + 1]
            assert runs.best_step[seed] == QUICK.every * np.argmin(seen)
            waited = runs.last_step[seed] - runs.best_step[seed]
            assert waited == QUICK.patience * QUICK.every or runs.last_step[seed] == QUICK.steps


def test_stopping_early_saves_test_loss_for_every_network_with_random_labels(data):
    for (_, part), runs in data.items():
        if part > 0:
            assert np.all(runs.stopped.test < runs.course.test[:, -1])


def test_training_loss_falls_to_nothing_while_validation_loss_turns(data):
    runs = data[QUICK.examples, QUICK.random_parts[1]]
    lowest = runs.course.validation.argmin(axis=1)
    assert np.all(lowest > 0)
    assert np.all(lowest < QUICK.steps // QUICK.every)
    for seed, at in enumerate(lowest):
        assert runs.course.train[seed, -1] < 0.1 * runs.course.train[seed, at]


def test_random_labels_are_all_memorized_but_take_longer(data):
    by_heart = {
        part: np.argmax(data[QUICK.examples, part].course.train_accuracy == 1, axis=1)
        for part in (0.0, 1.0)
    }
    assert np.all(by_heart[0.0] > 0)
    assert np.all(by_heart[1.0] > by_heart[0.0])


def test_the_portrait_shows_wrong_labels_that_the_network_gives_back(data):
    runs = data[QUICK.examples, 1.0]
    shown = portrait(runs)
    labels, truth, answers = (
        runs.examples[1][0][shown],
        runs.truth[0][shown],
        runs.answers[0][shown],
    )
    assert truth.tolist() == list(range(CLASSES))
    assert np.all(labels != truth)
    np.testing.assert_array_equal(answers, labels)


def test_repeated_examples_have_the_loss_of_the_examples():
    given = problem(0, 50, 0.25, 300, 400)
    once = jax.tree.map(lambda array: array[:50], given.train)
    params = perceptron(jax.random.key(0), (PIXELS, 20, CLASSES))
    assert LOSS(params, given.train) == pytest.approx(float(LOSS(params, once)), rel=1e-5)
    assert len(np.unique(given.train[0], axis=0)) == 50


@pytest.mark.parametrize("seed", range(3))
def test_no_picture_is_in_two_of_training_validation_and_test(seed):
    given = problem(seed, 400, 0.0, 300, 400)
    pictures = [given.train[0], given.validation[0], given.test[0]]
    assert [len(part) for part in pictures] == [400, 300, 450]
    assert len(np.unique(np.concatenate(pictures), axis=0)) == 1150


def test_the_said_part_of_the_labels_is_random():
    rights = {
        part: np.mean(
            [np.mean((given := problem(seed, 400, part, 300, 400)).train[1] == given.truth)
             for seed in range(5)]
        )
        for part in (0.0, 0.25, 1.0)
    }  # fmt: skip
    assert rights[0.0] == 1
    # of 2000 p random labels a tenth are right by chance: four standard errors are 4 √(0.09 p/2000)
    assert rights[0.25] == pytest.approx(0.775, abs=0.014)
    assert rights[1.0] == pytest.approx(0.1, abs=0.027)


def test_accuracies_are_those_of_the_largest_logit(data):
    """In NumPy, of the answers that are drawn."""
    runs = data[QUICK.examples, 0.0]
    right = np.mean(runs.answers == runs.examples[1], axis=1)
    np.testing.assert_allclose(right, runs.course.train_accuracy[:, -1])
    given = problem(1, QUICK.examples, 0.0, QUICK.validation, QUICK.sizes[-1])
    digit = np.bincount(given.train[1]).argmax()
    assert runs.majority[1] == pytest.approx(np.mean(given.test[1] == digit))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"random_parts": (0.0, 0.5)}, "random_parts must rise from 0 to 1"),
        ({"random_parts": (0.0, 0.7, 0.3, 1.0)}, "random_parts must rise from 0 to 1"),
        ({"sizes": (100,)}, "sizes must be two or more rising numbers"),
        ({"sizes": (30, 100)}, r"\[30\] examples do not divide 100"),
        ({"examples": 90}, r"\[90\] examples do not divide 400"),
        ({"seeds": 1}, "seeds must be at least 2, got 1"),
    ],
)
def test_settings_that_cannot_be_run_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        Config(**settings)


def test_every_plotted_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(overfitting, data, QUICK)
    *plots, pictures = figure.axes
    figures.assert_labeled(plots)
    assert len(pictures.get_images()) == CLASSES
