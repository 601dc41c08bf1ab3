"""Above 2/λ₀ gradient descent throws a wide network into a flatter place, and then converges.

(a) Loss over width and (b) curvature ηλ, the tangent kernel's largest eigenvalue times the rate, of
a network with one linear hidden layer and one example, f = v·u/√n, at five rates given as ηλ₀;
dashed: the exact map of the two numbers ηλ and η²f²/n, which stand for all 20,000 weights. Lazy
below 2 (dotted), catapult from 2 to 4, divergence above 4. (c) The curvature at which it ends: dots
are runs; dashed: the map's mean as the width goes to infinity; dotted: 2, below which every run
must end; green: 2 − δ − ⅔δ² at ηλ₀ = 2 + δ. From about 3.2 on it depends on chance. (d) Steps until
the loss peaks, in the mean, at ηλ₀ = 2.5 and 3; dashed: the slope 1/(2 ln(ηλ₀ − 1)) against ln n.
(e) Steps until ηλ is 1 away from 4, begun so near to it, on both sides; dashed: at the edge, where
f moves chaotically, the distance grows by the golden ratio squared in the mean (its slope). (f–h)
Networks in the tangent kernel's parametrization on 100 handwritten digits, colored as in (g), where
labels count the hidden layers; the linear one tells even from odd. (f) Curvature ηλ at the end of a
run: means, and thin lines for seeds; dotted: unchanged, and 2; lines end where training fails. (g)
The largest ηλ₀ at which they train: dots are seeds and their geometric mean; dashed: 4, and the 12
published for ReLU. (h) Accuracy on 450 held-out digits after as many steps for all (filled), and
after as much time t·η (open); dotted: 2. Bars are 95 % intervals over seeds.
"""

from experiments.catapult.claims import claims
from experiments.catapult.config import QUICK, Config
from experiments.catapult.figure import plot
from experiments.catapult.numbers import numbers
from experiments.catapult.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
