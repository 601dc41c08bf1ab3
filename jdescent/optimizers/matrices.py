"""Parameters as matrices: which of their axes are inputs and outputs, and their nearest orthogonal
matrix."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jdescent._jax import laid_like, tree_broadcast, whole
from jdescent.core import Optimizer, norm, partition
from jdescent.core.checks import require_real_scalar
from jdescent.core.masks import spread
from jdescent.core.trees import name_of
from jdescent.numerics import ratio, root


class MuonDimensionNumbers(NamedTuple):
    """Which axes of an array are the inputs and the outputs of a matrix, as optax names them.

    The others are a batch: each matrix is taken for itself. JAX's layers keep x @ W, inputs first;
    torch's weights are outputs first: ``MuonDimensionNumbers(1, 0)``.
    """

    reduction_axis: int | Sequence[int] = 0
    output_axis: int | Sequence[int] = 1

    def of_rank(self, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axes of the inputs and of the outputs, from 0 on."""
        if ndim < 2:
            raise ValueError(f"a matrix has 2 axes or more, got an array of {ndim}: name it None")
        inputs, outputs = (
            tuple(axis % ndim for axis in ((a,) if isinstance(a, int) else a)) for a in self
        )
        if set(inputs) & set(outputs):
            raise ValueError(f"an axis is an input or an output, got both in {self}")
        return inputs, outputs

    def axes(self, ndim: int) -> tuple[int, ...]:
        inputs, outputs = self.of_rank(ndim)
        return inputs + outputs

    def sizes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The numbers of outputs and inputs."""
        inputs, outputs = self.of_rank(len(shape))
        return math.prod(shape[a] for a in outputs), math.prod(shape[a] for a in inputs)


INPUTS_FIRST = MuonDimensionNumbers()


def as_matrices(
    x: Array, dimension_numbers: MuonDimensionNumbers = INPUTS_FIRST
) -> Float[Array, "... outputs inputs"]:
    """The matrices in an array, outputs × inputs, behind the axes of the batch.

    Example:
        >>> as_matrices(jnp.zeros((5, 2, 3, 4)), MuonDimensionNumbers(0, (1, 3))).shape
        (3, 8, 5)
    """
    batch, order = _orders(x, dimension_numbers)
    moved = whole(x).transpose(order)
    return moved.reshape(*(x.shape[a] for a in batch), *dimension_numbers.sizes(x.shape))


def as_array(
    matrices: Array, like: Array, dimension_numbers: MuonDimensionNumbers = INPUTS_FIRST
) -> Array:
    """The inverse: an array of these matrices, laid out as `like` is."""
    _, order = _orders(like, dimension_numbers)
    moved = matrices.reshape([like.shape[a] for a in order])
    return laid_like(like, moved.transpose(sorted(range(like.ndim), key=lambda a: order[a])))


def _orders(x: Array, dimension_numbers: MuonDimensionNumbers) -> tuple[tuple[int, ...], ...]:
    """The axes of the batch, and all axes: those, the outputs, the inputs."""
    inputs, outputs = dimension_numbers.of_rank(x.ndim)
    batch = tuple(a for a in range(x.ndim) if a not in inputs + outputs)
    return batch, batch + outputs + inputs


def matrixwise(
    function: Callable, x: Array, dimension_numbers: MuonDimensionNumbers = INPUTS_FIRST
) -> Array:
    """A function from a matrix to one of its shape, outputs × inputs, of every matrix in an array.

    Example:
        >>> print(matrixwise(lambda w: w / w.sum(1, keepdims=True), jnp.array([[1.0, 2], [3, 2]])))
        [[0.25 0.5 ]
         [0.75 0.5 ]]
    """
    of_each = jnp.vectorize(function, signature="(m,n)->(m,n)")
    return as_array(of_each(as_matrices(x, dimension_numbers)), x, dimension_numbers)


# -- the nearest orthogonal matrix -----------------------------------------------------------------

Coefficients = tuple[tuple[float, float, float], ...]

PRESETS: dict[str, Coefficients] = {
    "standard": ((3.4445, -4.7750, 2.0315),),
    "dion": (
        (4.0848, -6.8946, 2.9270),
        (3.9505, -6.3029, 2.6377),
        (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046),
        (2.8366, -3.0525, 1.2012),
    ),
}


def coefficients(name: str, value: Any) -> Coefficients:
    """Rows (a, b, c) of numbers, from one row, many, or the name of a preset."""
    if isinstance(value, str):
        if value not in PRESETS:
            raise ValueError(f"{name} must be one of {sorted(PRESETS)} or numbers, got {value!r}")
        return PRESETS[value]
    try:
        rows = tuple(value)
        is_one = not any(isinstance(row, Sequence) or getattr(row, "ndim", 0) for row in rows)
        rows = (rows,) if is_one else tuple(map(tuple, rows))
    except TypeError as error:
        raise TypeError(f"{name} must be three numbers, or rows of three, got {value!r}") from error
    if not rows or any(len(row) != 3 for row in rows):
        raise ValueError(f"{name} must be three numbers, or rows of three, got {value!r}")
    for number in (number for row in rows for number in row):
        require_real_scalar(name, number)
    return rows


def steps_of(ns_coeffs: Coefficients, ns_steps: int) -> Coefficients:
    return ns_coeffs * ns_steps if len(ns_coeffs) == 1 else ns_coeffs


@functools.partial(jax.jit, static_argnames="preconditioning")
def newton_schulz(
    x: Float[Array, "m n"], steps: Any, preconditioning: str = "frobenius", eps: Any = 0.0
) -> Float[Array, "m n"]:
    """Nearly the orthogonal factor U·Vᵀ of x = U·S·Vᵀ, by products of matrices alone.

        X ← x/‖x‖                       singular values within [0, 1]
        X ← a·X + (b·A + c·A²)·X        of A = X·Xᵀ, for each (a, b, c)

    Every singular value s of x/‖x‖ becomes p(…p(s)) with p(s) = a·s + b·s³ + c·s⁵; singular vectors
    stay. 0 for x = 0.

    Example:
        >>> x = jnp.diag(jnp.array([3.0, -1.0]))
        >>> print(jnp.diag(newton_schulz(x, 12 * ((1.875, -1.25, 0.375),))))
        [ 1. -1.]
    """
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T, steps, preconditioning=preconditioning, eps=eps).T
    x = bounded(ratio(x, norm(x), eps), preconditioning)
    for a, b, c in steps:
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def bounded(x: Float[Array, "m n"], preconditioning: str) -> Float[Array, "m n"]:
    """A matrix of ‖x‖_F = 1, scaled up as far as a bound of its singular values allows."""
    if preconditioning == "frobenius":
        return x
    if preconditioning == "spectral":
        return ratio(x, jnp.linalg.norm(x, 2))
    gram = x @ x.T
    if preconditioning == "schatten":
        return ratio(x, root(norm(gram)))
    return ratio(x, root(jnp.sum(jnp.abs(gram), 1, keepdims=True)))  # "aol": each row for itself


# -- matrices here, other parameters there ---------------------------------------------------------

DimensionNumbers = PyTree | Callable[[PyTree], PyTree]


def matrices_and_others(
    make: Callable[[MuonDimensionNumbers, Any], Optimizer],
    others: Optimizer,
    dimension_numbers: DimensionNumbers = None,
    mask: Any = None,
) -> Optimizer:
    """One optimizer for parameters that are matrices, another for the others.

    Args:
        make: from dimension numbers and a mask of the matrices that have them to an optimizer.
        others: of the parameters whose dimension numbers are None.
        dimension_numbers: a tree of them, of None for other parameters, like the parameters or a
            prefix, or a function to it; None for all arrays of two axes, inputs × outputs.
        mask: booleans of all parameters, or None; see `Coefficient`.
    """

    def parts_of(params):
        numbers = numbers_of(params, dimension_numbers)
        kinds = dict.fromkeys([n for n in numbers if n is not None] or [INPUTS_FIRST])
        names = {None: "adam"} | {n: f"muon{i or ''}" for i, n in enumerate(kinds)}
        labels = jax.tree.structure(params).unflatten([names[n] for n in numbers])
        own_mask = None if mask is None else _by_path(spread("mask", mask, params))
        parts = {names[n]: make(n, own_mask) for n in kinds}
        return partition(labels, adam=others, **parts)

    def init(params):
        return parts_of(params).init(params)

    def update(grads, state, params=None, **extra):
        parts = parts_of(grads if params is None else params)
        return parts.update(grads, state, params, **extra)

    update.reads = _reads(make(INPUTS_FIRST, None), others)  # type: ignore[attr-defined]
    return Optimizer(init, update)


def _reads(*parts: Optimizer) -> tuple[str, ...]:
    """What the parts read, and all that they may if one does not say."""
    read = (name for part in parts for name in getattr(part.update, "reads", ("extra",)))
    return tuple(dict.fromkeys(read))


def numbers_of(params: PyTree, dimension_numbers: DimensionNumbers) -> list:
    """The dimension numbers of each leaf, in tuples; None where it is no matrix."""
    leaves = jax.tree.leaves(params)
    if dimension_numbers is None:
        return [INPUTS_FIRST if x.ndim == 2 else None for x in leaves]
    tree = dimension_numbers(params) if callable(dimension_numbers) else dimension_numbers
    given = jax.tree.map(_Held, tree, is_leaf=lambda n: n is None or hasattr(n, "output_axis"))
    held = jax.tree.leaves(tree_broadcast(given, params))
    rows = zip(held, leaves, strict=True)
    return [None if h.n is None else hashable(h.n, x.ndim) for h, x in rows]


def hashable(numbers: Any, ndim: int) -> MuonDimensionNumbers:
    return MuonDimensionNumbers(*MuonDimensionNumbers(*numbers).of_rank(ndim))


class _Held:
    """Dimension numbers as a leaf."""

    def __init__(self, n: Any):
        self.n = n


def _by_path(mask: PyTree) -> Callable[[dict], dict]:
    """The mask of a part of a partition, from the mask of the whole."""
    of = {name_of(path): flag for path, flag in jax.tree_util.tree_leaves_with_path(mask)}
    return lambda part: {path: of[path] for path in part}
