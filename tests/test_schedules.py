"""Schedules against optax's, their closed forms and their shape."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import schedules
from jdescent.core import hyperparameters_of

rates = st.floats(-4, 1).map(lambda exponent: 10.0**exponent)
lengths = st.integers(1, 300)
STEPS = np.concatenate([np.arange(130), [200, 299, 300, 301, 1000]]).astype(np.int32)


def increasing(most):
    return st.lists(st.integers(1, 40), min_size=1, max_size=most).map(
        lambda gaps: [int(b) for b in np.cumsum(gaps)]
    )


def assert_equal(ours, optaxs):
    """In float64 to 1e-12 of the largest rate.

    optax divides the step by Python integers, which gives float32 unless the step is a float, and
    which the strict mode forbids.
    """
    with jax.enable_x64(True):
        got = np.asarray(ours()(jnp.asarray(STEPS)))
        with jax.numpy_dtype_promotion("standard"):
            want = np.asarray(jax.vmap(optaxs())(jnp.asarray(STEPS, float)))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * want.max())


@given(rates)
def test_constant_equals_optax(rate):
    assert_equal(lambda: schedules.constant(rate), lambda: optax.constant_schedule(rate))


@given(rates, rates, lengths)
def test_linear_equals_optax(start, end, steps):
    assert_equal(
        lambda: schedules.linear(start, end, steps),
        lambda: optax.linear_schedule(start, end, steps),
    )


@given(rates, rates, lengths, st.floats(0.5, 4))
def test_polynomial_equals_optax(start, end, steps, power):
    assert_equal(
        lambda: schedules.polynomial(start, end, steps, power),
        lambda: optax.polynomial_schedule(start, end, power, steps),
    )


@given(rates, lengths, st.floats(0, 1))
def test_cosine_equals_optax(start, steps, share):
    assert_equal(
        lambda: schedules.cosine(start, steps, end=share * start),
        lambda: optax.cosine_decay_schedule(start, steps, alpha=share),
    )


@given(rates, st.floats(0.01, 1.1), st.integers(1, 100), st.booleans())
def test_exponential_equals_optax(start, factor, every, staircase):
    assert_equal(
        lambda: schedules.exponential(start, factor, every, staircase),
        lambda: optax.exponential_decay(start, every, factor, staircase=staircase),
    )


@given(rates, increasing(4), st.data())
def test_piecewise_equals_optax(start, boundaries, data):
    scales = data.draw(
        st.lists(st.floats(0.1, 2), min_size=len(boundaries), max_size=len(boundaries))
    )
    assert_equal(
        lambda: schedules.piecewise((start * np.cumprod([1.0, *scales])).tolist(), boundaries),
        lambda: optax.piecewise_constant_schedule(
            start, dict(zip(boundaries, scales, strict=True))
        ),
    )


@given(rates, rates, st.integers(1, 50), lengths)
def test_a_warmed_up_cosine_equals_optax(start, peak, warm, steps):
    assert_equal(
        lambda: schedules.warm_up(schedules.cosine(peak, steps), warm, start=start),
        lambda: optax.warmup_cosine_decay_schedule(start, peak, warm, warm + steps),
    )


@given(rates, st.integers(10, 300), st.floats(0.15, 0.9), st.floats(1, 50), st.floats(1, 1e4))
def test_one_cycle_equals_optax(peak, steps, rise, start_divisor, end_divisor):
    assert_equal(
        lambda: schedules.one_cycle(peak, steps, rise, start_divisor, end_divisor),
        lambda: optax.cosine_onecycle_schedule(steps, peak, rise, start_divisor, end_divisor),
    )


@given(rates, rates, increasing(3))
def test_join_equals_optax(start, end, boundaries):
    def parts(library):
        linear = library.linear if library is schedules else library.linear_schedule
        return [linear(start * (i + 1), end, 17 + i) for i in range(len(boundaries) + 1)]

    assert_equal(
        lambda: schedules.join(parts(schedules), boundaries),
        lambda: optax.join_schedules(parts(optax), boundaries),
    )


ALL = {
    "constant": schedules.constant(0.1),
    "linear": schedules.linear(0.1, 0.0, 50),
    "polynomial": schedules.polynomial(0.1, 0.01, 50, 3.0),
    "cosine": schedules.cosine(0.1, 50),
    "exponential": schedules.exponential(0.1, 0.9, 3),
    "staircase": schedules.exponential(0.1, 0.9, 3, staircase=True),
    "piecewise": schedules.piecewise([0.1, 0.01], [20]),
    "inverse_square_root": schedules.inverse_square_root(0.1, 20),
    "warm_up": schedules.warm_up(schedules.cosine(0.1, 50), 10),
    "warm_up of a number": schedules.warm_up(0.1, 10, start=0.02),
    "one_cycle": schedules.one_cycle(0.1, 60),
    "join": schedules.join([schedules.constant(0.1), schedules.linear(0.1, 0.0, 9)], [30]),
}


@pytest.mark.parametrize("name", ALL)
def test_an_array_of_steps_gives_the_rate_of_each(name):
    table = np.arange(12, dtype=np.int32).reshape(3, 4) * 7
    rates = ALL[name](jnp.asarray(table))
    assert rates.shape == (3, 4)
    assert rates.dtype == jnp.float32
    one_by_one = [[float(ALL[name](int(step))) for step in row] for row in table]
    np.testing.assert_allclose(rates, one_by_one, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ALL)
def test_a_rate_is_never_negative_and_never_above_its_peak(name):
    rates = ALL[name](jnp.arange(400))
    assert jnp.all(rates >= 0)
    assert jnp.max(rates) <= 0.1 * (1 + 1e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_schedule_compiles_with_a_traced_step_and_a_traced_rate(name):
    np.testing.assert_allclose(jax.jit(ALL[name])(jnp.int32(25)), ALL[name](25), rtol=1e-6)


def test_schedules_take_traced_rates(x64):
    peaks = jnp.array([0.1, 0.2])
    mapped = jax.vmap(lambda peak: schedules.warm_up(schedules.cosine(peak, 50), 10)(25))(peaks)
    alone = [schedules.warm_up(schedules.cosine(p, 50), 10)(25) for p in (0.1, 0.2)]
    np.testing.assert_allclose(mapped, jnp.stack(alone), rtol=1e-14)


@given(st.integers(1, 100), rates, st.floats(0, 1))
def test_a_warm_up_rises_linearly_from_its_start_to_the_first_rate(steps, rate, share):
    start = share * rate
    with jax.enable_x64(True):
        warm = schedules.warm_up(schedules.cosine(rate, 70), steps, start=start)
        warmed = np.asarray(warm(jnp.arange(200)))
        cosine = np.asarray(schedules.cosine(rate, 70)(jnp.arange(200)))
    line = start + (rate - start) * np.arange(steps) / steps
    np.testing.assert_allclose(warmed[:steps], line, atol=1e-12 * rate)
    np.testing.assert_array_equal(warmed[steps:], cosine[: 200 - steps])


@given(st.integers(1, 1000), rates)
def test_the_inverse_square_root_is_flat_and_then_falls_by_half_in_four_times_the_steps(
    steps, peak
):
    with jax.enable_x64(True):
        schedule = schedules.inverse_square_root(peak, steps)
        values = np.asarray(schedule(jnp.array([0, steps // 2, steps, 4 * steps, 100 * steps])))
    np.testing.assert_allclose(values, peak * np.array([1, 1, 1, 0.5, 0.1]), rtol=1e-12)


@given(st.integers(10, 300), st.floats(0.15, 0.85))
def test_one_cycle_starts_peaks_and_ends_where_it_says(steps, rise):
    with jax.enable_x64(True):
        schedule = schedules.one_cycle(2.0, steps, rise, start_divisor=10, end_divisor=100)
        rates = np.asarray(schedule(jnp.arange(400)))
    assert rates.argmax() == int(rise * steps)
    np.testing.assert_allclose(rates[[0, rates.argmax()]], [0.2, 2.0], rtol=1e-12)
    np.testing.assert_allclose(rates[steps:], 0.002, rtol=1e-12)


def test_a_schedule_holds_its_last_rate_for_ever():
    late = jnp.array([5, 6, 10**6, 2**31 - 1])
    for schedule in (schedules.linear(0.3, 0.1, 5), schedules.cosine(0.3, 5, end=0.1)):
        np.testing.assert_allclose(schedule(late), 0.1, rtol=1e-6)


LAST = 2**31 - 1
FAR = np.array([0, 1, 2**24 - 1, 2**24 + 1, 10**9 + 7, LAST - 10**4, LAST - 100, LAST - 1, LAST])


def fraction(steps):
    return np.minimum(np.longdouble(FAR) / steps, 1)


def power(base, exponent):
    return np.power(np.longdouble(base), exponent)


FORMULAS = {
    "linear": (schedules.linear(0.2, 0.1, LAST), 0.2 + (0.1 - 0.2) * fraction(LAST)),
    "linear to 0": (schedules.linear(0.2, 0.0, LAST), 0.2 * (1 - fraction(LAST))),
    "root": (schedules.polynomial(0.2, 0.0, LAST, 0.5), 0.2 * np.sqrt(1 - fraction(LAST))),
    "cosine": (
        schedules.cosine(0.2, LAST),
        0.1 * 2 * np.sin(np.longdouble(np.pi) / 2 * (1 - fraction(LAST))) ** 2,
    ),
    "exponential": (
        schedules.exponential(0.2, 0.5, LAST // 5),
        0.2 * power(0.5, np.longdouble(FAR) / (LAST // 5)),
    ),
    "slow exponential": (
        schedules.exponential(0.2, 1 - 1e-9),
        0.2 * power(np.longdouble(1 - 1e-9), np.longdouble(FAR)),
    ),
    "staircase": (
        schedules.exponential(0.2, 0.9, 10**8 + 7, staircase=True),
        0.2 * power(0.9, FAR // (10**8 + 7)),
    ),
    "a staircase down at the last step": (
        schedules.exponential(0.2, 0.5, LAST, staircase=True),
        np.where(FAR < LAST, 0.2, 0.1),
    ),
    "nothing after the first": (schedules.exponential(0.2, 0.0), np.where(FAR == 0, 0.2, 0)),
    "inverse_square_root": (
        schedules.inverse_square_root(0.2, 100),
        0.2 * np.sqrt(100 / np.maximum(np.longdouble(FAR), 100)),
    ),
    "piecewise": (schedules.piecewise([0.2, 0.1], [LAST]), np.where(FAR < LAST, 0.2, 0.1)),
    "join": (
        schedules.join([schedules.constant(0.2), schedules.linear(0.1, 0.0, 101)], [LAST - 101]),
        np.where(FAR < LAST - 101, 0.2, 0.1 * (LAST - np.longdouble(FAR)) / 101),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_schedule_is_its_formula_to_the_last_step_that_is_counted(name, dtype):
    """To 4 roundings of the largest rate; towards an end at 0, of the rate itself."""
    schedule, formula = FORMULAS[name]
    with jax.enable_x64(dtype == np.float64):
        rates = np.asarray(schedule(jnp.asarray(FAR, jnp.int32)))
    assert rates.dtype == dtype
    epsilon = np.finfo(dtype).eps
    relative = name in ("linear to 0", "root", "cosine", "inverse_square_root")
    np.testing.assert_allclose(
        rates, formula, rtol=8 * epsilon if relative else 0, atol=0 if relative else 0.8 * epsilon
    )


def test_a_rate_of_nan_or_of_another_dtype_stays_what_it_is():
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        for value in (0.5, jnp.nan):
            rate = jax.jit(lambda r: schedules.cosine(r, 10)(0))(jnp.asarray(value, dtype))
            assert rate.dtype == jnp.float32
            np.testing.assert_array_equal(rate, value)
    assert jnp.isnan(jax.jit(lambda r: schedules.linear(1.0, r, 10)(5))(-1.0))


@pytest.mark.parametrize("name", ALL)
def test_steps_of_any_integer_dtype_are_the_same_step(name):
    expected = ALL[name](100)
    for dtype in (np.int8, np.uint8, np.int16, np.int32):
        np.testing.assert_array_equal(ALL[name](jnp.asarray(100, dtype)), expected)


FACTORIES = {
    "constant": {"rate": 0.1},
    "linear": {"start": 1.0, "end": 0.0, "steps": 10},
    "polynomial": {"start": 1.0, "end": 0.0, "steps": 10, "power": 2.0},
    "cosine": {"start": 1.0, "steps": 10, "end": 0.1},
    "exponential": {"start": 1.0, "factor": 0.5, "every": 2, "staircase": True},
    "piecewise": {"rates": [1.0, 0.1], "boundaries": [2]},
    "inverse_square_root": {"peak": 1.0, "steps": 10},
    "warm_up": {"schedule": 1.0, "steps": 10, "start": 0.1},
    "one_cycle": {
        "peak": 1.0, "steps": 10, "rise": 0.3, "start_divisor": 25.0, "end_divisor": 1e4,
    },
    "join": {"schedules": [schedules.constant(1.0)] * 2, "boundaries": [5]},
}  # fmt: skip


@pytest.mark.parametrize("name", FACTORIES)
def test_what_a_signature_does_not_allow_is_refused_by_name_and_explained(name, as_users_run):
    factory, settings = getattr(schedules, name), FACTORIES[name]
    said = hyperparameters_of(factory)
    assert set(said) == set(settings) == set(inspect.signature(factory).parameters)
    words = " ".join(inspect.getdoc(factory).split())
    for argument in said.values():
        assert f"{argument.name}: {' '.join(argument.described().split())}" in words
        for wrong, error in argument.kind.refused():
            with pytest.raises(error, match=argument.name):
                factory(**{**settings, argument.name: wrong})


def test_every_schedule_has_its_arguments_in_the_table():
    made_here = {
        name
        for name, one in vars(schedules).items()
        if getattr(one, "__module__", "") == schedules.__name__ and hyperparameters_of_any(one)
    }
    assert made_here == set(FACTORIES)


def hyperparameters_of_any(one):
    return inspect.isfunction(one) and hyperparameters_of(one)


def test_a_length_ends_where_the_counter_does(as_users_run):
    with pytest.raises(ValueError, match="steps must be at most 2147483647, got 2147483648"):
        schedules.cosine(1.0, 2**31)


def test_a_cycle_needs_room_on_both_sides_and_divisors_to_divide_by():
    with pytest.raises(ValueError, match="rise must leave steps on both sides of the peak"):
        schedules.one_cycle(1.0, 10, rise=0.05)
    with pytest.raises(ValueError, match="start_divisor must be > 0"):
        schedules.one_cycle(1.0, 10, start_divisor=0)


def test_joins_that_do_not_fit_are_refused():
    one = schedules.constant(1.0)
    with pytest.raises(ValueError, match="2 schedules need 1 boundaries, got 2"):
        schedules.join([one, one], [1, 2])
    with pytest.raises(ValueError, match=r"boundaries must increase, got \[5, 5\]"):
        schedules.join([one, one, one], [5, 5])


@pytest.mark.parametrize("n", [3, 7, 30, 300])
@pytest.mark.parametrize("ends", [(0.0, 1e3), (1e3, 0.0)])
def test_rates_that_begin_or_end_at_zero_are_never_rounded_below_it(n, ends):
    """Compiled, n·(1/n) may be above 1."""
    start, end = ends
    for rates in (
        schedules.linear(start, end, n),
        schedules.polynomial(start, end, n),
        schedules.cosine(start, n, end),
    ):
        compiled = jax.jit(lambda steps, r=rates: jax.lax.map(r, steps))(jnp.arange(n + 3))
        assert compiled.min() == 0
        np.testing.assert_allclose(compiled[jnp.array([0, n])], ends, rtol=1e-6)
