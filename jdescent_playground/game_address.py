"""What the address of the game holds, and how it is read."""

from typing import Any

from jdescent_playground import address
from jdescent_playground.catalog import Hyperparameter
from jdescent_playground.levels import BATCHES, HIDDEN, LEVELS, WAYS

RATES = Hyperparameter("learning_rate", 0.01, 1e-3, 10.0, "log")
MOVES = 99  # that one may make


def places(text: str) -> tuple[float, ...]:
    """Reads the places that were visited in level 1."""
    parts = text.split(",")
    if len(parts) > MOVES + 1:
        raise ValueError(f"at most {MOVES + 1} numbers with commas between")
    return tuple(address.number(*HIDDEN[0].domain)(part) for part in parts)


def each(reader: address.Read) -> address.Read:
    """A reader of one entry a level, "-" for none."""

    def read(text: str) -> list[Any]:
        parts = text.split(",")
        if len(parts) != len(LEVELS):
            raise ValueError(f"{len(LEVELS)} entries with commas between")
        return [None if part == "-" else reader(part) for part in parts]

    return read


def ways(text: str) -> set[str]:
    """Reads the ways out that were found."""
    if not set(text.split(",")) <= set(WAYS):
        raise ValueError("some of " + ", ".join(WAYS))
    return set(text.split(","))


READERS: dict[str, address.Read] = {
    "level": address.whole(1, len(LEVELS)),
    "stars": each(address.whole(0, 3)),
    "best": each(address.whole(0, 10**6)),
    "ways": ways,
    "valley": address.whole(0, len(HIDDEN) - 1),
    "visited": places,
    "start": address.number(-10, 10),
    "rate": address.number(RATES.low, RATES.high),
    "momentum": address.number(0, 0.95),
    "batch": address.optional(address.choice([str(size) for size in BATCHES if size])),
    "seed": address.whole(0, 10**6),
    "exploded": address.number(RATES.low, RATES.high),
    "step": address.whole(0, 1000),
}
DEFAULTS: dict[str, Any] = {
    "level": 1, "stars": "0,0,0,0", "best": "-,-,-,-", "ways": "", "valley": 0, "momentum": 0.0,
    "batch": None, "seed": 0, "step": 0,
}  # fmt: skip
