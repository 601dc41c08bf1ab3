"""Run every benchmark and print its table: ``python -m benchmarks [sweep|update|startup]``."""

import platform
import sys

import jax

from benchmarks import startup, sweep, update

BENCHMARKS = {"sweep": sweep.main, "update": update.main, "startup": startup.main}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(chosen) - set(BENCHMARKS):
        sys.exit(
            f"no benchmark is called {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}"
        )
    device = jax.devices()[0]
    print(f"jax {jax.__version__}, {device.device_kind}, {platform.machine()}\n")
    for name in chosen:
        BENCHMARKS[name]()
