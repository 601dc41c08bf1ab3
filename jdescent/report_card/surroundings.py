"""What of JAX's settings a card is measured under, whatever the user has set."""

import contextlib
from collections.abc import Iterator

import jax

from jdescent._jax import enable_x64


@contextlib.contextmanager
def as_on_record() -> Iterator[None]:
    """JAX as it is by default, whatever the user has set: what is compared is measured alike."""
    with (
        enable_x64(False),
        jax.disable_jit(False),
        jax.debug_nans(False),
        jax.debug_infs(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield
