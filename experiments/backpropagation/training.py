"""What becomes of the six starts when they are trained."""

from typing import Any

import jax
import numpy as np
from jax import lax
from jaxtyping import Array, PRNGKeyArray

import jdescent as jd
from experiments.backpropagation.config import STARTS, Config, standardized_digits, start_arrays
from experiments.backpropagation.network import deep_network, logits, tanh_or_relu
from experiments.common.digits import best_baseline, majority_accuracy
from jdescent import batches, losses, schedules


def train_all(config: Config) -> dict:
    """Losses, verdicts and held-out accuracy of every start, one row a seed."""
    digits = standardized_digits()
    draw = batches.mini_batch(digits.train, config.batch)
    rate = schedules.cosine(config.learning_rate, config.training_steps)
    keys = jax.random.split(jax.random.key(1), config.training_seeds)

    def train(start: tuple[Array, Array, Array], key: PRNGKeyArray) -> dict[str, Any]:
        is_tanh, weight_variance, bias_variance = start
        activation = tanh_or_relu(is_tanh)

        def model(params, x):
            return logits(params, x, activation)

        of_network, of_batches = jax.random.split(key)
        drawn = deep_network(of_network, config.depth, weight_variance, bias_variance)
        path = jd.descend(
            losses.cross_entropy(model), drawn, jd.nesterov(rate, 0.95), config.training_steps,
            batches=draw, key=of_batches,
        )  # fmt: skip
        first, first_drawn = path.params.hidden.weights[0], drawn.hidden.weights[0]
        return {
            "loss": path.loss,
            "diverged": path.verdict.diverged,
            "last_step": path.verdict.step,
            "accuracy": losses.accuracy(model)(path.params, digits.test),
            "first_moved": jd.global_norm(first - first_drawn) / jd.global_norm(first_drawn),
        }

    @jax.jit
    def train_each(starts):
        return lax.map(lambda start: lax.map(lambda key: train(start, key), keys), starts)

    trained = train_each(start_arrays())
    runs = {
        kind: jax.tree.map(lambda array, i=i: np.asarray(array[i]), trained)
        for i, kind in enumerate(STARTS)
    }
    return {
        "runs": runs,
        "majority": majority_accuracy(digits),
        "baseline": best_baseline(digits),
    }
