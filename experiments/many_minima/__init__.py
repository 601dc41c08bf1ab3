"""Which minimum a start ends in: in a plane, and among the many of a network.

(a) Gradient descent on Himmelblau's surface from a grid of starts, colored by the minimum (dot)
they end in; dashed, the lines that flow into the saddles. (b–g) A hundred starts of a network that
reads digits (16 hidden tanh neurons, J = cross-entropy + ½λ‖θ‖²) under the same full-batch steps:
only the start differs. (b) Training loss and accuracy on held-out digits of every end; dashed, the
standard error that this many digits leave. Beside them softmax regression, the same without the
hidden layer: it has one bowl, and all starts end at one point. To name each digit as the nearest
picture does is better than either. (c) Distances of all pairs. Neurons may change places and signs
without changing the function (2¹⁶·16! twins), so that ends are at a right angle on average, √2;
matched, each is replaced by its twin nearest to the other. (d) Training loss between two ends: on
the line, as they are and matched; on the line to an end's own twin; on a bent path whose middle is
trained. Median and nine tenths of 50 pairs (bent: 10). (e, f) J on the plane through three ends, as
they are and matched to the first; contours a third of a doubling apart. (g) Barriers on the line,
with 95 % intervals, against the number of hidden neurons.
"""

from experiments.many_minima.config import QUICK, Config
from experiments.many_minima.figure import plot
from experiments.many_minima.numbers import numbers
from experiments.many_minima.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
