"""The saddle experiment at its quick sizes: its theory, a transcription, and what it claims."""

import dataclasses

import figures
import jax
import numpy as np
import pytest
import scipy

from experiments import saddle_escape
from experiments.common import report
from experiments.saddle_escape import plain, ridge
from experiments.saddle_escape.config import LEFT, RIGHT
from experiments.saddle_escape.plain import NOISE, START, Setting

QUICK = saddle_escape.QUICK


@pytest.fixture(scope="module")
def data():
    return saddle_escape.simulate(QUICK)


def transcribed_steps(setting: Setting, runs: int, seed: int) -> np.ndarray:
    """x ← x + v, v ← βv + η(γx − σz) in NumPy, until |x| ≥ 1."""
    generator = np.random.default_rng(seed)
    x, v, steps = np.zeros(runs), np.zeros(runs), np.zeros(runs, int)
    while np.any(inside := np.abs(x) < 1):
        gradient = -setting.curvature * x + setting.noise * generator.standard_normal(runs)
        v = np.where(inside, setting.momentum * v - QUICK.learning_rate * gradient, 0)
        x, steps = x + v, steps + inside
    return steps


def test_every_headline_number_agrees_with_theory(data):
    found = saddle_escape.numbers(data, QUICK)
    assert report.off_theory(found) == []
    assert all(number.kind != "regression" for number in found.values())
    assert found["steps_from_1e-06"].measured == 284


@pytest.mark.parametrize("momentum", QUICK.momenta)
def test_runs_leave_when_a_transcriptions_do(data, momentum):
    """Kolmogorov and Smirnov's distance of two samples, at one chance in a thousand."""
    setting = Setting(QUICK.curvatures[0], 0.0, NOISE, momentum)
    ours = data["noisy"][setting].steps
    theirs = transcribed_steps(setting, 2_000, seed=1)
    assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-3


def test_no_two_settings_share_their_noise(data):
    """Were the noise shared, steps at two noises would differ by a constant."""
    first, second = (
        data["noisy"][Setting(QUICK.curvatures[0], 0.0, noise)].steps for noise in QUICK.noises[:2]
    )
    # a correlation of 4/√200 comes by chance once in 16,000
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(QUICK.runs)


def test_without_noise_the_run_on_the_ridge_alone_stays(data):
    left = {setting: bool(run.left) for setting, run in data["quiet"].items()}
    on_ridge = Setting(QUICK.curvatures[0])
    assert not left.pop(on_ridge)
    assert all(left.values())
    assert data["quiet"][on_ridge].apart == 0


def test_noise_bounds_the_steps_that_a_start_ever_nearer_takes(data):
    curvature, noise = QUICK.curvatures[0], QUICK.noises[-1]
    starts = plain.distances(QUICK)
    quiet = [int(data["quiet"][Setting(curvature, start)].steps) for start in starts]
    assert np.all(np.diff(quiet) < 0)
    from_nearest = data["noisy"][Setting(curvature, starts[0], noise)].steps.mean()
    from_saddle = data["noisy"][Setting(curvature, 0.0, noise)].steps
    assert quiet[0] > from_saddle.mean() + 5 * from_saddle.std()
    assert abs(from_nearest - from_saddle.mean()) < 4 * from_saddle.std() * (2 / QUICK.runs) ** 0.5


def test_momentum_leaves_sooner_but_not_by_one_over_one_minus_beta(data):
    curvature = QUICK.curvatures[0]
    *_, largest = momenta = QUICK.momenta
    steps = [
        int(data["quiet"][Setting(curvature, START, momentum=momentum)].steps)
        for momentum in momenta
    ]
    assert np.all(np.diff(steps) < 0)
    assert steps[-1] > 2 * steps[0] * (1 - largest)


def test_the_ridge_is_found_to_the_last_bit(data, x64):
    first, height = data["paths"]["ridge"][0]
    x = np.full(ridge.LANES, first)
    x[0] = np.nextafter(first, -1)
    keys = jax.random.split(jax.random.key(0), ridge.LANES)
    ends = ridge.ridge_paths(QUICK)(x, np.zeros(ridge.LANES), keys)[:, -1]
    assert height == ridge.HEIGHT
    np.testing.assert_allclose(ends[0], LEFT.position, atol=1e-9)
    np.testing.assert_allclose(ends[1], RIGHT.position, atol=1e-9)


def test_paths_reach_the_saddle_the_nearer_the_less_they_are_disturbed(data):
    paths = data["paths"]
    lowest = [
        np.linalg.norm(path - ridge.CENTER, axis=1).min()
        for path in (paths["ridge"], *paths["shaken"])
    ]
    assert np.all(np.diff(lowest) > 0)
    assert lowest[0] < 1e-11
    assert np.all(paths["straight"][:, 0] == 0)
    assert abs(paths["straight"][-1, 1]) < 1e-80


def test_paths_from_beside_the_ridge_end_in_both_valleys(data):
    for path, valley in zip(data["paths"]["beside"], (LEFT, RIGHT), strict=True):
        np.testing.assert_allclose(path[-1], valley.position, atol=1e-9)


def test_settings_that_theory_cannot_follow_are_refused():
    with pytest.raises(ValueError, match=r"noises=\(0\.5,\) must lie above 0, and up to 0\.2"):
        dataclasses.replace(QUICK, noises=(0.5,))
    with pytest.raises(ValueError, match=r"learning_rate=0\.6 must lie between 0 and 0\.5"):
        dataclasses.replace(QUICK, learning_rate=0.6)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(saddle_escape, data, QUICK)
    assert len(figure.axes) == 6
    figures.assert_labeled(figure.axes)
