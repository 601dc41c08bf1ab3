"""The best learning rate moves with a network's width, unless its layers' rates are scaled for it.

A tanh network with two hidden layers of n units and no biases, on digits; filled symbols: in the
standard parametrization, open ones: in the maximal-update one (μP), where the layers' rates and the
last layer's first weights go with n so that at the narrowest both are the same. (a, b, d, e)
Cross-entropy of all training digits after 90 steps against the learning rate, at five widths, from
light to dark; means over five starts, the best with a large dot. (c) The best rate at each width
over that at the narrowest, also of SGD on squared errors; geometric means over the starts, bars 95
% intervals; dotted: as 1/n. (f) The largest stable rate of SGD on half the squared error at the
start, 2/λ: dots, λ the mean of the ten largest eigenvalues of the Gauss–Newton matrix through the
layers' rates, which are one in infinite width (dashed); triangles: λ the largest of them; bars 95 %
intervals. (g, h) What each layer's own update does, in the first step, to its own outputs, and what
the hidden layer's does to those of the network: root mean square over that at the narrowest;
dashed: powers of n that theory gives, in μP the zeroth of all.
"""

from experiments.width_transfer.claims import claims
from experiments.width_transfer.config import QUICK, Config
from experiments.width_transfer.figure import plot
from experiments.width_transfer.numbers import numbers
from experiments.width_transfer.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
