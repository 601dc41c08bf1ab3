"""The surfaces of the two-dimensional page: named ones with their minima, and typed ones."""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
import scipy

import jdescent as jd
from jdescent_playground.expressions import Expression
from jdescent_playground.runs import Task

Point = tuple[float, float]
Box = tuple[tuple[float, float], tuple[float, float]]

POINTS = 141
BANDS = 16
STEEP = 1e4  # of the usual height: what is so high is at a pole, if there is one
VANISHING = 1e-6  # of its size beside it: what is so small is zero
LARGEST_CONDITION = 200.0


@dataclass(frozen=True)
class Minimum:
    """A minimum: where it lies, the loss there, the eigenvalues of the Hessian, ascending."""

    position: Point
    loss: float
    curvatures: tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A loss of (x, y), as the page shows it.

    Attributes:
        name: the key in `SURFACES`; empty for a typed one.
        formula: how people write it.
        task: the loss itself, a function of an array of shape (2,).
        domain: the (low, high) of x and of y that are drawn at least.
        start: where the ball first lies.
        rate: a learning rate that suits methods whose steps grow with the slope.
        stride: one for those that rescale their slopes: about the length of their steps.
        minima: those known.
        parameters: the numbers of the task.
        quadratic: whether the curvature is the same everywhere.
    """

    name: str
    formula: str
    task: Task
    domain: Box
    start: Point
    rate: float
    stride: float
    minima: tuple[Minimum, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict)
    quadratic: bool = False

    @property
    def rest(self) -> float:
        """How small a slope counts as none: in float32 it does not come closer to zero."""
        return max([1e-5, *(1e-6 * minimum.curvatures[1] for minimum in self.minima)])

    @property
    def floor(self) -> float | None:
        """The lowest loss there is, None where that is not known."""
        return min((minimum.loss for minimum in self.minima), default=None)

    def minimum_near(self, point: Point) -> Minimum | None:
        """The nearest minimum that is known; of a typed surface the one that BFGS finds from there.

        Example:
            >>> SURFACES["himmelblau"].minimum_near((2.0, 2.0)).position
            (3.0, 2.0)
        """
        if not np.isfinite(point).all():
            return None
        if not self.minima:
            return None if self.name else _found_minimum(self.task, self._rounded(point))
        return min(self.minima, key=lambda minimum: math.dist(minimum.position, point))

    def _rounded(self, point: Point) -> Point:
        """To a ten-thousandth of the domain: runs that end so near have one minimum."""
        (low, high), _ = self.domain
        unit = 1e-4 * (high - low)
        return round(point[0] / unit) * unit, round(point[1] / unit) * unit

    def sampled(self, window: Box) -> "Sampled":
        """Heights and slopes on a grid of `POINTS` by `POINTS`."""
        x, y = (np.linspace(low, high, POINTS) for low, high in window)
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        height, gradient = jax.device_get(
            _mapped(self.task)(jnp.asarray(points, float), dict(self.parameters))
        )
        shape = (POINTS, POINTS)
        divided = isinstance(self.task.loss, Expression) and _vanishes(self.task.loss, x, y)
        return Sampled(x, y, height.reshape(shape), gradient.reshape(*shape, 2), divided)


@dataclass(frozen=True)
class Sampled:
    """A surface on a grid: x, y (POINTS,), height (y, x), gradient (y, x, 2).

    `divided` says whether something that a typed formula divides by is zero in it.
    """

    x: np.ndarray
    y: np.ndarray
    height: np.ndarray
    gradient: np.ndarray
    divided: bool = False

    @property
    def finite(self) -> np.ndarray:
        return np.isfinite(self.height) & (np.abs(self.height) < 1e30)

    def levels(self, within: Box) -> np.ndarray:
        """`BANDS` + 1 rising heights for contours, denser where the surface is low.

        They are quantiles of what lies in a box: poles and far corners do not use them up.

        Example:
            >>> bowl = SURFACES["bowl-2-4"]
            >>> levels = bowl.sampled(bowl.domain).levels(bowl.domain)
            >>> len(levels), bool((np.diff(levels) > 0).all())
            (17, True)
        """
        in_x, in_y = (
            (places >= low) & (places <= high)
            for places, (low, high) in zip((self.x, self.y), within, strict=True)
        )
        seen = self.finite & in_x & in_y[:, None]
        heights = self.height[seen if seen.any() else self.finite].astype(float)
        if not heights.size or np.ptp(heights) == 0:
            return np.linspace(0.0, 1.0, BANDS + 1) + (heights.min() if heights.size else 0.0)
        levels = np.quantile(heights, np.linspace(0, 1, BANDS + 1) ** 1.8)
        air = np.ptp(heights) * 1e-6
        return np.maximum.accumulate(levels) + air * np.arange(BANDS + 1)

    def remark(self) -> str:
        """In words, how much of the window has no height; else empty."""
        undefined = np.isnan(self.height)
        if undefined.all():
            return "L(x, y) is not a number anywhere here: try another range or formula."
        remarks = []
        if undefined.any():
            remarks.append(
                f"L(x, y) is not a number on {100 * undefined.mean():.2g} % of this view."
            )
        infinite = np.isinf(self.height)
        if self.divided and self._steep:
            remarks.append("L(x, y) has a pole in this view.")
        elif infinite.any():
            share = 100 * infinite.mean()
            remarks.append(
                f"L(x, y) overflows on {share:.2g} % of this view: it is too large for 32 bits."
            )
        return " ".join(remarks)

    @property
    def _steep(self) -> bool:
        finite = np.abs(self.height[self.finite])
        usual = max(float(np.median(finite)), 1e-6) if finite.size else 0.0
        return not self.finite.all() or bool(finite.max() > STEEP * usual)


def bowl(condition: float, degrees: float) -> Surface:
    """½(u² + κv²), with the axes u, v turned counter-clockwise from x, y.

    Example:
        >>> steep, = bowl(50.0, 30.0).minima
        >>> steep.curvatures
        (1.0, 50.0)
    """
    return replace(
        SURFACES["bowl"],
        minima=(Minimum((0.0, 0.0), 0.0, (1.0, condition)),),
        parameters={"first": 1.0, "second": float(condition), "degrees": float(degrees)},
    )


def turned(point: Point, degrees: float) -> Point:
    """A point turned counter-clockwise about the origin.

    Example:
        >>> turned((2.0, 0.0), 90.0)
        (0.0, 2.0)
    """
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return round(c * point[0] - s * point[1], 6) + 0.0, round(s * point[0] + c * point[1], 6) + 0.0


def typed(expression: Expression, ends: tuple[float, float] = (-4.0, 4.0)) -> Surface:
    """The surface of a typed formula of x and y, over the same range of both.

    Example:
        >>> from jdescent_playground.expressions import parse
        >>> typed(parse("x^2 + x y + y^2", ("x", "y"))).start
        (-2.4, 1.6)
    """
    low, high = ends
    task = Task(expression, f"lambda point: (lambda x, y: {expression.source})(*point)")
    bare = Surface("", expression.text, task, ((low, high),) * 2, (low, high), 0.05, 0.1)
    return replace(bare, start=_defined_start(bare))


def _defined_start(surface: Surface) -> Point:
    """Left and above the middle; the nearest place where the loss has a slope, if it has none."""
    grid = surface.sampled(surface.domain)
    (low, high), _ = surface.domain
    wanted = low + 0.2 * (high - low), low + 0.7 * (high - low)
    defined = grid.finite & np.isfinite(grid.gradient).all(axis=-1)
    if not defined.any():
        return wanted
    slopes = np.where(defined, np.linalg.norm(grid.gradient.astype(float), axis=-1), np.inf)
    defined &= slopes <= np.quantile(slopes[defined], 0.8)  # not at the brink of a pole
    distance = (grid.x - wanted[0]) ** 2 + (grid.y[:, None] - wanted[1]) ** 2
    row, column = np.unravel_index(np.where(defined, distance, np.inf).argmin(), defined.shape)
    return float(f"{grid.x[column]:.3g}"), float(f"{grid.y[row]:.3g}")


@functools.lru_cache(maxsize=64)
def _mapped(task: Task) -> Callable:
    return jax.jit(jax.vmap(jax.value_and_grad(task.height), in_axes=(0, None)))


@functools.lru_cache(maxsize=64)
def _divisors(loss: Expression) -> Callable:
    return jax.jit(jax.vmap(loss.divisors))


@functools.lru_cache(maxsize=256)
def _found_minimum(task: Task, start: Point) -> Minimum | None:
    """Where the loss is least around a place downhill of the start; None where it is flat or falls.

    Found in float32, whose gradient vanishes near enough to the minimum for its curvatures.
    """
    loss, hessian = _derivatives(task)

    def of(point: np.ndarray) -> tuple[float, np.ndarray]:
        height, slope = loss(jnp.asarray(point, jnp.float32), {})
        return float(height), np.asarray(slope, float)

    with np.errstate(all="ignore"):
        place = scipy.optimize.minimize(of, start, jac=True, method="BFGS").x
        height, slope = of(place)
        curvatures = np.asarray(hessian(jnp.asarray(place, jnp.float32), {}), float)
    if not (np.isfinite(curvatures).all() and np.isfinite(slope).all()):
        return None
    flat, steep = np.linalg.eigvalsh(curvatures)
    if not flat > VANISHING * steep > 0:
        return None
    if np.linalg.norm(np.linalg.solve(curvatures, slope)) > 0.01 * (1 + np.linalg.norm(place)):
        return None  # a Newton step would still lead far
    x, y = (round(float(at), 4) + 0.0 for at in place)
    return Minimum((x, y), height, (float(flat), float(steep)))


@functools.lru_cache(maxsize=64)
def _derivatives(task: Task) -> tuple[Callable, Callable]:
    return jax.jit(jax.value_and_grad(task.height)), jax.jit(jax.hessian(task.height))


def _vanishes(loss: Expression, x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a divisor changes its sign on a grid, or is nothing beside what it is next to it."""
    grids = np.moveaxis(_on_grid(loss, x, y), -1, 0)
    return any(
        _changes_sign(grid) or _shrinks(loss, which, x, y, grid) for which, grid in enumerate(grids)
    )


def _on_grid(loss: Expression, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    values = np.asarray(_divisors(loss)(jnp.asarray(points, float))).astype(float)
    return values.reshape(len(y), len(x), -1)


def _changes_sign(grid: np.ndarray) -> bool:
    signs = np.sign(grid)
    return any(
        bool((one[far:] * one[:-far] < 0).any()) for one in (signs, signs.T) for far in (1, 2)
    )


def _shrinks(loss: Expression, which: int, x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> bool:
    """Whether a divisor is ever smaller, the nearer one looks at where it is smallest."""
    beside = math.inf
    for _ in range(4):
        sizes = np.where(np.isfinite(grid), np.abs(grid), np.inf)
        row, column = (int(at) for at in np.unravel_index(sizes.argmin(), sizes.shape))
        around = sizes[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if math.isinf(beside):
            beside = float(np.max(around, where=np.isfinite(around), initial=0.0))
        if sizes[row, column] == 0:
            return bool((around > 0).sum() > 3)  # a stretch of them is too small for 32 bits
        if sizes[row, column] <= VANISHING * beside:
            return True
        x, y = (
            np.linspace(axis[max(at - 1, 0)], axis[min(at + 1, len(axis) - 1)], POINTS)
            for axis, at in ((x, column), (y, row))
        )
        grid = _on_grid(loss, x, y)[..., which]
    return False


def _quadratic(x: jax.Array, parameters: Mapping[str, jax.Array]) -> jax.Array:
    angle = jnp.deg2rad(parameters["degrees"])
    c, s = jnp.cos(angle), jnp.sin(angle)
    u, v = c * x[0] + s * x[1], c * x[1] - s * x[0]
    return 0.5 * (parameters["first"] * u**2 + parameters["second"] * v**2)


def _wells(x: jax.Array) -> jax.Array:
    return _WELL(x[0]) + x[1] ** 2


_WELL = jd.losses.double_well()


def _of_landscape(
    name: str, formula: str, landscape: jd.losses.Landscape, code: str,
    domain: Box, start: Point, rate: float, stride: float, quadratic: bool = False,
) -> Surface:  # fmt: skip
    minima = tuple(
        Minimum(point.position, point.loss, point.curvatures)  # type: ignore[arg-type]
        for point in landscape.minima
    )
    task = Task(landscape, code)
    return Surface(name, formula, task, domain, start, rate, stride, minima, quadratic=quadratic)


@functools.cache
def _surfaces() -> dict[str, Surface]:
    losses = jd.losses
    quadratic = Task(_quadratic, "jd.losses.bowl(({first}, {second}), angle={degrees})")
    wells = tuple(
        Minimum((float(p.position), 0.0), p.loss, tuple(sorted((p.curvatures[0], 2.0))))  # type: ignore[arg-type]
        for p in _WELL.minima
    )
    all_surfaces = [
        Surface("bowl-2-4", "x² + 2y²", quadratic, ((-3.6, 3.6), (-2.6, 2.6)), (-2.0, 2.3),
                0.1, 0.5, (Minimum((0.0, 0.0), 0.0, (2.0, 4.0)),),
                {"first": 2.0, "second": 4.0, "degrees": 0.0}, True),
        Surface("bowl", "½(u² + κv²), turned", quadratic, ((-3.6, 3.6), (-2.6, 2.6)), (-3.2, 1.0),
                0.03, 0.1, (Minimum((0.0, 0.0), 0.0, (1.0, 50.0)),),
                {"first": 1.0, "second": 50.0, "degrees": 0.0}, True),
        _of_landscape("saddle", "½x² − ½y², a saddle", losses.saddle(), "jd.losses.saddle()",
                      ((-2.4, 2.4), (-1.8, 1.8)), (-2.0, 0.01), 0.1, 0.05),
        _of_landscape("rosenbrock", "Rosenbrock: 100(y − x²)² + (1 − x)²", losses.rosenbrock(),
                      "jd.losses.rosenbrock()", ((-1.9, 1.9), (-0.6, 1.8)), (-1.2, 1.0),
                      0.001, 0.05),
        _of_landscape("himmelblau", "Himmelblau: (x² + y − 11)² + (x + y² − 7)²",
                      losses.himmelblau(), "jd.losses.himmelblau()",
                      ((-5.2, 5.2), (-4.6, 4.6)), (0.4, -0.6), 0.01, 0.2),
        Surface("double-well", "double well: x⁴/4 − x³/6 − 3x²/4 + y²",
                Task(_wells, "lambda x: jd.losses.double_well()(x[0]) + x[1] ** 2"),
                ((-2.1, 2.5), (-1.5, 1.5)), (-1.9, 1.1), 0.05, 0.05, wells),
    ]  # fmt: skip
    return {surface.name: surface for surface in all_surfaces}


SURFACES: Mapping[str, Surface] = _surfaces()
