"""What the parts of a card measure, beside what is known in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

import jdescent as jd
from jdescent.report_card import contract, noise, speed, stability, symmetries
from jdescent.report_card.subject import subject_of
from jdescent.report_card.surroundings import as_on_record

pytestmark = pytest.mark.usefixtures("compiled_to_run_fast")


@functools.cache
def part_of(module, what, **settings):
    return module.measure(subject_of(what, settings))


def found(module, what, **settings):
    return {f.name: f for f in part_of(module, what, **settings).findings}


# -- symmetries ------------------------------------------------------------------------------------


def test_gradient_descent_notices_scales_alone():
    values = {name: f.value for name, f in found(symmetries, "sgd").items()}
    assert values == {
        "loss_scale": "exactly, with the rate times 7⁻¹",
        "parameter_scale": "exactly, with the rate times 7⁻²",
        "coordinate_scales": "no",
        **dict.fromkeys(("shift", "sign", "permutation", "rotation", "rows", "columns"), "exactly"),
    }


def test_sign_descent_notices_rotations_but_no_scale_of_the_loss():
    values = {name: f.value for name, f in found(symmetries, "sign_sgd").items()}
    assert values["loss_scale"] == "exactly"
    assert values["parameter_scale"] == "exactly, with the rate times 7⁻¹"
    assert values["sign"] == values["permutation"] == values["shift"] == "exactly"
    assert values["rotation"] == values["rows"] == values["columns"] == "no"


def test_newton_notices_nothing():
    assert {f.value for f in found(symmetries, "newton").values()} == {"exactly"}


def test_decay_notices_the_origin():
    values = {name: f.value for name, f in found(symmetries, "sgdw", weight_decay=0.1).items()}
    assert values["shift"] == "no"
    assert values["rotation"] == "exactly"


# -- stability -------------------------------------------------------------------------------------


def test_limits_are_those_of_theory():
    limits = found(stability, "heavy_ball", momentum=0.9)
    assert limits["kind"].value == "linear"
    assert limits["limit"].value == pytest.approx(3.8, rel=1e-9)
    assert limits["measured_limit"].value == pytest.approx(3.8, rel=1e-3)
    assert limits["beyond"].value == "leaves"
    series = part_of(stability, "heavy_ball", momentum=0.9).series
    predicted = jd.analysis.heavy_ball_rate(np.array(series["beside"]), 1.0, 0.9)
    np.testing.assert_allclose(series["of_runs"], predicted, rtol=1e-2)


def test_what_has_no_limit_has_an_oscillation():
    cycle = found(stability, "adam")
    assert cycle["kind"].value == "cycle"
    assert cycle["cycle"].value == pytest.approx(0.5 * (1 - 0.9) / (1 + 0.9), rel=1e-6)


def test_a_limit_that_is_not_there_is_said_in_words():
    def squares(rate):  # an even function of the gradient
        return jd.Optimizer(lambda x: (), lambda g, s, p=None: (-rate * g**2, s))

    part = stability.measure(subject_of(squares))
    (kind,) = (f for f in part.findings if f.name == "kind")
    assert kind.value == "none"
    assert kind.note


# -- speed -----------------------------------------------------------------------------------------


def test_conjugate_gradients_is_the_bound_of_gradient_methods():
    """No polynomial p of a lower degree with p(0) = 1 leaves so little: least squares say."""
    for problem in speed.quadratics()[:3]:
        spectrum = linalg.eigvalsh(problem.hessian)
        steps = speed.conjugate_gradient_steps(problem)
        weights = np.full(len(spectrum), 1 / len(spectrum))  # of the loss in each eigendirection

        def least(degree, spectrum=spectrum, weights=weights):
            basis = np.polynomial.chebyshev.chebvander(2 * spectrum - 1, degree)
            at_zero = np.polynomial.chebyshev.chebvander(np.array([-1.0]), degree)
            free = linalg.null_space(at_zero)
            fixed = linalg.pinv(at_zero)[:, 0]
            root = np.sqrt(weights)[:, None]
            solved = linalg.lstsq(root * (basis @ free), -(root[:, 0] * (basis @ fixed)))[0]
            return float(np.sum(weights * (basis @ (fixed + free @ solved)) ** 2)) / 2

        assert least(steps) <= problem.level * (1 + 1e-6)
        if steps > 1:
            assert least(steps - 1) > problem.level * (1 - 1e-6)


def test_gradient_descent_is_linear_in_the_condition_number_and_blind_to_rotations():
    values = {name: f.value for name, f in found(speed, "sgd").items()}
    assert values["steps_1"] == 1
    assert values["exponent"] == pytest.approx(1, abs=0.05)
    assert values["rotation"] == pytest.approx(1, abs=0.02)
    for kappa in (10, 100, 1000):
        assert values[f"steps_{kappa}"] >= found(speed, "sgd")[f"steps_{kappa}"].expected


def test_newton_takes_one_step_and_stays_at_a_saddle():
    values = {name: f.value for name, f in found(speed, "newton").items()}
    assert {values[f"steps_{kappa}"] for kappa in (1, 10, 100, 1000)} == {1.0}
    assert values["saddle"] == np.inf


# -- noise -----------------------------------------------------------------------------------------


def test_gradient_descent_settles_at_the_stationary_variance():
    stationary = found(noise, "sgd")["stationary"]
    assert stationary.kind == "theory"
    exact = jd.analysis.sgd_variance(0.01, 1.0, 1.0)
    settled = 1 - 0.99 ** (2 * noise.STEPS)  # from rest, after as many steps
    assert stationary.expected == pytest.approx(exact * settled, rel=1e-3)
    low, high = stationary.interval
    assert low <= stationary.value <= high
    assert abs(stationary.value - exact) <= high - low


def test_batches_count_as_their_variance_for_linear_methods_and_not_at_all_for_signs():
    assert found(noise, "sgd")["batch"].value == pytest.approx(16, rel=1e-3)
    linear = found(noise, "heavy_ball", momentum=0.9)
    assert linear["batch"].value == pytest.approx(16, rel=1e-3)
    assert found(noise, "sign_sgd")["batch"].value < 8
    assert found(noise, "sign_sgd")["stationary"].kind == "measured"


def test_a_spike_throws_gradient_descent_in_proportion_and_signs_not_at_all():
    usual = np.sqrt(jd.analysis.sgd_variance(0.01, 1.0, 1.0))
    assert found(noise, "sgd")["spike"].value == pytest.approx(0.01 * noise.SPIKE / usual, rel=0.1)
    assert found(noise, "sign_sgd")["spike"].value < 6


def test_a_variance_that_is_not_the_linear_response_is_a_failure():
    one = found(noise, "sgd")["stationary"]
    wrong = type(one)(**{**vars(one), "expected": 2 * one.expected})
    assert noise._disagreement(one) == []
    assert "should be" in noise._disagreement(wrong)[0].why


# -- contract --------------------------------------------------------------------------------------


def test_memory_is_counted_in_numbers_a_parameter():
    assert found(contract, "adam")["memory"].value == pytest.approx(2, abs=1e-3)
    assert found(contract, "heavy_ball", momentum=0.9)["memory"].value == pytest.approx(1, abs=1e-3)
    assert part_of(contract, "adam").failures == []


def test_a_broken_promise_is_named_with_a_line_that_shows_it():
    def hides(rate):
        def update(g, state, params=None):
            return jax.tree.map(lambda x: -jnp.asarray(rate, x.dtype) * jnp.nan_to_num(x), g), state

        return jd.Optimizer(lambda params: (), update)

    part = contract.measure(subject_of(hides))
    assert {f.name for f in part.findings if f.value is False} == {"nan"}
    (failure,) = part.failures
    assert "NaN" in failure.where
    assert "assert_nan_shows" in failure.reproduce


# -- of what is neither the library's nor gradient descent -----------------------------------------


def test_heavy_ball_settles_where_its_closed_form_says():
    """η(1 + β) / λ((1 − β)(2(1 + β) − ηλ)) of noise of variance 1, at the rate that is shown."""
    rate, momentum = 0.01, 0.9
    stationary = found(noise, "heavy_ball", momentum=momentum)["stationary"]
    exact = rate * (1 + momentum) / ((1 - momentum) * (2 * (1 + momentum) - rate))
    assert stationary.kind == "theory"
    assert stationary.expected == pytest.approx(exact, rel=1e-3)


def test_a_linear_method_that_changes_with_time_is_no_filter():
    """An answer to the first gradient says nothing of where it settles: no theory, no failure."""
    with as_on_record():
        part = noise.measure(
            subject_of("lambda lr: optax.sgd(optax.linear_schedule(0.0, lr, 100))")
        )
    (stationary,) = (f for f in part.findings if f.name == "stationary")
    assert stationary.kind == "measured"
    assert stationary.expected is None
    assert part.failures == []


def test_the_expected_variance_is_that_of_as_many_steps():
    """At a rate so small that 2,000 steps do not settle."""
    expected = noise.measure(subject_of(jd.sgd(1e-4))).findings[0].expected
    steps = np.arange(noise.STEPS // 2, noise.STEPS) + 1
    settled = 1 - (1 - 1e-4) ** (2 * steps)
    exact = jd.analysis.sgd_variance(1e-4, 1.0, 1.0) * np.mean(settled)
    assert expected == pytest.approx(exact, rel=1e-3)


def test_updates_of_every_fourth_step_are_stable_as_far_as_predicted():
    """Where growth is slow, runs of so many steps show it only a little beyond the limit."""
    with as_on_record():
        part = stability.measure(subject_of("lambda lr: optax.MultiSteps(optax.sgd(lr), 8)"))
    assert part.failures == []
    limit, measured = (next(f.value for f in part.findings if f.name == name)
                       for name in ("limit", "measured_limit"))  # fmt: skip
    assert limit == pytest.approx(2, rel=1e-6)
    assert measured == pytest.approx(1 + np.exp(8 / stability.GROWING), rel=2e-3)


def test_a_limit_that_runs_do_not_have_is_a_failure():
    limit = jd.analysis.largest_stable_rate(jd.sgd, 1.0)
    assert stability._agrees(limit, 2.0)
    assert not stability._agrees(limit, 1.99)
    assert not stability._agrees(limit, 2.01)


def test_runs_that_end_early_settle_nowhere():
    """What became NaN at its sixth step stands frozen where it was, which is no stationary x."""

    def nan_later(rate):
        def update(grads, count, params=None):
            return jax.tree.map(
                lambda g: jnp.where(count == 5, jnp.nan, -rate * g), grads
            ), count + 1

        return jd.Optimizer(lambda params: jnp.int32(0), update)

    subject = subject_of(nan_later)
    values = {f.name: f.value for f in noise.measure(subject).findings}
    assert np.isnan(values["stationary"])
    assert np.isnan(values["heavy_tails"])
    assert np.all(np.isinf(stability._settled(subject)["size"]))
    assert speed._of_landscape(subject, "beale", subject.rates()).value == np.inf


def test_no_ratio_is_taken_to_what_does_not_arrive():
    assert speed._ratio(20.0, 10.0) == 2
    assert speed._ratio(np.inf, 10.0) == np.inf
    assert np.isnan(speed._ratio(20.0, np.inf))
    assert np.isnan(speed._ratio(np.inf, np.inf))


def test_a_path_that_is_not_finite_has_no_symmetries():
    def nan(rate):
        return jd.Optimizer(lambda x: (), lambda g, s, p=None: (jax.tree.map(jnp.sqrt, g), s))

    part = symmetries.measure(subject_of(nan))
    assert part.findings == ()
    assert "not finite" in part.failures[0].why


def test_a_default_rate_that_is_too_large_is_not_taken():
    def steep(learning_rate=10.0):
        return jd.sgd(learning_rate)

    values = {f.name: f.value for f in symmetries.measure(subject_of(steep)).findings}
    assert values["rotation"] == "exactly"


def test_memory_is_that_of_large_matrices():
    """Adafactor keeps rows and columns where both are at least 128."""
    assert found(contract, "adafactor")["memory"].value < 0.01


def test_a_state_without_numbers_leaves_the_promises_on_the_card():
    def labelled(rate):
        return jd.Optimizer(
            lambda x: "a word", lambda g, s, p=None: (jax.tree.map(lambda x: -rate * x, g), s)
        )

    part = contract.measure(subject_of(labelled))
    assert {f.name for f in part.findings} >= {promise.name for promise in contract.PROMISES}
    assert any(failure.where == "memory and time of an update" for failure in part.failures)


def test_a_state_that_fits_no_memory_is_not_made():
    def square(rate):
        def init(x):
            return jnp.zeros((sum(leaf.size for leaf in jax.tree.leaves(x)),) * 2)

        return jd.Optimizer(init, lambda g, s, p=None: (jax.tree.map(lambda x: -rate * x, g), s))

    values = {f.name: f for f in contract.measure(subject_of(square)).findings}
    assert values["memory"].value == 1000**2
    assert "4,096 parameters" in values["time"].note
