"""Gradient descent and noise: noise added to escape, iterates averaged to settle."""

from typing import Annotated

import jax
import jax.numpy as jnp

from jdescent._jax import normal_like
from jdescent.core import (
    Coefficient,
    KeyOrSeed,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    Seed,
    leafwise,
    optimizer,
)
from jdescent.numerics import root


@optimizer
def noisy_sgd(
    learning_rate: Rate,
    eta: Annotated[NonNegative, "η, the variance of the first noise"] = 0.01,
    gamma: NonNegative = 0.55,
    key: Annotated[KeyOrSeed | None, "map over keys for independent runs"] = None,
    *,
    seed: Annotated[Seed | None, "of the key; 0 if neither is given"] = None,
) -> Optimizer:
    """Gradient descent with annealed Gaussian noise in the gradient.

        σ² ← η/tᵞ
        x ← x − lr·(g + σ·z)            z standard normal, fresh for each step

    The noise of step t on leaf i is drawn from fold_in(fold_in(key, t − 1), i): equal keys give
    equal paths.

    Differs from: the paper writes η/(1 + t)ᵞ with t = 0 for the first step. optax.noisy_sgd has the
    same variance and draws other numbers.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; both key and seed.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.noisy_sgd(0.1), steps=100)
        >>> print(bool(abs(path.params - 3) < 0.1))
        True

    Reference: A. Neelakantan et al., 2015, Adding Gradient Noise Improves Learning for Very Deep
    Networks, eq. (1).
    """
    if key is not None and seed is not None:
        raise ValueError("give either key or seed, not both")

    def rule(lr, t, g, key):
        sigma = root(eta / t**gamma)
        return -lr * (g + sigma * normal_like(key, g))

    return leafwise(rule, learning_rate, key=jax.random.key(seed or 0) if key is None else key)


@optimizer
def asgd(
    learning_rate: Rate,
    lambd: Annotated[NonNegative, "λ, which decays x as well as lr"] = 1e-4,
    alpha: NonNegative = 0.75,
    t0: Annotated[NonNegative, "the steps before the mean begins"] = 1e6,
    weight_decay: Annotated[Scheduled, "coupled: added to the gradient"] = 0.0,
) -> Optimizer:
    """Averaged gradient descent: x walks on while ax, the mean of its path, settles.

        η ← lr/(1 + λ·lr·(t − 1))^α
        x ← (1 − λ·η)·x − η·(g + w·x)
        μ ← 1/max(1, t − 1 − t₀)
        ax ← ax + μ·(x − ax)            ax = x until step t₀ + 2

    The mean is read from the state: ``state.ax``, a tree like the parameters. With λ > 0 and α in
    (½, 1) its mean square error falls as 1/t, with the best constant there is, whatever lr.

    Differs from: torch.optim.ASGD is as here, but starts ax at 0. The paper has neither λ nor t₀.
    ASGD of pytorch_optimizer is another method.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> swinging = jd.asgd(0.9, lambd=0.0, t0=0)
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), swinging, steps=9)
        >>> print(f"{path.params:.1f} {path.state.ax:.1f}")
        3.4 2.9

    Reference: B. T. Polyak and A. B. Juditsky, 1992, Acceleration of Stochastic Approximation by
    Averaging; this rate, W. Xu, 2011, Towards Optimal One Pass Large Scale Learning with Averaged
    Stochastic Gradient Descent.
    """

    def rule(lr, t, g, x, w, ax):
        eta = lr / (1 + lambd * lr * (t - 1)) ** alpha
        u = -eta * (lambd * x + g + w * x)
        mu = 1 / jnp.maximum(t - 1 - t0, 1)
        return u, (1 - mu) * ax + mu * (x + u)

    w = Coefficient("weight_decay", weight_decay)
    return leafwise(rule, learning_rate, w=w, ax=Memory(lambda x: x, wide=True))
