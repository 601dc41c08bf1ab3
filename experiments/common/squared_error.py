"""A linear model's mean squared error is a bowl, in which gradient descent has a closed form.

    J(θ) = J* + ½(θ − θ*)ᵀH(θ − θ*),   H = (2/n) X₁ᵀX₁,   X₁ = [X 1],   θ = (w, b)

With cᵢ the coordinate of θ − θ* along the axis of curvature λᵢ, t steps at rate η leave
cᵢ(1 − ηλᵢ)ᵗ of it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

import jdescent as jd

LONGEST = 10**15

Vectors = Float[np.ndarray, "*runs p"]


class Bowl(NamedTuple):
    """Where a mean squared error is least, and how it bends there: axis i is column i."""

    minimum: Float[np.ndarray, " p"]
    curvatures: Float[np.ndarray, " p"]
    axes: Float[np.ndarray, "p p"]

    @property
    def condition(self) -> float:
        """κ, the largest curvature over the smallest."""
        return float(self.curvatures[0] / self.curvatures[-1])

    @property
    def limit(self) -> float:
        """The stability limit of gradient descent, 2/λ of the steepest axis."""
        return float(jd.analysis.gd_limit(self.curvatures[0]))

    def along_axes(self, theta: Vectors) -> Vectors:
        return (theta - self.minimum) @ self.axes

    def after(self, start: Vectors, learning_rate: ArrayLike, steps: ArrayLike) -> Vectors:
        """What t steps leave of coordinates along the axes; the last of these broadcasts."""
        rate, steps = np.asarray(learning_rate)[..., None], np.asarray(steps)[..., None]
        return start * (1 - rate * self.curvatures) ** steps

    def excess_loss(self, coordinates: Vectors) -> Float[np.ndarray, "*runs"]:
        """J − J* at these coordinates along the axes."""
        return 0.5 * np.sum(self.curvatures * coordinates**2, axis=-1)

    def distance_from_best(self, coordinates: Vectors) -> Float[np.ndarray, "*runs"]:
        """√(J − J*): the root mean squared distance from the least-squares predictions."""
        return np.sqrt(self.excess_loss(coordinates))

    def gradient_norm(self, coordinates: Vectors) -> Float[np.ndarray, "*runs"]:
        return np.linalg.norm(self.curvatures * coordinates, axis=-1)

    def steps_until(self, gradient_norm: float, start: Vectors, learning_rate: float) -> float:
        """The first step whose gradient is no longer than this, at a stable rate.

        Every mode shrinks at every step there, so a bisection finds it; inf past 10¹⁵ steps.
        """

        def is_short(steps: int) -> bool:
            return bool(
                self.gradient_norm(self.after(start, learning_rate, steps)) <= gradient_norm
            )

        low, high = -1, 1
        while not is_short(high):
            low, high = high, 2 * high
            if high > LONGEST:
                return np.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_short(middle) else (middle, high)
        return float(high)


def bowl_of(x: ArrayLike, y: ArrayLike) -> Bowl:
    """The bowl of the mean squared error of `jdescent.losses.linear_model`, steepest axis first.

    Call it under `jax.enable_x64`, so that the minimum is found to 16 digits.

    Args:
        x: features of shape (n, d) or (n,), of rank d with the constant.
        y: targets of shape (n,).
    """
    return Bowl(vector(jd.losses.least_squares(x, y)), *principal_axes(x))


def principal_axes(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The curvatures of the bowl over these features, steepest first, and its axes as columns.

    From the singular values of X₁, which are exact to more digits than eigenvalues of H.
    """
    columns = np.column_stack([x, np.ones(np.shape(x)[0])])
    _, singular, axes = np.linalg.svd(columns, full_matrices=False)
    return 2 * singular**2 / len(columns), axes.T


def vector(params: Mapping[str, ArrayLike]) -> Vectors:
    """(w, b) as one vector, or as one a run where they have leading axes."""
    b = np.asarray(params["b"])
    return np.concatenate([np.reshape(params["w"], (*b.shape, -1)), b[..., None]], axis=-1)
