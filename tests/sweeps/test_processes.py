"""Several processes make one sweep: the bits of one process, and a clear end when one dies."""

import contextlib
import hashlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import fresh_environment

import jdescent as jd
from jdescent.sweeps import chunks, processes
from jdescent.sweeps.encoding import Variable
from jdescent.sweeps.processes import Peers
from jdescent.sweeps.store import Store, open_sweep

BOUND = 20.0  # seconds from a death to the end of the others, on a busy machine
PATIENCE = 3.0  # seconds without a sign of life, in place of 60


def descents(store=None):
    """6000 descents, some of which diverge."""
    loss, start = jd.losses.rosenbrock(), jnp.array([-0.5, 1.0])
    return jd.sweep(
        lambda learning_rate, momentum: jd.descend(
            loss, start, jd.heavy_ball(learning_rate, momentum), 200, every=10
        ),
        learning_rate=np.geomspace(1e-4, 1e-1, 120),
        momentum=np.linspace(0.0, 0.96, 50),
        store=store,
    )


def turns(count, store=None):
    """24 lanes that turn round a loop so often: ten million times take a quarter of a second."""
    return jd.sweep(
        lambda x, y: jax.lax.fori_loop(0, count, lambda _, z: jnp.cos(x * z + y), 1.0),
        x=np.linspace(0.1, 0.4, 6),
        y=np.linspace(0.1, 0.4, 4),
        store=store,
    )


def in_chunks_of(lanes):
    chunks.CHUNK_LANES["cpu"] = lanes


def bits_of(grid):
    """Each variable's digest."""
    return {name: hashlib.sha256(grid[name].values.tobytes()).hexdigest() for name in grid}


def take_part(index, port, sweep, lanes, jax_watches, patience):
    """What each process runs; what it prints is what the sweep gave, or its error."""
    if index == 0:
        jd.use_all_cores(2)
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=index)
    if index == 1:
        jd.use_all_cores(3)
    jax.devices()
    if not jax_watches:
        jax.distributed.shutdown()
    processes.SILENCE = patience
    in_chunks_of(lanes)
    try:
        said = bits_of(sweep())
    except Exception as error:
        # At once: JAX would wait for the dead before it lets a process end.
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    print(json.dumps(said))


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@pytest.fixture
def start_two():
    """Starts two real processes on this machine that JAX knows as one cluster."""
    started = []

    def start(sweep, lanes, jax_watches=True, patience=processes.SILENCE):
        rest = f"{free_port()}, lambda: {sweep}, {lanes}, {jax_watches}, {patience}"
        for index in range(2):
            code = f"from test_processes import *; take_part({index}, {rest})"
            started.append(
                subprocess.Popen(
                    [sys.executable, "-W", "error", "-c", code],
                    cwd=Path(__file__).parent,
                    env=fresh_environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return started

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition, started):
    """Wait until it holds, as long as these processes run."""
    while not condition():
        for process in started:
            assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def words_in(store):
    return store / "finished" / ".processes"


def test_two_processes_give_the_bits_of_one(start_two, tmp_path):
    store = tmp_path / "two.zarr"
    grid = descents()
    assert 500 < (grid.verdict == "diverged").sum() < 5500
    whole = bits_of(grid)
    for process in start_two(f"descents({str(store)!r})", lanes=1024):
        said, errors = process.communicate()
        assert process.returncode == 0, errors
        assert json.loads(said) == whole
    assert bits_of(open_sweep(store).drop_vars("finished")) == whole
    assert Store(store).finished.size >= 6
    lanes = [json.loads(word.read_text())["lanes"] for word in words_in(store).iterdir()]
    assert sorted(lanes) == [3000, 3000]


COUNT = 12_000_000


@pytest.fixture(scope="module")
def whole():
    """What the killed sweeps would have given, from chunks of their size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(chunks.CHUNK_LANES, "cpu", 2)
        return turns(COUNT)


def finished_lanes(store, whole):
    """How many lanes are finished, once it is sure that they are those of the whole sweep."""
    grid = open_sweep(store)
    there = grid.finished.values
    assert grid.result.values[there].tobytes() == whole.result.values[there].tobytes()
    return int(there.sum())


def kill(victim, survivor):
    """What the survivor still says on its outputs, which ends soon."""
    victim.kill()
    killed = time.monotonic()
    said = survivor.communicate()
    assert time.monotonic() - killed < BOUND
    return said


def has_finished_a_chunk(process, store):
    """Whether the process of this number says so."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((words_in(store) / f"{process}.json").read_text())["lanes"] > 0
    return False


def test_a_killed_process_is_missed_and_the_sweep_goes_on_later(start_two, tmp_path, whole):
    store = tmp_path / "killed.zarr"
    sweep = f"turns({COUNT}, {str(store)!r})"
    survivor, victim = started = start_two(sweep, lanes=2, patience=PATIENCE)
    wait_for(lambda: has_finished_a_chunk(1, store), started)
    said, _ = kill(victim, survivor)
    assert 0 < finished_lanes(store, whole) < 24
    finished = Store(store).finished.ravel()
    left = np.count_nonzero(~finished[1::2])
    assert said.startswith("TimeoutError: process 1 of 2 has given no sign of life for ")
    assert f"with {left} of the 6 chunks of its share unfinished" in said
    assert f"{np.count_nonzero(finished)} of 12 chunks are safe in {store}" in said
    assert "the same call, on any number of processes, goes on from them" in said
    assert bits_of(turns(COUNT, store)) == bits_of(whole)


def test_the_first_process_is_missed_in_the_midst_of_a_long_chunk(start_two, tmp_path):
    store = tmp_path / "long.zarr"
    sweep = f"turns({2**31 - 8}, {str(store)!r})"
    victim, survivor = started = start_two(sweep, lanes=12, jax_watches=False, patience=PATIENCE)
    wait_for(lambda: len(list(words_in(store).glob("*"))) == 2, started)
    time.sleep(3.0)  # for both to have read the other's word
    said, _ = kill(victim, survivor)
    assert said.startswith("TimeoutError: process 0 of 2 has given no sign of life for ")
    assert not Store(store).finished.any()


def test_jax_ends_all_when_process_0_dies_and_the_sweep_goes_on_later(start_two, tmp_path, whole):
    store = tmp_path / "coordinator.zarr"
    victim, survivor = started = start_two(f"turns({COUNT}, {str(store)!r})", lanes=2)
    wait_for(lambda: has_finished_a_chunk(1, store), started)
    _, errors = kill(victim, survivor)
    assert survivor.returncode == -signal.SIGABRT
    assert "the leader task was preempted/died" in errors
    assert 0 < finished_lanes(store, whole) < 24
    assert bits_of(turns(COUNT, store)) == bits_of(whole)


def store_of(path, lanes=5):
    return Store.create_or_resume(
        path,
        axes={"x": lanes},
        chunk=(1,),
        variables=[Variable("square", (), (), np.dtype("float64"))],
        coordinates={"x": np.arange(lanes)},
        identity={},
    )


def unfinished(store):
    return [place for place in np.ndindex(store.finished.shape) if not store.finished[place]]


def write(store, boxes):
    for (x,) in boxes:
        store.write((x,), {"square": np.array([float(x) ** 2])})


def each_at_once(actions):
    """What each action gives, or the error that ends it."""

    def attempt(action):
        try:
            return action()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(attempt, actions))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(processes, "SILENCE", 1.5)
    monkeypatch.setattr(processes, "ARRIVAL", 1.5)
    monkeypatch.setattr(processes, "BEAT", 0.05)


def test_shares_are_even_and_cover_what_is_unfinished(tmp_path):
    write(store_of(tmp_path / "s", 11), [(0,), (3,), (4,)])
    stores = [store_of(tmp_path / "s", 11) for _ in range(3)]
    shares, heard = {}, {}

    def take(index):
        def report(lanes, diverged):
            heard[index] = lanes, diverged

        with Peers(stores[index], index, 3, report) as peers:
            shares[index] = peers.share(unfinished(stores[index]))
            write(stores[index], shares[index])
            peers.say(len(shares[index]), index)
            peers.wait_until_finished()
        return stores[index].complete

    assert each_at_once([lambda i=i: take(i) for i in range(3)]) == [True] * 3
    assert sorted(map(len, shares.values())) == [2, 3, 3]
    assert sorted(itertools.chain(*shares.values())) == [(x,) for x in (1, 2, 5, 6, 7, 8, 9, 10)]
    assert heard[0] == (len(shares[1]) + len(shares[2]), 1 + 2)
    np.testing.assert_array_equal(open_sweep(tmp_path / "s").square, np.arange(11.0) ** 2)


def test_a_process_that_stops_tells_the_others_why(tmp_path):
    stores = [store_of(tmp_path / "s") for _ in range(2)]
    written = threading.Event()

    def works():
        with Peers(stores[0], 0, 2) as peers:
            write(stores[0], peers.share(unfinished(stores[0])))
            written.set()
            peers.wait_until_finished()

    def fails():
        with Peers(stores[1], 1, 2) as peers:
            peers.share(unfinished(stores[1]))
            written.wait()
            raise OSError(28, "no room here")

    told, _ = each_at_once([works, fails])
    assert isinstance(told, RuntimeError)
    assert "process 1 stopped: OSError: [Errno 28] no room here; 3 of 5 chunks" in str(told)


def test_a_process_falls_silent_without_a_word(tmp_path, impatient):
    stores = [store_of(tmp_path / "s") for _ in range(2)]

    def works():
        with Peers(stores[0], 0, 2) as peers:
            write(stores[0], peers.share(unfinished(stores[0])))
            peers.wait_until_finished()

    def leaves():
        with Peers(stores[1], 1, 2) as peers:
            write(stores[1], peers.share(unfinished(stores[1]))[:1])

    told, _ = each_at_once([works, leaves])
    assert isinstance(told, TimeoutError)
    assert "process 1 of 2 has given no sign of life for" in str(told)
    assert "with 1 of the 2 chunks of its share unfinished" in str(told)
    assert "4 of 5 chunks are safe" in str(told)


def test_words_of_an_earlier_run_are_no_sign_of_life(tmp_path, impatient):
    stores = [store_of(tmp_path / "s") for _ in range(2)]

    def meet(index):
        with Peers(stores[index], index, 2) as peers:
            return peers.share(unfinished(stores[index]))

    assert [len(share) for share in each_at_once([lambda: meet(0), lambda: meet(1)])] == [3, 2]
    with pytest.raises(TimeoutError, match=r"process 1 of 2 did not come to .* within 1\.5 s"):
        meet(0)


def test_a_folder_that_is_not_shared_is_noticed_before_anything_is_computed(tmp_path, impatient):
    stores = [store_of(tmp_path / f"host {index}" / "s") for index in range(3)]

    def meet(index):
        with Peers(stores[index], index, 3) as peers:
            peers.share(unfinished(stores[index]))

    for error in each_at_once([lambda i=i: meet(i) for i in range(3)]):
        assert isinstance(error, TimeoutError)
        assert "and nothing was computed: start all of them with the same store=" in str(error)


def test_processes_that_see_different_stores_are_refused(tmp_path):
    early = store_of(tmp_path / "s")
    write(store_of(tmp_path / "s"), [(2,)])
    stores = [early, store_of(tmp_path / "s")]

    def meet(index):
        with Peers(stores[index], index, 2) as peers:
            peers.share(unfinished(stores[index]))

    for error in each_at_once([lambda: meet(0), lambda: meet(1)]):
        assert isinstance(error, RuntimeError)
        assert "unfinished" in str(error) or "stopped" in str(error)


def test_a_sweep_of_several_processes_needs_a_store(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    with pytest.raises(ValueError, match=r"one of 4 processes, .* give store=, a folder that all"):
        descents()
