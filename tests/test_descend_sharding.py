"""Parameters spread over a mesh of devices: the same run, and everything stays where it was."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jdescent as jd
from jdescent._jax import explicit_meshes

START = {"w": np.linspace(-1, 2, 8, dtype=np.float32).reshape(4, 2), "b": np.ones(4, np.float32)}
SPECS = {"w": P("x", None), "b": P("x")}


def loss(params):
    return jnp.sum((params["w"] - 1) ** 2) + jnp.sum(params["b"] ** 4)


def momentum_in_place():
    """A velocity that is made from the parameters, and thus where they are."""

    def update(gradient, velocity, params=None):
        velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.01 * g, velocity, gradient)
        return velocity, velocity

    return jd.Optimizer(lambda params: jax.tree.map(jnp.zeros_like, params), update)


OPTIMIZERS = {
    "clipped": lambda: jd.chain(jd.clip_by_global_norm(1.0), momentum_in_place()),
    "adam": lambda: jd.adam(0.1),
}


def placed(mesh):
    return {k: jax.device_put(v, NamedSharding(mesh, SPECS[k])) for k, v in START.items()}


def assert_placed(tree, mesh, rows=0):
    """Arrays of the parameters' names, with further axes before theirs, are spread as they are."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        spec = SPECS.get(getattr(path[-1], "key", None))
        if spec is not None:
            expected = NamedSharding(mesh, P(*[None] * rows, *spec))
            assert leaf.sharding.is_equivalent_to(expected, leaf.ndim), jax.tree_util.keystr(path)


def run_of(name, start, steps):
    options = {"record": ("params", "gradient_norm"), "every": 5}
    return jd.descend(loss, start, OPTIMIZERS[name](), steps, **options)


KINDS = ["automatic", "explicit", *(["explicit, set as the mesh"] if explicit_meshes else [])]


@functools.cache
def whole_run(name):
    """On one device, which does not depend on the mesh of others."""
    return jax.jit(lambda start: run_of(name, start, 23))(START)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_over_a_mesh_is_the_run_on_one_device(kind, name):
    axis = AxisType.Explicit if "explicit" in kind else AxisType.Auto
    mesh = jax.make_mesh((2,), ("x",), axis_types=(axis,))
    run, whole = functools.partial(run_of, name), whole_run(name)
    with jax.set_mesh(mesh) if "set" in kind else contextlib.nullcontext():
        first = jax.jit(run, static_argnums=1)(placed(mesh), 13)
        second = (run if kind == "explicit" else jax.jit(run, static_argnums=1))(first, 10)
    for path in (first, second):
        assert_placed((path.params, path.state), mesh)
    assert_placed(first.record["params"], mesh, rows=1)
    for got, want in zip(
        jax.tree.leaves((second.params, second.state, second.verdict)),
        jax.tree.leaves((whole.params, whole.state, whole.verdict)),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first.loss[:3], whole.loss[:3], rtol=1e-5)


ROWS = np.linspace(-1, 2, 32, dtype=np.float32).reshape(8, 4)
SAMPLERS = {
    "with replacement": lambda data: jd.batches.mini_batch(data, 4),
    "without": lambda data: jd.batches.mini_batch(data, 4, replace=False),
    "epochs": lambda data: jd.batches.epoch_shuffled(data, 4),
    "windows": lambda data: jd.batches.windows(data, 3, 4),
}


def losses_of_a_run(sampler, data):
    return jd.descend(
        lambda x, batch: jnp.mean((x - batch) ** 2), jnp.array(0.0), jd.sgd(0.1), 5,
        batches=sampler(data), key=jax.random.key(0),
    ).loss  # fmt: skip


@functools.cache
def losses_on_one_device():
    return losses_of_a_run(SAMPLERS["with replacement"], ROWS)


@pytest.mark.parametrize("spec", [P("x", None), P(None, "x")])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_data_over_a_mesh_are_those_of_one_device(kind, spec):
    """Whole along the examples, and spread over the mesh along the other axes."""
    axis = AxisType.Explicit if "explicit" in kind else AxisType.Auto
    mesh = jax.make_mesh((2,), ("x",), axis_types=(axis,))
    placed, key = NamedSharding(mesh, spec), jax.random.key(0)
    spread = jax.device_put(ROWS, placed)
    for name, sampler in SAMPLERS.items():
        with jax.set_mesh(mesh) if "set" in kind else contextlib.nullcontext():
            batch = sampler(spread)(key, 3)
            if name == "with replacement":
                losses = losses_of_a_run(sampler, spread)
        np.testing.assert_array_equal(batch, sampler(ROWS)(key, 3))
        if "explicit" in kind:
            there = NamedSharding(mesh, P(*[None] * (batch.ndim - 1), spec[1]))
            assert batch.sharding.is_equivalent_to(there, batch.ndim)
    np.testing.assert_allclose(losses, losses_on_one_device(), rtol=1e-5)
