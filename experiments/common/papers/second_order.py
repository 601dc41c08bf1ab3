"""Steps by the Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.linalg
import scipy.optimize

import jdescent as jd
from experiments.common.case import Case
from experiments.common.problem import Problem
from experiments.common.walking import normals

KEY = jax.random.key(5)


def newton(problem, *, lr, damping):
    x = problem.x0
    for t in range(1, problem.steps + 1):
        H = problem.hessian(x) + damping * np.eye(x.size)
        x = x - lr * scipy.linalg.cho_solve(scipy.linalg.cho_factor(H), problem.gradient(x, t))
        yield x


def saddle_free_newton(problem, *, lr, damping):
    """Dauphin et al. 2014: |H| as the root of H²."""
    x = problem.x0
    for t in range(1, problem.steps + 1):
        H = problem.hessian(x)
        magnitude = np.real(scipy.linalg.sqrtm(H @ H)) + damping * np.eye(x.size)
        x = x - lr * np.linalg.inv(magnitude) @ problem.gradient(x, t)
        yield x


def cubic_newton(problem, *, lr, lipschitz):
    """Nesterov & Polyak 2006, section 5: the root of ‖(H + ½M·r·I)⁻¹·g‖ = r."""
    x = problem.x0
    for t in range(1, problem.steps + 1):
        H, g = problem.hessian(x), problem.gradient(x, t)

        def step(r, H=H, g=g):
            return -np.linalg.solve(H + lipschitz * r / 2 * np.eye(g.size), g)

        def too_long(r, step=step):
            return np.linalg.norm(step(r)) - r

        r = scipy.optimize.brentq(too_long, 0, 1e3, xtol=1e-15, rtol=1e-15)
        x = x + step(r)
        yield x


def gauss_newton(problem, *, lr, damping):
    """Levenberg 1944: the p that minimizes ‖J·p + r‖² + δ·‖p‖², by the singular values of J.

    The residuals are those of the loss but for its noise, which is in the gradient alone.
    """
    x = problem.x0
    for t in range(1, problem.steps + 1):
        J = np.vstack(
            [np.diag(problem.a**0.5), np.diag((2 * problem.q) ** 0.5 * x), problem.c[None]]
        )
        _, s, V = scipy.linalg.svd(J, full_matrices=False)
        x = x - lr * sum(
            v * (v @ problem.gradient(x, t)) / (sigma**2 + damping)
            for sigma, v in zip(s, V, strict=True)
        )
        yield x


def residuals(params):
    """Of the problem without its noise; of other trees, x, as the loss of our tests is ½·‖x‖²."""
    x, problem = jd.core.Vector.of(params).flat, Problem()
    if x.size != problem.x0.size:
        return x
    a, q, c = (jnp.asarray(each, x.dtype) for each in (problem.a, problem.q, problem.c))
    return jnp.concatenate([jnp.sqrt(a) * x, jnp.sqrt(q / 2) * x**2, jnp.dot(c, x)[None]])


def adahessian(problem, *, lr, b1, b2, eps, weight_decay, hessian_power, key):
    """Yao et al. 2021, Algorithm 1, the means of eqs. (11) and (12) as the sums that they are."""
    x, gradients, squares = problem.x0, [], []
    for t in range(1, problem.steps + 1):
        z = np.sign(normals(problem, jax.random.fold_in(key, t - 1)))
        gradients.append(problem.gradient(x, t))
        squares.append((z * problem.hvp(x, z)) ** 2)
        age = np.arange(t - 1, -1, -1.0)
        m = (1 - b1) * (b1**age @ gradients) / (1 - b1**t)
        v = np.sqrt((1 - b2) * (b2**age @ squares) / (1 - b2**t)) ** hessian_power
        x = x - lr * (m / (v + eps) + weight_decay * x)
        yield x


def sophia(problem, *, lr, b1, b2, eps, weight_decay, gamma, update_interval, key):
    """Liu et al. 2023, Algorithm 3, with Algorithm 1 (Hutchinson)."""
    x, m, h, estimates = problem.x0, 0.0, 0.0, 0
    for t in range(1, problem.steps + 1):
        m = b1 * m + (1 - b1) * problem.gradient(x, t)
        if t % update_interval == 1:
            u = normals(problem, jax.random.fold_in(key, estimates))
            estimates += 1
            h = b2 * h + (1 - b2) * u * problem.hvp(x, u)
        x = x - lr * weight_decay * x - lr * np.clip(m / np.maximum(gamma * h, eps), -1, 1)
        yield x


def optax_sophia(lr, **settings):
    """optax's, which asks for the loss by another name, with the estimator that ours is given."""
    pair = optax.contrib.sophia(lr, **settings)

    def update(grads, state, params, *, value_fn, **extra):
        return pair.update(grads, state, params, obj_fn=value_fn)

    return optax.GradientTransformationExtraArgs(pair.init, update)


SOPHIA = {
    "b1": 0.8,
    "b2": 0.6,
    "eps": 1e-3,
    "weight_decay": 0.1,
    "gamma": 0.5,
    "update_interval": 4,
}
CASES = [
    Case("newton", jd.newton, settings={"damping": 0.5}, paper=newton, rate=0.5),
    Case(
        "saddle_free_newton",
        jd.saddle_free_newton,
        settings={"damping": 0.5},
        paper=saddle_free_newton,
        rate=0.5,
    ),
    Case(
        "cubic_newton",
        lambda lr, lipschitz: jd.cubic_newton(lipschitz),
        settings={"lipschitz": 3.0},
        paper=cubic_newton,
    ),
    Case(
        "gauss_newton",
        lambda lr, **settings: jd.gauss_newton(residuals, lr, **settings),
        settings={"damping": 0.5},
        paper=gauss_newton,
        rate=0.5,
    ),
    Case(
        "gauss_newton without damping",
        lambda lr: jd.gauss_newton(residuals, lr),
        paper=gauss_newton,
        paper_settings={"damping": 0.0},
        rate=0.5,
    ),
    Case(
        "adahessian",
        jd.adahessian,
        settings={
            "b1": 0.8,
            "b2": 0.9,
            "eps": 0.1,
            "weight_decay": 0.1,
            "hessian_power": 0.7,
            "key": KEY,
        },
        paper=adahessian,
        rate=0.1,
    ),
    Case("sophia", jd.sophia, settings=SOPHIA | {"key": KEY}, paper=sophia, rate=0.05),
    Case(
        "sophia as optax has it",
        lambda lr, **settings: jd.sophia(
            lr,
            hessian_diagonal_fn=jd.hutchinson(KEY, "rademacher"),
            debias=True,
            late_curvature=True,
            **settings,
        ),
        lambda lr, **settings: optax_sophia(
            lr,
            hessian_diagonal_fn=with_obj_fn(jd.hutchinson(KEY, "rademacher")),
            **settings,
        ),
        SOPHIA,
        rate=0.05,
    ),
]


def with_obj_fn(pair):
    def update(grads, state, params, *, obj_fn, **extra):
        return pair.update(grads, state, params, value_fn=obj_fn)

    return optax.GradientTransformationExtraArgs(pair.init, update)
