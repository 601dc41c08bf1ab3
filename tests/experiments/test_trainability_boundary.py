"""The trainability figure: the network against NumPy, its theory, and what is done with images."""

import dataclasses
import importlib
import io
import itertools
import re

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image as PillowImage

import jdescent as jd
from benchmarks import trainability as benchmark
from experiments import trainability_boundary as experiment
from experiments.common import report
from experiments.trainability_boundary import edges, plane
from experiments.trainability_boundary.config import CONDITIONS, LINEAR
from experiments.trainability_boundary.images import shade
from experiments.trainability_boundary.network import (
    WIDTH,
    Condition,
    brightness,
    network_loss,
    problem,
    trainer,
)
from experiments.trainability_boundary.numbers import is_told_from_flips
from experiments.trainability_boundary.plane import Window
from jdescent import plotting
from jdescent.analysis import NullDimension
from jdescent.sweeps import chunks

QUICK = experiment.QUICK
CONTESTANTS = benchmark.published, benchmark.scanned, benchmark.swept
NUMPY_ACTIVATIONS = {  # σ and σ′
    "tanh": (
        lambda z: np.tanh(np.sqrt(2) * z),
        lambda z: np.sqrt(2) * (1 - np.tanh(np.sqrt(2) * z) ** 2),
    ),
    "relu": (lambda z: np.sqrt(2) * np.where(z > 0, z, 0), lambda z: np.sqrt(2) * (z > 0)),
    "identity": (lambda z: z, np.ones_like),
}


@pytest.fixture(scope="module")
def data():
    return experiment.simulate(QUICK)


def numpy_loss(activation, weights, x, y):
    """The loss and its gradients, example by example and with the chain rule by hand."""
    function, slope = NUMPY_ACTIVATIONS[activation]
    inner, outer = weights
    value, inner_gradient, outer_gradient = 0.0, np.zeros_like(inner), np.zeros_like(outer)
    for example, target in zip(x.T, y, strict=True):
        z = example @ inner / np.sqrt(WIDTH)
        error = function(z) @ outer / WIDTH - target
        value += error**2 / len(y)
        outer_gradient += 2 * error * function(z) / WIDTH / len(y)
        pulled = 2 * error * outer * slope(z) / WIDTH / np.sqrt(WIDTH) / len(y)
        inner_gradient += np.outer(example, pulled)
    return value, (inner_gradient, outer_gradient)


@np.errstate(over="ignore", invalid="ignore")
def numpy_brightness(condition, point, steps):
    """One pixel as the paper defines it, as a plain loop."""
    (inner, outer), (x, y) = jax.tree.map(np.asarray, problem(condition))
    rates = 10.0 ** np.array(point)
    if condition.offset:
        inner, rates = inner + point[0], rates[[1, 1]]
    losses = []
    for step in range(steps):
        here_x, here_y = x, y
        if condition.batch:
            draw = jd.batches.mini_batch(jnp.arange(condition.examples), condition.batch)
            rows = np.asarray(draw(jax.random.key(condition.seed), step))
            here_x, here_y = x[:, rows], y[rows]
        losses.append(numpy_loss(condition.activation, (inner, outer), x, y)[0])
        _, gradient = numpy_loss(condition.activation, (inner, outer), here_x, here_y)
        inner, outer = inner - rates[0] * gradient[0], outer - rates[1] * gradient[1]
    relative = np.minimum(np.nan_to_num(np.array(losses) / losses[0], nan=1e6), 1e6)
    converged = relative[-20:].mean() < 1
    return -relative.sum() if converged else (1 / relative).sum()


@pytest.mark.parametrize("activation", NUMPY_ACTIVATIONS)
def test_the_loss_and_its_gradients_are_those_of_the_chain_rule(activation, x64):
    params, data = problem(Condition("any", activation, examples=7))
    value, gradient = jax.jit(jax.value_and_grad(network_loss(activation)))(params, data)
    expected, by_hand = numpy_loss(activation, *jax.tree.map(np.asarray, (params, *data)))
    assert value == pytest.approx(expected, rel=1e-13)
    for ours, theirs in zip(gradient, by_hand, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("rate", [0.5, 2.6])
def test_a_pixel_is_that_of_a_plain_loop_while_rounding_has_not_grown(name, rate, x64):
    condition = CONDITIONS[name]
    condition = dataclasses.replace(condition, examples=min(20, condition.examples))
    point = np.array([0.3, rate])
    measured = float(jax.jit(trainer(condition, 24))(jnp.asarray(point)))
    assert measured == pytest.approx(numpy_brightness(condition, point, 24), rel=1e-6)


def test_a_run_that_overflows_counts_as_a_million_first_losses_from_there_on(x64):
    condition, point = LINEAR, np.array([4.0, 4.0])
    measured = float(jax.jit(trainer(condition, 100))(jnp.asarray(point)))
    assert measured == pytest.approx(numpy_brightness(condition, point, 100), rel=1e-9)
    assert measured == pytest.approx(1.0, abs=1e-2)  # 1/v₀ = 1, and nothing after


def test_brightness_tells_the_outcomes_apart_and_slow_from_fast(x64):
    t = jnp.arange(100.0)
    slow, fast = brightness(0.99**t), brightness(0.5**t)
    assert slow < fast < 0
    assert fast == pytest.approx(-2.0)
    creeps, bursts = brightness(1.01**t), brightness(10.0**t)
    assert creeps > bursts > 0
    assert bursts == pytest.approx(1 / 0.9 + 93e-6, rel=1e-5)  # 10⁶ from the seventh step on
    assert brightness(jnp.where(t < 60, 0.5**t, jnp.inf)) > 0
    settled = jnp.where(t == 0, 1.0, 0.5)
    assert brightness(jnp.where(t == 79, 20.0, settled)) < 0
    assert brightness(jnp.where(t == 80, 20.0, settled)) > 0  # the mean of the last 20 is above 1


def test_every_headline_number_agrees_with_its_theory(data):
    assert report.off_theory(experiment.numbers(data, QUICK)) == []


def test_images_too_small_to_measure_are_refused_before_any_is_made():
    with pytest.raises(ValueError, match="at least 16 pixels a side, got 15"):
        experiment.simulate(dataclasses.replace(QUICK, resolution=15))


@pytest.mark.parametrize(
    ("dimension", "lows", "told"),
    [(1.2, (1.3, 1.4, 1.5), True), (1.27, (1.3, 1.4, 1.5), False), (1.2, (1.3, 1.4, 1.2), False)],
)
def test_a_boundary_is_told_from_flips_where_it_is_clear_of_every_null(dimension, lows, told):
    nulls = {s: NullDimension(low + 0.05, low, low + 0.1, 1.0) for s, low in enumerate(lows)}
    assert is_told_from_flips(dimension, nulls) == told


def test_every_dimension_names_its_null_models_and_its_scales(data):
    found = experiment.numbers(data, QUICK)
    bounded = [name for name, image in data["images"].items() if 0 < (image < 0).sum() < image.size]
    assert bounded == [name for name in CONDITIONS if f"dimension_{name}" in found]
    assert len(bounded) >= 5
    for name in (*bounded, "zoom"):
        nulls = data["nulls"][name]
        meaning = found[f"dimension_{name}"].meaning
        assert set(nulls) == {2.0, 4.0, 8.0}
        for null in nulls.values():
            assert f"{null.low:.2f} to {null.high:.2f}" in meaning
        assert "boxes of 1 to 4 pixels" in meaning  # of a boundary of 15


def test_a_straight_boundary_has_dimension_one_and_gains_nothing_from_more_pixels(data):
    # 65 and 33 pixels have boundaries of 64 and 32, which boxes of every size fill
    straight = np.where(np.arange(65)[:, None] < 20, 1.0, -1.0) * np.ones(65)
    images = dict.fromkeys(data["images"], straight)
    found = experiment.numbers({**data, "images": images}, QUICK)
    assert found["dimension_tanh"].measured == pytest.approx(1, abs=1e-12)
    assert found["dimension_gained"].measured == pytest.approx(0, abs=1e-12)


def test_a_stopped_run_goes_on_from_the_images_in_its_store(monkeypatch, tmp_path):
    config = dataclasses.replace(QUICK, steps=24, levels=2, store=str(tmp_path / "images"))
    few = {name: CONDITIONS[name] for name in ("one_example", "linear")}
    of_simulate = importlib.import_module("experiments.trainability_boundary.simulate")
    monkeypatch.setattr(of_simulate, "CONDITIONS", few)
    monkeypatch.setattr(edges, "frozen_edges", lambda rates, steps: {})
    boxes, start = [], chunks.Engine.start

    def counted(engine, at):
        boxes.extend(at)
        return start(engine, at)

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(chunks.Engine, "start", counted)
    whole = experiment.simulate(dataclasses.replace(config, store=None))
    all_boxes = len(boxes)
    boxes.clear()
    with monkeypatch.context() as patched:
        patched.setattr(plane, "zoom", stop)
        with pytest.raises(KeyboardInterrupt):
            experiment.simulate(config)
    before_the_stop = len(boxes)
    assert 0 < before_the_stop < all_boxes
    went_on = experiment.simulate(config)
    assert len(boxes) == all_boxes
    experiment.simulate(config)
    assert len(boxes) == all_boxes
    for name, image in whole["images"].items():
        np.testing.assert_array_equal(went_on["images"][name], image)
    for (window, image), (other_window, other) in zip(whole["zoom"], went_on["zoom"], strict=True):
        assert window == other_window
        np.testing.assert_array_equal(image, other)


def test_a_frozen_layers_limit_is_that_of_its_normal_equations(x64):
    (inner, outer), (x, _) = jax.tree.map(np.asarray, problem(LINEAR))
    hidden = inner.T @ x / 4 / 16
    top = np.linalg.eigvalsh(2 / 16 * hidden @ hidden.T)[-1]
    assert edges.top_curvature(LINEAR, edges.OUTER)[0] == pytest.approx(top, rel=1e-12)
    top = np.linalg.eigvalsh(2 / 16 * x @ x.T)[-1] * (outer @ outer) / 4**2 / 16**2
    assert edges.top_curvature(LINEAR, edges.INNER)[0] == pytest.approx(top, rel=1e-12)


def test_a_frozen_layer_converges_below_the_limit_and_at_the_latest_there(data):
    for edge in data["edges"].values():
        position, half_width = edge["edge"]
        assert 1 - half_width <= position <= 1 + edge["late"] + half_width


def test_a_refined_image_is_the_whole_one_where_it_was_refined(monkeypatch):
    """A disk with an island that falls between the coarse pixels."""

    def disk(points):
        x, y = points.T
        island = (x - 0.95) ** 2 + (y + 0.95) ** 2 < 1e-5
        return np.where((x**2 + y**2 < 0.5) | island, -1.0, 1.0) * (2 + x)

    asked = []

    def brightness_at(train, points, store=None):
        asked.append(len(points))
        return disk(points)

    monkeypatch.setattr(plane, "brightness_at", brightness_at)
    window = Window(-1.0, 1.0, -1.0, 1.0)
    whole = plane.whole_image(None, window, 256)
    asked.clear()
    refined = plane.refined_image(None, window, 256)
    assert len(asked) == 3
    assert sum(asked) < whole.size / 4
    trained = plane.near_boundary(refined < 0)
    np.testing.assert_array_equal(refined[trained], whole[trained])
    differs = (refined < 0) != (whole < 0)
    x, y = np.moveaxis(window.points(256), -1, 0)
    assert np.all((x[differs] > 0.9) & (y[differs] < -0.9))


def test_pixels_near_the_boundary_are_those_with_another_outcome_among_eight_neighbors():
    outcome = np.zeros((6, 6), bool)
    outcome[0, 0] = outcome[4, 4] = True
    near = np.zeros((6, 6), bool)
    near[:2, :2] = near[3:, 3:] = True
    np.testing.assert_array_equal(plane.near_boundary(outcome), near)


def test_windows_of_a_zoom_nest_and_hold_boundary(data):
    windows = [window for window, _ in data["zoom"]]
    assert len(windows) == QUICK.levels >= 6
    for outer, inner in itertools.pairwise(windows):
        slack = 1e-12
        assert outer.left - slack <= inner.left < inner.right <= outer.right + slack
        assert outer.bottom - slack <= inner.bottom < inner.top <= outer.top + slack
        assert inner.width == pytest.approx(outer.width / QUICK.factor)
    for _, image in data["zoom"]:
        assert image.min() < 0 < image.max()


def test_pixels_of_a_window_are_the_centers_of_equal_squares():
    points = Window(0.0, 4.0, 10.0, 12.0).points(2)
    np.testing.assert_array_equal(points[0], [[1, 10.5], [3, 10.5]])
    np.testing.assert_array_equal(points[1], [[1, 11.5], [3, 11.5]])


def test_the_zoom_goes_where_most_boundary_is():
    image = np.ones((40, 40))
    image[10, 30] = -1.0
    image[28:34:2, 4:10:2] = -1.0
    x, y = plane.densest_point(image, Window(0.0, 40.0, 0.0, 40.0), 5)
    assert abs(x - 7) <= 2
    assert abs(y - 31) <= 2
    with pytest.raises(ValueError, match="end alike"):
        plane.densest_point(np.ones((8, 8)), Window(0.0, 1.0, 0.0, 1.0), 5)


def test_shades_meet_at_zero_where_both_outcomes_are_slowest():
    image = np.array([[-500.0, -3.0], [400.0, 1.0]])
    slow_good, fast_good, slow_bad, fast_bad = shade(image).ravel()
    assert -1 < fast_good < slow_good < 0 < slow_bad < fast_bad < 1


def test_the_published_pipeline_gives_the_same_pixels(x64):
    points = benchmark.CALM.points(8).reshape(-1, 2)
    ways = {way.__name__: way(points, 21)() for way in CONTESTANTS}
    benchmark.require_agreement(ways)
    ways["another"] = ways["published"] * (1 + 1e-5)
    with pytest.raises(ValueError, match="another and published give other pixels"):
        benchmark.require_agreement(ways)


def title_of(axes):
    return axes.get_title(loc="left")


def test_every_panel_has_its_labels_and_equal_figures_are_equal_files(data):
    with mpl.rc_context(plotting.STYLE):
        files = []
        for _ in range(2):
            figure = experiment.plot(data, QUICK)
            files.append(io.BytesIO())
            figure.savefig(files[-1], format="png", metadata={"Software": None})
    assert files[0].getvalue() == files[1].getvalue()
    assert figure.get_figwidth() == plotting.COLUMN_WIDTH
    titled = [axes for axes in figure.axes if title_of(axes)]
    letters = "".join(re.findall(r"\{\((.)\)\}", " ".join(title_of(axes) for axes in titled)))
    assert letters == "abcdefg"
    assert all(axes.get_xlabel() for axes in titled)
    legend, *_ = figure.axes
    words = [text.get_text() for text in legend.texts]
    assert words[:4] == ["fast", "slow", "slow", "fast"]


def test_the_animation_ends_in_the_last_window(data, tmp_path):
    path = tmp_path / "zoom.gif"
    with mpl.rc_context(plotting.STYLE):
        experiment.save_animation(data, QUICK, path)
    with PillowImage.open(path) as animation:
        assert animation.n_frames == QUICK.frames * (QUICK.levels - 1) + 1
        assert animation.width == animation.height
