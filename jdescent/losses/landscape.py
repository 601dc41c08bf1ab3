"""A loss surface that carries its truth: what is known about its stationary points, as data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

Position = float | tuple[float, ...]
Kind = Literal["minimum", "saddle", "maximum"]


@dataclass(frozen=True)
class StationaryPoint:
    """A point where the gradient is zero.

    Attributes:
        position: a float where x is a scalar, otherwise one float a coordinate.
        loss: the value there. The height of a barrier is the difference of two of these.
        curvatures: the eigenvalues of the Hessian there, ascending.
    """

    position: Position
    loss: float
    curvatures: tuple[float, ...]

    @property
    def kind(self) -> Kind:
        """What the signs of the curvatures say: "minimum", "saddle" or "maximum".

        Raises:
            ValueError: a curvature is zero and the other signs do not settle the question.
        """
        lowest, highest = min(self.curvatures), max(self.curvatures)
        if lowest < 0 < highest:
            return "saddle"
        if lowest > 0:
            return "minimum"
        if highest < 0:
            return "maximum"
        raise ValueError(
            f"curvatures {self.curvatures} at {self.position} include a zero: "
            "second derivatives alone do not tell a minimum, a saddle and a maximum apart"
        )


@dataclass(frozen=True)
class Landscape:
    """A pure loss of x alone, with what is known about its stationary points.

    Calling it gives the loss, a scalar of the dtype of x; it jits, vmaps and differentiates.
    It hashes, so it may be a static argument of `jax.jit`; two are equal only when they hold the
    same function object, so make one and pass it around.

    Attributes:
        name: a word for figures and tables.
        function: x -> loss.
        stationary_points: those known; whoever makes the landscape says whether that is all.
        domain: the box to plot, one (low, high) a coordinate.
        start: a conventional start; a float where x is a scalar, otherwise one float a coordinate.

    Example:
        >>> from jdescent.losses import double_well
        >>> well = double_well()
        >>> print(f"{well(2.0):.4f}", well.global_minimum.position)
        -0.3333 1.5
        >>> print(f"barrier {well.maxima[0].loss - well.minima[0].loss:.4f}")
        barrier 0.3333
    """

    name: str
    function: Callable = field(repr=False)
    stationary_points: tuple[StationaryPoint, ...]
    domain: tuple[tuple[float, float], ...]
    start: Position

    def __post_init__(self) -> None:
        coordinates = max(self.dimension, 1)
        for point in self.stationary_points:
            if np.shape(point.position) != self.shape or len(point.curvatures) != coordinates:
                raise ValueError(
                    f"stationary point {point} does not fit start={self.start}: give a position "
                    f"of shape {self.shape} and {coordinates} curvatures"
                )
        if len(self.domain) != coordinates:
            raise ValueError(
                f"domain has {len(self.domain)} (low, high) pairs, start={self.start} needs "
                f"{coordinates}: give one pair a coordinate"
            )

    def __call__(self, x: ArrayLike) -> Float[Array, ""]:
        """The loss at x.

        Args:
            x: floating, of shape () or (dimension,). Map over more points with `jax.vmap`.

        Returns:
            A scalar of the dtype of x.

        Raises:
            ValueError: x has another shape.
            TypeError: x is not floating, so it has no gradient.
        """
        x = jnp.asarray(x)
        if x.shape != self.shape:
            raise ValueError(
                f"x has shape {x.shape}, {self.name} takes shape {self.shape}: "
                "map over several points with jax.vmap"
            )
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(
                f"x has dtype {x.dtype}, {self.name} takes a floating dtype: write 2.0, not 2"
            )
        return self.function(x)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x: () or (dimension,)."""
        return np.shape(self.start)

    @property
    def dimension(self) -> int:
        """The length of x; 0 where x is a scalar."""
        return self.shape[0] if self.shape else 0

    @property
    def minima(self) -> tuple[StationaryPoint, ...]:
        """The listed points where every curvature is positive."""
        return self._of_kind("minimum")

    @property
    def saddles(self) -> tuple[StationaryPoint, ...]:
        """The listed points with curvatures of both signs (a scalar x has none)."""
        return self._of_kind("saddle")

    @property
    def maxima(self) -> tuple[StationaryPoint, ...]:
        """The listed points where every curvature is negative (for a scalar x, the barriers)."""
        return self._of_kind("maximum")

    @property
    def global_minimum(self) -> StationaryPoint:
        """The listed minimum of least loss, the first of them where several are equal.

        Raises:
            ValueError: no minimum is listed, as for a saddle, which falls without end.
        """
        if not self.minima:
            raise ValueError(f"{self.name} lists no minimum among its stationary_points")
        return min(self.minima, key=lambda point: point.loss)

    def _of_kind(self, kind: Kind) -> tuple[StationaryPoint, ...]:
        return tuple(point for point in self.stationary_points if point.kind == kind)
