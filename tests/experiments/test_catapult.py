"""The catapult at its quick sizes: invariants of the map, closed forms, what it claims."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from experiments import catapult
from experiments.catapult import networks, phases, theory, two_layer
from experiments.catapult.network_numbers import limits
from experiments.common import report
from experiments.common.digits import split_digits

QUICK = catapult.QUICK
products = st.floats(0.1, 3.99)
shares = st.floats(0.01, 0.99)  # of the largest |f| that the curvature allows; at 0 f rests


@pytest.fixture(scope="module")
def data(compiled_to_run_fast):
    return catapult.simulate(QUICK)


def test_headline_numbers_agree_and_claims_find_theirs(data):
    found = catapult.numbers(data, QUICK)
    assert report.off_theory(found) == []
    exact, edges, end, peak, full, deep, *_ = (c.verdict(found) for c in catapult.claims(QUICK))
    assert exact == end == "bound holds"
    assert edges == peak == full == deep == "reproduced"


@given(products, shares)
def test_below_4_the_curvature_falls_to_2_or_below_from_every_start(product, share):
    """2√y ≤ a holds throughout, so that f cannot outgrow the curvature."""
    a, y = theory.follow(product, (share * product / 2) ** 2, 3_000)
    assert np.all(np.diff(a) <= 1e-12)
    assert np.all(2 * np.sqrt(y) <= a * (1 + 1e-9) + 1e-12)
    assert a[-1] <= 2 + 1e-2  # what is left to fall when ηλ has almost come to rest


@given(st.floats(4.05, 8), shares)
def test_above_4_it_grows_without_end(product, share):
    a, _ = theory.follow(product, (share * product / 2) ** 2, 2_000)
    assert np.nanmax(a) > 1e6


def test_at_4_the_map_is_a_chebyshev_polynomial():
    a, y = theory.follow(4.0, 0.3, 15)
    np.testing.assert_array_equal(a, 4.0)
    np.testing.assert_allclose(y, theory.chaotic(0.3, 15), rtol=0, atol=1e-7)


def test_the_mean_logarithm_of_its_growth_is_that_of_the_golden_ratio():
    theta = np.pi * (np.arange(1_000) + 0.5) / 1_000
    assert np.mean(np.log1p(4 * np.cos(theta) ** 2)) == pytest.approx(theory.LEAVING, rel=1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.1, 0.2])
def test_the_closed_form_near_2_is_right_to_its_order(delta):
    wide, near = theory.wide(2 + delta), theory.near_critical(2 + delta)
    assert abs(np.mean(wide.curvature) - near.curvature) < 0.6 * delta**3
    assert abs(np.mean(wide.peak) - near.peak) < 0.6 * delta**4


def test_descent_only_stretches_u_plus_v_and_u_minus_v():
    """(u ± v) ← (1 ∓ ηf/√n)(u ± v): why two numbers hold all of it."""
    with jax.enable_x64(True):
        weights = two_layer.start(0, 50)
        rate = 3.0 / two_layer.kernel(weights)
        path = jd.descend(two_layer.loss, weights, jd.sgd(rate), 12, record="params")
        u, v = path.record["params"]
        f = jnp.sum(u * v, axis=1) / jnp.sqrt(50)
        for sign in (1, -1):
            factor = 1 - sign * rate * f[:-1, None] / jnp.sqrt(50)
            np.testing.assert_allclose(
                (u + sign * v)[1:], factor * (u + sign * v)[:-1], rtol=1e-10, atol=1e-12
            )


def test_the_network_walks_the_map_whatever_its_width():
    with jax.enable_x64(True):
        for width in (1, 500):
            path = two_layer.descent(two_layer.start(width, width), 2.6, 30)
            a, y = theory.follow(float(path.curvature[0]), float(path.size[0]), 30)
            np.testing.assert_allclose(path.curvature, a, rtol=1e-10)
            np.testing.assert_allclose(path.size, y, rtol=1e-8, atol=1e-14)


@pytest.mark.usefixtures("compiled_to_run_fast")
def test_the_kernel_of_a_network_on_digits_is_the_largest_eigenvalue_of_its_jacobians():
    network = networks.NETWORKS["relu_2"]
    given = networks.task(10, split_digits(networks.HELD_OUT, train=20))
    weights = networks.draw(network, 16, jax.random.key(1))
    tree = jax.jit(jax.jacobian(lambda w: networks.outputs(network, w, given.inputs)))(weights)
    J = jnp.concatenate([leaf.reshape(200, -1) for leaf in jax.tree.leaves(tree)], axis=1)
    largest = jnp.linalg.eigvalsh(J @ J.T / 20)[-1]
    assert networks.kernel(network, weights, given) == pytest.approx(float(largest), rel=1e-3)


def test_pictures_are_normalized_and_parity_has_one_output():
    given = networks.task(1, split_digits(networks.HELD_OUT, train=100))
    assert float(jnp.mean(given.inputs)) == pytest.approx(0, abs=1e-5)
    assert float(jnp.mean(given.inputs**2)) == pytest.approx(1, rel=1e-4)
    assert set(np.unique(given.labels)) == {-1.0, 1.0}


def test_a_network_that_trains_at_every_rate_has_no_largest_one():
    some = np.ones((2, 3))
    runs = networks.Runs(np.array([1.0, 2.0, 4.0]), some > 0, *[some] * 4)
    with pytest.raises(ValueError, match="all rates up to"):
        limits(runs)
    fails = np.array([[True, True, False], [True, False, False]])
    np.testing.assert_allclose(limits(runs._replace(trains=fails)), [8**0.5, 2**0.5])


def test_grids_hold_their_edge_midway():
    grid = phases.about(4.0, QUICK)
    assert np.isclose(grid.mean(), 4.0)
    assert np.min(np.abs(grid - 4.0)) == pytest.approx(phases.EDGE_STEP / 2)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figures.assert_labeled(figures.drawn(catapult, data, QUICK).axes)
