"""What `largest_stable_rate` refuses, and what it says then."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.analysis import largest_stable_rate, measured_largest_stable_rate


def own(update):
    return lambda lr: jd.Optimizer(lambda params: (), partial(update, lr))


def of_traced_momentum(beta):
    return largest_stable_rate(partial(jd.sgd, momentum=beta), 3.0).rate


def test_what_no_search_ends_with_is_refused(as_users_run):
    measured = partial(measured_largest_stable_rate, jd.sgd, 3.0)
    found = partial(largest_stable_rate, jd.sgd)
    flat = {"loss": lambda x: jnp.sum(x**2), "params": jnp.zeros(10_000)}
    for match, call in [
        ("digits must be", partial(measured, digits=0.0)),
        ("steps must be at least", partial(measured, steps=0)),
        ("max_period must be at least", partial(found, 3.0, max_period=0)),
        ("max_memory must be", partial(found, 3.0, max_memory=np.nan)),
        ("max_memory allows", partial(found, **flat, max_memory=1e6)),
        ("curvature must lie between", partial(found, 1e300)),
        ("curvature must lie between", partial(found, 1e-300)),
        ("must not be negative", partial(largest_stable_rate, jd.adam, 3.0, held={"v": -1.0})),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
    np.testing.assert_allclose(found(1e139).rate, 2e-139, rtol=1e-9)


def test_what_is_no_function_of_a_traced_rate_is_refused(as_users_run):
    for error, match, call in [
        (TypeError, "pass jd.sgd", partial(largest_stable_rate, jd.sgd(0.1), 3.0)),
        (
            TypeError,
            "use jax.numpy",
            partial(largest_stable_rate, lambda lr: jd.sgd(float(lr)), 3.0),
        ),
        (TypeError, "outside of jit", lambda: jax.jit(of_traced_momentum)(0.9)),
        (TypeError, "outside of jit", lambda: jax.grad(of_traced_momentum)(0.9)),
        (
            ValueError,
            "what update returns",
            lambda: largest_stable_rate(own(lambda lr, g, s, p=None: (jnp.zeros(7), s)), 3.0),
        ),
        (
            TypeError,
            r"must return \(updates, state\)",
            lambda: largest_stable_rate(own(lambda lr, g, s, p=None: (-lr * g, s, 1)), 3.0),
        ),
    ]:
        with pytest.raises(error, match=match):
            call()


def test_wrong_arguments_are_refused(as_users_run):
    for error, match, call in [
        (ValueError, "either curvature", partial(largest_stable_rate, jd.sgd)),
        (ValueError, "symmetric", partial(largest_stable_rate, jd.sgd, [[1.0, 2.0], [0.0, 1.0]])),
        (ValueError, "positive eigenvalue", partial(largest_stable_rate, jd.sgd, -1.0)),
        (ValueError, "finite", partial(largest_stable_rate, jd.sgd, np.nan)),
        (TypeError, "real number", partial(largest_stable_rate, jd.sgd, "3")),
        (TypeError, "held must map", partial(largest_stable_rate, jd.adam, 3.0, held=1.0)),
        (ValueError, "names no even", partial(largest_stable_rate, jd.adam, 3.0, held={"m": 1.0})),
        (ValueError, "as well", partial(largest_stable_rate, jd.adadelta, 3.0, held={"v": 1.0})),
        (TypeError, "init", partial(largest_stable_rate, lambda lr: lr, 3.0)),
    ]:
        with pytest.raises(error, match=match):
            call()


def endless(x):
    return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)


def called_back(x):
    return jax.pure_callback(lambda x: x**2, jax.ShapeDtypeStruct((), x.dtype), x)


def rounded(x):
    return jnp.sum(jnp.sin(x.astype(jnp.float32) * jnp.arange(1, 5, dtype=jnp.float32)) ** 2)


def test_losses_without_second_derivatives_are_refused(as_users_run):
    def of(loss):
        return partial(largest_stable_rate, jd.sgd, loss=loss, params=jnp.array(0.5))

    for error, match, call in [
        (TypeError, "second derivatives by JAX", of(endless)),
        (TypeError, "second derivatives by JAX", of(called_back)),
        (TypeError, "one real scalar", of(lambda x: x[None])),
        (TypeError, "loss must be a function", of("x")),
        (ValueError, "Hessian of the loss at params is 0", of(lambda x: jnp.abs(x))),
        (ValueError, "flatter than a quadratic", of(lambda x: (x - 0.5) ** 4)),
        (ValueError, "not finite", of(lambda x: jnp.abs(x - 0.5) ** 1.5)),
        (ValueError, "compute in the float64", of(rounded)),
    ]:
        with pytest.raises(error, match=match):
            call()
