"""Losses that place things near one another: words that occur together, pairs that belong together.

A loss takes a model and gives a pure function ``loss(params, batch)``, which `jdescent.descend`
descends. No label is needed: what is near is compared with what was drawn at random.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from jdescent.core import Scalar
from jdescent.core.checks import real_number
from jdescent.core.trees import common_dtype
from jdescent.losses.inputs import as_floating, as_indices


def word_vectors(
    params: Mapping[str, ArrayLike], words: ArrayLike, contexts: ArrayLike
) -> Float[Array, "n k"]:
    """The model of word2vec: a word w and a context c score s(w, c) = v_w · u_c.

    Args:
        params: {"word": v of shape (V, d), "context": u of shape (C, d)}, one row a word. The rows
            of v are the word vectors; u serves to learn them.
        words: integers of shape (n,). As everywhere in JAX, an index past the end is read as the
            last one.
        contexts: integers of shape (n, k), the k contexts that each word is scored with.

    Returns:
        The scores s(wᵢ, cᵢⱼ), shape (n, k).

    Raises:
        ValueError: the shapes of the vectors, or of words and contexts, do not fit.
        TypeError: words or contexts that are not integers.

    Example:
        >>> params = {"word": jnp.array([[1.0, 0.0], [0.0, 2.0]]), "context": jnp.eye(2)}
        >>> print(word_vectors(params, jnp.array([1]), jnp.array([[0, 1]])))
        [[0. 2.]]

    Reference:
        Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed Representations of Words and
        Phrases and their Compositionality", §2.
    """
    v, u = as_floating(params["word"]), as_floating(params["context"])
    words, contexts = as_indices(words), as_indices(contexts)
    for name, indices in (("words", words), ("contexts", contexts)):
        if not jnp.issubdtype(indices.dtype, jnp.integer):
            raise TypeError(f"{name} are of dtype {indices.dtype}: give integers, rows of vectors")
    if v.ndim != 2 or u.ndim != 2 or v.shape[1] != u.shape[1]:
        raise ValueError(
            f"params['word'] has shape {v.shape}, params['context'] {u.shape}: they must be (V, d) "
            "and (C, d)"
        )
    if words.ndim != 1 or contexts.ndim != 2 or len(words) != len(contexts):
        raise ValueError(
            f"words have shape {words.shape}, contexts {contexts.shape}: they must be (n,) and "
            "(n, k)"
        )
    return jnp.sum(v[words][:, None] * u[contexts], axis=-1)


def skip_gram(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """Skip-gram with negative sampling: tell the words around a word from words of the noise.

    For n words wᵢ, each with a context cᵢ from its neighborhood and k negatives cᵢⱼ from the noise,
    with the scores s of the model,

        J(θ) = −(1/n) Σᵢ [ log σ(s(wᵢ, cᵢ)) + Σⱼ log σ(−s(wᵢ, cᵢⱼ)) ]

    Where every pair has a score of its own, J is least at s(w, c) = log p(c | w)/q(c) − log k, with
    q the noise: the pointwise mutual information less log k if q is the frequency of the contexts.
    Scores of zero give (1 + k) log 2.

    Args:
        model: a pure function (params, words (n,), contexts (n, k)) -> scores (n, k), such as
            `word_vectors`.

    Returns:
        loss(params, (words, contexts, negatives)), a scalar, with integers of shapes (n,), (n,) and
        (n, k), as `jdescent.batches.skip_grams` draws them. It raises ValueError where they or
        the scores do not fit, or are empty.

    Example:
        >>> loss = skip_gram(word_vectors)
        >>> params = {"word": jnp.zeros((9, 2)), "context": jnp.zeros((9, 2))}
        >>> batch = jnp.array([0, 1]), jnp.array([1, 2]), jnp.array([[7, 8, 4], [5, 0, 4]])
        >>> print(loss(params, batch).round(4))  # 4 log 2
        2.7726

    Reference:
        Mikolov, Sutskever, Chen, Corrado & Dean 2013, "Distributed Representations of Words and
        Phrases and their Compositionality", equation 4; the minimum: Levy & Goldberg 2014, "Neural
        Word Embedding as Implicit Matrix Factorization", equation 7.
    """

    def loss(params: PyTree, batch: tuple) -> Float[Array, ""]:
        words, contexts, negatives = (as_indices(part) for part in batch)
        n = words.size
        if words.ndim != 1 or contexts.shape != (n,) or negatives.shape[:1] != (n,):
            raise ValueError(
                f"words have shape {words.shape}, contexts {contexts.shape}, negatives "
                f"{negatives.shape}: they must be (n,), (n,) and (n, k)"
            )
        if negatives.ndim != 2 or negatives.size == 0:
            raise ValueError(
                f"negatives have shape {negatives.shape}: they must be (n, k) with n, k ≥ 1"
            )
        near, far = model(params, words, contexts[:, None]), model(params, words, negatives)
        if near.shape != (n, 1) or far.shape != negatives.shape:
            raise ValueError(
                f"the model gives scores of shape {near.shape} for the contexts and {far.shape} "
                f"for the negatives: they must be {(n, 1)} and {negatives.shape}"
            )
        wide = common_dtype(near, jnp.float32)  # the sum overflows float16
        cost_near = jnp.sum(jax.nn.softplus(-near), dtype=wide)
        cost_far = jnp.sum(jax.nn.softplus(far), dtype=wide)
        return ((cost_near + cost_far) / n).astype(near.dtype)

    return loss


def contrastive(
    model: Callable[..., Array],
    temperature: Scalar = 0.1,
    other_model: Callable[..., Array] | None = None,
) -> Callable[..., Float[Array, ""]]:
    """InfoNCE, or multiple negatives: find the partner of each among the partners of the batch.

    For n pairs (xᵢ, yᵢ), with the cosines of their embeddings over the temperature,
    sᵢⱼ = cos(f(xᵢ), g(yⱼ))/τ, it is the mean of two cross-entropies, of finding y from x and x
    from y:

        J(θ) = −(1/2n) Σᵢ [ log softmaxⱼ(sᵢⱼ)[i] + log softmaxⱼ(sⱼᵢ)[i] ]

    Chance scores log n. The least there is, where partners coincide and the n places are the
    corners of a regular simplex, is log(1 + (n − 1) exp(−n/((n − 1)τ))). Differs from SimCLR's
    NT-Xent (`optax.losses.ntxent`), where the x of the other pairs are negatives of x as well.

    Args:
        model: f, a pure function (params, x) -> embeddings of shape (n, d), of any length.
        temperature: τ > 0; the smaller, the more the nearest negatives count.
        other_model: g, a pure function (params, y) -> embeddings of shape (n, d), where the two
            sides of a pair differ in kind, such as pictures and captions; by default f again.

    Returns:
        loss(params, (x, y)), a scalar. It raises ValueError where the embeddings are not (n, d) and
        (n, d), or where n = 1, which leaves nothing to tell apart. An embedding of zeros has
        cosine 0 with all.

    Raises:
        TypeError: a temperature that is not a real number.
        ValueError: a temperature that is not positive and finite.

    Example:
        >>> loss = contrastive(lambda theta, x: x + theta, temperature=1.0)
        >>> print(loss(0.0, (jnp.eye(2), 3 * jnp.eye(2))).round(4))  # log(1 + 1/e)
        0.3133

    Reference:
        van den Oord, Li & Vinyals 2018, "Representation Learning with Contrastive Predictive
        Coding", equation 4; symmetric: Radford et al. 2021, "Learning Transferable Visual Models
        From Natural Language Supervision", figure 3.
    """
    number = real_number("temperature", temperature)
    if number is not None and not 0 < number < float("inf"):
        raise ValueError(f"temperature must be > 0 and finite, got {number}")
    other = model if other_model is None else other_model

    def loss(params: PyTree, batch: tuple) -> Float[Array, ""]:
        x, y = batch
        a, b = as_floating(model(params, x)), as_floating(other(params, y))
        if a.ndim != 2 or a.shape != b.shape:
            raise ValueError(
                f"the embeddings have shapes {a.shape} and {b.shape}: both must be (n, d)"
            )
        if len(a) < 2:
            raise ValueError(f"{len(a)} pair: two or more are needed, each the others' negatives")
        # "highest": by default a GPU or TPU multiplies float32 matrices in lower precision
        cosines = jnp.matmul(_of_length_one(a), _of_length_one(b).T, precision="highest")
        s = cosines / jnp.asarray(temperature, cosines.dtype)
        found = jnp.diagonal(jax.nn.log_softmax(s, axis=1) + jax.nn.log_softmax(s, axis=0))
        return -jnp.mean(found) / 2

    return loss


def _of_length_one(rows: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Each row divided by its norm, which neither overflows nor vanishes; zeros stay zeros."""
    largest = lax.stop_gradient(jnp.max(jnp.abs(rows), axis=1, keepdims=True))
    scaled = rows / jnp.where(largest > 0, largest, 1)
    square = jnp.sum(scaled**2, axis=1, keepdims=True)
    return scaled * lax.rsqrt(jnp.where(square > 0, square, 1))
