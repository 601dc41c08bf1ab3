"""Products, ends of spectra, traces and densities, against whole matrices of small networks."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import jdescent as jd
from jdescent import analysis
from jdescent._jax import jaxprs_in_params

PIXELS, CLASSES = 6, 3


def dense(key, inputs, outputs):
    weights = jax.random.normal(key, (inputs, outputs)) / inputs**0.5
    return {"w": weights, "b": 0.1 * jnp.ones(outputs)}


def two_layers(activation):
    def net(params, x):
        hidden = activation(x @ params["in"]["w"] + params["in"]["b"][None])
        return hidden @ params["out"]["w"] + params["out"]["b"][None]

    def start(key):
        return {"in": dense(key, PIXELS, 4), "out": dense(jax.random.fold_in(key, 1), 4, CLASSES)}

    return net, start


def convolution():
    def net(params, x):
        filtered = jax.vmap(lambda row: jnp.convolve(row, params["filter"], "same"))(x)
        return jnp.tanh(filtered) @ params["out"]["w"] + params["out"]["b"][None]

    def start(key):
        return {"filter": jnp.array([0.5, -1.0, 0.8]), "out": dense(key, PIXELS, CLASSES)}

    return net, start


NETWORKS = {
    "tanh": two_layers(jnp.tanh),
    "relu": two_layers(jax.nn.relu),
    "convolution": convolution(),
}
LOSSES = {"mse": jd.losses.mean_squared_error, "cross_entropy": jd.losses.cross_entropy}


def problem(network, loss, examples=8):
    """A network, its parameters, a batch, and the loss as outer function of its predictions."""
    net, start = NETWORKS[network]
    x = jax.random.normal(jax.random.key(5), (examples, PIXELS))
    labels = jnp.arange(examples) % CLASSES
    y = labels if loss == "cross_entropy" else jax.nn.one_hot(labels, CLASSES, dtype=x.dtype)
    return net, start(jax.random.key(7)), (x, y), LOSSES[loss](lambda z, x: z)


def matrix_of(operator, params):
    flat, unravel = ravel_pytree(params)
    columns = jax.jit(jax.vmap(lambda e: ravel_pytree(operator(unravel(e)))[0]))
    return np.array(columns(jnp.eye(flat.size, dtype=flat.dtype)))


def diagonal(levels):
    return lambda v: levels * v


@pytest.mark.parametrize(("network", "kind"), [("relu", "cross_entropy"), ("convolution", "mse")])
def test_spectra_are_those_of_the_whole_hessian(x64, network, kind):
    net, params, batch, _ = problem(network, kind)
    loss = LOSSES[kind](net)
    flat, unravel = ravel_pytree(params)

    @jax.jit
    def of_products(params, batch):
        H = analysis.hessian_operator(loss, params, batch)
        return H(params), analysis.top_eigenpairs(H, params, k=3, bottom=2, iterations=flat.size)

    image, pairs = of_products(params, batch)
    H = np.array(jax.hessian(lambda flat: loss(unravel(flat), batch))(flat))
    eigenvalues = np.linalg.eigvalsh(H)
    size = np.abs(eigenvalues).max()
    np.testing.assert_allclose(ravel_pytree(image)[0], H @ flat, atol=1e-12 * size)
    np.testing.assert_allclose(pairs.values, eigenvalues[[-1, -2, -3, 1, 0]], atol=1e-12 * size)
    vectors = np.array(jax.vmap(lambda v: ravel_pytree(v)[0])(pairs.vectors))
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(5), atol=1e-12)
    residuals = np.linalg.norm(H @ vectors.T - vectors.T * np.array(pairs.values), axis=0)
    np.testing.assert_allclose(pairs.residuals, residuals, atol=1e-12 * size)


def test_sharpness_is_the_largest_eigenvalue_of_the_whole_hessian():
    """In float32, from fewer iterations than there are parameters."""
    net, params, batch, _ = problem("tanh", "mse")
    loss = jd.losses.mean_squared_error(net)
    flat, unravel = ravel_pytree(params)
    found = jax.jit(lambda params: analysis.sharpness(loss, params, batch))(params)
    H = jax.hessian(lambda flat: loss(unravel(flat), batch))(flat)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(H)[-1], rtol=1e-6)


@pytest.mark.parametrize("kind", LOSSES)
def test_gauss_newton_is_the_hessian_without_the_models_curvature(x64, kind):
    net, params, batch, outer = problem("tanh", kind)
    flat, unravel = ravel_pytree(params)

    def model(params, batch):
        return net(params, batch[0])

    J = jax.jacobian(lambda flat: model(unravel(flat), batch).ravel())(flat)
    z = model(params, batch)
    of_outer = jax.hessian(lambda flat: outer(flat.reshape(z.shape), batch))(z.ravel())
    G = matrix_of(analysis.gauss_newton_operator(model, outer, params, batch), params)
    np.testing.assert_allclose(G, J.T @ of_outer @ J, atol=1e-13)
    assert np.linalg.eigvalsh(G).min() > -1e-13
    one = analysis.gauss_newton_product(model, outer, params, params, batch)
    np.testing.assert_allclose(ravel_pytree(one)[0], G @ flat, atol=1e-13)


@pytest.mark.parametrize("kind", LOSSES)
def test_gauss_newton_is_the_hessian_of_a_linear_model(x64, kind):
    _, _, batch, outer = problem("tanh", kind)
    params = dense(jax.random.key(1), PIXELS, CLASSES)

    def model(params, batch):
        return batch[0] @ params["w"] + params["b"][None]

    def loss(params, batch):
        return outer(model(params, batch), batch)

    G = analysis.gauss_newton_product(model, outer, params, params, batch)
    H = analysis.hessian_product(loss, params, params, batch)
    np.testing.assert_allclose(ravel_pytree(G)[0], ravel_pytree(H)[0], atol=1e-13)


def test_gauss_newton_is_the_hessian_where_residuals_are_zero(x64):
    net, params, (x, _), outer = problem("tanh", "mse")
    batch = x, net(params, x)
    v = jax.tree.map(jnp.cos, params)
    G = analysis.gauss_newton_product(lambda p, batch: net(p, batch[0]), outer, params, v, batch)
    H = analysis.hessian_product(jd.losses.mean_squared_error(net), params, v, batch)
    np.testing.assert_allclose(ravel_pytree(G)[0], ravel_pytree(H)[0], atol=1e-13)


# -- what Lanczos' method may stumble over --------------------------------------------------------


@functools.partial(jax.jit, static_argnums=1)
def ends(matrix, iterations, start=None):
    x = jnp.zeros(len(matrix), matrix.dtype)
    return analysis.top_eigenpairs(
        lambda v: matrix @ v, x, k=3, bottom=2, iterations=iterations, start=start
    )


@settings(max_examples=50)
@given(st.lists(st.integers(-3, 3), min_size=9, max_size=9), st.integers(0, 1000))
def test_all_eigenvalues_come_out_as_often_as_they_occur(levels, seed):
    turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(9, 9)))[0]
    with jax.enable_x64(True):
        pairs = ends(jnp.array(turned @ np.diag(levels) @ turned.T), 9)
    expected = np.sort(levels)[[-1, -2, -3, 1, 0]]
    np.testing.assert_allclose(pairs.values, expected, atol=1e-12)
    np.testing.assert_allclose(pairs.residuals, 0, atol=1e-12)


@given(st.integers(0, 1000))
def test_values_approach_from_within_by_no_less_than_the_residual(seed):
    A = np.random.default_rng(seed).normal(size=(9, 9))
    A = A + A.T
    exact = np.linalg.eigvalsh(A)
    with jax.enable_x64(True):
        found = [ends(jnp.array(A), iterations) for iterations in (6, 9)]
        found = jax.tree.map(np.array, found)
    for pairs in found:
        assert np.all(pairs.values[:3] <= exact[::-1][:3] + 1e-12)
        assert np.all(pairs.values[3:] >= exact[[1, 0]] - 1e-12)
        apart = np.abs(exact[None] - pairs.values[:, None]).min(axis=1)
        assert np.all(apart <= pairs.residuals + 1e-12)
    assert np.all(found[0].values[:3] <= found[1].values[:3] + 1e-12)


@pytest.mark.parametrize("second", [1, slice(1, None)])
def test_a_start_without_the_largest_eigenvector_finds_it_all_the_same(x64, second):
    """Of an eigenvector beside it, and of so many that the iterations would not exhaust them."""
    levels = jnp.concatenate([jnp.array([10.0]), jnp.linspace(0.0, 1.0, 300)])
    start = jnp.zeros((1, 301)).at[0, second].set(1.0)
    pairs = analysis.top_eigenpairs(diagonal(levels), levels, start=start, iterations=15)
    np.testing.assert_allclose(pairs.values, [10.0], rtol=1e-9)


def test_eigenvectors_to_start_from_save_iterations(x64):
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(200, 200)))[0]
    levels = np.concatenate([[1.2, 1.1], np.linspace(-0.2, 1.0, 198)])
    A = turned @ np.diag(levels) @ turned.T
    vectors = jnp.array(turned[:, :2].T + 1e-3 * rng.normal(size=(2, 200)))

    @jax.jit
    def missing(start):
        found = analysis.top_eigenpairs(
            lambda v: jnp.array(A) @ v, jnp.zeros(200), k=2, iterations=12, start=start
        )
        return jnp.array([1.2, 1.1]) - found.values

    cold = missing(jax.random.normal(jax.random.key(3), (1, 200)))
    assert np.all(np.array(missing(vectors)) < 0.1 * np.array(cold))


def test_nothing_curves_a_plane():
    pairs = analysis.top_eigenpairs(diagonal(jnp.zeros(5)), jnp.zeros(5), k=2, bottom=1)
    np.testing.assert_array_equal(pairs.values, 0)
    np.testing.assert_array_equal(pairs.residuals, 0)


def test_one_parameter_and_numbers_of_python_have_a_curvature():
    np.testing.assert_allclose(analysis.sharpness(lambda x: -3 * x**2, 1.0), -6)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("bfloat16", 0.02)])
def test_narrow_parameters_are_measured_in_float32(dtype, rtol):
    scales = jnp.array([1.0, 2.0, 8.0], dtype)
    found = analysis.sharpness(lambda x: jnp.sum(scales * x**2), jnp.ones(3, dtype))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, 16, rtol=rtol)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e36])
def test_no_square_of_a_length_overflows_or_vanishes(size):
    levels = jnp.arange(1.0, 21.0)

    def operator(v):
        return jnp.float32(size) * levels * v

    sharpness = analysis.sharpness(lambda x: size * (x[0] ** 2 + 3 * x[1] ** 2) / 2, jnp.ones(2))
    pairs = analysis.top_eigenpairs(operator, levels, k=2, bottom=1)
    density = analysis.spectral_density(operator, levels, key=jax.random.key(0))
    np.testing.assert_allclose(sharpness / size, 3, rtol=1e-5)
    np.testing.assert_allclose(pairs.values / size, [20, 19, 1], rtol=1e-5)
    assert float(jnp.max(pairs.residuals)) < 1e-4 * 20 * size
    np.testing.assert_allclose(density.moment(1).mean / size, 10.5, rtol=1e-5)
    assert density.moment(1).error < 1e-5 * size


@pytest.mark.parametrize("length", [1e-30, 1e-20, 1.0, 1e20, 1e36])
def test_a_direction_may_have_any_length(length):
    bowl = jd.losses.bowl((1.0, 3.0))
    found = analysis.directional_curvature(bowl, jnp.ones(2), length * jnp.ones(2))
    of_numbers = analysis.directional_curvature(
        lambda x: x[0] ** 2 + x[1] ** 2, [1.0, 2.0], [length, 0.0]
    )
    np.testing.assert_allclose([found, of_numbers], 2, rtol=1e-6)


def test_a_nan_shows():
    loss = lambda x: jnp.sum(x**3) * jnp.where(x[0] > 1, jnp.nan, 1.0)  # noqa: E731
    assert np.isnan(analysis.sharpness(loss, 2 * jnp.ones(4)))


def test_the_derivative_of_the_sharpness_is_that_of_its_eigenvalue(x64):
    loss = lambda x: jnp.sum(x**4) / 12 + x[0] * x[1] ** 2  # noqa: E731

    def largest(x):
        return jnp.linalg.eigvalsh(jax.hessian(loss)(x))[-1]

    x, along = jnp.array([1.0, 2.0, 0.5]), jnp.array([0.3, 1.0, -2.0])
    found = jax.jit(lambda x: jax.jvp(lambda x: analysis.sharpness(loss, x), (x,), (along,)))(x)
    np.testing.assert_allclose(found, jax.jvp(largest, (x,), (along,)), rtol=1e-9)


# -- traces and densities -------------------------------------------------------------------------


def test_the_trace_and_its_error_are_those_of_the_matrix(x64):
    A = np.random.default_rng(0).normal(size=(12, 12))
    A = A + A.T
    quadratic = lambda x, A: x @ A @ x / 2  # noqa: E731
    found = analysis.hessian_trace(
        quadratic, jnp.zeros(12), jnp.array(A), key=jax.random.key(0), probes=600
    )
    assert abs(found.mean - np.trace(A)) < 4 * found.error
    deviation = np.sqrt(2 * np.sum((A - np.diag(np.diag(A))) ** 2))
    # the deviation of 600 samples is known to about 1/√1200, 3 %
    np.testing.assert_allclose(found.error * 600**0.5, deviation, rtol=0.12)


def test_the_trace_of_a_diagonal_is_exact(x64):
    found = analysis.hessian_trace(
        lambda x: jnp.sum(jnp.arange(5.0) * x**2), jnp.ones(5), key=jax.random.key(0), probes=3
    )
    np.testing.assert_allclose(found, (20, 0), atol=1e-13)


def test_moments_are_exact_up_to_twice_the_iterations(x64):
    levels = jnp.array([-1.0, 0.0, 0.3, 1.0, 2.0, 2.5, 3.0])
    density = analysis.spectral_density(
        diagonal(levels), levels, key=jax.random.key(1), probes=3, iterations=3
    )
    for power in range(6):
        moment = density.moment(power)
        np.testing.assert_allclose(moment.mean, np.mean(levels**power), rtol=1e-12)
        np.testing.assert_allclose(moment.error, 0, atol=1e-10)
    assert abs(density.moment(6).mean - np.mean(levels**6)) > 0.1
    assert density.nodes.shape == density.weights.shape == (3, 3)


def test_the_density_of_a_full_run_is_every_eigenvalue_widened(x64):
    levels, at, width = jnp.array([-1.0, 0.5, 0.5, 2.0]), jnp.linspace(-3.0, 4.0, 200), 0.3
    density = analysis.spectral_density(
        diagonal(levels), levels, key=jax.random.key(1), probes=2, iterations=9
    )
    bumps = np.exp(-(((at[:, None] - levels[None]) / width) ** 2) / 2).mean(axis=1)
    found = density.smoothed(at, width)
    np.testing.assert_allclose(found, bumps / (width * np.sqrt(2 * np.pi)), atol=1e-12)
    np.testing.assert_allclose(np.trapezoid(found, at), 1, atol=1e-4)


def test_moments_of_a_matrix_that_is_not_diagonal_are_its_within_their_error(x64):
    A = np.random.default_rng(0).normal(size=(20, 20)) / 20**0.5
    A = jnp.array(A @ A.T)
    density = analysis.spectral_density(
        lambda v: A @ v, jnp.zeros(20), key=jax.random.key(1), probes=200, iterations=4
    )
    for power in (1, 2, 5):
        moment = density.moment(power)
        exact = np.trace(np.linalg.matrix_power(A, power)) / 20
        assert 0 < moment.error < 0.2 * exact
        assert abs(moment.mean - exact) < 4 * moment.error


# -- along a line ---------------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(1e-3, 1e3))
def test_critical_and_directional_sharpness_are_the_curvature_along_the_gradient(x, y, guess):
    bowl, at = jd.losses.bowl((2.0, 40.0)), jnp.array([x + 3, y + 3])
    found = critical(at, guess)
    g = np.array(jax.grad(bowl)(at))
    curvature = np.sum(g**2 * np.array([2.0, 40.0])) / np.sum(g**2)
    np.testing.assert_allclose(found.value, curvature, rtol=1e-4)  # float32 of L(θ + u) − L(θ)
    assert found.low <= 2 / curvature * 1.0001
    assert found.high >= 2 / curvature * 0.9999
    along = analysis.directional_curvature(bowl, at, jnp.array(g))
    np.testing.assert_allclose(along, curvature, rtol=1e-5)


@jax.jit
def critical(at, guess):
    bowl = jd.losses.bowl((2.0, 40.0))
    updates = -0.01 * jax.grad(bowl)(at)
    return analysis.critical_sharpness(
        bowl, at, updates, learning_rate=0.01, guess=guess, halvings=18
    )


def test_a_good_guess_takes_seven_evaluations():
    bowl, at = jd.losses.bowl((2.0, 4.0)), jnp.array([0.0, 1.0])
    counted = itertools.count()

    def loss(x):
        jax.debug.callback(lambda: next(counted))
        return bowl(x)

    found = analysis.critical_sharpness(loss, at, -jax.grad(bowl)(at), guess=0.45)
    jax.effects_barrier()
    assert found.evaluations == next(counted) == 7
    np.testing.assert_allclose(found.value, 4, rtol=2**-5)


def test_a_loss_that_always_falls_or_rises_has_no_critical_rate():
    slope, x = lambda x: jnp.sum(x), jnp.ones(2)
    falls = analysis.critical_sharpness(slope, x, -x)
    assert np.isnan(falls.value)
    assert falls.high == np.inf
    rises = analysis.critical_sharpness(slope, x, x)
    assert np.isnan(rises.value)
    assert rises.low == 0


# -- programs -------------------------------------------------------------------------------------


def quartic(w):
    return 0.5 * (jnp.prod(w) - 1) ** 2


STARTS = jnp.array([[2.0, 1.5, 0.2, 0.1], [1.0, 0.5, 0.3, 0.2]])


def test_a_mapped_descent_records_the_sharpness_of_each_run():
    def run(rate, start):
        return jd.descend(
            quartic, start, jd.sgd(rate), steps=40, every=20,
            record=lambda at: {"at": at.params, "λ": analysis.sharpness(quartic, at.params)},
        )  # fmt: skip

    paths = jax.jit(jax.vmap(run))(jnp.array([0.05, 0.1]), STARTS)
    exact = np.linalg.eigvalsh(jax.vmap(jax.vmap(jax.hessian(quartic)))(paths.record["at"]))
    np.testing.assert_allclose(paths.record["λ"], exact[..., -1], rtol=1e-5, atol=1e-6)


def test_a_sweep_gives_what_single_calls_give():
    def measured(start):
        return {"λ": analysis.sharpness(quartic, start)}

    found = jd.sweep(measured, start=STARTS)["λ"].values
    np.testing.assert_allclose(found, [measured(x)["λ"] for x in STARTS], rtol=1e-6)


def test_no_matrix_of_all_parameters_is_made():
    n, probes, iterations = 10**6, 3, 10
    x = jax.ShapeDtypeStruct((n,), jnp.float32)
    loss = lambda x: jnp.sum(jnp.cos(x) * jnp.roll(x, 1))  # noqa: E731
    optimizer = jd.adam(1e-3)

    def all_of_it(x, state, key):
        H = analysis.hessian_operator(loss, x)
        return (
            analysis.top_eigenpairs(H, x, k=2, bottom=2, iterations=iterations),
            analysis.hessian_trace(loss, x, key=key, probes=probes),
            analysis.spectral_density(H, x, key=key, probes=probes, iterations=iterations),
            analysis.preconditioned_sharpness(loss, x, optimizer, state, iterations=iterations),
            analysis.critical_sharpness(loss, x, x),
        )

    state = jax.eval_shape(optimizer.init, x)
    program = jax.make_jaxpr(all_of_it)(x, state, jax.random.key(0))
    sizes = [size for size in sizes_in(program.jaxpr) if size > n]
    assert sizes
    assert max(sizes) <= iterations * n


def sizes_in(jaxpr):
    for equation in jaxpr.eqns:
        yield from (getattr(v.aval, "size", 0) for v in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from sizes_in(getattr(inner, "jaxpr", inner))


# -- refusals -------------------------------------------------------------------------------------


@jax.custom_vjp
def no_gradient(x):
    return jnp.sum(x**2)


no_gradient.defvjp(lambda x: (no_gradient(x), x), lambda x, g: (g * jnp.cumsum(x),))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: analysis.sharpness(lambda x: x, jnp.ones(3)), TypeError, "one real scalar.*(3,)"),
        (lambda: analysis.sharpness(1.0, jnp.ones(3)), TypeError, "loss must be a function"),
        (lambda: analysis.sharpness(jnp.sum, jnp.ones(3, int)), TypeError, "floating-point"),
        (lambda: analysis.sharpness(jnp.sum, jnp.ones(3), iterations=0), ValueError, "iterations"),
        (
            lambda: analysis.sharpness(no_gradient, jnp.ones(3)),
            ValueError,
            "not symmetric.*custom_vjp",
        ),
        (lambda: analysis.sharpness(no_second, jnp.ones(2)), Exception, "custom_vjp|jvp|JVP"),
        (lambda: of_diagonal(k=4), ValueError, "more eigenvalues than the 3"),
        (lambda: of_diagonal(k=2, bottom=2), ValueError, "more eigenvalues than the 3"),
        (lambda: of_diagonal(k=2, iterations=1), ValueError, "take more iterations"),
        (lambda: of_diagonal(k=0), ValueError, "both 0"),
        (lambda: of_diagonal(k=1.5), TypeError, "k must be a Python integer"),
        (lambda: of_diagonal(start=jnp.ones(3)), ValueError, "a vector of start"),
        (lambda: of_diagonal(key=3), TypeError, "key must be a random key"),
        (
            lambda: analysis.top_eigenpairs(lambda v: v[:2], jnp.ones(3)),
            ValueError,
            "what the operator returns",
        ),
        (
            lambda: analysis.hessian_product(jnp.sum, jnp.ones(3), jnp.ones(2)),
            ValueError,
            "v and parameters must have the same shapes",
        ),
        (
            lambda: analysis.hessian_product(jnp.sum, jnp.ones(3), jnp.ones(3, int)),
            TypeError,
            "v must be floating-point",
        ),
        (
            lambda: analysis.hessian_trace(jnp.sum, jnp.ones(3), key=jax.random.key(0), probes=1),
            ValueError,
            "probes must be at least 2",
        ),
        (
            lambda: analysis.critical_sharpness(jnp.sum, jnp.ones(3), jnp.ones(2)),
            ValueError,
            "updates and parameters must have the same shapes",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(as_users_run, call, error, message):
    with pytest.raises(error, match=message):
        call()


def of_diagonal(**options):
    return analysis.top_eigenpairs(diagonal(jnp.ones(3)), jnp.ones(3), **options)


@jax.custom_vjp
def no_second(x):
    return jnp.sum(x**2)


def once(x):
    return no_second(x), x


def twice_refused(x, g):
    """A derivative that comes from outside of JAX, and has none itself."""
    return (jax.pure_callback(lambda x: 2 * x, jax.ShapeDtypeStruct(x.shape, x.dtype), x * g),)


no_second.defvjp(once, twice_refused)


def test_what_is_hidden_from_derivatives_counts_as_constant():
    found = analysis.sharpness(lambda x: jax.lax.stop_gradient(x) * x**2, 3.0)
    np.testing.assert_allclose(found, 6)


def test_where_a_matrix_without_symmetry_is_traced_it_gives_nan():
    assert np.isnan(jax.jit(lambda x: analysis.sharpness(no_gradient, x))(jnp.ones(3)))
