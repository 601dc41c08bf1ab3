"""Backpropagation at its quick sizes: derivatives, mean field, fates of the three starts."""

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from experiments import backpropagation
from experiments.backpropagation import theory
from experiments.backpropagation.config import STARTS, Config, standardized_digits
from experiments.backpropagation.network import RELU, TANH, backward, deep_network, logits
from experiments.backpropagation.numbers import ROUNDING
from experiments.common import perceptron, report
from experiments.common.perceptron import Layer
from jdescent import losses

QUICK = backpropagation.QUICK


@pytest.fixture(scope="module")
def data(compiled_to_run_fast):
    return backpropagation.simulate(QUICK)


@pytest.fixture(scope="module")
def examples():
    pictures, labels = standardized_digits().train
    return pictures[:7], labels[:7]


def layers_of(network) -> list[Layer]:
    hidden = [Layer(w, b) for w, b in zip(*network.hidden, strict=True)]
    return [*hidden, network.readout]


def cross_entropy_in_numpy(layers, x, y, activation) -> float:
    for w, b in layers[:-1]:
        x = activation(x @ w + b)
    z = x @ layers[-1][0] + layers[-1][1]
    z = z - z.max(axis=1, keepdims=True)
    return -np.mean((z - np.log(np.exp(z).sum(axis=1, keepdims=True)))[np.arange(len(y)), y])


def test_every_headline_number_agrees(data):
    assert report.off_theory(backpropagation.numbers(data, QUICK)) == []


@pytest.mark.parametrize(
    ("activation", "in_numpy"), [(RELU, lambda z: z * (z > 0)), (TANH, np.tanh)]
)
def test_the_gradient_by_hand_is_the_losss_slope_in_every_layer(x64, activation, in_numpy):
    """Central differences of a NumPy loss along each layer's own gradient."""
    pictures, labels = standardized_digits().train
    x, y = pictures[:7], labels[:7]
    network = deep_network(jax.random.key(3), 6, 2.0, 0.1)
    passes = jax.jit(lambda network: backward(network, (x, y), activation))(network)
    gradient = layers_of(passes.gradient)
    layers = [[np.asarray(a) for a in layer] for layer in layers_of(network)]
    for at, slope in enumerate(gradient):
        size = np.sqrt(sum(float(jnp.sum(a**2)) for a in slope))

        def along(step, at=at, slope=slope, size=size):
            moved = list(layers)
            moved[at] = [
                a + step * np.asarray(g) / size for a, g in zip(layers[at], slope, strict=True)
            ]
            return cross_entropy_in_numpy(moved, np.asarray(x), np.asarray(y), in_numpy)

        # error: h²/6 of a third derivative of order 1, and 1e-16/h of rounding
        assert (along(1e-5) - along(-1e-5)) / 2e-5 == pytest.approx(size, abs=1e-8)


@pytest.mark.parametrize("activation", [RELU, TANH])
def test_by_hand_equals_jax_grad_for_weights_and_biases(examples, activation):
    network = deep_network(jax.random.key(0), 50, 2.0, 0.05)
    loss = losses.cross_entropy(lambda params, x: logits(params, x, activation))
    automatic = jax.jit(jax.grad(loss))(network, examples)
    by_hand = jax.jit(lambda network: backward(network, examples, activation))(network).gradient
    for one, other in zip(jax.tree.leaves(by_hand), jax.tree.leaves(automatic), strict=True):
        assert jnp.linalg.norm(one - other) <= 50 * ROUNDING["float32"] * jnp.linalg.norm(other)


def test_the_stacked_network_is_the_perceptron(examples):
    network = deep_network(jax.random.key(1), 5, 2.0, 0.1)
    np.testing.assert_allclose(
        logits(network, examples[0]),
        perceptron.logits(tuple(layers_of(network)), examples[0]),
        rtol=1e-5,
        atol=1e-6,
    )


def test_without_biases_relu_layers_all_have_the_same_weight_times_gradient(x64):
    """Doubling any one layer doubles the logits, so by Euler's theorem ⟨W, ∂L/∂W⟩ is one number."""
    pictures, labels = standardized_digits().train
    network = deep_network(jax.random.key(2), 50, 2.0)
    examples = pictures[:7], labels[:7]
    gradient = jax.jit(lambda network: backward(network, examples, RELU))(network).gradient
    products = jnp.sum(network.hidden.weights * gradient.hidden.weights, axis=(1, 2))
    last = float(jnp.sum(network.readout.weights * gradient.readout.weights))
    np.testing.assert_allclose(products, np.full(49, last), rtol=1e-10)


@pytest.mark.parametrize("variance", [0.2, 1.0, 4.0])
def test_quadrature_equals_adaptive_integration(variance):
    def density(z):
        return stats.norm.pdf(z, scale=np.sqrt(variance))

    for function in (lambda z: np.tanh(z) ** 2, lambda z: np.cosh(z) ** -4):
        exact, _ = integrate.quad(lambda z, f=function: f(z) * density(z), -30, 30, epsabs=1e-12)
        # the poles of tanh at ±iπ/2 limit quadrature; the variances in use stay below 4.1
        assert theory.gaussian_mean(function, variance) == pytest.approx(exact, abs=1e-6)


def test_tanh_is_critical_where_schoenholz_et_al_have_it():
    """Without biases at σ_w² = 1; with σ_b² = 0.05 at 1.76, where their figures have the border."""
    assert theory.tanh_critical(1e-6) == pytest.approx(1.0, abs=0.03)
    critical = theory.tanh_critical(0.05)
    assert critical == pytest.approx(1.76, abs=0.005)
    q = theory.variances(True, critical, 0.05, 2000)[-1]
    assert theory.backward_factor(True, critical, q) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("weight_variance", [1.0, 2.0, 4.0])
def test_relu_theory_is_a_power_and_shares_are_equal(weight_variance):
    sizes = theory.signal_sizes(False, weight_variance, 0.0, 50)
    np.testing.assert_allclose(sizes, np.sqrt(weight_variance / 2) ** np.arange(49, -1, -1))
    shares = theory.gradient_shares(False, weight_variance, 0.0, 50)
    np.testing.assert_allclose(shares, np.full(50, 1 / 50))


def relu_drift(width: int) -> float:
    """E log F of one relu layer at σ_w² = 2, where E F = 1; about −5/(2 width).

    F = (2/width) Σ gate·g² has on average half of its gates open, each a Gaussian g squared, so
    that width·F/2 is χ² with a binomial number of degrees of freedom (at least one open gate).

    Reference: Hanin & Nica 2020, "Products of many large random matrices and gradients in deep
    neural networks", the main theorem.
    """
    open_gates = np.arange(1, width + 1)
    chance = stats.binom.pmf(open_gates, width, 0.5)
    mean_log_chi2 = special.digamma(open_gates / 2) + np.log(2)
    return float(chance @ mean_log_chi2 / chance.sum() + np.log(2 / width))


def test_the_drift_of_finite_width_is_that_of_random_layers():
    rng = np.random.default_rng(0)
    gates, squares = rng.random((200_000, 64)) < 0.5, rng.standard_normal((200_000, 64)) ** 2
    logs = np.log((gates * squares).sum(axis=1) / 32)
    error = logs.std() / np.sqrt(len(logs))
    assert relu_drift(64) == pytest.approx(logs.mean(), abs=4 * error)
    assert relu_drift(1000) == pytest.approx(-5 / 2000, rel=0.01)


@pytest.mark.parametrize("variance", [0.5, 1.0])
def test_the_rise_of_finite_width_is_the_drift_where_errors_know_nothing_of_the_pass(variance):
    """Where logits vanish, δ of the readout is 1/10 less the label, whatever the network."""
    rise = theory.finite_width_rise(False, variance, 0.0, 50, 64, (1.0, 2.0))
    expected = (np.log(variance / 2) + relu_drift(64)) / 2
    assert rise.signal == pytest.approx(expected, abs=4 * rise.error)
    assert rise.gradient == pytest.approx(0.0, abs=4 * rise.error)


def test_the_rise_of_wide_layers_is_that_of_the_mean_field():
    start = STARTS["tanh", "exploding"]
    rise = theory.finite_width_rise(*start, 8, 2048, (1.0,))
    sizes = theory.signal_sizes(*start, 8)
    assert rise.signal == pytest.approx(np.log(sizes[0]) / 7, abs=4 * rise.error + 5 / 2048)


@pytest.mark.parametrize("kind", [("relu", "exploding"), ("tanh", "balanced")])
def test_the_rise_of_finite_width_is_that_of_whole_matrices(kind):
    """A transcription in NumPy with every weight drawn; tolerance: four standard errors."""
    is_tanh, variance, bias = STARTS[kind]
    width, depth, networks = 16, 8, 4_000
    rng = np.random.default_rng(1)

    def weights(outputs):
        return np.sqrt(variance / width) * rng.standard_normal((networks, width, outputs))

    x = rng.standard_normal((networks, width))
    x *= np.sqrt(width) / np.linalg.norm(x, axis=1, keepdims=True)
    first, passed = x, []
    for _ in range(depth - 1):
        w = weights(width)
        z = np.einsum("ni,nij->nj", x, w) + np.sqrt(bias) * rng.standard_normal(x.shape)
        x = np.tanh(z) if is_tanh else np.maximum(z, 0)
        passed.append((w, 1 - x**2 if is_tanh else z > 0))
    w = weights(10)
    labels = np.eye(10)[rng.integers(10, size=networks)]
    signal = special.softmax(np.einsum("ni,nij->nj", x, w), axis=1) - labels
    last = np.linalg.norm(signal, axis=1)
    for before, slope in reversed(passed):
        signal, w = slope * np.einsum("nij,nj->ni", w, signal), before
    back = np.log(np.linalg.norm(signal, axis=1) / last) / (depth - 1)
    inputs = np.log(np.linalg.norm(first, axis=1) / np.linalg.norm(x, axis=1)) / (depth - 1)
    rise = theory.finite_width_rise(*STARTS[kind], depth, width, (1.0,))
    for measured, exact in ((back, rise.signal), (back + inputs, rise.gradient)):
        error = np.hypot(measured.std() / np.sqrt(networks), rise.error)
        assert measured.mean() == pytest.approx(exact, abs=4 * error)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_signals_vanish_stay_or_explode_as_their_start_says(data, name):
    reaches_first = {
        fate: np.median(signals.sizes[:, 0] / signals.sizes[:, -1])
        for (kind, fate), signals in data["signals"].items()
        if kind == name
    }
    assert reaches_first["vanishing"] < 0.01
    assert 0.1 < reaches_first["balanced"] < 10
    assert reaches_first["exploding"] > 100


def test_the_error_signal_ends_up_at_opposite_ends_of_the_tanh_networks(data):
    shares = {
        fate: np.median(data["signals"]["tanh", fate].shares, axis=0)
        for fate in ("vanishing", "exploding")
    }
    assert shares["vanishing"].argmax() == QUICK.depth - 1
    assert shares["exploding"].argmax() == 0
    for signals in data["signals"].values():
        np.testing.assert_allclose(signals.shares.sum(axis=1), 1, rtol=1e-12)


def test_the_two_backward_passes_are_closer_than_float32_is_to_float64(data):
    for signals in data["signals"].values():
        assert signals.float32.max() < signals.own_rounding.max()
        assert signals.float64.max() < 1e-6 * signals.own_rounding.max()


def test_only_exploding_relu_networks_diverge_and_only_balanced_ones_learn(data):
    for (name, fate), run in data["training"]["runs"].items():
        diverged = (name, fate) == ("relu", "exploding")
        assert np.all(run["diverged"] == diverged)
        if not diverged:
            falls = run["loss"][:, :10].mean(axis=1) - run["loss"][:, -30:].mean(axis=1)
            if fate == "balanced":
                assert np.all(falls > 0.1)
            else:
                assert np.all(run["loss"][:, -30:].mean(axis=1) > np.log(10) - 0.1)


def test_the_signals_are_those_of_another_seed_too(data):
    """Theory is followed by a network that no part of the figure drew."""
    pictures, labels = standardized_digits().train
    start = STARTS["tanh", "exploding"]
    network = deep_network(jax.random.key(99), 50, start.weight_variance, start.bias_variance)
    signals = backward(network, (pictures[:32], labels[:32]), TANH).signals
    sizes = jnp.linalg.norm(signals, axis=(1, 2))
    predicted = theory.signal_sizes(*start, 50)
    assert np.log(sizes[0] / sizes[-1]) == pytest.approx(
        np.log(predicted[0] / predicted[-2]), abs=1.5
    )


@pytest.mark.parametrize("name", ["depth", "signal_seeds", "training_seeds"])
def test_sizes_too_small_to_mean_anything_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least .*, got 1"):
        Config(**{name: 1})


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(backpropagation, data, QUICK)
    figures.assert_labeled(figure.axes)
