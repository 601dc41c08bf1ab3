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


GALORE_OF_OPTAX = getattr(optax.contrib, "galore", None)  # older versions lack it
GALORE = {"rank": 2, "update_proj_gap": 7, "scale": 0.7, "weight_decay": 0.1}

CASES = [
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
