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
    Row("lars", MANY, "pytorch_optimizer:LARS", 1.0, {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    Row("sm3", MANY, "pytorch_optimizer:SM3", 0.1, {}, {"momentum": 0.0}),
    Row("madgrad", MANY, "pytorch_optimizer:MADGRAD", 0.05),
    Row("ftrl", MANY, "pytorch_optimizer:FTRL", 0.1, {"beta": 1.0}),
    Row("came", MANY, "pytorch_optimizer:CAME", 0.02),
    Row("came", AUTHORS, "came_pytorch:CAME", 0.02),
    Row("muon", TORCH, "torch.optim:Muon", 0.05),
    Row("soap", MANY, "pytorch_optimizer:SOAP", 0.02),
    Row("shampoo", MANY, "pytorch_optimizer:Shampoo", 0.05),
    Row("lion", AUTHORS, "lion_pytorch:Lion", 0.05, {"weight_decay": 0.1}, {"weight_decay": 0.1}),
]  # fmt: skip
