import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jdescent.losses import least_squares, linear_model, mean_squared_error

LOSS = mean_squared_error(linear_model)
NUMBER = st.floats(-100.0, 100.0, allow_subnormal=False)


@st.composite
def problems(draw, max_features=4):
    n, d = draw(st.sampled_from([1, 2, 9])), draw(st.sampled_from([1, max_features]))
    x, y, w = (draw(hnp.arrays(float, shape, elements=NUMBER)) for shape in ((n, d), (n,), (d,)))
    return x, y, w, draw(NUMBER)


@settings(max_examples=40)
@given(problems())
def test_gradients_equal_the_textbook_sums(problem):
    x, y, w, b = problem
    error = x @ w + b - y
    size = 1 + np.max(np.abs(error)) * (1 + np.max(np.abs(x)))
    with jax.enable_x64(True):
        loss, gradient = jax.value_and_grad(LOSS)({"w": jnp.array(w), "b": jnp.array(b)}, (x, y))
        np.testing.assert_allclose(loss, np.mean(error**2), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(
            gradient["w"], 2 / len(y) * x.T @ error, rtol=0, atol=1e-12 * size
        )
        np.testing.assert_allclose(
            gradient["b"], 2 / len(y) * np.sum(error), rtol=0, atol=1e-12 * size
        )


@given(problems())
def test_loss_is_the_mean_of_optaxs_squared_error(problem):
    x, y, w, b = problem
    with jax.enable_x64(True):
        predictions = jnp.asarray(x) @ w + b
        ours = LOSS({"w": jnp.array(w), "b": jnp.array(b)}, (x, y))
        theirs = jnp.mean(optax.losses.squared_error(predictions, jnp.asarray(y)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@given(problems(max_features=1))
def test_a_single_feature_may_be_a_row_with_a_scalar_weight(problem):
    x, y, w, b = problem
    with jax.enable_x64(True):
        table = LOSS({"w": jnp.array(w), "b": jnp.array(b)}, (x, y))
        row = LOSS({"w": jnp.array(w[0]), "b": jnp.array(b)}, (x[:, 0], y))
        np.testing.assert_allclose(row, table, rtol=1e-12, atol=1e-12)


def test_squared_error_of_one_house_price():
    for price, error in ((350_000.0, 9e8), (322_000.0, 4e6)):
        loss = mean_squared_error(lambda params, x: params * x)
        assert loss(jnp.array(price), (jnp.ones(1), jnp.array([320_000.0]))) == error


def test_hessian_is_twice_the_second_moment_of_the_features_and_one():
    with jax.enable_x64(True):
        x = jax.random.normal(jax.random.key(0), (30, 3))
        y = jax.random.normal(jax.random.key(1), (30,))

        def loss(flat):
            return LOSS({"w": flat[:3], "b": flat[3]}, (x, y))

        columns = np.column_stack([x, np.ones(30)])
        np.testing.assert_allclose(
            jax.jit(jax.hessian(loss))(jnp.ones(4)),
            2 / 30 * columns.T @ columns,
            rtol=0,
            atol=1e-13,
        )


@settings(max_examples=40)
@given(problems())
def test_least_squares_leaves_residuals_orthogonal_to_every_feature_and_to_one(problem):
    x, y, _, _ = problem
    with jax.enable_x64(True):
        gradient = jax.grad(LOSS)(least_squares(x, y), (x, y))
    scale = 1 + np.max(np.abs(x)) * np.max(np.abs(y)) + np.max(np.abs(x)) ** 2
    assert np.max(np.abs(np.append(gradient["w"], gradient["b"]))) < 1e-11 * scale


def test_least_squares_finds_the_planted_parameters_and_scipys_line():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(50, 4)) * [1.0, 1e3, 1e-3, 1.0] + 5.0, np.array([1.0, -2.0, 3.0, 0.0])
    with jax.enable_x64(True):
        theta = least_squares(x, x @ w + 7.0)
        np.testing.assert_allclose(theta["w"], w, rtol=0, atol=1e-9)
        assert theta["b"] == pytest.approx(7.0, abs=1e-9)
        noisy = x[:, 0] + rng.normal(size=50)
        line, reference = least_squares(x[:, 0], noisy), scipy.stats.linregress(x[:, 0], noisy)
        assert line["w"] == pytest.approx(reference.slope, rel=1e-12)
        assert line["b"] == pytest.approx(reference.intercept, rel=1e-12)


def test_gradient_descent_from_zero_arrives_at_least_squares_even_where_it_is_not_unique():
    with jax.enable_x64(True):
        x = jax.random.normal(jax.random.key(0), (20, 2))
        x = jnp.column_stack([x, x[:, 0] - x[:, 1]])  # dependent columns: a line of minima
        y = jax.random.normal(jax.random.key(1), (20,))
        zero = {"w": jnp.zeros(3), "b": jnp.zeros(())}

        def step(_, theta):
            gradient = jax.grad(LOSS)(theta, (x, y))
            return jax.tree.map(lambda p, g: p - 0.1 * g, theta, gradient)

        end, truth = jax.lax.fori_loop(0, 2000, step, zero), least_squares(x, y)
        np.testing.assert_allclose(end["w"], truth["w"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(end["b"], truth["b"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_loss_gradient_and_least_squares_keep_the_dtype(dtype):
    with jax.enable_x64(True):
        x = jnp.array([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0]], dtype)
        y = jnp.array([1.0, 2.0, 3.0], dtype)
        theta = least_squares(x, y)
        loss, gradient = jax.value_and_grad(LOSS)(theta, (x, y))
        assert {leaf.dtype for leaf in jax.tree.leaves((theta, loss, gradient))} == {x.dtype}


def test_least_squares_of_integers_is_in_the_default_float():
    theta = least_squares(np.arange(1, 6), 2 * np.arange(1, 6))
    assert (theta["w"].dtype, theta["b"].dtype) == (jnp.float32, jnp.float32)
    np.testing.assert_allclose((theta["w"], theta["b"]), (2.0, 0.0), rtol=0, atol=1e-6)


def test_targets_in_a_column_are_not_broadcast_to_a_square():
    theta = {"w": jnp.zeros(2), "b": jnp.zeros(())}
    with pytest.raises(ValueError, match=r"predicts shape \(5,\), .* shape \(5, 1\).*\[:, 0\]"):
        LOSS(theta, (jnp.ones((5, 2)), jnp.ones((5, 1))))


def test_unequal_lengths_and_empty_data_are_refused_also_when_compiled():
    theta = {"w": jnp.zeros(2), "b": jnp.zeros(())}
    with pytest.raises(ValueError, match=r"predicts shape \(5,\), the targets y have shape \(4,\)"):
        jax.jit(LOSS)(theta, (jnp.ones((5, 2)), jnp.ones(4)))
    with pytest.raises(ValueError, match="x and y are empty"):
        LOSS(theta, (jnp.ones((0, 2)), jnp.ones(0)))


@pytest.mark.parametrize(
    ("w", "b", "x"),
    [((3,), (), (5, 2)), ((2,), (), (5,)), ((), (), (5, 1)), ((2,), (1,), (5, 2)), ((), (), ())],
)
def test_features_and_weights_that_do_not_fit_are_named(w, b, x):
    with pytest.raises(ValueError, match=re.escape(f"x has shape {x}, w {w}, b {b}")):
        linear_model({"w": jnp.ones(w), "b": jnp.ones(b)}, jnp.ones(x))


@pytest.mark.parametrize(("x", "y"), [((5, 2), (4,)), ((5, 2), (5, 1)), ((0,), (0,)), ((), ())])
def test_least_squares_names_shapes_that_do_not_fit(x, y):
    with pytest.raises(ValueError, match=re.escape(f"x has shape {x}, y {y}")):
        least_squares(np.ones(x), np.ones(y))
