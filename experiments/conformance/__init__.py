"""Who walks along whose path: every optimizer beside its paper and beside each implementation.

Rows are optimizers, columns what they are compared with, on one problem of 18 parameters in float64
for 60 steps; a cell is the largest distance between two paths, in units of the path. Paper: the
algorithm transcribed in NumPy. Same settings: the other implementation, set as the paper is, or as
it comes nearest to it. Defaults: each as it comes, at one learning rate. Green is rounding. What
is red has a cause, and the table on record names it.
"""

from experiments.conformance.config import QUICK, Config
from experiments.conformance.figure import plot
from experiments.conformance.numbers import numbers
from experiments.conformance.shown import shown
from experiments.conformance.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "shown", "simulate"]
