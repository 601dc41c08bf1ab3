"""What is said of Adam, SGD, Muon, Lion and schedule-free, at equally tuned learning rates.

Every method is given the same learning rates, steps, starts and batches of eight tasks: three for a
small transformer (two texts of known entropy, and a line to be copied) and five for perceptrons. Of
a run counts what is left at its end of what can be learned, from 1, nothing learned, to 0, the best
there is; a rate is chosen for each start on the other ones. (a, b) What is left against the rate:
geometric means over tasks and starts. (c) What is left over what Adam leaves, both tuned, task by
task, transformers above the line; geometric means over starts, bars 95 % intervals. (d) The best
rate over Adam's, geometric means over tasks; shaded: a tenth to a third, as is said of Lion. (e)
The share of Adam's steps after which a method is where tuned Adam ends, filled: transformers, open:
perceptrons; shaded: 0.52, as is said of Muon; those that do not arrive are at 1.
"""

from experiments.tuned_optimizers.claims import claims
from experiments.tuned_optimizers.config import QUICK, Config
from experiments.tuned_optimizers.figure import plot
from experiments.tuned_optimizers.numbers import numbers
from experiments.tuned_optimizers.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
