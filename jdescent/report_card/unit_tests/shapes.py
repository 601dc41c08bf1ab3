"""The fifteen shapes of Schaul et al. (2013), chained, as the numbers of their pieces.

A shape begins with the slope with which the one before it ended, and at its value: every chain is
continuous, and differentiable where two shapes join. What bends within a shape are kinks. On a
piece, at the distance u from its origin,

    f = height + (slope + curvature·u/2)·u + amplitude·(exp((rate − weight·u)·u) − 1)
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Piece(NamedTuple):
    """A function of the distance from an origin, and where it begins to hold."""

    begin: float = 0.0
    origin: float = 0.0
    height: float = 0.0
    slope: float = 0.0
    curvature: float = 0.0
    amplitude: float = 0.0
    rate: float = 0.0
    weight: float = 0.0

    def value(self, x: float) -> float:
        u = x - self.origin
        bell = self.amplitude * np.expm1((self.rate - self.weight * u) * u)
        return self.height + (self.slope + self.curvature * u / 2) * u + bell

    def slope_at(self, x: float) -> float:
        u = x - self.origin
        bell = self.amplitude * np.exp((self.rate - self.weight * u) * u)
        return self.slope + self.curvature * u + bell * (self.rate - 2 * self.weight * u)


Pieces = list[Piece]
Shape = Callable[[float, float, float], Pieces]
"""From the width, the slope at the left end and the last slope that was not zero."""


def _line(width: float, slope: float, before: float) -> Pieces:
    return [Piece(slope=slope)]


def _two_lines(width: float, slope: float, end: float) -> Pieces:
    """Two lines of equal length as drawn, from one slope to another."""
    kink = width / (1 + np.hypot(1, slope) / np.hypot(1, end))
    return [Piece(slope=slope), Piece(begin=kink, origin=kink, height=slope * kink, slope=end)]


def _relu(width: float, slope: float, before: float) -> Pieces:
    return _two_lines(width, slope, 0.0)


def _abs(width: float, slope: float, before: float) -> Pieces:
    return _two_lines(width, slope, -slope)


def _bend(width: float, slope: float, before: float) -> Pieces:
    """From a plateau back to the slope that led to it; alone, from a plateau to the scale's."""
    return _two_lines(width, 0.0, before)


def _cliff(width: float, slope: float, before: float) -> Pieces:
    return _two_lines(width, slope, -10 * slope)


def _ridge(width: float, slope: float, before: float) -> Pieces:
    return _two_lines(width, slope, 10 * slope)


def _exponential(width: float, slope: float, before: float) -> Pieces:
    """The slope falls to a thousandth."""
    rate = -np.log(1000) / width
    return [Piece(amplitude=slope / rate, rate=rate)]


def _quad_convex(width: float, slope: float, before: float) -> Pieces:
    """The slope falls to a tenth, or grows tenfold where it ascends."""
    end = slope / 10 if slope < 0 else 10 * slope
    return [Piece(slope=slope, curvature=(end - slope) / width)]


def _quad_bowl(width: float, slope: float, before: float) -> Pieces:
    return [Piece(slope=slope, curvature=-2 * slope / width)]


def _gauss(near: float, far: float) -> Shape:
    """From far to near standard widths c of the center in descent; in ascent from near to far."""

    def shape(width: float, slope: float, before: float) -> Pieces:
        c = width / (far - near)
        place = -far * c if slope <= 0 else near * c  # x − μ at the left end
        rate = -2 * place / c**2
        return [Piece(amplitude=slope / rate, rate=rate, weight=1 / c**2)]

    return shape


def _laplace(near: float, far: float) -> Shape:
    """The same for exp(−|x − μ|/c), which has its kink at μ."""

    def shape(width: float, slope: float, before: float) -> Pieces:
        c = width / (far - near)
        kink = far * c if slope <= 0 else -near * c  # μ − x at the left end
        rate = np.sign(kink) / c
        amplitude = slope / rate
        here = Piece(amplitude=amplitude, rate=rate)
        at_kink = amplitude * np.exp(rate * kink)
        there = Piece(kink, kink, here.value(kink), amplitude=at_kink, rate=-rate)
        if kink > 0:
            return [here, there]
        return [there._replace(begin=-np.inf), here._replace(begin=kink)]

    return shape


SHAPES: dict[str, Shape] = {
    "line": _line,
    "relu": _relu,
    "abs": _abs,
    "bend": _bend,
    "cliff": _cliff,
    "ridge": _ridge,
    "exponential": _exponential,
    "quad_convex": _quad_convex,
    "quad_bowl": _quad_bowl,
    "gauss_nonconvex": _gauss(near=np.sqrt(0.5), far=4.0),
    "gauss_convex": _gauss(near=0.1, far=np.sqrt(0.5)),
    "gauss_bowl": _gauss(near=-0.1, far=0.1),
    "laplace_nonconvex": _laplace(near=1.0, far=8.0),
    "laplace_convex": _laplace(near=0.1, far=1.0),
    "laplace_bowl": _laplace(near=-0.1, far=0.1),
}


def chained(shapes: Sequence[str], slope: float) -> Pieces:
    """The pieces of shapes in a row on equal parts of [0, 1], from value 0 and a slope at x = 0.

    The first one goes on to the left of 0, and the last one to the right of 1.

    Example:
        >>> valley = chained(["line", "quad_bowl", "line"], slope=-1.0)
        >>> [round(piece.begin, 2) for piece in valley], round(float(valley[-1].slope), 2)
        ([-inf, 0.33, 0.67], 1.0)
    """
    width = 1 / len(shapes)
    pieces: Pieces = []
    height, before = 0.0, slope
    for number, name in enumerate(shapes):
        left, right = number * width, (number + 1) * width
        first, last = number == 0, number == len(shapes) - 1
        own = [
            piece._replace(
                begin=left + piece.begin, origin=left + piece.origin, height=height + piece.height
            )
            for piece in SHAPES[name](width, slope, before)
        ]
        if not first:
            own = _from(left, own)
        if not last:
            own = [piece for piece in own if piece.begin < right]
        pieces += own
        height, slope = own[-1].value(right), own[-1].slope_at(right)
        before = slope or before
    return [pieces[0]._replace(begin=-np.inf), *pieces[1:]]


def _from(left: float, pieces: Pieces) -> Pieces:
    """Without what lies left of a place, where the piece that holds there begins."""
    there = max(number for number, piece in enumerate(pieces) if piece.begin <= left)
    return [pieces[there]._replace(begin=left), *pieces[there + 1 :]]
