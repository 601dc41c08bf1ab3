"""Edge of stability at the quick sizes: ARPACK's eigenvalues, the flow's conditions, the claims."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

import jdescent as jd
from experiments import edge_of_stability
from experiments.common import report
from experiments.edge_of_stability.averaged import alternating, growth
from experiments.edge_of_stability.central_flow import Averaging, central_flow, complementary
from experiments.edge_of_stability.methods import METHODS
from experiments.edge_of_stability.problems import Network, digits, synthetic
from jdescent import analysis

QUICK = edge_of_stability.QUICK


@pytest.fixture(scope="module")
def data():
    return edge_of_stability.simulate(QUICK)


def test_headline_numbers_agree_and_claims_find_theirs(data):
    found = edge_of_stability.numbers(data, QUICK)
    short = ("batch_", "whole_", "flow_")  # of runs too short to have come to an edge
    misses = [miss for miss in report.off_theory(found) if not miss.name.startswith(short)]
    assert misses == []
    verdicts = [claim.verdict(found) for claim in edge_of_stability.claims(QUICK)]
    assert verdicts[0] == "reproduced"  # RMSProp's 2/η
    assert verdicts[1] == "bound holds"  # the sharpness rises first


def test_the_deviation_grows_by_the_sharpness_and_alternates(data):
    run = data["flows"]["gd"]
    measured, predicted = growth(run)
    assert measured > 5
    assert abs(measured - predicted) < 0.05 * predicted
    assert alternating(run) > 0.9


def test_central_flows_stay_at_the_edge_and_stable_ones_pass_it(data):
    for run in data["flows"].values():
        assert abs(np.mean(run.central.sharpness[-100:]) - 2) < 0.02
        assert np.min(run.stable.sharpness[-100:]) > 2.2
        assert np.all(run.central.variance >= 0)


def test_a_flow_below_the_edge_is_gradient_flow():
    """On a bowl w = w₀·e^(−ηλt), up to Euler's error, and nothing oscillates."""
    curvatures, rate = jnp.array([1.0, 0.5, 0.2]), 0.5
    flow = central_flow(
        lambda w: 0.5 * jnp.sum(curvatures * w**2), jnp.ones(3), jnp.zeros(3),
        Averaging(lambda v: jnp.full_like(v, rate), 0.0), steps=8, substeps=64, directions=2,
    )  # fmt: skip
    exact = np.exp(-rate * np.asarray(curvatures) * np.arange(8)[:, None])
    np.testing.assert_allclose(flow.w, exact, rtol=0.02)
    np.testing.assert_allclose(flow.sharpness, rate, rtol=1e-5)
    assert np.all(np.asarray(flow.variance) == 0)


def test_the_oscillation_solves_its_complementarity_problem():
    generator, solve = np.random.default_rng(0), jax.jit(complementary)
    for _ in range(5):
        J = generator.standard_normal((2, 2, 6))
        B = np.einsum("ijn,kln->ijkl", J + J.swapaxes(0, 1), J + J.swapaxes(0, 1))
        A = generator.standard_normal((2, 2))
        A = A + A.T
        X = np.eye(2)
        for _ in range(30):
            X = np.asarray(solve(A, B, X))
        slack = A + np.einsum("ijkl,kl->ij", B, X)
        assert np.linalg.eigvalsh(X)[0] > -1e-5
        assert np.linalg.eigvalsh(slack)[0] > -1e-3
        assert abs(np.sum(X * slack)) < 1e-3


def test_the_ratio_is_that_which_arpack_finds(data):
    network, problem = Network(QUICK.widths), digits(QUICK.examples)
    method, followed = METHODS["rmsprop"], data["followed"]["digits"]["rmsprop"]
    steps, rate = QUICK.every * followed.ratio.shape[1], method.rates["digits"]

    def loss(params):
        return network.loss(params, problem)

    path = jd.descend(loss, network.start(0), method.make(rate), steps=steps, record=None)
    root = np.asarray(path.state.memory["v"] + 1e-8) ** -0.25
    gradient = jax.grad(loss)
    product = jax.jit(lambda u: jax.jvp(gradient, (path.params,), (u,))[1])
    shape = 2 * root.shape
    scaled = LinearOperator(
        shape, lambda u: root * product(jnp.asarray(root * u.ravel())), dtype=root.dtype
    )
    (largest,) = eigsh(scaled, 1, which="LA", tol=1e-4, return_eigenvectors=False)
    np.testing.assert_allclose(followed.ratio[0, -1], largest / method.critical(rate), rtol=0.01)
    np.testing.assert_allclose(followed.loss[0, -1], path.verdict.loss, rtol=0.01)


def test_thresholds_hold_no_rate():
    for method in METHODS.values():
        assert np.isclose(method.threshold(0.1), method.threshold(0.3), rtol=1e-12)


def test_problems_are_as_described():
    for problem in (synthetic(200), digits(200)):
        assert problem.inputs.shape == (200, 64)
        assert np.all(np.sum(problem.targets, axis=1) == 1)
    np.testing.assert_allclose(np.mean(digits(200).inputs, axis=0), 0, atol=1e-6)
    weights = Network((400,)).start(0)[: 64 * 400]
    assert abs(np.std(weights) * 8 - 0.5) < 0.02


def test_the_first_step_of_a_flow_bends_the_path_as_the_third_derivative_says():
    """L = ½λx² + ½cyx²: at ηλ = 2 the sharpness falls by X's force alone, −η·c·X/2 along y."""
    rate, c, drift = 1.0, 1.0, 0.1

    def loss(w):
        x, y = w
        return 0.5 * (2 + c * y) * x**2 - drift * y

    flow = central_flow(
        loss, jnp.zeros(2), jnp.zeros(2), Averaging(lambda v: jnp.full_like(v, rate), 0.0),
        steps=40, substeps=4, directions=1,
    )  # fmt: skip
    np.testing.assert_allclose(flow.variance[5:], 2 * drift / c, rtol=1e-3)  # Damian's 2α/β
    np.testing.assert_allclose(flow.w[:, 1], 0, atol=1e-5)
    assert analysis.gd_limit(2.0) == rate


def test_the_flow_of_rmsprop_has_the_amplitude_of_its_cycle():
    """On a bowl RMSProp ends in the 2-cycle ±η/2, whatever the curvature."""
    rate, decay = 0.1, 0.9
    flow = central_flow(
        lambda w: 1.5 * jnp.sum(w**2), jnp.full(1, 0.01), jnp.full(1, 0.1),
        Averaging(lambda v: rate / jnp.sqrt(v), (1 - decay) / decay),
        steps=120, substeps=4, directions=1,
    )  # fmt: skip
    np.testing.assert_allclose(flow.variance[-20:], rate**2 / 4, rtol=0.02)
    np.testing.assert_allclose(flow.sharpness[-20:], 2, rtol=1e-3)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(edge_of_stability, data, QUICK)
    figures.assert_labeled(figure.axes[:6])
