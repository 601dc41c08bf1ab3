import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import analysis


def heavy_ball_distances(steps, momenta, length):
    """|x_t| from x = 1, v = 0 on ½x², one row per (ηλ, β)."""
    position, velocity = np.ones_like(steps), np.zeros_like(steps)
    rows = []
    for _ in range(length):
        rows.append(np.abs(position))
        velocity = momenta * velocity - steps * position
        position = position + velocity
    return np.stack(rows, axis=-1)


@given(st.floats(0.02, 1.98), st.integers(20, 300), st.floats(1e-6, 1e6))
def test_a_geometric_record_gives_its_factor_to_rounding(step, length, start):
    distance = start * abs(1 - step) ** np.arange(length)
    # rounding of each entry, of the logarithm and of denormals, over half the record
    np.testing.assert_allclose(
        analysis.contraction_rate(distance, floor=1e-300), analysis.gd_rate(step, 1.0), rtol=1e-12
    )


@given(st.floats(0.3, 0.99), st.floats(0.05, 0.95), st.floats(0.0, np.pi))
def test_an_oscillating_record_gives_the_modulus_of_its_complex_pair(modulus, turn, phase):
    t = np.arange(400)
    distance = modulus**t * np.abs(np.cos(np.pi * turn * t + phase))
    error = np.log(analysis.contraction_rate(distance, floor=1e-200) / modulus)
    # a peak falls within half a step of a sample in each quarter, or the record repeats
    usable = min(400, int(-200 * np.log(10) / np.log(modulus)))
    assert abs(error) <= 3 / usable


def test_zeros_in_an_oscillating_record_do_no_harm():
    distance = 0.9 ** np.arange(64) * np.array([1.0, 0.0] * 32)
    np.testing.assert_allclose(analysis.contraction_rate(distance), 0.9, rtol=1e-12)


@pytest.mark.parametrize("length", [50, 200, 1000])
def test_random_heavy_balls_are_measured_within_3_over_the_record_length(length):
    draw = np.random.default_rng(0)
    momenta = draw.uniform(0, 0.99, 4000)
    steps = draw.uniform(1e-3, 1.05, 4000) * analysis.heavy_ball_limit(1.0, momenta)
    exact = analysis.heavy_ball_rate(steps, 1.0, momenta)
    resolved = exact**length > 1e-290
    measured = analysis.contraction_rate(heavy_ball_distances(steps, momenta, length)[resolved])
    error = np.abs(np.log(measured / exact[resolved]))
    assert error.max() < 3 / length
    assert np.median(error) < 0.01 / length


@pytest.mark.parametrize("length", [200, 1000, 5000])
def test_a_double_root_is_measured_within_1_7_over_the_record_length(length):
    momentum = np.array([0.95])
    double_root = (1 - momentum**0.5) ** 2
    distance = heavy_ball_distances(double_root, momentum, length)
    error = np.log(analysis.contraction_rate(distance)[0] / momentum[0] ** 0.5)
    assert 0 < error < 1.7 / length


@given(st.integers(0, 60))
def test_a_transient_that_has_died_does_not_count(length_of_growth):
    t = np.arange(400.0)
    distance = 0.95**t + 10 * np.exp(-((t - length_of_growth) ** 2) / 50)
    np.testing.assert_allclose(analysis.contraction_rate(distance), 0.95, rtol=1e-6)


def test_the_record_ends_where_rounding_or_overflow_begins():
    t = np.arange(200)
    stalled = np.maximum(0.5**t, 1e-8)
    np.testing.assert_allclose(analysis.contraction_rate(stalled, floor=2e-8), 0.5, rtol=1e-12)
    with np.errstate(over="ignore"):
        exploding = 1e5 ** t.astype(np.float64)
    assert np.isinf(exploding[-1])
    np.testing.assert_allclose(analysis.contraction_rate(exploding), 1e5, rtol=1e-9)


def test_a_run_that_arrives_at_once_has_rate_0_and_one_that_explodes_at_once_inf():
    arrived = np.zeros(20)
    arrived[0] = 1.0
    exploded = np.full(20, np.nan)
    exploded[:3] = 1.0, 1e200, np.inf
    np.testing.assert_array_equal(
        analysis.contraction_rate(np.stack((arrived, exploded))), [0.0, np.inf]
    )


def test_rates_of_a_batch_equal_those_of_its_runs_under_jit_and_vmap():
    t = jnp.arange(64, dtype=jnp.float32)
    factors = jnp.array([[0.5, 0.9], [0.99, 1.01]])
    records = factors[..., None] ** t[None, None, :]
    together = jax.jit(analysis.contraction_rate)(records)
    apart = jax.vmap(jax.vmap(analysis.contraction_rate))(records)
    assert together.dtype == jnp.float32
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_allclose(together, factors, rtol=1e-6)


def test_a_record_too_short_or_a_negative_floor_is_named():
    with pytest.raises(ValueError, match=r"at least 8 steps on its last axis, got shape \(3, 7\)"):
        analysis.contraction_rate(np.ones((3, 7)))
    with pytest.raises(ValueError, match="floor must be zero or positive, got -1"):
        analysis.contraction_rate(np.ones(8), floor=-1.0)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40, unique=True).map(sorted),
    st.data(),
)
def test_a_crossing_brackets_the_change_halfway_between_its_neighbors(values, data):
    parameter = np.array(values)
    last = data.draw(st.integers(0, len(values) - 2))
    edge = analysis.crossing(parameter, np.arange(len(values)) <= last)
    np.testing.assert_allclose(edge.position - edge.half_width, parameter[last], atol=1e-12)
    np.testing.assert_allclose(edge.position + edge.half_width, parameter[last + 1], atol=1e-12)
    backwards = analysis.crossing(parameter, np.arange(len(values)) > last)
    assert backwards == edge


def test_each_momentum_of_a_plane_gets_its_own_boundary():
    rates = np.linspace(0.0101, 4.5, 900)
    momenta = np.array([0.0, 0.3, 0.6, 0.9])
    plane = analysis.heavy_ball_rate(rates[:, None], np.ones((1, 1)), momenta[None, :]) < 1
    limits = analysis.heavy_ball_limit(1.0, momenta)
    along_first = analysis.crossing(rates, plane, axis=0)
    assert np.all(np.abs(along_first.position - limits) <= along_first.half_width)
    along_last = analysis.crossing(jnp.asarray(rates), jnp.asarray(plane.T))
    np.testing.assert_allclose(along_last.position, along_first.position, rtol=1e-6)


@pytest.mark.parametrize(
    ("parameter", "is_stable", "message"),
    [
        ([1.0, 2.0, 3.0], [True] * 3, r"line \(0,\) changes 0 times over \[1.0, 3.0\]"),
        ([1.0, 2.0, 3.0], [True, False, True], "changes 2 times"),
        ([1.0, 2.0, 3.0], [[True, True, False], [False] * 3], r"line \(1,\) changes 0 times"),
        ([1.0, 3.0, 2.0], [True, True, False], "parameter must be strictly ascending"),
        ([1.0, 2.0], [True, True, False], r"must have 2 entries along axis -1.*shape \(3,\)"),
    ],
)
def test_a_region_without_exactly_one_edge_is_refused(parameter, is_stable, message):
    with pytest.raises(ValueError, match=message):
        analysis.crossing(np.array(parameter), np.array(is_stable))
