"""How XLA compiles what is tested: quickly, as how hard it works is not what is tested.

`XLA_FLAGS= make test` compiles as users do.
"""

import os

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


def fresh_environment() -> dict[str, str]:
    """For a process whose JAX has not started: it imports from the tests, has nothing of JAX's
    settings, and compiles as quickly as here."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    kept = {name: it for name, it in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    quick = " ".join(flag for flag in flags if flag in QUICK_FLAGS.split())
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, [kept.get("PYTHONPATH")])])
    return kept | {"XLA_FLAGS": quick, "PYTHONPATH": path}
