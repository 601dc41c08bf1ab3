"""The sizes of the experiment on many minima."""

from dataclasses import dataclass

PICTURES = 1797  # the digits that come with scikit-learn
FEWEST_STARTS = 6  # three pairs of ends that share none


@dataclass(frozen=True)
class Config:
    """Sizes of the experiment on many minima."""

    starts: int = 100
    """Starts of the network, six or more; neighbors make a pair, for intervals."""
    width: int = 16
    """Its hidden neurons."""
    examples: int = 600
    """Digits to train on; all others are held out."""
    weight_decay: float = 1e-3
    """λ of the penalty ½λ‖θ‖² in every loss that is descended."""
    learning_rate: float = 0.3
    """Of Nesterov's method, on the network and on the paths between its ends."""
    momentum: float = 0.97
    """Of the same."""
    steps: int = 600
    """Full-batch steps from every start."""
    longer: int = 4
    """How many times as many steps a few take, in runs that each go on from the last one's end, to
    see whether their ends draw near; two or more."""
    long_starts: int = 6
    """How many starts those are, six or more, no more than `starts`."""
    widths: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Widths at which barriers are compared, two or more."""
    width_starts: int = 10
    """Starts at each of them, six or more, no more than `starts`."""
    linear_starts: int = 20
    """Starts of softmax regression, which has no hidden layer, far from each other."""
    linear_steps: int = 1_000
    """Steps from each of them."""
    points: int = 25
    """Points on every path between two ends."""
    bent_pairs: int = 10
    """Pairs of ends that are joined by a bent path."""
    bent_steps: int = 600
    """Steps in which the middle of a bent path is trained."""
    plane_points: int = 41
    """Points along each side of the plane through three ends."""
    valley_starts: int = 200
    """Starts along each side of the map of basins."""
    valley_rate: float = 1e-3
    """Learning rate there; small, for descent to follow the gradient's flow."""
    valley_steps: int = 1_000
    """Steps from each of those starts."""

    def __post_init__(self) -> None:
        for name in ("starts", "long_starts", "width_starts"):
            if getattr(self, name) < FEWEST_STARTS:
                raise ValueError(
                    f"{name}={getattr(self, name)} must be at least {FEWEST_STARTS}: intervals "
                    "are over pairs of ends, and need three"
                )
        for name in ("long_starts", "width_starts"):
            if getattr(self, name) > self.starts:
                raise ValueError(
                    f"{name}={getattr(self, name)} must be at most starts={self.starts}"
                )
        if self.longer < 2:
            raise ValueError(f"longer={self.longer} must be at least 2")
        if not 2 <= self.bent_pairs <= self.starts // 2:
            raise ValueError(
                f"bent_pairs={self.bent_pairs} must be from 2 to the {self.starts // 2} pairs of "
                f"starts={self.starts}"
            )
        if not 10 <= self.examples <= PICTURES - 10:
            raise ValueError(
                f"examples={self.examples} must leave ten of the {PICTURES} digits on either side"
            )
        if len(self.widths) < 2:
            raise ValueError(f"widths={self.widths} must be two or more, to be compared")


QUICK = Config(
    starts=12,
    steps=300,
    longer=2,
    long_starts=12,
    widths=(4, 16),
    width_starts=12,
    linear_starts=3,
    points=13,
    bent_pairs=3,
    bent_steps=200,
    plane_points=9,
    valley_starts=40,
)
