"""One example, some, or all of them at a step: what a batch costs and what its noise does.

(a–c) Cross-entropy of a network on 1,347 digits, all of them, against steps, examples seen and time
on the machine that drew this figure, each batch size at the best of five learning rates: geometric
means over five seeds with 95 % bands. Above them: batch size, rate and accuracy on 450 held-out
digits, where the most frequent class has 10 %, and to look up the three nearest pictures 98.7 %,
more than any of these. (d) Median time of a step of the compiled loop, filled, and per example,
open; bars span three repeats. Times, here and in (c), change from run to run. (e) Squared distance
of a batch's gradient from the mean gradient, that is the trace of its covariance, at a network on
its way (full batch, 45 steps): measured on 600 batches a size with 95 % intervals, and σ²/B, times
(n − B)/(n − 1) without replacement (dashed), with σ² from all single gradients. (f) Linear
regression of the progress of diabetes in 96 patients on ten measurements at η = 0.02: mean excess
loss of 48 runs from zero, and the exact recursion of its second moments (dashed). (g) Excess loss
at which it settles, for three ways to draw; dashed: the exact fixed points; dotted: shuffled
epochs, were every patient's curvature the mean one. (h) The same for the mean of one number, which
curves by λ = 2 for every patient, with batches of 16: ησ²/(2(2 − ηλ)) and its counterpart for
epochs, whose noise cancels where steps are small (dashed); dotted: ησ²/4, the former's limit. Dots
in (g, h) are means of 16 runs with 95 % intervals.
"""

from experiments.batch_size.config import QUICK, Config
from experiments.batch_size.figure import plot
from experiments.batch_size.numbers import numbers
from experiments.batch_size.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
