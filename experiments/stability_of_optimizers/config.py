"""The sizes of the experiment on the largest stable rates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """What is run on ½λx²; rates are in units of 1/λ where not said otherwise."""

    optimizers: tuple[str, ...] = ()
    """Names of the optimizers of panels (a) and (b); all of the library if empty."""
    frozen: tuple[str, ...] = ("rmsprop", "adam", "adamw", "nadam", "adagrad")
    """Names of those that are also run with a held second moment."""
    curvature: float = 3.0
    """λ of panels (a) and (b)."""
    growth_steps: int = 2000
    """Steps in which growth by more than e says that a rate is too large."""
    momenta: tuple[float, ...] = (0.0, 0.3, 0.6, 0.9)
    """Momenta of the heavy ball and of Nesterov's."""
    horizons: tuple[int, ...] = (30, 100, 300, 1000, 3000, 30_000)
    """Steps after which schedule-free SGD is to be no farther than it began."""
    periods: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    """Steps k between lookahead's moves of the slow weights."""
    shares: tuple[float, ...] = (0.3, 0.5, 0.8)
    """Shares α of the way that they go."""
    rates: int = 401
    """Learning rates in each of the sweeps."""
    b1s: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95)
    """β₁ of Adam's cycles, at β₂ = 0.99."""
    b2s: tuple[float, ...] = (0.8, 0.9, 0.95, 0.99)
    """β₂ of Adam's cycles, at β₁ = 0, 0.5 and 0.9."""
    seeds: int = 16
    """Starts of the methods with steps of one size."""
    sign_steps: int = 4000
    """Steps of each of these; the second half is looked at."""
    adam_steps: int = 20_000
    """Steps of Adam with ε; the last quarter is looked at."""


QUICK = Config(
    optimizers=("sgd", "lars", "adam"),
    frozen=("rmsprop", "adam", "nadam"),
    momenta=(0.9,),
    horizons=(30, 3000),
    periods=(2, 5),
    shares=(0.5,),
    rates=201,
    b1s=(0.9,),
    b2s=(0.99,),
    seeds=6,
    sign_steps=1200,
    adam_steps=4000,
)
