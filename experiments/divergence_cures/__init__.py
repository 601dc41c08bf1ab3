"""A deep network whose training diverges, and six cures, each of which alone makes it train.

The run: plain gradient descent at η = 0.15 on 300 digits at once, a network of 12 hidden layers of
24 tanh units, squared error, raw pixels from 0 to 16, first weights 1.2 times LeCun's in each layer
(1.2¹³ ≈ 11 in all). Every cure changes one thing of it. (a) The loss without a cure, from five
first weights, and with the rate falling along a cosine over all steps, which is too slow; crosses:
it passes 10²⁰. Dashed: the growth of theory once every unit is at ±1 and only the last layer moves.
(b) The loss with each cure; geometric mean and range over first weights. (c) The largest curvature
λmax on the way, times η/2: descent is unstable above 1 (dashed). The run starts at some ten times
that. A quarter of the rate is soon below it. Warm-up stays near it while the rate rises, as descent
that is just unstable moves to where the loss is flatter, and so reaches the full rate. Decay is
below it after five steps, before the units are saturated. Clipping lets the run be unstable in
short steps, until it is where it is not. Normalized inputs and a better start cut the sharpness to
less than half from the first step. (d) Verdicts, the loss at the end (geometric mean), and accuracy
on 450 held-out digits with its 95 % interval, beside the majority class (dashed) and the best
simple baseline on the same 300 digits, the three nearest pictures (dotted), which no cure reaches.
Decay ends worst: its first steps do lasting harm.
"""

from experiments.divergence_cures.config import QUICK, Config
from experiments.divergence_cures.figure import plot
from experiments.divergence_cures.numbers import numbers
from experiments.divergence_cures.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
