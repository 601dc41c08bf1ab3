"""Decompositions wait for one another, of all arrays and axes: two at once stop on two cores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Literal

import jdescent as jd
from jdescent._jax import explicit_meshes
from jdescent.core import leafwise
from jdescent.numerics import after

DECOMPOSITIONS = {"cholesky", "eigh", "geqrf", "lu", "qr", "svd", "triangular_solve"}
TREE = {"a": (3, 2), "b": (2, 4), "c": (3,)}


def inner_jaxprs(equation):
    for value in equation.params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            if hasattr(one, "jaxpr"):
                yield one.jaxpr
            elif hasattr(one, "eqns"):
                yield one


def decompositions(jaxpr, of_inputs, found):
    """What each output is computed from, as sets of decompositions; `found` has those of each."""
    known = dict(zip(jaxpr.invars, of_inputs, strict=True))

    def of(variable):
        return frozenset() if isinstance(variable, Literal) else known.get(variable, frozenset())

    for equation in jaxpr.eqns:
        before = frozenset().union(*map(of, equation.invars))
        if equation.primitive.name in DECOMPOSITIONS:
            found.append(before)
            before = before | {len(found) - 1}
        for inner in inner_jaxprs(equation):  # of a cond, one branch after another: one is taken
            inputs = [of(v) for v in equation.invars][-len(inner.invars) or None :]
            outputs = decompositions(inner, inputs, found)
            before = before.union(*outputs)
        known |= dict.fromkeys(equation.outvars, before)
    return [of(variable) for variable in jaxpr.outvars]


def steps_of(optimizer):
    params = {name: jnp.ones(shape) for name, shape in TREE.items()}
    state = optimizer.init(params)
    jaxpr = jax.make_jaxpr(optimizer.update)(params, state, params).jaxpr
    found = []
    decompositions(jaxpr, [frozenset()] * len(jaxpr.invars), found)
    return found


def are_in_turn(found):
    """Whether each is computed from one that is computed from all others before it."""
    return all(place == 0 or found[place] >= {place - 1} for place in range(len(found)))


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: jd.shampoo(0.1), 5),
        (lambda: jd.kl_shampoo(0.1), 10),
        (lambda: jd.dion(0.1, rank=2), 2),
        (lambda: jd.galore(0.1, rank=1), 2),
        (lambda: jd.splus(0.1), 4),
    ],
)
def test_each_decomposition_waits_for_the_one_before(make, count):
    found = steps_of(make())
    assert len(found) == count
    assert are_in_turn(found)


def test_those_that_do_not_wait_are_seen():
    rule = leafwise(lambda lr, g: -lr * jnp.linalg.qr(g.reshape(-1, 1))[0].reshape(g.shape), 0.1)
    assert not are_in_turn(steps_of(rule))


def test_soaps_axes_and_arrays_wait():
    """Each axis has two, of which one is taken."""
    found = steps_of(jd.soap(0.1))
    assert len(found) == 8
    pairs = [found[place : place + 2] for place in range(0, 8, 2)]
    for place, pair in enumerate(pairs[1:], start=1):
        assert all(each & {2 * place - 2, 2 * place - 1} for each in pair)


def test_what_is_waited_for_counts_in_the_compiled_program_and_not_in_the_value():
    x, y = jnp.arange(3.0), jnp.full(2, jnp.nan)
    compiled = jax.jit(after).lower(x, y).compile()
    assert "parameter(1)" in compiled.as_text()
    assert compiled(x, y).tolist() == [0.0, 1.0, 2.0]
    assert after(x, (None, jnp.zeros((0, 2)))) is x


def test_waiting_changes_no_number():
    rule = {"rule": lambda lr, g: -lr * g, "learning_rate": 0.5}
    gradients = {"a": jnp.array([jnp.inf, 1.0]), "b": jnp.array([jnp.nan]), "c": jnp.ones(2)}
    alone, waiting = (leafwise(**rule, in_turn=in_turn) for in_turn in (False, True))
    updates, others = (o.update(gradients, o.init(gradients))[0] for o in (alone, waiting))
    assert jax.tree.map(lambda u, v: jnp.array_equal(u, v, equal_nan=True), updates, others) == {
        "a": True, "b": True, "c": True,
    }  # fmt: skip


@pytest.mark.parametrize("axes", [("x", None), (None, "x")], ids=["rows", "columns"])
@pytest.mark.parametrize("make", [jd.shampoo, jd.soap, jd.splus, jd.galore, jd.kl_shampoo, jd.dion])
@pytest.mark.skipif(not explicit_meshes, reason="this version of JAX has no explicit meshes")
def test_sharded_arrays_wait_on_an_explicit_mesh(make, axes):
    """Several, on two devices; the second step equals that of one device."""
    mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
    random = np.random.default_rng(0)
    alone = {
        name: jnp.asarray(random.standard_normal(shape), jnp.float32)
        for name, shape in {"a": (4, 6), "b": (2, 4), "c": (6, 2)}.items()
    }
    optimizer = make(0.1)

    def second_update(params):
        _, state = jax.jit(optimizer.update)(params, optimizer.init(params), params)
        return jax.jit(optimizer.update)(params, state, params)[0]

    with jax.set_mesh(mesh):
        spread = second_update(jax.device_put(alone, sharding))
    for name, expected in second_update(alone).items():
        np.testing.assert_allclose(np.asarray(spread[name]), expected, rtol=2e-3, atol=2e-4)
