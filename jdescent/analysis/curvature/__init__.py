"""The curvature of a loss by products with its Hessian: ends of the spectrum, trace, density.

Everything is pure JAX over trees of parameters: it jits, maps with `jax.vmap` over starts, learning
rates and points of a path, and goes into `sweep`. Costs are counted in Hessian products, each about
one gradient.

- `products`: `hessian_operator`, `gauss_newton_operator` and single products.
- `eigenpairs`: `top_eigenpairs` of any symmetric operator, and `sharpness`.
- `stochastic`: `hessian_trace`, `spectral_density`.
- `preconditioned`: `preconditioned_sharpness`, through the `preconditioner` of any optimizer.
- `line`: `critical_sharpness` along the next step, from values of the loss alone.

Along a run, the short way is to record it. A function of one point begins each time from a random
direction, which takes some 30 products:

    >>> import jax, jax.numpy as jnp, jdescent as jd
    >>> loss = lambda w: 0.5 * (jnp.prod(w) - 1) ** 2                # four layers of one unit each
    >>> start, rate = jnp.array([2.0, 1.5, 0.2, 0.1]), 0.3
    >>> path = jd.descend(loss, start, jd.sgd(rate), steps=300, every=60,
    ...                   record=lambda point: jd.analysis.sharpness(loss, point.params))
    >>> print((path.record / (2 / rate)).round(2))            # it climbs to 2/η and no further
    [0.43 0.87 0.96 0.98 0.99 0.99]

Where products are dear, carry the vectors along: descend in stretches within a `lax.scan`, and
begin each measurement where the last one ended.

    >>> def stretch(carry, _):
    ...     path, vectors = carry
    ...     H = jd.analysis.hessian_operator(loss, path.params)
    ...     pairs = jd.analysis.top_eigenpairs(H, path.params, start=vectors, iterations=3)
    ...     path = jd.descend(loss, path, jd.sgd(rate), steps=60, record=None)
    ...     return (path, pairs.vectors), pairs.values[0]
    >>> path = jd.descend(loss, start, jd.sgd(rate), steps=60, record=None)
    >>> _, values = jax.lax.scan(stretch, (path, start[None]), length=5)
    >>> print((values / (2 / rate)).round(2))
    [0.87 0.96 0.98 0.99 0.99]
"""

from jdescent.analysis.curvature.eigenpairs import Eigenpairs, sharpness, top_eigenpairs
from jdescent.analysis.curvature.line import CriticalSharpness, critical_sharpness
from jdescent.analysis.curvature.preconditioned import preconditioned_sharpness, preconditioner
from jdescent.analysis.curvature.products import (
    directional_curvature,
    gauss_newton_operator,
    gauss_newton_product,
    hessian_operator,
    hessian_product,
)
from jdescent.analysis.curvature.stochastic import (
    Estimate,
    SpectralDensity,
    hessian_trace,
    spectral_density,
)

__all__ = [
    "CriticalSharpness",
    "Eigenpairs",
    "Estimate",
    "SpectralDensity",
    "critical_sharpness",
    "directional_curvature",
    "gauss_newton_operator",
    "gauss_newton_product",
    "hessian_operator",
    "hessian_product",
    "hessian_trace",
    "preconditioned_sharpness",
    "preconditioner",
    "sharpness",
    "spectral_density",
    "top_eigenpairs",
]
