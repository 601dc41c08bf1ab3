"""What theory says of averages in the place of schedules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import descent

import jdescent as jd

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
MINIMUM = np.array([1.0, -2.0, 0.5])


def quadratic(x):
    return 0.5 * (x - MINIMUM) @ A @ (x - MINIMUM)


def zs_and_xs(optimizer, steps=30):
    """z and the average x after each step."""
    y, state, rows = jnp.zeros(3), optimizer.init(jnp.zeros(3)), []
    for _ in range(steps):
        step, state = optimizer.update(jax.grad(quadratic)(y), state, y)
        y = y + step
        rows.append((state.z, jd.schedule_free_eval_params(state, y)))
    return map(np.array, zip(*rows, strict=True))


@pytest.mark.parametrize("b1", [0.3, 0.9])
def test_x_is_the_average_of_all_z_weighted_by_powers_of_the_rate(b1, x64):
    zs, xs = zs_and_xs(jd.schedule_free_sgd(0.1, b1=b1))
    counts = np.arange(1, len(zs) + 1)[:, None]
    np.testing.assert_allclose(xs, np.cumsum(zs, 0) / counts, rtol=1e-10)

    zs, xs = zs_and_xs(jd.schedule_free_sgd(0.1, 10, b1, weight_lr_power=3.0))
    weights = np.minimum(counts / 10, 1) ** 3
    np.testing.assert_allclose(xs, np.cumsum(weights * zs, 0) / np.cumsum(weights, 0), rtol=1e-10)


def test_a_wrapped_base_is_the_optimizer_of_its_own_name(x64):
    def rate(step):
        return 0.1 / (1 + jnp.asarray(step, float))

    start = jnp.zeros(3)
    np.testing.assert_allclose(
        descent(jd.schedule_free(jd.sgd(0.1), 0.1), quadratic, start, 20),
        descent(jd.schedule_free_sgd(0.1), quadratic, start, 20),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        descent(jd.schedule_free(jd.adam(0.1, b1=0.0, b2=0.9), 0.1), quadratic, start, 20),
        descent(jd.schedule_free_adamw(0.1, b2=0.9), quadratic, start, 20),
        rtol=1e-12,
    )
    falling = jd.schedule_free(jd.sgd(rate), rate)
    assert not np.allclose(
        descent(falling, quadratic, start, 20), descent(jd.sgd(rate), quadratic, start, 20)
    )


def test_a_base_may_read_the_loss_and_keep_a_state(x64):
    base = jd.chain(jd.clip(1.0), jd.alig(0.3))
    path = jd.descend(quadratic, jnp.zeros(3), jd.schedule_free(base, 0.3), steps=200)
    average = jd.schedule_free_eval_params(path.state, path.params)
    assert quadratic(average) < 0.05 < path.loss[0]


@pytest.mark.parametrize("make", [jd.schedule_free_sgd, jd.schedule_free_adamw])
def test_no_gradient_is_no_step(make):
    path = descent(make(), quadratic, jnp.asarray(MINIMUM), steps=3)
    np.testing.assert_array_equal(path, np.tile(MINIMUM, (3, 1)))


def test_a_first_rate_of_zero_moves_nothing():
    def rate(step):
        return 0.1 * jnp.asarray(step, float)

    optimizer = jd.schedule_free(jd.sgd(rate), rate)
    path = descent(optimizer, quadratic, jnp.zeros(3), steps=2)
    np.testing.assert_array_equal(path[0], 0)
    assert np.abs(path[1]).max() > 0


def test_z_is_kept_in_the_dtype_that_it_is_told_and_the_average_in_the_parameters(x64):
    optimizer, x = jd.schedule_free_sgd(state_dtype=jnp.float32), jnp.ones(2, jnp.bfloat16)
    state = optimizer.init(x)
    assert state.z.dtype == jnp.float32
    assert jd.schedule_free_eval_params(state, x).dtype == jnp.bfloat16
