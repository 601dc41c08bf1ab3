"""The largest stable rate of any optimizer, against closed forms and against its own runs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from experiments.common.papers import cases
from jdescent import optimizers
from jdescent.analysis import (
    adam_critical_sharpness,
    adamw_limit,
    ema_momentum_limit,
    gd_limit,
    heavy_ball_limit,
    heavy_ball_rate,
    largest_stable_rate,
    measured_largest_stable_rate,
    nadam_critical_sharpness,
    nesterov_limit,
    rmsprop_critical_sharpness,
    sgdw_limit,
)

CURVATURE, BETA, DECAY, V = 3.0, 0.9, 0.4, 49.0  # P = 1/7


def of_average(library):
    return lambda lr: library.chain(library.ema(BETA, debias=False), library.sgd(lr))


def coupled(lr):
    return optax.chain(optax.add_decayed_weights(DECAY), optax.sgd(lr, BETA))


# theory.md, section A: the limits at λ = 3, β = 0.9, P = 1/7, w = 0.4
CLOSED_FORMS = {
    "gd": (jd.sgd, None, gd_limit(CURVATURE)),
    "gd of optax": (optax.sgd, None, gd_limit(CURVATURE)),
    "heavy ball": (jd.heavy_ball, None, heavy_ball_limit(CURVATURE, BETA)),
    "heavy ball of optax": (partial(optax.sgd, momentum=BETA), None, 3.8 / 3),
    "average": (of_average(jd), None, ema_momentum_limit(CURVATURE, BETA)),
    "average of optax": (of_average(optax), None, 38 / 3),
    "dampening": (
        partial(jd.sgd, momentum=BETA, dampening=0.3),
        None,
        heavy_ball_limit(CURVATURE, BETA, 0.3),
    ),
    "nesterov": (jd.nesterov, None, nesterov_limit(CURVATURE, BETA)),
    "nesterov of optax": (partial(optax.sgd, momentum=BETA, nesterov=True), None, 3.8 / 8.4),
    "rmsprop": (partial(jd.rmsprop, eps=0.0), {"v": V}, 7 / CURVATURE * 2),
    "adam": (partial(jd.adam, eps=0.0), {"v": V}, 7 / CURVATURE * 38),
    "adam of optax": (partial(optax.adam, eps=0.0), {"nu": V}, 7 / CURVATURE * 38),
    "nadam": (partial(jd.nadam, eps=0.0), {"v": V}, 7 / CURVATURE * 3.8 / 0.28),
    "adamw": (
        partial(jd.adamw, eps=0.0, weight_decay=DECAY),
        {"v": V},
        adamw_limit(CURVATURE / 7, BETA, DECAY),
    ),
    "sgdw": (partial(jd.sgdw, weight_decay=DECAY), None, sgdw_limit(CURVATURE, BETA, DECAY)),
    "coupled": (coupled, None, heavy_ball_limit(CURVATURE + DECAY, BETA)),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_limits_equal_the_closed_forms(name):
    make, held, expected = CLOSED_FORMS[name]
    found = largest_stable_rate(make, CURVATURE, held=held)
    np.testing.assert_allclose(found.rate, expected, rtol=1e-9)
    assert found.kind == ("frozen preconditioner" if held else "linear")
    below, above = found.growth(found.rate * np.array([0.999, 1.001]))
    assert below < 0 < above


@pytest.mark.parametrize("name", ["nesterov", "coupled", "adamw"])
def test_what_knows_of_no_eigenvalue_measures_them(name):
    make, held, expected = CLOSED_FORMS[name]
    measured = measured_largest_stable_rate(make, CURVATURE, held=held)
    np.testing.assert_allclose(measured, expected, rtol=1e-3)


def test_critical_sharpnesses_are_the_same_limits_turned_round():
    for make, critical in [
        (partial(jd.rmsprop, eps=0.0), rmsprop_critical_sharpness),
        (partial(jd.adam, eps=0.0), adam_critical_sharpness),
        (partial(jd.nadam, eps=0.0), nadam_critical_sharpness),
    ]:
        found = largest_stable_rate(make, CURVATURE, held={"v": V})
        np.testing.assert_allclose(critical(found.rate), CURVATURE / 7, rtol=1e-9)


@pytest.mark.parametrize("period", [1, 2, 5, 6])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_lookahead_is_a_map_of_its_period(period, share):
    found = largest_stable_rate(lambda lr: jd.lookahead(jd.sgd(lr), period, share), CURVATURE)
    odd = 1 + ((2 - share) / share) ** (1 / period)
    np.testing.assert_allclose(found.rate * CURVATURE, odd if period % 2 else 2, rtol=1e-9)
    assert found.period == period
    np.testing.assert_allclose(found.measured(), found.rate, rtol=1e-3)


@pytest.mark.parametrize("make", [jd.schedule_free_sgd, optax.contrib.schedule_free_sgd])
def test_schedule_free_ends_with_that_of_its_steps(make):
    found = largest_stable_rate(partial(make, b1=BETA), CURVATURE)
    np.testing.assert_allclose(found.rate, 2 / ((1 - BETA) * CURVATURE), rtol=1e-7)


# What is expected of each optimizer at λ = 3, as its first case in experiments.common.papers has
# it: the kind of limit, or what the reason says where there is none.
EXPECTED = {
    "linear": """
        accsgd adahessian aggmo apply_if_finite cocob ema ema_params freeze fromage gauss_newton
        grokfast heavy_ball hyperball masked nesterov nesterov_convex newton noisy_sgd
        optimistic_gradient_descent pid polyak_average qhm reduce_on_plateau saddle_free_newton
        schedule_free schedule_free_sgd scion sgd sgd_sai sgdp sgdw sghmc sgld steepest_descent swa
    """,
    "reaches the minimum": """
        adabound adagrad adgd amsgrad lamb lbfgs madgrad mechanize momo momo_adam
        nesterov_restarted padam shampoo sm3 swats trac yogi
    """,
    "periodic map": """
        chebyshev lookahead multi_steps saga svrg
    """,
    "no period": """
        silver sophia
    """,
    "cycle": """
        adabelief adadelta adam adam_mini adamax adamaxw adamc adamod adamp adamuon adamw adan
        ademamix adopt apollo asam diffgrad dion galore grams gsam laprop lion mars muon nadam
        nadamw normuon novograd optimistic_adam_v2 psgd_kron qhadam radam ranger rmsprop sam
        schedule_free_adamw sign_sgd signum simplified_ademamix soap splus stable_adamw tiger
    """,
    "leaves the minimum": """
        acprop adafactor adashift amos came dadapt_adamw dog dowg kl_shampoo ldog prodigy
    """,
    "not in proportion": """
        kate rprop spam
    """,
    "inf": """
        alig backtracking_linesearch ftrl lars zoom_linesearch
    """,
    "not additive": """
        barzilai_borwein cautious
    """,
    "grows at every rate": """
        polyak_sgd
    """,
    "not an odd function": """
        differentially_private_aggregate dpsgd perturbed_gradient_descent
    """,
    "without end": """
        asgd
    """,
    "the rate changes nothing": """
        cubic_newton
    """,
}
KIND_OF = {name: kind for kind, names in EXPECTED.items() for name in names.split()}
CASES = {case.optimizer: case for case in reversed(cases())}
NO_UPDATE = {"hutchinson", "schedule_free_eval_params"}  # a transformation and a function


def test_every_optimizer_of_the_library_has_an_expected_kind():
    assert set(KIND_OF) | NO_UPDATE == set(optimizers.__all__)


@pytest.mark.parametrize("name", KIND_OF)
def test_every_optimizer_of_the_library(name):
    found = largest_stable_rate(CASES[name].build, CURVATURE)
    kind = KIND_OF[name]
    if kind == "inf":
        assert found.rate == np.inf
        assert found.growth(1e3) <= 1e-3
    elif kind in ("linear", "periodic map"):
        assert found.kind == kind
        assert np.isfinite(found.rate)
    elif kind == "cycle":
        assert found.kind == kind
        assert 1e-3 < found.oscillation.largest < 3
    else:
        assert found.kind == "none"
        assert kind in found.reason
    if np.isfinite(found.rate):  # also that of an ε
        below, above = found.growth(found.rate * np.array([0.999, 1.001]))
        assert below < 2e-5
        assert above > 5e-5


# stability.md: amplitude in units of the rate, and the largest multiplier
CYCLES = {
    "rmsprop": (partial(jd.rmsprop, decay=0.99, eps=1e-20), 0.5, 0.99**0.5),
    "rmsprop slow": (partial(jd.rmsprop, decay=0.999, eps=1e-20), 0.5, 0.999**0.5),
    "adam without m": (partial(jd.adam, b1=0.0, b2=0.99), 0.5, 0.99**0.5),
    "adam .95": (partial(jd.adam, b2=0.95), 1 / 38, 1.27468),
    "adam .99": (partial(jd.adam, b2=0.99), 1 / 38, 1.14368),
    "adam .999": (partial(jd.adam, b2=0.999), 1 / 38, 1.04943),
    "adam .5": (partial(jd.adam, b1=0.5, b2=0.99), 1 / 6, 1.02900),
    "adam of optax": (optax.adam, 1 / 38, 1.04943),
    "nadam": (partial(jd.nadam, b2=0.99), 0.28 / 3.8, 0.99833),
}


@pytest.mark.parametrize("name", CYCLES)
def test_without_a_held_second_moment_there_is_a_cycle(name):
    make, amplitude, multiplier = CYCLES[name]
    found = largest_stable_rate(make, 1.0)
    assert found.kind == "cycle"
    np.testing.assert_allclose(found.oscillation.amplitude, amplitude, rtol=1e-6)
    np.testing.assert_allclose(found.oscillation.multipliers[0], multiplier, atol=1e-5)
    assert found.oscillation.is_stable == (multiplier < 1)
    exact = 1e-4 if multiplier < 1 else 0.12  # it bursts where the cycle is unstable
    np.testing.assert_allclose(found.oscillation.rms, amplitude, rtol=exact)


# With v = 0 a step is of g/ε: the limits of what is linear without second moments, times ε.
WITHOUT_MOMENTS = {
    "adam": (jd.adam, 38.0),
    "adam of optax": (optax.adam, 38.0),
    "adam without m": (partial(jd.adam, b1=0.0), 2.0),
    "adamw": (partial(jd.adamw, weight_decay=0.0), 38.0),
    "adamax": (jd.adamax, 38.0),
    "amsgrad": (jd.amsgrad, 38.0),
    "nadam": (jd.nadam, 3.8 / 0.28),
    "rmsprop": (lambda lr, eps: jd.rmsprop(lr, eps=eps**2), 2.0),  # √(v + ε)
    "adagrad of optax": (lambda lr, eps: optax.adagrad(lr, 0.0, eps**2), 2.0),  # √(s + ε)
}


@pytest.mark.parametrize("eps", [1e-8, 1.0, 1e3])
@pytest.mark.parametrize("name", WITHOUT_MOMENTS)
def test_an_epsilon_leaves_the_limit_of_a_step_by_it(name, eps):
    make, limit = WITHOUT_MOMENTS[name]
    found = largest_stable_rate(partial(make, eps=eps), CURVATURE)
    np.testing.assert_allclose(found.rate, limit * eps / CURVATURE, rtol=1e-9)
    np.testing.assert_allclose(found.measured(), found.rate, rtol=1e-3)
    np.testing.assert_allclose(found.spectral_radius(found.rate), 1, rtol=1e-9)
    if eps == 1e3:
        assert found.kind == "linear"


def test_without_an_epsilon_there_is_no_such_limit():
    for make in (partial(jd.adam, eps=0.0), partial(jd.rmsprop, eps=0.0)):
        found = largest_stable_rate(make, CURVATURE)
        assert found.kind == "cycle"
        assert np.isnan([found.rate, found.measured()]).all()


def test_beyond_that_limit_a_cycle_is_looked_for_well_beyond_it():
    """With ε = 1 and λ = 3 the limit is 38/3; at 100 times that ε counts for a hundredth."""
    found = largest_stable_rate(partial(jd.rmsprop, decay=0.99, eps=1.0), CURVATURE)
    assert found.kind == "cycle"
    np.testing.assert_allclose(found.rate, 2 / CURVATURE, rtol=1e-9)
    np.testing.assert_allclose(found.oscillation.rms, 0.5, rtol=1e-3)
    assert str(found).startswith("0.666667 (cycle: beyond, |x| to 0.5")


def test_on_a_spectrum_the_cycle_is_that_of_a_number():
    """Adam leaves it in bursts that take thousands of steps to come, also of a hundred numbers."""
    found = largest_stable_rate(partial(jd.adam, eps=0.0), np.geomspace(1e-3, CURVATURE, 100))
    assert found.kind == "cycle"
    np.testing.assert_allclose(found.oscillation.rms, 1 / 38, rtol=0.15)


@pytest.mark.parametrize("curvature", [1.0, 3.0])
def test_rare_bursts_are_in_proportion_to_the_rate(curvature):
    """The largest x of a run is then a matter of chance, its root mean square is not."""
    found = largest_stable_rate(lambda lr: jd.lookahead(jd.adam(lr, eps=0.0), 5, 0.5), curvature)
    assert found.kind == "cycle"
    assert found.oscillation.largest > 10 * found.oscillation.rms
    np.testing.assert_allclose(found.oscillation.rms, 0.034, rtol=0.3)


def test_steps_of_one_size_have_an_amplitude():
    sign = largest_stable_rate(jd.sign_sgd, CURVATURE).oscillation
    np.testing.assert_allclose(sign.mean, 0.5, rtol=1e-3)
    assert sign.largest <= 1
    lion = largest_stable_rate(optax.lion, CURVATURE).oscillation
    assert 0.52 < lion.mean < 0.54
    assert 1.2 < lion.largest < 1.45


def test_sign_methods_have_no_limit_of_their_decay():  # trap (a)
    assert largest_stable_rate(jd.lion, CURVATURE).kind == "cycle"


@pytest.mark.parametrize("make", [jd.lars, optax.lars])
def test_what_is_not_additive_has_no_limit(make):  # trap (b)
    found = largest_stable_rate(make, [3.0, 1.0], params=jnp.zeros(2))
    assert found.kind == "none"
    assert "not additive" in found.reason


@pytest.mark.parametrize(
    "make", [jd.optimistic_gradient_descent, optax.optimistic_gradient_descent]
)
def test_first_steps_do_not_count(make):  # trap (c)
    found = largest_stable_rate(make, CURVATURE)
    np.testing.assert_allclose(found.rate, 2 / (3 * CURVATURE), rtol=1e-9)


def test_bookkeeping_is_not_held(x64):  # traps (d) and (f), in test_schedule_free and here
    found = largest_stable_rate(partial(jd.adam, eps=0.0, b2=0.9999999), 3.0, held={"v": V})
    np.testing.assert_allclose(found.rate, 7 / 3 * 38, rtol=1e-9)


def test_what_is_held_comes_out_of_the_step():  # trap (e): 5 % at β = 0.9
    found = largest_stable_rate(partial(optax.rmsprop, eps=0.0), 3.0, held={"nu": V})
    np.testing.assert_allclose(found.rate, 14 / 3, rtol=1e-9)


def test_beginnings_that_are_not_odd_are_forgotten():  # trap (g)
    found = largest_stable_rate(partial(optax.yogi, eps=0.0), 3.0, held={"nu": V})
    assert found.parity["[0].mu"] == "odd"
    np.testing.assert_allclose(found.rate, 7 / 3 * 38, rtol=1e-9)


def test_the_radius_of_momentum_is_no_gauge():  # trap (h)
    found = largest_stable_rate(jd.heavy_ball, CURVATURE)
    rates = found.rate * np.array([0.5, 0.999])
    np.testing.assert_allclose(found.spectral_radius(rates), BETA**0.5, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(found.spectral_radius)(rates), BETA**0.5, rtol=1e-6)


def test_spectra_matrices_and_losses_are_the_same_quadratic():
    H = np.array([[2.0, 1.0], [1.0, 2.0]])  # of eigenvalues 3 and 1

    def loss(params):
        x = params["x"]
        return 0.5 * x @ jnp.asarray(H, x.dtype) @ x + jnp.sum(x) ** 4

    at = {"x": jnp.zeros(2)}
    rates = [
        largest_stable_rate(jd.heavy_ball, curvature).rate for curvature in ([3.0, 1.0, 0.0], H)
    ]
    rates.append(largest_stable_rate(jd.heavy_ball, loss=loss, params=at).rate)
    np.testing.assert_allclose(rates, 3.8 / 3, rtol=1e-9)
    assert "every rate" in largest_stable_rate(jd.sgd, [3.0, -1.0]).reason


def own(update):
    return lambda lr: jd.Optimizer(lambda params: (), partial(update, lr))


def mixing(M):
    """Gradients times a matrix, so that no axis of the quadratic is kept apart."""
    return own(lambda lr, g, s, p=None: (-lr * jnp.asarray(M) @ g, s))


def test_axes_that_an_optimizer_mixes_are_not_taken_apart():
    """x ← x − ηMHx, of which the limit is 2/λmax(MH)."""
    random = np.random.default_rng(0)
    A = random.standard_normal((6, 6))
    M, curvatures = A @ A.T, np.linspace(0.5, 3.0, 6)
    largest = np.linalg.eigvals(M @ np.diag(curvatures)).real.max()
    np.testing.assert_allclose(
        largest_stable_rate(mixing(M), curvatures).rate, 2 / largest, rtol=1e-9
    )


def test_what_differs_from_axis_to_axis_mixes_those_of_a_matrix_alone():
    scales = np.array([1.0, 4.0, 0.5])

    def make(lr):
        return own(lambda lr, g, s, p=None: (-lr * jnp.asarray(scales) * g, s))(lr)

    H = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    for curvature, product in (
        (np.diag(H), np.diag(scales * np.diag(H))),
        (H, scales[:, None] * H),
    ):
        largest = np.linalg.eigvals(product).real.max()
        np.testing.assert_allclose(
            largest_stable_rate(make, curvature).rate, 2 / largest, rtol=1e-9
        )


@pytest.mark.parametrize("is_matrix", [False, True])
def test_many_axes_fall_apart_into_blocks(is_matrix):
    """ρ(η) of heavy ball is the largest of those of its axes, in closed form."""
    curvatures = np.geomspace(1e-3, 3.0, 150)
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((150, 150)))[0]
    H = Q @ np.diag(curvatures) @ Q.T if is_matrix else curvatures
    found = largest_stable_rate(jd.heavy_ball, (H + H.T) / 2 if is_matrix else H)
    np.testing.assert_allclose(found.rate, 3.8 / 3, rtol=1e-9)
    rates = np.array([0.01, 1.0, 1.3])
    exact = [heavy_ball_rate(curvatures, rate, BETA).max() for rate in rates]
    np.testing.assert_allclose(found.spectral_radius(rates), exact, rtol=1e-6)  # double roots


def test_a_large_problem_without_axes_is_found_by_arnoldi():
    curvatures = np.append(np.ones(256), 3.0)

    def loss(x):
        return 0.5 * jnp.sum(jnp.asarray(curvatures, x.dtype) * x**2)

    found = largest_stable_rate(jd.sgd, loss=loss, params=jnp.zeros(257))
    np.testing.assert_allclose(found.rate, 2 / 3, rtol=1e-5)
    with pytest.raises(ValueError, match="max_memory"):
        largest_stable_rate(jd.sgd, curvatures, max_memory=1000)


def test_a_run_holds_its_own_second_moment():
    optimizer = jd.adam(1e-3, b2=0.9, eps=0.0)
    params = {"w": jnp.array([1.0, -2.0])}
    state = optimizer.init(params)
    curvatures = jnp.array([3.0, 0.1])

    def loss(params):
        return 0.5 * jnp.sum(curvatures * params["w"] ** 2)

    for _ in range(20):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    found = largest_stable_rate(
        partial(jd.adam, b2=0.9, eps=0.0), loss=loss, params=params, state=state
    )
    v_hat = np.asarray(optax.tree.get(state, "v")["w"], float) / -np.expm1(20 * np.log(0.9))
    correction = 1 - 0.9**20
    expected = 38 * correction / (np.asarray(curvatures) / np.sqrt(v_hat)).max()
    np.testing.assert_allclose(found.rate, expected, rtol=1e-6)
    assert found.kind == "frozen preconditioner"


def test_schedules_are_at_their_end_or_where_one_asks():
    def make(lr):
        return optax.sgd(optax.cosine_decay_schedule(lr, 100))

    assert largest_stable_rate(make, 3.0).rate == np.inf
    np.testing.assert_allclose(largest_stable_rate(make, 3.0, step=50).rate, 4 / 3, rtol=1e-9)


@pytest.mark.parametrize("share", [lambda t: 1 / (t + 1), lambda t: (t + 1) ** -0.5])
def test_schedules_without_end_have_no_limit_but_at_a_step(share):
    def make(lr):
        return jd.sgd(lambda t: lr * share(t))

    assert "without end" in largest_stable_rate(make, 3.0).reason
    np.testing.assert_allclose(
        largest_stable_rate(make, 3.0, step=3).rate, 2 / 3 / share(3), rtol=1e-6
    )


def test_the_rate_may_change_nothing():
    found = largest_stable_rate(lambda lr: jd.sgd(0.1), 3.0)
    assert "changes nothing" in found.reason
    assert str(found) == "none (none)"


def test_a_step_that_ignores_the_gradient_is_not_stable():
    found = largest_stable_rate(own(lambda lr, g, s, p=None: (-lr * jnp.ones_like(g), s)), 3.0)
    assert found.kind == "none"
    assert "without a gradient" in found.reason


def test_a_period_may_be_longer_than_is_looked_for():
    def make(lr):
        return jd.sgd(lambda t: jnp.where(t % 100 < 50, lr, lr / 2))

    assert "raise max_period=" in largest_stable_rate(make, 3.0).reason
    found = largest_stable_rate(make, 3.0, max_period=100)
    # ((1 − a)(1 − a/2))⁵⁰ = 1 first at a = 3
    np.testing.assert_allclose(found.rate, 1.0, rtol=1e-9)
    assert found.period == 100


def test_a_period_that_no_other_divides_is_found_where_it_is_looked_for():
    def make(lr):
        return jd.lookahead(jd.sgd(lr), 67, 0.5)

    found = largest_stable_rate(make, 3.0, max_period=67)
    np.testing.assert_allclose(found.rate * 3, 1 + 3 ** (1 / 67), rtol=1e-9)


@pytest.mark.parametrize(("period", "max_period"), [(5, 1), (5, 4), (201, 64), (900, 64)])
def test_no_limit_is_that_of_steps_between_those_that_are_others(period, max_period):
    found = largest_stable_rate(
        lambda lr: jd.lookahead(jd.sgd(lr), period, 0.5), 3.0, max_period=max_period
    )
    assert found.kind == "none"
    assert "raise max_period=" in found.reason
