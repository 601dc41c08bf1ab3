"""Settings of the conformance matrix."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Whose paths are compared."""

    optimizers: tuple[str, ...] = ()
    """Names of the optimizers; all of them if empty."""


QUICK = Config(("sgd", "adam", "nadam", "rprop", "adan", "acprop", "lion", "reduce_on_plateau"))
