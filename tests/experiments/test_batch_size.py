"""The batch-size experiment at its quick sizes: its theory, transcriptions, and what it claims."""

import dataclasses

import figures
import numpy as np
import pytest
import scipy
from sklearn.dummy import DummyClassifier

from experiments import batch_size
from experiments.batch_size import network, parabola, regression
from experiments.batch_size.config import PATIENTS, PICTURES, digits
from experiments.batch_size.network import Training
from experiments.common import report
from experiments.common.digits import majority_accuracy

QUICK = batch_size.QUICK


@pytest.fixture(scope="module")
def data():
    return batch_size.simulate(QUICK)


def gradients_by_hand(params) -> np.ndarray:
    """The gradient of every picture's cross-entropy, one row a picture, in float64."""
    (w1, b1), (w2, b2) = (tuple(np.asarray(a, float) for a in layer) for layer in params)
    x, labels = (np.asarray(a) for a in digits().train)
    x = x.astype(float)
    before = x @ w1 + b1
    hidden = np.maximum(before, 0)
    logits = hidden @ w2 + b2
    share = np.exp(logits - scipy.special.logsumexp(logits, axis=1, keepdims=True))
    error = share - np.eye(10)[labels]
    hidden_error = error @ w2.T * (before > 0)
    parts = (
        x[:, :, None] * hidden_error[:, None, :],
        hidden_error,
        hidden[:, :, None] * error[:, None, :],
        error,
    )
    return np.concatenate([part.reshape(len(x), -1) for part in parts], axis=1)


def test_every_headline_number_agrees_with_its_theory_and_bounds(data):
    assert report.off_theory(batch_size.numbers(data, QUICK)) == []


def test_times_are_drawn_but_are_no_headline_numbers(data):
    slower = {
        size: training._replace(microseconds=10 * training.microseconds)
        for size, training in data["network"].items()
    }
    assert all(training.microseconds.shape == (QUICK.repeats,) for training in slower.values())
    before, after = (
        batch_size.numbers({**data, "network": found}, QUICK) for found in (data["network"], slower)
    )
    assert before == after


def test_variance_and_signal_are_those_of_gradients_by_hand(data):
    each = gradients_by_hand(data["network"][PICTURES].waypoint)
    mean = each.mean(axis=0)
    # float32 sums of a thousand terms
    assert data["noise"].signal == pytest.approx(mean @ mean, rel=1e-4)
    assert data["noise"].variance == pytest.approx(np.sum((each - mean) ** 2) / PICTURES, rel=1e-4)


def test_drawing_without_replacement_is_quieter_than_the_largest_batch_with(data):
    distances = data["noise"].distances
    with_replacement, without = (distances[1024, replace].mean() for replace in (True, False))
    assert without < 0.5 * with_replacement


def test_a_run_sees_no_more_examples_than_it_may():
    for size in (1, 32, PICTURES):
        steps = network.number_of_steps(size, QUICK)
        assert steps % network.stride(size, QUICK) == 0
        assert steps <= QUICK.most_steps
        assert 0.95 * QUICK.examples < steps * size <= QUICK.examples or size == 1
    assert network.number_of_steps(1, QUICK) == QUICK.most_steps


def test_smaller_batches_take_more_steps_and_fewer_examples_to_the_target(data):
    steps = {
        size: network.steps_to(QUICK.target, training).mean()
        for size, training in data["network"].items()
    }
    assert steps[1] > steps[32] > steps[PICTURES]
    assert steps[1] < 32 * steps[32] < PICTURES * steps[PICTURES]


def test_the_rate_is_the_best_of_those_tried(data):
    run = network.trainer(PICTURES, QUICK)
    last = [float(network.evaluate(run(rate, network.TUNING_SEED))[0][-1]) for rate in QUICK.rates]
    assert data["network"][PICTURES].rate == QUICK.rates[int(np.argmin(last))]


def test_steps_to_a_target_are_interpolated_and_nan_where_it_is_not_reached():
    training = Training(
        rate=1.0,
        steps=np.array([1, 10, 20]),
        losses=np.array([[2.0, 1.0, 0.5], [3.0, 2.0, 0.9], [0.7, 0.6, 0.5]]),
        accuracy=np.ones(3),
        waypoint=(),
        microseconds=np.ones(1),
    )
    np.testing.assert_allclose(network.steps_to(0.75, training), [15, np.nan, 1])


def test_the_majority_class_is_scikit_learns():
    (x, y), (held_out, labels) = digits()
    dummy = DummyClassifier(strategy="most_frequent").fit(x, y)
    assert majority_accuracy(digits()) == pytest.approx(dummy.score(held_out, labels))
    assert len(y) == PICTURES


def test_regression_settles_where_a_transcription_does(data):
    """Mini-batches of 16 with NumPy's own draws; tolerance: four standard errors of two means."""
    x, y, best = regression.patients()
    generator = np.random.default_rng(0)
    steps, runs = QUICK.regression_steps, 32
    w, losses = np.tile(best, (runs, 1)), []
    for _ in range(steps):
        rows = generator.integers(PATIENTS, size=(runs, 16))
        errors = np.einsum("rbd,rd->rb", x[rows], w) - y[rows]
        w = w - QUICK.regression_rate * 2 / 16 * np.einsum("rb,rbd->rd", errors, x[rows])
        losses.append(np.mean(((w - best) @ x.T) ** 2, axis=1))
    theirs = np.mean(losses[steps // 4 :], axis=0)
    ours = data["regression"]["settled"]["with replacement", 16]
    error = np.hypot(scipy.stats.sem(ours), scipy.stats.sem(theirs))
    assert abs(ours.mean() - theirs.mean()) < 4 * error


def test_averages_skip_the_first_quarter_and_take_epochs_at_their_ends():
    losses = np.arange(97.0)[None]
    assert regression.average(losses, "with replacement", 16) == np.mean(np.arange(24, 97))
    assert regression.average(losses, regression.SHUFFLED, 16) == np.mean(np.arange(24, 97, 6))


def test_shuffled_epochs_settle_far_below_independent_batches_where_steps_are_small(data):
    shuffled, independent = (
        dict(zip(parabola.PRODUCTS[name], data["parabola"][name].mean(axis=1), strict=True))
        for name in (regression.SHUFFLED, "with replacement")
    )
    assert shuffled[0.3] < 0.5 * independent[min(independent, key=lambda rate: abs(rate - 0.3))]


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=f"must ascend and end with all {PICTURES} pictures"):
        dataclasses.replace(QUICK, sizes=(1, 32))
    with pytest.raises(ValueError, match=r"regression_sizes=\(5,\) must divide 96"):
        dataclasses.replace(QUICK, regression_sizes=(5,))
    with pytest.raises(ValueError, match="seeds=2 and regression_runs=16 must be 3"):
        dataclasses.replace(QUICK, seeds=2)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(batch_size, data, QUICK)
    assert len(figure.axes) == 8
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_title(loc="left")
