"""Loops are scalarized where that pays, and only there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from test_lanes import assert_same, columns, outside_branches

import jdescent as jd
from jdescent._jax import jaxprs_in_params
from jdescent.sweeps.lanes import costs, map_lanes
from jdescent.sweeps.lanes.costs import carried_bytes
from jdescent.sweeps.lanes.programs import SPLIT_LIMIT

RUNS = 256


def repeated(step, turns=50, **options):
    return lambda x: lax.scan(lambda x, _: (step(x), None), x, length=turns, **options)[0]


def added_at(x):
    return lax.fori_loop(0, 50, lambda i, x: x.at[i % x.size].add(jnp.sin(x[0])), x)


def many_equations(count):
    def step(x):
        for i in range(count):
            x = jnp.sin(x) + 0.1 * i
        return x

    return step


NOT_WORTH_IT = {
    "50 indexed": (added_at, 50),
    "400 indexed": (added_at, 400),
    "50 sorted": (repeated(jnp.sort), 50),
    "64 transformed": (repeated(lambda x: jnp.fft.ifft(jnp.fft.fft(x)).real), 64),
    "400 unrolled": (repeated(lambda x: jnp.sin(x) + 0.1 * x, unroll=16), 400),
    "500 equations": (repeated(many_equations(250)), 2),
    "one number, unrolled": (repeated(many_equations(10), unroll=50), 2),
}


def traced(function, size):
    return jax.make_jaxpr(function)(jnp.ones(size))


@pytest.mark.parametrize("name", NOT_WORTH_IT)
def test_a_loop_that_would_take_long_to_compile_is_left_to_vmap_as_a_whole(name):
    """Then the program has as many equations as under vmap, or a few that move axes."""
    program = traced(*NOT_WORTH_IT[name])
    assert carried_bytes(program, RUNS) is None
    lanes_last = jnp.ones((*program.in_avals[0].shape, RUNS))
    ours = jax.make_jaxpr(lambda x: map_lanes(program, x))(lanes_last)
    mapped = jax.vmap(jax.extend.core.jaxpr_as_fun(program), in_axes=-1, out_axes=-1)
    assert count(ours.jaxpr) <= count(jax.make_jaxpr(mapped)(lanes_last).jaxpr) + 5


def count(jaxpr):
    inner = [sub for e in jaxpr.eqns for sub in jaxprs_in_params(e.params)]
    return len(jaxpr.eqns) + sum(map(count, inner))


@pytest.mark.parametrize("optimizer", [jd.sgd, lambda rate: jd.sgd(rate, 0.9), jd.adam])
@pytest.mark.parametrize("record", ["loss", None])
def test_descents_of_few_parameters_are_scalarized(optimizer, record):
    bowl, start = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
    program = jax.make_jaxpr(lambda r: jd.descend(bowl, start, optimizer(r), 64, record=record))(
        0.1
    )
    assert carried_bytes(program, RUNS) is not None


def test_what_takes_long_to_compile_pays_where_there_is_much_to_run():
    def run(rate):
        loss, start = jd.losses.rosenbrock(10), jnp.zeros(10)
        return jd.descend(loss, start, jd.adam(rate), 1000).params

    program = jax.make_jaxpr(run)(0.1)
    assert carried_bytes(program, 16) is None
    assert carried_bytes(program, 16_384) is not None


def test_a_large_loop_is_left_to_vmap():
    matrix = jnp.ones((80, 80)) / 80

    def run(x):
        return lax.fori_loop(0, 3, lambda i, m: m @ matrix, x * matrix)

    program = jax.make_jaxpr(run)(1.0)
    assert SPLIT_LIMIT < 80 * 80
    assert carried_bytes(program, 2**20) is None
    assert_same(run, columns())


def test_a_branch_that_no_lane_takes_is_not_taken_in_a_loop_that_is_too_large_to_scalarize():
    """Taken, it would cost 10⁹ turns of a loop on 400 numbers."""

    def run(x):
        def step(i, x):
            costly = lambda: lax.fori_loop(0, 1_000_000, lambda i, x: jnp.sin(x), x)  # noqa: E731
            return lax.cond(x[0] > 1e6, costly, lambda: x / 2)

        return lax.fori_loop(0, 1000, step, x)

    program = traced(run, 400)
    assert carried_bytes(program, RUNS) is None
    lanes = jnp.ones((400, 5))
    mapped = jax.make_jaxpr(lambda x: map_lanes(program, x))(lanes)
    assert "sin" not in outside_branches(mapped.jaxpr)
    got = jax.jit(jax.extend.core.jaxpr_as_fun(mapped))(lanes)
    np.testing.assert_allclose(got[0], 0.0, atol=1e-30)


def test_no_program_is_kept_for_its_costs_once_it_is_compiled():
    def run(a):
        return lax.fori_loop(0, 3, lambda _, x: lax.fori_loop(0, 2, lambda _, y: y * a, x), a)

    for _ in range(2):
        jd.sweep(run, a=[1.0, 2.0])
        assert costs._of_jaxpr.cache_info().currsize == 0
