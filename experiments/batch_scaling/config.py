"""The sizes of the batch-scaling experiment's runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the batch-scaling experiment."""

    rules: tuple[str, ...] = ("sgd", "adam")
    """Optimizers whose best rates are compared."""
    dimensions: int = 256
    """Dimensions of the noisy quadratic, with curvatures 1, ½, ⅓, …"""
    target: float = 0.02
    """Its loss to which steps are counted, over the first."""
    budget: int = 4_000
    """Examples after which its best rates are compared."""
    batches: tuple[int, ...] = (1, 8, 64, 512)
    """Batch sizes at which it is run, ascending."""
    checked: tuple[str, ...] = ("sgd", "momentum", "preconditioned")
    """Methods whose exact moments runs are compared with."""
    seeds: int = 12
    """Runs of it at each rate."""
    hidden: int = 32
    """Hidden units of the network on digits."""
    examples: int = 12_000
    """Examples that each of its runs draws."""
    least_steps: int = 160
    """Steps of runs with large batches, which draw more."""
    sizes: tuple[int, ...] = (4, 12, 36, 108, 324, 972)
    """Their batch sizes, ascending."""
    network_seeds: int = 4
    """Runs at each rate."""
    reached: float = 0.85
    """Loss, in nats, to which their steps are counted."""
    draws: int = 512
    """Batches of each size whose single steps are tried."""

    @property
    def exponent_sizes(self) -> tuple[int, int]:
        """The smallest batches on digits, between which exponents of best rates are measured."""
        return self.sizes[0], self.sizes[2]

    def __post_init__(self) -> None:
        for name, least in (("batches", 2), ("sizes", 3)):
            sizes = getattr(self, name)
            if list(sizes) != sorted(set(sizes)) or len(sizes) < least:
                raise ValueError(
                    f"{name}={sizes} must be {least} sizes or more, in ascending order: exponents "
                    "are measured between the smallest ones and between the largest"
                )
        if min(self.seeds, self.network_seeds) < 2:
            raise ValueError(
                f"seeds={self.seeds} and network_seeds={self.network_seeds} must be 2 or more: "
                "means come with intervals"
            )


QUICK = Config(
    rules=("adam",),
    dimensions=64,
    budget=1_000,
    batches=(1, 8),
    checked=("momentum",),
    examples=4_800,
    least_steps=60,
    sizes=(4, 12, 36),
    network_seeds=2,
    reached=1.1,
    draws=128,
)
