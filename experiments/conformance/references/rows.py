"""Which implementations walk beside which of ours, and with what settings: data, no code of theirs.

A row with neither `theirs` nor `ours` compares defaults at one learning rate. The paths of the
libraries that need torch are made by `make.py` and kept in `paths.npz`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

LIBRARIES = {
    "torch": "torch",
    "pytorch_optimizer": "pytorch-optimizer",
    "authors": "the authors' own package",
}


class Row(NamedTuple):
    """One implementation beside one of ours.

    Attributes:
        optimizer: the name of ours.
        library: one of `LIBRARIES`.
        theirs: where their class is, as ``module:Class``.
        rate: the learning rate of both.
        their_settings, our_settings: keyword arguments beside it.
        why: the cause of a distance above rounding; empty where there is to be none.
        rate_name: what they call the learning rate; empty where it is not given.
    """

    optimizer: str
    library: str
    theirs: str
    rate: float
    their_settings: Mapping[str, Any] = MappingProxyType({})
    our_settings: Mapping[str, Any] = MappingProxyType({})
    why: str = ""
    rate_name: str = "lr"

    @property
    def key(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self.their_settings.items())
        return f"{self.theirs}({self.rate_name}={self.rate}{', ' if settings else ''}{settings})"

    @property
    def is_of_defaults(self) -> bool:
        return not self.their_settings and not self.our_settings


TORCH, AUTHORS, MANY = "torch", "authors", "pytorch_optimizer"
SINGLE = "some of it is computed in single precision there"
UNTRACED = "not traced to its cause"

ROWS = [
    Row("sgd", TORCH, "torch.optim:SGD", 0.05, {"momentum": 0.9}, {"momentum": 0.9}),
    Row(
        "sgd", TORCH, "torch.optim:SGD", 0.05,
        {"momentum": 0.9, "dampening": 0.3}, {"momentum": 0.9, "dampening": 0.3},
        "torch starts its sum at the first gradient undampened",
    ),
    Row(
        "sgd", TORCH, "torch.optim:SGD", 0.05, {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "dampening": 0.3, "undampened_start": True},
    ),
    Row("adam", TORCH, "torch.optim:Adam", 0.1),
    Row("adam", TORCH, "torch.optim:Adam", 0.1, {"betas": (0.5, 0.9)}, {"b1": 0.5, "b2": 0.9}),
    Row(
        "adamw", TORCH, "torch.optim:AdamW", 0.1, {}, {},
        "torch decays by 1e-2, ours and optax's default is 1e-4",
    ),
    Row("adamw", TORCH, "torch.optim:AdamW", 0.1, {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    Row(
        "nadam", TORCH, "torch.optim:NAdam", 0.1, {}, {},
        "torch lets β₁ follow the paper's warm-up, which starts at β₁/2",
    ),
    Row("nadam", TORCH, "torch.optim:NAdam", 0.1, {"momentum_decay": 1e9}),
    Row("radam", TORCH, "torch.optim:RAdam", 0.1),
    Row("adamax", TORCH, "torch.optim:Adamax", 0.1),
    Row(
        "amsgrad", TORCH, "torch.optim:Adam", 0.1, {"amsgrad": True, "betas": (0.8, 0.9)},
        {"b1": 0.8, "b2": 0.9}, "torch keeps the largest v and corrects its bias afterwards",
    ),
    Row(
        "adagrad", TORCH, "torch.optim:Adagrad", 0.1, {}, {},
        "torch starts at s₀ = 0, ours and optax's default is 0.1",
    ),
    Row(
        "adagrad", TORCH, "torch.optim:Adagrad", 0.1, {"lr_decay": 0.1},
        {"initial_accumulator_value": 0.0, "eps": 1e-10, "eps_in_sqrt": False, "lr_decay": 0.1},
    ),
    Row("adadelta", TORCH, "torch.optim:Adadelta", 1.0),
    Row(
        "rmsprop", TORCH, "torch.optim:RMSprop", 0.05, {}, {},
        "α = 0.99 in torch, 0.9 here and in optax; ε outside the root",
    ),
    Row(
        "rmsprop", TORCH, "torch.optim:RMSprop", 0.05, {"momentum": 0.5, "centered": True},
        {"decay": 0.99, "eps_in_sqrt": False, "momentum": 0.5, "centered": True,
         "lr_in_velocity": False},
    ),
    Row("rprop", TORCH, "torch.optim:Rprop", 0.05),
    Row("asgd", TORCH, "torch.optim:ASGD", 0.05),
    Row("asgd", TORCH, "torch.optim:ASGD", 0.05, {"lambd": 0.1, "t0": 20.0},
        {"lambd": 0.1, "t0": 20.0}),
    Row(
        "adafactor", TORCH, "torch.optim:Adafactor", 0.05, {}, {},
        "factors of 128 × 128 and more here and in optax, all of them in torch",
    ),
    Row("adafactor", TORCH, "torch.optim:Adafactor", 0.05, {}, {"min_dim_size_to_factor": 1}),
    Row("signum", MANY, "pytorch_optimizer:SignSGD", 0.05),
    Row("tiger", MANY, "pytorch_optimizer:Tiger", 0.05),
    Row("lion", MANY, "pytorch_optimizer:Lion", 0.05, {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    Row("qhm", MANY, "pytorch_optimizer:QHM", 0.05, {"momentum": 0.9, "nu": 0.7},
        {"momentum": 0.9, "nu": 0.7}),
    Row("aggmo", MANY, "pytorch_optimizer:AggMo", 0.02),
    Row("sgdw", MANY, "pytorch_optimizer:SGDW", 0.02, {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1}),
    Row("sgdp", MANY, "pytorch_optimizer:SGDP", 0.02, {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "weight_decay": 0.1, "channels_first": True}),
    Row("pid", MANY, "pytorch_optimizer:PID", 0.005, {"momentum": 0.9},
        {"momentum": 0.9}),
    Row("accsgd", MANY, "pytorch_optimizer:AccSGD", 0.02),
    Row("fromage", MANY, "pytorch_optimizer:Fromage", 0.05),
    Row("sm3", MANY, "pytorch_optimizer:SM3", 0.1, {}, {"momentum": 0.0}),
    Row("madgrad", MANY, "pytorch_optimizer:MADGRAD", 0.05, {}, {},
        "torch's codes add ε to the learning rate as well"),
    Row("ftrl", MANY, "pytorch_optimizer:FTRL", 0.1, {"beta": 1.0}, {},
        "ours starts from x₀ and pulls to it, theirs starts from 0"),
    Row("came", MANY, "pytorch_optimizer:CAME", 0.02),
    Row("came", AUTHORS, "came_pytorch:CAME", 0.02),
    Row("soap", MANY, "pytorch_optimizer:SOAP", 0.02, {}, {},
        "the first call only fills the statistics, and the basis is sorted"),
    Row("shampoo", MANY, "pytorch_optimizer:Shampoo", 0.05, {}, {},
        UNTRACED),
    Row("lion", AUTHORS, "lion_pytorch:Lion", 0.05, {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    Row("adabelief", AUTHORS, "adabelief_pytorch:AdaBelief", 0.05,
        {"rectify": False, "print_change_log": False, "eps": 1e-16}),
    Row("adabelief", MANY, "pytorch_optimizer:AdaBelief", 0.05),
    Row("yogi", MANY, "pytorch_optimizer:Yogi", 0.05, {}, {},
        "m starts at 1e-6 there as well as v"),
    Row("radam", MANY, "pytorch_optimizer:RAdam", 0.05, {}, {},
        "no step is taken there before the variance can be rectified"),
    Row("lamb", MANY, "pytorch_optimizer:Lamb", 0.05, {"max_grad_norm": 1e9}, {},
        "the ratio is that of the step without bias correction"),
    Row("novograd", MANY, "pytorch_optimizer:NovoGrad", 0.05, {"betas": (0.9, 0.25), "eps": 1e-6}),
    Row("adopt", MANY, "pytorch_optimizer:ADOPT", 0.05, {}, {},
        "the clip is t^¼ there, (t − 1)^¼ in the authors' code"),
    Row("ademamix", MANY, "pytorch_optimizer:AdEMAMix", 0.02),
    Row("simplified_ademamix", MANY, "pytorch_optimizer:SimplifiedAdEMAMix", 0.005, {}, {},
        "the sums are normalized there, and β₁ warms up"),
    Row("adan", MANY, "pytorch_optimizer:Adan", 0.05, {"eps": 1e-8}, {"eps_root": 0.0},
        ""),
    Row("padam", MANY, "pytorch_optimizer:PAdam", 0.05, {}, {},
        "the means are freed of their bias there"),
    Row("diffgrad", MANY, "pytorch_optimizer:DiffGrad", 0.05, {}, {},
        "ε is added elsewhere in the denominator"),
    Row("adabound", MANY, "pytorch_optimizer:AdaBound", 0.02),
    Row("adamod", MANY, "pytorch_optimizer:AdaMod", 0.05, {}, {},
        "β₂ and β₃ are others by default; the rate that is smoothed contains 1/(1 − β₁ᵗ) there"),
    Row("laprop", MANY, "pytorch_optimizer:LaProp", 0.05, {}, {},
        "ε is added elsewhere in the denominator"),
    Row("qhadam", MANY, "pytorch_optimizer:QHAdam", 0.05,
        {"nus": (0.7, 1.0), "betas": (0.995, 0.999)},
        {"b1": 0.995, "b2": 0.999, "nu1": 0.7, "nu2": 1.0},
        "ε is added elsewhere in the denominator"),
    Row("swats", MANY, "pytorch_optimizer:SWATS", 0.02, {}, {},
        "ε is added elsewhere in the denominator"),
    Row("stable_adamw", MANY, "pytorch_optimizer:StableAdamW", 0.05, {"kahan_sum": False}),
    Row("kate", MANY, "pytorch_optimizer:Kate", 0.05),
    Row("amos", MANY, "pytorch_optimizer:Amos", 0.05, {}, {},
        UNTRACED),
    Row("grams", MANY, "pytorch_optimizer:Grams", 0.05),
    Row("mars", MANY, "pytorch_optimizer:MARS", 0.02, {"optimize_1d": True}, {},
        "ε is added elsewhere in the denominator"),
    Row("spam", MANY, "pytorch_optimizer:SPAM", 0.02),
    Row("prodigy", AUTHORS, "prodigyopt:Prodigy", 1.0, {"d0": 1e-2}, {"estim_lr0": 1e-2},
        SINGLE),
    Row("prodigy", AUTHORS, "prodigyopt:Prodigy", 1.0,
        {"d0": 1e-2, "use_bias_correction": True}, {"estim_lr0": 1e-2, "bias_correction": True},
        SINGLE),
    Row("dadapt_adamw", AUTHORS, "dadaptation:DAdaptAdam", 1.0, {"d0": 1e-2}, {"estim_lr0": 1e-2}),
    Row("dadapt_adamw", AUTHORS, "dadaptation:DAdaptAdam", 1.0,
        {"d0": 1e-2, "use_bias_correction": True}, {"estim_lr0": 1e-2, "bias_correction": True}),
    Row("dog", AUTHORS, "dog:DoG", 1.0),
    Row("ldog", AUTHORS, "dog:LDoG", 1.0),
    Row("cocob", AUTHORS, "parameterfree:COCOB", 1.0, rate_name=""),
    Row("momo", AUTHORS, "momo:Momo", 1.0),
    Row("momo_adam", AUTHORS, "momo:MomoAdam", 0.05),
    Row("schedule_free_sgd", AUTHORS, "schedulefree:SGDScheduleFree", 0.05),
    Row("schedule_free_adamw", AUTHORS, "schedulefree:AdamWScheduleFree", 0.02),
]  # fmt: skip
