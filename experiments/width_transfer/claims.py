"""Published claims on learning rates and width."""

from experiments.common.claims import Claim, Source, at_least, at_most, between, within
from experiments.width_transfer.config import Config
from experiments.width_transfer.first_step import EXPONENTS
from experiments.width_transfer.parametrization import MAXIMAL, STANDARD
from experiments.width_transfer.training import SETUPS, widths_of

TRANSFER = Source(
    "Yang et al.", 2022,
    "Tensor Programs V: Tuning Large Neural Networks via Zero-Shot Hyperparameter Transfer",
    "arXiv 2203.03466",
)  # fmt: skip
STEP = 0.2  # of a growth in the maximal parametrization, which is to be 1


def claims(config: Config) -> list[Claim]:
    return [
        *(transfers(setup, config) for setup in SETUPS),
        wider_is_better(config),
        first_step(config),
    ]


def tried(setup: str, config: Config) -> str:
    of, widths = SETUPS[setup], widths_of(setup, config)
    return (
        f"a tanh network 64-n-n-10 on digits, n = {widths[0]} … {widths[-1]}, {of.name}, "
        f"{config.steps} steps with batches of {config.batch}, {config.seeds} starts"
    )


def transfers(setup: str, config: Config) -> Claim:
    return Claim(
        TRANSFER,
        f"the best rate of {SETUPS[setup].name} moves with width in the standard parametrization, "
        "and does not in the maximal-update one (taken here as by less than a factor of 2)",
        tried(setup, config),
        {
            f"move_{setup}_{MAXIMAL}": between(-1, 1),
            f"move_{setup}_{STANDARD}": between(-8, -1),
        },
        "The paper's perceptrons are on CIFAR-10, to width 8,192 and for 20 epochs; its Adam is on "
        "Transformers. A best rate is by the training loss, between powers of 2. In the standard "
        "one it moves by less than as 1/n, as the limit of infinite width would: at width 32 the "
        "largest eigenvalue at the start is twice what it is there (spread_32), and on "
        "cross-entropies runs leave the start's curvature.",
    )


def wider_is_better(config: Config) -> Claim:
    return Claim(
        TRANSFER,
        "in the maximal-update parametrization a wider network trains better at the same rate",
        tried("sgd", config) + "; Adam and squared errors alike",
        {f"gain_{setup}_{MAXIMAL}": at_most(1.0) for setup in SETUPS},
        "At the narrowest network's best rate, the widest beside it.",
    )


def first_step(config: Config) -> Claim:
    first, _, last = config.step_widths[-3:]
    return Claim(
        TRANSFER,
        "in the maximal-update parametrization what a step does to each layer's outputs does not "
        "depend on the width; in the standard one the hidden layer's and the network's grow",
        f"the same network and its first step, n = {first} … {last}, {config.step_seeds} starts",
        {
            f"step_{method}_{layer}_{MAXIMAL}": within(1, STEP)
            for method, layers in EXPONENTS.items()
            for layer in layers
        }
        | {
            f"step_{method}_{layer}_{STANDARD}": at_least(1.5)
            for method, layers in EXPONENTS.items()
            for layer in layers
            if layer != "first"
        },
        "The paper checks all of what changes, after some steps; here each layer's own part, after "
        "one, has an exponent of its own: for SGD −½, ½, 1 and for Adam 0, 1, 1, and 1 and 3/2 of "
        "what the hidden layer does to the network's outputs.",
    )
