"""Learning rates at the quick sizes: descent in NumPy, a Hessian in closed form, the claims."""

import figures
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments import learning_rate_curves as experiment
from experiments.common import report
from experiments.common.digits import split_digits
from experiments.learning_rate_curves import edge, warm_up
from experiments.learning_rate_curves.config import DECAYS, MOMENTUM, TOO_HIGH, shapes
from experiments.learning_rate_curves.training import at_rate, best, draw_seeds, fails, in_bins
from jdescent import analysis, batches

QUICK = experiment.QUICK
WATCHED = 20


@pytest.fixture(scope="module")
def data(compiled_to_run_fast):
    return experiment.simulate(QUICK)


def loss_and_gradients(params, x, y):
    """Cross-entropy of one hidden relu layer, differentiated by hand."""
    (w, b), (v, c) = params
    hidden = np.maximum(x @ w + b, 0)
    logits = hidden @ v + c
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability = shifted / shifted.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(probability[rows, y]).mean()
    probability[rows, y] -= 1
    error = probability / len(y)
    pulled = (error @ v.T) * (hidden > 0)
    return loss, [[x.T @ pulled, pulled.sum(axis=0)], [hidden.T @ error, error.sum(axis=0)]]


def numpy_losses(method, rates, seed):
    """The batches' losses of SGD with momentum or of Adam, in float64."""
    x, y = (np.asarray(part) for part in split_digits().train)
    draw = batches.mini_batch(jnp.arange(len(y)), QUICK.batch)
    params = [[np.asarray(part, float) for part in layer] for layer in seed.start]
    m, v = ([[np.zeros_like(part) for part in layer] for layer in params] for _ in range(2))
    losses = []
    for step in range(WATCHED):
        rows = np.asarray(draw(seed.key, step))
        loss, gradients = loss_and_gradients(params, x[rows].astype(float), y[rows])
        losses.append(loss)
        for i, j in np.ndindex(2, 2):
            g = gradients[i][j]
            if method == "adam":
                m[i][j] = 0.9 * m[i][j] + 0.1 * g
                v[i][j] = 0.999 * v[i][j] + 0.001 * g**2
                m_hat, v_hat = (
                    m[i][j] / (1 - 0.9 ** (step + 1)),
                    v[i][j] / (1 - 0.999 ** (step + 1)),
                )
                params[i][j] -= rates[step] * m_hat / (np.sqrt(v_hat) + 1e-8)
            else:
                m[i][j] = (0.0 if method == "sgd" else MOMENTUM) * m[i][j] + g
                params[i][j] -= rates[step] * m[i][j]
    return losses


def test_every_headline_number_keeps_its_theory_and_bounds(data):
    assert report.off_theory(experiment.numbers(data, QUICK)) == []


@pytest.mark.parametrize(
    ("recipe", "schedule", "rate"),
    [
        ("sgd", "constant", 0.1),
        ("momentum", "constant", 0.01),
        ("cosine", "cosine", 0.1),
        ("warm_up_cosine", "warm_up_cosine", 0.1),
        ("adam", "constant", 0.001),
    ],
)
def test_the_losses_are_those_of_a_plain_numpy_loop(data, recipe, schedule, rate):
    run = data["runs"][recipe]
    measured = run["losses"][at_rate(run, rate), 1, :WATCHED]
    rates = rate * np.asarray(shapes(QUICK.steps)[schedule](jnp.arange(WATCHED)))
    expected = numpy_losses(recipe, rates, draw_seeds(QUICK)[1])
    np.testing.assert_allclose(measured, expected, rtol=1e-3)  # float32, where relus may flip


def test_sharpness_is_the_largest_eigenvalue_of_softmax_regressions_hessian():
    """H = (1/n) Σ xxᵀ ⊗ (diag p − ppᵀ), Bishop 2006, equation 4.110."""
    random = np.random.default_rng(0)
    weights, x = random.normal(size=(4, 3)), random.normal(size=(20, 4))
    labels = jnp.asarray(random.integers(3, size=20))
    exponentials = np.exp(x @ weights)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    parts = [
        np.kron(np.outer(row, row), np.diag(p) - np.outer(p, p))
        for row, p in zip(x, probabilities, strict=True)
    ]
    exact = np.linalg.eigvalsh(np.mean(parts, axis=0))[-1]
    loss = jd.losses.cross_entropy(lambda weights, x: x @ weights)
    batch = (jnp.asarray(x, float), labels)
    measured = analysis.sharpness(loss, jnp.asarray(weights, float), batch)
    assert measured == pytest.approx(exact, rel=1e-3)


def test_sharpness_is_the_largest_and_not_the_one_of_largest_size():
    curvatures = jnp.array([-7.0, *jnp.linspace(-1.0, 2.0, 30)])
    measured = analysis.sharpness(lambda x: jnp.sum(curvatures * x**2) / 2, jnp.ones(31))
    assert measured == pytest.approx(2.0, rel=1e-3)


def test_below_half_of_the_limit_full_batch_descent_never_raises_its_loss(data):
    found = data["edge"]
    slow = found["losses"][found["relative"] <= 0.5]
    assert np.all(np.diff(slow, axis=-1) < 0)


def test_far_above_the_limit_every_run_raises_its_loss_and_none_learns(data):
    found = data["edge"]
    fast = found["losses"][found["relative"] > 5]
    assert np.all(np.any(np.diff(fast, axis=-1) > 0, axis=-1))
    assert np.all(fast[..., -1] > fast[..., 0] / 2)


def test_the_first_rise_is_the_smallest_rate_with_one():
    losses = np.array([[[3.0, 2, 1], [3, 2, 1]], [[3, 2, 1], [3, 2, 4]], [[3, 4, 1], [3, 4, 1]]])
    found = {"relative": np.array([0.5, 1.0, 2.0]), "losses": losses}
    np.testing.assert_array_equal(edge.first_rise(found), [2.0, 1.0])
    np.testing.assert_array_equal(edge.last_learning(found), [2.0, 2.0])


def test_a_small_rate_learns_less_the_smaller_it_is_and_too_large_a_one_nothing(data):
    sgd = data["runs"]["sgd"]
    ends = sgd["end"].mean(axis=1)
    rising = ends[: best(sgd) + 1]
    assert np.all(np.diff(rising) < 0)
    too_high = sgd["accuracy"][at_rate(sgd, TOO_HIGH)]
    assert np.all(too_high < data["majority"] + 0.02)


def test_all_schedules_start_from_the_same_weights_and_batches(data):
    runs = data["runs"]
    rows = [runs[name]["losses"][at_rate(runs[name], 0.1)] for name in DECAYS]
    first = runs["momentum"]["losses"][at_rate(runs["momentum"], 0.1)]
    for losses in rows:
        np.testing.assert_array_equal(losses[:, 0], first[:, 0])
    half = QUICK.steps // 2
    np.testing.assert_array_equal(rows[0][:, : half + 1], first[:, : half + 1])  # step decay


def test_schedules_have_a_largest_rate_of_one_and_the_means_of_their_formulas():
    steps = jnp.arange(QUICK.steps)
    drawn = {name: np.asarray(shape(steps)) for name, shape in shapes(QUICK.steps).items()}
    assert all(rates.max() == pytest.approx(1.0) for rates in drawn.values())
    means = {"constant": 1.0, "step": 0.5 + 0.025 + 0.0025, "cosine": 0.5, "warm_up_cosine": 0.5}
    for name, mean in means.items():
        assert drawn[name].mean() == pytest.approx(mean, abs=1 / QUICK.steps)
    assert drawn["warm_up_cosine"][0] == 0


def test_a_run_without_an_end_counts_as_failed():
    run = {"diverged": np.array([[False, True, False]]), "end": np.array([[np.nan, 0.1, 0.1]])}
    np.testing.assert_array_equal(fails(run), [[1, 1, 0]])


def test_bins_are_means_of_successive_losses():
    losses = np.arange(14.0).reshape(2, 7)
    np.testing.assert_array_equal(in_bins(losses, 3), [[1, 4], [8, 11]])


def test_a_rate_off_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"rate 0.2 is not on the grid"):
        at_rate({"rates": np.array([0.1, 1.0])}, 0.2)


def test_the_largest_usable_rate_is_each_seeds_own():
    accuracy = np.array([[0.9, 0.9], [0.9, 0.1], [0.1, 0.1]])
    found = warm_up.largest_usable(np.array([1.0, 2.0, 3.0]), accuracy)
    np.testing.assert_array_equal(found, [2.0, 1.0])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seeds": 1}, "seeds must be 2 or more"),
        ({"per_decade": 5}, "per_decade must be even"),
        ({"steps": 50}, "steps must be 100 or more"),
    ],
)
def test_sizes_that_cannot_give_the_figure_are_refused(settings, words):
    with pytest.raises(SystemExit, match=words):
        experiment.Config(**settings)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(experiment, data, QUICK)
    assert len(figure.axes) == 9
    figures.assert_labeled(figure.axes)
