"""The optimizers, one family a file. Names and keywords are optax's where optax has them."""

from jdescent.optimizers.accelerated import (
    accsgd,
    chebyshev,
    nesterov_convex,
    nesterov_restarted,
    optimistic_gradient_descent,
    silver,
)
from jdescent.optimizers.adam import adam, adamax, adamw, amsgrad, nadam
from jdescent.optimizers.adaptive import adadelta, adagrad, rmsprop, sm3
from jdescent.optimizers.dual_averaging import ftrl, madgrad
from jdescent.optimizers.layerwise import fromage, lars, sgdp
from jdescent.optimizers.momentum import aggmo, heavy_ball, nesterov, pid, qhm, sgd, sgdw
from jdescent.optimizers.sign import lion, rprop, sign_sgd, signum, tiger
from jdescent.optimizers.stochastic import asgd, noisy_sgd

__all__ = [
    "accsgd",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "aggmo",
    "amsgrad",
    "asgd",
    "chebyshev",
    "fromage",
    "ftrl",
    "heavy_ball",
    "lars",
    "lion",
    "madgrad",
    "nadam",
    "nesterov",
    "nesterov_convex",
    "nesterov_restarted",
    "noisy_sgd",
    "optimistic_gradient_descent",
    "pid",
    "qhm",
    "rmsprop",
    "rprop",
    "sgd",
    "sgdp",
    "sgdw",
    "sign_sgd",
    "signum",
    "silver",
    "sm3",
    "tiger",
]
