"""The arithmetic that all rules are made of, against 80-bit floats."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.core import Real
from jdescent.numerics import LAST_STEP, Beta, logarithm, next_step, ratio, root

BETAS = [0.0, 1e-30, 1e-3, 0.1, 0.5, 0.9, 0.999, 0.999999, 0.9999999, 1 - 1e-8, 1 - 1e-12]
STEPS = np.array([1, 2, 3, 10, 1000, 10**6, 2**24 + 1, 10**9, LAST_STEP])


def exact_bias(beta, t):
    """1 − βᵗ, from ln β in 64 bits of mantissa."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log1p(np.longdouble(beta) - 1)
        return -np.expm1(np.where(t == 0, 0, np.longdouble(t) * log))


def dtypes():
    return pytest.mark.parametrize("dtype", [np.float32, np.float64])


@dtypes()
def test_the_bias_of_a_mean_is_right_to_a_few_roundings_for_every_decay(dtype):
    with jax.enable_x64(dtype == np.float64):
        for beta in BETAS:
            bias = np.asarray(1 - Beta(beta) ** jnp.asarray(STEPS, dtype))
            assert bias.dtype == dtype
            np.testing.assert_allclose(
                bias, exact_bias(beta, STEPS), rtol=4 * np.finfo(dtype).eps, err_msg=str(beta)
            )


@pytest.mark.parametrize("beta", BETAS[2:])
def test_the_logarithm_of_a_decay_is_right_to_a_rounding(beta):
    np.testing.assert_allclose(Beta(beta).log, np.float64(np.log1p(np.longdouble(beta) - 1)), 1e-15)


@dtypes()
def test_the_bias_of_a_traced_decay_is_that_of_the_number_it_is(dtype):
    with jax.enable_x64(dtype == np.float64):
        betas = np.array(BETAS, dtype)
        betas = betas[betas < 1]

        @jax.jit
        def biases(betas, t):
            return jax.vmap(lambda beta: 1 - Beta(beta) ** t)(betas)

        got = np.asarray(biases(betas, jnp.asarray(STEPS, dtype)))
        want = exact_bias(betas[:, None], STEPS)
        np.testing.assert_allclose(got, want, rtol=4 * np.finfo(dtype).eps)


def test_the_bias_has_its_derivative_at_every_decay():
    """d(1 − βᵗ)/dβ = −t·βᵗ⁻¹, at β = 0 too: −1 at t = 1 and 0 later."""
    slope = jax.jit(jax.grad(lambda beta, t: 1 - Beta(beta) ** t))
    for beta in (0.0, 1e-9, 0.25, 0.9):
        for t in (1.0, 2.0, 5.0):
            np.testing.assert_allclose(slope(beta, t), -t * beta ** (t - 1), rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("beta", BETAS)
def test_a_mean_of_equal_numbers_is_that_number_once_freed_of_its_bias(beta):
    """Both in the recursion of a mean from 0 and in the weights that need no correction."""
    b = Beta(beta)
    biased = unbiased = jnp.float32(0)
    for t in range(1, 30):
        step = jnp.float32(t)
        biased = b * biased + (1 - b) * jnp.float32(3.0)
        unbiased = b.unbiased_mean(unbiased, jnp.float32(3.0), step)
        np.testing.assert_allclose(biased / (1 - b**step), 3, rtol=1e-5 if beta < 0.5 else 2e-6)
        assert abs(unbiased - 3) <= 3 * 2**-23


@pytest.mark.parametrize("beta", [0.0, 1e-3, 0.3, 0.5, 0.9, 0.999])
def test_a_mean_forgets_a_large_number_and_keeps_the_small_one_that_follows(beta):
    b = Beta(beta)
    mean = b * jnp.float32(1e10) + (1 - b) * jnp.float32(1.0)
    np.testing.assert_allclose(mean, beta * 1e10 + (1 - beta), rtol=1e-6)


def test_unbiased_weights_are_those_of_the_definition():
    """(1 − β)/(1 − βᵗ) for the newest; together they are 1."""
    for beta in BETAS:
        old, new = Beta(beta).unbiased_weights(jnp.asarray(STEPS, jnp.float32))
        exact = (1 - np.longdouble(beta)) / exact_bias(beta, STEPS)
        np.testing.assert_allclose(new, exact, rtol=1e-6)
        before = np.longdouble(beta) * exact_bias(beta, STEPS - 1) / exact_bias(beta, STEPS)
        np.testing.assert_allclose(old, before, rtol=1e-6)
        assert (old[0], new[0]) == (0, 1)


def test_counters_stay_at_the_last_step():
    counts = jnp.array([0, 1, LAST_STEP - 2, LAST_STEP - 1, LAST_STEP], jnp.int32)
    np.testing.assert_array_equal(next_step(counts), np.minimum(np.int64(counts) + 1, LAST_STEP))
    assert next_step(counts).dtype == jnp.int32


@pytest.mark.parametrize("eps", [0.0, 1e-50, 1e-8])
def test_roots_and_ratios_hide_nothing_and_have_finite_derivatives_at_zero(eps):
    numbers = jnp.array([0.0, 4.0, jnp.inf, jnp.nan, -1.0])
    np.testing.assert_allclose(
        root(numbers, eps), [np.sqrt(np.float32(eps)), 2, np.inf, np.nan, np.nan], rtol=1e-6
    )
    np.testing.assert_allclose(
        ratio(
            jnp.array([0.0, 0.0, jnp.nan, 0.0, jnp.inf]), jnp.array([0, 1, 0, jnp.nan, 1.0]), eps
        ),
        [0, 0, np.nan, np.nan, np.inf],
    )
    if eps < 1e-38:
        assert ratio(jnp.float32(-1), jnp.float32(0), eps) == -jnp.inf
        assert jax.grad(root)(jnp.float32(0), eps) == 0
        assert jax.grad(jax.grad(root))(jnp.float32(0), eps) == 0
        assert jax.grad(ratio, argnums=(0, 1))(jnp.float32(0), jnp.float32(0), eps) == (0, 0)
    assert jax.grad(root)(jnp.float32(4), eps) == 0.25


def test_the_logarithm_of_a_hyperparameter_makes_its_powers():
    for x in (0.0, 1e-10, 0.3, 0.999999, 1.0, 7.5):
        for exponent in (0.0, 0.1, 1.0, 3.0):
            power = float(np.float32(x)) ** exponent
            traced = jax.jit(lambda x, e: jnp.exp(logarithm(x) * e))(jnp.float32(x), exponent)
            np.testing.assert_allclose(traced, power, rtol=1e-5, atol=2e-4 if x == 0 else 0)
            host = jnp.exp(logarithm(float(np.float32(x))) * jnp.float32(exponent))
            np.testing.assert_allclose(host, power, rtol=1e-5)


def test_a_traced_hyperparameter_out_of_its_range_is_nan():
    """float32(1 − 1e-8) is 1: nothing that is computed with it may look right."""

    @jax.jit
    def checked(value):
        return Real(high=1).checked("beta", value)

    for value in (-0.1, 1.0, 1 - 1e-8, np.nan, np.inf, -1, 1):
        assert jnp.isnan(checked(jnp.asarray(value)))
    for value in (0.0, 0.9, 0, np.float16(0.5)):
        assert checked(jnp.asarray(value)) == float(value)
    assert checked(jnp.float16(0.5)).dtype == jnp.float32


def test_a_traced_hyperparameter_keeps_its_width_and_is_float32_at_least():
    """A Python number that is traced under x64 is a float64, though it adapts to its partner."""

    @jax.jit
    def checked(value):
        return Real().checked("beta", value)

    with jax.enable_x64(True):
        assert checked(0.1) == 0.1
        assert checked(np.float64(0.1)) == 0.1
        for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
            assert checked(jnp.asarray(0.5, dtype)).dtype == jnp.float32
        update = jax.jit(lambda b1, g: jd.adam(1.0, b1=b1).update(g, jd.adam(1.0).init(g))[0])
        assert update(0.9, jnp.ones(2, jnp.float32)).dtype == jnp.float32
