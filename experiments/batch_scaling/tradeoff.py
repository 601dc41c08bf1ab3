"""Steps against examples: (S/S_min − 1)(E/E_min − 1) = 1, which is S = S_min·(1 + B_crit/B).

Reference: S. McCandlish, J. Kaplan, D. Amodei and the OpenAI Dota Team, 2018, An Empirical Model of
Large-Batch Training, arXiv 1812.06162, section 2.3.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import optimize


class Tradeoff(NamedTuple):
    """The hyperbola through steps S(B), and how far the steps lie from it.

    Attributes:
        steps: S_min.
        critical: B_crit = E_min/S_min.
        off: ln S less that of the hyperbola, of each batch size.
    """

    steps: float
    critical: float
    off: Float[np.ndarray, " sizes"]

    def at(self, batches: np.ndarray) -> np.ndarray:
        return self.steps * (1 + self.critical / batches)


def fitted(batches: np.ndarray, steps: np.ndarray) -> Tradeoff:
    """By least squares of ln S."""

    def curve(batches, log_steps, log_critical):
        return log_steps + np.log1p(np.exp(log_critical) / batches)

    guess = np.log(steps.min()), np.log(np.median(batches))
    (log_steps, log_critical), _ = optimize.curve_fit(curve, batches, np.log(steps), p0=guess)
    off = np.log(steps) - curve(batches, log_steps, log_critical)
    return Tradeoff(float(np.exp(log_steps)), float(np.exp(log_critical)), off)
