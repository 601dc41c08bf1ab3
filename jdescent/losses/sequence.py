"""The loss of a model of sequences, which predicts each token from those before it."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from jdescent.losses.classification import cross_entropy
from jdescent.losses.inputs import as_indices


def next_token(model: Callable[..., Array]) -> Callable[..., Float[Array, ""]]:
    """The cross-entropy of predicting each token of a window from those before it, in nats.

    For B windows of T + 1 tokens, of which the last T are predicted,

        J(θ) = −1/(BT) Σ_b Σ_{t=1..T} log p_θ(x_{b,t} | x_{b,0}, …, x_{b,t−1})

    where p_θ is the softmax of the model's V logits at position t − 1. Divided by log 2 it is bits
    per token. Equal probabilities score log V.

    Args:
        model: a pure function (params, tokens) -> logits, from integer tokens of shape (B, T) to
            (B, T, V). It must be causal: its logits at a position depend on the tokens up to that
            one alone. This is not checked, and a model that looks ahead scores too well.

    Returns:
        loss(params, tokens), a scalar, with integer tokens of shape (B, T + 1), as
        `jdescent.batches.windows` draws them. A token to be predicted that is outside
        0 … V−1 makes it NaN. It raises ValueError if there is none to predict or the logits are
        not (B, T, V), TypeError if the tokens are not integers.

    Example:
        >>> def bigram(params, tokens):  # row i holds the logits of what follows token i
        ...     return params[tokens]
        >>> windows = jnp.array([[0, 1, 0, 1], [1, 0, 1, 0]])
        >>> print(next_token(bigram)(jnp.zeros((2, 2)), windows).round(4))  # log 2
        0.6931
        >>> print(next_token(bigram)(jnp.array([[-9.0, 9.0], [9.0, -9.0]]), windows).round(4))
        0.0

    Reference:
        Bengio, Ducharme, Vincent & Jauvin 2003, "A Neural Probabilistic Language Model", §2.
    """
    loss_of_labels = cross_entropy(model)

    def loss(params: PyTree, tokens: ArrayLike) -> Float[Array, ""]:
        tokens = as_indices(tokens)
        if tokens.ndim != 2 or tokens.shape[1] < 2:
            raise ValueError(
                f"tokens have shape {tokens.shape}: they must be windows of shape (B, T + 1) with "
                "T ≥ 1, each token predicted from those before it"
            )
        if not jnp.issubdtype(tokens.dtype, jnp.integer):
            raise TypeError(f"tokens are of dtype {tokens.dtype}: give integers, from 0 to V − 1")
        return loss_of_labels(params, (tokens[:, :-1], tokens[:, 1:]))

    return loss
