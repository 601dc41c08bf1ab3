"""The problem walked by any (init, update) pair, in float64: call it where x64 is on."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.common.problem import SHAPES, Problem
from jdescent.core.contract import accept_extra

# A program of sixty short steps takes longer to optimize than to run.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def our_path(optimizer: Any, problem: Problem) -> np.ndarray:
    """The parameters after each step, (steps, 18)."""

    def tree(x):
        return {
            name: jnp.asarray(leaf) for name, leaf in zip(SHAPES, problem.leaves(x), strict=True)
        }

    def flat(params):
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(params)])

    @functools.partial(jax.jit, compiler_options=QUICKLY)
    def step(params, state, t):
        def loss(params):
            return problem.loss(flat(params), t, jnp)

        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = update(gradient, state, params, value=value, grad=gradient, value_fn=loss)
        return jd.apply_updates(params, updates), state

    update = accept_extra(optimizer.update)
    params, path = tree(problem.x0), []
    state = optimizer.init(params)
    for t in range(1, problem.steps + 1):
        params, state = step(params, state, t)
        path.append(np.asarray(flat(params)))
    return np.array(path)


def normals(problem: Problem, key: Any) -> np.ndarray:
    """What an optimizer draws of a step's key for all leaves, as one vector."""
    draws = [
        np.asarray(jax.random.normal(jax.random.fold_in(key, i), shape, jnp.float64))
        for i, shape in enumerate(SHAPES.values())
    ]
    return problem.joined(draws)
