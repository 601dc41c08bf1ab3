"""The optimizers, one family a file. Names and keywords are optax's where optax has them."""

from jdescent.optimizers.adam import adam, adamax, adamw, amsgrad, nadam
from jdescent.optimizers.adaptive import adadelta, adagrad, rmsprop, sm3
from jdescent.optimizers.dual_averaging import ftrl, madgrad
from jdescent.optimizers.layerwise import fromage, lars
from jdescent.optimizers.momentum import heavy_ball, nesterov, sgd
from jdescent.optimizers.sign import lion, rprop, sign_sgd, signum, tiger

__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "amsgrad",
    "fromage",
    "ftrl",
    "heavy_ball",
    "lars",
    "lion",
    "madgrad",
    "nadam",
    "nesterov",
    "rmsprop",
    "rprop",
    "sgd",
    "sign_sgd",
    "signum",
    "sm3",
    "tiger",
]
