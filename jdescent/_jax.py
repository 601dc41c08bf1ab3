"""What is called otherwise in older versions of JAX, by the names of the newest.

The only module that asks what the installed JAX has; the newest comes first, so that a branch for
an older version is dropped when that version is.
"""

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
from jaxtyping import Array, PRNGKeyArray, PyTree

__all__ = [
    "NumberCheckFailed",
    "adapting",
    "at_top_level",
    "enable_x64",
    "explicit_meshes",
    "has_started",
    "jaxprs_in_params",
    "laid_like",
    "lowering_for_a_gpu",
    "normal_like",
    "setting",
    "shard_map",
    "small_loops_compile",
    "take_rows",
    "tree_broadcast",
    "triton_params",
    "type_of",
    "whole",
]

# Whether XLA can compile a loop as one function on a CPU also where it would use many threads for
# a part of it; before 0.8 that part brings down the process.
small_loops_compile = jax.__version_info__ >= (0, 8)

# Whether an array's type can say how it is sharded, and everything made from it follows.
explicit_meshes = (
    hasattr(jax, "set_mesh") and "out_sharding" in inspect.signature(jax.random.normal).parameters
)

try:
    from jax import enable_x64
except ImportError:  # before 0.8
    from jax.experimental import enable_x64  # type: ignore[attr-defined, no-redef]

try:
    from jax import shard_map
except ImportError:  # before 0.6.1

    def shard_map(  # type: ignore[no-redef]
        f: Callable, *, check_vma: bool = True, **specs: Any
    ) -> Callable:
        from jax.experimental.shard_map import shard_map as before

        return before(f, check_rep=check_vma, **specs)


try:
    from jax import typeof as type_of
except ImportError:  # before 0.6
    from jax.core import get_aval as type_of  # type: ignore[attr-defined, no-redef]

try:
    from jax.tree import broadcast as tree_broadcast
except ImportError:  # before 0.6.2

    def tree_broadcast(  # type: ignore[misc]
        prefix: PyTree, full: PyTree
    ) -> PyTree:
        return jax.tree.map(lambda leaf, below: jax.tree.map(lambda _: leaf, below), prefix, full)


# What a compiled program raises under jax.debug_nans or jax.debug_infs, of which jax.jit makes an
# error of Python's.
try:
    from jax._src.api_util import InternalFloatingPointError as NumberCheckFailed
except ImportError:  # before 0.6
    NumberCheckFailed = FloatingPointError  # type: ignore[assignment, misc]

try:
    from jax.extend.core import jaxprs_in_params
except ImportError:  # before 0.10
    from jax._src.core import jaxprs_in_params


def at_top_level() -> bool:
    """Whether operations are computed at once: nothing is being traced or mapped."""
    from jax._src.core import trace_state_clean  # no public module tells

    return trace_state_clean()


def has_started() -> bool:
    """Whether JAX has looked for its devices, after which their number and XLA's flags stay."""
    from jax._src import xla_bridge  # no public module tells

    return xla_bridge.backends_are_initialized()


def setting(name: str, value: Any) -> AbstractContextManager[None]:
    """The setting of this thread within the context."""
    from jax._src import config  # in public modules, only some settings are contexts

    return config.config_states[name](value)


def adapting(number: Array) -> Array:
    """The number as one that takes the dtype of what it meets, as Python's numbers do."""
    from jax._src.lax import lax  # no public function makes a weak type

    return lax._convert_element_type(number, number.dtype, weak_type=True)


def normal_like(key: PRNGKeyArray | Array, array: Array) -> Array:
    """Standard normals of an array's shape, dtype and, on an explicit mesh, sharding."""
    where = {"out_sharding": jax.typeof(array).sharding} if explicit_meshes else {}
    return jax.random.normal(key, array.shape, array.dtype, **where)


def take_rows(array: Array, rows: Array) -> Array:
    """array[rows]; of an array on an explicit mesh whole along the rows, spread as it is elsewhere.

    Rows drawn at random lie on any of the devices that share the array's first axis.
    """
    sharding = jax.typeof(array).sharding if explicit_meshes else None
    if sharding is None or not any(sharding.spec):
        return array[rows]
    spec = jax.sharding.PartitionSpec(*[None] * rows.ndim, *sharding.spec[1:])
    return array.at[rows].get(out_sharding=sharding.update(spec=spec))


def whole(array: Array) -> Array:
    """The array whole on every device, where it is spread over those of an explicit mesh."""
    if not explicit_meshes or not any(jax.typeof(array).sharding.spec):
        return array
    return jax.sharding.reshard(array, jax.sharding.PartitionSpec())


def laid_like(array: Array, other: Array) -> Array:
    """The other array, of the same shape, spread as the first is on an explicit mesh."""
    if not explicit_meshes or not any(jax.typeof(array).sharding.spec):
        return other
    return jax.sharding.reshard(other, jax.typeof(array).sharding.spec)


def triton_params(**options: Any) -> Any:
    """How Pallas is to compile a kernel by way of Triton.

    Raises:
        RuntimeError: this JAX does not lower kernels to Triton: it is too old, or too new, as what
            0.9 to 0.12 can is deprecated.
    """
    try:
        if jax.__version_info__ < (0, 9):  # whose Pallas lacks slices and finite
            raise ImportError
        triton = importlib.import_module("jax.experimental.pallas.triton")
    except ImportError as error:
        raise RuntimeError(
            "kernel=True needs a JAX from 0.9 on that lowers kernels to Triton, as 0.12 does, but "
            f"JAX {jax.__version__} is installed: call sweep without kernel=True"
        ) from error
    return triton.CompilerParams(**options)


@contextmanager
def lowering_for_a_gpu() -> Iterator[None]:
    """Lets a kernel be lowered by way of Triton where there is no GPU, and without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The Pallas Triton backend is deprecated")
        if jax.__version_info__ < (0, 11) or jax.devices()[0].platform == "gpu":
            yield
            return
        device = jax.sharding.AbstractDevice("NVIDIA A100", None, "gpu")
        mesh = jax.sharding.AbstractMesh((), (), abstract_device=device)
        with jax.sharding.use_abstract_mesh(mesh):
            yield
