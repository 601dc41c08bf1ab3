"""Box counting on sets whose dimension is known, and the boundary of small images by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jdescent import analysis


def self_similar(generator, levels):
    """The set that a square of boxes, each again divided in the same way, converges to."""
    mask = np.ones((1, 1), bool)
    for _ in range(levels):
        mask = np.kron(mask, np.array(generator, bool)).astype(bool)
    return mask


CARPET = [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
TRIANGLE = [[1, 0], [1, 1]]
DUST = [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    ("generator", "levels", "dimension"),
    [
        (CARPET, 6, np.log(8) / np.log(3)),
        (DUST, 6, np.log(4) / np.log(3)),
        (TRIANGLE, 8, np.log(3) / np.log(2)),
    ],
    ids=["Sierpinski carpet", "Cantor dust", "Sierpinski triangle"],
)
def test_a_self_similar_set_has_its_dimension_at_every_size_exactly(generator, levels, dimension):
    base, copies = len(generator), np.sum(generator)
    mask = self_similar(generator, levels)
    found = analysis.box_counts(mask, base)
    largest = levels - len(found.sizes) + 1
    assert found.sizes.tolist() == [base**k for k in range(len(found.sizes))]
    assert found.counts.tolist() == [copies**k for k in range(levels, largest - 1, -1)]
    np.testing.assert_allclose(found.slopes, dimension, rtol=1e-12)
    assert analysis.box_dimension(mask, base=base) == pytest.approx(dimension, rel=1e-12)


def test_the_carpet_is_measured_with_boxes_that_do_not_fit_it():
    # boxes of 2ᵏ cut through squares of 3ᵏ: counts vary by some 10 %, a slope over an octave by 0.1
    measured = analysis.box_dimension(self_similar(CARPET, 6))
    assert measured == pytest.approx(np.log(8) / np.log(3), abs=0.1)


def test_a_koch_curve_has_the_dimension_log_4_over_log_3():
    points = np.array([0.0, 1.0], complex)
    for _ in range(8):
        a, step = points[:-1], np.diff(points) / 3
        bump = a + step * (1 + np.exp(1j * np.pi / 3))
        points = np.append(np.stack([a, a + step, bump, a + 2 * step], axis=1).ravel(), points[-1])
    side = 1024
    mask = np.zeros((side, side), bool)
    mask[(points.imag * (side - 1)).astype(int), (points.real * (side - 1)).astype(int)] = True
    # the median over octaves of a curve that is self-similar in thirds
    assert analysis.box_dimension(mask) == pytest.approx(np.log(4) / np.log(3), abs=0.05)


@pytest.mark.parametrize("shape", [(64, 64), (63, 63), (50, 90)])
def test_a_filled_rectangle_is_a_surface_and_a_row_a_line(shape):
    # boxes that stick out at the far ends make counts of ceil(n/s): in 50 pixels 7 of 8 and 4 of 16
    line = np.zeros(shape, bool)
    line[shape[0] // 2] = True
    assert analysis.box_dimension(np.ones(shape, bool)) == pytest.approx(2, abs=0.15)
    assert analysis.box_dimension(line) == pytest.approx(1, abs=0.08)


def test_the_dimension_of_several_images_is_the_median_of_all_their_slopes():
    line, square = np.eye(32, dtype=bool), np.ones((64, 64), bool)
    assert analysis.box_dimension(line, square) == pytest.approx(2)
    assert analysis.box_dimension(line, line, line, square) == pytest.approx(1)
    assert analysis.box_dimension(line, np.zeros((32, 32), bool)) == pytest.approx(1)


def test_images_without_a_pixel_of_the_set_have_no_dimension():
    nothing = np.zeros((32, 32), bool)
    for masks in ([nothing], [nothing, nothing[:16]]):
        with pytest.raises(ValueError, match=r"no mask holds a pixel of the set.*give an image"):
            analysis.box_dimension(*masks)


def test_the_boundary_of_a_small_image_by_hand():
    outcome = np.array([[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 1]], bool)
    expected = np.array([[0, 0, 1], [1, 0, 1]], bool)
    np.testing.assert_array_equal(analysis.outcome_boundary(outcome), expected)


@given(arrays(bool, st.tuples(st.integers(2, 9), st.integers(2, 9))))
def test_a_boundary_is_that_of_the_other_outcome_too_and_empty_where_all_end_alike(outcome):
    boundary = analysis.outcome_boundary(outcome)
    np.testing.assert_array_equal(boundary, analysis.outcome_boundary(~outcome))
    for row, column in np.ndindex(boundary.shape):
        four = outcome[row : row + 2, column : column + 2]
        assert boundary[row, column] == (four.min() != four.max())


@given(arrays(bool, st.tuples(st.integers(4, 40), st.integers(4, 40))))
def test_box_counts_are_those_of_a_plain_loop(mask):
    sizes, counts = analysis.box_counts(mask)
    for size, count in zip(sizes, counts, strict=True):
        pixels = np.argwhere(mask) // size
        assert count == len({tuple(box) for box in pixels.tolist()})


def test_images_that_are_too_small_are_refused_with_what_is_needed():
    with pytest.raises(ValueError, match="at least 2 × 2"):
        analysis.outcome_boundary(np.ones((1, 5), bool))
    with pytest.raises(ValueError, match="at least 4 × 4"):
        analysis.box_counts(np.ones((3, 9), bool))
    with pytest.raises(ValueError, match="more than 6 pixels"):
        analysis.box_dimension(np.ones((6, 20), bool))
    with pytest.raises(ValueError, match="base must be at least 2"):
        analysis.box_counts(np.ones((8, 8), bool), base=1)
    with pytest.raises(ValueError, match="no mask"):
        analysis.box_dimension()
