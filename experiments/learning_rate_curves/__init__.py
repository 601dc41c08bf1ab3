"""Learning rates too low, right and too high, and rates that change, on handwritten digits.

A network of 64 relu units on batches of 32, eight seeds; lines are means, bands ranges over them.
(a) SGD's loss, 20 batches a point, at a rate too low, the right one (of the lowest loss in c) and
one too high, beside the accuracy on held-out digits. Dashed: ten times the low rate, drawn at ten
times its steps, as a small rate only sets the pace. Nothing diverges at the high rate: its relus
die, and the loss stays at chance. (b) Held-out accuracy; dotted, the best simple baseline (the
commonest digit of the three nearest pictures), which none of these networks reaches. (c) loss on
all training digits and (d) share of runs that end no better than chance, a loss of log 10, against
the rate. Dashed in (c): SGD's curve moved to where momentum's should be, whose steps add up to η/(1
− β), β = 0.9. (e) Four schedules of momentum's rate and (f) the losses they give: the constant
rate's noise keeps its loss up, every decay ends lower. (g) The loss at the end against the peak
rate: decay pays at the rates that are large, and costs where a constant rate has no noise to lose.
(h) Where warm-up moves the largest usable rate: full-batch descent on the deep, badly started
network of `divergence_cures`, whose loss is sharpest at the start, at a constant rate and rising
over half of the steps; in the network of (a–g) warm-up hardly moves it. (i) Full-batch descent on
that one, rates in units of 2/λmax at its start: share of runs whose loss ever rises in 40 steps,
which theory has begin at 1 (dashed), and share that does not halve it: descent learns at up to
three times the limit.
"""

from experiments.learning_rate_curves.config import QUICK, Config
from experiments.learning_rate_curves.figure import plot
from experiments.learning_rate_curves.numbers import numbers
from experiments.learning_rate_curves.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
