"""A sweep on a Dask cluster: the bits of one process, whoever is killed, hangs or comes."""

import functools
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import fresh_environment

import jdescent as jd
from jdescent.sweeps.store import Store

distributed = pytest.importorskip("distributed")

from jdescent.sweeps import cluster as crews  # noqa: E402
from jdescent.sweeps.surroundings import Surroundings  # noqa: E402
from jdescent.sweeps.worker import Ask, plan_sweep  # noqa: E402

HERE = Path(__file__).parent
PATIENCE = 180.0  # seconds in which anything here happens, on a busy machine


@pytest.fixture(scope="module")
def client():
    """Of two workers in processes of their own, each with a nanny."""
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(processes=True, silence_logs=50, **options) as local,
        distributed.Client(local) as client,
    ):
        yield client


def start(folder, *command, **environment):
    """A process of Dask's command line, with the modules of this folder."""
    kept = fresh_environment()
    kept["PYTHONPATH"] = os.pathsep.join([str(HERE), kept["PYTHONPATH"], *sys.path])
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=kept | environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )


def start_worker(folder, address, *options, **environment):
    worker = ["-m", "dask", "worker", address, "--nthreads", "2", "--no-nanny", "--no-dashboard"]
    return start(folder, *worker, *options, **environment)


def wait_for(condition):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.02)


def bits_of(grid):
    """Each variable's dtype and digest."""
    digest = hashlib.sha256
    return {name: (grid[name].dtype, digest(grid[name].values.tobytes()).digest()) for name in grid}


def chunks_in(store):
    return sum(file.is_file() for file in store.glob("finished/c/**/*"))


@functools.cache
def loss_of_data(dtype):
    """A jitted loss over data that lies on a device."""
    data = jnp.asarray(np.linspace(-1.0, 1.0, 7), dtype)
    return jax.jit(lambda x: jnp.mean((jnp.tanh(data * x) - data**2) ** 2 + (data * x) ** 2))


def noisy_descents(dtype, **options):
    """12,000 descents from random starts, some of which diverge."""
    loss = loss_of_data(dtype)

    def run(key, learning_rate):
        start = jax.random.normal(key, dtype=dtype)
        return jd.descend(loss, start, jd.heavy_ball(learning_rate, 0.9), 60, every=20)

    rates = np.geomspace(0.01, 100.0, 60).astype(dtype)
    keys = jax.random.split(jax.random.key(3), 200)
    return jd.sweep(run, key=keys, learning_rate=rates, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_workers_give_the_bits_of_one_process(client, tmp_path, dtype):
    with jax.enable_x64(dtype == "float64"):
        alone = noisy_descents(dtype)
        grid = noisy_descents(dtype, store=tmp_path / "s.zarr", cluster=client)
    assert 0 < (grid.verdict == "diverged").sum() < 12_000
    assert grid.loss.dtype == dtype
    assert bits_of(grid) == bits_of(alone)
    assert [file.name for file in tmp_path.iterdir()] == ["s.zarr"]
    assert Store(tmp_path / "s.zarr").finished.size >= 3
    with jax.enable_x64(dtype == "float64"):  # and what they stored is what one process would
        assert bits_of(noisy_descents(dtype, store=tmp_path / "s.zarr")) == bits_of(alone)


def paused(folder, x):
    """x, after a while; what else happens is told by the files in a folder."""
    time.sleep(0.04)
    newcomer = "NEWCOMER" in os.environ
    if newcomer:
        (folder / "newcomer worked").touch()
    if (folder / "wait for a newcomer").exists():
        wait_for(lambda: (folder / "newcomer worked").exists())
    if (folder / "hang").exists():
        (folder / "hang").unlink()
        time.sleep(1000)
    return np.asarray(x)


def slow(folder, **options):
    """98,304 runs, in chunks that take a tenth of a second or more."""

    def run(x, y):
        z = jnp.cos(x * y) + jnp.exp(-y)
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        wait = functools.partial(paused, folder)
        return jax.pure_callback(wait, shape, z, vmap_method="broadcast_all")

    x, y = np.linspace(0.1, 0.4, 192), np.linspace(1.0, 2.0, 512)
    return jd.sweep(run, x=x, y=y, version="1", **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return bits_of(slow(tmp_path_factory.mktemp("alone")))


@pytest.fixture
def many_chunks(monkeypatch):
    monkeypatch.setattr(crews, "PARTS", 24)


@pytest.fixture
def once(request):
    """Do something in a thread as soon as so many chunks are finished."""
    threads = []

    def begin(chunks, store, action):
        def wait_and_act():
            wait_for(lambda: chunks_in(store) >= chunks)
            action()

        threads.append(threading.Thread(target=wait_and_act))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def test_a_killed_worker_is_replaced(client, tmp_path, whole, many_chunks, once):
    store = tmp_path / "s.zarr"
    pids = list(client.run(os.getpid).values())
    once(3, store, lambda: os.kill(pids[0], signal.SIGKILL))
    assert bits_of(slow(tmp_path, store=store, cluster=client)) == whole
    assert Store(store).finished.size == 24
    wait_for(lambda: len(client.run(os.getpid)) == 2)
    assert pids[0] not in client.run(os.getpid).values()


def test_a_hanging_worker_is_restarted_and_its_chunk_given_to_another(
    client, tmp_path, whole, many_chunks, once
):
    store = tmp_path / "s.zarr"
    once(3, store, (tmp_path / "hang").touch)
    with pytest.warns(RuntimeWarning, match=r"takes longer than \S+ s for the chunk x\[\d+:"):
        grid = slow(tmp_path, store=store, cluster=client, chunk_timeout=4.0)
    assert not (tmp_path / "hang").exists()
    assert bits_of(grid) == whole


def test_a_chunk_that_is_always_late_is_an_error(client, tmp_path, monkeypatch, many_chunks):
    monkeypatch.setattr(crews, "ATTEMPTS", 1)
    hanging = client.run(os.getpid)
    (tmp_path / "hang").touch()
    with pytest.raises(
        TimeoutError, match=r"the chunk x\[.* took longer than \S+ s on 1 workers, "
    ):
        slow(tmp_path, store=tmp_path / "s.zarr", cluster=client, chunk_timeout=4.0)
    for pid in hanging.values():  # of the other one too: which it is, only the error says
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(client.nthreads().keys() - hanging.keys()) == 2)


def test_a_worker_that_comes_midway_takes_work(client, tmp_path, whole, many_chunks, once):
    store = tmp_path / "s.zarr"
    (tmp_path / "wait for a newcomer").touch()
    worker = start_worker(tmp_path, client.scheduler.address, NEWCOMER="1")
    try:
        assert bits_of(slow(tmp_path, store=store, cluster=client)) == whole
    finally:
        worker.kill()
        worker.wait()
    assert (tmp_path / "newcomer worked").exists()


def test_an_error_of_the_run_comes_as_itself_and_names_the_chunk(client, tmp_path):
    def inverse(x):
        return 1 / (x - 3.0)

    with jax.debug_infs(True), pytest.raises(FloatingPointError, match="gives") as caught:
        jd.sweep(inverse, x=jnp.arange(9.0), store=tmp_path / "s.zarr", cluster=client)
    (note,) = caught.value.__notes__
    assert note.startswith("in the chunk x[0:9], at tcp://")
    assert f"0 of 1 chunks are safe in {tmp_path / 's.zarr'}" in note


@pytest.fixture
def interruptible():
    """Ctrl+C as Python has it, whatever loops of events in this process have made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_says_how_to_go_on(client, tmp_path, whole, many_chunks, once):
    store = tmp_path / "s.zarr"
    once(3, store, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(
        KeyboardInterrupt, match=r"cancelled\. \d+ of 24 chunks are safe in .* goes"
    ):
        slow(tmp_path, store=store, cluster=client)
    wait_for(lambda: not any(client.processing().values()))
    assert 3 <= chunks_in(store) < 24
    assert bits_of(slow(tmp_path, store=store)) == whole


CLIENT = """
import sys, pathlib, distributed, jdescent as jd
jd.use_all_cores(2)
import test_cluster
folder = pathlib.Path(sys.argv[1])
test_cluster.crews.PARTS = 24
test_cluster.slow(folder, store=folder / "s.zarr", cluster=distributed.Client(sys.argv[2]))
"""


def test_a_client_that_died_is_gone_on_for(client, tmp_path, whole):
    store = tmp_path / "s.zarr"
    died = start(tmp_path, "-c", CLIENT, tmp_path, client.scheduler.address)
    wait_for(lambda: chunks_in(store) >= 3)
    died.kill()
    died.wait()
    wait_for(lambda: not any(client.processing().values()))
    before = {file: file.stat().st_mtime_ns for file in store.glob("**/c/**/*") if file.is_file()}
    assert 3 <= chunks_in(store) < 24
    assert bits_of(slow(tmp_path, store=store, cluster=client)) == whole
    assert chunks_in(store) == 24
    assert before == {file: file.stat().st_mtime_ns for file in before}


OTHER_NUMPY = """
import importlib.metadata as known
known.version = lambda name: "1.26.0" if name == "numpy" else known.distribution(name).version
"""


@pytest.fixture
def scheduler(tmp_path):
    """The process of a scheduler, and the address that it gave itself."""
    file = tmp_path / "scheduler.json"
    process = start(
        tmp_path,
        "-m",
        "dask",
        "scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        file,
    )
    wait_for(file.exists)
    yield process, distributed.Client(scheduler_file=str(file), timeout=PATIENCE)
    process.kill()
    process.wait()


def test_other_versions_are_refused_and_a_lost_scheduler_is_an_error(
    scheduler, tmp_path, whole, many_chunks, once
):
    process, client = scheduler
    store = tmp_path / "s.zarr"
    address = client.scheduler.address
    (tmp_path / "old.py").write_text(OTHER_NUMPY)
    old = start_worker(tmp_path, address, "--name", "old", "--preload", tmp_path / "old.py")
    with pytest.raises(
        ValueError, match=r"the worker old at tcp.*\n  numpy: .* client, 1\.26\.0 on"
    ):
        slow(tmp_path, store=store, cluster=client)
    old.kill()
    old.wait()
    worker = start_worker(tmp_path, address)
    once(3, store, process.kill)
    with pytest.raises(ConnectionError, match=rf"{address} was lost.* of 24 chunks are safe in "):
        slow(tmp_path, store=store, cluster=client)
    client.close()
    worker.kill()
    worker.wait()
    assert 3 <= chunks_in(store) < 24
    assert bits_of(slow(tmp_path, store=store)) == whole


def test_a_worker_that_sees_other_files_says_so(client, tmp_path):
    ask = Ask(str(tmp_path / "job"), "0", Surroundings.of_this_process(), "topic")
    with pytest.raises(
        FileNotFoundError, match=r"the worker \d+ at .* does not see .* No such file"
    ):
        client.submit(plan_sweep, ask, 2**20, 1).result()
    (tmp_path / "job").write_bytes(b"other")
    with pytest.raises(
        FileNotFoundError, match=r"another file is there\. Give store= a folder that"
    ):
        client.submit(plan_sweep, ask, 2**20, 2).result()


def squares(**options):
    return jd.sweep(lambda x: x**2, x=jnp.arange(3.0), **options)


def test_what_is_no_cluster_or_lacks_a_store_is_refused(client, tmp_path, as_users_run):
    store = tmp_path / "s.zarr"
    with pytest.raises(TypeError, match=r"cluster must be a distributed\.Client, got LocalCluster"):
        squares(store=store, cluster=client.cluster)
    with pytest.raises(ValueError, match=r"give store=, a folder that the client and all workers"):
        squares(cluster=client)
    with pytest.raises(TypeError, match=r"chunk_timeout must be seconds or None, got '1 min'"):
        squares(store=store, cluster=client, chunk_timeout="1 min")
    with pytest.raises(ValueError, match=r"chunk_timeout must be > 0 seconds, got 0"):
        squares(store=store, cluster=client, chunk_timeout=0)
    with pytest.raises(ValueError, match=r"chunk_timeout is for workers: give cluster="):
        squares(store=store, chunk_timeout=1.0)
    assert not store.exists()


def test_dask_that_is_missing_is_named(client, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "distributed" else find(name)
    )
    with pytest.raises(
        ModuleNotFoundError, match=r"distributed: pip install 'jdescent\[cluster\]'"
    ):
        squares(cluster=client)


def test_several_processes_of_jax_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    with pytest.raises(ValueError, match=r"one of 4 processes of jax\.distributed, .* cluster="):
        squares()


IMPORT = """
import sys, jdescent
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"distributed", "dask", "tornado"}, loaded
"""


def test_importing_jdescent_imports_nothing_of_dask():
    subprocess.run([sys.executable, "-c", IMPORT], check=True, env=fresh_environment())


def test_choices_and_more_of_them_are_computed_by_workers(client, tmp_path):
    functions = {"sin": jnp.sin, "cos": jnp.cos}
    axes = {
        "x": np.arange(12.0),
        "f": functions,
        "k": jd.static([1, 2]),
        "s": jd.paired(y=[1.0, 2.0]),
    }

    def run(x, f, k, y):
        return {"value": k * f(x) + y, "row": jnp.ones(3) * x}

    def swept(**options):
        return jd.sweep(run, axes, **options)

    def on_cluster():
        return swept(store=tmp_path / "name.zarr", cluster=client).load()

    assert on_cluster().equals(swept())
    functions["tan"] = jnp.tan
    axes["x"] = np.arange(-1.0, 12.0)
    assert on_cluster().equals(swept())
    with pytest.raises(ValueError, match=r"part= is for a sweep on this machine"):
        swept(store=tmp_path / "name.zarr", cluster=client, part=0.5)
