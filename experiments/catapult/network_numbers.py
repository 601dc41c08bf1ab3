"""The headline numbers of the networks on digits."""

import numpy as np

from experiments.catapult import theory
from experiments.catapult.networks import NETWORKS, Runs
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, geometric_mean, positive_mean

NAMES = {
    "linear": "a linear network, one hidden layer, even or odd",
    "tanh": "a tanh network, one hidden layer",
    "relu": "a ReLU network, one hidden layer",
    "relu_2": "a ReLU network, two hidden layers",
    "relu_3": "a ReLU network, three hidden layers",
}
SLOWEST = 1.0  # ηλ₀ of the run whose curvature should not change


def network_numbers(networks: dict[str, Runs]) -> Numbers:
    found: Numbers = {}
    for name, runs in networks.items():
        found |= {
            f"limit_{name}": limit_number(name, runs),
            f"lazy_{name}": lazy_number(name, runs),
            f"catapult_{name}": catapult_number(name, runs),
        }
        if NETWORKS[name].outputs > 1:
            found |= accuracy_numbers(name, runs)
    return found


def brackets(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """Of each seed, the last rate up to which it trains at all, and the next.

    Raises:
        ValueError: a seed trains at every rate.
    """
    if np.any(runs.trains.all(axis=1)):
        raise ValueError(
            f"all rates up to ηλ₀ = {runs.rates[-1]:g} train: larger ones must be tried"
        )
    first = np.argmin(runs.trains, axis=1)
    return runs.rates[first - 1], runs.rates[first]


def limits(runs: Runs) -> np.ndarray:
    """The geometric middle of each seed's bracket."""
    last, following = brackets(runs)
    return np.sqrt(last * following)


def limit_number(name: str, runs: Runs) -> Number:
    found, (last, following) = geometric_mean(limits(runs)), brackets(runs)
    half = float(np.max(following - last)) / 2
    meaning = f"largest ηλ₀ at which {NAMES[name]} trains"
    if name == "linear":
        return number.theory(
            found, theory.DIVERGENT, half, "half a step of the grid", f"{meaning}; theory 4"
        )
    return number.regression(
        found,
        meaning,
        tolerance=number.ERRORS * found.error + half,
        why=f"half a step of the grid, and {number.ERRORS} standard errors",
    )


def lazy_number(name: str, runs: Runs) -> Number:
    slow = runs.rates == SLOWEST
    return number.regression(
        positive_mean(runs.curvature[:, slow][:, 0] / SLOWEST),
        f"λ at the end over λ₀ in the lazy phase, ηλ₀ = {SLOWEST:g}, of {NAMES[name]}",
    )


def catapult_number(name: str, runs: Runs) -> Number:
    between = (runs.rates > theory.CRITICAL) & (runs.rates < theory.DIVERGENT)
    largest = float(runs.curvature[:, between].max())
    return number.regression(
        largest, f"largest ηλ at the end of a run with ηλ₀ between 2 and 4, of {NAMES[name]}",
        tolerance=0.1 * largest, why="which runs end highest is chance",
    )  # fmt: skip


def accuracy_numbers(name: str, runs: Runs) -> Numbers:
    """Held-out accuracy in the catapult phase and the lazy one, each at its best rate."""
    rates = runs.rates[np.argmax(runs.accuracy, axis=1)]
    return {
        f"best_rate_{name}": number.regression(
            geometric_mean(rates) if np.ptp(rates) > 0 else Estimate(float(rates[0]), 0.0, None),
            f"ηλ₀ at which {NAMES[name]} is best on held-out digits, equal steps for all",
        ),
        f"gain_steps_{name}": gain_number(name, runs, runs.accuracy, "as many steps"),
        f"gain_time_{name}": gain_number(name, runs, runs.timely, "as much time t·η"),
    }


def gain_number(name: str, runs: Runs, accuracy: np.ndarray, given: str) -> Number:
    lazy, catapult = best(runs, accuracy)
    return number.regression(
        positive_mean(catapult / lazy),
        f"held-out accuracy of {NAMES[name]} at its best catapult rate over that at its best lazy "
        f"one, after {given}",
    )


def best(runs: Runs, accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each seed, at the rate that is best in the mean over seeds: below 2 and above."""
    lazy = runs.rates < theory.CRITICAL
    places = [np.flatnonzero(side) for side in (lazy, ~lazy)]
    chosen = [place[np.argmax(accuracy[:, place].mean(axis=0))] for place in places]
    return accuracy[:, chosen[0]], accuracy[:, chosen[1]]
