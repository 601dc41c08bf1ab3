"""What the first step does to every layer's own outputs, against the width.

The update of a layer times what comes into it: of one step, with all else as it was. In units of
the rate, so that it is that of a rate so small that nothing saturates.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jdescent as jd
from experiments.common.digits import Examples
from experiments.width_transfer.config import Config
from experiments.width_transfer.parametrization import (
    PARAMETRIZATIONS,
    Scales,
    Weights,
    cross_entropy,
    layerwise,
    model,
    preactivations,
    scaled_start,
    scales,
    standard_start,
)
from experiments.width_transfer.starting import first_examples

METHODS = {"sgd": jd.sgd, "adam": jd.adam}
# Exponents of the width in the standard parametrization; in the maximal one all are 0.
EXPONENTS = {
    "sgd": {"first": -0.5, "hidden": 0.5, "last": 1.0, "through": 1.0},
    "adam": {"first": 0.0, "hidden": 1.0, "last": 1.0, "through": 1.5},
}

Moves = dict[str, Float[np.ndarray, " seeds"]]  # by layer


def first_steps(width: int, config: Config) -> dict[tuple[str, str, int], Moves]:
    """Root mean squares over units and examples, of each seed, by method and parametrization."""
    data = first_examples(config)
    keys = jax.random.split(jax.random.key(2), config.step_seeds)

    @jax.jit
    def moves(of_methods: dict[str, Scales]) -> dict[str, dict[str, Array]]:
        def of_key(key: Array) -> dict[str, dict[str, Array]]:
            start = standard_start(key, width)
            return {
                method: moved(method, scaled_start(start, scale), scale, data)
                for method, scale in of_methods.items()
            }

        return jax.lax.map(of_key, keys)

    found = {}
    for name in PARAMETRIZATIONS:
        of_methods = {
            method: scales(name, method, width, config.step_widths[0]) for method in METHODS
        }
        for method, of_seeds in moves(jax.tree.map(jnp.float32, of_methods)).items():
            found[method, name, width] = jax.tree.map(lambda a: np.asarray(a, float), of_seeds)
    return found


def moved(
    method: str, params: Weights, scale: Scales, data: Examples
) -> dict[str, Float[Array, ""]]:
    """Of each layer's own outputs, and of the network's through the hidden layer's update."""
    x, _ = data
    optimizer = layerwise(METHODS[method](1.0), scale.rates)
    gradient = jax.grad(cross_entropy)(params, data)
    step, _ = optimizer.update(gradient, optimizer.init(params), params)
    before = preactivations(params, x)
    hidden = jax.tree.map(jnp.zeros_like, params)._replace(hidden=step.hidden)
    _, through = jax.jvp(lambda params: model(params, x), (params,), (hidden,))
    found = Weights(
        x @ step.first, jnp.tanh(before.first) @ step.hidden, jnp.tanh(before.hidden) @ step.last
    )
    sizes = found._asdict() | {"through": through}
    return {layer: jnp.sqrt(jnp.mean(move**2)) for layer, move in sizes.items()}
