"""The sizes of the experiment on rotational equilibrium."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes of the experiment on rotational equilibrium."""

    dimension: int = 200
    """Weights C of the random walk."""
    products: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    """ηw, learning rate times weight decay, of the walks at several β."""
    gentle_product: float = 3e-4
    """ηw of one more walk of each method, at its usual β."""
    weight_decay: float = 0.1
    """w of all walks; the angle depends on ηw alone."""
    second_moment: float = 0.999
    """AdamW's β₂; walks that come from far have 0.99."""
    seeds: int = 6
    """Random walks at each setting."""
    time_constants: float = 3.0
    """A method's walks take this many times the longest 1/(ηw) + 1/(1 − β₂) steps to settle, and
    then as many to be measured."""
    approach_product: float = 2e-4
    """ηw of the walks that come from far, for AdamW and Lion; SGDM's is (1 − β) times it."""
    approach_constants: float = 3.0
    """Their length, in units of 1/(ηw)."""
    methods: tuple[str, ...] = ("adamw", "sgdm", "lion")
    """Methods that train the network; to compile takes longer than to train."""
    hidden: int = 64
    """Neurons of each of the network's two normalized layers."""
    batch: int = 32
    """Examples of a batch of the network."""
    chunks: int = 20
    """Stretches of 250 steps of the network; angles are averages over a stretch, and headline
    numbers over the last quarter of them."""
    networks: int = 3
    """Networks trained with each method."""

    def __post_init__(self) -> None:
        products = (*self.products, self.gentle_product, self.approach_product)
        if not all(0 < product <= 0.02 for product in products):
            raise ValueError(f"products ηw must lie in (0, 0.02], got {products}")
        if min(self.seeds, self.networks) < 3:
            raise ValueError(
                f"seeds={self.seeds} and networks={self.networks} must be 3 or more: means come "
                "with intervals"
            )
        if not self.methods or set(self.methods) - {"adamw", "sgdm", "lion"}:
            raise ValueError(f"methods={self.methods} must be among adamw, sgdm and lion")
        if self.chunks < 4:
            raise ValueError(
                f"chunks={self.chunks} must be 4 or more: the last quarter is measured"
            )


QUICK = Config(
    dimension=100,
    products=(1e-2,),
    gentle_product=2e-3,
    second_moment=0.99,
    seeds=8,
    approach_product=2e-4,
    approach_constants=1.5,
    methods=("sgdm",),
    hidden=8,
    chunks=4,
)
