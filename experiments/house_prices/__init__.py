"""House prices by a linear model: raw features make descent crawl, normalized ones let it arrive.

The 300 houses of `experiments/house_prices/generate.py`, or `--data FILE.csv`; the loss is the mean
squared error of the price, the start θ = 0. (a) The curvatures of the loss, eigenvalues of its
Hessian: with features in m², rooms, km and years, and with each normalized (its mean subtracted,
divided by its standard deviation); κ is the largest over the smallest. (b) How far prices are from
the least-squares ones, root mean square over the houses, after a number of steps at learning rates
up to the stability limit (dotted, measured) and a little beyond. (c) The norm of the gradient at
half the limit until the run ends: by its stopping rule (gray: the tolerance) or at the step limit.
(d) Position along the steepest axis, curvature λ, relative to the start, at three rates. (e) What
one unit of a feature is worth (words) and one standard deviation (axis): descent on normalized
features, taken back to natural units where it stopped, least squares, and the truth that made the
prices, with the 95 % range of least squares around it. (f) Predicted against true prices of houses
held out of the training, with errors over random splits (95 % intervals) of descent, least squares,
and the mean price of the training houses. Dashed: the exact solution of descent on a quadratic in
(b–d), the diagonal in (f).
"""

from experiments.house_prices.config import QUICK, Config
from experiments.house_prices.figure import plot
from experiments.house_prices.numbers import numbers
from experiments.house_prices.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
