"""The quadratic that an optimizer is to be stable on: ½⟨x, Hx⟩, x counted from the minimum."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jdescent.analysis.curvature.products import scalar_function
from jdescent.core.checks import real_number

FEWEST_LANES = 6
_MOST_CURVED = 1e140
_ADDITIVE = 1e-10  # rounding of float64 in products with a Hessian
_SYMMETRY = 1e-9  # of a Hessian, relative to its largest entry


@contextmanager
def mixing() -> Iterator[None]:
    """Any optimizer may mix dtypes and ranks, whatever the caller's own code may."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


class Axes(NamedTuple):
    """The eigenvectors of H, as the columns of a matrix; None where they are the coordinates."""

    columns: np.ndarray | None = None

    def along(self, vectors: np.ndarray) -> np.ndarray:
        """Coordinates of vectors (…, n) along the axes."""
        return vectors if self.columns is None else vectors @ self.columns

    def back(self, coordinates: np.ndarray) -> np.ndarray:
        """Vectors (…, n) of coordinates along the axes."""
        return coordinates if self.columns is None else coordinates @ self.columns.T


class Quadratic(NamedTuple):
    """H, by its products, and how a flat x lies in the parameters.

    Attributes:
        product: Hx of a flat x.
        unravel: the parameters of a flat x.
        size: how many numbers x has.
        scale: a positive curvature, the unit 1/scale of rates.
        described: H in words.
        axes: its eigenvectors; None where they are not known.
    """

    product: Callable[[Array], Array]
    unravel: Callable[[Array], PyTree]
    size: int
    scale: float
    described: str
    axes: Axes | None = None


def require_memory(most: Any) -> None:
    """Refuse a bound on memory that bounds nothing."""
    if not (real_number("max_memory", most) or 0) > 0:
        raise ValueError(f"max_memory must be a positive number of bytes, got {most!r}")


def require_room(numbers: int, copies: int, most: float | int) -> None:
    """Refuse to make copies of numbers, and what is computed with them, beyond a bound."""
    needed = 8 * numbers * copies * 6
    if needed > most:
        raise ValueError(
            f"{copies} copies of {numbers} numbers of parameters and state take about "
            f"{needed / 2**30:.3g} GiB, max_memory allows {most / 2**30:.3g}: raise "
            "max_memory, or give the largest curvature as a number"
        )


def quadratic(curvature: Any, loss: Any, params: Any, max_memory: float | int) -> Quadratic:
    """The quadratic of the arguments of `largest_stable_rate`; call it where float64 is on."""
    require_room(sum(map(np.size, jax.tree.leaves(params))), FEWEST_LANES, max_memory)
    found = _quadratic(curvature, loss, params)
    if not 1 / _MOST_CURVED <= found.scale <= _MOST_CURVED:
        raise ValueError(
            f"the largest curvature must lie between {1 / _MOST_CURVED:g} and {_MOST_CURVED:g}, "
            f"got {found.scale:g}, of which squares overflow or vanish: measure the loss in "
            "another unit"
        )
    return found


def _quadratic(curvature: Any, loss: Any, params: Any) -> Quadratic:
    if (curvature is None) == (loss is None):
        raise ValueError(
            "give either curvature=, a number, a spectrum or a symmetric matrix, or loss= and "
            f"params=; got {'neither' if loss is None else 'both'}"
        )
    if loss is not None:
        return _of_loss(loss, params)
    return _of_curvature(curvature, params)


def _of_curvature(curvature: Any, params: Any) -> Quadratic:
    H = _real("curvature", curvature)
    template = jnp.zeros(H.shape[:1]) if params is None else _float64("params", params)
    flat, unravel = jax.flatten_util.ravel_pytree(template)
    if flat.size == 0:
        raise ValueError("params must hold at least one number, got none")
    if H.ndim > 0 and H.shape[0] != flat.size:
        raise ValueError(
            f"curvature of shape {H.shape} is for {H.shape[0]} parameters, params has {flat.size}"
        )
    eigenvalues, axes = H, Axes()
    if H.ndim == 2:
        _require_symmetric(H)
        eigenvalues, columns = np.linalg.eigh(H)
        axes = Axes(columns)
    if not np.any(eigenvalues > 0):
        raise ValueError(
            f"curvature must have a positive eigenvalue, got {np.max(eigenvalues):g} as the "
            "largest: nothing would draw x to the minimum, and no rate be too large"
        )
    matrix = jnp.asarray(H)
    product = (lambda x: matrix @ x) if H.ndim == 2 else (lambda x: matrix * x)
    words = f"{H:g}" if H.ndim == 0 else f"{eigenvalues.min():g} to {eigenvalues.max():g}"
    return Quadratic(product, unravel, flat.size, float(eigenvalues.max()), words, axes)


def _of_loss(loss: Callable, params: Any) -> Quadratic:
    if params is None:
        raise ValueError("loss= needs params=, where its Hessian is taken")
    tree = _float64("params", params)
    at, unravel = jax.flatten_util.ravel_pytree(tree)
    if at.size == 0:
        raise ValueError("params must hold at least one number, got none")

    def gradient(x):
        return jax.grad(lambda y: jnp.asarray(loss(unravel(y)), jnp.float64))(x)

    def product(v):
        return jax.jvp(gradient, (at,), (v,))[1]

    with mixing():
        scalar_function("loss", loss, tree)
        _require_second_derivatives(product, at)
        product_of_arrays = jax.jit(product)
        _require_float64(product_of_arrays, at.size)
        scale = _largest_eigenvalue(product_of_arrays, at.size)
    return Quadratic(product, unravel, at.size, scale, f"the Hessian at params, to {scale:.6g}")


def _require_second_derivatives(product: Callable, at: Array) -> None:
    try:
        jax.eval_shape(product, at)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "loss must have second derivatives by JAX, of which loops of an unknown number of "
            f"steps and callbacks have none: {str(error).splitlines()[0]}"
        ) from error


def _require_float64(product: Callable, size: int) -> None:
    """Refuse a loss that rounds its parameters to a narrower type."""
    u, v = np.random.default_rng(0).standard_normal((2, size))
    Hu, Hv, both = (np.asarray(product(w)) for w in (u, v, u + v))
    with np.errstate(invalid="ignore"):  # of what is not finite `_largest_eigenvalue` tells
        apart = np.linalg.norm(both - Hu - Hv)
    if apart > _ADDITIVE * (np.linalg.norm(Hu) + np.linalg.norm(Hv)):
        raise ValueError(
            f"loss must compute in the float64 that it is given, got products with its Hessian "
            f"that differ by {apart / np.linalg.norm(both):.1g} of their size from additive: leave "
            "out what makes its parameters narrower, as .astype(float32) or a layer's dtype"
        )


def _largest_eigenvalue(product: Callable, size: int) -> float:
    """By 40 steps of the power method, which is near enough for a unit of rates."""
    v = np.cos(np.arange(1.0, size + 1))
    largest = 0.0
    for _ in range(40):
        v = v / np.linalg.norm(v)
        Hv = np.asarray(product(v))
        if not np.all(np.isfinite(Hv)):
            raise ValueError("the Hessian of the loss at params is not finite: it has no stability")
        largest, v = float(np.linalg.norm(Hv)), Hv
        if largest == 0:
            raise ValueError(
                "the Hessian of the loss at params is 0: it is linear there, or flatter than a "
                "quadratic as x⁴, or a kink such as |x| or relu hides its curvature, and no rate "
                "would be too large"
            )
    return largest


def _require_symmetric(H: np.ndarray) -> None:
    if H.shape[0] != H.shape[1]:
        raise ValueError(f"curvature as a matrix must be square, got shape {H.shape}")
    apart = np.abs(H - H.T).max()
    if apart > _SYMMETRY * np.abs(H).max():
        raise ValueError(
            f"curvature as a matrix must be symmetric, got {apart:g} between it and its "
            "transpose: pass (H + H.T)/2"
        )


def _real(name: str, value: Any) -> np.ndarray:
    if isinstance(value, jax.core.Tracer):
        raise TypeError(f"{name} is traced: call largest_stable_rate outside of jit, vmap and grad")
    try:
        numbers = np.asarray(value)
        real = numbers.dtype.kind in "iuf" or numbers.dtype == jnp.bfloat16
    except ValueError:
        real = False
    if not real:
        raise TypeError(f"{name} must be a real number or an array of them, got {value!r}")
    numbers = numbers.astype(np.float64)
    if numbers.ndim > 2 or numbers.size == 0:
        raise ValueError(
            f"{name} must be a number, a spectrum (n,) or a matrix (n, n), got shape "
            f"{numbers.shape}"
        )
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return numbers


def _float64(name: str, tree: PyTree) -> PyTree:
    def one(path, leaf):
        if isinstance(leaf, jax.core.Tracer):
            raise TypeError(
                f"{name} is traced: call largest_stable_rate outside of jit, vmap and grad"
            )
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            where = jax.tree_util.keystr(path)
            raise TypeError(
                f"{name} must be floating-point numbers, got {jnp.result_type(leaf)} at {where!r}"
            )
        return jnp.asarray(np.asarray(leaf, np.float64))

    return jax.tree_util.tree_map_with_path(one, tree)
