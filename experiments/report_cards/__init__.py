"""What every optimizer of the library did on the trials of its report card.

Each with its own defaults, at the best of the same learning rates where one is chosen. (a) Rows:
optimizers, in the order of a tree in which neighbours behave alike (average linkage of what is
shown). Left: whether a path stays what it is when loss or coordinates are changed, exactly, nearly
(to 1 % of its length), or not. Right: the rank among all, from the best, bright, to the last, dark;
grey where there is nothing to rank or nothing on record. (b) Growth p of the steps on bowls with
their condition number, κᵖ, from κ = 10 to 1,000: dashed, that of gradient descent and of
accelerated methods. (c) Growth of the stationary mean of x² with the learning rate, ηᵖ. (d) How far
one gradient a thousand times as large throws x, in units of where it usually is, beside what such a
step is for gradient descent.

The cards are measured by ``python -m jdescent.report_card.library``; here their record is drawn.
"""

from experiments.report_cards.config import QUICK, Config
from experiments.report_cards.figure import plot
from experiments.report_cards.numbers import numbers
from experiments.report_cards.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
