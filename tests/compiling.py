"""How XLA compiles what is tested: quickly, as how hard it works is not what is tested, and once.

`XLA_FLAGS= make test` compiles as users do, `JAX_ENABLE_COMPILATION_CACHE=false make test` anew.
"""

import os
import shutil
from pathlib import Path

import jax

_KNOWN = (0, 6) <= jax.__version_info__ < (0, 11)  # XLA aborts over a flag that it does not know
_ROUNDING = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True} | (
    {"xla_cpu_use_fusion_emitters": False} if _KNOWN else {}
)
_QUICK = _ROUNDING | ({"xla_cpu_parallel_codegen_split_count": 1} if _KNOWN else {})

QUICK_FLAGS = " ".join(f"--{name}={str(value).lower()}" for name, value in _QUICK.items())

# Options of `jax.jit` for two programs that are to round alike.
AS_USERS_COMPILE = {
    name: 3 if name.endswith("level") else not value for name, value in _ROUNDING.items()
}

# Programs by what they compute and by the flags, versions and machine that they are compiled with.
_CACHE = Path(__file__).parents[1] / ".jax_cache"
_LARGEST = 2**30  # bytes
_CACHING = {
    "jax_compilation_cache_dir": str(_CACHE),
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def share_what_is_compiled() -> None:
    """With the other processes of these tests, and with the next tests; as the environment says
    where it says something."""
    for name, value in _CACHING.items():
        if name.upper() not in os.environ:
            os.environ[name.upper()] = str(value)
            jax.config.update(name, value)


def bound_what_is_shared() -> None:
    """Starts anew where programs that nobody has any more have gathered."""
    if _CACHE.is_dir() and sum(file.stat().st_size for file in os.scandir(_CACHE)) > _LARGEST:
        shutil.rmtree(_CACHE)


def fresh_environment() -> dict[str, str]:
    """For a process whose JAX has not started: it imports from the tests, has nothing of JAX's
    settings, and compiles as quickly as here."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    cached = {name.upper() for name in _CACHING} | {"JAX_ENABLE_COMPILATION_CACHE"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in cached or not name.startswith(("JAX_", "XLA_"))
    }
    quick = " ".join(flag for flag in flags if flag in QUICK_FLAGS.split())
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, [kept.get("PYTHONPATH")])])
    return kept | {"XLA_FLAGS": quick, "PYTHONPATH": path}
