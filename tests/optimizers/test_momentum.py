"""What theory says of momenta: their limits, their equals, and what is fixed by their means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments.common.problem import Problem, distance
from experiments.common.walking import our_path

PROBLEM = Problem(40)


def assert_same(ours, other):
    apart = distance(our_path(ours, PROBLEM), our_path(other, PROBLEM), PROBLEM.x0)
    assert apart < 1e-13


EQUALS = {
    "sgdw without decay is the heavy ball": (
        jd.sgdw(0.01, 0.8, weight_decay=0.0),
        jd.heavy_ball(0.01, 0.8),
    ),
    "and with nesterov's look-ahead it is his": (
        jd.sgdw(0.01, 0.8, weight_decay=0.0, nesterov=True),
        jd.nesterov(0.01, 0.8),
    ),
    "sgdw without momentum decays the gradient": (
        jd.sgdw(0.01, 0.0, weight_decay=0.3),
        jd.chain(jd.add_decayed_weights(0.3), jd.sgd(0.01)),
    ),
    "qhm of the gradient alone is sgd": (jd.qhm(0.02, 0.9, nu=0.0), jd.sgd(0.02)),
    "qhm of the mean alone is sgd with momentum": (
        jd.qhm(0.05, 0.8, nu=1.0),
        jd.sgd(0.05 * 0.2, momentum=0.8),
    ),
    "qhm with nu = beta is sgd with nesterov": (
        jd.qhm(0.05, 0.8, nu=0.8),
        jd.sgd(0.05 * 0.2, momentum=0.8, nesterov=True),
    ),
    "aggmo of one momentum is sgd with it": (
        jd.aggmo(0.01, betas=(0.8,)),
        jd.sgd(0.01, momentum=0.8),
    ),
    "pid without I and D is sgd": (jd.pid(0.02, integral=0.0, derivative=0.0), jd.sgd(0.02)),
    "pid's D without memory is optimism": (
        jd.pid(0.02, momentum=0.0, integral=0.0, derivative=0.7),
        jd.optimistic_gradient_descent(0.02, alpha=1.0, beta=0.7),
    ),
    "accsgd whose long step is forgotten at once is sgd": (
        jd.accsgd(0.02, kappa=0.49 * 4, xi=4.0, small_const=0.7),
        jd.sgd(0.02 * 0.7 * (1 + 4) / (1 + 0.7)),
    ),
    "optimism of no change is sgd": (
        jd.optimistic_gradient_descent(0.02, alpha=1.0, beta=0.0),
        jd.sgd(0.02),
    ),
    "sgdp of vectors is sgd": (jd.sgdp(0.02, 0.8, delta=0.0), jd.sgd(0.02, 0.8)),
}


@pytest.mark.parametrize("name", EQUALS)
def test_at_its_limits_a_momentum_is_another(name, x64):
    assert_same(*EQUALS[name])


def test_aggregated_momenta_damp_each_other(x64):
    """After 200 steps one momentum of 0.99 still swings, three that end with it hardly."""

    def swing(optimizer):
        path = jd.descend(lambda x: x**2 / 2, 1.0, optimizer, steps=300, record="params")
        return np.abs(path.record["params"][200:]).max()

    assert swing(jd.sgd(0.1, momentum=0.99)) > 0.3
    assert swing(jd.aggmo(0.1)) < 0.01


def test_an_undampened_start_is_one_whole_gradient():
    for switch, share in [(False, 0.3), (True, 1.0)]:
        optimizer = jd.sgd(0.1, momentum=0.9, dampening=0.7, undampened_start=switch)
        update, _ = optimizer.update(jnp.array(2.0), optimizer.init(jnp.array(0.0)))
        np.testing.assert_allclose(update, -0.1 * share * 2, rtol=1e-6)


@pytest.mark.parametrize("betas", [(0.5, 1.0), (-0.1,), (jnp.nan,)])
def test_aggregated_momenta_are_below_one(betas):
    with pytest.raises(ValueError, match="betas"):
        jd.aggmo(0.1, betas=betas)


def test_averaged_descent_keeps_the_mean_of_its_path(x64):
    """λ = 0 and t₀ = 4: ax is the mean of x₆, x₇, …"""
    path = jd.descend(
        jd.losses.bowl(),
        jnp.array([2.0, 1.0]),
        jd.asgd(0.45, lambd=0.0, t0=4),
        steps=30,
        record="params",
    )
    np.testing.assert_allclose(path.state.ax, path.record["params"][6:].mean(axis=0), rtol=1e-13)


def test_added_noise_has_the_variance_of_the_paper_and_is_fresh_for_each_step_and_leaf():
    """100 000 elements estimate a variance to √(2/10⁵), judged at 5 standard errors."""
    eta, gamma = 0.3, 0.8
    optimizer = jd.noisy_sgd(1.0, eta, gamma, jax.random.key(5))
    x = {"a": jnp.zeros(100_000), "b": jnp.zeros(100_000)}
    state, draws = optimizer.init(x), []
    for t in (1, 2, 3):
        updates, state = optimizer.update(x, state)
        for draw in updates.values():
            assert abs(jnp.var(draw) / (eta / t**gamma) - 1) < 5 * np.sqrt(2 / 1e5)
            draws.append(draw)
    correlations = np.corrcoef(draws)[~np.eye(6, dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(1e5)


def test_noise_is_named_by_a_key_or_a_seed():
    def first(**named):
        optimizer = jd.noisy_sgd(1.0, **named)
        return optimizer.update(jnp.zeros(3), optimizer.init(jnp.zeros(3)))[0]

    for key in (7, jnp.array(7), jax.random.key(7)):
        np.testing.assert_array_equal(first(seed=7), first(key=key))
    np.testing.assert_allclose(jax.jit(lambda key: first(key=key))(7), first(seed=7), rtol=1e-6)
    np.testing.assert_array_equal(first(), first(seed=0))
    with pytest.raises(ValueError, match="either key or seed"):
        jd.noisy_sgd(1.0, key=jax.random.key(0), seed=0)
