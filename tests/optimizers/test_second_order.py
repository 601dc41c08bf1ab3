"""What is known of steps by the Hessian, and of limited-memory ones, beside their papers' paths."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize

import jdescent as jd
from jdescent.optimizers.newton import cubic_minimum

KEY = jax.random.key(0)
ROSENBROCK = jd.losses.rosenbrock()


def quadratic(H, minimum):
    def loss(x):
        flat = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(x)]) - minimum
        return flat @ H @ flat / 2

    return loss


def symmetric(size, seed=0, definite=False):
    A = np.random.default_rng(seed).standard_normal((size, size))
    return jnp.asarray(A @ A.T + np.eye(size) if definite else A + A.T)


TREE = {"b": jnp.array(0.5), "w": jnp.arange(6.0).reshape(2, 3)}


@pytest.mark.parametrize("definite", [True, False])
def test_newton_is_at_the_stationary_point_of_a_quadratic_after_one_step(definite, x64):
    x0 = jax.tree.map(lambda x: x.astype(jnp.float64), TREE)
    minimum = jnp.arange(7.0) - 3
    loss = quadratic(symmetric(7, definite=definite), minimum)
    x = jd.descend(loss, x0, jd.newton(), steps=1).params
    np.testing.assert_allclose(jd.core.Vector.of(x).flat, minimum, rtol=1e-9, atol=1e-9)


def test_newtons_path_does_not_depend_on_the_units_of_the_parameters(x64):
    A = jnp.array([[2.0, 1.0], [0.5, -3.0]])
    z0 = jnp.array([-1.2, 1.0])
    there, here = (
        jd.descend(f, x, jd.newton(), steps=6, record="params").record["params"]
        for f, x in ((ROSENBROCK, A @ z0), (lambda z: ROSENBROCK(A @ z), z0))
    )
    np.testing.assert_allclose(here @ A.T, there, rtol=1e-8)


FLAT = [
    jd.newton(), jd.gauss_newton(lambda x: 0 * x), jd.saddle_free_newton(), jd.cubic_newton(1.0),
    jd.lbfgs(), jd.sam(jd.sgd(1.0)),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", FLAT, ids=lambda optimizer: repr(optimizer).partition("(")[0])
def test_where_there_is_no_slope_and_no_curvature_there_is_no_step(optimizer):
    x = jnp.array([1.0, 2.0])
    path = jd.descend(lambda x: 0 * jnp.sum(x**2), x, optimizer, steps=2)
    np.testing.assert_array_equal(path.params, x)


# -- Gauss–Newton --------------------------------------------------------------------------------


def half_square(residuals):
    return lambda x: jnp.sum(residuals(x) ** 2) / 2


def linear(rows, columns, seed=0):
    random = np.random.default_rng(seed)
    A, b = random.standard_normal((rows, columns)), random.standard_normal(rows)
    return A, b, lambda x: jnp.asarray(A) @ jd.core.Vector.of(x).flat - jnp.asarray(b)


def rosenbrocks(x):
    return jnp.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def one_step(residuals, x0, optimizer):
    return jd.core.Vector.of(jd.descend(half_square(residuals), x0, optimizer, steps=1).params).flat


@pytest.mark.parametrize("rows", [12, 7, 4])
def test_gauss_newton_solves_linear_least_squares_in_one_step(rows, x64):
    """Where there are too few equations, by the solution that is nearest to the start."""
    A, b, residuals = linear(rows, 7)
    x0 = jax.tree.map(lambda x: x.astype(jnp.float64), TREE)
    start = jd.core.Vector.of(x0).flat
    expected = start + np.linalg.lstsq(A, b - A @ start)[0]
    x = one_step(residuals, x0, jd.gauss_newton(residuals))
    np.testing.assert_allclose(x, expected, rtol=1e-10, atol=1e-10)


def test_gauss_newton_is_newton_where_the_residuals_are_linear(x64):
    _, _, residuals = linear(12, 7)
    x0 = jax.tree.map(lambda x: x.astype(jnp.float64), TREE)
    ours, newtons = (
        one_step(residuals, x0, optimizer)
        for optimizer in (jd.gauss_newton(residuals, 0.3, 0.7), jd.newton(0.3, 0.7))
    )
    np.testing.assert_allclose(ours, newtons, rtol=1e-12)


@pytest.mark.parametrize("start", [[-1.2, 1.0], [3.0, -4.0], [0.0, 0.0]])
def test_gauss_newton_ends_where_scipys_least_squares_do(start, x64):
    theirs = scipy.optimize.least_squares(lambda x: np.asarray(rosenbrocks(x)), start)
    for optimizer, steps in ((jd.gauss_newton(rosenbrocks), 2), (searching(rosenbrocks), 100)):
        ours = jd.descend(half_square(rosenbrocks), jnp.array(start), optimizer, steps=steps)
        np.testing.assert_allclose(ours.params, theirs.x, rtol=1e-7)


def searching(residuals):
    return jd.chain(jd.gauss_newton(residuals, damping=1e-3), jd.zoom_linesearch())


def test_gauss_newton_fits_a_curve_with_noise_as_scipy_does(x64):
    """The residuals at the end are not 0, so this is not Newton's method."""
    times = np.linspace(0, 3, 30)
    data = 2 * np.exp(-1.3 * times) + 0.1 * np.random.default_rng(0).standard_normal(30)
    residuals = lambda x: x[0] * jnp.exp(-x[1] * times) - data  # noqa: E731
    theirs = scipy.optimize.least_squares(
        lambda x: np.asarray(residuals(x)), [1.0, 1.0], xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    ours = jd.descend(
        half_square(residuals), jnp.array([1.0, 1.0]), jd.gauss_newton(residuals), steps=12
    )
    np.testing.assert_allclose(ours.params, theirs.x, rtol=1e-7)


def test_gauss_newtons_path_does_not_depend_on_the_units_of_the_parameters(x64):
    A = jnp.array([[2.0, 1.0], [0.5, -3.0]])
    z0 = jnp.array([-1.2, 1.0])
    there, here = (
        jd.descend(half_square(r), x, jd.gauss_newton(r, 0.5), steps=6, record="params").record[
            "params"
        ]
        for r, x in ((rosenbrocks, A @ z0), (lambda z: rosenbrocks(A @ z), z0))
    )
    np.testing.assert_allclose(here @ A.T, there, rtol=1e-10)


@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_gauss_newton_has_derivatives_of_both_orders_where_rank_is_missing(damping, x64):
    """Where J has rank 1 all around, those of differences."""

    def residuals(x):
        return jnp.stack([x[0] * x[1] - 1, 2 * x[0] * x[1] - 1.5])

    def end(x):
        optimizer = jd.gauss_newton(residuals, damping=damping)
        state = optimizer.init(x)
        for _ in range(2):
            g = jax.grad(half_square(residuals))(x)
            updates, state = optimizer.update(g, state, x)
            x = jd.apply_updates(x, updates)
        return jnp.sum(jnp.sin(x))

    slope = jax.jit(jax.grad(end))
    x, h = jnp.array([1.0, 2.0]), 1e-5
    for unit, row, first in zip(jnp.eye(2), jax.jit(jax.hessian(end))(x), slope(x), strict=True):
        ahead, behind = x + h * unit, x - h * unit
        np.testing.assert_allclose(row, (slope(ahead) - slope(behind)) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(first, (end(ahead) - end(behind)) / (2 * h), rtol=1e-6)


def test_gauss_newtons_derivatives_are_finite_where_the_rank_changes(x64):
    """The step has none there; the one that comes holds the rank."""

    def residuals(x):
        return jnp.stack([x[0] ** 2 + 1, x[1]])

    def step(x):
        optimizer = jd.gauss_newton(residuals)
        g = jax.grad(half_square(residuals))(x)
        return optimizer.update(g, optimizer.init(x), x)[0]

    x = jnp.array([0.0, 2.0])
    np.testing.assert_allclose(jax.jit(jax.jacrev(step))(x), [[0.0, 0.0], [0.0, -1.0]], atol=1e-12)
    assert jnp.all(jnp.isfinite(jax.jit(jax.jacfwd(jax.jacrev(step)))(x)))


def test_much_damping_makes_of_gauss_newton_gradient_descent(x64):
    x0 = jnp.array([-1.2, 1.0])
    damped = one_step(rosenbrocks, x0, jd.gauss_newton(rosenbrocks, 0.2, damping=1e9))
    plain = one_step(rosenbrocks, x0, jd.sgd(0.2 / 1e9))
    np.testing.assert_allclose(damped - x0, plain - x0, rtol=1e-5)


def test_saddle_free_newton_doubles_its_distance_from_a_saddle_whatever_the_curvature():
    loss = quadratic(jnp.diag(jnp.array([1.0, -1e-3, -1e3])), jnp.zeros(3))
    path = jd.descend(loss, jnp.array([1.0, 1e-3, 1e-3]), jd.saddle_free_newton(), steps=5)
    np.testing.assert_allclose(path.params, [0, 32e-3, 32e-3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_hard", [False, True])
def test_the_minimum_of_the_cubic_model_is_global(seed, is_hard, x64):
    """Nesterov & Polyak, Proposition 1: stationary, and H + ½·M·r without negative curvature."""
    M = 0.7
    H = symmetric(5, seed)
    curvatures, Q = jnp.linalg.eigh(H)
    slopes = jnp.asarray(np.random.default_rng(seed).standard_normal(5))
    slopes = slopes.at[0].set(0.0) * 0.01 if is_hard else slopes
    s = Q.T @ cubic_minimum(H, Q @ slopes, M)
    r = jnp.linalg.norm(s)
    np.testing.assert_allclose(slopes + curvatures * s + M / 2 * r * s, 0, atol=1e-10)
    assert curvatures[0] + M / 2 * r >= -1e-10
    assert not is_hard or abs(s[0]) > 1  # either way is a minimum


def test_cubic_newton_lowers_a_loss_of_lipschitz_hessian_as_much_as_was_proved():
    """By M/12·‖s‖³, and ‖∇L(x + s)‖ ≤ M·‖s‖² (Nesterov & Polyak, Lemmas 3 and 4)."""
    loss = lambda x: jnp.sum(jnp.cos(x))  # noqa: E731
    x0 = jax.random.uniform(KEY, (6,), maxval=6.3).at[0].set(0.0)  # at a maximum of the first
    path = jd.descend(loss, x0, jd.cubic_newton(1.0), steps=12, record="params")
    steps = np.linalg.norm(np.diff(path.record["params"], axis=0), axis=1)
    assert np.all(np.diff(path.loss) <= -(steps**3) / 12 + 1e-6)
    slopes = np.linalg.norm(jnp.sin(path.record["params"][1:]), axis=1)
    assert np.all(slopes <= steps**2 + 1e-5)
    assert path.loss[-1] == pytest.approx(-6, abs=1e-5)


def test_adahessian_averages_over_the_window_of_a_kernel():
    a = jnp.arange(1.0, 13.0).reshape(2, 2, 1, 3)
    loss = lambda x: jnp.sum(a * x**2) / 2  # noqa: E731
    for averages, size in ((True, jnp.mean(a, (0, 1), keepdims=True)), (False, a)):
        optimizer = jd.adahessian(1.0, eps=0.0, spatial_averaging=averages, key=KEY)
        x = jd.descend(loss, jnp.ones_like(a), optimizer, steps=1).params
        np.testing.assert_allclose(x, 1 - a / size, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("distribution", ["normal", "rademacher"])
def test_hutchinsons_estimate_has_the_mean_and_the_variance_of_its_theory(distribution):
    H, x, draws = symmetric(4).astype(jnp.float32), jnp.ones(4), 20000

    def estimate(key):
        diagonal = jd.hutchinson(key, distribution)
        loss = quadratic(H, jnp.zeros(4))
        return diagonal.update(x, diagonal.init(x), x, value_fn=loss)[0]

    drawn = jax.jit(jax.vmap(estimate))(jax.random.split(KEY, draws))
    variance = jnp.sum(H**2, axis=1) - jnp.diag(H) ** 2
    variance += 2 * jnp.diag(H) ** 2 if distribution == "normal" else 0
    error = jnp.sqrt(variance / draws)
    assert jnp.all(jnp.abs(drawn.mean(0) - jnp.diag(H)) < 5 * error)
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.15)


def test_sophia_needs_a_key_and_moves_by_the_sign_along_negative_curvature(as_users_run):
    with pytest.raises(TypeError, match="sophia needs key="):
        jd.sophia(0.1)
    loss = quadratic(-jnp.eye(3), jnp.zeros(3))
    optimizer = jd.sophia(0.1, weight_decay=0.0, update_interval=1, key=KEY)
    x = jd.descend(loss, jnp.array([1.0, -2.0, 3.0]), optimizer, steps=2).params
    np.testing.assert_allclose(x, [1.2, -2.2, 3.2], rtol=1e-6)


# -- L-BFGS and line searches --------------------------------------------------------------------


def test_lbfgs_takes_no_more_steps_on_rosenbrock_than_scipy_and_optax(x64):
    value_and_grad = jax.jit(jax.value_and_grad(ROSENBROCK))
    for start in ([-1.2, 1.0], [3.0, -4.0], [0.0, 0.0]):
        theirs = scipy.optimize.minimize(
            lambda x: tuple(map(np.asarray, value_and_grad(x))), start, jac=True,
            method="L-BFGS-B", options={"maxcor": 10, "gtol": 1e-9, "ftol": 0},
        )  # fmt: skip
        ours = jd.descend(ROSENBROCK, jnp.array(start), jd.lbfgs(), steps=100, tolerance=1e-9)
        assert ours.verdict.converged
        assert ours.verdict.step <= theirs.nit
        assert ROSENBROCK(ours.params) < 1e-20


def test_lbfgs_is_optaxs_with_its_line_search_while_curvature_is_positive(x64):
    search = optax.scale_by_zoom_linesearch(20, initial_guess_strategy="one")
    with jax.numpy_dtype_promotion("standard"):
        paths = [
            jd.descend(ROSENBROCK, jnp.array([-1.2, 1.0]), lbfgs, steps=30, record="params")
            for lbfgs in (jd.lbfgs(memory_size=5, linesearch=search), optax.lbfgs(memory_size=5))
        ]
    np.testing.assert_allclose(*(path.record["params"] for path in paths), rtol=1e-7)


def test_lbfgs_with_exact_line_searches_ends_on_a_quadratic_after_as_many_steps_as_dimensions(x64):
    H, x0 = symmetric(5, definite=True), jnp.arange(5.0)
    exact = jd.zoom_linesearch(60, curv_rtol=1e-10, approx_dec_rtol=None)
    path = jd.descend(quadratic(H, jnp.ones(5)), x0, jd.lbfgs(linesearch=exact), steps=5)
    assert jnp.linalg.norm(H @ (path.params - 1)) < 1e-6
    assert jnp.linalg.norm(H @ (x0 - 1)) > 1


def test_lbfgs_passes_over_pairs_of_negative_curvature():
    loss = quadratic(jnp.diag(jnp.array([1.0, -1.0])), jnp.zeros(2))
    optimizer = jd.lbfgs(0.1, memory_size=2, linesearch=None)
    path = jd.descend(loss, jnp.array([0.0, 1.0]), optimizer, steps=3)
    assert not jnp.any(path.state.S) and not jnp.any(path.state.Y)  # noqa: PT018
    assert path.loss[-1] < path.loss[0]


@pytest.mark.parametrize("unit", [2.0**40, 2.0**90])
def test_lbfgs_takes_the_same_path_in_any_unit_of_the_loss(unit):
    """Powers of two change no digit; the gradient is longer than 1, from where γ is its inverse."""
    path, other = (
        jd.descend(
            lambda x, unit=unit: unit * ROSENBROCK(x),
            jnp.array([-1.2, 1.0]),
            jd.lbfgs(0.5, memory_size=3, linesearch=None),
            steps=8,
            record="params",
            divergence=jnp.inf,
        )
        for unit in (1.0, unit)
    )
    assert jnp.any(other.state.Y)
    np.testing.assert_array_equal(path.record["params"], other.record["params"])


SEARCHES = pytest.mark.parametrize(
    "search", [jd.zoom_linesearch(), jd.backtracking_linesearch()], ids=repr
)


@SEARCHES
@pytest.mark.parametrize("unit", [2.0**-90, 2.0**60])
def test_line_searches_take_the_same_path_in_any_unit_of_the_loss(search, unit):
    path, other = (
        jd.descend(
            lambda x, unit=unit: unit * ROSENBROCK(x),
            jnp.array([-1.2, 1.0]),
            jd.chain(jd.sgd(1.0 / unit), search),
            steps=6,
            record="params",
            divergence=jnp.inf,
        ).record["params"]
        for unit in (1.0, unit)
    )
    assert np.abs(np.diff(path, axis=0)).max(1).min() > 0
    np.testing.assert_array_equal(path, other)


@SEARCHES
def test_a_step_is_taken_though_its_product_with_the_gradient_is_0_by_rounding(search):
    optimizer = jd.chain(jd.sgd(0.1), search)
    x = jnp.array([1.0, -2.0])

    def loss(x):
        return jnp.float32(1e-25) * jnp.sum(x**2)

    value, g = jax.value_and_grad(loss)(x)
    step, _ = optimizer.update(g, optimizer.init(x), x, value=value, grad=g, value_fn=loss)
    np.testing.assert_array_equal(jnp.sign(step), -jnp.sign(g))


@pytest.mark.parametrize("guess", ["one", "keep"])
@pytest.mark.parametrize("rate", [1e-4, 1e-2, 3.0])
def test_the_zoom_search_ends_where_the_strong_wolfe_conditions_hold(rate, guess, x64):
    c1, c2 = 1e-2, 0.3
    search = jd.zoom_linesearch(slope_rtol=c1, curv_rtol=c2, initial_guess_strategy=guess)
    optimizer = jd.chain(jd.sgd(rate), search)
    path = jd.descend(
        ROSENBROCK, jnp.array([-1.2, 1.0]), optimizer, steps=20, record=["params", "gradient"]
    )
    steps = np.diff(path.record["params"], axis=0)
    before = np.sum(steps * path.record["gradient"][:-1], axis=1)
    after = np.sum(steps * path.record["gradient"][1:], axis=1)
    assert np.all(before < 0)
    assert np.all(np.diff(path.loss) <= c1 * before)
    assert np.all(np.abs(after) <= c2 * np.abs(before))


@SEARCHES
def test_a_step_that_ascends_is_not_taken(search):
    path = jd.descend(ROSENBROCK, jnp.zeros(2), jd.chain(jd.sgd(0.0), search), steps=1)
    np.testing.assert_array_equal(path.params, 0)
    x = jnp.array([1.0, 1.0])
    up, _ = search.update(x, search.init(x), x, value=1.0, grad=x, value_fn=jnp.sum)
    np.testing.assert_array_equal(up, 0)


# -- where they are used -------------------------------------------------------------------------

READERS = {
    "newton": jd.newton(0.5, damping=0.1),
    "gauss_newton": jd.gauss_newton(lambda x: rosenbrocks(jd.core.Vector.of(x).flat), 0.5),
    "lbfgs": jd.lbfgs(memory_size=3),
    "sophia": jd.sophia(0.1, key=KEY),
    "sam": jd.sam(jd.adam(0.1)),
    "lookahead of newton": jd.lookahead(jd.newton(0.5), 2, 0.5),
}


@pytest.mark.parametrize("name", READERS)
def test_what_reads_the_loss_descends_in_batches_in_chains_and_as_a_part(name, x64):
    optimizer = READERS[name]
    starts = jnp.array([[-1.2, 1.0], [0.5, 2.0]])

    def run(loss, x0, optimizer):
        return jd.descend(loss, x0, optimizer, steps=3).params

    alone = run(ROSENBROCK, starts[0], optimizer)
    assert not jnp.array_equal(alone, starts[0])
    chained = jd.chain(jd.clip(1e6), optimizer)
    together = jax.vmap(lambda x0: run(ROSENBROCK, x0, chained))(starts)
    np.testing.assert_allclose(together[0], alone, rtol=1e-6)

    def loss(x):
        return ROSENBROCK(x["ours"]) + x["theirs"] ** 2

    parts = jd.partition({"ours": "ours", "theirs": "theirs"}, ours=optimizer, theirs=jd.sgd(0.25))
    x = run(loss, {"ours": starts[0], "theirs": jnp.array(1.0)}, parts)
    np.testing.assert_allclose(x["ours"], alone, rtol=1e-6)
    assert x["theirs"] == 0.5**3
