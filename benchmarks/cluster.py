"""How many chunks a second a Dask cluster of this machine takes, against how long one lasts.

A chunk waits for so long and computes next to nothing, so that what remains is the work of the
scheduler, the client and the store: two files a chunk.
"""

import math
import tempfile
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent.sweeps import cluster
from jdescent.sweeps.store import Store

WORKERS = 2
SECONDS = (0.0, 0.01, 0.1, 1.0)  # that a block of runs waits
RUNS = 4096  # of a chunk, at least


def wait(seconds: float, x: np.ndarray) -> np.ndarray:
    time.sleep(seconds)
    return np.asarray(x)


def sweep(folder: Path, chunks: int, seconds: float, client) -> Store:
    """The store of a sweep of so many chunks, each of which waits."""

    def run(a, b):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(partial(wait, seconds), shape, a + b, vmap_method="broadcast_all")

    cluster.PARTS = -(-chunks // WORKERS)
    path = folder / f"{seconds}.zarr"
    axes = {"a": np.arange(float(chunks)), "b": np.arange(float(RUNS))}
    jd.sweep(run, axes, store=path, version="1", cluster=client, progress=False)
    return Store(path)


def main(quick: bool) -> None:
    from distributed import Client, LocalCluster

    print(f"## Chunks a second on {WORKERS} workers of this machine\n")
    print("| waiting in a chunk / s | chunks | chunks/s | at best | share |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(WORKERS, threads_per_worker=2, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        for seconds in SECONDS[: 2 if quick else None]:
            chunks = 20 if quick else max(40, min(400, int(20 / max(seconds, 1e-3))))
            print(row_of(Path(folder), chunks, seconds, client))
    print()


def row_of(folder: Path, chunks: int, seconds: float, client) -> str:
    """From the times at which chunks were marked as finished: compiling comes before."""
    store = sweep(folder, chunks, seconds, client)
    marks = (store.path / "finished").glob("c/**/*")
    times = sorted(mark.stat().st_mtime for mark in marks if mark.is_file())
    spread = len(times) // 4  # each worker compiles before its first one
    rate = (len(times) - 1 - spread) / (times[-1] - times[spread])
    blocks = 2  # of a device, in turn
    best = WORKERS / (blocks * seconds) if seconds else math.inf
    share = f"{rate / best:.0%}" if seconds else ""
    return f"| {blocks * seconds:g} | {len(times)} | {rate:.3g} | {best:.3g} | {share} |"
