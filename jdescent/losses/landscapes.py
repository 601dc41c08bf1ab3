"""Test surfaces from the literature, each with its stationary points to full float64 precision."""

import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jdescent.losses.landscape import Landscape, StationaryPoint

Scalar = Float[Array, ""]
Vector = Float[Array, " dimension"]
Numbers = Sequence[float | int] | np.ndarray


def parabola(
    curvature: float | int = 2.0, minimum: float | int = 3.0, floor: float | int = 0.0
) -> Landscape:
    """A parabola in a scalar x: f(x) = ½λ(x − m)² + c, by default (x − 3)².

    The list of stationary points is complete. Gradient descent is stable below η = 2/λ.

    Args:
        curvature: λ > 0.
        minimum: m, where the lowest point lies.
        floor: c, the loss there.

    Returns:
        A landscape of x of shape (), starting 3 to the left of its minimum.

    Raises:
        ValueError: the curvature is not positive, or a number is not finite.

    Example:
        >>> print(parabola()(0.0), parabola(1.0, 1.0, 0.5)(-2.5))
        9.0 6.625
    """
    curvature, minimum, floor = float(curvature), float(minimum), float(floor)
    _require_positive("curvature", curvature)
    if not (math.isfinite(minimum) and math.isfinite(floor)):
        raise ValueError(f"minimum={minimum} and floor={floor} must be finite")

    def function(x: Scalar) -> Scalar:
        return 0.5 * curvature * (x - minimum) ** 2 + floor

    return Landscape(
        name="parabola",
        function=function,
        stationary_points=(StationaryPoint(minimum, floor, (curvature,)),),
        domain=((minimum - 4.0, minimum + 4.0),),
        start=minimum - 3.0,
    )


def bowl(
    curvatures: Numbers = (2.0, 4.0),
    angle: float | int = 0.0,
    rotation: ArrayLike | None = None,
) -> Landscape:
    """A quadratic bowl: f(x) = ½ Σᵢ λᵢ (Rᵀx)ᵢ², by default x² + 2y².

    Column i of R is the principal axis with curvature λᵢ. The list of stationary points, the
    origin, is complete. The condition number is κ = max λ / min λ.

    Args:
        curvatures: λ, one positive number a dimension.
        angle: two dimensions only: degrees by which the axes are turned counter-clockwise.
        rotation: R, an orthogonal matrix, in place of the angle; by default the identity.

    Returns:
        A landscape of x of shape (dimension,). Its curvatures are fixed numbers: they cannot be
        traced, so to map over curvatures write the quadratic out.

    Raises:
        ValueError: a curvature is not positive; an angle outside two dimensions, or beside a
            rotation; a rotation of the wrong shape or not orthogonal to 1e-6.

    Example:
        >>> print(bowl()(jnp.array([2.0, 1.0])))
        6.0
        >>> print(bowl((1.0, 100.0), angle=90)(jnp.array([2.0, 0.0])))
        200.0
    """
    spectrum = _finite_numbers(curvatures)
    if min(spectrum) <= 0:
        raise ValueError(f"curvatures={spectrum} must all be positive: saddle() takes both signs")
    axes = _principal_axes(len(spectrum), angle, rotation)
    return _quadratic("bowl", spectrum, axes, start=(2.0, *[1.0] * (len(spectrum) - 1)))


def saddle(curvatures: Numbers = (1.0, -1.0)) -> Landscape:
    """A quadratic saddle: f(x) = ½ Σᵢ λᵢ xᵢ², by default ½x² − ½y². It falls without end.

    The list of stationary points, the origin, is complete. It starts at 1 along the curvatures
    that are positive and at 1e-3 along those that are negative: almost on the ridge.

    Args:
        curvatures: λ, at least one positive and one negative, none zero.

    Returns:
        A landscape of x of shape (dimension,).

    Raises:
        ValueError: the signs are otherwise.

    Example:
        >>> print(saddle()(jnp.array([1.0, 2.0])), saddle().stationary_points[0].kind)
        -1.5 saddle
    """
    spectrum = _finite_numbers(curvatures)
    if not min(spectrum) < 0 < max(spectrum) or 0 in spectrum:
        raise ValueError(
            f"curvatures={spectrum} must hold a positive and a negative number and no zero"
        )
    start = tuple(1.0 if curvature > 0 else 1e-3 for curvature in spectrum)
    return _quadratic("saddle", spectrum, None, start)


def double_well() -> Landscape:
    """A tilted double well in a scalar x: U(x) = x⁴/4 − x³/6 − 3x²/4.

    U′(x) = (x + 1) x (x − 3/2). A local minimum at −1, a barrier of height 1/3 at 0, the global
    minimum at 3/2: the list of stationary points is complete. Gradient descent settles in the
    local minimum for η < 4/5 and in the global one for η < 8/15.

    Returns:
        A landscape of x of shape (), starting in the local minimum.

    Example:
        >>> for point in double_well().stationary_points:
        ...     print(point.kind, point.position, point.curvatures)
        minimum -1.0 (2.5,)
        maximum 0.0 (-1.5,)
        minimum 1.5 (3.75,)
    """
    return Landscape(
        name="double well",
        function=_double_well,
        stationary_points=(
            StationaryPoint(-1.0, -1 / 3, (2.5,)),
            StationaryPoint(0.0, 0.0, (-1.5,)),
            StationaryPoint(1.5, -63 / 64, (3.75,)),
        ),
        domain=((-2.0, 2.5),),
        start=-1.0,
    )


def double_well_examples(
    examples: int = 96, push: float | int = 2 * math.sqrt(10)
) -> tuple[Callable, Float[Array, " examples"]]:
    """The double well as a data set: ℓᵢ(x) = U(x) + cᵢx, one push cᵢ an example.

    cᵢ is +push in 1/6 of the examples, 0 in 2/3, −push in 1/6. So the mean gradient is U′, and
    the noise of one example's gradient is cᵢ whatever x is: its variance is σ² = push²/3 (40/3 by
    default) and its moments up to the fifth are those of a Gaussian (three-point Gauss–Hermite
    rule). Batches of B drawn independently, with replacement, walk at temperature T = ησ²/(2B);
    the barrier ΔU = 1/3 over T is then B/2 at the default push and η = 0.1. How the other
    samplers change the temperature: see `jdescent.batches`.

    Args:
        examples: how many, a positive multiple of 6.
        push: the size of a push, positive.

    Returns:
        (loss, data): loss(x, batch) is the mean of ℓᵢ over the batch, a scalar, for x of shape ()
        and the batch's cᵢ; data are all the cᵢ, shape (examples,), of the default float dtype.

    Raises:
        ValueError: examples is not a positive multiple of 6, or push is not positive.

    Example:
        >>> loss, data = double_well_examples()
        >>> print(data.shape, f"{loss(1.0, data):.4f} {loss(1.0, data[:1]):.4f}")
        (96,) -0.6667 5.6579

    Reference:
        Kloeden & Platen 1992, "Numerical Solution of Stochastic Differential Equations", §14.2
        (the three-point noise); Kramers 1940, "Brownian motion in a field of force" (the escape).
    """
    if examples < 6 or examples % 6:
        raise ValueError(
            f"examples={examples} must be a positive multiple of 6: one is pushed right and one "
            "left in every six"
        )
    _require_positive("push", push)
    sixth = jnp.array([push, -push, 0.0, 0.0, 0.0, 0.0], dtype=float)
    return _pushed_double_well, jnp.tile(sixth, examples // 6)


def rosenbrock(dimension: int = 2, a: float | int = 1.0, b: float | int = 100.0) -> Landscape:
    """Rosenbrock's curved valley: f(x) = Σᵢ b(xᵢ₊₁ − xᵢ²)² + (a − xᵢ)², i = 1 … d − 1.

    The global minimum (a, …, a, a²), of loss 0, is the one stationary point listed. The list is
    complete in two and three dimensions. From four on there are others, among them (b = 100) a
    local minimum with x₁ < 0.

    Args:
        dimension: d ≥ 2.
        a: any number in two dimensions. In more, the terms can all be zero only where a² = a, so
            1 (or 0).
        b: steepness of the valley's walls, positive.

    Returns:
        A landscape of x of shape (dimension,), starting at (−1.2, 1, −1.2, 1, …).

    Raises:
        ValueError: dimension < 2; b not positive; a not finite, or a² ≠ a beyond two dimensions.

    Example:
        >>> print(rosenbrock()(jnp.array([-1.0, 1.0])), rosenbrock().global_minimum.position)
        4.0 (1.0, 1.0)

    Reference:
        Rosenbrock 1960, "An automatic method for finding the greatest or least value of a
        function"; Kok & Sandrock 2009, "Locating and characterizing the stationary points of the
        extended Rosenbrock function".
    """
    a, b = float(a), float(b)
    if dimension < 2:
        raise ValueError(f"dimension={dimension} must be at least 2: the sum runs over pairs")
    if not math.isfinite(a) or (dimension > 2 and a * a != a):
        raise ValueError(
            f"a={a} with dimension={dimension}: beyond two dimensions the known minimum needs "
            "a² = a, so a=1.0 (or 0.0)"
        )
    _require_positive("b", b)

    def function(x: Vector) -> Scalar:
        head, tail = x[:-1], x[1:]
        return jnp.sum(b * (tail - head**2) ** 2 + (a - head) ** 2)

    # Each pair contributes the same 2 × 2 block: the residuals √b(xᵢ₊₁ − xᵢ²) and a − xᵢ vanish.
    hessian = np.zeros((dimension, dimension))
    for i in range(dimension - 1):
        hessian[i : i + 2, i : i + 2] += [[8 * b * a * a + 2, -4 * b * a], [-4 * b * a, 2 * b]]
    size = max(1.0, abs(a))
    return Landscape(
        name="Rosenbrock",
        function=function,
        stationary_points=(
            StationaryPoint((*[a] * (dimension - 1), a * a), 0.0, _eigenvalues(hessian)),
        ),
        domain=(*[(-2 * size, 2 * size)] * (dimension - 1), (-1.5 * size**2, 3 * size**2)),
        start=tuple(1.0 if i % 2 else -1.2 for i in range(dimension)),
    )


def beale() -> Landscape:
    """Beale's function: f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)².

    One minimum, (3, ½) with loss 0, in a bent valley, and two saddles: the list is complete (the
    gradient's two equations reduce to one polynomial in y).

    Returns:
        A landscape of x of shape (2,), starting at (1, 1).

    Example:
        >>> print(beale()(jnp.array([1.0, 1.0])), beale().global_minimum.position)
        14.203125 (3.0, 0.5)

    Reference:
        Beale 1958, "On an iterative method for finding a local minimum of a function of more than
        one variable"; start from Moré, Garbow & Hillstrom 1981, "Testing unconstrained
        optimization software".
    """
    return Landscape(
        name="Beale",
        function=_beale,
        stationary_points=(
            StationaryPoint((3.0, 0.5), 0.0, (0.3014636465222471, 48.979786353477756)),
            StationaryPoint((0.0, 1.0), 14.203125, (-27.75, 27.75)),
            StationaryPoint(
                (0.10053793732415836, -2.644513585023125),
                9.86451228475556,
                (-0.7810271726932424, 867.7521793329279),
            ),
        ),
        domain=((-4.5, 4.5), (-4.5, 4.5)),
        start=(1.0, 1.0),
    )


def himmelblau() -> Landscape:
    """Himmelblau's function: f(x, y) = (x² + y − 11)² + (x + y² − 7)².

    Four minima, all of loss 0, four saddles and one maximum. The list is complete: the gradient
    is two cubics, which meet in nine points at most.

    Returns:
        A landscape of x of shape (2,), starting at the origin.

    Example:
        >>> surface = himmelblau()
        >>> print(len(surface.minima), len(surface.saddles), surface(jnp.array([0.0, 0.0])))
        4 4 170.0

    Reference:
        Himmelblau 1972, "Applied Nonlinear Programming".
    """
    return Landscape(
        name="Himmelblau",
        function=_himmelblau,
        stationary_points=_HIMMELBLAU_POINTS,
        domain=((-5.0, 5.0), (-5.0, 5.0)),
        start=(0.0, 0.0),
    )


def rastrigin(dimension: int = 2, amplitude: float | int = 10.0) -> Landscape:
    """Rastrigin's egg box: f(x) = Σᵢ xᵢ² + A(1 − cos 2πxᵢ), computed as xᵢ² + 2A sin² πxᵢ.

    The global minimum, the origin, is the one stationary point listed, and the list is not
    complete: each coordinate may sit near any integer k of size below about πA, so the minima
    form a lattice, with losses close to Σ kᵢ².

    Args:
        dimension: at least 1.
        amplitude: A, positive.

    Returns:
        A landscape of x of shape (dimension,), starting at (2.2, …, 2.2), by the minimum near 2.

    Raises:
        ValueError: dimension < 1, or an amplitude that is not positive.

    Example:
        >>> print(rastrigin(3)(jnp.array([0.0, 1.0, 2.0])))
        5.0

    Reference:
        Rastrigin 1974, "Systems of Extremal Control"; in any dimension: Mühlenbein, Schomisch &
        Born 1991, "The parallel genetic algorithm as function optimizer".
    """
    amplitude = float(amplitude)
    if dimension < 1:
        raise ValueError(f"dimension={dimension} must be at least 1")
    _require_positive("amplitude", amplitude)

    def function(x: Vector) -> Scalar:
        return jnp.sum(x**2 + 2 * amplitude * jnp.sin(math.pi * x) ** 2)

    curvature = 2 + amplitude * (2 * math.pi) ** 2
    return Landscape(
        name="Rastrigin",
        function=function,
        stationary_points=(StationaryPoint((0.0,) * dimension, 0.0, (curvature,) * dimension),),
        domain=((-5.12, 5.12),) * dimension,
        start=(2.2,) * dimension,
    )


def _quadratic(
    name: str, spectrum: tuple[float, ...], axes: np.ndarray | None, start: tuple[float, ...]
) -> Landscape:
    def function(x: Vector) -> Scalar:
        if axes is not None:
            # "highest": by default a GPU or TPU multiplies float32 matrices in lower precision
            x = jnp.matmul(jnp.asarray(axes.T, x.dtype), x, precision="highest")
        return 0.5 * jnp.sum(jnp.asarray(spectrum, x.dtype) * x**2)

    dimension = len(spectrum)
    origin = StationaryPoint((0.0,) * dimension, 0.0, tuple(sorted(spectrum)))
    return Landscape(name, function, (origin,), domain=((-3.0, 3.0),) * dimension, start=start)


def _finite_numbers(curvatures: Numbers) -> tuple[float, ...]:
    spectrum = np.array(curvatures, dtype=float)
    if spectrum.ndim != 1 or not spectrum.size or not np.all(np.isfinite(spectrum)):
        raise ValueError(f"curvatures={curvatures} must be one or more finite numbers in a row")
    return tuple(spectrum.tolist())


def _principal_axes(
    dimension: int, angle: float | int, rotation: ArrayLike | None
) -> np.ndarray | None:
    if rotation is None:
        if angle == 0:
            return None
        if dimension != 2 or not math.isfinite(angle):
            raise ValueError(
                f"angle={angle} with {dimension} curvatures: a finite angle turns two dimensions; "
                "for others pass rotation=, an orthogonal matrix"
            )
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        return np.array([[c, -s], [s, c]])
    if angle != 0:
        raise ValueError(f"angle={angle} and a rotation both turn the bowl: pass one of them")
    axes = np.asarray(rotation, dtype=float)
    if axes.shape != (dimension, dimension):
        raise ValueError(
            f"rotation has shape {axes.shape}, {dimension} curvatures need "
            f"({dimension}, {dimension})"
        )
    error = np.max(np.abs(axes.T @ axes - np.eye(dimension)))
    if not error <= 1e-6:
        raise ValueError(
            f"rotation is not orthogonal: RᵀR differs from the identity by {error:.2g}, at most "
            "1e-6 is allowed; numpy.linalg.qr(rotation)[0] makes its columns orthonormal"
        )
    return axes


def _require_positive(name: str, number: float | int) -> None:
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{name}={number} must be positive and finite")


def _eigenvalues(hessian: np.ndarray) -> tuple[float, ...]:
    return tuple(np.linalg.eigvalsh(hessian).tolist())


def _double_well(x: Scalar) -> Scalar:
    return x**4 / 4 - x**3 / 6 - 3 * x**2 / 4


def _pushed_double_well(x: ArrayLike, batch: ArrayLike) -> Scalar:
    x, batch = jnp.asarray(x), jnp.asarray(batch)
    if batch.size == 0:
        raise ValueError("batch is empty: the mean over it needs one example or more")
    return double_well()(x) + jnp.mean(batch) * x


def _beale(x: Vector) -> Scalar:
    x, y = x
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _himmelblau(x: Vector) -> Scalar:
    x, y = x
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


_HIMMELBLAU_POINTS = tuple(
    StationaryPoint(*row)
    for row in (
        ((3.0, 2.0), 0.0, (25.715728752538098, 82.2842712474619)),
        ((-2.805118086952745, 3.131312518250573), 0.0, (64.8403727706842, 80.55007177893319)),
        ((-3.779310253377747, -3.2831859912861696), 0.0, (70.71435474424425, 133.78561521306708)),
        ((3.5844283403304917, -1.8481265269644036), 0.0, (28.690677156755243, 105.41890833631605)),
        (
            (-3.0730257507643897, -0.08135304428796751),
            104.0151629175581,
            (-39.65149625621665, 72.43524806811875),
        ),
        (
            (0.08667750455539636, 2.884254701174776),
            67.71915008752615,
            (-31.706622362774343, 75.507609238232),
        ),
        (
            (-0.12796134673068008, -1.9537149802445763),
            178.33723920192747,
            (-50.610239320365764, 20.284049975935076),
        ),
        (
            (3.385154183607021, 0.07385187983774928),
            13.31192627040559,
            (-14.135178485450488, 97.5478781026018),
        ),
        (
            (-0.2708445906673476, -0.9230385564799815),
            181.6165215225827,
            (-45.60522929278952, -16.066019667290867),
        ),
    )
)
