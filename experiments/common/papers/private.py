"""Differentially private descent; the noise is that of the key."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from optax import contrib

import jdescent as jd
from experiments.common.case import Case
from experiments.common.walking import normals
from jdescent.core.contract import accept_extra

KEY = jax.random.key(13)
FACTORS = np.array([-0.5, 0.1, 1.0, 3.0])
SHIFTS = np.array([0.3, -0.2, 0.1, 0.0])


def dpsgd(
    problem, *, lr, l2_norm_clip, noise_multiplier, key=None, momentum=0.0, nesterov=False, **_
):  # fmt: skip
    """Abadi et al. 2016, Algorithm 1, of the examples' gradients; the sum b as torch has it."""
    x, b = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        total = np.zeros_like(x)
        for factor, shift in zip(FACTORS, SHIFTS, strict=True):
            g = factor * problem.gradient(x, t) + shift
            total += g / max(1.0, np.linalg.norm(g) / l2_norm_clip)
        if noise_multiplier:
            deviation = noise_multiplier * l2_norm_clip
            total += deviation * normals(problem, jax.random.fold_in(key, t - 1))
        g = total / len(FACTORS)
        b = momentum * b + g
        x = x - lr * (g + momentum * b if nesterov else b)
        yield x


def of_examples(factory):
    """Optimizers of a factory, given a gradient as four examples' and not as one.

    All that walk the problem, and the contract, know gradients that are shaped as the parameters
    are. These go through so as examples' of as many lengths and directions.
    """

    def make(*args, **settings):
        optimizer = factory(*args, **settings)
        update = accept_extra(optimizer.update)

        def examples_of(g):
            rows = zip(FACTORS.tolist(), SHIFTS.tolist(), strict=True)
            return jnp.stack([factor * g + shift for factor, shift in rows])

        def update_of_all(grads, state, params=None, **extra):
            return update(jax.tree.map(examples_of, grads), state, params, **extra)

        return jd.core.Optimizer(optimizer.init, update_of_all)

    return make


def aggregated(lr, **settings):
    return jd.chain(jd.differentially_private_aggregate(**settings), jd.sgd(lr))


def dpsgd_of_optax(lr, **settings):
    """It takes a seed alone, and warns that the seed will go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return contrib.dpsgd(lr, **settings)


SETTINGS = {"l2_norm_clip": 4.0, "noise_multiplier": 0.5, "key": KEY}
SILENT = {"l2_norm_clip": 4.0, "noise_multiplier": 0.0, "seed": 3}
CASES = [
    Case("dpsgd", of_examples(jd.dpsgd), settings=SETTINGS, paper=dpsgd),
    Case(
        "dpsgd with momentum, without noise",
        of_examples(jd.dpsgd),
        of_examples(dpsgd_of_optax),
        SILENT | {"momentum": 0.6},
        paper=dpsgd,
    ),
    Case(
        "dpsgd with nesterov, without noise",
        of_examples(jd.dpsgd),
        of_examples(dpsgd_of_optax),
        SILENT | {"momentum": 0.6, "nesterov": True},
        paper=dpsgd,
    ),
    Case(
        "differentially_private_aggregate",
        of_examples(aggregated),
        settings=SETTINGS,
        paper=dpsgd,
    ),
]
