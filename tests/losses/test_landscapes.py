import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from jdescent import losses

TURN = scipy.stats.ortho_group.rvs(3, random_state=1)
CASES = {
    "(x - 3)²": losses.parabola(),
    "½(x - 1)² + ½": losses.parabola(1.0, 1.0, 0.5),
    "x² + 2y²": losses.bowl(),
    "one-dimensional bowl": losses.bowl([7.0]),
    "bowl turned by 30°": losses.bowl((1.0, 100.0), angle=30),
    "bowl turned in space": losses.bowl(np.array([3.0, 0.5, 20.0]), rotation=TURN),
    "saddle": losses.saddle(),
    "saddle in space": losses.saddle((2.0, -3.0, 1.0)),
    "double well": losses.double_well(),
    "Rosenbrock": losses.rosenbrock(),
    "Rosenbrock, a=2, b=5": losses.rosenbrock(a=2.0, b=5.0),
    "Rosenbrock, a=-1.5": losses.rosenbrock(a=-1.5),
    "Rosenbrock in space": losses.rosenbrock(3),
    "Rosenbrock in space, a=0": losses.rosenbrock(3, a=0.0, b=7.0),
    "Rosenbrock, 10 dimensions": losses.rosenbrock(10),
    "Beale": losses.beale(),
    "Himmelblau": losses.himmelblau(),
    "Rastrigin": losses.rastrigin(),
    "Rastrigin, 1 dimension": losses.rastrigin(1),
    "Rastrigin, 5 dimensions, A=3": losses.rastrigin(5, amplitude=3.0),
}
BOUNDED = [name for name in CASES if not name.startswith("saddle")]
LISTED_IN_FULL = [
    name for name in CASES if "Rastrigin" not in name and name != "Rosenbrock, 10 dimensions"
]
POINTS = [
    pytest.param(landscape, point, id=f"{name}, {point.kind} {i}")
    for name, landscape in CASES.items()
    for i, point in enumerate(landscape.stationary_points)
]


@functools.cache
def numpy_view(landscape):
    """Loss, gradient and Hessian as SciPy wants them, of a vector; call inside enable_x64."""
    vector = (lambda x: landscape(x[0])) if landscape.shape == () else landscape
    compiled = map(jax.jit, (vector, jax.grad(vector), jax.hessian(vector)))
    return tuple(lambda x, f=f: np.asarray(f(jnp.asarray(x))) for f in compiled)


def starts(landscape, count, seed=0):
    low, high = np.array(landscape.domain).T
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def distinct(points):
    """Representatives of clusters closer than 1e-6."""
    kept = []
    for point in points:
        if all(np.linalg.norm(point - other) > 1e-6 for other in kept):
            kept.append(point)
    return np.array(kept)


def listed(points):
    return np.array([np.atleast_1d(point.position) for point in points])


def assert_same_set(found, expected, tolerance=1e-7):
    assert len(found) == len(expected)
    distances = np.linalg.norm(found[:, None] - expected[None], axis=-1)
    assert np.all(np.min(distances, axis=0) < tolerance)


@pytest.mark.parametrize(("landscape", "point"), POINTS)
def test_gradient_is_zero_and_loss_and_hessian_are_as_listed(landscape, point):
    with jax.enable_x64(True):
        loss, gradient, hessian = numpy_view(landscape)
        x = np.atleast_1d(point.position)
        steepest = max(map(abs, point.curvatures))
        rounding = np.finfo(float).eps * max(1.0, np.max(np.abs(x)))
        # rounding x alone leaves a gradient of curvature × ulp(x); the sums add a few more
        assert np.max(np.abs(gradient(x))) <= 8 * steepest * rounding
        np.testing.assert_allclose(loss(x), point.loss, rtol=1e-14, atol=1e-26)
        np.testing.assert_allclose(
            np.linalg.eigvalsh(hessian(x)), point.curvatures, rtol=0, atol=1e-13 * steepest
        )
        assert list(point.curvatures) == sorted(point.curvatures)


@pytest.mark.parametrize("name", BOUNDED)
def test_no_descent_from_anywhere_ends_below_the_global_minimum(name):
    landscape = CASES[name]
    with jax.enable_x64(True):
        loss, gradient, _ = numpy_view(landscape)
        ends = [
            scipy.optimize.minimize(loss, x0, jac=gradient, method="BFGS")
            for x0 in starts(landscape, 20)
        ]
    lowest = min(end.fun for end in ends)
    assert lowest >= landscape.global_minimum.loss - 1e-14
    if "Rastrigin" not in name:  # whose start lands in one of many valleys
        # BFGS stops at |gradient| < 1e-5, so at an excess loss of about 1e-10 / curvature
        assert lowest <= landscape.global_minimum.loss + 1e-9


@pytest.mark.parametrize("name", LISTED_IN_FULL)
def test_every_root_of_the_gradient_is_listed(name):
    landscape = CASES[name]
    with jax.enable_x64(True):
        _, gradient, hessian = numpy_view(landscape)
        roots = []
        for x0 in starts(landscape, 200):
            x, _, _, _ = scipy.optimize.fsolve(gradient, x0, fprime=hessian, full_output=True)
            if np.linalg.norm(gradient(x)) < 1e-8:
                roots.append(x - np.linalg.solve(hessian(x), gradient(x)))
        low, high = np.array(landscape.domain).T
        inside = [x for x in roots if np.all((low <= x) & (x <= high))]
        assert_same_set(distinct(inside), listed(landscape.stationary_points))


def test_descent_on_himmelblau_ends_in_exactly_the_four_minima():
    surface = losses.himmelblau()
    assert [len(surface.minima), len(surface.saddles), len(surface.maxima)] == [4, 4, 1]
    with jax.enable_x64(True):
        loss, gradient, hessian = numpy_view(surface)
        ends = []
        for x0 in starts(surface, 60):
            x = scipy.optimize.minimize(loss, x0, jac=gradient, method="BFGS").x
            ends.append(x - np.linalg.solve(hessian(x), gradient(x)))
    assert_same_set(distinct(ends), listed(surface.minima))


def test_poincare_hopf_index_of_himmelblau_and_of_the_double_well_is_one():
    # both grow without end in every direction, so the indices (−1)^(falling directions) sum to 1
    surface, well = losses.himmelblau(), losses.double_well()
    assert len(surface.minima) - len(surface.saddles) + len(surface.maxima) == 1
    assert len(well.minima) - len(well.maxima) == 1


def test_parabola_values_and_derivatives_follow_from_its_three_numbers():
    with jax.enable_x64(True):
        f = losses.parabola(1.0, 1.0, 0.5)
        assert f(-2.5) == 0.5 * 3.5**2 + 0.5
        assert jax.grad(f)(-2.5) == -3.5
        g = losses.parabola()
        assert (g(0.0), jax.grad(g)(0.0), g.start) == (9.0, -6.0, 0.0)


@settings(max_examples=20)
@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=5), st.integers(0, 2**31))
def test_rotation_keeps_the_curvatures_and_moves_the_axes(curvatures, seed):
    dimension = len(curvatures)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))[0]
    turned, straight = losses.bowl(curvatures, rotation=turn), losses.bowl(curvatures)
    assert turned.stationary_points == straight.stationary_points
    with jax.enable_x64(True):
        x = jax.random.normal(jax.random.key(seed), (dimension,))
        _, _, numpy_hessian = numpy_view(turned)
        hessian = numpy_hessian(x)
        steepest = max(curvatures)
        np.testing.assert_allclose(
            hessian, turn @ np.diag(curvatures) @ turn.T, rtol=0, atol=1e-13 * steepest
        )
        np.testing.assert_allclose(
            np.linalg.eigvalsh(hessian), sorted(curvatures), rtol=0, atol=1e-13 * steepest
        )
        np.testing.assert_allclose(turned(turn @ np.asarray(x)), straight(x), rtol=1e-12)


@given(st.floats(-360.0, 360.0))
def test_angle_turns_the_first_axis_counter_clockwise(angle):
    with jax.enable_x64(True):
        direction = jnp.exp(1j * jnp.deg2rad(angle))
        loss = losses.bowl((1.0, 100.0), angle=angle)
        along = loss(jnp.array([direction.real, direction.imag]))
        across = loss(jnp.array([-direction.imag, direction.real]))
    np.testing.assert_allclose((along, across), (0.5, 50.0), rtol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3, 6])
def test_rosenbrock_equals_scipys(dimension):
    with jax.enable_x64(True):
        f = losses.rosenbrock(dimension)
        for x in starts(f, 10):
            np.testing.assert_allclose(f(x), scipy.optimize.rosen(x), rtol=1e-13)
            np.testing.assert_allclose(jax.grad(f)(x), scipy.optimize.rosen_der(x), rtol=1e-11)


def test_rosenbrock_in_four_dimensions_has_the_unlisted_minimum_its_docstring_names():
    x = scipy.optimize.minimize(
        scipy.optimize.rosen, [-1.0, 1.0, 1.0, 1.0], jac=scipy.optimize.rosen_der
    ).x
    assert x[0] < 0
    with jax.enable_x64(True):
        f = losses.rosenbrock(4)
        assert jnp.max(jnp.abs(jax.grad(f)(x))) < 1e-5  # BFGS's own criterion
        assert np.linalg.eigvalsh(jax.hessian(f)(x))[0] > 0.1
        assert f(x) > 3


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_beale_and_himmelblau_are_sums_of_squares_of_their_residuals(x, y):
    beale = sum((c - x * (1 - y**i)) ** 2 for i, c in enumerate((1.5, 2.25, 2.625), start=1))
    himmelblau = np.hypot(x * x + y - 11, x + y * y - 7) ** 2
    with jax.enable_x64(True):
        at = jnp.array([x, y])
        np.testing.assert_allclose(losses.beale()(at), beale, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(losses.himmelblau()(at), himmelblau, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dimension", "amplitude"), [(1, 10.0), (4, 10.0), (3, 2.5)])
def test_rastrigin_equals_the_cosine_formula(dimension, amplitude):
    with jax.enable_x64(True):
        f = losses.rastrigin(dimension, amplitude)
        for x in starts(f, 10):
            ripples = x**2 - amplitude * np.cos(2 * np.pi * x)
            np.testing.assert_allclose(f(x), amplitude * dimension + np.sum(ripples), rtol=1e-12)


def test_rastrigin_has_one_minimum_near_each_integer_below_pi_amplitude():
    x = np.linspace(-40, 40, 800_001)
    slope = 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)
    minima = x[:-1][(slope[:-1] < 0) & (slope[1:] >= 0)]
    np.testing.assert_array_equal(np.round(minima), np.arange(-31, 32))
    assert 31 < math.pi * 10 < 32
    with jax.enable_x64(True):
        gradient = jax.vmap(jax.grad(losses.rastrigin(1)))(jnp.asarray(x[:, None]))[:, 0]
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-10)


def test_double_well_slope_factorizes_at_its_three_stationary_points():
    well = losses.double_well()
    left, barrier, right = well.stationary_points
    assert well.minima == (left, right)
    assert well.maxima == (barrier,)
    assert well.global_minimum == right
    assert barrier.loss - left.loss == pytest.approx(1 / 3, rel=1e-15)
    with jax.enable_x64(True):
        x = jnp.linspace(-2, 2.5, 101)
        np.testing.assert_allclose(
            jax.vmap(jax.grad(well))(x), (x + 1) * x * (x - 1.5), rtol=0, atol=1e-14
        )


@given(st.sampled_from([6, 42, 96]), st.floats(0.01, 100.0), st.floats(-3.0, 3.0))
def test_mean_gradient_of_the_examples_is_that_of_the_well_and_noise_ignores_x(examples, push, x):
    with jax.enable_x64(True):
        loss, data = losses.double_well_examples(examples, push)
        slope = (x + 1) * x * (x - 1.5)
        rounding = 1e-14 * (100 + push)
        assert jax.grad(loss)(x, data) == pytest.approx(slope, abs=rounding)
        each = jax.vmap(jax.grad(loss), in_axes=(None, 0))(x, data[:, None])
        np.testing.assert_allclose(each - slope, data, rtol=0, atol=rounding)
        assert jnp.mean(data**2) == pytest.approx(push**2 / 3, rel=1e-12)


def test_noise_of_the_examples_has_gaussian_moments_up_to_the_fifth():
    with jax.enable_x64(True):
        _, data = losses.double_well_examples()
        sigma = math.sqrt(40 / 3)
        for order in range(1, 6):
            gaussian = scipy.stats.norm(scale=sigma).moment(order)
            assert np.mean(data**order) == pytest.approx(gaussian, rel=1e-12, abs=1e-10)
        assert np.mean(data**6) == pytest.approx(9 / 15 * 15 * sigma**6, rel=1e-12)


def test_barrier_over_temperature_of_the_examples_is_half_the_batch_size():
    well, eta, push = losses.double_well(), 0.1, 2 * math.sqrt(10)
    barrier = well.maxima[0].loss - well.minima[0].loss
    for batch_size in (2, 4, 8, 12, 16):
        temperature = eta * (push**2 / 3) / (2 * batch_size)
        assert barrier / temperature == pytest.approx(batch_size / 2, rel=1e-14)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_loss_and_gradient_keep_the_dtype_of_x(name, dtype):
    with jax.enable_x64(True):
        x = jnp.array(CASES[name].start, dtype)
        loss, gradient = jax.eval_shape(jax.value_and_grad(CASES[name]), x)
        assert (loss.dtype, gradient.dtype) == (x.dtype, x.dtype)
        assert (loss.shape, gradient.shape) == ((), x.shape)


@pytest.mark.parametrize("name", CASES)
def test_float32_loss_is_the_float64_loss_to_single_rounding(name):
    landscape = CASES[name]
    x32 = jnp.array(landscape.start, jnp.float32)
    with jax.enable_x64(True):
        exact = landscape(np.asarray(x32, np.float64))
    np.testing.assert_allclose(landscape(x32), exact, rtol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_vmap_equals_a_loop(name):
    landscape = CASES[name]
    with jax.enable_x64(True):
        points = jnp.asarray(starts(landscape, 5)).reshape(5, *landscape.shape)
        loop = jnp.stack([jax.jit(landscape)(x) for x in points])
        np.testing.assert_allclose(jax.vmap(landscape)(points), loop, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_start_and_minima_lie_in_the_domain(name):
    landscape = CASES[name]
    low, high = np.array(landscape.domain).T
    places = np.vstack([np.atleast_1d(landscape.start), listed(landscape.stationary_points)])
    assert np.all((low <= places) & (places <= high))
    assert landscape.shape == ((landscape.dimension,) if landscape.dimension else ())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.parabola(curvature=0.0), r"curvature=0.0 must be positive"),
        (lambda: losses.parabola(curvature=math.nan), r"curvature=nan must be positive"),
        (lambda: losses.parabola(minimum=math.inf), r"minimum=inf and floor=0.0 must be finite"),
        (lambda: losses.bowl((1.0, -2.0)), r"\(1.0, -2.0\) must all be positive: saddle\(\)"),
        (lambda: losses.bowl(()), r"curvatures=\(\) must be one or more"),
        (lambda: losses.bowl((1.0, math.inf)), r"curvatures=\(1.0, inf\) must be .* finite"),
        (lambda: losses.bowl((1.0, 2.0, 3.0), angle=5), r"angle=5 with 3 curvatures.*rotation="),
        (lambda: losses.bowl(angle=math.nan), r"angle=nan with 2 curvatures"),
        (lambda: losses.bowl(angle=5, rotation=np.eye(2)), r"pass one of them"),
        (lambda: losses.bowl(rotation=np.eye(3)), r"shape \(3, 3\), 2 curvatures need \(2, 2\)"),
        (lambda: losses.bowl(rotation=np.eye(2) + 1e-5), r"not orthogonal: .* by 2e-05"),
        (lambda: losses.bowl(rotation=np.full((2, 2), np.nan)), r"not orthogonal"),
        (lambda: losses.saddle((1.0, 2.0)), r"a positive and a negative number"),
        (lambda: losses.saddle((1.0, -2.0, 0.0)), r"no zero"),
        (lambda: losses.double_well_examples(97), r"examples=97 must be a positive multiple of 6"),
        (lambda: losses.double_well_examples(0), r"examples=0 must be a positive multiple of 6"),
        (lambda: losses.double_well_examples(push=-1.0), r"push=-1.0 must be positive"),
        (lambda: losses.rosenbrock(1), r"dimension=1 must be at least 2"),
        (lambda: losses.rosenbrock(3, a=2.0), r"a=2.0 with dimension=3.*a=1.0"),
        (lambda: losses.rosenbrock(b=0.0), r"b=0.0 must be positive"),
        (lambda: losses.rastrigin(0), r"dimension=0 must be at least 1"),
        (lambda: losses.rastrigin(amplitude=0.0), r"amplitude=0.0 must be positive"),
    ],
)
def test_bad_numbers_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_empty_batch_of_the_examples_is_refused():
    loss, data = losses.double_well_examples()
    with pytest.raises(ValueError, match="batch is empty"):
        loss(0.0, data[:0])
