"""Derivatives of orthonormal bases, and through the optimizers that step in them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.core.contract import accept_extra
from jdescent.optimizers.bases import eigenvectors, orthonormal, singular_vectors

RANDOM = np.random.default_rng(0)


def left(a):
    return singular_vectors(a, True)


def right(a):
    return singular_vectors(a, False)


def normal(*shape):
    return RANDOM.standard_normal(shape)


def symmetric(n):
    a = normal(n, n)
    return a + a.T


def difference(f, at, along, h=1e-6):
    return (f(at + h * along) - f(at - h * along)) / (2 * h)


REGULAR = {
    "eigenvectors": (eigenvectors, symmetric(4), symmetric(4)),
    "orthonormal, tall": (orthonormal, normal(5, 3), normal(5, 3)),
    "orthonormal, square": (orthonormal, normal(4, 4), normal(4, 4)),
    **{
        f"{side.__name__} {shape}": (side, normal(*shape), normal(*shape))
        for side in (left, right)
        for shape in ((5, 3), (3, 5), (4, 4))
    },
}


@pytest.mark.parametrize("name", REGULAR)
def test_a_basis_that_is_determined_has_the_derivative_of_differences(name, x64):
    basis, at, along = REGULAR[name]
    at, along = jnp.asarray(at), jnp.asarray(along)
    _, slope = jax.jvp(basis, (at,), (along,))
    np.testing.assert_allclose(slope, difference(basis, at, along), atol=1e-8)
    q = basis(at)
    np.testing.assert_allclose(q.T @ slope + slope.T @ q, 0, atol=1e-12)


LOW = np.outer(normal(5), normal(3))
ALONG_LOW = np.outer(LOW @ normal(3), normal(3)) + np.outer(normal(5), normal(5) @ LOW)
SPACES = {  # what is computed from the space that a matrix of rank 1 determines
    "eigenvectors": lambda a: eigenvectors(a @ a.T)[:, :1],
    "orthonormal": lambda a: orthonormal(a)[:, :1],
    "left": lambda a: left(a)[:, :1],
    "right": lambda a: right(a)[:, :1],
}


@pytest.mark.parametrize("name", SPACES)
def test_where_rank_is_missing_the_space_that_there_is_has_its_derivative(name, x64):
    def projector(a):
        q = SPACES[name](a)
        return q @ q.T

    at, along = jnp.asarray(LOW), jnp.asarray(ALONG_LOW)
    _, slope = jax.jvp(projector, (at,), (along,))
    np.testing.assert_allclose(slope, difference(projector, at, along), atol=1e-8)


@pytest.mark.parametrize("basis", [eigenvectors, orthonormal, left, right])
def test_derivatives_are_finite_where_nothing_tells_vectors_apart_and_nan_where_all_is(basis):
    """Of the first and of the second order."""
    slope = jax.jit(jax.jacrev(basis))
    curvature = jax.jit(jax.jacfwd(jax.jacrev(basis)))
    for at in (jnp.zeros((2, 2)), jnp.eye(2), jnp.ones((2, 2))):
        assert jnp.all(jnp.isfinite(slope(at)))
        assert jnp.all(jnp.isfinite(curvature(at)))
    assert jnp.all(jnp.isnan(slope(jnp.full((2, 2), jnp.nan))))


OPTIMIZERS = {
    "soap": lambda lr: jd.soap(lr, b1=0.7, b2=0.8, eps=1e-2, precondition_frequency=1),
    "dion": lambda lr: jd.dion(lr, rank=2, eps=1e-2),
    "galore": lambda lr: jd.galore(
        lr, rank=2, update_proj_gap=2, base_optimizer=jd.adam(1.0, eps=1e-2)
    ),
}
PULL = np.array([[3.0, 1.0, 0.0], [0.5, 2.0, 0.3], [0.0, 0.7, 1.0], [0.2, 0.0, 0.4]])


def walk(name, loss, start, along, lr, distance):
    """Where the walk ends, seen along one direction, from a start moved along another."""
    optimizer = OPTIMIZERS[name](lr)
    x = start + distance * along
    state = optimizer.init(x)
    for _ in range(4):
        updates, state = accept_extra(optimizer.update)(jax.grad(loss)(x), state, x)
        x = jd.apply_updates(x, updates)
    return jnp.sum(jnp.sin(x - 0.3))


def of_full_rank(x):
    return jnp.sum(jnp.cosh(x - jnp.asarray(PULL))) / 4


def along_itself(x):
    return jnp.sum(x**2) + jnp.sum(x**2) ** 2 / 4


U, V = np.array([1.0, -0.5, 2.0, 0.3]), np.array([0.5, 1.0, -0.7])
WALKS = {
    "full rank": (of_full_rank, np.cos(PULL), np.sin(3 * PULL)),
    "rank one": (along_itself, np.outer(U, V), 0.7 * np.outer(U, V)),
    "equal singular values": (along_itself, np.eye(4, 3), 0.7 * np.eye(4, 3)),
    "nothing": (along_itself, np.zeros((4, 3)), np.ones((4, 3))),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("which", WALKS)
def test_hypergradients_are_those_of_differences_as_far_as_there_are_any(name, which, x64):
    """At a gradient of 0, dion and galore have none with respect to the start; it is finite."""
    loss, start, along = WALKS[which]
    start, along = jnp.asarray(start), jnp.asarray(along)
    run = jax.jit(functools.partial(walk, name, loss, start, along))
    of_rate, of_start = jax.jit(jax.grad(run, argnums=(0, 1)))(0.02, 0.0)
    assert jnp.isfinite(of_start)
    assert jnp.isfinite(of_rate)
    h = 1e-6
    by_rate = (run(0.02 + h, 0.0) - run(0.02 - h, 0.0)) / (2 * h)
    np.testing.assert_allclose(of_rate, by_rate, rtol=1e-6, atol=1e-7)
    if which != "nothing" or name == "soap":
        h = 1e-10 if which == "nothing" else 1e-6  # there, where the gradient is as small as ε
        by_start = (run(0.02, h) - run(0.02, -h)) / (2 * h)
        np.testing.assert_allclose(of_start, by_start, rtol=1e-5)
