"""The small learners: what they start from, how they are judged, and that descent teaches them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neighbors import NearestCentroid

import jdescent as jd
from experiments.common import digits
from experiments.common.statistics import mean_interval
from experiments.one_loop import classifier, linear_models, ratings


def trained(model, loss, data, optimizer, steps):
    key = jax.random.key(0)
    run = jax.jit(
        lambda: jd.descend(
            loss(model.predict),
            model.start(key),
            optimizer,
            steps,
            batches=data.batches,
            key=key,
            record=None,
        )
    )
    return run().params


def test_descent_explains_as_much_of_diabetes_as_least_squares():
    data = linear_models.diabetes()
    x, y = data.batches(None, 0)
    params = trained(
        linear_models.linear(10), jd.losses.mean_squared_error, data, jd.heavy_ball(0.1, 0.9), 600
    )
    reference = LinearRegression().fit(x, y)
    result = data.evaluate(params)
    np.testing.assert_allclose(params["w"], reference.coef_, atol=1e-4)
    assert result.score == pytest.approx(result.more["least_squares"], abs=1e-4)
    assert result.score > 0.3 > result.baseline
    largest = linear_models.load_diabetes().feature_names[np.abs(reference.coef_).argmax()]
    assert result.shown[0].startswith(f"{largest} ")


def test_descent_tells_tumors_apart_as_well_as_logistic_regression():
    data = linear_models.tumors()
    x, y = data.batches(None, 0)
    params = trained(
        linear_models.linear(30), jd.losses.binary_cross_entropy, data, jd.sgd(0.3), 300
    )
    result = data.evaluate(params)
    reference = LogisticRegression().fit(x, y)
    worth = {"w": jnp.asarray(reference.coef_[0]), "b": jnp.asarray(reference.intercept_[0])}
    assert result.score >= data.evaluate(worth).score - 0.02
    assert result.best.score >= data.evaluate(worth).score
    assert result.baseline == pytest.approx(357 / 569, abs=0.01)  # benign


def test_held_out_rows_take_no_part_in_the_scale():
    x, _ = linear_models.diabetes().batches(None, 0)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-5)
    assert x.shape == (331, 10)  # of 442, a quarter held out


def test_a_recommender_of_biases_alone_scores_near_its_baseline_and_factors_beat_it():
    data = ratings.pixels(4096)
    rate = jd.schedules.cosine(0.05, 300)
    scores = []
    for factors in (0, 8):
        model = ratings.recommender(factors, mean=ratings.ratings().mean())
        params = trained(model, jd.losses.mean_squared_error, data, jd.adam(rate), 300)
        scores.append(data.evaluate(params))
    biases, factored = scores
    assert biases.score == pytest.approx(biases.baseline, rel=0.03)
    assert factored.score < 0.85 * factored.baseline
    assert factored.best.score < 0.6 * factored.baseline


def test_no_unknown_pixel_is_trained_on_and_known_ones_stay_as_they_are():
    pairs, values = ratings.pixels(50_000).batches(jax.random.key(0), 0)
    user, item = np.asarray(pairs).T
    assert not ratings.unknown()[user, item].any()
    np.testing.assert_array_equal(ratings.ratings()[user, item], values)
    assert ratings.unknown().mean() == pytest.approx(ratings.UNKNOWN, abs=0.01)
    params = ratings.recommender(2, mean=4.0).start(jax.random.key(0))
    picture = ratings.completed(params, user=3)
    known = ~ratings.unknown()[3].reshape(8, 8)
    np.testing.assert_array_equal(picture[known], ratings.ratings()[3].reshape(8, 8)[known])
    assert np.ptp(picture[~known]) < 1  # hardly more than the mean yet


def test_held_out_digits_are_in_equal_proportion_and_not_trained_on():
    train, test = digits.split_digits()
    assert train[0].shape == (1347, 64)
    shares = [np.bincount(labels) / labels.size for labels in (train[1], test[1])]
    np.testing.assert_allclose(*shares, atol=0.002)
    seen = {picture.tobytes() for picture in np.asarray(train[0])}
    assert not any(picture.tobytes() in seen for picture in np.asarray(test[0]))


def test_the_digits_classifier_learns_and_its_baseline_is_the_commonest_digit():
    data = classifier.pictures(64)
    model = classifier.classifier(64)
    untrained = data.evaluate(model.start(jax.random.key(0)))
    result = data.evaluate(trained(model, jd.losses.cross_entropy, data, jd.adam(3e-3), 400))
    assert untrained.score < 0.3
    assert result.score > 0.95
    assert result.baseline == pytest.approx(0.102, abs=0.001)
    misread = round((1 - result.score) * 450)
    assert result.shown[0].startswith(f"{misread} of 450 misread")
    assert result.shown[0].count(" read as ") == misread


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
def test_simple_methods_on_digits_are_scikit_learns_and_the_best_of_them_is_named():
    data = digits.split_digits(train=300)
    (x, y), (x_test, labels) = (tuple(map(np.asarray, part)) for part in data)
    found = digits.baseline_accuracies(data)
    centers = NearestCentroid().fit(x, y)
    assert found["nearest mean"] == pytest.approx(centers.score(x_test, labels), abs=1 / 450)
    softmax = LogisticRegression(max_iter=2_000).fit(x, y)
    assert found["softmax regression"] == softmax.score(x_test, labels)
    nats = log_loss(labels, softmax.predict_proba(x_test))
    assert digits.softmax_regression_loss(data) == pytest.approx(nats, rel=1e-6)
    best = digits.best_baseline(data)
    assert best.score == max(found.values()) == found[best.name]
    level = digits.as_good_as_linear(data)
    assert 0.01 < found["softmax regression"] - level < 0.03


def test_the_interval_of_a_mean_is_students():
    mean, (low, high) = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2
    # t at 0.975 with 2 degrees of freedom is 4.3027
    np.testing.assert_allclose([low, high], [2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5], rtol=1e-4)
