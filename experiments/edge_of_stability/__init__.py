"""Training sharpens until it is nearly unstable, and stays there.

(a) The largest eigenvalue of the preconditioned Hessian over the value at which each optimizer
is linearly unstable (dashed: 1), along full-batch training of a tanh network on synthetic data;
one run of each. (b) The same on 500 handwritten digits. (c) Its mean over the last third of the
steps: dots are means over the starts, bars 95 % intervals, filled on synthetic data and open on
digits.
"""

from experiments.edge_of_stability.config import QUICK, Config
from experiments.edge_of_stability.figure import plot
from experiments.edge_of_stability.numbers import numbers
from experiments.edge_of_stability.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
