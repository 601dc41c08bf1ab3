"""The loss of a unit test as a pure function of its numbers, so that all tests are one program."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc
from jaxtyping import Array, Float

from jdescent.report_card.unit_tests.draws import Draw, Numbers
from jdescent.report_card.unit_tests.shapes import Piece, chained
from jdescent.report_card.unit_tests.templates import NOISES, SCALES, UnitTest

PIECES = 8


class Landscape(NamedTuple):
    """The numbers of a loss: of each dimension its pieces, its value at 0 and the size of additive
    normal noise; and two rotations."""

    begins: Float[Numbers, "d pieces"]
    pieces: Float[Numbers, "d pieces 7"]
    start: Float[Numbers, " d"]
    normal: Float[Numbers, " d"]
    rotation: Float[Numbers, "d d"]
    curl: Float[Numbers, "d d"]


def landscape_of(test: UnitTest, number: int) -> Landscape:
    """The numbers of a test; its own decides how it is turned."""
    scales = [SCALES[name] for name in test.scales]
    chains = [chained(c.split(), s.slope) for c, s in zip(test.chains, scales, strict=True)]
    padded = np.array([c + [c[-1]._replace(begin=np.inf)] * (PIECES - len(c)) for c in chains])
    d = test.dimensions
    rotation, curl = (_rotation(d, [number, which]) for which in (0, 1))
    numbers = (
        padded[..., 0],
        padded[..., 1:],
        [scale.start for scale in scales],
        [NOISES[name].normal for name in test.noises],
        rotation if test.rotated else np.eye(d),
        curl if test.curled else np.zeros((d, d)),
    )
    return Landscape(*(np.asarray(leaf, np.float32) for leaf in numbers))


def _rotation(d: int, seed: list[int]) -> np.ndarray:
    """A rotation, uniform among all (Stewart 1980)."""
    if d == 1:
        return np.eye(1)
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))
    q *= np.sign(np.diag(r))
    q[:, 0] *= np.sign(np.linalg.det(q))
    return q


def descended(landscape: Landscape, y: Float[Array, " d"]) -> Float[Array, " d"]:
    """What each dimension's function has gained since its start, f(y) − f(0)."""
    here = jnp.sum(y[:, None] >= landscape.begins, axis=1) - 1
    piece = Piece(0.0, *jnp.take_along_axis(landscape.pieces, here[:, None, None], 1)[:, 0].T)
    u = y - piece.origin
    bell = piece.amplitude * (jnp.exp((piece.rate - piece.weight * u) * u) - 1)
    return piece.height + (piece.slope + piece.curvature * u / 2) * u + bell


def loss(landscape: Landscape, x: Float[Array, " d"], draw: Draw) -> Float[Array, ""]:
    """The noisy loss of a step: value and gradient belong together.

    In one dimension  L = m·f(x − shift) + a·x, so that L' = m·f' + a; in more, with y = R x,

        L = Σᵢ |mᵢ fᵢ(yᵢ) + aᵢ yᵢ|

    A curl adds C x to the gradient and nothing to the value: no loss has such a gradient.
    """
    y = _turned(landscape.rotation, x) - draw.shift
    f = landscape.start + draw.stretch * descended(landscape, y)
    noisy = draw.factor * f + draw.added * y
    if len(x) == 1:
        return noisy[0]
    fixed = jax.lax.stop_gradient(x)
    return jnp.sum(jnp.abs(noisy)) + jnp.dot(landscape.curl @ fixed, x - fixed)


def expected(landscape: Landscape, x: Float[Array, " d"], draw: Draw) -> Array:
    """The loss expected of the noise, above that at the start.

    The mean of multiplicative noise and of a mask, a constant that loss, start and reference share,
    is left out. In several dimensions additive noise makes it Σ E|N(fᵢ, σᵢ²yᵢ²)|, folded normals.
    """
    y = _turned(landscape.rotation, x) - draw.shift
    gained = draw.stretch * descended(landscape, y)
    if len(x) == 1:
        return gained[0]
    f = landscape.start + gained
    above = jnp.where(f >= 0, gained, -gained - 2 * landscape.start)
    σ = jnp.maximum(landscape.normal * jnp.abs(y), jnp.finfo(y.dtype).tiny)
    z = jnp.abs(f) / σ
    folded = σ * jnp.sqrt(2 / jnp.pi) * jnp.exp(-(z**2) / 2) - jnp.abs(f) * erfc(z / jnp.sqrt(2))
    return jnp.sum(above + folded)


def _turned(rotation: Float[Numbers, "d d"], x: Float[Array, " d"]) -> Float[Array, " d"]:
    return x if len(x) == 1 else jnp.dot(rotation, x)
