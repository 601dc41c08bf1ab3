"""What theory says of Adam's kin: limits in which one is another, invariances, closed forms."""

import functools
from decimal import Decimal, getcontext

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from walks import random_gradients, units_apart, walk

import jdescent as jd
from jdescent.numerics import LAST_STEP, Beta
from jdescent.optimizers.radam import length_of_mean

LR = 0.1
PARAMS = {"w": jnp.linspace(-1, 1, 6).reshape(2, 3), "b": jnp.array(0.5)}
GRADIENTS = random_gradients(12, PARAMS)
MEANS = {"b1": 0.8, "b2": 0.9}


def state_after(optimizer, gradients, x):
    def step(state, g):
        return optimizer.update(g, state, x)[1], None

    return jax.lax.scan(step, optimizer.init(x), gradients)[0]


def updates_of(optimizer, gradients=GRADIENTS, params=PARAMS):
    return jax.jit(lambda g, x: walk(optimizer, g, x))(gradients, params)[0]


# -- ρ of RAdam ----------------------------------------------------------------------------------

BETAS = [0.0, 1e-30, 1e-3, 0.1, 0.5, 0.7, 0.9, 0.999, 0.999999, 0.9999999, 1 - 1e-8, 1 - 1e-12]
STEPS = [1, 2, 3, 4, 5, 6, 10, 60, 1000, 3000, 10**4, 10**6, 2**24 + 1, 10**9, LAST_STEP]


def exact_length(beta, t):
    getcontext().prec = 80
    beta, power = Decimal(beta), Decimal(beta) ** int(t)
    return (1 + beta) / (1 - beta) - 2 * int(t) * power / (1 - power)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_length_of_a_mean_is_right_to_a_few_roundings_for_every_decay(dtype):
    """And what it exceeds a threshold by: it is on the right side of 5, however close."""
    t = np.array(STEPS, dtype)
    with jax.enable_x64(dtype == np.float64):
        for beta in BETAS:
            whole, rest = map(np.asarray, length_of_mean(Beta(beta), jnp.asarray(t)))
            exact = np.array([exact_length(beta, step) for step in t])
            for less in (0, 2, 4, 5):
                ours = whole - dtype(less) + rest
                assert ours.dtype == dtype
                off = [
                    abs(Decimal(float(o)) - (e - less)) for o, e in zip(ours, exact, strict=True)
                ]
                assert max(o / e for o, e in zip(off, exact, strict=True)) < 6 * np.finfo(dtype).eps
            np.testing.assert_array_equal(ours >= 0, exact >= 5, err_msg=str(beta))


def test_the_length_of_a_mean_of_a_traced_decay_has_a_finite_slope():
    def length(beta, t):
        return sum(length_of_mean(Beta(beta), t))

    for t in (1.0, 5.0, 1000.0):
        slope = jax.jit(jax.grad(length))(0.9, t)
        step = 1e-5
        about = (exact_length(0.9 + step, t) - exact_length(0.9 - step, t)) / Decimal(2 * step)
        np.testing.assert_allclose(slope, float(about), rtol=1e-3, atol=1e-4)


# -- limits --------------------------------------------------------------------------------------

SAME = {
    "nadam without look-ahead": (jd.nadam(LR, nesterov=False), jd.adam(LR)),
    "nadam warmed up for long": (jd.nadam(LR, momentum_decay=1e4), jd.nadam(LR)),
    "nadam warmed up without look-ahead is unbiased": (
        jd.nadam(LR, b1=0.0, momentum_decay=0.3, nesterov=False),
        jd.adam(LR, b1=0.0),
    ),
    "ademamix without its slow mean": (
        jd.ademamix(LR, alpha=0.0, weight_decay=0.1),
        jd.adamw(LR, weight_decay=0.1),
    ),
    "simplified_ademamix without memory": (
        jd.simplified_ademamix(LR, b1=0.0, alpha=1.0),
        jd.adam(2 * LR, b1=0.0, b2=0.95),
    ),
    "adan without differences": (
        jd.adan(LR, b1=0.9, b2=0.0, b3=0.9, eps_root=0.0),
        jd.adam(LR, b2=0.9),
    ),
    "optimistic_adam_v2 without a correction": (
        jd.optimistic_adam_v2(LR, alpha=1.0, beta=0.0, nesterov=False),
        jd.adam(LR),
    ),
    "qhadam of whole shares": (jd.qhadam(LR, 0.9, nu1=1.0), jd.adam(LR)),
    "qhadam of no mean": (jd.qhadam(LR, nu1=0.0), jd.adam(LR, b1=0.0)),
    "mars without a correction, of short gradients": (
        jd.mars(LR, gamma=0.0),
        jd.adamw(LR, 0.95, 0.99, weight_decay=0.0),
    ),
    "padam of half a power": (
        jd.padam(LR, partial=0.5),
        jd.amsgrad(LR, bias_correction_mu=False, bias_correction_nu=False),
    ),
    "laprop without momentum": (jd.laprop(LR, b1=0.0, eps=1e-8), jd.adam(LR, b1=0.0)),
    "adamod without inertia": (jd.adamod(LR, b3=0.0), jd.adam(LR)),
    "adamc at a constant rate": (jd.adamc(LR, LR), jd.adamw(LR, weight_decay=0.1)),
    "adamp that projects nothing": (
        jd.adamp(LR, weight_decay=0.1, delta=0.0),
        jd.adamw(LR, weight_decay=0.1),
    ),
    "adam_mini of single numbers": (
        jd.adam_mini(LR, blocks="first axis"),
        jd.adamw(LR, weight_decay=0.1),
    ),
    "spam that sees no spikes": (jd.spam(LR, threshold=1e30, eps=0.0), jd.adam(LR, eps=0.0)),
    "radam that may never adapt": (jd.radam(1.0, b2=0.5), jd.radam(1.0, threshold=1e9)),
    "adaptive swats": (jd.swats(LR, eps=0.0, tolerance=1e-30), jd.adam(LR, eps=0.0)),
}


@pytest.mark.parametrize("name", SAME)
def test_in_a_limit_one_optimizer_is_another(name):
    one, other = SAME[name]
    params, gradients = PARAMS, GRADIENTS
    if "single" in name:
        params, gradients = jnp.linspace(-1, 1, 6), random_gradients(12, jnp.linspace(-1, 1, 6))
    if "short" in name:
        gradients = jax.tree.map(lambda g: 1e-3 * g, gradients)
    apart = units_apart(
        updates_of(one, gradients, params), updates_of(other, gradients, params), LR
    )
    assert apart <= 40  # a handful of roundings, through means that keep them for 1/(1 − β) steps


# -- invariances ---------------------------------------------------------------------------------

SCALE_FREE = {
    "adabelief": jd.adabelief(LR, eps=0.0, eps_root=0.0),
    "yogi": jd.yogi(LR, eps=0.0, initial_accumulator_value=0.0),
    "nadamw": jd.nadamw(LR, eps=0.0, momentum_decay=0.1),
    "adamaxw": jd.adamaxw(LR, eps=0.0),
    "lamb": jd.lamb(LR, eps=0.0, weight_decay=0.1),
    "novograd": jd.novograd(LR, eps=0.0, weight_decay=0.1),
    "adan": jd.adan(LR, eps=0.0, eps_root=0.0),
    "ademamix": jd.ademamix(LR, eps=0.0),
    "simplified_ademamix": jd.simplified_ademamix(LR, eps=0.0),
    "optimistic_adam_v2": jd.optimistic_adam_v2(LR, eps=0.0),
    "adopt": jd.adopt(LR, eps=0.0),
    "laprop": jd.laprop(LR, eps=0.0),
    "adashift": jd.adashift(LR, eps=0.0, keep_num=3),
    "qhadam": jd.qhadam(LR, eps=0.0, nu2=0.5),
    "stable_adamw": jd.stable_adamw(LR, eps=0.0),
    "spam": jd.spam(LR, eps=0.0, b2=0.5, threshold=2.0, reset_interval=5, grace_steps=1),
    "grams": jd.grams(LR, eps=0.0),
    "adam_mini": jd.adam_mini(LR, eps=0.0),
    "adamp": jd.adamp(LR, eps=0.0, delta=1.0),
    "amos": jd.amos(LR),
}


@pytest.mark.parametrize("name", SCALE_FREE)
def test_the_unit_of_the_loss_does_not_matter(name):
    """By a power of two, so that nothing is rounded otherwise."""
    scaled = jax.tree.map(lambda g: 2.0**10 * g, GRADIENTS)
    apart = units_apart(updates_of(SCALE_FREE[name]), updates_of(SCALE_FREE[name], scaled), LR)
    assert apart <= 1


@pytest.mark.parametrize("scale", [2.0**-8, 2.0**8])
def test_kate_steps_by_the_inverse_of_the_unit(scale):
    kate = jd.kate(LR, eps=0.0)
    scaled = updates_of(kate, jax.tree.map(lambda g: scale * g, GRADIENTS))
    expected = jax.tree.map(lambda u: u / scale, updates_of(kate))
    assert units_apart(scaled, expected, LR / scale) <= 1


@pytest.mark.parametrize("ours", [jd.novograd, functools.partial(jd.mars, b2=0.0, eps=1e9)])
def test_a_rotation_turns_the_path(ours, x64):
    """Where numbers of whole arrays alone divide the gradient."""
    random = np.random.default_rng(0)
    turn = jnp.asarray(np.linalg.qr(random.standard_normal((4, 4)))[0])
    gradients = jnp.asarray(random.standard_normal((9, 4)))
    start = jnp.asarray(random.standard_normal(4))
    straight = updates_of(ours(LR), gradients, start)
    turned = updates_of(ours(LR), gradients @ turn, start @ turn)
    np.testing.assert_allclose(turned, straight @ turn, rtol=1e-9, atol=1e-18)


# -- closed forms --------------------------------------------------------------------------------


def constant(value, steps):
    return jnp.full((steps,), value)


def test_adabelief_trusts_a_constant_gradient_more_and_more(x64):
    """g − m = β₁ᵗ·g, of which s is the mean of squares."""
    b1, b2, steps = 0.8, 0.9, 9
    optimizer = jd.adabelief(1.0, b1, b2, eps=0.0, eps_root=0.0)
    updates = updates_of(optimizer, constant(3.0, steps), jnp.array(0.0))
    t = np.arange(1, steps + 1)
    variance = (1 - b2) * (b1**2) * (b1 ** (2 * t) - b2**t) / (b1**2 - b2) / (1 - b2**t)
    np.testing.assert_allclose(updates, -1 / np.sqrt(variance), rtol=1e-12)


def test_yogi_falls_linearly_where_adam_falls_exponentially(x64):
    yogi = jd.yogi(0.0, b1=0.0, b2=0.9, initial_accumulator_value=1.0)
    state = state_after(yogi, constant(0.1, 50), jnp.array(0.0))
    np.testing.assert_allclose(state.v, 1 - 50 * 0.1 * 0.1**2, rtol=1e-12)


def test_radam_is_sgd_with_momentum_for_five_steps_then_adam_with_a_warm_up(x64):
    gradients = jnp.asarray(np.random.default_rng(0).standard_normal((12, 3)))
    x = jnp.zeros(3)
    radam = updates_of(jd.radam(LR, eps=0.0), gradients, x)
    b1, t = 0.9, np.arange(1, 13)
    plain = updates_of(jd.sgd(LR * (1 - b1), momentum=b1), gradients, x) / (1 - b1**t)[:, None]
    np.testing.assert_allclose(radam[:5], plain[:5], rtol=1e-12)
    adam = updates_of(jd.adam(LR, eps=0.0), gradients, x)
    share = np.asarray(radam[5:] / adam[5:])
    np.testing.assert_allclose(share, share[:, :1] * np.ones(3), rtol=1e-9)
    assert np.all(np.diff(share[:, 0]) > 0)
    assert share[-1, 0] < 1


def test_lamb_steps_by_a_fixed_share_of_each_array():
    updates = updates_of(jd.lamb(LR, weight_decay=0.3))
    x = PARAMS
    for n in range(12):
        u = jax.tree.map(lambda u, n=n: u[n], updates)
        for step, array in zip(jax.tree.leaves(u), jax.tree.leaves(x), strict=True):
            np.testing.assert_allclose(jd.global_norm(step), LR * jd.global_norm(array), rtol=1e-5)
        x = jd.apply_updates(x, u)


def test_nadam_warmed_up_keeps_a_constant_gradient():
    """Its weights sum to one: m̂ is the gradient, and steps are lr·sign(g)."""
    for scheduled in (True, False):
        nadam = jd.nadam(LR, eps=0.0, momentum_decay=4e-3, nesterov=False, scheduled_mean=scheduled)
        updates = updates_of(nadam, constant(3.0, 60), jnp.array(0.0))
        if scheduled:
            np.testing.assert_allclose(updates, -LR, rtol=2e-6)
        else:
            assert abs(updates[0] + LR) > 0.01  # torch's m and its weight are of two schedules


def test_ademamix_ends_in_steps_of_one_plus_alpha():
    ademamix = jd.ademamix(LR, b3=0.5, alpha=2.0, eps=0.0)
    updates = updates_of(ademamix, constant(3.0, 60), jnp.array(0.0))
    np.testing.assert_allclose(updates[-1], -LR * (1 + 2), rtol=1e-5)


def test_laprop_takes_no_step_beyond_its_bound_where_adam_does():
    """β₁² > β₂: one large gradient among small ones."""
    gradients = jnp.where(jnp.arange(60) == 0, 1e4, 1e-4)
    bound = LR / np.sqrt(1 - 0.5)
    x = jnp.array(0.0)
    assert jnp.abs(updates_of(jd.laprop(LR, 0.9, 0.5), gradients, x)).max() <= bound
    assert jnp.abs(updates_of(jd.adam(LR, 0.9, 0.5, 0.0), gradients, x)).max() > 100 * bound


def test_adopt_converges_for_every_decay_where_adam_does_not():
    """Reddi, Kale & Kumar's example: gradient 4 at every third step, else −1, on [−1, 1]; the least
    mean is at −1."""

    def end(optimizer):
        def step(carry, t):
            x, state = carry
            g = jnp.where(t % 3 == 0, 4.0, -1.0)
            update, state = optimizer.update(g, state, x)
            return (jnp.clip(x + update, -1, 1), state), None

        start = jnp.array(0.0)
        carry, _ = jax.lax.scan(step, (start, optimizer.init(start)), jnp.arange(1, 3001))
        return float(carry[0])

    for b2 in (0.1, 0.9):
        assert end(jd.adopt(1e-2, b1=0.0, b2=b2, use_clipping=False)) < -0.9
    assert end(jd.adam(1e-2, b1=0.0, b2=0.1)) > 0.9


def test_grams_never_walks_against_the_gradient():
    products = jax.tree.map(lambda u, g: u * g, updates_of(jd.grams(LR)), GRADIENTS)
    assert all(jnp.all(p <= 0) for p in jax.tree.leaves(products))
    adam = jax.tree.map(lambda u, g: u * g, updates_of(jd.adam(LR)), GRADIENTS)
    assert any(jnp.any(p > 0) for p in jax.tree.leaves(adam))


def test_adamp_keeps_the_length_of_scale_invariant_weights_to_first_order(x64):
    """L(x) = L(x/‖x‖): with the projection only Pythagoras makes ‖x‖ grow, ‖u‖² a step."""
    target = jnp.array([[1.0], [2.0], [-1.0], [0.5]])

    def loss(x):
        return -jnp.sum(target * x) / jnp.sqrt(jnp.sum(x * x))

    x = jnp.array([[-1.0], [1.0], [1.0], [1.0]])
    adamp = jd.adamp(1e-2)
    state, square = adamp.init(x), float(jnp.sum(x * x))
    for _ in range(30):
        update, state = adamp.update(jax.grad(loss)(x), state, x)
        np.testing.assert_allclose(jnp.sum(update * x), 0, atol=1e-15)
        square += float(jnp.sum(update * update))
        x = x + update
        np.testing.assert_allclose(jnp.sum(x * x), square, rtol=1e-12)


def test_swats_ends_as_gradient_descent_at_the_rate_it_found(x64):
    """Without momentum on ½·λ·x²: |p| = lr and γ = lr/|g|; once settled, x shrinks by 1 − Λ·λ."""
    swats = jd.swats(1e-3, b1=0.0, b2=0.5, tolerance=1e-5)
    path = jd.descend(lambda x: x**2, jnp.array(3.0), swats, steps=40, record="params")
    x = path.record["params"]
    rate = path.state.sgd_rate
    assert rate > 0
    np.testing.assert_allclose(x[21:] / x[20:-1], 1 - 2 * rate, rtol=1e-9)


def test_amos_decays_as_its_own_sum_says(x64):
    """With ζ = 0 and a constant gradient γ = ξ², so that decayed = (1 + ξ²)ᵗ − 1."""
    amos = jd.amos(LR, zeta=0.0)
    state = state_after(amos, constant(3.0, 20), jnp.array(1.0))
    np.testing.assert_allclose(state.decayed, (1 + LR**2) ** 20 - 1, rtol=1e-12)


def test_optimistic_adam_finds_the_equilibrium_that_adam_circles():
    """min over x, max over y of x·y: the first spirals in, the second out."""

    def radius(optimizer):
        def step(carry, _):
            z, state = carry
            update, state = optimizer.update(jnp.stack([z[1], -z[0]]), state, z)
            return (z + update, state), None

        z = jnp.array([0.5, 0.5])
        (z, _), _ = jax.lax.scan(step, (z, optimizer.init(z)), None, 4000)
        return float(jnp.linalg.norm(z))

    settings = {"b1": 0.0, "b2": 0.9999, "eps": 1e-8}
    optimistic = jd.optimistic_adam_v2(1e-2, **settings, nesterov=False)
    assert radius(optimistic) < 0.2
    assert radius(jd.adam(1e-2, **settings)) > 0.5


def test_optax_contradicts_the_papers_by_one_coefficient(x64):
    """optax's adan walks with 1 − β₂ for β₂ on two steps alone, its acprop about the old m."""
    gradients = jnp.array([1.0, 3.0])
    adan = {"b1": 0.5, "b2": 0.8, "b3": 0.5, "eps": 0.0, "eps_root": 0.0}
    x = jnp.array(0.0)
    ours = updates_of(jd.adan(1.0, **adan), gradients, x)[1]
    with jax.numpy_dtype_promotion("standard"):
        theirs = updates_of(optax.adan(1.0, **adan), gradients, x)[1]

    def second(share):
        m, n = (0.25 + 1.5) / 0.75, (0.25 + 0.5 * (3 + share * 2) ** 2) / 0.75
        return -(m + share * (0.2 * 2 / (1 - 0.8**2))) / np.sqrt(n)

    np.testing.assert_allclose([ours, theirs], [second(0.8), second(0.2)], rtol=1e-12)
