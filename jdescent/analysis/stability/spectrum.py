"""The spectral radius of a linear map that is known by its products alone."""

from collections.abc import Callable

import numpy as np
import scipy.sparse.linalg

from jdescent.analysis.stability.problem import Quadratic

Map = Callable[[np.ndarray], np.ndarray]  # of vectors, the rows of (vectors, count)
_ARNOLDI_VECTORS, _ARNOLDI_TOLERANCE = 40, 1e-10
_LARGEST_BLOCK, _KEPT_APART = 8, 1e-12


def of_blocks(product: Map, count: int, problem: Quadratic) -> float | None:
    """From the map of each of H's axes alone; None where it mixes them, or is not known to.

    Optimizers that act on each number by itself keep the axes of a diagonal H apart, those that
    also do the same to each keep those of any H. So one vector finds a column of all blocks, and
    another that it is no more than these.
    """
    axes, n = problem.axes, problem.size
    size, apart = divmod(count, n)
    if axes is None or apart or size > _LARGEST_BLOCK:
        return None
    probes = np.zeros((size + 1, size, n))
    probes[np.arange(size), np.arange(size)] = 1
    probes[-1] = np.cos(1.0 + np.arange(count)).reshape(size, n)
    images = product(axes.back(probes).reshape(size + 1, -1))
    if not np.isfinite(images).all():
        return np.inf
    *columns, mixed = axes.along(images.reshape(probes.shape))
    blocks = np.stack(columns, axis=-1).swapaxes(0, 1)  # (n, size, size)
    of_blocks = np.einsum("nij,jn->in", blocks, probes[-1])
    if np.abs(mixed - of_blocks).max() > _KEPT_APART * np.abs(images).max():
        return None
    return _largest(np.linalg.eigvals(blocks))


def dense(product: Map, count: int) -> float:
    J = product(np.eye(count))
    return _largest(np.linalg.eigvals(J)) if np.isfinite(J).all() else np.inf


def arnoldi(product: Map, count: int, where: str) -> float:
    """ARPACK's.

    Raises:
        ValueError: it does not converge, which is said with `where`.
    """
    operator = scipy.sparse.linalg.LinearOperator(
        (count, count), matvec=lambda v: product(np.reshape(v, (1, count)))[0], dtype=float
    )
    try:
        found = scipy.sparse.linalg.eigs(
            operator, k=2, which="LM", v0=np.cos(1.0 + np.arange(count)), ncv=_ARNOLDI_VECTORS,
            tol=_ARNOLDI_TOLERANCE, return_eigenvectors=False,
        )  # fmt: skip
    except scipy.sparse.linalg.ArpackNoConvergence as error:
        found = error.eigenvalues
        if not len(found):
            raise ValueError(
                f"the largest eigenvalue of {count} does not converge {where}: "
                "give the largest curvature as a number"
            ) from error
    return _largest(found)


def _largest(eigenvalues: np.ndarray) -> float:
    return float(np.abs(eigenvalues).max())
