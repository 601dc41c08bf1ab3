"""A tree of arrays as one vector of a linear space, for equations of the whole tree."""

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jdescent._jax import laid_like, normal_like, whole
from jdescent.core.trees import common_dtype, global_norm
from jdescent.numerics import ratio


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True)
class Vector:
    """A tree of arrays with + − · / ** and abs, element by element; a number acts on all of them.

    ``Vector.of(tree)`` makes one, ``vector.tree`` gives the tree back. (It is kept as its leaves,
    as some nodes of trees check what they are built of.)

    Example:
        >>> g = Vector.of({"w": jnp.array([3.0, 0.0]), "b": jnp.array(4.0)})
        >>> print(norm(g), (2 * g - g / 2).tree["b"], dot(g, g), g.flat)
        5.0 6.0 25.0 [4. 3. 0.]
    """

    leaves: tuple
    structure: Any

    @classmethod
    def of(cls, tree: PyTree) -> "Vector":
        leaves, structure = jax.tree.flatten(tree)
        return cls(tuple(leaves), structure)

    @property
    def tree(self) -> PyTree:
        return self.structure.unflatten(self.leaves)

    def tree_flatten(self):
        return self.leaves, self.structure

    @classmethod
    def tree_unflatten(cls, structure, leaves):
        return cls(tuple(leaves), structure)

    def map(self, function: Callable, *others: "Vector") -> "Vector":
        """The function of each array, and of those of other vectors at its place."""
        rows = zip(self.leaves, *(other.leaves for other in others), strict=True)
        return Vector(tuple(function(*row) for row in rows), self.structure)

    @property
    def flat(self) -> Array:
        """All elements in one array of one axis, whole on every device."""
        dtype = common_dtype(jnp.float32, *self.leaves)
        parts = [whole(leaf).astype(dtype).reshape(-1) for leaf in self.leaves]
        return jnp.concatenate([jnp.zeros(0, dtype), *parts])

    def with_flat(self, elements: Array) -> "Vector":
        """The vector shaped like this one that has these elements: the inverse of `flat`."""
        ends = np.cumsum([leaf.size for leaf in self.leaves])[:-1]
        parts = jnp.split(elements, ends)
        return self.map(
            lambda leaf, part: laid_like(leaf, part.reshape(leaf.shape).astype(leaf.dtype)),
            Vector(tuple(parts), self.structure),
        )

    def _with(self, function: Callable, other: Any) -> "Vector":
        if isinstance(other, Vector):
            return self.map(function, other)
        return self.map(lambda a: function(a, jnp.asarray(other, a.dtype)))

    def __add__(self, other: Any) -> "Vector":
        return self._with(operator.add, other)

    __radd__ = __add__

    def __mul__(self, other: Any) -> "Vector":
        return self._with(operator.mul, other)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> "Vector":
        return self._with(operator.sub, other)

    def __rsub__(self, other: Any) -> "Vector":
        return self._with(lambda a, b: b - a, other)

    def __truediv__(self, other: Any) -> "Vector":
        return self._with(operator.truediv, other)

    def __rtruediv__(self, other: Any) -> "Vector":
        return self._with(lambda a, b: b / a, other)

    def __pow__(self, power: Any) -> "Vector":
        return self.map(lambda a: a**power)

    def __neg__(self) -> "Vector":
        return self.map(operator.neg)

    def __abs__(self) -> "Vector":
        return self.map(abs)


def each(function: Callable, *vectors: Vector) -> Vector:
    """The function of the arrays of vectors, place by place.

    Example:
        >>> print(each(jnp.sign, Vector.of([jnp.array([-2.0, 3.0])])).tree[0])
        [-1.  1.]
    """
    first, *others = vectors
    return first.map(function, *others)


def quotient(a: Vector, b: Any) -> Vector:
    """a/b element by element, of a vector or a number b ≥ 0, and 0 for 0/0: see `ratio`.

    Example:
        >>> print(quotient(Vector.of([jnp.array([0.0, 3.0])]), jnp.float32(2)).tree[0])
        [0.  1.5]
    """
    return a._with(ratio, b)


def normals(key: Any, like: Vector) -> Vector:
    """Standard normals shaped like the vector, those of leaf i drawn from fold_in(key, i).

    Example:
        >>> z = normals(jax.random.key(0), Vector.of([jnp.zeros(10_000), jnp.zeros(10_000)]))
        >>> print(abs(dot(*z.leaves)) < 500, jnp.std(z.flat).round(1))
        True 1.0
    """
    drawn = (normal_like(jax.random.fold_in(key, i), leaf) for i, leaf in enumerate(like.leaves))
    return Vector(tuple(drawn), like.structure)


def dot(a: Any, b: Any) -> Array:
    """Σ aᵢ·bᵢ over all elements of all arrays, in float32 or wider.

    Example:
        >>> print(dot({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([3.0, 4.0])}))
        11.0
    """
    pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    dtype = common_dtype(jnp.float32, *(leaf for pair in pairs for leaf in pair))
    products = (jnp.sum(x.astype(dtype) * y.astype(dtype)) for x, y in pairs)
    return functools.reduce(operator.add, products, jnp.zeros((), dtype))


def norm(a: Any) -> Array:
    """‖a‖₂ over all elements of a vector, a tree or an array; see `global_norm`.

    Example:
        >>> print(norm(jnp.array([3.0, 4.0])))
        5.0
    """
    return global_norm(a)


def total(a: Any) -> Array:
    """Σ aᵢ over all elements of all arrays, in float32 or wider.

    Example:
        >>> print(total([jnp.array([3.0, 4.0]), jnp.array(5.0)]))
        12.0
    """
    leaves = jax.tree.leaves(a)
    dtype = common_dtype(jnp.float32, *leaves)
    sums = (jnp.sum(x.astype(dtype)) for x in leaves)
    return functools.reduce(operator.add, sums, jnp.zeros((), dtype))
