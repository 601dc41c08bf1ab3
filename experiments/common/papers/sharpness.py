"""Sharpness-aware optimizers, around momentum of 0.5 with the rate outside."""

import jax
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case

BETA = 0.5


def descent(problem, lr, gradient_of):
    """Momentum along what a method makes of the gradient of each step's loss."""
    x, b = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        b = BETA * b + gradient_of(x, lambda y, t=t: problem.gradient(y, t))
        x = x - lr * b
        yield x


def sam(problem, *, lr, rho):
    """Foret et al. 2021, eq. (2) for p = q = 2, each power written out."""

    def gradient_of(x, gradient):
        g = gradient(x)
        return gradient(x + rho * np.sign(g) * np.abs(g) ** (2 - 1) / np.sum(np.abs(g) ** 2) ** 0.5)

    return descent(problem, lr, gradient_of)


def asam(problem, *, lr, rho, eta):
    """Kwon et al. 2021, Algorithm 1, the normalization operator as a matrix."""

    def gradient_of(x, gradient):
        g, T = gradient(x), np.diag(np.abs(x) + eta)
        return gradient(x + rho * T @ T @ g / np.linalg.norm(T @ g))

    return descent(problem, lr, gradient_of)


def gsam(problem, *, lr, rho, alpha):
    """Zhuang et al. 2022, Algorithm 1, the parts by a projection."""

    def gradient_of(x, gradient):
        g = gradient(x)
        g_p = gradient(x + rho * g / np.linalg.norm(g))
        direction = g_p / np.linalg.norm(g_p)
        across = (np.eye(g.size) - np.outer(direction, direction)) @ g
        return g_p - alpha * across

    return descent(problem, lr, gradient_of)


def around(wrapper):
    return lambda lr, **settings: wrapper(jd.sgd(lr, BETA), **settings)


def optax_sam(lr, rho):
    pair = optax.contrib.sam(
        optax.sgd(lr, BETA),
        optax.chain(optax.contrib.normalize(), optax.sgd(rho)),
        opaque_mode=True,
    )

    def update(grads, state, params, *, value_fn, **extra):
        return pair.update(grads, state, params, grad_fn=lambda y, i: jax.grad(value_fn)(y))

    return optax.GradientTransformationExtraArgs(pair.init, update)


CASES = [
    Case("sam", around(jd.sam), optax_sam, {"rho": 0.3}, paper=sam, rate=0.03),
    Case("asam", around(jd.asam), settings={"rho": 0.3, "eta": 0.1}, paper=asam, rate=0.03),
    Case("gsam", around(jd.gsam), settings={"rho": 0.3, "alpha": 0.4}, paper=gsam, rate=0.03),
]
