"""Samplers: pure functions (key, step) -> batch. The same key and step give the same batch.

What a sampler does to the gradient is decided by how it draws. Let the gradients of the n examples
have population variance σ² (divided by n, not n − 1). The gradient of a batch of B then has

    full                          Var = 0
    mini_batch, replace=True      Var = σ²/B
    mini_batch, replace=False     Var = (σ²/B)(n − B)/(n − 1)
    epoch_shuffled                the same in one step, but the steps of an epoch sum to zero noise

The last makes a step undo the ones before it: diffusion is suppressed far below what the variance
of one step suggests. So an experiment on escape must sample with replacement, where the noise of
different steps is independent. On `jdescent.losses.double_well_examples()` at η = 0.1, batches of 4
escape after 276 steps on average with replacement and after about 3000 epoch-shuffled; of 300 runs
with epoch-shuffled batches of 8 none escaped in 20,000 steps, where 1,893 is the mean with
replacement.

Data is any pytree of arrays that share their leading axis, one entry an example; batches keep that
axis, so a loss sees (x, y) of B rows. Integers beyond int32 and numbers beyond float32 are refused,
unless ``jax_enable_x64`` is on. Keys are `jax.random.key`s or raw uint32 keys. Samplers jit (the
step may be traced) and vmap over keys; a step is an integer from 0 to 2³¹ − 1.

Reference: Cochran 1977, "Sampling Techniques", §2.6 (the factor (n − B)/(n − 1)).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from jdescent._jax import take_rows
from jdescent.core.checks import is_array, require_boolean, require_key

Sampler = Callable[[PRNGKeyArray | None, ArrayLike], PyTree]


def full(data: PyTree) -> Sampler:
    """All the data at every step, as it is: no copy, no noise. The key is ignored and may be None.

    Args:
        data: a pytree of arrays with a common leading axis.

    Returns:
        sample(key, step) -> data.

    Raises:
        ValueError: the data is empty, holds a scalar, or has unequal lengths.

    Example:
        >>> print(full(jnp.arange(3.0))(None, 0))
        [0. 1. 2.]
    """
    _number_of_examples(data)

    def sample(key: PRNGKeyArray | None, step: ArrayLike) -> PyTree:
        return data

    return sample


def one_example(data: PyTree) -> Sampler:
    """One example a step, drawn independently: `mini_batch(data, 1)`. The leading axis stays, as 1.

    Args:
        data: a pytree of arrays with a common leading axis.

    Returns:
        sample(key, step) -> batch of one row.

    Raises:
        ValueError: the data is empty, holds a scalar, or has unequal lengths; later, a missing key.

    Example:
        >>> print(one_example(jnp.arange(3.0))(jax.random.key(0), 0).shape)
        (1,)
    """
    return mini_batch(data, 1)


def mini_batch(data: PyTree, size: int, replace: bool = True) -> Sampler:
    """Batches of B examples, drawn anew at every step from all n.

    With replacement the noise of the mean gradient has variance σ²/B, without replacement
    (σ²/B)(n − B)/(n − 1), where σ² is the population variance over the n examples. Either way the
    steps are independent; see the module's text for epoch shuffling, where they are not.

    Args:
        data: a pytree of arrays with a common leading axis of length n.
        size: B, from 1 to n.
        replace: whether an example may come twice in a batch, a boolean. Without replacement each
            step sorts n random numbers: O(n log n).

    Returns:
        sample(key, step) -> batch of B rows.

    Raises:
        ValueError: the data is empty, holds a scalar, or has unequal lengths; a size outside 1 … n;
            later, a missing key.
        TypeError: the size is not an integer, or `replace` no boolean.

    Example:
        >>> x = jnp.arange(5.0)
        >>> some_x, some_y = mini_batch((x, x + 7), 3)(jax.random.key(0), 0)
        >>> print(some_x.shape, some_y - some_x)
        (3,) [7. 7. 7.]
    """
    n = _number_of_examples(data)
    _check_size(size, n)
    require_boolean("replace", replace)

    def rows(key: PRNGKeyArray, step: ArrayLike) -> Int[Array, " size"]:
        key = jax.random.fold_in(key, step)
        if replace:
            # int32: the default integer would draw other rows under enable_x64
            return jax.random.randint(key, (size,), 0, n, dtype=jnp.int32)
        return _permutation(key, n)[:size]

    return _gather(data, rows)


def epoch_shuffled(data: PyTree, size: int) -> Sampler:
    """Batches of B cut from a permutation of the n examples, a new one each epoch of n//B steps.

    Within an epoch no example comes twice; the last n mod B of the permutation are left out.
    The steps of an epoch are anti-correlated, which suppresses diffusion: see the module's text.
    The permutation is computed again at every step, O(n log n), so that a batch depends on the key
    and the step alone.

    Args:
        data: a pytree of arrays with a common leading axis of length n.
        size: B, from 1 to n.

    Returns:
        sample(key, step) -> batch of B rows.

    Raises:
        ValueError: the data is empty, holds a scalar, or has unequal lengths; a size outside 1 … n;
            later, a missing key.
        TypeError: the size is not an integer.

    Example:
        >>> sample = epoch_shuffled(jnp.arange(6), 2)
        >>> epoch = [sample(jax.random.key(0), step) for step in range(3)]
        >>> print(jnp.sort(jnp.concatenate(epoch)))
        [0 1 2 3 4 5]
    """
    n = _number_of_examples(data)
    _check_size(size, n)
    steps = n // size

    def rows(key: PRNGKeyArray, step: ArrayLike) -> Int[Array, " size"]:
        epoch, batch = jnp.divmod(step, steps)
        order = _permutation(jax.random.fold_in(key, epoch), n)
        return jax.lax.dynamic_slice_in_dim(order, batch * size, size)

    return _gather(data, rows)


def windows(sequence: ArrayLike, length: int, size: int) -> Sampler:
    """B windows of a long sequence, each from a place drawn uniformly, with replacement.

    Args:
        sequence: shape (n, …), such as the tokens of a text.
        length: entries of a window, from 1 to n.
        size: B, the number of windows.

    Returns:
        sample(key, step) -> windows of shape (B, length, …).

    Raises:
        ValueError: the sequence is a scalar or empty; a length outside 1 … n; a size below 1;
            later, a missing key.
        TypeError: length or size is not an integer.

    Example:
        >>> text = jnp.arange(100)
        >>> some = windows(text, 5, 2)(jax.random.key(0), 0)
        >>> print(some.shape, some[0] - some[0, 0])
        (2, 5) [0 1 2 3 4]
    """
    sequence = _held("sequence", sequence)
    n = _number_of_examples(sequence)
    _require_integer("length", length)
    _require_integer("size", size)
    if not 1 <= length <= n:
        raise ValueError(f"length={length} must lie between 1 and the {n} entries of the sequence")
    if size < 1:
        raise ValueError(f"size={size} must be at least 1")

    def rows(key: PRNGKeyArray, step: ArrayLike) -> Int[Array, " size length"]:
        key = jax.random.fold_in(key, step)
        first = jax.random.randint(key, (size, 1), 0, n - length + 1, dtype=jnp.int32)
        return first + jnp.arange(length, dtype=jnp.int32)[None]

    return _gather(sequence, rows)


def skip_grams(
    words: ArrayLike,
    size: int,
    window: int = 5,
    negatives: int = 5,
    noise: ArrayLike | None = None,
) -> Sampler:
    """B words of a text, each with one word from around it and k negatives from the noise.

    The place of the word is uniform among those with a whole window on both sides. Its context is
    d places to the left or right, d = 1 … c with probability proportional to c + 1 − d: what a
    window gives whose reach is drawn uniformly from 1 … c.

    Args:
        words: integers of shape (n,), the words of the text in their order, numbered from 0.
        size: B, at least 1.
        window: c, at least 1; the text must have 2c + 1 words or more.
        negatives: k, at least 1.
        noise: how likely each word is a negative, shape (V,), to be divided by the sum; by default
            its count in the text to the power 3/4.

    Returns:
        sample(key, step) -> (words (B,), contexts (B,), negatives (B, k)), integers, which
        `jdescent.losses.skip_gram` takes.

    Raises:
        ValueError: the words are not a row, or fewer than 2c + 1; noise that is not a row, or is
            negative, not finite or zero throughout; a size, window or negatives below 1; later, a
            missing key.
        TypeError: words, size, window or negatives that are not integers.

    Example:
        >>> text = jnp.arange(100)
        >>> word, context, noise = skip_grams(text, 4, window=2)(jax.random.key(0), 0)
        >>> print(word.shape, noise.shape, jnp.max(jnp.abs(context - word)))
        (4,) (4, 5) 2

    Reference:
        Mikolov, Chen, Corrado & Dean 2013, "Efficient Estimation of Word Representations in Vector
        Space", §3.2 (the window); Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed
        Representations of Words and Phrases and their Compositionality", §2.2 (the noise).
    """
    for name, number in (("size", size), ("window", window), ("negatives", negatives)):
        _require_integer(name, number)
        if number < 1:
            raise ValueError(f"{name}={number} must be at least 1")
    text = np.asarray(words)
    if not np.issubdtype(text.dtype, np.integer):
        raise TypeError(f"words are of dtype {text.dtype}: give integers, the number of each word")
    if text.ndim != 1 or text.size < 2 * window + 1 or text.min() < 0:
        raise ValueError(
            f"words of shape {text.shape} must be a row of numbers ≥ 0, at least {2 * window + 1} "
            f"for a window of {window} on both sides"
        )
    if text.max() >= 2**31:
        raise ValueError(f"words must be numbers below 2³¹, got {text.max()}")
    weights = np.bincount(text) ** 0.75 if noise is None else np.asarray(noise, float)
    if weights.ndim != 1 or not np.all(weights >= 0) or not 0 < weights.sum() < np.inf:
        raise ValueError(
            f"noise of shape {weights.shape} must be a row of finite numbers ≥ 0, not all zero"
        )
    row = jnp.asarray(text, jnp.int32)
    share = jnp.asarray(weights / weights.sum(), jnp.float32)
    reach = np.repeat(np.arange(1, window + 1), np.arange(window, 0, -1))
    steps_aside = jnp.asarray(np.concatenate([-reach, reach]), jnp.int32)

    def draw(key: PRNGKeyArray, step: ArrayLike) -> tuple[Array, Array, Array]:
        of_place, of_context, of_noise = jax.random.split(jax.random.fold_in(key, step), 3)
        # int32 and float32: the defaults would draw other rows under enable_x64
        place = jax.random.randint(of_place, (size,), window, text.size - window, jnp.int32)
        aside = jax.random.randint(of_context, (size,), 0, steps_aside.size, jnp.int32)
        drawn = jax.random.choice(of_noise, share.size, (size, negatives), p=share)
        return row[place], row[place + steps_aside[aside]], drawn.astype(jnp.int32)

    return _with_key(draw)


def _permutation(key: PRNGKeyArray, n: int) -> Int[Array, " n"]:
    return jax.random.permutation(key, jnp.arange(n, dtype=jnp.int32))


def _gather(data: PyTree, rows: Callable[..., Int[Array, " size ..."]]) -> Sampler:
    arrays = jax.tree_util.tree_map_with_path(
        lambda path, leaf: _held(f"data{jax.tree_util.keystr(path)}", leaf), data
    )

    def sample(key: PRNGKeyArray, step: ArrayLike) -> PyTree:
        chosen = rows(key, step)
        return jax.tree.map(lambda array: take_rows(array, chosen), arrays)

    return _with_key(sample)


def _with_key(draw: Callable[[PRNGKeyArray, ArrayLike], PyTree]) -> Sampler:
    def sample(key: PRNGKeyArray | None, step: ArrayLike) -> PyTree:
        if key is None:
            raise ValueError(
                "key is None, but this sampler draws at random: pass key=jax.random.key(0)"
            )
        require_key("key", key)
        return draw(key, _counted(step))

    return sample


def _counted(step: Any) -> ArrayLike:
    """The step, if it is one: fold_in would read 1.5 as 1, and 2³² + 1 as 1."""
    if not is_array(step) or not jnp.issubdtype(jnp.result_type(step), jnp.integer):
        raise TypeError(f"step={step!r} must be an integer: batch number 0, 1, 2, …")
    if jnp.shape(step) != ():
        raise ValueError(f"step has shape {jnp.shape(step)}: map over steps with jax.vmap")
    if isinstance(step, jax.core.Tracer):
        return step
    if not 0 <= int(step) < 2**31:
        raise ValueError(f"step={step} must lie between 0 and 2³¹ − 1")
    return np.int32(step)


def _held(name: str, leaf: ArrayLike) -> Array:
    """The leaf as JAX holds it: integers exactly, finite numbers finite."""
    if isinstance(leaf, jax.Array):
        return leaf
    given = np.asarray(leaf)
    if not is_array(given):
        raise TypeError(f"{name} is of dtype {given.dtype}: give numbers, such as codes of words")
    dtype = jax.dtypes.canonicalize_dtype(given.dtype)
    if given.dtype != dtype:
        with np.errstate(over="ignore"):
            kept = given.astype(dtype)
        exact = jnp.issubdtype(dtype, jnp.integer)
        same = kept == given if exact else np.isfinite(kept) == np.isfinite(given)
        if not np.all(same):
            place = tuple(np.argwhere(~same)[0].tolist())
            raise ValueError(
                f"{name} holds {given[place]} at {place}, which {dtype} does not hold: it would "
                f"become {kept[place]}. Scale the data, or set jax_enable_x64"
            )
    return jnp.asarray(given)


def _number_of_examples(data: PyTree) -> int:
    leaves = jax.tree_util.tree_leaves_with_path(data)
    shapes = {f"data{jax.tree_util.keystr(path)}": np.shape(leaf) for path, leaf in leaves}
    if not shapes:
        raise ValueError(f"data={data} holds no array: give one or more, one entry an example")
    scalars = [name for name, shape in shapes.items() if not shape]
    if scalars:
        raise ValueError(
            f"{', '.join(scalars)} is a scalar: every array needs a leading axis, one entry an "
            "example (lists are read as trees: wrap them in jnp.array)"
        )
    lengths = {name: shape[0] for name, shape in shapes.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"unequal numbers of examples: {told}; the leading axes must be equal")
    n = next(iter(lengths.values()))
    if n == 0:
        raise ValueError(
            f"data is empty: {', '.join(lengths)} has 0 examples, at least 1 is needed"
        )
    return n


def _check_size(size, n: int) -> None:
    _require_integer("size", size)
    if not 1 <= size <= n:
        raise ValueError(f"size={size} must lie between 1 and the {n} examples of the data")


def _require_integer(name: str, number) -> None:
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"{name}={number!r} must be an integer")
