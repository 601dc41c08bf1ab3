"""Training sharpens until it is nearly unstable, and stays there.

(a) The largest eigenvalue of the preconditioned Hessian over the value at which each optimizer
is linearly unstable (dashed: 1), along full-batch training of a tanh network on synthetic data;
one run of each. (b) The same on 500 handwritten digits. (c) Its mean over the last third of the
steps: dots are means over the starts, bars 95 % intervals, filled on synthetic data and open on
digits. (d) Gradient descent on a smaller network, past the edge: half a step along the Hessian's
top eigenvector (blue) changes its sign at every step, and grows while the sharpness, measured
half-way between iterates (gray, right), is above 2/η (dashed). (e) How far the average of 20
iterates is from the central flow (solid), which foresees what oscillations do, and from the same
flow without them (dotted); dashed: how far it has gone. In (d, e) steps count from where the flows
begin. (f) SGD at one rate: λmax of the whole loss (filled) and the batch sharpness E[gᵀHg/gᵀg]
(open), in units of 2/η, over the batch size, in the last third of the measurements; the square is
the full batch; bars are 95 % intervals.
"""

from experiments.edge_of_stability.claims import claims
from experiments.edge_of_stability.config import QUICK, Config
from experiments.edge_of_stability.figure import plot
from experiments.edge_of_stability.numbers import numbers
from experiments.edge_of_stability.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
