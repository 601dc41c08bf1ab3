"""Steps and memories of low rank."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers.orthogonal import adam_step, adamw_step, by_matrix


def gram_schmidt(a):
    """Orthonormal columns that span what those of a span, one after another."""
    columns = []
    for column in a.T:
        for other in columns * 2:  # twice is enough
            column = column - (other @ column) * other
        columns.append(column / np.linalg.norm(column))
    return np.array(columns).T


def dion(problem, *, lr, rank, momentum, eps, weight_decay):
    """Ahn et al. 2025, Algorithm 1, in its layout of outputs × inputs."""

    def matrix_step(x, g, memory, t):
        x, g = x.T, g.T
        if "Q" not in memory:
            normals = jax.random.normal(jax.random.key(0), (x.shape[1], rank), jnp.float64)
            memory["M"], memory["Q"] = np.zeros_like(x), np.asarray(normals)
        b = memory["M"] + g
        p = gram_schmidt(b @ memory["Q"])
        r = b.T @ p
        memory["M"] = b - (1 - momentum) * p @ r.T
        memory["Q"] = q = np.array([column / (np.linalg.norm(column) + eps) for column in r.T]).T
        scale = math.sqrt(x.shape[0] / x.shape[1])
        return (lr * scale * p @ q.T + lr * weight_decay * x).T

    return by_matrix(problem, matrix_step, adamw_step(lr))


def galore(problem, *, lr, rank, update_proj_gap, scale, weight_decay=0.0, proj_type="std"):
    """Zhao et al. 2024, Algorithm 2: the step that Adam would take in a subspace.

    The signs of singular vectors matter, as m stays when P changes: they are LAPACK's here too.
    """

    def matrix_step(x, g, memory, t):
        projects_rows = (x.shape[0] <= x.shape[1]) == (proj_type == "std")
        if (t - 1) % update_proj_gap == 0:
            u, _, v = np.linalg.svd(g, full_matrices=False)
            memory["P"] = (u if projects_rows else v.T)[:, :rank]
        p = memory["P"]
        low = p.T @ g if projects_rows else g @ p
        n = adam_step(low, memory, t, 0.9, 0.999, 1e-8)
        return lr * (scale * (p @ n if projects_rows else n @ p.T) + weight_decay * x)

    def other_step(x, g, memory, t):
        return lr * (adam_step(g, memory, t, 0.9, 0.999, 1e-8) + weight_decay * x)

    return by_matrix(problem, matrix_step, other_step)


def apollo(
    problem, *, lr, b1, b2, eps, rank, update_proj_gap, scale, scale_type, growth, weight_decay,
):  # fmt: skip
    """Zhu et al. 2025, Algorithm 1, with Fira's limit on the growth of a step."""

    def matrix_step(x, g, memory, t):
        g = g if g.shape[0] <= g.shape[1] else g.T
        if (t - 1) % update_proj_gap == 0:
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), t - 1), 2)
            normals = jax.random.normal(key, (rank, g.shape[0]), jnp.float64)
            memory["P"] = np.asarray(normals) / math.sqrt(rank)
        low = memory["P"] @ g
        n = adam_step(low, memory, t, b1, b2, eps)
        if scale_type == "tensor":
            u = g * (np.linalg.norm(n) / np.linalg.norm(low))
        else:
            u = g @ np.diag(
                [np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(n.T, low.T, strict=True)]
            )
        u = math.sqrt(scale) * u
        before = memory.get("length", math.inf)
        if np.linalg.norm(u) / before > growth:
            u = u / np.linalg.norm(u) * growth * before
        memory["length"] = np.linalg.norm(u)
        return lr * ((u if u.shape == x.shape else u.T) + weight_decay * x)

    def other_step(x, g, memory, t):
        return lr * (adam_step(g, memory, t, b1, b2, eps) + weight_decay * x)

    return by_matrix(problem, matrix_step, other_step)


APOLLO = {
    "b1": 0.8, "b2": 0.9, "eps": 1e-2, "rank": 2, "update_proj_gap": 7, "scale": 0.7,
    "scale_type": "channel", "growth": 1.05, "weight_decay": 0.1,
}  # fmt: skip
GALORE_OF_OPTAX = getattr(optax.contrib, "galore", None)  # older versions lack it
GALORE = {"rank": 2, "update_proj_gap": 7, "scale": 0.7, "weight_decay": 0.1}

CASES = [
    Case("apollo", jd.apollo, None, APOLLO, paper=apollo, rate=0.02),
    Case(
        "apollo mini", jd.apollo, None,
        APOLLO | {"rank": 1, "scale": 2.0, "scale_type": "tensor"}, paper=apollo, rate=0.02,
    ),
    Case(
        "dion", jd.dion, None,
        {"rank": 2, "momentum": 0.8, "eps": 1e-2, "weight_decay": 0.1}, paper=dion, rate=0.02,
    ),
    Case(
        "galore", jd.galore, GALORE_OF_OPTAX, GALORE, paper=galore, rate=0.02,
        differs="optax projects the longer axis", twin_distance=0.505,
    ),
    Case(
        "galore of optax", jd.galore, GALORE_OF_OPTAX, GALORE | {"proj_type": "reverse_std"},
        twin_settings=GALORE, rate=0.02, tolerance=1e-6,  # its subspaces are of float32
    ),
]  # fmt: skip
