"""Arrays of one type share one program: each still takes its own step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.core.tracing import traced_once

ALIKE = 6
HALVES = {f"w{i}": i % 2 == 0 for i in range(ALIKE)}
OPTIMIZERS = {
    "a mask and a schedule": lambda: jd.adamw(
        jd.schedules.cosine(0.1, 10), weight_decay=0.3, mask=HALVES
    ),
    "a mask over the tree": lambda: jd.muon(0.1, weight_decay=0.3, weight_decay_mask=HALVES),
    "a key": lambda: jd.sgld(0.1, key=jax.random.key(3)),
    "choices by step": lambda: jd.radam(0.1),
    "memories of other shapes": lambda: jd.sm3(0.1),
    "narrow memories": lambda: jd.lion(0.1, mu_dtype=jnp.bfloat16),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arrays_alike_take_the_steps_that_they_take_outside_a_program(name):
    optimizer = OPTIMIZERS[name]()
    params = {f"w{i}": jnp.linspace(-1 - i, 1 + i, 6).reshape(2, 3) for i in range(ALIKE)}

    def two_steps(params):
        state = optimizer.init(params)
        for _ in range(2):
            updates, state = optimizer.update(jax.tree.map(jnp.sin, params), state, params)
            params = jd.apply_updates(params, updates)
        return params

    program = jax.jit(two_steps)(params)
    for ours, alone in zip(*map(jax.tree.leaves, (program, two_steps(params))), strict=True):
        np.testing.assert_allclose(ours, alone, rtol=1e-5, atol=1e-6)


def test_derivatives_and_batches_pass_through_arrays_alike():
    def loss_after(rate, params):
        optimizer = jd.adam(rate)
        state = optimizer.init(params)
        for _ in range(2):
            updates, state = optimizer.update(params, state, params)
            params = jd.apply_updates(params, updates)
        return sum(jnp.sum(x**2) for x in params)

    params, rates = [jnp.full(2, 1.0 + i) for i in range(ALIKE)], jnp.array([0.1, 0.2])
    slopes = jax.jit(jax.vmap(jax.grad(loss_after), (0, None)))(rates, params)
    alone = [sum(jax.grad(loss_after)(rate, [x]) for x in params) for rate in rates]
    np.testing.assert_allclose(slopes, jnp.array(alone), rtol=1e-5)


def test_each_type_has_a_program_of_its_own():
    calls = []

    def sum_of(shared, x):
        calls.append(x.dtype)
        return shared + jnp.sum(x).astype(jnp.int32)

    function = traced_once(sum_of)
    arrays = [jnp.ones(n, d) for _ in range(5) for n in (1, 2) for d in (jnp.float32, jnp.int32)]
    sums = jax.jit(lambda shared, arrays: [function(shared, x) for x in arrays])(
        jnp.int32(7), arrays
    )
    assert [int(s) for s in sums] == [7 + x.size for x in arrays]
    assert len(calls) == 4 * 3
