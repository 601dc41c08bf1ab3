"""A line fitted to five points by 2,000 steps of gradient descent, which algebra predicts exactly.

(a) The points (x, 2x), x = 1 … 5, and the line y = wx + b after some steps at η = 0.01 from
w = b = 0. (b) The mean squared error over the plane of w and b, contours evenly spaced in its root,
with the path (dots) and three more from other starts: there is one valley, and every start ends in
it. Gray: the two axes of the bowl. (c) The loss, against the sum of two modes that shrink by
1 − ηλ₁ and 1 − ηλ₂ a step: the fast one is gone after fifty steps, the slow one takes the other
1,950. (d) The two partial derivatives along the path by `jax.grad`, against the sums
(2/n)Σe·x and (2/n)Σe of the textbook, e = ŷ − y. Dashed: theory.
"""

from experiments.fit_line.config import QUICK, Config
from experiments.fit_line.figure import plot
from experiments.fit_line.numbers import numbers
from experiments.fit_line.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
