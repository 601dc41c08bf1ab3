"""The headline numbers: how far best rates move, and what infinite width says of the start."""

import math

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import Estimate, geometric_mean, mean, positive_mean
from experiments.width_transfer.config import Config
from experiments.width_transfer.first_step import EXPONENTS, METHODS, Moves
from experiments.width_transfer.parametrization import MAXIMAL, PARAMETRIZATIONS, STANDARD
from experiments.width_transfer.starting import Curvature
from experiments.width_transfer.training import (
    SETUPS,
    Losses,
    Trained,
    at_power,
    best_power,
    best_powers,
    widths_of,
)

GRID_STEP = 1.0  # of log₂ of the rate
NARROW = 2.0  # times 1/√n: what is left of finite width in a step's growth from width n on
OF = {STANDARD: "the standard parametrization", MAXIMAL: "μP"}
LAYERS = {
    "first": "the first layer's update does to its outputs",
    "hidden": "the hidden layer's update does to its outputs",
    "last": "the last layer's update does to the network's outputs",
    "through": "the hidden layer's update does to the network's outputs",
}


def numbers(data: dict, config: Config) -> Numbers:
    found: Numbers = {}
    for setup in SETUPS:
        found |= moving_numbers(setup, data["trained"], config)
        found |= transfer_numbers(setup, data["trained"], config)
    found |= edge_number(data["trained"], data["started"], config)
    found |= start_numbers(data["started"], config)
    return found | step_numbers(data["stepped"], config)


def ends_of_widths(
    setup: str, name: str, trained: Trained, config: Config
) -> tuple[Losses, Losses]:
    """Of the narrowest and of the widest."""
    narrowest, *_, widest = widths_of(setup, config)
    return trained[setup, name, narrowest], trained[setup, name, widest]


def move(setup: str, name: str, trained: Trained, config: Config) -> Estimate:
    """log₂ of the best rate at the widest over that at the narrowest."""
    narrowest, widest = ends_of_widths(setup, name, trained, config)
    return mean(best_powers(widest) - best_powers(narrowest))


def moving_numbers(setup: str, trained: Trained, config: Config) -> Numbers:
    narrowest, *_, widest = widths_of(setup, config)
    moves = {name: move(setup, name, trained, config) for name in PARAMETRIZATIONS}

    def meaning(name: str) -> str:
        return (
            f"log₂ of how far the best rate of {SETUPS[setup].name} moves from width {narrowest} "
            f"to {widest} in {OF[name]}"
        )

    return {
        f"move_{setup}_{STANDARD}": number.bound(
            moves[STANDARD], "more than a step of the grid of rates, a factor of 2",
            meaning(STANDARD), at_most=-GRID_STEP, missed_by=0.0, signed=True,
        ),
        f"move_{setup}_{MAXIMAL}": number.bound(
            moves[MAXIMAL], "a step of the grid of rates, a factor of 2; the standard one moves "
            f"by {moves[STANDARD].value:.2g}", meaning(MAXIMAL),
            at_least=-GRID_STEP, at_most=GRID_STEP, missed_by=moves[STANDARD].value, signed=True,
        ),
    }  # fmt: skip


def transfer_numbers(setup: str, trained: Trained, config: Config) -> Numbers:
    """What the narrowest network's best rate makes of the widest."""
    costs, gains = {}, {}
    for name in PARAMETRIZATIONS:
        narrowest, widest = ends_of_widths(setup, name, trained, config)
        power = best_power(narrowest)
        transferred = at_power(widest, power)
        costs[name] = geometric_mean(transferred / at_power(widest, best_power(widest)))
        gains[name] = geometric_mean(transferred / at_power(narrowest, power))
    of, lost = SETUPS[setup].name, "where a run that is lost counts as one of chance"
    return {
        f"cost_{setup}_{MAXIMAL}": number.bound(
            costs[MAXIMAL],
            f"a quarter more; in the standard one it is {costs[STANDARD].value:.3g}, {lost}",
            "loss of the widest network at the narrowest one's best rate, over its loss at its "
            f"own: {of} in μP",
            at_most=1.25,
            missed_by=costs[STANDARD].value,
        ),
        f"gain_{setup}_{MAXIMAL}": number.below(
            gains[MAXIMAL], 1.0,
            "loss of the widest network over that of the narrowest, both at the latter's best "
            f"rate: {of} in μP",
            why=f"wider is better; in the standard one it is {gains[STANDARD].value:.3g}, {lost}",
        ),
    }  # fmt: skip


def edge_number(trained: Trained, started: dict, config: Config) -> Numbers:
    """On squared errors the best rate is just below the edge, and moves with it."""
    narrowest, *_, widest = widths_of("squared", config)
    if not {(STANDARD, narrowest), (STANDARD, widest)} <= set(started):
        return {}
    largest = [started[STANDARD, width].top[:, 0].mean() for width in (narrowest, widest)]
    predicted = math.log2(largest[0] / largest[1])
    return {
        "move_of_the_edge": number.theory(
            move("squared", STANDARD, trained, config), predicted, GRID_STEP / 2,
            "half a step of the grid of rates",
            f"log₂ of how far the best rate of {SETUPS['squared'].name} moves in the standard "
            "parametrization, beside that of 2/λmax at the start",
            signed=True,
        )
    }  # fmt: skip


def start_numbers(started: dict[tuple[str, int], Curvature], config: Config) -> Numbers:
    found: Numbers = {}
    narrowest, *_, widest = config.start_widths
    for (name, width), curvature in started.items():
        if name == MAXIMAL and width == narrowest:
            continue  # the same network as in the other
        estimate = positive_mean(curvature.top.mean(axis=1))
        found[f"curvature_{name}_{width}"] = number.theory(
            estimate, curvature.predicted,
            number.ERRORS * estimate.error + curvature.predicted / width,
            f"{number.ERRORS} standard errors of {config.start_seeds} starts, and terms of order "
            "1/n",
            "mean of the ten largest eigenvalues of P^½GP^½ at the start, which are one in "
            f"infinite width: width {width}, {OF[name]}",
        )  # fmt: skip
    for name in PARAMETRIZATIONS:
        ends = [started[name, width] for width in (narrowest, widest)]
        means = [positive_mean(curvature.top.mean(axis=1)) for curvature in ends]
        predicted = ends[0].predicted / ends[1].predicted
        relative = math.hypot(*(each.error / each.value for each in means))
        found[f"stable_rate_{name}"] = number.theory(
            means[0].value / means[1].value, predicted,
            predicted * (number.ERRORS * relative + 1 / narrowest),
            f"{number.ERRORS} standard errors, and terms of order 1/n",
            f"largest stable rate at the start, 2 over that mean, at width {widest} over that at "
            f"{narrowest}: {OF[name]}",
        )  # fmt: skip
    for width in (narrowest, widest):
        top = started[STANDARD, width].top
        found[f"spread_{width}"] = number.regression(
            positive_mean(top[:, 0] / top.mean(axis=1)),
            f"largest of these ten eigenvalues over their mean, width {width}, standard",
        )
    return found


def step_numbers(stepped: dict[tuple[str, str, int], Moves], config: Config) -> Numbers:
    found: Numbers = {}
    first, _, last = config.step_widths[-3:]
    for method in METHODS:
        for name in PARAMETRIZATIONS:
            for layer, exponent in EXPONENTS[method].items():
                narrow, wide = (
                    geometric_mean(stepped[method, name, width][layer]) for width in (first, last)
                )
                growth = wide.value / narrow.value
                predicted = (last / first) ** (exponent if name == STANDARD else 0.0)
                error = math.hypot(wide.error / wide.value, narrow.error / narrow.value)
                found[f"step_{method}_{layer}_{name}"] = number.theory(
                    growth, predicted,
                    predicted * (number.ERRORS * error + NARROW / math.sqrt(first)),
                    f"{number.ERRORS} standard errors, and {NARROW:g}/√n at width {first}",
                    f"growth, from width {first} to {last}, of what, in the first step of "
                    f"{method.upper() if method == 'sgd' else 'Adam'}, {LAYERS[layer]}: {OF[name]}",
                )  # fmt: skip
    return found
