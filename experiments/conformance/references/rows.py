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
