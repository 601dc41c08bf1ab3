"""The sizes of the catapult experiment's runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the catapult experiment. Rates are given as ηλ₀."""

    width: int = 10_000
    """Hidden units n of the linear network with one example."""
    seeds: int = 40
    """Starts of it at each rate."""
    steps: int = 200
    """Steps of each of its runs."""
    rates: tuple[float, ...] = (
        0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.1, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6, 3.8,
    )  # fmt: skip
    """Rates at which the curvature at the end is measured."""
    edge_rates: int = 10
    """Rates of a grid with step 0.01 about each edge of a phase; even, so that the edge is amid."""
    widths: tuple[int, ...] = (300, 1_000, 3_000, 10_000, 30_000)
    """Widths at which the peak of the loss is measured."""
    peak_seeds: int = 64
    """Starts at each of them."""
    departure_width: int = 1_000
    """Width of the networks that begin beside the divergent phase."""
    departures: tuple[float, ...] = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
    """|ηλ₀ − 4| there."""
    networks: tuple[str, ...] = ("linear", "tanh", "relu", "relu_2", "relu_3")
    """Networks on digits."""
    network_width: int = 256
    """Units of each of their hidden layers."""
    examples: int = 100
    """Digits that they learn."""
    network_steps: int = 200
    """Steps of each run."""
    network_seeds: int = 3
    """Starts of each network."""

    def __post_init__(self) -> None:
        if self.edge_rates < 2 or self.edge_rates % 2:
            raise ValueError(f"edge_rates={self.edge_rates} must be even and at least 2")
        if min(self.seeds, self.peak_seeds, self.network_seeds) < 2:
            raise ValueError(
                f"seeds={self.seeds}, peak_seeds={self.peak_seeds} and "
                f"network_seeds={self.network_seeds} must be 2 or more: means come with intervals"
            )


QUICK = Config(
    width=2_000,
    seeds=12,
    steps=120,
    rates=(1.5, 2.2, 3.0, 3.4),
    edge_rates=4,
    widths=(300, 10_000),
    peak_seeds=32,
    departure_width=300,
    departures=(1e-2, 1e-5, 1e-8),
    networks=("linear", "relu_2"),
    network_width=128,
    examples=40,
    network_steps=60,
    network_seeds=2,
)
