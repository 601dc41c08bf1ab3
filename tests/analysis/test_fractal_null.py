"""Surrogates of images: what they keep, and which boundaries they tell apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from jdescent import analysis

SIDE = 96
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.3


def dimension(outcome):
    return analysis.box_dimension(analysis.outcome_boundary(outcome))


def line(draw):
    angle = draw.uniform(0, 2 * np.pi)
    return ROWS * np.cos(angle) + COLUMNS * np.sin(angle) + draw.uniform(-15, 15)


def disc(draw):
    return np.hypot(ROWS, COLUMNS) - draw.uniform(25, 40)


def with_flips(distance, reach, draw):
    chance = 0.5 * np.exp(-np.abs(distance) / reach)
    return (distance > 0) ^ (draw.random(distance.shape) < chance)


def rough_graph(exponent, side, draw):
    """Above and below fractional Brownian motion, whose graph has the dimension 2 − exponent."""
    frequency = np.fft.rfftfreq(2 * side)[1:]
    spectrum = frequency ** -(exponent + 0.5) * (draw.normal(size=(2, side)).T @ [1, 1j])
    height = np.fft.irfft(np.append(0, spectrum))[:side]
    height = (height - height.mean()) / np.ptp(height) * side / 2
    return np.arange(side)[:, None] - side / 2 > height


def julia_set(c, side):
    rows, columns = np.mgrid[:side, :side] / side * 2.8 - 1.4
    z = columns + 1j * rows
    for _ in range(100):
        z = np.where(np.abs(z) < 4, z**2 + c, 4)
    return np.abs(z) < 4


@given(arrays(bool, (24, 31)), st.sampled_from([1.0, 2.5]), st.integers(0, 9))
def test_surrogates_keep_the_smooth_boundary_and_the_flips_at_each_distance(outcome, width, seed):
    smooth = analysis.smooth_outcome(outcome, width)
    drawn = analysis.boundary_surrogates(outcome, 3, width, seed)
    assert drawn.shape == (3, 24, 31)
    if smooth.any() and not smooth.all():
        inside, outside = map(ndimage.distance_transform_edt, (smooth, ~smooth))
        distance = np.where(smooth, np.floor(inside), -np.floor(outside))
    else:
        distance = np.zeros(smooth.shape)
    for place in np.unique(distance):
        here = distance == place
        flips = np.sum((drawn != smooth) & here, axis=(1, 2))
        np.testing.assert_array_equal(flips, np.sum((outcome != smooth) & here))


def test_the_flips_of_a_distance_are_drawn_with_equal_chances():
    outcome = np.arange(12)[:, None] + np.zeros(12) > 5.5
    outcome[8, [1, 4, 5]] = False
    shares = np.mean(analysis.boundary_surrogates(outcome, 4000, smoothing=2.0) != outcome, axis=0)
    # 3 of 12 pixels of the row are flipped; before, in the same places each time, now in any
    drawn = analysis.boundary_surrogates(outcome, 4000, smoothing=2.0)[:, 8]
    assert np.all(np.sum(~drawn, axis=1) == 3)
    deviation = np.sqrt(0.25 * 0.75 / 4000)
    np.testing.assert_allclose(np.mean(~drawn, axis=0), 0.25, atol=4 * deviation)
    assert np.all(shares[np.arange(12) != 8] == 0)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi, 7))
def test_straight_boundaries_are_smooth_up_to_the_frame(angle):
    distance = ROWS * np.cos(angle) + COLUMNS * np.sin(angle) + 5
    changed = analysis.smooth_outcome(distance > 0) != (distance > 0)
    assert np.abs(distance[changed]).max(initial=0) < 1


@pytest.mark.parametrize("radius", [16, 24, 32])
def test_discs_keep_their_area(radius):
    """Less than half is lost of what a blur alone takes, 2πr·smoothing²/2r."""
    outcome = np.hypot(ROWS, COLUMNS) < radius
    lost = outcome.sum() - analysis.smooth_outcome(outcome).sum()
    assert abs(lost) < 0.5 * np.pi * 4.0**2


@pytest.mark.parametrize(("shape", "reach"), [(line, 1), (line, 8), (disc, 3)])
def test_smooth_boundaries_with_flips_lie_within_the_interval(shape, reach):
    """One of 20 lies outside; more than 3 of 12 would be one chance in 400."""
    draw = np.random.default_rng(reach)
    outside = []
    for _ in range(12):
        outcome = with_flips(shape(draw), reach, draw)
        null = analysis.null_dimension(outcome, surrogates=39)
        outside.append(not null.low <= dimension(outcome) <= null.high)
        assert abs(null.smooth - 1) < 0.1
    assert sum(outside) <= 3


@pytest.mark.parametrize("smoothing", [2.0, 4.0, 8.0])
@pytest.mark.parametrize(
    "outcome",
    [
        rough_graph(0.5, 128, np.random.default_rng(0)),
        rough_graph(0.3, 128, np.random.default_rng(1)),
        julia_set(-0.12 + 0.74j, 128),
    ],
    ids=["dimension 1.5", "dimension 1.7", "Julia set"],
)
def test_fractals_read_less_than_their_flips_would_and_more_than_smooth(outcome, smoothing):
    null = analysis.null_dimension(outcome, smoothing=smoothing, surrogates=39)
    assert 1.05 < dimension(outcome) < null.low


def test_a_smooth_boundary_reads_one_with_its_surrogates():
    null = analysis.null_dimension(line(np.random.default_rng(3)) > 0, surrogates=39)
    np.testing.assert_allclose(null, 1, atol=0.1)


def test_images_of_a_zoom_are_taken_together_as_by_box_dimension():
    draw = np.random.default_rng(4)
    images = [with_flips(line(draw), 4, draw), line(draw) > 0, line(draw) > 0]
    together = analysis.null_dimension(*images, surrogates=39)
    apart = [analysis.null_dimension(image, surrogates=39).median for image in images]
    assert min(apart) < together.median < max(apart)
    assert together == analysis.null_dimension(*images, surrogates=39)
    assert together != analysis.null_dimension(*images, surrogates=39, seed=1)


def test_where_all_runs_end_alike_there_is_no_dimension():
    assert np.all(np.isnan(analysis.null_dimension(np.ones((32, 32), bool))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.null_dimension(), "no mask was given"),
        (lambda: analysis.null_dimension(np.eye(6, dtype=bool)), "more than 6 pixels"),
        (lambda: analysis.null_dimension(np.eye(32, dtype=bool), smoothing=0.0), "smoothing must"),
        (
            lambda: analysis.null_dimension(np.eye(32, dtype=bool), smoothing=1e6),
            "smoothing must be at most 32 pixels, the longer side of the image, got 1000000",
        ),
        (
            lambda: analysis.smooth_outcome(np.ones((2, 9), bool), 9.1),
            "smoothing must be at most 9",
        ),
        (lambda: analysis.boundary_surrogates(np.eye(9, dtype=bool), 1, 10.0), "at most 9 pixels"),
        (lambda: analysis.null_dimension(np.eye(32, dtype=bool), seed=-1), "seed must be zero or"),
        (lambda: analysis.null_dimension(np.eye(32, dtype=bool), confidence=1.0), "confidence"),
        (
            lambda: analysis.null_dimension(np.eye(32, dtype=bool), surrogates=38),
            "surrogates must be at least 39",
        ),
        (lambda: analysis.boundary_surrogates(np.eye(32, dtype=bool), 0), "number must be at"),
        (lambda: analysis.smooth_outcome(np.ones((1, 5), bool)), "at least 2 × 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
