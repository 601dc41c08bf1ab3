"""Which devices a sweep runs on, and how many lanes run side by side on one."""

import os

import jax

from jdescent._jax import small_loops_compile
from jdescent.core.checks import positive_integer

# XLA compiles a loop whose turn touches fewer bytes than this as one function, whose values then
# stay in the first-level cache; its own default is 1024. An option unknown to XLA is ignored.
SMALL_LOOP_BYTES = 1_000_000
_SMALL_LOOPS = (
    f"--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold={SMALL_LOOP_BYTES}"
)

CACHED_BYTES = 16 * 1024  # of what a loop carries, to be left in a first-level cache
UNSPLIT_BYTES = 128 * 1024  # of the largest array of a turn that is not split, all lanes of a block


def use_all_cores(devices: int | None = None) -> None:
    """Let sweeps use every core of this machine; call it right after the imports.

    JAX sees a CPU as one device unless it is told otherwise before it starts. This makes as many
    devices as there are cores and, from JAX 0.8 on, lets XLA compile small loops as a whole, which
    makes sweeps of small problems several times faster. On GPU and TPU, where every device is seen
    anyway, it does no harm.

    Args:
        devices: how many CPU devices to make; by default one for each core this process may use,
            but at least two, as XLA may round differently for one device.

    Raises:
        RuntimeError: JAX has already started: an array was made, or a device asked for.
        ValueError: fewer than one device.

    Example:
        >>> import jdescent as jd
        >>> jd.use_all_cores(2)
        >>> len(jax.devices())
        2
    """
    count = positive_integer("devices", devices if devices is not None else max(2, _cores()))
    flags = os.environ.get("XLA_FLAGS", "")
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:
        if _loops_are_set_up() and len(jax.local_devices(backend="cpu")) == count:
            return
        there = len(jax.local_devices(backend="cpu"))
        raise RuntimeError(
            f"JAX has already started, with {there} CPU device(s): call jd.use_all_cores() before "
            "the first array is made, right after the imports, or set the environment variables "
            f"JAX_NUM_CPU_DEVICES={count} and XLA_FLAGS={_SMALL_LOOPS} before Python starts"
        ) from error
    if not _loops_are_set_up():
        os.environ["XLA_FLAGS"] = f"{flags} {_SMALL_LOOPS}".strip()


def loops_stay_in_cache() -> bool:
    """Whether XLA was told to compile small loops as a whole."""
    return "xla_cpu_small_while_loop_byte_threshold" in os.environ.get("XLA_FLAGS", "")


def _loops_are_set_up() -> bool:
    return loops_stay_in_cache() or not small_loops_compile


def compilation() -> str:
    """What may change the last bits of a sweep on CPU, besides versions."""
    if jax.default_backend() != "cpu":
        return jax.default_backend()
    count = "several devices" if len(jax.local_devices()) > 1 else "one device"
    return f"for {count}, {'after' if loops_stay_in_cache() else 'without'} use_all_cores"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
