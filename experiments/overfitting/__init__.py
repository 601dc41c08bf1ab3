"""Overfitting: what a network learns by heart, and what early stopping gives back.

A network with two hidden layers of 128 relu units, 26,122 parameters, learns few digits by Adam;
300 other digits are for validation and 450 for the test; five networks, each on a split of its own.
(a) Training loss goes to zero, validation loss turns (means, and spans of all); dots: where early
stopping, having looked in vain for 150 steps, goes back to. The validation loss rises by growing
confidence in wrong answers: with true labels the test accuracy does not fall (d, left). (b) The
same where a quarter of the training labels are drawn at random. (c) Zhang et al. (2017): a network
can learn any labels; random ones take longer, and in the end all are learned. (d) Test accuracy of
the last parameters and of those restored by early stopping, over the part of random labels; dots
are networks. Dotted: the best of simple methods on the same digits, the nearest picture with true
labels, else the nearest mean; both read better than these networks, but where all labels are
random. (e) Test loss of both for more or fewer digits with true labels. (f) Portrait of a memorized
set: pictures from a training set of random labels, and what the network now answers.
"""

from experiments.overfitting.config import QUICK, Config
from experiments.overfitting.figure import plot
from experiments.overfitting.numbers import numbers
from experiments.overfitting.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
