"""Every optimizer against 80-bit floats at the ends of what it accepts, and what may not be hidden.

The rules are stated in `jdescent.numerics`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import references
from cases import CASES, by_name

import jdescent as jd
from jdescent import testing
from jdescent.numerics import LAST_STEP

LR = 0.1
SIZES = 10.0 ** np.arange(-30, 31, 2)
PATTERN = np.array([1.0, -0.5, 2.0])  # of the gradients of three steps, in units of a size
SETTINGS = [  # β, ε and the first t: each at its ends, and with the ends of the others
    (0.0, 1e-8, 1),
    (0.1, 0.0, LAST_STEP),
    (0.9, 0.0, 1),
    (0.9, 1e-8, 1000),
    (0.999, 0.0, 1),
    (0.999, 1e-50, 10**6),
    (1 - 1e-8, 1e-8, 1),
    (1 - 1e-8, 0.0, 10**9),
    (1 - 1e-12, 0.0, 1),
    (1 - 1e-12, 1e-8, LAST_STEP),
]


class Table:
    """An optimizer, its reference, the settings of both, and which of its memories are squares.

    ``make(beta, eps)`` gives (the optimizer, the reference, how many memories it has).
    """

    def __init__(self, make, squares=True, sums=False):
        self.make, self.squares, self.sums = make, squares, sums


def means(ours, reference, memories, **more):
    """Optimizers of two means, of which the first forgets no later than the second."""

    def make(beta, eps):
        b1 = min(beta, 0.9)
        settings = {"b1": b1, "b2": beta} | ({} if eps is None else {"eps": eps}) | more
        renamed = {"decay" if k == "weight_decay" else k: v for k, v in settings.items()}
        return ours(LR, **settings), functools.partial(reference, lr=LR, **renamed), memories

    return make


def one_mean(ours, name, reference, memories, **more):
    def make(beta, eps):
        settings = {} if eps is None else {"eps": eps}
        theirs = functools.partial(reference, lr=LR, beta=beta, **settings)
        return ours(LR, **{name: beta}, **settings, **more), theirs, memories

    return make


def velocity(ours, reference, **more):
    return lambda beta, eps: (
        ours(LR, beta, **more),
        functools.partial(reference, lr=LR, beta=beta, **more),
        1,
    )


def partial(reference, **settings):
    return functools.partial(reference, **settings)


r = references
TABLES = {
    "sgd": Table(lambda b, e: (jd.sgd(LR), partial(r.sgd, lr=LR), 0), squares=False),
    "momentum": Table(velocity(jd.sgd, r.momentum), squares=False, sums=True),
    "sgd nesterov": Table(velocity(jd.sgd, r.momentum, nesterov=True), squares=False, sums=True),
    "sgd dampened": Table(velocity(jd.sgd, r.momentum, dampening=0.3), squares=False, sums=True),
    "heavy_ball": Table(velocity(jd.heavy_ball, r.heavy_ball), squares=False, sums=True),
    "nesterov": Table(velocity(jd.nesterov, r.nesterov), squares=False, sums=True),
    "adagrad": Table(lambda b, e: (jd.adagrad(LR, 0.0, e), partial(r.adagrad, lr=LR, eps=e), 1)),
    "rmsprop": Table(one_mean(jd.rmsprop, "decay", r.rmsprop, 1)),
    "rmsprop corrected": Table(
        one_mean(jd.rmsprop, "decay", partial(r.rmsprop, corrected=True), 1, bias_correction=True)
    ),
    "rmsprop eps outside": Table(
        one_mean(jd.rmsprop, "decay", partial(r.rmsprop, inside=False), 1, eps_in_sqrt=False)
    ),
    "adadelta": Table(one_mean(jd.adadelta, "rho", r.adadelta, 2)),
    "adam": Table(means(jd.adam, r.adam, 2)),
    "adamw": Table(means(jd.adamw, r.adam, 2, weight_decay=0.01)),
    "nadam": Table(means(jd.nadam, r.nadam, 2)),
    "adamax": Table(means(jd.adamax, r.adamax, 2), squares=False),
    "amsgrad": Table(means(jd.amsgrad, r.amsgrad, 3)),
    "sign_sgd": Table(lambda b, e: (jd.sign_sgd(LR), partial(r.sign_sgd, lr=LR), 0), squares=False),
    "lion": Table(lambda b, e: means(jd.lion, r.lion, 1, weight_decay=0.01)(b, None), False, False),
}


def test_the_table_holds_every_optimizer_of_the_core():
    names = {case.ours.__name__ for case in CASES}
    assert names == {name.split()[0] for name in TABLES} - {"momentum"}


def walked(optimizer, gradients, x, t=1):
    """The updates and the last state, from fresh memories but with t − 1 steps counted."""
    state = optimizer.init(x)._replace(t=jnp.asarray(t - 1, jnp.int32))
    updates = []
    for g in gradients:
        update, state = optimizer.update(g, state, x)
        updates.append(update)
    return jnp.stack(updates), state


def reference_walk(reference, memories, gradients, t=1):
    memory = [np.zeros(gradients.shape[1:], np.longdouble)] * memories
    updates = []
    with np.errstate(all="ignore"):
        for g in np.asarray(gradients, np.longdouble):
            update, memory = reference(t, g, np.longdouble(1), *memory)
            updates.append(update)
            t = min(t + 1, LAST_STEP)
    return np.array(updates)


def promised(table, beta, eps, dtype):
    """The sizes of gradients at which `numerics` promises the step of the equations."""
    if not table.squares:
        return np.full(SIZES.shape, True)
    limits = np.finfo(dtype)
    held = (np.abs(PATTERN).max() * SIZES) ** 2 < float(limits.max)
    resolved = np.abs(PATTERN).min() * SIZES > np.sqrt(2.0**24 * float(limits.tiny) / (1 - beta))
    return held & (resolved | (eps >= 1e-10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TABLES)
def test_steps_are_those_of_the_equations_over_the_whole_range(name, dtype):
    """Within 16 roundings of lr + |u| where that is promised; too large a gradient is visible."""
    table, epsilon = TABLES[name], float(np.finfo(dtype).eps)
    gradients = (PATTERN[:, None] * SIZES).astype(dtype)
    for beta, eps, t in SETTINGS:
        optimizer, reference, memories = table.make(beta, eps)
        with jax.enable_x64(dtype == np.float64):
            steps, state = walked(optimizer, jnp.asarray(gradients), jnp.ones_like(gradients[0]), t)
        want = reference_walk(reference, memories, gradients, t)
        inside = promised(table, beta, eps, dtype)
        natural = LR * (1 + table.sums * np.abs(gradients))
        off = np.abs(np.asarray(steps) - want) / (epsilon * (natural + np.abs(want)))
        where = f"{name}, β = {beta}, ε = {eps}, t = {t}"
        assert np.all(off[:, inside] <= 16), (where, off[:, inside].max())
        seen = [
            np.isfinite(steps).all(0),
            *(np.isfinite(memory) for memory in state.memory.values()),
        ]
        assert not np.any(np.all(seen, 0) & ~inside & (SIZES > 1)), where


BAD = [np.nan, np.inf, -np.inf]
KEY = jax.random.key(0)
TRANSFORMS = {
    "clip": jd.clip(1.0),
    "clip_by_global_norm": jd.clip_by_global_norm(1.0),
    "add_decayed_weights": jd.add_decayed_weights(0.1),
    "masked decay": jd.add_decayed_weights(0.1, mask=False),
    "add_noise": jd.add_noise(KEY, 0.1),
}
EVERYTHING = {case.name: case.build() for case in CASES} | TRANSFORMS
BOUNDED = {"sign_sgd", "clip"}  # sign(±∞) = ±1 and clip(±∞) = ±c


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_not_finite_in_the_gradient_is_not_finite_in_the_update_or_the_state(name):
    """In a first step and in a later one, for each element and each of NaN, ∞, −∞."""
    optimizer, params = EVERYTHING[name], jnp.linspace(-1, 1, 3)
    good = jnp.array([0.5, 0.0, -2.0])
    update = jax.vmap(optimizer.update, in_axes=(0, None, None))
    bad = np.array([np.where(np.eye(3, dtype=bool)[i], b, good) for b in BAD for i in range(3)])
    fresh = optimizer.init(params)
    later = optimizer.update(good, fresh, params)[1]
    for state in (fresh, later):
        updates, states = update(jnp.asarray(bad), state, params)
        leaves = [
            updates,
            *(x for x in jax.tree.leaves(states) if jnp.issubdtype(x.dtype, jnp.floating)),
        ]
        shown = ~np.all(
            [np.isfinite(np.asarray(x, float)).reshape(9, -1).all(1) for x in leaves], 0
        )
        for row in range(9):
            value, element = BAD[row // 3], row % 3
            if name in BOUNDED and not np.isnan(value):
                size = 1.0 if name == "clip" else -0.1
                assert updates[row, element] == np.sign(value) * np.float32(size)
            else:
                assert shown[row], f"{value} in element {element} is hidden"


@pytest.mark.parametrize("record", ["loss", None])
@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_verdict_shows_the_infinities_that_no_update_shows(name, record):
    """The loss stays finite, and so does every update."""

    @jax.custom_vjp
    def loss(x, gradient):
        return jnp.sum(x)

    loss.defvjp(lambda x, gradient: (loss(x, gradient), gradient), lambda rows, _: (rows, None))

    def run(bad):
        def gradients(key, step):
            return jnp.where(step < 20, 0.5, bad)

        return jd.descend(
            loss, jnp.zeros(3), EVERYTHING[name], 128, batches=gradients, key=KEY, record=record
        ).verdict

    bad = jnp.asarray([np.where(np.eye(3, dtype=bool)[i], b, 0.5) for b in BAD for i in range(3)])
    verdict = jax.vmap(run)(jnp.concatenate([bad, jnp.ones((1, 3))]))
    assert np.all(verdict.status[:-1] == jd.Status.NON_FINITE)
    if record == "loss":
        assert np.all(verdict.step[:-1] == 21)
    assert verdict.status[-1] == jd.Status.STEP_LIMIT


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_end_of_the_counter_is_no_end_of_the_run(name):
    testing.assert_counters_stay(EVERYTHING[name])


@pytest.mark.parametrize("name", EVERYTHING)
def test_memories_and_updates_are_sharded_as_the_parameters_are(name):
    testing.assert_sharding_kept(EVERYTHING[name])


@pytest.mark.parametrize("b2", [0.999999, 0.9999999, 1 - 1e-8, 1 - 1e-12])
@pytest.mark.parametrize("ours", [jd.adam, jd.adamw, jd.nadam, jd.amsgrad])
def test_the_first_step_is_the_rate_for_every_decay(ours, b2):
    more = {jd.adamw: {"weight_decay": 0.0}, jd.nadam: {"b1": 0.0}}.get(ours, {})
    x = jnp.ones(2)
    optimizer = ours(1.0, b2=b2, eps=0.0, **more)
    update, _ = optimizer.update(jnp.array([3.0, -1e-3]), optimizer.init(x), x)
    np.testing.assert_allclose(update, [-1, 1], rtol=4 * 2**-23)


def test_a_traced_decay_steps_as_the_number_it_is_or_shows_that_it_is_none():
    def first(b2):
        optimizer = jd.adam(1.0, b2=b2, eps=0.0)
        return optimizer.update(jnp.float32(3), optimizer.init(jnp.float32(0)))[0]

    betas = jnp.array([0.0, 0.999, 0.999999, 0.9999999, 1 - 1e-8, 1.5, -0.1], jnp.float32)
    steps = jax.jit(jax.vmap(first))(betas)
    np.testing.assert_allclose(steps, [-1, -1, -1, -1, np.nan, np.nan, np.nan], rtol=4 * 2**-23)


@pytest.mark.parametrize("bias_correction", [False, True])
@pytest.mark.parametrize("decay", [0.1, 0.9, 0.99])
def test_the_centered_root_is_that_of_the_variance_however_large_the_mean(decay, bias_correction):
    """Mean 1e4, σ = 1, mean square 1e8: in float32 to 2⁻⁹, two spacings of numbers near 1e4."""
    random = np.random.default_rng(0)
    gradients = jnp.asarray(1e4 + random.standard_normal((30, 40)), jnp.float32)
    optimizer = jd.rmsprop(LR, decay, centered=True, bias_correction=bias_correction)
    got, state = walked(optimizer, gradients, jnp.zeros(40))
    reference = partial(r.centered, lr=LR, beta=decay, eps=1e-8, corrected=bias_correction)
    want = reference_walk(reference, 2, np.asarray(gradients))
    root, exact_root = (-LR * np.asarray(gradients) / np.asarray(u) for u in (got, want))
    np.testing.assert_allclose(root, exact_root, rtol=1e-5, atol=2**-9)
    assert jnp.all(state.v >= 0)


@pytest.mark.parametrize("gradient", [1e-3, 1.0, 1000.0, -1e5])
def test_a_constant_gradient_has_no_variance(gradient):
    """Centered and corrected, every step is −lr·g/√ε, exactly: the root is never of less than 0."""
    optimizer = jd.rmsprop(LR, centered=True, bias_correction=True)
    updates, state = walked(optimizer, [jnp.float32(gradient)] * 50, jnp.float32(0))
    np.testing.assert_allclose(updates, -LR * gradient / np.sqrt(1e-8), rtol=1e-6)
    assert state.v == 0


NARROW = {"bfloat16": jnp.bfloat16, "float16": jnp.float16}


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("gradient", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("ours", [jd.adam, jd.adamw, jd.amsgrad, jd.adamax])
def test_a_constant_narrow_gradient_gives_steps_of_the_rate(ours, gradient, dtype):
    """To the roundings of m: ε/(1 − β₁) where it is kept narrow; of the update with mu_dtype."""
    x, g = jnp.zeros(1, NARROW[dtype]), jnp.full(1, gradient, NARROW[dtype])
    epsilon = float(jnp.finfo(x.dtype).eps)
    kept = [({}, epsilon / (1 - 0.9))]
    if ours is not jd.adamax:
        kept.append(({"mu_dtype": "float32"}, epsilon))
    for settings, tolerance in kept:
        updates, state = walked(ours(1.0, eps=0.0, **settings), [g] * 40, x)
        assert abs(updates[0] + 1) <= epsilon
        np.testing.assert_allclose(np.asarray(updates, float), -1, rtol=tolerance)
        assert state.m.dtype == settings.get("mu_dtype", x.dtype)


@pytest.mark.parametrize("dtype", NARROW)
def test_a_narrow_mean_square_decays(dtype):
    """From 1 to .01: after 3000 steps v has forgotten the first gradient."""
    x = jnp.zeros((), NARROW[dtype])
    optimizer = jd.adam(1.0, eps=0.0)
    _, state = optimizer.update(jnp.ones_like(x), optimizer.init(x), x)
    gradient = jnp.full_like(x, 0.01)

    @jax.jit
    def later(state):
        return jax.lax.fori_loop(0, 10_000, lambda _, s: optimizer.update(gradient, s, x)[1], state)

    np.testing.assert_allclose(later(state).v, float(gradient) ** 2, rtol=0.06)


SQUARES = {
    jd.adagrad: {"s"},
    jd.rmsprop: {"v"},
    jd.adadelta: {"v", "s"},
    jd.adam: {"v"},
    jd.adamw: {"v"},
    jd.nadam: {"v"},
    jd.adamax: {"u"},
    jd.amsgrad: {"v", "v_max"},
}


@pytest.mark.parametrize("case", CASES, ids=by_name)
@pytest.mark.parametrize("dtype", NARROW)
def test_squares_are_kept_in_float32_and_other_memories_as_the_parameters_are(case, dtype):
    state = case.build().init(jnp.zeros(2, NARROW[dtype]))
    wide = SQUARES.get(case.ours, set()) | ({"m"} if case.settings.get("centered") else set())
    for name in state.memory:
        expected = jnp.float32 if name in wide else NARROW[dtype]
        assert getattr(state, name).dtype == expected, name


KEPT = {
    "adam": (jd.adam, "m", "mu_dtype"),
    "adamw": (jd.adamw, "m", "mu_dtype"),
    "nadam": (jd.nadam, "m", "mu_dtype"),
    "amsgrad": (jd.amsgrad, "m", "mu_dtype"),
    "lion": (jd.lion, "m", "mu_dtype"),
    "sgd": (functools.partial(jd.sgd, momentum=0.9), "b", "accumulator_dtype"),
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("kept", [jnp.bfloat16, "float16", np.dtype("float32")])
def test_a_memory_is_kept_in_the_dtype_asked_for(name, kept):
    make, memory, keyword = KEPT[name]
    optimizer = make(0.1, **{keyword: kept})
    x = jnp.ones(2)
    state = optimizer.init(x)
    for _ in range(2):
        update, state = optimizer.update(x, state, x)
        assert getattr(state, memory).dtype == jnp.dtype(kept)
        assert update.dtype == x.dtype
    if name != "lion" and name != "sgd":
        assert state.v.dtype == jnp.float32


def test_a_memory_cannot_be_kept_in_whole_numbers(as_users_run):
    for kept in (jnp.int8, "int32", complex):
        with pytest.raises(TypeError, match="mu_dtype must be a floating-point dtype or None"):
            jd.adam(0.1, mu_dtype=kept)


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_gradients_through_five_steps_are_finite_where_a_coordinate_rests(case):
    """With respect to the rate and the start; the second coordinate starts at its minimum."""

    def end(rate, start):
        optimizer = case.build(rate)
        x, state = start, optimizer.init(start)
        for _ in range(5):
            gradient = jax.grad(lambda x: jnp.sum(x**4))(x)
            updates, state = optimizer.update(gradient, state, x)
            x = jd.apply_updates(x, updates)
        return jnp.sum((x - 0.3) ** 2)

    slopes = jax.jit(jax.grad(end, argnums=(0, 1)))(0.01, jnp.array([0.7, 0.0, -0.2]))
    for slope in slopes:
        assert jnp.all(jnp.isfinite(slope))
    near = [float(jax.jit(end)(rate, jnp.array([0.7, 0.0, -0.2]))) for rate in (0.0098, 0.0102)]
    if "sign" not in case.name:
        np.testing.assert_allclose(slopes[0], (near[1] - near[0]) / 4e-4, rtol=0.05)
