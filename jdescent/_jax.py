"""What is called otherwise in older versions of JAX, by the names of the newest.

The only module that asks what the installed JAX has; the newest comes first, so that a branch for
an older version is dropped when that version is.
"""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import PyTree

__all__ = ["enable_x64", "jaxprs_in_params", "shard_map", "tree_broadcast"]

try:
    from jax import enable_x64
except ImportError:  # before 0.8
    from jax.experimental import enable_x64

try:
    from jax import shard_map
except ImportError:  # before 0.6.1

    def shard_map(f: Callable, *, check_vma: bool = True, **specs: Any) -> Callable:
        from jax.experimental.shard_map import shard_map as before

        return before(f, check_rep=check_vma, **specs)


try:
    from jax.tree import broadcast as tree_broadcast
except ImportError:  # before 0.6.2

    def tree_broadcast(prefix: PyTree, full: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf, below: jax.tree.map(lambda _: leaf, below), prefix, full)


try:
    from jax.extend.core import jaxprs_in_params
except ImportError:  # before 0.10
    from jax._src.core import jaxprs_in_params
