"""The optimizers, one family a file. Names and keywords are optax's where optax has them."""

from jdescent.optimizers.accelerated import (
    accsgd,
    chebyshev,
    nesterov_convex,
    nesterov_restarted,
    optimistic_gradient_descent,
    silver,
)
from jdescent.optimizers.adam import adam, adamax, adamaxw, adamw, amsgrad
from jdescent.optimizers.adam_delayed import acprop, adashift, adopt, laprop
from jdescent.optimizers.adam_denominators import adabelief, kate, padam, yogi
from jdescent.optimizers.adam_guards import grams, spam, stable_adamw
from jdescent.optimizers.adam_layers import adam_mini, adamp, amos, lamb, novograd
from jdescent.optimizers.adam_mixed import (
    adan,
    ademamix,
    mars,
    optimistic_adam_v2,
    qhadam,
    simplified_ademamix,
)
from jdescent.optimizers.adam_rates import adabound, adamc, adamod, diffgrad, swats
from jdescent.optimizers.adaptive import adadelta, adagrad, rmsprop, sm3
from jdescent.optimizers.averaging import ema_params, polyak_average, swa
from jdescent.optimizers.dual_averaging import ftrl, madgrad
from jdescent.optimizers.factored import adafactor, came
from jdescent.optimizers.hessian_diagonal import adahessian, hutchinson, sophia
from jdescent.optimizers.hyperball import hyperball
from jdescent.optimizers.kron import psgd_kron
from jdescent.optimizers.layerwise import fromage, lars, sgd_sai, sgdp
from jdescent.optimizers.lbfgs import lbfgs
from jdescent.optimizers.linesearch import backtracking_linesearch, zoom_linesearch
from jdescent.optimizers.lowrank import apollo, dion, galore
from jdescent.optimizers.momentum import aggmo, heavy_ball, nesterov, pid, qhm, sgd, sgdw
from jdescent.optimizers.nadam import nadam, nadamw
from jdescent.optimizers.newton import cubic_newton, gauss_newton, newton, saddle_free_newton
from jdescent.optimizers.orthogonal import adamuon, muon, normuon, scion
from jdescent.optimizers.parameter_free import cocob, dadapt_adamw, dog, dowg, ldog, prodigy
from jdescent.optimizers.polyak import alig, momo, momo_adam, polyak_sgd
from jdescent.optimizers.preconditioned import shampoo, soap
from jdescent.optimizers.private import differentially_private_aggregate, dpsgd
from jdescent.optimizers.radam import radam, ranger
from jdescent.optimizers.sampling import perturbed_gradient_descent, sghmc, sgld
from jdescent.optimizers.schedule_free import (
    schedule_free,
    schedule_free_adamw,
    schedule_free_eval_params,
    schedule_free_sgd,
)
from jdescent.optimizers.sharpness import asam, gsam, sam
from jdescent.optimizers.sign import lion, rprop, sign_sgd, signum, tiger
from jdescent.optimizers.step_size import adgd, barzilai_borwein, steepest_descent
from jdescent.optimizers.stochastic import asgd, noisy_sgd
from jdescent.optimizers.tuners import mechanize, reduce_on_plateau, trac
from jdescent.optimizers.variance_reduction import saga, svrg
from jdescent.optimizers.whitening import kl_shampoo, splus
from jdescent.optimizers.wrappers import (
    apply_if_finite,
    cautious,
    ema,
    freeze,
    grokfast,
    lookahead,
    masked,
    multi_steps,
)

__all__ = [
    "accsgd",
    "acprop",
    "adabelief",
    "adabound",
    "adadelta",
    "adafactor",
    "adagrad",
    "adahessian",
    "adam",
    "adam_mini",
    "adamax",
    "adamaxw",
    "adamc",
    "adamod",
    "adamp",
    "adamuon",
    "adamw",
    "adan",
    "adashift",
    "ademamix",
    "adgd",
    "adopt",
    "aggmo",
    "alig",
    "amos",
    "amsgrad",
    "apollo",
    "apply_if_finite",
    "asam",
    "asgd",
    "backtracking_linesearch",
    "barzilai_borwein",
    "came",
    "cautious",
    "chebyshev",
    "cocob",
    "cubic_newton",
    "dadapt_adamw",
    "differentially_private_aggregate",
    "diffgrad",
    "dion",
    "dog",
    "dowg",
    "dpsgd",
    "ema",
    "ema_params",
    "freeze",
    "fromage",
    "ftrl",
    "galore",
    "gauss_newton",
    "grams",
    "grokfast",
    "gsam",
    "heavy_ball",
    "hutchinson",
    "hyperball",
    "kate",
    "kl_shampoo",
    "lamb",
    "laprop",
    "lars",
    "lbfgs",
    "ldog",
    "lion",
    "lookahead",
    "madgrad",
    "mars",
    "masked",
    "mechanize",
    "momo",
    "momo_adam",
    "multi_steps",
    "muon",
    "nadam",
    "nadamw",
    "nesterov",
    "nesterov_convex",
    "nesterov_restarted",
    "newton",
    "noisy_sgd",
    "normuon",
    "novograd",
    "optimistic_adam_v2",
    "optimistic_gradient_descent",
    "padam",
    "perturbed_gradient_descent",
    "pid",
    "polyak_average",
    "polyak_sgd",
    "prodigy",
    "psgd_kron",
    "qhadam",
    "qhm",
    "radam",
    "ranger",
    "reduce_on_plateau",
    "rmsprop",
    "rprop",
    "saddle_free_newton",
    "saga",
    "sam",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
    "scion",
    "sgd",
    "sgd_sai",
    "sgdp",
    "sgdw",
    "sghmc",
    "sgld",
    "shampoo",
    "sign_sgd",
    "signum",
    "silver",
    "simplified_ademamix",
    "sm3",
    "soap",
    "sophia",
    "spam",
    "splus",
    "stable_adamw",
    "steepest_descent",
    "svrg",
    "swa",
    "swats",
    "tiger",
    "trac",
    "yogi",
    "zoom_linesearch",
]
