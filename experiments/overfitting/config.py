"""The sizes of the overfitting experiment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the overfitting experiment."""

    examples: int = 100
    """Digits to learn from, where labels are drawn at random; a divisor of the largest of sizes."""
    random_parts: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Parts of the labels that are drawn at random, rising from 0 to 1."""
    sizes: tuple[int, ...] = (25, 50, 100, 200, 400)
    """Rising numbers of digits to learn from, with true labels; divisors of the largest."""
    validation: int = 300
    """Digits to stop by."""
    width: int = 128
    """Units of both hidden layers."""
    batch: int = 50
    """Digits in a step's batch, drawn with replacement."""
    learning_rate: float = 2e-3
    """Learning rate of Adam."""
    steps: int = 600
    """Steps of a run that is not stopped."""
    every: int = 10
    """Steps between looks at the losses."""
    patience: int = 15
    """Looks without a new best after which early stopping gives up."""
    seeds: int = 5
    """Networks for each of these numbers, each with its own split of the digits; at least 2."""

    def __post_init__(self) -> None:
        parts, sizes = self.random_parts, self.sizes
        if len(parts) < 3 or (parts[0], parts[-1]) != (0, 1) or sorted(set(parts)) != list(parts):
            raise ValueError(
                f"random_parts must rise from 0 to 1, with one or more between them, got {parts}"
            )
        if len(sizes) < 2 or sorted(set(sizes)) != list(sizes):
            raise ValueError(f"sizes must be two or more rising numbers, got {sizes}")
        if odd := [n for n in (self.examples, *sizes) if sizes[-1] % n]:
            raise ValueError(
                f"{odd} examples do not divide {sizes[-1]}, the largest of sizes: all are repeated "
                "up to that number, so that one program serves all"
            )
        if self.seeds < 2:
            raise ValueError(f"seeds must be at least 2, got {self.seeds}")

    @property
    def kinds(self) -> list[tuple[int, float]]:
        """All (number of examples, part with random labels)."""
        mislabeled = [(self.examples, part) for part in self.random_parts]
        return list(dict.fromkeys(mislabeled + [(n, 0.0) for n in self.sizes]))


QUICK = Config(random_parts=(0.0, 0.25, 1.0), sizes=(50, 100), steps=300, seeds=3)
