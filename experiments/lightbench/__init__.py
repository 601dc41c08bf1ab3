"""LightBench's table of successes, measured anew on those of its tasks that two cores can search.

82 of its 148 tasks, in 17 families of one or six levels, and eight of its optimizers, at random
settings of its ranges; three further tasks have aims that no gradient leads to. (a) The share of a
family's levels that LightBench's table (June 2025) calls solved, in at most 1,000 trials that a
sampler chose, where a level was not tried once an easier one had failed; (b) the share that 40
random trials of at most 4,000 steps solve, mean over five seeds. (c) The share of all 82 tasks
solved, here and there; bars: 95 % intervals over seeds; dashed: the same share; open: gradient
descent, which is what stood behind the name ADOPT there. (d) Trials that a success took, geometric
means over the tasks solved in both. (e) The share solved against the number of trials, exactly for
all their orders. Colors as in (c).
"""

from experiments.lightbench.claims import claims
from experiments.lightbench.config import QUICK, Config
from experiments.lightbench.figure import plot
from experiments.lightbench.numbers import numbers
from experiments.lightbench.shown import shown
from experiments.lightbench.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "shown", "simulate"]
