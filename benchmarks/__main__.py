"""Measure jdescent beside its peers and a floor, in one run; print Markdown tables."""

import argparse
import importlib
import importlib.metadata
import os
import platform
import sys

BENCHMARKS = {
    "ratios": "the one table of ratios to optax and goals; writes benchmarks/results/ratios.json",
    "sweep": "sweeps of learning rates against optax, NumPy, Python loops and a numba floor",
    "trainability": "networks over the plane of their learning rates, against a published pipeline",
    "memory": "how far memory grows beside the results of a sweep",
    "loop": "jit(vmap(descend)) against optax's update in a scan written by hand",
    "first_calls": "what scalarizing costs against jit(vmap): compiling, and warm calls",
    "kernel": "on a GPU: loops as kernels against vmap(scan) and sweeps without kernels",
    "scaling": "throughput against lanes, steps, dimensions, devices; writes benchmarks/results/",
    "cluster": "chunks a second of a Dask cluster on this machine, against how long a chunk lasts",
    "update": "one update of 25 M parameters against optax",
    "startup": "what importing jdescent adds to importing jax",
    "playground": "in a browser: from a click to the screen, and a run that animates",
    "playground_server": "without a browser: updates a second, sessions at once, bytes an update",
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join(f"{name:<18}{meaning}" for name, meaning in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="ratios alone by default")
    parser.add_argument("--quick", action="store_true", help="small sizes, for trying out")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(unknown)}: see --help")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    print(f"{versions}; {os.cpu_count()} cores, {platform.machine()}\n")
    for name in options.names or ["ratios"]:
        importlib.import_module(f"benchmarks.{name}").main(quick=options.quick)


LIBRARIES = ("jdescent", "jax", "optax", "numpy", "numba")

if __name__ == "__main__":
    main(sys.argv[1:])
