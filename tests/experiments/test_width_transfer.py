"""Learning rates and width at the quick sizes: kernels, parametrizations, and what is claimed."""

import dataclasses

import figures
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from experiments import width_transfer
from experiments.common import claims, report
from experiments.width_transfer import infinite_width, starting, training
from experiments.width_transfer.parametrization import (
    MAXIMAL,
    STANDARD,
    Weights,
    layerwise,
    model,
    preactivations,
    scaled_start,
    scales,
    squared_error,
    standard_start,
)
from jdescent import analysis

QUICK = width_transfer.QUICK


@pytest.fixture(scope="module")
def data():
    return width_transfer.simulate(QUICK)


def test_every_headline_number_agrees_with_theory(data):
    found = width_transfer.numbers(data, QUICK)
    runs = ("move_", "cost_", "gain_")  # too few and too short
    misses = [miss for miss in report.off_theory(found) if not miss.name.startswith(runs)]
    assert misses == []
    assert sum(number.kind == "theory" for number in found.values()) >= 16


def test_claims_find_the_numbers_that_decide_them(data):
    found = width_transfer.numbers(data, QUICK)
    for claim in width_transfer.claims(QUICK):
        assert claim.verdict(found) in claims.VERDICTS
    moves = [found[f"move_squared_{name}"].measured for name in (STANDARD, MAXIMAL)]
    assert moves[0] < moves[1]


def test_at_the_base_width_both_parametrizations_are_one():
    for method in ("sgd", "adam"):
        one, other = (scales(name, method, 48, 48) for name in (STANDARD, MAXIMAL))
        assert one == other


@given(st.integers(1, 6), st.sampled_from(["sgd", "adam"]))
def test_rates_and_weights_go_with_the_width_as_in_the_papers_table(doublings, method):
    """Table 3 of Yang et al. 2022: var(W₃) ~ 1/n²; SGD's rates n, 1, 1/n, Adam's 1, 1/n, 1/n."""
    r = 2.0**doublings
    found = scales(MAXIMAL, method, 32 * 2**doublings, 32)
    assert found.last**2 == pytest.approx(1 / r)
    assert found.rates == (Weights(r, 1, 1 / r) if method == "sgd" else Weights(1, 1 / r, 1 / r))


def test_layers_have_their_rates():
    params = jax.tree.map(jnp.asarray, Weights(1.0, 1.0, 1.0))
    optimizer = layerwise(jd.sgd(0.1), Weights(2.0, 1.0, 0.5))
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_allclose(list(updates), [-0.2, -0.1, -0.05], rtol=1e-6)


def test_the_kernel_between_outputs_has_the_eigenvalues_of_the_gauss_newton_matrix():
    data = starting.first_examples(dataclasses.replace(QUICK, examples=24))
    scale = jax.tree.map(jnp.float32, scales(MAXIMAL, "sgd", 32, 16))
    params = scaled_start(standard_start(jax.random.key(3), 32), scale)
    optimizer = layerwise(jd.sgd(1.0), scale.rates)
    P = analysis.preconditioner(
        optimizer, optimizer.init(params), params, jax.grad(squared_error)(params, data)
    )

    def half_squares(outputs, batch):
        targets = jax.nn.one_hot(batch[1], 10)
        return 0.5 * jnp.mean(jnp.sum((outputs - targets) ** 2, axis=1))

    G = analysis.gauss_newton_operator(lambda p, b: model(p, b[0]), half_squares, params, data)
    expected = analysis.top_eigenpairs(G, params, 10, iterations=60, metric=P).values
    found = starting.top_eigenvalues(params, scale, data)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_gaussian_expectations_are_those_of_functions_known_in_closed_form():
    """E[uv] = c, and of erf by Williams 1998: (2/π) arcsin(2c/√((1+2a)(1+2b)))."""
    C = np.array([[0.5, 0.3], [0.3, 0.8]])
    np.testing.assert_allclose(infinite_width.expectation(C, lambda z: z), C, rtol=1e-12)
    roots = np.sqrt(1 + 2 * np.diag(C))
    expected = 2 / np.pi * np.arcsin(2 * C / np.outer(roots, roots))
    np.testing.assert_allclose(
        infinite_width.expectation(C, scipy.special.erf), expected, rtol=1e-6
    )


def test_the_slope_is_that_of_tanh():
    z = jnp.linspace(-3.0, 3.0, 13)
    np.testing.assert_allclose(infinite_width.slope(z), jax.vmap(jax.grad(jnp.tanh))(z), rtol=1e-4)


def test_a_wide_network_has_the_kernel_of_infinite_width():
    x = np.random.default_rng(0).uniform(0, 1, (4, 64))
    *_, inputs = infinite_width.layer_kernels(x)
    starts = [standard_start(jax.random.key(seed), 1024) for seed in range(4)]
    kernels = infinite_width.layer_kernels(x)

    def gram(params: Weights) -> dict[str, np.ndarray]:
        """Products of the first output's gradients, layer by layer."""
        J = jax.jacobian(lambda params: model(params, jnp.asarray(x, jnp.float32))[:, 0])(params)
        return {
            name: np.asarray(leaf.reshape(4, -1) @ leaf.reshape(4, -1).T)
            for name, leaf in J._asdict().items()
        }

    grams = [gram(params) for params in starts]
    for name, kernel, factor in zip(
        ("last", "hidden", "first"), kernels, (1024, 1024, 64), strict=True
    ):
        mean = np.mean([each[name] for each in grams], axis=0)
        np.testing.assert_allclose(mean, factor * kernel, rtol=0.15)
    assert inputs.shape == (4, 4)


def test_preactivations_begin_of_size_one_whatever_the_width():
    x = jnp.asarray(np.random.default_rng(1).standard_normal((50, 64)), jnp.float32)
    for width in (64, 512):
        first, hidden, outputs = preactivations(standard_start(jax.random.key(0), width), x)
        assert first.shape == hidden.shape == (50, width)
        assert abs(float(jnp.std(first)) - 1) < 0.1
        assert 0.4 < float(jnp.std(hidden)) < 0.8
        assert outputs.shape == (50, 10)


def test_rates_are_added_until_the_best_has_some_on_each_side():
    def ends(power: int) -> np.ndarray:
        return np.exp(0.1 * (power - np.array([4.3, 4.5])) ** 2)

    found = training.around_the_best(ends, begin=-3)
    assert list(found.powers) == list(range(-4, 7))
    assert training.best_power(found) == 4
    np.testing.assert_allclose(training.best_powers(found), [4.3, 4.5], rtol=1e-9)
    np.testing.assert_array_equal(training.at_power(found, 0), ends(0))


def test_all_widths_have_the_base_widths_best_rate(data):
    trained = data["trained"]
    for setup in training.SETUPS:
        narrowest, *_, widest = training.widths_of(setup, QUICK)
        power = training.best_power(trained[setup, STANDARD, narrowest])
        for name in (STANDARD, MAXIMAL):
            assert power in trained[setup, name, widest].powers
            assert np.all(trained[setup, name, widest].ends < 1.001 * training.SETUPS[setup].chance)


def test_settings_that_measure_nothing_are_refused():
    for change, match in (
        ({"widths": (64, 32)}, "widths must be two or more"),
        ({"seeds": 2}, "seeds must be 3"),
        ({"step_widths": (32, 64)}, "three or more"),
    ):
        with pytest.raises(ValueError, match=match):
            dataclasses.replace(QUICK, **change)


def test_every_panel_has_labeled_axes_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(width_transfer, data, QUICK)
    assert len(figure.axes) == 8
    figures.assert_labeled(figure.axes)
