from fractions import Fraction

import numpy as np
import pytest

from jdescent.analysis.principal import principal


@pytest.mark.parametrize("spread", [0, 3, 40, 130])
def test_examples_lie_along_orthogonal_directions_whatever_their_units(spread):
    draw = np.random.default_rng(spread)
    x = draw.normal(size=(9, 5)) * 10.0 ** draw.uniform(-spread, spread, 5)
    directions, sizes = principal(x)
    np.testing.assert_allclose(directions.T @ directions / 9, np.eye(5), atol=1e-13)
    for column in x.T / np.abs(x).max(axis=0)[:, None]:
        np.testing.assert_allclose(directions @ (directions.T @ column / 9), column, atol=1e-13)
    if spread == 0:
        singular = np.linalg.svd(x, compute_uv=False)
        np.testing.assert_allclose(np.sort(sizes)[::-1], singular / 3, rtol=1e-13)


@pytest.mark.parametrize("unit", [1e-150, 1e-30, 1e-9, 0.3])
def test_sizes_multiply_to_the_determinant(unit):
    """Π n·size² = det xᵀx, in fractions, also where columns nearly depend on one another."""
    x = np.vander(np.linspace(0.0, 1.0, 6), 3) + 5.0
    x = x * np.array([1.0, unit, unit**2])
    _, sizes = principal(x)
    (a, b, c), (_, e, f), (_, _, i) = [
        [sum(Fraction(p) * Fraction(q) for p, q in zip(u, v, strict=True)) for v in x.T]
        for u in x.T
    ]
    determinant = a * (e * i - f * f) - b * (b * i - f * c) + c * (b * f - e * c)
    product = np.prod([Fraction(size) ** 2 * 6 for size in sizes])
    assert float(product / determinant) == pytest.approx(1, rel=1e-11)


def test_columns_that_depend_on_one_another_are_refused():
    line = np.arange(1.0, 5.0)
    for x in (np.stack([line, 1e-9 * line], 1), np.stack([line, 0 * line], 1), np.ones((1, 2))):
        with pytest.raises(ValueError, match="x has 2 columns of rank 1: remove those"):
            principal(x)
