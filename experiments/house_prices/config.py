"""The sizes of `house_prices`, and what is true of the houses that come with it."""

from dataclasses import dataclass

import numpy as np

from experiments.house_prices.csv_file import Table, read_table
from experiments.house_prices.generate import BASE_PRICE, HOUSES, PRICE_PER_UNIT


@dataclass(frozen=True)
class Config:
    """Prices of houses, or of the rows of a CSV file of your own, by a linear model."""

    data: str | None = None
    """A CSV file of your own, its first line the names of the columns; None for the 300 houses
    that come with the experiment."""
    target: str = "price"
    """The column to predict."""
    features: tuple[str, ...] = ()
    """The columns to predict it from; none for all others."""
    currency: str = "$"
    """What the target is counted in, for the figure."""
    rate: float = 0.5
    """Learning rate of the descents, as a share of the stability limit 2/λ of the steepest axis."""
    tolerance: float = 1e-6
    """Descent stops when the gradient is this share of the first one."""
    steps: int = 5_000
    """Steps after which it stops anyway."""
    sweep_rates: int = 120
    """Learning rates swept, for raw and for normalized features."""
    sweep_steps: int = 100
    """Steps of each run of that sweep."""
    held_out: float = 0.2
    """Share of the rows held out."""
    splits: int = 20
    """Random splits into training and held-out rows."""

    def __post_init__(self) -> None:
        shares = {"rate": self.rate, "tolerance": self.tolerance, "held_out": self.held_out}
        for name, share in shares.items():
            if not 0 < share < 1:
                raise ValueError(f"{name}={share} must lie between 0 and 1")
        least = {"steps": 1, "sweep_rates": 2, "sweep_steps": 20, "splits": 3}
        for name, bound in least.items():
            if (count := getattr(self, name)) < bound:
                raise ValueError(f"{name}={count} must be {bound} or more")


QUICK = Config(sweep_rates=40, steps=2_000, splits=5)


def table_of(config: Config) -> Table:
    """The rows that the figure is about; ends the program where they cannot be read."""
    try:
        return read_table(config.data or HOUSES, config.target, config.features)
    except ValueError as error:
        raise SystemExit(str(error)) from error


def stated_truth(table: Table, config: Config) -> np.ndarray | None:
    """The (w, b) that made the prices; None for data whose truth nobody stated."""
    is_generated = config.data is None and table.target == "price"
    if not is_generated or set(table.features) != set(PRICE_PER_UNIT):
        return None
    return np.array([*(PRICE_PER_UNIT[name] for name in table.features), BASE_PRICE], float)
