"""Batch scaling at its quick sizes: exact moments, what rules leave unchanged, the claims."""

import dataclasses

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from experiments import batch_scaling
from experiments.batch_scaling import (
    best_rates,
    classifier,
    jackknife,
    noise_scale,
    quadratic,
    theory,
    tradeoff,
)
from experiments.batch_scaling.theory import Momentum
from experiments.common import report
from jdescent import analysis

QUICK = batch_scaling.QUICK
BETAS = pytest.mark.parametrize("beta", [0.0, 0.9])


@pytest.fixture(scope="module")
def data(compiled_to_run_fast):
    return batch_scaling.simulate(QUICK)


def test_headline_numbers_agree_and_claims_find_theirs(data):
    found = batch_scaling.numbers(data, QUICK)
    assert report.off_theory(found) == []
    verdicts = {claim.says: claim.verdict(found) for claim in batch_scaling.claims(QUICK)}
    (root,) = (verdict for says, verdict in verdicts.items() if "mostly noise" in says)
    assert root == "reproduced"


@BETAS
def test_powers_of_the_moments_are_as_many_steps(beta):
    descent = Momentum(theory.noisy_quadratic(20), 0.3, 8.0, beta)
    state = descent.start()
    for taken in range(1, 60):
        state = np.einsum("nij,nj->ni", descent.step(), state)
        assert descent.loss(taken) == pytest.approx(descent.q.loss(state[:, 0]), rel=1e-12)


@BETAS
def test_moments_settle_at_the_stationary_variance(beta):
    q = theory.noisy_quadratic(20)
    q = q._replace(curvature=q.curvature + 0.5)
    variance = analysis.heavy_ball_variance(0.3, q.curvature, beta, q.noise / 8)
    settled = Momentum(q, 0.3, 8.0, beta).loss(2**14)
    assert settled == pytest.approx(q.loss(variance), rel=1e-10)


@BETAS
def test_without_noise_moments_are_those_of_the_optimizer(beta):
    q = theory.noisy_quadratic(6)._replace(noise=np.zeros(6))
    with jax.enable_x64(True):
        h = jnp.asarray(q.curvature)
        path = jd.descend(lambda x: 0.5 * jnp.sum(h * x**2), jnp.ones(6), jd.sgd(0.7, beta), 40)
        np.testing.assert_allclose(
            path.loss, [Momentum(q, 0.7, 1.0, beta).loss(t) for t in range(41)], rtol=1e-10
        )


def test_without_noise_adams_moments_are_exact():
    q = theory.noisy_quadratic(6)._replace(noise=np.zeros(6))
    with jax.enable_x64(True):
        h = jnp.asarray(q.curvature)
        adam = jd.adam(0.01, b1=0.0, b2=0.99)
        path = jd.descend(lambda x: 0.5 * jnp.sum(h * x**2), jnp.ones(6), adam, 30)
        expected = [theory.adam_loss(q, 0.01, 1.0, 0.99, t) for t in range(31)]
        np.testing.assert_allclose(path.loss, expected, rtol=1e-7)


@given(st.floats(1.0, 500.0), st.floats(0.01, 0.9), st.sampled_from([0.0, 0.9]))
def test_steps_to_a_target_are_the_first_at_it(batch, share, beta):
    q = theory.noisy_quadratic(12)
    descent, target = Momentum(q, 0.1, batch, beta), share * q.first_loss
    steps = descent.steps_to(target)
    if np.isfinite(steps):
        assert descent.loss(int(steps)) <= target
        assert descent.loss(int(steps) - 1) > target
    else:
        assert descent.loss(2**20) > target


def test_the_preconditioned_quadratic_has_the_same_loss_and_descends_by_powers_of_h():
    q = theory.noisy_quadratic(12)
    p = theory.preconditioned(q, 0.5)
    assert p.first_loss == pytest.approx(q.first_loss, rel=1e-12)
    np.testing.assert_allclose(p.curvature, np.sqrt(q.curvature), rtol=1e-12)
    np.testing.assert_allclose(p.noise, q.noise / np.sqrt(q.curvature), rtol=1e-12)


@given(st.floats(1.5, 8.0))
def test_small_steps_obey_the_linear_rule_and_adams_the_root(factor):
    """Losses after equal numbers of examples differ by terms of the order of a step alone.

    Of Adam, where noise is most of the gradient.
    """
    q = theory.noisy_quadratic(6)
    steps = 4_000
    slow = Momentum(q, 1e-3, 1.0).loss(steps)
    fast = Momentum(q, 1e-3 * factor, factor).loss(round(steps / factor))
    assert fast == pytest.approx(slow, rel=0.02)
    q = q._replace(noise=100 * q.noise)
    slow = theory.adam_loss(q, 1e-3, 1.0, 0.999, steps)
    decay = 1 - 1e-3 * factor
    fast = theory.adam_loss(q, 1e-3 * factor**0.5, factor, decay, round(steps / factor))
    assert fast == pytest.approx(slow, rel=0.02)


def test_a_hyperbola_is_found_again():
    sizes = 2.0 ** np.arange(12)
    found = tradeoff.fitted(sizes, 30 * (1 + 55 / sizes))
    assert found.steps == pytest.approx(30, rel=1e-6)
    assert found.critical == pytest.approx(55, rel=1e-6)
    excess, extra = (
        found.at(sizes) / found.steps - 1,
        sizes * found.at(sizes) / (found.steps * found.critical) - 1,
    )
    np.testing.assert_allclose(excess * extra, 1, rtol=1e-6)


def test_the_vertex_of_a_parabola_is_exact_and_never_at_an_end():
    rates = np.geomspace(0.1, 10, 9)
    losses = 1 + (np.log(rates) - np.log(0.7)) ** 2
    assert best_rates.vertex(rates, losses) == pytest.approx(0.7, rel=1e-10)
    with pytest.raises(ValueError, match="is the last"):
        best_rates.vertex(rates[:4], losses[:4])


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=8, unique=True))
def test_the_jackknife_of_a_mean_is_its_standard_error(values):
    samples = np.array(values)
    found = jackknife.estimate(jackknife.means(samples))
    assert found.value == pytest.approx(samples.mean(), abs=1e-9)
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    assert found.error == pytest.approx(error, rel=1e-6, abs=1e-9)


def test_batches_of_all_sizes_cut_up_one_stream():
    small, large = (classifier.stream(3, size, QUICK).ravel() for size in (4, 36))
    np.testing.assert_array_equal(small[:1_000], large[:1_000])


def test_rules_scale_what_their_papers_say():
    first, scaled = (classifier.ruled("adam", "root", size, QUICK) for size in (4, 36))
    assert scaled.rate == pytest.approx(3 * first.rate)
    assert 1 - scaled.b1 == pytest.approx(9 * (1 - first.b1))
    assert 1 - scaled.b2 == pytest.approx(9 * (1 - first.b2))
    assert scaled.eps == pytest.approx(first.eps / 3)
    linear = classifier.ruled("sgd", "linear", 36, QUICK)
    assert linear.rate == pytest.approx(9 * classifier.ruled("sgd", "linear", 4, QUICK).rate)


def test_a_fifth_of_the_labels_are_drawn_at_random():
    _, labels = classifier.examples()
    _, truth = classifier.split_digits(classifier.HELD_OUT).train
    wrong = float(np.mean(np.asarray(labels) != np.asarray(truth)))
    assert wrong == pytest.approx(0.9 * classifier.MISLABELED, abs=0.03)


def test_the_best_step_on_a_parabola_is_found():
    rates = np.array([0.5, 0.75, 1.0, 1.25, 1.5]) * 0.3
    place, decrease = noise_scale.peak(rates, 2 * rates - rates**2 / 0.3)
    assert place == pytest.approx(0.3, rel=1e-2)
    assert decrease == pytest.approx(0.3, rel=1e-4)


@given(st.floats(0.1, 10.0), st.integers(2, 9))
def test_the_noise_scale_does_not_change_with_the_unit_of_the_loss(unit, count):
    each = np.random.default_rng(count).standard_normal((count, 5)) + 1
    scale = noise_scale.noise_over_signal(jnp.asarray(each))
    assert noise_scale.noise_over_signal(jnp.asarray(unit * each)) == pytest.approx(
        float(scale), rel=1e-3
    )


def test_sizes_that_have_no_exponent_are_refused():
    with pytest.raises(ValueError, match="ascending"):
        dataclasses.replace(QUICK, sizes=(4, 12))
    assert quadratic.rates_about(1.9, 2.0).max() < 2.0


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figures.assert_labeled(figures.drawn(batch_scaling, data, QUICK).axes)
