"""The largest learning rate at which descent is stable, measured and predicted.

(a) Distance from the minimum after a fixed number of steps of gradient descent, on (x − 3)² and
on ½(x − 1)² + ½ (curvatures λ = 2 and 1), against |1 − ηλ|ᵗ: the runs part at η = 2/λ. (b) Four
runs on ½(x − 1)² + ½ from −2.5: the loss above its minimum against (1 − η)²ᵗ. (c, d) Momentum:
color is the measured factor per step over the plane of learning rate and momentum, circles the
measured edge, the line 2(1 + β)/λ for the heavy ball and (2 + 2β)/((1 + 2β)λ) for Nesterov.
(e) The factor per step along one momentum against the exact one: the heavy ball's stays √β until
it jumps at the very edge.
"""

from experiments.stability_boundary.config import QUICK, Config
from experiments.stability_boundary.figure import plot
from experiments.stability_boundary.numbers import numbers
from experiments.stability_boundary.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
