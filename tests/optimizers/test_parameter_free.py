"""What theory says of step sizes found from distances, bets and estimates of the distance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import descent

import jdescent as jd

SCALE_FREE = {
    "dog": jd.dog(init_step=("distance", 0.1), eps=0.0),
    "ldog": jd.ldog(init_step=("distance", 0.1), eps=0.0),
    "dowg": jd.dowg(init_estim_sq_dist=0.1, eps=0.0),
    "cocob": jd.cocob(eps=0.0),
    "dadapt_adamw": jd.dadapt_adamw(eps=0.0, estim_lr0=0.01),
    "prodigy": jd.prodigy(eps=0.0, estim_lr0=0.01),
}
A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
MINIMUM = np.array([1.0, -2.0, 0.5])


def quadratic(x):
    return 0.5 * (x - MINIMUM) @ A @ (x - MINIMUM)


@pytest.mark.parametrize("name", SCALE_FREE)
def test_the_path_does_not_know_the_unit_of_the_loss(name, x64):
    optimizer = SCALE_FREE[name]
    path = descent(optimizer, quadratic, jnp.zeros(3), steps=40)
    scaled = descent(optimizer, lambda x: 1024 * quadratic(x), jnp.zeros(3), steps=40)
    np.testing.assert_allclose(scaled, path, rtol=1e-12)
    assert np.abs(path[-1]).max() > 0.1


@pytest.mark.parametrize("name", SCALE_FREE)
def test_no_gradient_is_no_step(name):
    path = descent(SCALE_FREE[name], quadratic, jnp.asarray(MINIMUM), steps=3)
    np.testing.assert_array_equal(path, np.tile(MINIMUM, (3, 1)))


@pytest.mark.parametrize("name", ["dog", "dowg"])
def test_the_path_turns_with_the_loss(name, x64):
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    path = descent(SCALE_FREE[name], quadratic, jnp.zeros(3), steps=40)
    turned = descent(SCALE_FREE[name], lambda x: quadratic(turn.T @ x), jnp.zeros(3), steps=40)
    np.testing.assert_allclose(turned, path @ turn.T, rtol=1e-12, atol=1e-12)


def test_layer_wise_dog_is_dog_for_one_layer_and_for_more_knows_nothing_of_the_others(x64):
    settings = {"init_step": ("heuristic", 0.1), "weight_decay": 0.1}
    start = jnp.array([0.5, 0.0, 0.0])
    alone = descent(jd.ldog(**settings), quadratic, start, steps=30)
    np.testing.assert_allclose(descent(jd.dog(**settings), quadratic, start, steps=30), alone)

    optimizer, g = jd.ldog(**settings), jnp.array([1.0, 2.0])
    both = {"a": g, "b": 100 * g}
    updates, _ = optimizer.update(both, optimizer.init(both), both)
    for name, one in both.items():
        expected, _ = optimizer.update(one, optimizer.init(one), one)
        np.testing.assert_array_equal(updates[name], expected)


@pytest.mark.parametrize(
    ("init_step", "length"),
    [
        (("distance", 0.25), 0.25),
        (("learning_rate", 0.25), 0.25 * 5.0),
        (("heuristic", 0.25), 0.25 * (1 + 2.0)),
    ],
)
def test_the_first_step_of_dog_is_as_long_as_it_is_told(init_step, length):
    x, g = jnp.array([2.0, 0.0]), jnp.array([3.0, 4.0])
    optimizer = jd.dog(init_step=init_step, eps=0.0)
    step, _ = optimizer.update(g, optimizer.init(x), x)
    np.testing.assert_allclose(step, -length * g / 5, rtol=1e-6)


def test_dowg_without_any_first_distance_is_refused():
    with pytest.raises(ValueError, match="give init_estim_sq_dist"):
        jd.dowg(eps=0.0)


@pytest.mark.parametrize("lr", [0.3, 1.0])
def test_prodigys_estimate_never_exceeds_the_distance_to_the_minimum(lr, x64):
    """⟨gᵢ, x₀ − xᵢ⟩ ≤ ⟨gᵢ, x₀ − x*⟩ for a convex loss, so r ≤ ⟨s, x₀ − x*⟩ ≤ ‖s‖₁·‖x₀ − x*‖∞."""
    optimizer = jd.prodigy(lr)
    path = jd.descend(quadratic, jnp.zeros(3), optimizer, steps=300)
    assert 0.1 < path.state.d <= np.abs(MINIMUM).max()


def test_the_estimates_start_at_the_first_distance_and_grow(x64):
    for make in (jd.prodigy, jd.dadapt_adamw):
        optimizer = make(estim_lr0=0.5)
        x, state = jnp.zeros(3), optimizer.init(jnp.zeros(3))
        for _ in range(20):
            step, after = optimizer.update(jax.grad(quadratic)(x), state, x)
            assert after.d >= state.d >= 0.5
            x, state = x + step, after
