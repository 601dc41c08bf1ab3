"""The headline numbers: paths, gradients and modes beside the closed form."""

import numpy as np

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.squared_error import Bowl
from experiments.fit_line.config import STARTS, Config
from experiments.fit_line.simulate import textbook_gradient
from jdescent import analysis

# Sums of a few products of numbers below 50 round at 1e-14; a path adds up what it rounds.
ROUNDING, OF_SUMS = 1e-12, "rounding of the sums, added up along a path"


def numbers(data: dict, config: Config) -> Numbers:
    bowl: Bowl = data["bowl"]
    predicted = bowl.minimum + data["exact"] @ bowl.axes.T
    measured = data["theta"]
    found = {
        name: number.exact(
            float(measured[0, -1, i]),
            float(predicted[0, -1, i]),
            ROUNDING,
            OF_SUMS,
            f"{name} after {config.steps} steps at η = {config.learning_rate} from (0, 0); theory: "
            f"the closed form; the points lie on {'2' if name == 'w' else '0'}",
            scale=1.0,
        )
        for i, name in enumerate("wb")
    }
    found["path_error"] = number.exact(
        float(np.max(np.abs(measured - predicted))),
        0.0,
        ROUNDING,
        OF_SUMS,
        f"largest distance of w or b from the closed form, all steps from all {len(STARTS)} starts",
        scale=1.0,
    )
    found["gradient_error"] = number.exact(
        float(np.max(np.abs(data["gradient"] - textbook_gradient(measured[0])))),
        0.0,
        ROUNDING,
        OF_SUMS,
        "largest distance of jax.grad from (2/n)Σe·x and (2/n)Σe along the path",
        scale=1.0,
    )
    found["distance_from_least_squares"] = number.exact(
        float(np.linalg.norm(measured[0, -1] - bowl.minimum)),
        float(np.linalg.norm(data["exact"][0, -1])),
        ROUNDING,
        OF_SUMS,
        "distance in the plane of w and b from the least-squares solution at the last step",
        scale=1.0,
    )
    along = np.abs(bowl.along_axes(measured[0]))
    for i, mode in enumerate(("fast", "slow")):
        found[f"{mode}_mode"] = number.exact(
            factor_per_step(along[:, i]),
            float(analysis.gd_rate(config.learning_rate, bowl.curvatures[i])),
            1e-5,
            "rounding of the distance where it is 1e-10 of its first",
            f"factor per step of the {mode} mode, curvature λ = {bowl.curvatures[i]:.4f}; theory "
            "|1 − ηλ|",
            scale=1.0,
        )
    return found


def factor_per_step(distance: np.ndarray) -> float:
    """The mean factor until the distance is 1e-10 of its first: rounding is 1e-5 of it there."""
    last = max(1, int(np.flatnonzero(distance > 1e-10 * distance[0])[-1]))
    return float((distance[last] / distance[0]) ** (1 / last))
