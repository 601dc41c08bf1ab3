"""How many chunks a second a Dask cluster of this machine takes, against how long one lasts.

A chunk waits for so long, in shares of its runs, and computes next to nothing: what remains is the
work of the scheduler, the client and the store. From the rate of the shortest chunks, and the files
that a sweep of descents leaves, follows what a sweep of 10⁹ runs would take.
"""

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent.sweeps import cluster
from jdescent.sweeps.chunks import CHUNK_LANES
from jdescent.sweeps.store import Store

WORKERS = 2
SECONDS = (0.0, 0.01, 0.1, 1.0, 5.0)  # that `RUNS` runs wait
MANY = 10**9  # runs
RUNS = 4096  # of a chunk, at least


def wait(seconds: float, x: np.ndarray) -> np.ndarray:
    time.sleep(seconds * x.size / RUNS)  # of a block of runs, however many there are in a chunk
    return np.asarray(x)


def sweep(folder: Path, chunks: int, seconds: float, client) -> None:
    """A sweep of so many chunks, each of which waits."""

    def run(a, b):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(partial(wait, seconds), shape, a + b, vmap_method="broadcast_all")

    cluster.PARTS = -(-chunks // WORKERS)
    path = folder / f"{seconds}.zarr"
    axes = {"a": np.arange(float(chunks)), "b": np.arange(float(RUNS))}
    jd.sweep(run, axes, store=path, version="1", cluster=client, progress=False)


def main(quick: bool) -> None:
    from distributed import Client, LocalCluster

    print(f"## Chunks a second on {WORKERS} workers of this machine\n")
    fastest = 0.0
    print("| a chunk lasts / s | chunks | chunks/s | at best | share |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(WORKERS, threads_per_worker=2, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        for seconds in SECONDS[: 2 if quick else None]:
            fewest = 12 if seconds > 1 else 40
            chunks = 20 if quick else max(fewest, min(400, int(20 / max(seconds, 1e-3))))
            rate, row = measured(Path(folder), chunks, seconds, client)
            fastest = max(fastest, rate)
            print(row, flush=True)
        print(f"\n{on_paper(*files_of_a_sweep(Path(folder)), fastest)}")
    print()


def files_of_a_sweep(folder: Path) -> tuple[int, int, int]:
    """Of a stored sweep of descents: files beside the chunks, those of a chunk, runs of a chunk."""
    loss, start = jd.losses.bowl((2.0, 4.0)), jnp.ones(2)

    def files(chunks: int) -> tuple[int, int]:
        path = folder / f"descents {chunks}.zarr"
        runs = chunks * CHUNK_LANES["cpu"]
        jd.sweep(
            lambda rate: jd.descend(loss, start, jd.adam(rate), 10, record=None),
            rate=np.linspace(0.1, 0.2, runs, dtype=np.float32),
            store=path,
            progress=False,
        )
        found = Store(path)
        return sum(file.is_file() for file in path.rglob("*")), found.finished.size

    (few, of_few), (many, of_many) = files(2), files(6)
    each = (many - few) // (of_many - of_few)
    return few - each * of_few, each, 6 * CHUNK_LANES["cpu"] // of_many


def on_paper(beside: int, each: int, runs: int, rate: float) -> str:
    """What a sweep of `MANY` runs would leave and take, in a sentence.

    Example:
        >>> on_paper(beside=10, each=5, runs=100_000, rate=20.0)
        '10⁹ runs, on paper: 10,000 chunks of 100,000 runs, 50,010 files, 500 s of the scheduler.'
    """
    chunks = -(-MANY // runs)
    return (
        f"10⁹ runs, on paper: {chunks:,} chunks of {runs:,} runs, {beside + each * chunks:,} "
        f"files, {chunks / rate:,.0f} s of the scheduler."
    )


def measured(folder: Path, chunks: int, seconds: float, client) -> tuple[float, str]:
    """The rate, and a row, from the times at which workers began and ended chunks."""
    from distributed import get_task_stream

    with get_task_stream(client) as stream:
        sweep(folder, chunks, seconds, client)
    computed = sorted(
        (each["start"], each["stop"])
        for task in stream.data
        if str(task["key"]).startswith("compute_chunk")
        for each in task["startstops"]
        if each["action"] == "compute"
    )
    later = computed[len(computed) // 4 :]  # each worker compiles before its first one
    took = later[-1][1] - later[0][0]
    rate, length = len(later) / took, statistics.median(stop - start for start, stop in later)
    best = WORKERS / length
    return rate, f"| {length:.2g} | {len(computed)} | {rate:.3g} | {best:.3g} | {rate / best:.0%} |"
