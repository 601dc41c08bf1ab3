"""The largest stable rate of every optimizer, predicted from one update and measured by running it.

All is on ½λx² without noise. (a) The rate η, times λ = 3, at which an optimizer turns from
shrinking to growing: dots, where runs do; open circles, where those of optax's twin do; ticks, as
predicted from the Jacobian of one update, or of one period, with second moments held; "frozen" are
Adam's kin with v = 1, ">" those stable at every rate. (b) Those that have no limit, or only that
of steps by g/ε, which stands in the table, but an oscillation in proportion to the rate: mean
(dots) and largest distance (bars) from the minimum; on a number Muon and its kin are Adam.
(c) Heavy ball and Nesterov over momentum, (d) lookahead over its period k at three shares α, (e)
schedule-free SGD over the steps T after which a run is to be no farther than it began: measured
beside closed forms (dashed). (f) Adam's cycle x, −x: the factor by which the smallest deviation
from it changes in a step, dashed as derived by hand; above 1 (gray) the cycle repels. (g) How far
Adam stays from the minimum (dots), beside that cycle (dashed). (h) Adam at η = 0.01, ε = 10⁻⁸ on
quadratics of many curvatures: what is left after thousands of steps; dotted: the curvature 38ε/η
above which ε lets it grow; dashed: the cycle η/38.
"""

from experiments.stability_of_optimizers.claims import claims
from experiments.stability_of_optimizers.config import QUICK, Config
from experiments.stability_of_optimizers.figure import plot
from experiments.stability_of_optimizers.numbers import numbers
from experiments.stability_of_optimizers.shown import shown
from experiments.stability_of_optimizers.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "shown", "simulate"]
