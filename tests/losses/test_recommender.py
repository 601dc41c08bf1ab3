"""Matrix factorization against NumPy, its gradient, and a matrix recovered from some entries."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import jdescent as jd
from jdescent.losses import matrix_factorization, mean_squared_error

NUMBER = st.floats(-10.0, 10.0, allow_subnormal=False)
LOSS = jax.jit(mean_squared_error(matrix_factorization))
USERS, ITEMS, RANK, RATINGS = 5, 4, 2, 12


def parameters(draw_array, users, items, rank):
    return {
        "mean": draw_array(()),
        "user_bias": draw_array((users,)),
        "item_bias": draw_array((items,)),
        "user": draw_array((users, rank)),
        "item": draw_array((items, rank)),
    }


@st.composite
def problems(draw):
    params = parameters(lambda s: draw(hnp.arrays(float, s, elements=NUMBER)), USERS, ITEMS, RANK)
    users = draw(hnp.arrays(np.int32, RATINGS, elements=st.integers(0, USERS - 1)))
    items = draw(hnp.arrays(np.int32, RATINGS, elements=st.integers(0, ITEMS - 1)))
    ratings = draw(hnp.arrays(float, RATINGS, elements=NUMBER))
    return params, np.stack([users, items], axis=1), ratings


def table(params):
    """The rating of every item by every user."""
    return (
        params["mean"]
        + params["user_bias"][:, None]
        + params["item_bias"][None]
        + params["user"] @ params["item"].T
    )


@given(problems())
def test_predictions_are_the_entries_of_the_biased_product(problem):
    params, pairs, _ = problem
    with jax.enable_x64(True):
        ratings = jax.jit(matrix_factorization)(params, pairs)
    np.testing.assert_allclose(ratings, table(params)[*pairs.T], rtol=1e-13, atol=1e-12)


@given(problems())
def test_gradients_are_the_sums_over_each_users_and_each_items_ratings(problem):
    params, pairs, ratings = problem
    error, seen = np.zeros((USERS, ITEMS)), table(params)[*pairs.T]
    np.add.at(error, tuple(pairs.T), 2 / RATINGS * (seen - ratings))
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(LOSS)(params, (pairs, ratings))
    assert value == pytest.approx(np.mean((seen - ratings) ** 2), rel=1e-12)
    expected = {
        "mean": error.sum(),
        "user_bias": error.sum(axis=1),
        "item_bias": error.sum(axis=0),
        "user": error @ params["item"],
        "item": error.T @ params["user"],
    }
    for name, sums in expected.items():
        np.testing.assert_allclose(gradient[name], sums, rtol=1e-12, atol=1e-10, err_msg=name)


def test_a_matrix_of_rank_two_is_recovered_from_part_of_its_entries(x64):
    rng = np.random.default_rng(0)
    users, items = 30, 20
    truth = table(parameters(rng.standard_normal, users, items, rank=2))
    pairs = np.argwhere(np.ones((users, items), bool))
    rng.shuffle(pairs)
    shown, hidden = np.split(pairs.astype(np.int32), [len(pairs) * 6 // 10])
    start = parameters(lambda s: 0.5 * jnp.array(rng.standard_normal(s)), users, items, rank=2)
    rate = jd.schedules.cosine(0.05, 1500)
    end = jax.jit(
        lambda: jd.descend(
            mean_squared_error(matrix_factorization),
            start,
            jd.adam(rate),
            1500,
            batches=jd.batches.full((shown, truth[*shown.T])),
            record=None,
        )
    )()
    guess = matrix_factorization(end.params, hidden)
    spread = np.std(truth)
    np.testing.assert_allclose(guess, truth[*hidden.T], rtol=0, atol=1e-4 * spread)


def test_without_factors_it_is_the_two_way_model_of_means(x64):
    """With every rating seen and k = 0, b and c are the rows' and columns' deviations."""
    ratings = np.random.default_rng(0).normal(3.0, 1.0, (USERS, ITEMS))
    pairs = np.argwhere(np.ones_like(ratings, bool)).astype(np.int32)
    start = parameters(jnp.zeros, USERS, ITEMS, rank=0)
    end = jd.descend(
        LOSS, start, jd.sgd(0.5), 2000, batches=jd.batches.full((pairs, ratings.ravel())),
        tolerance=1e-13,
    )  # fmt: skip
    fitted = ratings.mean(axis=1)[:, None] + ratings.mean(axis=0)[None] - ratings.mean()
    np.testing.assert_allclose(table(end.params), fitted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_predictions_and_gradients_keep_the_dtype_of_the_parameters(dtype):
    with jax.enable_x64(True):
        params = parameters(lambda shape: jnp.ones(shape, dtype), 3, 2, 2)
        pairs, ratings = jnp.array([[0, 1], [2, 0]]), jnp.zeros(2, dtype)
        value, gradient = jax.value_and_grad(LOSS)(params, (pairs, ratings))
    assert {leaf.dtype for leaf in jax.tree.leaves((value, gradient))} == {ratings.dtype}


def test_pairs_past_the_end_are_read_as_the_last_user_and_item():
    params = parameters(
        lambda shape: jnp.arange(np.prod(shape), dtype=float).reshape(shape), 3, 2, 2
    )
    past, last = (matrix_factorization(params, jnp.array([pair])) for pair in ([7, 9], [2, 1]))
    assert past == last


def test_pairs_that_are_not_integers_are_refused():
    params = parameters(jnp.zeros, 3, 2, 1)
    with pytest.raises(TypeError, match=r"pairs are of dtype float32: give integer rows"):
        matrix_factorization(params, jnp.zeros((5, 2)))


@pytest.mark.parametrize("shape", [(2,), (5, 3), (5,), (), (5, 2, 1)])
def test_pairs_of_another_shape_are_refused(shape):
    said = f"pairs have shape {shape}: they must be (n, 2), rows (user, item)"
    with pytest.raises(ValueError, match=re.escape(said)):
        matrix_factorization(parameters(jnp.zeros, 3, 2, 1), jnp.zeros(shape, jnp.int32))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mean", (1,)),
        ("user_bias", (4,)),
        ("item_bias", ()),
        ("user", (3,)),
        ("user", (3, 2)),
        ("item", (2, 1, 1)),
        ("item", (3, 1)),
    ],
)
def test_parameters_that_do_not_fit_are_named(name, shape):
    params = parameters(jnp.zeros, 3, 2, 1) | {name: jnp.zeros(shape)}
    with pytest.raises(ValueError, match=re.escape(f"{name.split('_')[0]}") + ".*they must be"):
        matrix_factorization(params, jnp.array([[0, 1]]))
