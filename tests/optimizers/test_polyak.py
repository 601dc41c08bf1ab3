"""What theory says of Polyak's step sizes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import by_name
from walks import descent

import jdescent as jd
from experiments.common.papers.polyak import ADAPTED
from experiments.common.problem import Problem, distance
from experiments.common.walking import our_path

A = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
MINIMUM = np.array([1.0, -2.0, 0.5])
ALL = {
    "polyak_sgd": jd.polyak_sgd(),
    "alig": jd.alig(momentum=0.9, eps=0.0),
    "momo": jd.momo(),
    "momo_adam": jd.momo_adam(eps=0.0),
}


def quadratic(x):
    return 0.5 * (x - MINIMUM) @ A @ (x - MINIMUM)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("height", [-1.0, 0.0, 1.0])
def test_no_gradient_is_no_step_wherever_the_loss_lies(name, height):
    path = descent(ALL[name], lambda x: quadratic(x) + height, jnp.asarray(MINIMUM), steps=3)
    np.testing.assert_array_equal(path, np.tile(MINIMUM, (3, 1)))


@pytest.mark.parametrize("scaling", [0.5, 1.0, 1.9])
def test_every_step_brings_x_nearer_to_the_minimum_of_a_convex_loss(scaling, x64):
    """‖x₊ − x*‖² ≤ ‖x − x*‖² − s(2 − s)·(f − f*)²/‖g‖² for any s in (0, 2)."""
    optimizer = jd.polyak_sgd(1e6, scaling)
    path = np.vstack([np.zeros(3), descent(optimizer, quadratic, jnp.zeros(3), steps=40)])
    for x, after in itertools.pairwise(path):
        g, gap = A @ (x - MINIMUM), float(quadratic(x))
        drop = scaling * (2 - scaling) * gap**2 / (g @ g)
        distance = np.sum((x - MINIMUM) ** 2)
        assert np.sum((after - MINIMUM) ** 2) <= distance - drop + 1e-12 * distance


@pytest.mark.parametrize(("scaling", "left"), [(1.0, 0.5), (2.0, 0.0)])
def test_on_a_parabola_a_step_halves_the_distance_and_twice_the_step_is_newtons(scaling, left, x64):
    path = descent(jd.polyak_sgd(1e6, scaling), lambda x: 7 * (x - 3) ** 2, jnp.array(0.0), steps=1)
    assert path[0] - 3 == pytest.approx(-3 * left, abs=1e-12)


def test_polyaks_rate_is_capped_and_below_the_least_loss_it_climbs_or_stays():
    x, g = jnp.zeros(2), jnp.array([3.0, 4.0])
    for settings, loss, rate in [
        ({"max_learning_rate": 0.01}, 5.0, 0.01),
        ({}, 5.0, 5 / 25),
        ({}, -5.0, -5 / 25),
        ({"variant": "sps+"}, -5.0, 0.0),
    ]:
        optimizer = jd.polyak_sgd(**settings)
        step, _ = optimizer.update(g, optimizer.init(x), x, value=loss)
        np.testing.assert_allclose(step, -rate * g, rtol=1e-6)


def test_alig_without_momentum_is_polyaks_step(x64):
    start = jnp.zeros(3)
    alig = descent(jd.alig(0.3, eps=0.1), quadratic, start, steps=20)
    polyak = descent(jd.polyak_sgd(0.3, eps=0.1), quadratic, start, steps=20)
    np.testing.assert_allclose(alig, polyak, rtol=1e-12)


def test_momo_without_memory_is_polyaks_step(x64):
    def below_zero(x):
        return quadratic(x) - 0.5

    polyak = jd.polyak_sgd(0.3, f_min=-0.1, variant="sps+")
    momo = jd.momo(0.3, beta=0.0, lower_bound=-0.1)
    start = jnp.zeros(3)
    np.testing.assert_allclose(
        descent(momo, below_zero, start, 20), descent(polyak, below_zero, start, 20), rtol=1e-10
    )


def test_far_above_the_least_loss_momo_is_momentum_and_momo_adam_is_adam(x64):
    def high(x):
        return quadratic(x) + 1e6

    start, settings = jnp.zeros(3), {"b1": 0.8, "b2": 0.9, "eps": 1e-3}
    np.testing.assert_allclose(
        descent(jd.momo_adam(0.05, **settings), high, start, 30),
        descent(jd.adam(0.05, **settings), high, start, 30),
        rtol=1e-9,
    )
    x, m = np.zeros(3), None
    for after in descent(jd.momo(0.1, beta=0.8), high, start, 30):
        g = A @ (x - MINIMUM)
        m = g if m is None else 0.8 * m + 0.2 * g
        x = x - 0.1 * m
        np.testing.assert_allclose(after, x, rtol=1e-8)


@pytest.mark.parametrize("case", ADAPTED, ids=by_name)
def test_of_an_adapted_bound_the_path_is_that_of_the_paper_and_of_the_twin(case, x64):
    problem = Problem()
    ours = our_path(case.build(case.rate), problem)
    assert distance(ours, case.walk_paper(problem), problem.x0) <= case.tolerance
    if case.twin is not None:
        with jax.numpy_dtype_promotion("standard"):
            twin = our_path(case.build_twin(case.rate), problem)
        assert distance(ours, twin, problem.x0) <= case.tolerance


def test_an_adapted_bound_stays_below_the_loss_and_above_what_it_is_told(x64):
    """For a parabola f* comes up to the least loss, which is 2, from the bound 0."""
    optimizer = jd.momo(0.2, lower_bound=0.0, adapt_lower_bound=True)

    def loss(x):
        return (x - 3) ** 2 + 2

    path = jd.descend(loss, jnp.array(0.0), optimizer, steps=200)
    assert path.state.least == pytest.approx(2, abs=1e-6)
    assert path.loss[-1] == pytest.approx(2, abs=1e-6)


def test_decay_is_the_proximal_step_of_its_penalty(x64):
    """x₊ minimizes f̄ + ⟨m, x₊ − x⟩ + ‖x₊ − x‖²/(2·lr) + w·‖x₊‖²/2 where the model is not cut."""
    lr, w, x = 0.2, 0.5, jnp.array([1.0, -2.0])
    g = jnp.array([0.3, 0.7])
    optimizer = jd.momo(lr, weight_decay=w)
    step, _ = optimizer.update(g, optimizer.init(x), x, value=100.0)

    def proximal(y):
        return g @ (y - x) + jnp.sum((y - x) ** 2) / (2 * lr) + w * jnp.sum(y**2) / 2

    np.testing.assert_allclose(jax.grad(proximal)(x + step), 0, atol=1e-12)
