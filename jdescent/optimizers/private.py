"""Descent that tells little of any one example: each gradient clipped, and noise in their mean."""

from typing import Annotated

import jax
import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Key,
    NonNegative,
    Optimizer,
    Positive,
    Rate,
    Seed,
    chain,
    normals,
    optimizer,
    treewise,
)
from jdescent.core.contract import Params, Updates
from jdescent.optimizers.momentum import sgd
from jdescent.transforms import clip_by_global_norm

Clip = Annotated[Positive, "C, in the units of the gradient"]
NoiseMultiplier = Annotated[NonNegative, "σ, the noise in the sum over C"]
SecretKey = Annotated[Key | None, "secret, as is the seed: who knows it can take the noise away"]
SecretSeed = Annotated[Seed | None, "of the key, in its place"]


@optimizer
def differentially_private_aggregate(
    l2_norm_clip: Clip,
    noise_multiplier: NoiseMultiplier,
    key: SecretKey = None,
    *,
    seed: SecretSeed = None,
) -> Optimizer:
    """The mean of the gradients of examples, each clipped, with noise; put it first in a chain.

        gᵢ ← gᵢ/max(1, ‖gᵢ‖/C)          of example i, ‖·‖ over all parameters
        g ← (Σᵢ gᵢ + σ·C·z)/n           z standard normal, fresh for each step

    Gradients have an axis of n examples before those of the parameters, as of
    ``jax.vmap(jax.grad(loss), (None, 0))``; the updates have not.

    One example changes Σᵢ gᵢ by at most C, which is what the noise hides. How much privacy that is
    after so many steps, (ε, δ), an accountant says, and there is none here; it assumes batches in
    which every example is with the same chance and apart from others, as of none of
    `jdescent.batches`, and real numbers, not float32.

    Differs from: the paper divides by the expected n, which is n itself where batches are of one
    size. optax.contrib.differentially_private_aggregate draws other numbers.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; neither key nor seed, or
            both; later, gradients without an axis of examples.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> transform = jd.differentially_private_aggregate(1.0, 0.0, jax.random.key(0))
        >>> x, of_examples = jnp.zeros(2), jnp.array([[3.0, 4.0], [0.0, 0.6]])
        >>> print(transform.update(of_examples, transform.init(x), x)[0])
        [0.3 0.7]

    Reference: M. Abadi et al., 2016, Deep Learning with Differential Privacy, Algorithm 1.
    """
    if (key is None) == (seed is None):
        raise (TypeError if key is None else ValueError)(
            "the noise of private gradients needs either key= or seed=, and not both"
        )
    clipping = clip_by_global_norm(l2_norm_clip)

    def rule(g, key, C, sigma, extra):
        return g + sigma * C / extra["examples"] * normals(key, g)

    noisy = treewise(
        rule,
        key=key if seed is None else jax.random.key(seed),
        C=Coefficient("l2_norm_clip", l2_norm_clip),
        sigma=Coefficient("noise_multiplier", noise_multiplier),
    )

    def clipped(g):
        return clipping.update(g, clipping.init(g))[0]

    def update(grads, state, params=None, **extra):
        examples = _number_of(grads, params)
        mean = jax.tree.map(lambda g: jnp.mean(g, 0), jax.vmap(clipped)(grads))
        return noisy.update(mean, state, params, **extra, examples=examples)

    return Optimizer(noisy.init, update)


@optimizer
def dpsgd(
    learning_rate: Rate,
    l2_norm_clip: Clip,
    noise_multiplier: NoiseMultiplier,
    seed: SecretSeed = None,
    momentum: Annotated[NonNegative | None, "none if None"] = None,
    nesterov: Annotated[bool, "step along g + β·b, the sum looked ahead by one step"] = False,
    *,
    key: SecretKey = None,
) -> Optimizer:
    """Differentially private gradient descent: `differentially_private_aggregate`, then `sgd`.

        gᵢ ← gᵢ/max(1, ‖gᵢ‖/C)          of example i, ‖·‖ over all parameters
        g ← (Σᵢ gᵢ + σ·C·z)/n           z standard normal, fresh for each step
        x ← x − lr·g                    or with momentum, as in `sgd`

    It is given the gradients of all n examples, and no accountant tells the privacy: see
    `differentially_private_aggregate`. `descend` gives the mean gradient alone, so the loop is
    yours.

    Differs from: optax.contrib.dpsgd draws other numbers, and knows no key.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; neither key nor seed, or
            both; nesterov without momentum; later, gradients without an axis of examples.

    Example:
        >>> import jax, jax.numpy as jnp, jdescent as jd
        >>> loss = lambda x, example: (x - example) ** 2 / 2
        >>> gradients = jax.vmap(jax.grad(loss), (None, 0))
        >>> optimizer = jd.dpsgd(0.1, 1.0, 0.1, key=jax.random.key(0))
        >>> x, examples = jnp.array(0.0), jnp.array([2.0, 3.0, 4.0])
        >>> state = optimizer.init(x)
        >>> for _ in range(100):
        ...     u, state = optimizer.update(gradients(x, examples), state, x)
        ...     x = jd.apply_updates(x, u)
        >>> print(f"{x:.0f}")
        3

    Reference: M. Abadi et al., 2016, Deep Learning with Differential Privacy, Algorithm 1.
    """
    return chain(
        differentially_private_aggregate(l2_norm_clip, noise_multiplier, key, seed=seed),
        sgd(learning_rate, momentum, nesterov),
    )


def _number_of(grads: Updates, params: Params | None) -> int:
    """How many examples gradients are of; refused unless they have an axis of them."""
    shapes = [jnp.shape(g) for g in jax.tree.leaves(grads)]
    wanted = [shape[1:] for shape in shapes]
    if params is not None:
        wanted = [jnp.shape(x) for x in jax.tree.leaves(params)]
    numbers = {shape[:1] for shape in shapes}
    if len(numbers) > 1 or numbers & {(), (0,)} or [shape[1:] for shape in shapes] != wanted:
        raise ValueError(
            "private gradients are of single examples, with one axis of these in front of the "
            f"parameters' {wanted}, got shapes {shapes}: make them by "
            "jax.vmap(jax.grad(loss), (None, 0))"
        )
    return numbers.pop()[0] if numbers else 1
