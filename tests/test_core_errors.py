"""What the optimizers refuse, and that they say so: name, what came, what was expected."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent._jax import enable_x64
from jdescent.core import Memory

SCALAR_NAMES = {
    "learning_rate": jd.sgd,
    "momentum": lambda value: jd.heavy_ball(0.1, value),
    "b1": lambda value: jd.adam(0.1, b1=value),
    "b2": lambda value: jd.lion(0.1, b2=value),
    "eps": lambda value: jd.adamw(0.1, eps=value),
    "weight_decay": jd.add_decayed_weights,
    "max_delta": jd.clip,
    "max_norm": jd.clip_by_global_norm,
    "standard_deviation": lambda value: jd.add_noise(jax.random.key(0), value),
    "dampening": lambda value: jd.sgd(0.1, 0.9, dampening=value),
    "decay": lambda value: jd.rmsprop(0.1, value),
    "rho": lambda value: jd.adadelta(0.1, value),
    "initial_accumulator_value": lambda value: jd.adagrad(0.1, value),
}
NOT_REAL = ["0.1", None, True, 1j, np.complex64(1j), jnp.array(True), [0.1], {"a": 1.0}]


@pytest.mark.parametrize("name", SCALAR_NAMES)
def test_hyperparameters_below_zero_or_not_a_number_are_refused_by_name(name, as_users_run):
    for value in (-0.1, float("nan"), np.float32(-1), jnp.array(-2.0), -3):
        with pytest.raises(ValueError, match=rf"{name} must be ≥ 0.*got {float(value)}"):
            SCALAR_NAMES[name](value)
    for value in (jnp.array([0.1, 0.2]), np.zeros((2, 1)), jnp.zeros(0)):
        with pytest.raises(ValueError, match=rf"{name} must be a scalar, got shape .*jax\.vmap"):
            SCALAR_NAMES[name](value)


@pytest.mark.parametrize("name", SCALAR_NAMES)
@pytest.mark.parametrize("value", NOT_REAL, ids=repr)
def test_hyperparameters_that_are_not_real_numbers_are_refused_by_name(name, value, as_users_run):
    with pytest.raises(TypeError, match=f"{name} must be a real number, got"):
        SCALAR_NAMES[name](value)


@pytest.mark.parametrize(
    "make",
    [
        lambda b: jd.adam(0.1, b1=b),
        lambda b: jd.amsgrad(0.1, b1=b),
        lambda b: jd.nadam(0.1, b1=b),
        lambda b: jd.adamax(0.1, b1=b),
        lambda b: jd.lion(0.1, b1=b),
    ],
)
def test_a_running_mean_with_a_factor_of_one_is_refused(make):
    for b1 in (1, 1.0, jnp.array(1.5)):
        with pytest.raises(ValueError, match="b1 must be ≥ 0 and < 1, got"):
            make(b1)


def test_a_traced_rate_is_refused_for_its_shape_and_its_dtype_alone():
    def rate_of_a_batch(rates):
        return jd.sgd(rates).init(jnp.zeros(()))

    with pytest.raises(ValueError, match=r"learning_rate must be a scalar, got shape \(2,\)"):
        jax.jit(rate_of_a_batch)(jnp.array([0.1, 0.2]))
    with pytest.raises(TypeError, match="learning_rate must be a real number"):
        jax.jit(rate_of_a_batch)(jnp.array(1j))
    jax.jit(rate_of_a_batch)(jnp.array(-1.0))  # its value cannot be known


@pytest.mark.parametrize(
    ("leaf", "told"),
    [
        (jnp.arange(3), r"\['deep'\]\[1\] is int32; convert it with jnp.asarray\(x, float\)"),
        (7, r"\['deep'\]\[1\] is int32"),
        (jnp.array(True), r"\['deep'\]\[1\] is bool"),
        (jnp.array(1j), r"\['deep'\]\[1\] is complex64; split it into real and imaginary parts"),
    ],
)
def test_parameters_that_cannot_be_descended_on_are_named(leaf, told):
    params = {"deep": (jnp.zeros(2), leaf)}
    for optimizer in (jd.sgd(0.1), jd.clip(1.0), jd.add_noise(jax.random.key(0), 1.0)):
        with pytest.raises(TypeError, match="parameters must be floating-point: " + told):
            optimizer.init(params)
    with pytest.raises(TypeError, match="floating-point: the parameter is int32"):
        jd.sgd(0.1).init(1)


def test_gradients_unlike_the_parameters_are_refused_with_both_structures():
    params = {"w": jnp.zeros(2), "b": jnp.zeros(())}
    gradient = {"w": jnp.zeros(2)}
    both = r"(?s)same tree structure.*gradients: PyTreeDef\({'w': \*}\).*{'b': \*, 'w': \*}"
    adam, sgd, clip = jd.adam(0.1), jd.sgd(0.1), jd.clip(1.0)
    with pytest.raises(ValueError, match=both):
        adam.update(gradient, adam.init(params))
    for optimizer in (sgd, clip):
        with pytest.raises(ValueError, match=both):
            optimizer.update(gradient, optimizer.init(params), params)
    with pytest.raises(ValueError, match=r"(?s)updates and parameters .*same tree structure"):
        jd.apply_updates(params, gradient)


def test_gradients_of_other_shapes_are_refused_with_both_shapes():
    params = {"w": jnp.zeros((3, 1))}
    gradient = {"w": jnp.zeros(3)}
    for optimizer in (jd.adam(0.1), jd.sgd(0.1), jd.clip_by_global_norm(1.0)):
        with pytest.raises(ValueError, match=r"\['w'\] is \(3,\) in gradients and \(3, 1\) in"):
            optimizer.update(gradient, optimizer.init(params), params)
    with pytest.raises(ValueError, match=r"the array is \(\) in updates and \(2,\) in parameters"):
        jd.apply_updates(jnp.zeros(2), jnp.zeros(()))


@pytest.mark.parametrize("optimizer", [jd.adamw(0.1), jd.lion(0.1), jd.add_decayed_weights(0.1)])
def test_a_rule_that_reads_the_parameters_asks_for_them(optimizer):
    x = jnp.zeros(2)
    with pytest.raises(ValueError, match=r"reads the parameters: call update\(grads, state, par"):
        optimizer.update(x, optimizer.init(x))


def test_a_look_ahead_or_dampening_without_velocity_is_refused():
    with pytest.raises(ValueError, match="act on the velocity: give momentum as well"):
        jd.sgd(0.1, nesterov=True)
    with pytest.raises(ValueError, match="act on the velocity: give momentum as well"):
        jd.sgd(0.1, dampening=0.5)
    with pytest.raises(ValueError, match="acts on the velocity: give momentum as well"):
        jd.rmsprop(0.1, nesterov=True)


def test_a_chain_refuses_the_state_of_another_chain():
    x = jnp.zeros(2)
    one, two = jd.chain(jd.sgd(0.1)), jd.chain(jd.clip(1.0), jd.sgd(0.1))
    with pytest.raises(ValueError, match=r"this chain has 2 parts, its state has 1: make the st"):
        two.update(x, one.init(x))


RULES = {
    "a list": (lambda lr, t, g, m: [g, m], TypeError, r"tuple \(update, m\), got \["),
    "a bare array": (lambda lr, t, g, m: -lr * g, TypeError, r"tuple \(update, m\), got"),
    "no memory": (lambda lr, t, g, m: (-lr * g,), ValueError, r"\(update, m\), got 1 values"),
    "too many": (lambda lr, t, g, m: (g, m, m), ValueError, r"\(update, m\), got 3 values"),
    "a sum": (
        lambda lr, t, g, m: (g, jnp.sum(m)),
        ValueError,
        r"keep the shape of its array: m came back as \(\), it was \(2,\)",
    ),
    "a row": (
        lambda lr, t, g, m: (g[None], m),
        ValueError,
        r"the update came back as \(1, 2\), the gradient is \(2,\)",
    ),
    "whole numbers": (
        lambda lr, t, g, m: (g, jnp.zeros(2, int)),
        TypeError,
        "floating-point arrays: m is int32",
    ),
    "complex numbers": (
        lambda lr, t, g, m: (1j * g, m),
        TypeError,
        "floating-point arrays: the update is complex64",
    ),
    "nothing": (lambda lr, t, g, m: (g, None), TypeError, "must return arrays: m is None"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_returns_the_wrong_thing_is_told_so_at_its_first_trace(name):
    rule, error, told = RULES[name]
    optimizer = jd.leafwise(rule, 0.1, m=0)
    x = {"w": jnp.ones(2)}
    state = optimizer.init(x)
    for update in (optimizer.update, jax.jit(optimizer.update)):
        with pytest.raises(error, match=told), jax.numpy_dtype_promotion("standard"):
            update(x, state, x)


READ_WRONGLY = {
    "what there is not": (lambda lr, g, m, q: (g, m), {"m": 0}, r"\['q'\] are not known"),
    "no memory": (lambda lr, g: g, {"m": 0}, r"takes every memory.*and not \['m'\]"),
    "no argument": (lambda: 0, {"m": 0}, r"this one takes \(\), and not \['m'\]"),
    "a key": (lambda g, key: g, {}, "reads key: give key to the lift as well"),
}


@pytest.mark.parametrize("name", READ_WRONGLY)
def test_a_rule_that_reads_what_there_is_not_is_refused_when_it_is_given(name):
    rule, memories, told = READ_WRONGLY[name]
    for lift in (jd.leafwise, jd.treewise):
        with pytest.raises(TypeError, match=told):
            lift(rule, 0.1, **memories)
    with pytest.raises(TypeError, match="reads lr: give learning_rate to the lift as well"):
        jd.leafwise(lambda lr, g: -lr * g)


def test_a_memory_may_not_have_the_name_of_what_every_rule_reads():
    with pytest.raises(ValueError, match=r"\['t'\] name what every rule may read"):
        jd.leafwise(lambda lr, g, t: (g, t), 0.1, t=0)


def test_a_rule_that_reads_the_loss_says_how_it_is_given():
    x = jnp.ones(2)
    reads_loss = jd.leafwise(lambda loss, g: loss * g)
    with pytest.raises(ValueError, match=r"reads the loss: call update\(.*value=loss\), as jdes"):
        reads_loss.update(x, reads_loss.init(x), x)
    assert reads_loss.update(x, reads_loss.init(x), x, value=3.0)[0][0] == 3
    elsewhere = jd.treewise(lambda g, x, grad_at: grad_at(x + g))
    with pytest.raises(ValueError, match=r"loss elsewhere .*value_fn=loss"):
        elsewhere.update(x, elsewhere.init(x), x, value=3.0)


def test_a_transformation_of_trees_must_keep_their_structure():
    x = {"w": jnp.ones(2)}
    for transform, told in [
        (lambda g: g.tree["w"], "updates and gradients must have the same tree"),
        (lambda g: {"w": jnp.ones(3)}, r"\['w'\] is \(3,\) in updates and \(2,\)"),
    ]:
        optimizer = jd.treewise(transform)
        with pytest.raises(ValueError, match=told):
            optimizer.update(x, optimizer.init(x), x)
    whole = jd.treewise(lambda g: {"w": jnp.arange(2)})
    with pytest.raises(TypeError, match=r"updates must be floating-point: \['w'\] is int32"):
        whole.update(x, whole.init(x), x)


OTHERS = {
    "sgd": (jd.sgd(0.1), []),
    "momentum": (jd.sgd(0.1, 0.9), ["b"]),
    "heavy_ball": (jd.heavy_ball(0.1), ["velocity"]),
    "rmsprop": (jd.rmsprop(0.1), ["v"]),
    "adam": (jd.adam(0.1), ["m", "v"]),
    "lion": (jd.lion(0.1), ["m"]),
    "optax": (optax.adam(0.1), None),
}


@pytest.mark.parametrize("theirs", OTHERS)
@pytest.mark.parametrize("name", [name for name in OTHERS if name != "optax"])
def test_the_state_of_another_optimizer_is_refused(name, theirs):
    """Memories have the same name where they mean the same, and only there."""
    optimizer, own = OTHERS[name]
    other, memories = OTHERS[theirs]
    x = jnp.ones(2)
    state = other.init(x)
    if name == theirs:
        optimizer.update(x, state, x)
        return
    came = "a tuple" if memories is None else f"the state of one with the memories {memories}"
    told = f"this optimizer has the memories {own}; got {came}: make the state with"
    with pytest.raises(TypeError, match=re.escape(told)):
        optimizer.update(x, state, x)
    with pytest.raises(TypeError, match="the state of a chain is the tuple of its parts' states"):
        jd.chain(optimizer, optimizer, optimizer).update(x, jd.adam(0.1).init(x), x)


def test_adam_goes_on_where_adamw_stopped():
    """Their memories mean the same."""
    x = jnp.ones(2)
    _, state = jd.adamw(0.1).update(x, jd.adamw(0.1).init(x), x)
    np.testing.assert_allclose(jd.adam(0.1).update(x, state, x)[0], -0.1, rtol=1e-6)


def test_a_state_of_other_parameters_is_refused():
    adam = jd.adam(0.1)
    state = adam.init({"w": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"\['w'\] is \(3,\) in gradients and \(2,\) in state.m"):
        adam.update({"w": jnp.ones(3)}, state)
    with pytest.raises(ValueError, match=r"(?s)gradients and state.m .*same tree structure"):
        adam.update({"v": jnp.ones(2)}, state)


@pytest.mark.parametrize("gradient", [jnp.arange(2), 3, jnp.ones(2, complex), jnp.ones(2, bool)])
def test_gradients_that_are_not_floating_are_refused(gradient):
    """Their updates would be cut off to whole numbers."""
    params = jnp.zeros(jnp.shape(gradient))
    for optimizer in (jd.sgd(0.1), jd.clip(1.0), jd.add_noise(jax.random.key(0), 1.0)):
        with pytest.raises(TypeError, match="gradients must be floating-point: the gradient is"):
            optimizer.update(gradient, optimizer.init(params), params)


def test_parameters_that_cannot_hold_their_updates_are_refused():
    whole, real = {"n": jnp.arange(2)}, {"n": jnp.ones(2)}
    told = r"able to hold their updates: \['n'\] is int32, its update float32"
    with pytest.raises(TypeError, match=told):
        jd.apply_updates(whole, {"n": jnp.full(2, 0.5)})
    with pytest.raises(TypeError, match=r"\['n'\] is float32, its update complex64"):
        jd.apply_updates(real, {"n": jnp.full(2, 1j)})
    np.testing.assert_array_equal(jd.apply_updates(whole, {"n": jnp.ones(2, int)})["n"], [1, 2])


SCHEDULED = {"learning_rate": jd.sgd, "standard_deviation": SCALAR_NAMES["standard_deviation"]}


@pytest.mark.parametrize("name", SCHEDULED)
def test_schedules_that_return_no_real_scalar_are_refused(name):
    x = jnp.ones(2)
    told = re.escape(f"what the schedule of {name} returns must be a ")
    for value, error in [(jnp.ones(2), ValueError), (None, TypeError), (1j, TypeError)]:
        optimizer = SCHEDULED[name](lambda step, value=value: value)
        with pytest.raises(error, match=told):
            optimizer.update(x, optimizer.init(x), x)


@pytest.mark.parametrize(
    "rate",
    [1, np.int64(1), np.float16(1), np.float64(1), jnp.int32(1), jnp.bfloat16(1), np.array(1)],
)
def test_every_real_scalar_is_a_hyperparameter_traced_or_not(rate):
    x = jnp.ones(2)

    def update(rate):
        optimizer = jd.sgd(rate)
        return optimizer.update(x, optimizer.init(x))[0]

    np.testing.assert_array_equal(update(rate), -1)
    np.testing.assert_array_equal(jax.jit(update)(rate), -1)


def test_a_traced_rate_out_of_range_and_a_rate_of_nan_show_in_the_updates():
    x = jnp.ones(2)

    def update(rate):
        optimizer = jd.sgd(rate)
        return optimizer.update(x, optimizer.init(x))[0]

    for rate in (-1.0, np.nan, np.inf):
        assert jnp.isnan(jax.jit(update)(rate)).all()
        assert jnp.isnan(jax.jit(lambda r: update(lambda step: r))(rate)).all()


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, np.float32(-1e-5), jnp.array(-2.0)])
def test_schedules_below_zero_or_not_a_number_are_refused_as_the_number_is(name, value):
    x = jnp.ones(2)
    optimizer = SCHEDULED[name](lambda step: value)
    told = f"what the schedule of {name} returns must be ≥ 0 and finite, got {float(value)}"
    with pytest.raises(ValueError, match=told):
        optimizer.update(x, optimizer.init(x), x)


def test_a_run_whose_schedule_turns_negative_ends_at_that_step():
    """(x − 3)² at rates ½, ¼, 0 is 9, 0, 0, 0; the fourth rate is −¼."""
    path = jd.descend(
        jd.losses.parabola(), jnp.array(0.0), jd.sgd(lambda t: 0.5 - jnp.float32(t) / 4), 9
    )
    assert (path.verdict.status, path.verdict.step) == (jd.Status.NON_FINITE, 4)
    np.testing.assert_array_equal(path.loss[:4], [9, 0, 0, 0])


@pytest.mark.parametrize("rates", [optax.linear_schedule, jd.schedules.linear])
@pytest.mark.parametrize("ends", [(0.1, 0.0), (0.0, 0.1)])
def test_a_schedule_that_rounding_takes_below_zero_is_none_of_negative_rates(rates, ends):
    """Compiled, 1 − n·(1/n) is below 0 for more than half of all n."""
    start, end = ends
    for n in (3, 30):
        path = jd.descend(lambda x: x, jnp.array(0.0), jd.sgd(rates(start, end, n)), n + 9)
        assert path.verdict.status == jd.Status.STEP_LIMIT
        total = sum(start + (end - start) * min(t / n, 1) for t in range(n + 9))
        np.testing.assert_allclose(path.params, -total, rtol=1e-5)


HELD = {
    "learning_rate": lambda value: jd.adam(value),
    "weight_decay": jd.add_decayed_weights,
    "weight_decay of adamw": lambda value: jd.adamw(0.1, weight_decay=value),
    "weight_decay of lion": lambda value: jd.lion(0.1, weight_decay=value),
    "max_delta": jd.clip,
    "max_norm": jd.clip_by_global_norm,
    "standard_deviation": SCALAR_NAMES["standard_deviation"],
}


@pytest.mark.parametrize("name", HELD)
def test_hyperparameters_that_their_dtype_does_not_hold_are_refused(name):
    def update(value, dtype):
        optimizer, x = HELD[name](value), jnp.ones(2, dtype)
        return optimizer.update(x, optimizer.init(x), x)[0]

    argument = name.split()[0]
    for dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        for value in (1e-50, 1e-40, np.float64(1e60), np.float32(1e-40)):
            told = rf"{argument} must be 0 or from 1.2e-38 to 3.4e\+38, which float32 holds, got"
            with pytest.raises(ValueError, match=told):
                update(value, dtype)
        update(0, dtype), update(1.2e-38, dtype), jax.jit(update, static_argnums=1)(1e-40, dtype)
    with enable_x64(True):
        update(1e-50, jnp.float64)
        with pytest.raises(
            ValueError, match=r"from 2\.2e-308 to .* which float64 holds, got 1e-310"
        ):
            update(1e-310, jnp.float64)


def test_a_small_rate_that_float64_holds_is_taken_and_a_schedule_may_end_in_nothing():
    with enable_x64(True):
        optimizer, g = jd.sgd(1e-50), jnp.float64(1e45)
        update, _ = optimizer.update(g, optimizer.init(g))
        np.testing.assert_allclose(update, -1e-5, rtol=1e-12)
    fading = jd.sgd(lambda step: 1e-50)
    np.testing.assert_array_equal(fading.update(jnp.ones(2), fading.init(jnp.ones(2)))[0], 0)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_hyperparameters_beside_half_precision_are_held_in_float32(dtype):
    """2⁻²⁷ is 0 in float16, and 2¹⁷ infinite; their products with what is there may be neither."""
    g, x = jnp.full(2, 0.5, dtype), jnp.full(2, 2.0**14, dtype)
    decayed = jd.add_decayed_weights(2.0**-27)
    np.testing.assert_array_equal(
        decayed.update(0 * g, decayed.init(x), x)[0].astype(float), 2.0**-13
    )
    white = jd.add_noise(jax.random.key(0), 1.0)
    z, _ = white.update(0 * g, white.init(g))
    for sigma in (2.0**-27, 2.0**17):
        noisy = jd.add_noise(jax.random.key(0), sigma)
        got, _ = noisy.update(0 * g, noisy.init(g))
        np.testing.assert_array_equal(got, (z.astype(jnp.float32) * sigma).astype(dtype))


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.parametrize("function", [lambda: 1.0, lambda step, size: 1.0])
def test_a_function_that_is_no_schedule_is_refused_when_it_is_given(name, function):
    with pytest.raises(
        TypeError, match=rf"{name} must be .* a function of the step alone, got a f"
    ):
        SCHEDULED[name](function)


@pytest.mark.parametrize("rule", [None, 0.5])
def test_a_rule_that_is_no_function_is_refused(rule, as_users_run):
    for lift in (jd.leafwise, jd.treewise):
        with pytest.raises(TypeError, match=f"rule must be a function, got {rule}"):
            lift(rule, 0.1)


@pytest.mark.parametrize(
    "dtype",
    ["flot", "int32", np.int8, object(), "f,f", jnp.ones(2), np.ones(2), np.float32(1), 1.0],
)
def test_dtypes_of_memories_that_are_not_floating_are_refused_by_name(dtype, as_users_run):
    makers = {
        "the dtype of m": lambda: jd.leafwise(
            lambda lr, t, g, m: (g, m), 0.1, m=Memory(dtype=dtype)
        ),
        "accumulator_dtype": lambda: jd.sgd(0.1, accumulator_dtype=dtype),
        "mu_dtype": lambda: jd.lion(0.1, mu_dtype=dtype),
    }
    for name, make in makers.items():
        with pytest.raises(TypeError, match=f"{name} must be a floating-point dtype or None, got"):
            make()
    for make in (jd.adam, jd.adamw, jd.nadam, jd.amsgrad):
        with pytest.raises(TypeError, match="mu_dtype must be a floating-point dtype or None, got"):
            make(0.1, mu_dtype=dtype)


@pytest.mark.parametrize("value", ["q", None, True, 1j])
def test_memories_that_begin_at_no_number_are_refused_by_name(value, as_users_run):
    with pytest.raises(TypeError, match="where memory m starts must be a real number, got"):
        jd.leafwise(lambda lr, t, g, m: (g, m), 0.1, m=value)


BOOLEANS = {
    "nesterov": lambda value: jd.sgd(0.1, 0.9, nesterov=value),
    "nesterov ": lambda value: jd.rmsprop(0.1, momentum=0.9, nesterov=value),
    "centered": lambda value: jd.rmsprop(0.1, centered=value),
    "eps_in_sqrt": lambda value: jd.rmsprop(0.1, eps_in_sqrt=value),
    "bias_correction": lambda value: jd.rmsprop(0.1, bias_correction=value),
    "staircase": lambda value: jd.schedules.exponential(0.1, 0.5, staircase=value),
    "replace": lambda value: jd.batches.mini_batch(jnp.ones(3), 2, replace=value),
}


@pytest.mark.parametrize("name", BOOLEANS)
def test_options_that_are_booleans_take_nothing_else_for_one(name, as_users_run):
    for value in ("no", 1, 0.0, None, jnp.array(True)):
        with pytest.raises(TypeError, match=f"{name.strip()} must be True or False, got"):
            BOOLEANS[name](value)
    for value in (True, False, np.bool_(True)):
        BOOLEANS[name](value)


def test_a_chain_of_no_parts_is_refused():
    with pytest.raises(ValueError, match="a chain of no parts would ascend"):
        jd.chain()


@pytest.mark.parametrize("leaf", ["abc", "float32", np.float32, object(), np.array(["a"])])
def test_leaves_that_are_no_arrays_are_refused_by_name(leaf, as_users_run):
    """Names of dtypes and classes too, of which JAX says what dtype they are."""
    x = {"a": jnp.array(0.0)}
    bad = {"a": leaf}
    sgd = jd.sgd(0.1)
    for name, run in {
        "parameters": lambda: sgd.init(bad),
        "gradients": lambda: sgd.update(bad, sgd.init(x)),
        "updates": lambda: jd.apply_updates(x, bad),
    }.items():
        with pytest.raises(TypeError, match=rf"{name} must be numbers or arrays: \['a'\] is"):
            run()
    with pytest.raises(TypeError, match="parameters must be numbers or arrays"):
        jd.apply_updates(bad, x)
