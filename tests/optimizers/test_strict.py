"""No optimizer promotes dtypes implicitly, whatever those of parameters and hyperparameters are."""

import jax
import jax.numpy as jnp
import pytest

import jdescent as jd
from experiments.common.papers import cases
from jdescent.core import Real, hyperparameters_of
from jdescent.core.contract import accept_extra

ONE_EACH = {case.optimizer: case for case in reversed(cases())}


def parameters():
    return {
        "single": jnp.linspace(-1, 1, 12, dtype=jnp.float32).reshape(4, 3),
        "half": jnp.array([0.5, -1.0], jnp.bfloat16),
        "double": jnp.array([[0.5, -1.0], [0.2, 0.3]], jnp.float64),
    }


def numbers_of(case):
    """The real hyperparameters of a case whose factory takes the rate, for `jit` to trace."""
    said = {n: h for n, h in hyperparameters_of(case.ours).items() if isinstance(h.kind, Real)}
    if "learning_rate" not in said:
        return {}
    found = {name: case.settings.get(name, h.default) for name, h in said.items()}
    numbers = {name: value for name, value in found.items() if isinstance(value, float)}
    return numbers | {"learning_rate": 0.1}


def types(tree):
    return jax.tree.structure(tree), [
        (x.shape, x.dtype, x.weak_type) for x in map(jax.typeof, jax.tree.leaves(tree))
    ]


@pytest.mark.parametrize("name", ONE_EACH)
def test_parameters_of_three_dtypes_and_traced_hyperparameters_of_two_are_never_promoted(name, x64):
    """And what comes out has the types of what went in: a second step is not traced again."""
    case, params = ONE_EACH[name], parameters()
    numbers = {
        key: jnp.asarray(value, (jnp.float32, jnp.float64)[i % 2])
        for i, (key, value) in enumerate(numbers_of(case).items())
    }

    def step(numbers, state, params):
        optimizer = case.ours(**{**case.settings, **numbers}) if numbers else case.build(0.1)

        def loss(params):
            return sum(jnp.sum(jnp.square(x.astype(jnp.float32))) for x in params.values())

        value, gradient = jax.value_and_grad(loss)(params)
        extra = {"value": value, "grad": gradient, "value_fn": loss}
        updates, state = accept_extra(optimizer.update)(gradient, state, params, **extra)
        return state, updates, jd.apply_updates(params, updates)

    begun = case.build(0.1).init(params)
    assert not any(weak for *_, weak in types(begun)[1])
    state, updates, params_after = jax.eval_shape(step, numbers, begun, params)
    assert types(state) == types(begun)
    assert types(updates) == types(params_after) == types(params)
