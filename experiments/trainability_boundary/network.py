"""The network of the paper, what it is trained on, and what is kept of one training run.

With n = 16 inputs and as many hidden units, weights W₀ (n × n) and W₁ (n), and an input x,

    f(x) = W₁ᵀ σ(W₀ᵀx / √n) / n        σ(z) = tanh(√2 z),  √2 max(z, 0)  or  z

and the loss is the mean of (f(x) − y)² over the examples. Entries of W₀, W₁, x and y are drawn
from N(0, 1).

These are the definitions of the notebook published with the paper, which draws its own random
numbers, but for one. Its offset, which it calls "paraminit", is added to W₀ anew at every step;
here it is added once, to the first weights, and so is an offset of the initial parameters and no
more. In the notebook as here the linear network learns n examples, a run on mini-batches is judged
by its loss on all of them, and the mini-batches are the same at every point of the plane.

Reference: Sohl-Dickstein 2024, "The boundary of neural network trainability is fractal",
arXiv 2402.06184, and github.com/Sohl-Dickstein/fractal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import jdescent as jd
from jdescent.core import Vector

WIDTH = 16
PARAMETERS = WIDTH * (WIDTH + 1)
WORST = 1e6  # in units of the first loss; what is larger, or not finite, counts as this
LAST = 20  # losses whose mean decides
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": lambda z: jnp.tanh(2**0.5 * z),
    "relu": lambda z: 2**0.5 * jnp.maximum(z, 0),
    "identity": lambda z: z,
}
Params = tuple[Float[Array, "16 16"], Float[Array, " 16"]]
Batch = tuple[Float[Array, "16 examples"], Float[Array, " examples"]]


@dataclass(frozen=True)
class Condition:
    """One way of training, over a plane of two hyperparameters.

    Attributes:
        title: what it is called in the figure.
        activation: a name of `ACTIVATIONS`.
        examples: how many there are to learn from.
        batch: how many of them, drawn with replacement, make a gradient; None takes all.
        offset: whether the plane is (offset added to W₀ at the start, one learning rate for both
            layers) instead of (learning rate of W₀, learning rate of W₁).
        seed: of weights, examples and batches.
    """

    title: str
    activation: str = "tanh"
    examples: int = PARAMETERS
    batch: int | None = None
    offset: bool = False
    seed: int = 0


def problem(condition: Condition) -> tuple[Params, Batch]:
    """The first weights (W₀, W₁), and the data: inputs as columns (n, examples), and targets."""
    keys = jax.random.split(jax.random.key(condition.seed), 4)
    inner, outer = (jax.random.normal(keys[i], (WIDTH,) * d, float) for i, d in ((0, 2), (1, 1)))
    x = jax.random.normal(keys[2], (WIDTH, condition.examples), float)
    y = jax.random.normal(keys[3], (condition.examples,), float)
    return (inner, outer), (x, y)


def network_loss(activation: str) -> Callable[[Params, Batch], Float[Array, ""]]:
    """The mean squared error of the network.

    Hidden units are rows and examples columns, so that under vmap all lanes share one large matrix
    product for each of W₀ᵀx and the gradient of W₀, and tanh runs along contiguous memory: two to
    three times the speed of examples as rows.
    """
    activate = ACTIVATIONS[activation]

    def loss(params: Params, batch: Batch) -> Float[Array, ""]:
        (inner, outer), (x, y) = params, batch
        if activation == "identity":  # W₀W₁ first: a vector, and no W₀ᵀx
            output = (inner @ outer) @ x / WIDTH**0.5
        else:
            output = outer @ activate(inner.T @ x / WIDTH**0.5)
        return jnp.mean((output / WIDTH - y) ** 2)

    return loss


def rate_per_layer(inner: Float[Array, ""], outer: Float[Array, ""]) -> jd.Optimizer:
    """Gradient descent with a learning rate for each of W₀ and W₁."""

    def rule(g: Vector) -> Vector:
        of_inner, of_outer = g.tree
        return Vector.of((-inner * of_inner, -outer * of_outer))

    return jd.treewise(rule)


def trainer(condition: Condition, steps: int) -> Callable[[Float[Array, "2"]], Float[Array, ""]]:
    """A function from a point of the plane to the brightness of its pixel: see `brightness`.

    The point is (log₁₀ η₀, log₁₀ η₁), or (offset, log₁₀ η).
    """
    (inner, outer), data = problem(condition)
    batch_loss = network_loss(condition.activation)
    loss = lambda params: batch_loss(params, data)  # noqa: E731
    x, y = data

    def draw(key, step):
        rows = jd.batches.mini_batch(jnp.arange(condition.examples), condition.batch)(key, step)
        return x[:, rows], y[rows]

    def train(point):
        first, second = point
        rate = 10.0**second
        start = (inner + first, outer) if condition.offset else (inner, outer)
        options = (
            {}
            if condition.batch is None
            else {"batches": draw, "key": jax.random.key(condition.seed)}
        )
        path = jd.descend(
            loss if condition.batch is None else batch_loss,
            start,
            rate_per_layer(rate if condition.offset else 10.0**first, rate),
            steps - 1,
            record="loss" if condition.batch is None else lambda point: loss(point.params),
            divergence=jnp.inf,
            **options,
        )
        losses = path.loss if condition.batch is None else path.record
        held = path.verdict.diverged & (path.steps >= path.verdict.step)
        return brightness(jnp.where(held, jnp.inf, losses))

    return train


def brightness(losses: Float[Array, " steps"]) -> Float[Array, ""]:
    """How fast a run converged, below zero, or how slowly it diverged, above zero.

    With v_t = min(ℓ_t/ℓ_0, 10⁶), and 10⁶ where ℓ_t is not finite: −Σ v_t where the mean of the
    last 20 is below 1 (converged), Σ 1/v_t elsewhere (diverged).
    """
    relative = losses / losses[0]
    relative = jnp.where(relative < WORST, relative, WORST)
    converged = jnp.mean(relative[-LAST:]) < 1
    return jnp.where(converged, -jnp.sum(relative), jnp.sum(1 / relative))
