"""Nothing is computed here but what the record of all cards is read for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Which of the library's cards are drawn."""

    optimizers: tuple[str, ...] = ()
    """Names; all on record by default."""


QUICK = Config(("adam", "heavy_ball", "lion", "muon", "newton", "rmsprop", "sgd", "sign_sgd"))
