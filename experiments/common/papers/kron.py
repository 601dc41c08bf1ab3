"""Kronecker-factored preconditioners fitted on a Lie group; the probes are those of the key."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

import jdescent as jd
from experiments.common.case import Case

KEY = jax.random.key(11)


def psgd_kron(
    problem, *, lr, b1, weight_decay, preconditioner_update_probability, preconditioner_lr, key,
    preconditioner_init_scale=1.0, max_rms=None, min_ndim_triangular=2, max_size_triangular=99,
    momentum_into_precond_update=True,
):  # fmt: skip
    """Li 2015, the gradient of its criterion on the group, and the step of Walters' kron_torch.

    Of the flattened parameter, whose P is QᵀQ of the whole Kronecker product; nothing is balanced.
    """
    leaves = problem.leaves(problem.x0)
    shapes = [leaf.shape or (1,) for leaf in leaves]
    factors = [
        [preconditioner_init_scale ** (1 / len(shape)) * np.eye(n) for n in shape]
        for shape in shapes
    ]
    means = [0.0] * len(leaves)
    for t in range(1, problem.steps + 1):
        gradients = problem.leaves(problem.gradient(problem.joined(leaves), t))
        for i, (x, g, shape) in enumerate(zip(leaves, gradients, shapes, strict=True)):
            means[i] = b1 * means[i] + (1 - b1) * np.ravel(g)
            corrected = means[i] / (1 - b1**t)
            of_leaf = jax.random.fold_in(jax.random.fold_in(key, t - 1), i)
            chance, probe = jax.random.split(of_leaf)
            if jax.random.uniform(chance, (), jnp.float64) < preconditioner_update_probability:
                h = corrected if momentum_into_precond_update else np.ravel(g)
                v = np.ravel(jax.random.normal(probe, x.shape, jnp.float64))
                Q = whole_factor(factors[i])
                a, b = Q @ h, np.linalg.inv(Q).T @ v
                factors[i] = [
                    on_the_group(
                        q,
                        *(traced_out(S, shape, axis) for S in (np.outer(a, a), np.outer(b, b))),
                        preconditioner_lr,
                        is_triangular=x.ndim >= min_ndim_triangular
                        and len(q) <= max_size_triangular,
                    )
                    for axis, q in enumerate(factors[i])
                ]
            P = whole_factor(factors[i]).T @ whole_factor(factors[i])
            step = P @ corrected
            if max_rms is not None:
                step *= min(1.0, max_rms / np.sqrt(np.mean(step**2)))
            leaves[i] = x - lr * (step.reshape(x.shape) + weight_decay * x)
        yield problem.joined(leaves)


def whole_factor(factors):
    Q = np.eye(1)
    for q in factors:
        Q = np.kron(Q, q)
    return Q


def traced_out(S, shape, axis):
    """The sum of a matrix of a product space over the spaces of all other axes."""
    if len(shape) == 1:
        return S
    return np.einsum(["ikjk->ij", "kikj->ij"][axis], S.reshape(*shape, *shape))


def on_the_group(q, a, b, rate, is_triangular):
    """Q − μ·∇·Q/‖·‖, ∇ the part of 𝓔 in the algebra of the group: of triangles, or of diagonals."""
    if not is_triangular:
        a, b = np.diag(np.diag(a)), np.diag(np.diag(b))
    S = a + b
    power = S @ S[np.argmax(scipy.linalg.norm(S, axis=1))]
    bound = scipy.linalg.norm(S @ power) / scipy.linalg.norm(power)
    size = bound if is_triangular else S.max()
    return q - rate / size * np.triu(a - b) @ q


SETTINGS = {
    "b1": 0.8,
    "weight_decay": 0.1,
    "preconditioner_update_probability": 0.7,
    "preconditioner_lr": 0.3,
    "key": KEY,
}
CASES = [
    Case(
        "psgd_kron",
        jd.psgd_kron,
        settings=SETTINGS | {"preconditioner_init_scale": 0.5, "max_rms": 0.7},
        paper=psgd_kron,
        rate=0.05,
    ),
    Case(
        "psgd_kron of the papers, gradients whitened by triangles",
        jd.psgd_kron,
        settings=SETTINGS
        | {
            "b1": 0.0,
            "preconditioner_update_probability": 1.0,
            "min_ndim_triangular": 1,
            "max_rms": None,
        },
        paper=psgd_kron,
        rate=0.01,
    ),
    Case(
        "psgd_kron of gradients, one side diagonal",
        jd.psgd_kron,
        settings=SETTINGS
        | {"momentum_into_precond_update": False, "max_size_triangular": 3, "max_rms": None},
        paper=psgd_kron,
        rate=0.01,
    ),
]
