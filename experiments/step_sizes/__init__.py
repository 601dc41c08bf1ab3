"""Step sizes and schedules: what long steps, restarts and a decay to zero are worth.

(a) Silver steps (blue) and 16 Chebyshev steps for κ = 100 in the order that no rounding survives
(orange), in units of 1/L; dotted: 2/L, from where on constant steps diverge. (b) The largest loss
after n steps from |x₀ − x*| = 1 among Huber functions (dots) and quadratics (crosses), L = 1: for
constant steps, for a pattern of 15 that repeats, and for silver steps. Dashed: 1/(4S + 2), S the
sum of the steps, which holds for the pattern once it has repeated; gray: the bound for silver
steps, as n^−1.27. (c) The largest error after n steps on
quadratics, κ = 100: gradient descent and heavy ball, each tuned, and Chebyshev's n steps; dashed:
the least that n gradients reach. (d) Nesterov's method on a bowl of 50 geometrically spaced
curvatures, κ = 10⁴: with a momentum that rises and restarts whenever it climbs, with one that does
not, and with the momentum for κ; ticks: every π√κ steps. (e) The slope of the restarted method's
logarithm, in units of that which knowing κ gives (dashed), on bowls of evenly and of geometrically
spaced curvatures. (f) SGD on least absolute deviations with linear decay from D/(G√T): the loss
above the least after T steps; dashed: its bound. (g) The same loss after 1,000 steps against the
largest learning rate η of a schedule, in units of D/(G√T). (h) Held-out cross-entropy of a network
of digits after 600 steps of Adam. Dots in (f–h) are means, bars 95 % intervals over seeds.
"""

from experiments.step_sizes.claims import claims
from experiments.step_sizes.config import QUICK, Config
from experiments.step_sizes.figure import plot
from experiments.step_sizes.numbers import numbers
from experiments.step_sizes.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
