"""The headline numbers: what of the cards is as theory has it."""

import numpy as np

from experiments.common import number
from experiments.common.number import Numbers
from experiments.report_cards.config import Config
from experiments.report_cards.simulate import Cards
from jdescent.report_card.relatives import RECORD, relatives

LIMIT_ERROR = 1e-3  # relative, of the search and of the growth that counts


def numbers(cards: Cards, config: Config) -> Numbers:
    del config
    found: Numbers = {}
    found |= _limits(cards)
    found |= _identities(cards)
    return found | _known(cards)


def _limits(cards: Cards) -> Numbers:
    predicted, measured = cards["stability.limit"], cards.get("stability.measured_limit", {})
    apart = [abs(measured[name] / predicted[name] - 1) for name in measured]
    return {
        "limits_apart": number.bound(
            max(apart),
            "the error of the search and of the growth that counts",
            "largest relative distance between predicted and measured stable rates, of "
            f"{len(apart)} optimizers that have a limit",
            at_most=LIMIT_ERROR,
            missed_by=2 * LIMIT_ERROR,
        )
    }


def _identities(cards: Cards) -> Numbers:
    titles = np.load(RECORD)["titles"].tolist()
    on_record = {one.name for one in relatives() if one.title in titles}
    equals = {name: is_equal for name, is_equal in cards["identity.equals"].items()
              if name in on_record}  # fmt: skip
    return {
        "recognized": number.exact(
            float(np.mean(list(equals.values()))), 1.0, 1e-4, "all or not all",
            f"share of {len(equals)} optimizers on record whose card tells them by their path",
        )
    }  # fmt: skip


def _known(cards: Cards) -> Numbers:
    """Symmetries and powers that follow from the equations."""
    descent = cards["noise.batch"]["sgd"]
    return {
        "batch_of_gradient_descent": number.theory(
            descent, 16.0, 0.05, "float32 over 2,000 steps",
            "stationary loss of SGD on single examples, in that on batches of 16",
        ),
        "exponent_of_gradient_descent": number.theory(
            cards["speed.exponent"]["sgd"], 1.0, 0.05,
            "the best of five rates a decade is up to a fifth of a decade off the optimum",
            "power of κ in the steps of gradient descent, κ = 10 to 1,000",
        ),
        "exponent_of_newton": number.exact(
            cards["speed.exponent"]["newton"], 0.0, 1e-4, "one step each",
            "power of κ in the steps of Newton's method", scale=1.0,
        ),
        "cycle_of_adam": number.theory(
            cards["stability.cycle"]["adam"], (1 - 0.9) / (1 + 0.9) / 2, 1e-6,
            "rounding in float64, and ε beside the gradient",
            "amplitude of Adam's cycle on ½x², in units of η",
        ),
    }  # fmt: skip
