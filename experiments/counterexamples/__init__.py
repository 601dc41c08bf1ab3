"""Methods that fail, or succeed, where a theorem says so: cycles, a wrong end, a loss that climbs.

(a) The heavy ball tuned for quadratics (blue) on a convex function with curvatures 1 and 25, from
3.3 at rest, and Nesterov's method (green); dashed: the cycle of Lessard, Recht and Packard. (b)
Where it ends, from every x₋₁ and x₀: on that cycle (blue) or at the minimum (white). (c) Heavy
balls with rate η and momentum β. Blue: a convex function of the plane with curvatures in [μ, L], κ
= L/μ = 100, was made on which the run goes round for ever through K points, the darker the smaller
K. Orange: none was found, and the darker, the faster is the tuning on quadratics. Dashed: where by
theory cycles begin; dotted: from where on even quadratics diverge; star: the tuning that is fastest
on quadratics. (d) That one from a start (square) beside its cycle (dots), on ½μ|x|² + ½(L − μ)d², d
the distance from the gray polygon; contours are evenly spaced in the root of the loss. (e) The part
1 − ρ of the error that a step removes on quadratics, over gradient descent's: the fastest tuning
without a cycle (dots: runs), which tends to 8 for large κ (dashed), and the fastest of all (gray).
(f) Adam and AMSGrad from 0 on losses C·x at every third step and −x at the others, within [−1, 1],
where −1 is best, against the sum of their learning rates; dashed: the mean step by theory. (g) The
same at random, six runs each. (h) Gradient descent on logistic regression of digits 0 and 8 at four
learning rates; dots: the loss after T steps at η = T; dashed: what the last three are below by
theory, each once its loss is so low that it can only fall.
"""

from experiments.counterexamples.claims import claims
from experiments.counterexamples.config import QUICK, Config
from experiments.counterexamples.figure import plot
from experiments.counterexamples.numbers import numbers
from experiments.counterexamples.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
