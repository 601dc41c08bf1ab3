"""The loss as a function of the step, the model's state and the parameters, whatever it takes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from jdescent.core import Params
from jdescent.core.checks import difference, require_arrays, require_function, require_key
from jdescent.core.tracing import inlined
from jdescent.core.trees import as_arrays
from jdescent.runs import Seen

LossAt = Callable[[Any, Any], Callable[[Params], tuple[Array, tuple[Any, Any]]]]


def loss_of_steps(
    loss: Any, batches: Any, key: Any, has_model_state: bool, has_aux: bool
) -> LossAt:
    """``loss_at(step, model_state)(params)`` is the value, with (model_state, aux) beside it."""
    require_function("loss", loss)
    if batches is None and key is not None:
        raise ValueError(
            "key is given, but nothing draws from it: pass batches=, a sampler, as well, or no "
            "key (noise of an optimizer has a key of its own, as in add_noise)"
        )
    if batches is not None and not callable(batches):
        raise TypeError(
            f"batches must be a sampler (key, step) -> batch, got {type(batches).__name__}: "
            "wrap the data, as in batches.full(data)"
        )
    if key is not None:
        require_key("key", key)

    def loss_at(step, model_state):
        batch = [] if batches is None else [batches(key, step)]
        before = [model_state] if has_model_state else []

        def of_params(params):
            return _parts(loss(params, *before, *batch), has_model_state, has_aux)

        return of_params

    return loss_at


def with_gradient(loss_at: LossAt) -> Callable[..., Any]:
    """``looked(step, model_state, params)`` is what `loss_at` gives, and its gradient."""
    return inlined(
        lambda step, model_state, params: jax.value_and_grad(
            loss_at(step, model_state), has_aux=True
        )(params)
    )


def _parts(returned: Any, has_model_state: bool, has_aux: bool) -> tuple[Any, tuple[Any, Any]]:
    if not (has_model_state or has_aux):
        return returned, (None, None)
    beside = "(model_state, aux)" if has_aux else "model_state"
    told = "model_state= loss must return (value, " + beside + ")"
    if not has_model_state:
        told = "has_aux=True loss must return (value, aux)"
    value, beside = _pair(returned, told)
    if not has_model_state:
        return value, (None, beside)
    after, aux = _pair(beside, told) if has_aux else (beside, None)
    return value, (as_arrays(after), aux)


def _pair(returned: Any, told: str) -> tuple[Any, Any]:
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise TypeError(f"with {told}, got {jax.tree.structure(returned)}")
    return tuple(returned)


def types_of(loss_at: LossAt, params: Params, model_state: PyTree, step: Any) -> Seen:
    """Shape and dtype of the loss and of aux; an error if the loss is not a real scalar."""

    def returned(params, model_state, step):
        value, (after, aux) = loss_at(step, model_state)(params)
        require_arrays(value, "what the loss returns")
        require_arrays(aux, "aux")
        return value, (after, as_arrays(aux))

    try:
        value, (after, aux) = jax.eval_shape(returned, params, model_state, step)
    except Exception as error:
        error.add_note(
            "This came of the first call of the loss, as loss(params), or as loss(params, batch) "
            "with batches=, and with model_state= after the parameters where that is given. Of a "
            "factory pass what it makes, as in losses.bowl()."
        )
        raise
    _require_scalar(value)
    told = difference("model_state", model_state, "what loss is given", after, "what it returns")
    if told is not None:
        raise ValueError(f"loss must return a model state like the one that it is given: {told}")
    return Seen(value, None, aux)


def _require_scalar(value: Any) -> None:
    if not hasattr(value, "shape"):
        raise TypeError(
            f"loss must return one real scalar, got {jax.tree.structure(value)}: where it returns "
            "(value, aux), pass has_aux=True"
        )
    if value.shape != ():
        raise TypeError(
            f"loss must return one real scalar, got shape {value.shape}: take its mean or sum"
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"loss must return one real scalar, got dtype {value.dtype}")
