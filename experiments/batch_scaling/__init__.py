"""What a larger batch is worth, and how the learning rate should follow it.

(a–c) The noisy quadratic, whose curvatures and gradient noise are 1, ½, ⅓, …: (a) fewest steps to
2 % of the first loss over the batch size B, each at the best constant rate: exact second moments of
SGD, of momentum 0.9, and of SGD preconditioned by h^−½; dotted: ∝ 1/B. (b) The best rate after
4,000 examples: dots are runs of SGD and of Adam (β₁ = 0, β₂ = 0.99); dashed: exact moments, and
Adam's nearly exact ones; dotted: ∝ B and ∝ √B. (c) Steps S against examples E = BS, both over their
least; dashed: (S/S_min − 1)(E/E_min − 1) = 1; filled: the quadratic, open: digits, each by a fit.
(d–i) A tanh network on 1,347 digits, a fifth of them mislabeled. (d) One step from one point: by
how much the loss falls at best (filled), and the rate that does it (open), over what the whole
data give; dashed: 1/(1 + B_noise/B) with B_noise = tr(HΣ)/GᵀHG. (e) The simple noise scale
tr Σ/|G|² along runs of SGD against the loss, which falls to the right. (f) Fewest steps to a
training loss of 0.85; dashed: S_min(1 + B_crit/B); bar: the noise scales of (e), past the start.
(g) The best rate after 12,000 examples; dotted: ∝ B and ∝ √B. (h) The loss of SGD along the same
stream of examples, cut into batches of different sizes, at a rate ∝ B. (i) How far such curves are
from that of the smallest batch, root mean square of ln L, by the rule for the rate; Adam's β are
scaled with it. Means over seeds; bars are 95 % intervals.
"""

from experiments.batch_scaling.claims import claims
from experiments.batch_scaling.config import QUICK, Config
from experiments.batch_scaling.figure import plot
from experiments.batch_scaling.numbers import numbers
from experiments.batch_scaling.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
