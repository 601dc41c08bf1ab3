"""LightBench's table of successes, measured anew on those of its tasks that two cores can search.

82 of its 148 tasks, in 17 families of up to six levels; 28 optimizers less those that the library
has not, at random settings of LightBench's ranges. (a) The share of a family's levels that
LightBench's table (June 2025) calls solved, after at most 1,000 trials that a sampler chose; (b)
that which 40 random trials of 4,000 steps solve, mean over five seeds. (c) The share of all tasks
solved, here and there; bars: 95 % intervals over seeds; dashed: the same share. (d) Trials that a
success took, geometric means over the tasks solved in both. (e) The share solved against the number
of trials, exactly for all their orders.
"""

from experiments.lightbench.claims import claims
from experiments.lightbench.config import QUICK, Config
from experiments.lightbench.figure import plot
from experiments.lightbench.numbers import numbers
from experiments.lightbench.shown import shown
from experiments.lightbench.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "shown", "simulate"]
