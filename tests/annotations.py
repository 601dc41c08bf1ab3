"""Annotated shapes and types are checked at every call of a module's functions."""

import functools
import inspect
from contextlib import contextmanager

import jaxtyping

_jaxtyped = jaxtyping.jaxtyped


@contextmanager
def checked(module):
    """What is imported of it within the context has its annotations checked from then on."""
    with jaxtyping.install_import_hook(module, "beartype.beartype"):
        jaxtyping.jaxtyped = _where_annotated
        yield


def _where_annotated(*, typechecker):
    return functools.partial(_check_where_annotated, typechecker=typechecker)


def _check_where_annotated(definition, *, typechecker):
    """What has no annotations has nothing to check, and to wrap each function that is defined
    anew at every call of another took a sixth of the tests' time."""
    if inspect.isfunction(definition) and not definition.__annotations__:
        return definition
    return _jaxtyped(definition, typechecker=typechecker)
