"""Cross-entropies against optax, scikit-learn, NumPy's float64 and their closed-form gradients."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.preprocessing import scale

import jdescent as jd
from jdescent.losses import accuracy, binary_cross_entropy, cross_entropy, linear_model

LOGIT = st.floats(-1e4, 1e4) | st.floats(-10.0, 10.0) | st.sampled_from([0.0, 1e30, -1e30])


def given_logits(logits, x):
    """The model whose parameters are its logits."""
    del x
    return logits


CROSS_ENTROPY, BINARY, ACCURACY = (
    jax.jit(loss(given_logits)) for loss in (cross_entropy, binary_cross_entropy, accuracy)
)
HARD = st.sampled_from([0.0, 1.0])


@st.composite
def classified(draw, labelled_shapes=((1,), (3, 4))):
    """Logits of k classes, and labels."""
    shape, k = draw(st.sampled_from(labelled_shapes)), draw(st.sampled_from([1, 10]))
    logits = draw(hnp.arrays(float, (*shape, k), elements=LOGIT))
    labels = draw(hnp.arrays(np.int32, shape, elements=st.integers(0, k - 1)))
    return logits, labels


@st.composite
def two_classes(draw, label=HARD):
    shape = draw(st.sampled_from([(1,), (3, 4)]))
    logits = draw(hnp.arrays(float, shape, elements=LOGIT))
    labels = draw(hnp.arrays(float, shape, elements=label))
    return logits, labels


@given(classified())
def test_cross_entropy_is_minus_the_labels_mean_log_probability(problem):
    logits, labels = problem
    rows, chosen = logits.reshape(-1, logits.shape[-1]), labels.ravel()
    expected = -np.mean(log_softmax(rows, axis=1)[np.arange(chosen.size), chosen])
    with jax.enable_x64(True):
        ours = CROSS_ENTROPY(jnp.array(logits), (None, labels))
        each = optax.losses.softmax_cross_entropy_with_integer_labels(jnp.array(logits), labels)
        np.testing.assert_allclose(ours, expected, rtol=1e-12)
        # optax subtracts log Σ exp, of the logits' size, from a logit
        rounding = 1e-15 * np.max(np.abs(logits))
        np.testing.assert_allclose(ours, jnp.mean(each), rtol=1e-12, atol=rounding)


@given(classified())
def test_cross_entropys_gradient_is_softmax_minus_the_labels_over_n(problem):
    logits, labels = problem
    onehot = np.eye(logits.shape[-1])[labels]
    with jax.enable_x64(True):
        gradient = jax.grad(CROSS_ENTROPY)(jnp.array(logits), (None, labels))
    expected = (softmax(logits, axis=-1) - onehot) / labels.size
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-15)


@given(two_classes())
def test_binary_cross_entropy_is_the_two_class_one_with_a_logit_of_zero(problem):
    logits, labels = problem
    pairs = np.stack([np.zeros_like(logits), logits], axis=-1)
    with jax.enable_x64(True):
        two = CROSS_ENTROPY(jnp.array(pairs), (None, labels.astype(int)))
        np.testing.assert_allclose(BINARY(jnp.array(logits), (None, labels)), two, rtol=1e-12)


@given(two_classes(label=st.floats(0.0, 1.0, allow_subnormal=False)))
def test_binary_cross_entropy_is_optaxs_mean_also_for_labels_between_zero_and_one(problem):
    logits, labels = problem
    with jax.enable_x64(True):
        ours, gradient = jax.value_and_grad(BINARY)(jnp.array(logits), (None, labels))
        each = optax.losses.sigmoid_binary_cross_entropy(jnp.array(logits), jnp.array(labels))
        np.testing.assert_allclose(ours, jnp.mean(each), rtol=1e-12)
    closed_form = (expit(logits) - labels) / labels.size
    np.testing.assert_allclose(gradient, closed_form, rtol=0, atol=1e-15)


def test_both_are_scikit_learns_log_loss():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    with jax.enable_x64(True):
        ours = CROSS_ENTROPY(jnp.array(logits), (None, labels))
        assert ours == pytest.approx(log_loss(labels, softmax(logits, axis=1)), rel=1e-12)
        ours = BINARY(jnp.array(logits[:, 0]), (None, labels > 1))
        assert ours == pytest.approx(log_loss(labels > 1, expit(logits[:, 0])), rel=1e-12)


@pytest.mark.parametrize("logit", [5.0, 20.0, 60.0])
def test_a_confident_right_answer_keeps_its_small_loss_and_gradient_in_float32(logit):
    """Not the difference of two numbers of the logit's size, which would be rounded to zero."""
    truth = np.log1p(np.exp(-logit))
    for sign, label in ((1, 1), (-1, 0)):
        value, slope = jax.value_and_grad(BINARY)(
            jnp.array([sign * logit]), (None, np.array([label]))
        )
        assert value == pytest.approx(truth, rel=1e-6)
        assert slope == pytest.approx(-sign * expit(-logit), rel=1e-6)


@pytest.mark.parametrize("k", [2, 10, 1000])
def test_equal_logits_score_log_k_and_their_gradient_sums_to_zero(k):
    value, gradient = jax.value_and_grad(CROSS_ENTROPY)(
        jnp.full((3, k), 7.0), (None, np.array([0, 1, 0]))
    )
    assert value == pytest.approx(np.log(k), rel=1e-6)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-6)


def test_logits_of_a_sequence_score_as_its_places_laid_side_by_side():
    logits = jax.random.normal(jax.random.key(0), (4, 6, 5))
    labels = jax.random.randint(jax.random.key(1), (4, 6), 0, 5)
    for score in (CROSS_ENTROPY, ACCURACY):
        flat = score(logits.reshape(24, 5), (None, labels.reshape(24)))
        assert score(logits, (None, labels)) == pytest.approx(float(flat), rel=1e-6)


def test_a_class_ruled_out_by_a_logit_of_minus_infinity_has_no_gradient():
    logits = jnp.array([[0.0, -jnp.inf, np.log(3.0)]])
    value, gradient = jax.value_and_grad(CROSS_ENTROPY)(logits, (None, np.array([0])))
    assert value == pytest.approx(np.log(4), rel=1e-6)
    np.testing.assert_allclose(gradient, [[-0.75, 0, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("label", [-1, 3, 1000])
def test_a_label_out_of_range_makes_loss_and_accuracy_not_a_number(label):
    assert np.isnan(CROSS_ENTROPY(jnp.zeros((2, 3)), (None, np.array([0, label]))))
    assert np.isnan(ACCURACY(jnp.zeros((2, 3)), (None, np.array([0, label]))))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("x64", [False, True])
def test_labels_may_be_integers_of_every_kind_also_bytes_of_256_classes(dtype, x64):
    with jax.enable_x64(x64):
        logits = jax.random.normal(jax.random.key(0), (3, 256), jnp.float32)
        labels = np.array([0, 100, 127])
        value = CROSS_ENTROPY(logits, (None, labels.astype(dtype)))
        picked = np.asarray(logits)[np.arange(3), labels]
        assert value == pytest.approx(np.mean(logsumexp(logits, axis=1) - picked), rel=1e-6)
        best = np.full(3, np.argmax(logits[0]), np.uint8).astype(dtype)
        assert ACCURACY(logits[:1].repeat(3, axis=0), (None, best)) == 1


def test_bytes_label_every_one_of_256_classes():
    logits = jax.random.normal(jax.random.key(0), (256, 256))
    labels = np.arange(256)
    as_bytes, as_integers = (
        CROSS_ENTROPY(logits, (None, labels.astype(kind))) for kind in (np.uint8, np.int32)
    )
    assert as_bytes == as_integers


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_losses_scores_and_gradients_keep_the_dtype_of_the_logits(dtype):
    with jax.enable_x64(True):
        for score, shape in ((CROSS_ENTROPY, (5, 3)), (ACCURACY, (5, 3)), (BINARY, (5,))):
            logits, labels = jnp.ones(shape, dtype), jnp.array([0, 1, 1, 0, 1])
            value, gradient = jax.value_and_grad(score)(logits, (None, labels))
            assert (value.dtype, gradient.dtype) == (logits.dtype, logits.dtype)


@given(classified())
def test_accuracy_is_scikit_learns(problem):
    logits, labels = problem
    guesses = np.argmax(logits, axis=-1)
    with jax.enable_x64(True):
        ours = ACCURACY(jnp.array(logits), (None, labels))
    assert ours == pytest.approx(accuracy_score(labels.ravel(), guesses.ravel()))


@pytest.mark.parametrize("score", [CROSS_ENTROPY, ACCURACY])
@pytest.mark.parametrize(
    ("logits", "labels"), [((5, 3), (4,)), ((5, 3), (5, 1)), ((5,), (5,)), ((), ()), ((2, 3), ())]
)
def test_logits_and_labels_that_do_not_fit_are_named(score, logits, labels):
    said = f"logits of shape {logits}, the labels y have shape {labels}: logits must be"
    with pytest.raises(ValueError, match=re.escape(said)):
        score(jnp.zeros(logits), (None, jnp.zeros(labels, jnp.int32)))


@pytest.mark.parametrize("score", [CROSS_ENTROPY, ACCURACY])
@pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False]])
def test_labels_that_are_no_integers_are_refused(score, labels):
    with pytest.raises(TypeError, match=r"labels y are of dtype (float|bool).*give integers"):
        score(jnp.zeros((2, 3)), (None, jnp.array(labels)))


def test_two_logits_an_example_are_refused_with_the_loss_to_use_instead():
    with pytest.raises(ValueError, match=r"logits of shape \(5, 2\).*shape \(5,\).*cross_entropy"):
        BINARY(jnp.zeros((5, 2)), (None, jnp.zeros(5)))


@pytest.mark.parametrize(
    ("score", "shape"), [(CROSS_ENTROPY, (0, 3)), (ACCURACY, (0, 3)), (BINARY, (0,))]
)
def test_no_examples_are_refused(score, shape):
    with pytest.raises(ValueError, match="x and y are empty"):
        score(jnp.zeros(shape), (None, jnp.zeros(0, jnp.int32)))


def test_descent_on_logistic_regression_arrives_at_scikit_learns_coefficients(x64):
    pictures, labels = load_breast_cancer(return_X_y=True)
    x, n, decay = scale(pictures), len(labels), 0.01
    data_loss = binary_cross_entropy(linear_model)

    def loss(theta):
        return data_loss(theta, (x, labels)) + decay / 2 * jnp.sum(theta["w"] ** 2)

    start = {"w": jnp.zeros(30), "b": jnp.zeros(())}
    end = jax.jit(lambda: jd.descend(loss, start, jd.nesterov(0.3, 0.9), 1500, tolerance=1e-11))()
    assert end.verdict.converged
    exact = LogisticRegression(C=1 / (n * decay), solver="newton-cholesky", tol=1e-12)
    reference = exact.fit(x, labels)
    np.testing.assert_allclose(end.params["w"], reference.coef_[0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(end.params["b"], reference.intercept_[0], rtol=0, atol=1e-7)


def test_descent_on_softmax_regression_arrives_at_scikit_learns_coefficients(x64):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 3)), rng.integers(0, 4, 60)
    data_loss = cross_entropy(lambda w, x: x @ w)

    def loss(w):
        return data_loss(w, (x, labels)) + 0.05 / 2 * jnp.sum(w**2)

    end = jd.descend(loss, jnp.zeros((3, 4)), jd.sgd(1.0), 1000, tolerance=1e-12)
    assert end.verdict.converged
    reference = LogisticRegression(
        C=1 / (60 * 0.05), fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    np.testing.assert_allclose(end.params.T, reference.fit(x, labels).coef_, rtol=0, atol=1e-7)
