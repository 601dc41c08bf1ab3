"""The run that diverges and its cures, at the quick sizes: NumPy's backward pass, closed forms."""

import itertools

import figures
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from experiments import divergence_cures as experiment
from experiments.common import report
from experiments.common.deep_network import UNITS, draw_starts, seen
from experiments.common.digits import split_digits
from experiments.divergence_cures import setups
from experiments.divergence_cures.config import Config
from experiments.divergence_cures.numbers import DIVERGING, last_growth
from experiments.divergence_cures.setups import CURES

QUICK = experiment.QUICK


@pytest.fixture(scope="module")
def data():
    return experiment.simulate(QUICK)


def loss_and_gradients(params, x, y):
    """½‖f(x) − onehot(y)‖², a mean over examples, and the chain rule by hand."""
    layers = [x]
    for w, b in params[:-1]:
        layers.append(np.tanh(layers[-1] @ w + b))
    w, b = params[-1]
    error = layers[-1] @ w + b - np.eye(10)[y]
    loss = 0.5 * np.mean(np.sum(error**2, axis=1))
    pulled, gradients = error / len(y), []
    for (w, _), below in zip(reversed(params), reversed(layers), strict=True):
        gradients.append((below.T @ pulled, pulled.sum(axis=0)))
        pulled = (pulled @ w.T) * (1 - below**2)
    return loss, gradients[::-1]


def numpy_losses(setup, start, x, y, steps):
    """The losses of the first steps of a setup, in float64."""
    params = [(float(setup.gain) * np.asarray(w, float), np.asarray(b, float)) for w, b in start]
    losses = []
    for rate in np.asarray(setup.rates[:steps], float):
        loss, gradients = loss_and_gradients(params, x, y)
        losses.append(loss)
        norm = np.sqrt(sum(np.sum(part**2) for pair in gradients for part in pair))
        rate = rate * min(1.0, float(setup.max_norm) / norm)
        params = [
            (w - rate * dw, b - rate * db)
            for (w, b), (dw, db) in zip(params, gradients, strict=True)
        ]
    return losses


def pictures(normalized):
    """What is trained on, from scikit-learn's pixels."""
    chosen, labels = split_digits(train=QUICK.examples).train
    x, y = np.rint(16 * np.asarray(chosen, float)), np.asarray(labels)
    assert {tuple(row) for row in x} <= {tuple(row) for row in load_digits().data}
    if normalized:
        x = x - x.mean(axis=0)
        x = x / x.std()
    return x, y


def test_every_headline_number_keeps_its_theory_and_bounds(data):
    assert report.off_theory(experiment.numbers(data, QUICK)) == []


def test_every_cure_changes_exactly_one_thing():
    table = setups.setups(QUICK.steps)
    base = table.pop("base")
    for setup in table.values():
        changed = [
            field
            for field, old, new in zip(setup._fields, base, setup, strict=True)
            if not np.array_equal(old, new)
        ]
        assert len(changed) == 1
    assert set(table) == {*CURES, "slow_decay"}


@pytest.mark.parametrize("name", ["base", *CURES])
def test_the_first_losses_are_those_of_a_plain_numpy_loop(data, name):
    setup = setups.setups(QUICK.steps)[name]
    start = draw_starts(2)[1].layers
    expected = numpy_losses(setup, start, *pictures(bool(setup.normalized)), steps=4)
    measured = data["runs"][name]["losses"][1, :4]
    # above the limit of stability rounding errors of 1e-7 grow tenfold or more in every step
    np.testing.assert_allclose(measured, expected, rtol=2e-2)
    np.testing.assert_allclose(measured[:2], expected[:2], rtol=1e-3)


def test_the_run_diverges_from_every_start_and_no_cured_one_does(data):
    for name, run in data["runs"].items():
        assert np.all(run["diverged"] == (name in DIVERGING))


def test_once_saturated_the_loss_grows_by_the_factor_of_the_last_layers_quadratic(data):
    """With φ = ±1 alike for all pictures, φφᵀ and the bias have the eigenvalue units + 1."""
    features = np.concatenate([np.sign(np.arange(UNITS) % 3 - 0.5), [1.0]])
    largest = np.linalg.eigvalsh(np.outer(features, features))[-1]
    assert largest == pytest.approx(UNITS + 1)
    growth = last_growth(data["runs"]["base"])
    np.testing.assert_allclose(growth, (1 - setups.RATE * largest) ** 2, rtol=1e-3)


def test_every_cure_learns_more_than_the_majority_class_from_every_start(data):
    for name in CURES:
        assert np.all(data["runs"][name]["accuracy"] > 2 * data["majority"])


def test_every_cure_brings_the_sharpness_far_below_where_the_run_without_one_starts(data):
    base = data["sharpness"]["base"]
    assert np.nanmin(base) > 1
    for name in CURES:
        end = data["sharpness"][name][:, -1]
        assert np.median(end) < np.median(base[:, 0]) / 3


def test_the_first_sharpness_is_that_of_the_setup(data):
    """Same weights and pixels: the rate alone tells the setups apart."""
    first = {name: relative[:, 0] for name, relative in data["sharpness"].items()}
    for name in ("clipping", "decay", "slow_decay"):
        np.testing.assert_array_equal(first[name], first["base"])
    np.testing.assert_allclose(4 * first["lower_rate"], first["base"], rtol=1e-6)
    np.testing.assert_array_equal(first["warm_up"], 0)
    assert np.all(first["normalized_inputs"] < first["base"])
    assert np.all(first["better_start"] < first["base"])


def test_normalized_pixels_have_no_mean_and_unit_variance():
    shown = seen(split_digits(train=QUICK.examples), jnp.asarray(True))
    pixels = np.asarray(shown.train[0], float)
    np.testing.assert_allclose(pixels.mean(axis=0), 0, atol=1e-5)
    assert pixels.std() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"seeds": 1}, "seeds must be 2 or more"), ({"steps": 40}, "steps must be 60 or more")],
)
def test_sizes_that_cannot_show_it_are_refused(settings, words):
    with pytest.raises(SystemExit, match=words):
        Config(**settings)


def test_no_two_words_of_the_figure_overlap_and_none_is_below_seven_points(data):
    figure = figures.drawn(experiment, data, QUICK)
    boxes = {
        text: text.get_window_extent()
        for axes in figure.axes
        for text in axes.texts
        if text.get_text()
    }
    for (one, box), (other, its_box) in itertools.combinations(boxes.items(), 2):
        assert not box.overlaps(its_box), (one.get_text(), other.get_text())
    rows = [text for text in boxes if text.get_text().startswith(("diverges", "trains"))]
    assert len(rows) == len(data["runs"])
