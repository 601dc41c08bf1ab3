"""Descent with noise; the draws are those of the optimizer's key."""

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from experiments.common.case import Case
from experiments.common.walking import normals

KEY = jax.random.key(7)


def sgld(problem, *, lr, temperature, key):
    """Welling & Teh 2011, eq. (4), with ε = 2·lr and the log density −L/T times T."""
    x, epsilon = problem.x0, 2 * lr
    for t in range(1, problem.steps + 1):
        eta = np.sqrt(epsilon * temperature) * normals(problem, jax.random.fold_in(key, t - 1))
        x = x + epsilon / 2 * -problem.gradient(x, t) + eta
        yield x


def sghmc(problem, *, lr, friction, temperature, noise_estimate, key):
    """Chen et al. 2014, eq. (15)."""
    x, v = problem.x0, 0.0
    for t in range(1, problem.steps + 1):
        variance = 2 * (friction - noise_estimate) * lr * temperature
        drawn = normals(problem, jax.random.fold_in(key, t - 1))
        v = v + (-lr * problem.gradient(x, t) - friction * v + np.sqrt(variance) * drawn)
        x = x + v
        yield x


def perturbed_gradient_descent(problem, *, lr, radius, gradient_threshold, interval, key):
    """Jin et al. 2017, Algorithm 2, its lines 1 to 6 and 10."""
    x, t_noise = problem.x0, -interval - 1
    for t in range(problem.steps):
        if (
            np.linalg.norm(problem.gradient(x, t + 1)) <= gradient_threshold
            and t - t_noise > interval
        ):
            t_noise = t
            angle, length = jax.random.split(jax.random.fold_in(key, t))
            direction = normals(problem, angle)
            direction /= np.linalg.norm(direction)
            uniform = float(jax.random.uniform(length, (), jnp.float64))
            x = x + radius * uniform ** (1 / x.size) * direction
        x = x - lr * problem.gradient(x, t + 1)
        yield x


CASES = [
    Case("sgld", jd.sgld, settings={"temperature": 0.5, "key": KEY}, paper=sgld, rate=0.03),
    Case(
        "sghmc",
        jd.sghmc,
        settings={"friction": 0.3, "temperature": 0.5, "noise_estimate": 0.1, "key": KEY},
        paper=sghmc,
        rate=0.03,
    ),
    Case(
        "perturbed_gradient_descent",
        jd.perturbed_gradient_descent,
        settings={"radius": 0.5, "gradient_threshold": 3.0, "interval": 7, "key": KEY},
        paper=perturbed_gradient_descent,
        rate=0.1,
    ),
]
