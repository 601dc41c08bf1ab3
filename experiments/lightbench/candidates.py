"""The optimizers of LightBench's table that the library has, as they are there on vectors.

There decoupled decay is 0, ε is 10⁻⁸, and the rate warms up over 100 steps. Of a vector HeavyBall's
Muon orthogonalizes nothing: what is left steps along g + m, m ← β₁·m + (1 − β₁)·g. SOAP gives no
basis to vectors, so that it is Adam, and so PSGD Kron a diagonal preconditioner. Its ADOPT computes
the normalized mean and then steps along the gradient as it is: `sgd` stands beside it.
"""

from collections.abc import Mapping

import jax

import jdescent as jd
from jdescent.report_card.lightbench import warmed_up
from jdescent.report_card.lightbench.search import MakeOptimizer


def adamw(lr, b1, b2, lr_p):
    return jd.adam(warmed_up(lr), b1, b2)


def cautious_adamw(lr, b1, b2, lr_p):
    return jd.cautious(jd.adam(warmed_up(lr), b1, b2))


def laprop(lr, b1, b2, lr_p):
    return jd.laprop(warmed_up(lr), b1, b2, eps=1e-8)


def rmsprop(lr, b1, b2, lr_p):
    return jd.rmsprop(warmed_up(lr), b2, eps_in_sqrt=False, bias_correction=True)


def adopt(lr, b1, b2, lr_p):
    return jd.adopt(warmed_up(lr), b1, b2, eps=1e-8, use_clipping=False)


def sgd(lr, b1, b2, lr_p):
    return jd.sgd(warmed_up(lr))


def schedule_free(lr, b1, b2, lr_p):
    return jd.schedule_free_adamw(lr, 100, b1, b2)


def muon(lr, b1, b2, lr_p):
    return jd.grokfast(jd.sgd(warmed_up(lr)), b1, 1.0)


def psgd_kron(lr, b1, b2, lr_p):
    return jd.psgd_kron(warmed_up(lr), b1, preconditioner_lr=lr_p, key=jax.random.key(0))


CANDIDATES: Mapping[str, MakeOptimizer] = {
    "AdamW": adamw,
    "cautious AdamW": cautious_adamw,
    "PSGDKron": psgd_kron,
    "SFAdamW": schedule_free,
    "LaProp": laprop,
    "RMSprop": rmsprop,
    "Muon": muon,
    "ADOPT": adopt,
}

BESIDE: Mapping[str, MakeOptimizer] = {"SGD": sgd}
"""What explains another, on the tasks whose aim one can reach."""
