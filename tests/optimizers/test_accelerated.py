"""The guarantees that accelerated methods are known for."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd


@functools.partial(jax.jit, static_argnums=(0, 3))
def points(optimizer, curvatures, start, steps):
    """Where the loss ½·Σ λ·x² is judged: after each step, x less what it is looked ahead by."""

    def step(carry, _):
        x, state = carry
        update, state = optimizer.update(curvatures * x, state)
        x = x + update
        return (x, state), x - state.memory.get("ahead", 0)

    return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[1]


CURVATURES = np.geomspace(1e-4, 1.0, 60)


def losses(optimizer, steps, start=None):
    start = jnp.ones(60) if start is None else start
    return 0.5 * (points(optimizer, jnp.asarray(CURVATURES), start, steps) ** 2 @ CURVATURES)


@pytest.mark.parametrize("optimizer", [jd.nesterov_convex(1.0), jd.nesterov_restarted(1.0)])
def test_accelerated_losses_stay_below_nesterovs_bound(optimizer, x64):
    """2·‖x₀‖²/(lr·(t + 1)²), which gradient descent breaks."""
    t = np.arange(1, 401)
    bound = 2 * 60 / (t + 1) ** 2
    assert np.all(losses(optimizer, 400) <= bound)
    assert not np.all(losses(jd.sgd(1.0), 400) <= bound)


def test_restarts_find_the_rate_of_the_best_momentum(x64):
    """κ = 10⁴: within twice the steps of the best constant momentum; without restarts, not."""
    best = jd.nesterov(1.0, (1 - 0.01) / (1 + 0.01))
    steps = 3000

    def needed(optimizer):
        return int(np.argmax(np.asarray(losses(optimizer, steps)) < 1e-12)) or steps

    assert needed(jd.nesterov_restarted(1.0)) < 2 * needed(best) < steps
    assert needed(jd.nesterov_convex(1.0)) == steps


@pytest.mark.parametrize("steps", [1, 5, 64])
def test_chebyshevs_steps_shrink_every_curvature_by_the_best_factor(steps, x64):
    """1/T_n((κ + 1)/(κ − 1)), reached at the ends, in float64 to 10⁻¹² though steps climb."""
    curvatures = jnp.linspace(1.0, 100.0, 2001)
    path = points(jd.chebyshev(1.0, 100.0, steps), curvatures, jnp.ones(2001), 2 * steps)
    best = 1 / np.cosh(steps * np.arccosh(101 / 99))
    np.testing.assert_allclose(np.abs(path[steps - 1]).max(), best, rtol=1e-9)
    np.testing.assert_allclose(np.abs(path[-1]).max(), best**2, rtol=1e-9)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_silver_steps_keep_their_bound_on_the_losses_that_are_hardest_for_gradient_descent(k, x64):
    """Huber's loss with its bend at d: after 2ᵏ − 1 steps from 1 at most 1/(1 + √(4ρ²ᵏ − 3))."""
    steps, bends = 2**k - 1, jnp.geomspace(1e-4, 1.0, 400)

    def end(bend):
        def huber(x):
            return jnp.where(jnp.abs(x) < bend, x**2 / 2, bend * (jnp.abs(x) - bend / 2))

        path = jd.descend(huber, jnp.array(1.0), jd.silver(1.0), steps=steps)
        return path.loss[-1]

    bound = 1 / (1 + np.sqrt(4 * (1 + np.sqrt(2)) ** (2 * k) - 3))
    assert bound / 4 < jax.vmap(end)(bends).max() <= bound


def test_silver_steps_repeat_themselves_around_a_longer_one(x64):
    """h₂ₙ₊₁ = [hₙ, 1 + ρᵏ⁻¹, hₙ]; together the first 2ᵏ − 1 are ρᵏ − 1 long."""
    path = jd.descend(lambda x: -x, jnp.array(0.0), jd.silver(1.0), steps=127, record="params")
    h = np.diff(path.record["params"])
    np.testing.assert_allclose(h, h[::-1], rtol=1e-12)
    np.testing.assert_allclose(h[:63], h[64:], rtol=1e-12)
    np.testing.assert_allclose(h.sum(), (1 + np.sqrt(2)) ** 7 - 1, rtol=1e-12)


@pytest.mark.parametrize(("by", "shrinks"), [(0.999, True), (1.001, False)])
def test_optimism_flips_at_two_thirds_over_the_curvature(by, shrinks, x64):
    optimizer = jd.optimistic_gradient_descent(by * 2 / (3 * 5.0))
    end = points(optimizer, jnp.array([5.0]), jnp.ones(1), 4000)[-1]
    assert (abs(end[0]) < 0.1) == shrinks
    assert (abs(end[0]) > 10) != shrinks


def test_optimism_settles_a_game_in_which_gradient_descent_spirals(x64):
    """min_x max_y x·y: of the steps' factors z² − (1 + 2·i·lr)·z + i·lr = 0 the larger decides."""

    def radius(optimizer):
        def step(carry, _):
            players, state = carry
            slopes = jnp.stack([players[1], -players[0]])
            updates, state = optimizer.update(slopes, state)
            return (players + updates, state), None

        start = jnp.array([1.0, 0.0])
        (players, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=200)
        return float(jnp.linalg.norm(players))

    factor = max(abs(np.roots([1, -(1 - 2j * 0.3), -1j * 0.3])))
    assert abs(np.log(radius(jd.optimistic_gradient_descent(0.3))) / 200 - np.log(factor)) < 0.005
    np.testing.assert_allclose(radius(jd.sgd(0.3)), (1 + 0.09) ** 100, rtol=1e-9)
