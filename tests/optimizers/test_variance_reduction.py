"""What theory says of gradients whose noise vanishes at the minimum."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd

EXAMPLES, DIMENSIONS = 12, 4
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((EXAMPLES, DIMENSIONS))
TARGETS = RANDOM.standard_normal(EXAMPLES)
MINIMUM = np.linalg.lstsq(ROWS, TARGETS)[0]
L = np.max(np.sum(ROWS**2, axis=1))  # of the steepest example
MU = np.linalg.eigvalsh(ROWS.T @ ROWS / EXAMPLES)[0]


def example_loss(x, i):
    return (jnp.asarray(ROWS)[i] @ x - jnp.asarray(TARGETS)[i]) ** 2 / 2


def mean_loss(x):
    return jnp.mean(jax.vmap(example_loss, (None, 0))(x, jnp.arange(EXAMPLES)))


def uniform(key):
    return lambda step: jax.random.randint(jax.random.fold_in(key, step), (), 0, EXAMPLES)


def saga(rate, index, base=jd.sgd):
    return jd.saga(base(rate), example_loss, EXAMPLES, index)


def run(make, key, steps):
    """Where one example a step leads to, those of SAGA and of the loop drawn alike."""
    index = uniform(key)
    return jd.descend(
        example_loss,
        jnp.zeros(DIMENSIONS),
        make(index),
        steps=steps,
        batches=lambda key, step: index(step),
    ).params


def test_saga_converges_at_a_constant_rate_as_fast_as_was_proved_and_sgd_does_not(x64):
    """At the rate 1/3L the mean square of the distance falls by 1 − min(1/4n, μ/3L) a step."""
    rate, steps, keys = 1 / (3 * L), 1500, jax.random.split(jax.random.key(0), 20)
    factor = 1 - min(1 / (4 * EXAMPLES), MU / (3 * L))
    for make, converges in (
        (lambda index: saga(rate, index), True),
        (lambda index: jd.sgd(rate), False),
    ):
        ends = jax.jit(jax.vmap(functools.partial(run, make, steps=steps)))(keys)
        squares = np.mean(np.sum((np.asarray(ends) - MINIMUM) ** 2, axis=1)) / np.sum(MINIMUM**2)
        assert (squares < factor**steps) == converges


def test_svrg_converges_at_a_constant_rate(x64):
    def make(index):
        return jd.svrg(jd.sgd(1 / (5 * L)), mean_loss, update_interval=3 * EXAMPLES)

    np.testing.assert_allclose(run(make, jax.random.key(1), 6000), MINIMUM, rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 7])
def test_sagas_step_is_that_of_all_data_in_the_mean_over_examples(steps, x64):
    """Whatever gradients it has seen before."""
    index = uniform(jax.random.key(2))
    path = jd.descend(
        example_loss,
        jnp.zeros(DIMENSIONS),
        saga(0.01, index),
        steps=steps,
        batches=lambda key, step: index(step),
    )

    def step_of(i):
        g = jax.grad(example_loss)(path.params, i)
        state = path.state._replace(t=jnp.int32(steps))
        return saga(0.01, lambda step: i).update(g, state, path.params)[0]

    mean = jnp.mean(jax.vmap(step_of)(jnp.arange(EXAMPLES)), axis=0)
    np.testing.assert_allclose(mean, -0.01 * jax.grad(mean_loss)(path.params), rtol=1e-10)


def test_what_saga_remembers_is_of_the_points_where_examples_were_seen_last(x64):
    index = uniform(jax.random.key(3))
    path = jd.descend(
        example_loss, jnp.zeros(DIMENSIONS), saga(0.01, index), steps=9, record="params",
        batches=lambda key, step: index(step),
    )  # fmt: skip
    seen = np.asarray(path.record["params"])
    last = np.zeros(EXAMPLES, int)
    for step in range(9):
        last[int(index(step))] = step
    rows, mean = path.state.seen
    expected = jax.vmap(jax.grad(example_loss))(jnp.asarray(seen[last]), jnp.arange(EXAMPLES))
    np.testing.assert_allclose(rows, expected, rtol=1e-12)
    np.testing.assert_allclose(mean, expected.mean(0), rtol=1e-10)


def test_saga_of_one_example_is_the_optimizer_itself():
    bowl, start = jd.losses.bowl(), jnp.array([2.0, 1.0])
    alone, of_one = (
        jd.descend(bowl, start, optimizer, steps=10).params
        for optimizer in (
            jd.adam(0.1),
            jd.saga(jd.adam(0.1), lambda x, i: bowl(x), 1, lambda step: jnp.int32(0)),
        )
    )
    np.testing.assert_allclose(of_one, alone, rtol=1e-5)


def test_a_number_of_no_example_shows_and_what_is_no_number_is_refused():
    x = jnp.ones(DIMENSIONS)
    beyond = saga(0.1, lambda step: jnp.int32(EXAMPLES))
    assert jnp.all(jnp.isnan(beyond.update(x, beyond.init(x), x)[0]))
    half = saga(0.1, lambda step: step / 2)
    with pytest.raises(TypeError, match="index must return an integer"):
        half.update(x, half.init(x), x)


def test_sagas_mean_keeps_its_digits_where_gradients_are_narrow():
    """In bfloat16 a sum of a hundred changes would be off by tens of per cent."""
    narrow = jnp.zeros(2, jnp.bfloat16)
    optimizer = jd.saga(jd.sgd(0.1), lambda x, i: jnp.sum(x), 4, lambda step: step % 4)
    state = optimizer.init(narrow)
    update = jax.jit(optimizer.update)
    for step in range(200):
        g = jnp.full_like(narrow, 1 + 0.01 * step)
        _, state = update(g, state, narrow)
    rows, mean = state.seen
    assert rows.dtype == jnp.bfloat16
    np.testing.assert_allclose(mean, rows.astype(jnp.float32).mean(0), rtol=1e-5)
