"""What importing jdescent adds to importing jax, each in a fresh interpreter."""

import subprocess
import sys

from benchmarks.timing import interleaved


def importing(module: str):
    return lambda: subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def main(quick: bool = False) -> None:
    turns = 2 if quick else 7
    timings = interleaved({name: importing(name) for name in ("jax", "jdescent", "optax")}, turns)
    print("### import, seconds\n\n| | median | more than jax |\n|---|---|---|")
    for name, timing in timings.items():
        print(f"| {name} | {timing.median:.2f} | {timing.median - timings['jax'].median:.2f} |")
    print()
