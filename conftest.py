"""Strictness for every test: annotated shapes are checked, ranks and dtypes never mix silently.

Everything runs on a machine of two devices, as sweeps spread over all there are.
"""

import gc
import importlib.util
import os

from annotations import checked
from compiling import QUICK_FLAGS, bound_what_is_shared, share_what_is_compiled

os.environ.setdefault("XLA_FLAGS", QUICK_FLAGS)
# Threads of OpenBLAS that wait for a busy core make a decomposition of a small matrix a hundred
# times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
with checked("jdescent"):
    import jdescent as jd
    from jdescent._jax import enable_x64, shard_map

import jax
import jaxtyping
import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("default")

if not hasattr(jax, "enable_x64"):
    jax.enable_x64 = enable_x64  # tests are written for the newest JAX
if not hasattr(jax, "shard_map"):
    jax.shard_map = shard_map

collect_ignore = []
if jax.__version_info__ < (0, 9):
    collect_ignore += ["jdescent/sweeps/kernel.py"]  # its example needs a kernel
if importlib.util.find_spec("cosmic_ray") is None:
    collect_ignore += ["tests/mutating"]  # of the extra dev

share_what_is_compiled()
jd.use_all_cores(2)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture
def x64():
    """Float64 for the length of one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def as_users_run():
    """Annotations unchecked, so that what a wrong argument meets is the library's own error."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


PROGRAMS_KEPT = 1000
programs_compiled = 0


def count_programs(event, *_, **__):
    global programs_compiled
    programs_compiled += event == "/jax/core/compile/backend_compile_duration"


jax.monitoring.register_event_duration_secs_listener(count_programs)


@pytest.fixture(autouse=True, scope="module")
def forget_what_was_compiled():
    """A thousand compiled programs take over a gigabyte, but what modules use in common would be
    compiled anew for each."""
    global programs_compiled
    yield
    if programs_compiled > PROGRAMS_KEPT:
        jax.clear_caches()
        programs_compiled = 0


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):  # of which xdist starts several
        bound_what_is_shared()


def pytest_collection_finish():
    """What was imported and collected stays to the end: no garbage collection need look at it, nor
    at the millions of objects of traced programs so often as Python does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
