"""How far to go along a step that is given: put after an optimizer in a chain."""

from typing import Annotated, Any, Literal, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jdescent.core import (
    Count,
    Fraction,
    NonNegative,
    Optimizer,
    Positive,
    Vector,
    dot,
    norm,
    optimizer,
    quotient,
    treewise,
)
from jdescent.numerics import ratio

Guess = Annotated[
    Literal["one", "keep"], "where the search begins: at 1 or where the last one ended"
]


class Point(NamedTuple):
    """A place on the line x + α·u: the distance α·‖u‖, the loss, and its slope by distance.

    φ′(α) would be a product of a gradient and a step, which is 0 where both are small.
    """

    far: Array
    loss: Array
    slope: Array


@optimizer
def zoom_linesearch(
    max_linesearch_steps: Annotated[Count, "losses and gradients to try at most"] = 20,
    max_learning_rate: Annotated[
        Positive | None, "α is at most this, without bound if None"
    ] = None,
    increase_factor: Annotated[Positive, "of α while the minimum is not bracketed"] = 2.0,
    slope_rtol: Annotated[Fraction, "c₁"] = 1e-4,
    curv_rtol: Annotated[NonNegative, "c₂"] = 0.9,
    approx_dec_rtol: Annotated[NonNegative | None, "c₃; none of it if None"] = 1e-6,
    initial_guess_strategy: Guess = "one",
) -> Optimizer:
    """Go as far along a step as the strong Wolfe conditions ask.

        φ(α) = L(x + α·u)               u the step that comes in
        φ(α) ≤ φ(0) + c₁·α·φ′(0)        sufficient decrease
        |φ′(α)| ≤ c₂·|φ′(0)|            curvature
        x ← x + α·u

        α₁ ← 1, lo ← 0, hi ← ∞
        repeat: not enough decrease or φ(α) ≥ φ(lo):    hi ← α
                curvature holds:                        stop
                φ′(α)·(hi − lo) ≥ 0:                    hi ← lo, lo ← α
                otherwise:                              lo ← α
                α ← 2·α while hi = ∞, then the minimum of the cubic between lo and hi,
                or their middle where that lies within a tenth of an end

    Algorithms 3.5 and 3.6 of the book in one: the first is the second with hi = ∞. Where rounding
    hides the decrease, |φ(α) − φ(0)| ≤ c₃·|φ(0)|, slopes decide: φ′(α) ≤ (2c₁ − 1)·φ′(0). After
    the last try α is lo, so 0 if nothing was lower; 0 also where u does not descend, φ′(0) ≥ 0.
    ``state.last`` is the last α that was not 0. Not differentiable in reverse.

    Differs from: optax.scale_by_zoom_linesearch tries quadratics besides the cubic, accepts within
    `tol`, and stops at an interval of `stepsize_precision`.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.chain(jd.sgd(1.0), jd.zoom_linesearch(curv_rtol=0.1))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(path.params, path.state[1].last)
        3.0 0.5

    Reference: J. Nocedal and S. J. Wright, 2006, Numerical Optimization, Algorithms 3.5 and 3.6,
    the cubic eq. (3.59); W. W. Hager and H. Zhang, 2006, Algorithm 851, the approximate
    Wolfe conditions, for rounding.
    """

    def rule(g, x, loss, loss_at, grad_at, extra, last):
        u, length, direction = g, norm(g), quotient(g, norm(g))

        def along(far) -> Point:
            y = x + ratio(far, length) * u
            return Point(far, loss_at(y), dot(grad_at(y), direction))

        slope = dot(_true_gradient(extra, grad_at, x), direction)
        first = length if initial_guess_strategy == "one" else last * length
        most = jnp.inf if max_learning_rate is None else max_learning_rate * length
        start = Point(jnp.zeros_like(loss), loss, slope)
        wolfe = _Wolfe(start, slope_rtol, curv_rtol, approx_dec_rtol)
        far = wolfe.search(along, first, increase_factor, most, max_linesearch_steps)
        alpha = ratio(far, length)
        return alpha * u, jnp.where(alpha > 0, alpha, last)

    return treewise(rule, last=1.0)


@optimizer
def backtracking_linesearch(
    max_backtracking_steps: Annotated[Count, "losses to try at most"] = 30,
    slope_rtol: Annotated[Fraction, "c₁"] = 1e-4,
    decrease_factor: Annotated[Fraction, "ρ, of α after each try"] = 0.8,
    increase_factor: Annotated[Positive, "of the last α, where the search begins"] = 1.5,
    max_learning_rate: Annotated[Positive | None, "α begins at most here; no bound if None"] = 1.0,
) -> Optimizer:
    """Shorten a step until the loss decreases enough (Armijo).

        φ(α) = L(x + α·u)               u the step that comes in
        α ← min(1.5·α, max)             of the last search
        while φ(α) > φ(0) + c₁·α·φ′(0): α ← ρ·α
        x ← x + α·u

    After the last try α is 0, as nothing was low enough; 0 also where u does not descend.
    ``state.last`` is the last α that was not 0.

    Differs from: optax.scale_by_backtracking_linesearch needs its number of tries said, and takes
    the last of them though it be too long.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.chain(jd.sgd(4.0), jd.backtracking_linesearch(decrease_factor=0.5))
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), optimizer, steps=1)
        >>> print(path.params, path.state[1].last)
        3.0 0.125

    Reference: L. Armijo, 1966; J. Nocedal and S. J. Wright, 2006, Numerical Optimization,
    Algorithm 3.1.
    """

    def rule(g, x, loss, loss_at, grad_at, extra, last):
        gradient = _true_gradient(extra, grad_at, x)
        cosine = dot(quotient(gradient, norm(gradient)), quotient(g, norm(g)))
        slope = norm(gradient) * norm(g) * cosine
        most = jnp.inf if max_learning_rate is None else max_learning_rate

        def is_too_long(alpha):
            return ~(loss_at(x + alpha * g) <= loss + slope_rtol * alpha * slope)

        def goes_on(carry):
            _, tries, too_long = carry
            return too_long & (tries < max_backtracking_steps)

        def shorten(carry):
            alpha, tries, _ = carry
            alpha = decrease_factor * alpha
            return alpha, tries + 1, is_too_long(alpha)

        first = jnp.minimum(increase_factor * last, most)
        alpha, _, failed = lax.while_loop(goes_on, shorten, (first, 1, is_too_long(first)))
        found = ~failed & (cosine < 0)  # where the slope may be 0 by rounding
        return jnp.where(found, alpha, 0) * g, jnp.where(found, alpha, last)

    return treewise(rule, last=1.0)


def _true_gradient(extra: dict, grad_at: Any, x: Vector) -> Vector:
    """The loss's own gradient, which a chain may have changed before the step was made of it."""
    grad = extra.get("grad")
    return grad_at(x) if grad is None else Vector.of(grad)


class _Search(NamedTuple):
    far: Array  # to be tried next
    lo: Point
    hi: Point
    tries: Array
    found: Array


class _Wolfe:
    """The conditions on a point of a line that begins at φ(0), φ′(0), and the search for one."""

    def __init__(self, start: Point, c1, c2, c3):
        self.start, self.c1, self.c2, self.c3 = start, c1, c2, c3

    def search(self, along, first, factor, most, tries):
        """How far to go."""
        zero = self.start.far
        begin = _Search(
            jnp.minimum(jnp.asarray(first, zero.dtype), most),
            self.start,
            self.start._replace(far=zero + jnp.inf),
            jnp.zeros((), jnp.int32),
            ~(self.start.slope < 0),
        )

        def goes_on(search):
            return ~search.found & (search.tries < tries)

        def move(search):
            return self._after(search, along(search.far), factor, most)

        return lax.while_loop(goes_on, move, begin).lo.far

    def _after(self, search: _Search, point: Point, factor, most) -> _Search:
        """Algorithm 3.6, its steps after the point is known."""
        lo, hi, start = search.lo, search.hi, self.start
        decreases = point.loss <= start.loss + self.c1 * point.far * start.slope
        is_level = self._is_level(point)
        is_high = ~is_level & (~decreases | (point.loss >= lo.loss))
        found = ~is_high & (jnp.abs(point.slope) <= self.c2 * jnp.abs(start.slope))
        turns = point.slope * (hi.far - lo.far) >= 0
        new_hi = _either(is_high, point, _either(turns, lo, hi))
        new_lo = _either(is_high, lo, point)
        at_the_end = ~is_high & (point.far >= most)
        far = jnp.where(
            new_hi.far == jnp.inf,
            jnp.minimum(factor * point.far, most),
            between(new_lo, new_hi),
        )
        return _Search(far, new_lo, new_hi, search.tries + 1, found | at_the_end)

    def _is_level(self, point: Point) -> Array:
        """Whether losses differ by too little to tell, and the slope says that it is lower."""
        if self.c3 is None:
            return jnp.array(False)
        start = self.start
        near = jnp.abs(point.loss - start.loss) <= self.c3 * jnp.abs(start.loss)
        return near & (point.slope <= (2 * self.c1 - 1) * start.slope)


def between(lo: Point, hi: Point) -> Array:
    """The minimum of the cubic through two points and their slopes, kept off their ends."""
    width = hi.far - lo.far
    d1 = lo.slope + hi.slope + 3 * (lo.loss - hi.loss) / width
    unit = jnp.maximum(jnp.abs(d1), jnp.maximum(jnp.abs(lo.slope), jnp.abs(hi.slope)))
    d2 = jnp.sqrt((d1 / unit) ** 2 - (lo.slope / unit) * (hi.slope / unit)) * unit
    d2 = jnp.sign(width) * d2
    share = 1 - (hi.slope + d2 - d1) / (hi.slope - lo.slope + 2 * d2)
    inside = (share > 0.1) & (share < 0.9)  # not so of NaN
    return lo.far + width * jnp.where(inside, share, 0.5)


def _either(condition, this: Point, that: Point) -> Point:
    return Point(*(jnp.where(condition, a, b) for a, b in zip(this, that, strict=True)))
