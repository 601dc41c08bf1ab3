"""What the optimizers refuse, and that they say so: name, what came, what was expected."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd

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
