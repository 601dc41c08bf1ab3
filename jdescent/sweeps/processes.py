"""One sweep made by several processes, each on its own devices, in one store.

On a cluster, every process runs the same script, which begins with three lines::

    jd.use_all_cores()                              # on CPUs
    jax.distributed.initialize()                    # finds the others: Slurm, TPU pods, Open MPI
    grid = jd.sweep(run, store="/shared/name.zarr", learning_rate=rates)

The first two come before the first array, in either order. Start it with ``srun python script.py``
on Slurm, with ``gcloud compute tpus tpu-vm ssh … --worker=all --command="python script.py"`` on a
TPU pod; elsewhere, tell `jax.distributed.initialize` the address of process 0, the number of
processes and which one this is. The store lies in a folder that all hosts see. Each process
computes its share of the chunks that are unfinished when the sweep begins, then waits for the
others, and all return the same Dataset. Its lanes have the bits that one process would give them,
on CPU and for small problems; but one device and several round differently, which `use_all_cores`
avoids by making at least two.

The processes speak to each other through small files in the store, never through JAX. One that is
killed is missed after `SILENCE` seconds; the others then stop with an error, and the same script,
on any number of processes, goes on from what is finished.

JAX itself ends all processes 100 s after one of them died (``heartbeat_timeout_seconds`` of
`jax.distributed.initialize`), until when a process that stops with our error does not exit; and at
once when process 0 died, with a message of its own: "the leader task was preempted/died". The store
is safe all the same. Where the sweep is the only thing that the processes do together, let JAX
forget about the others once they have met, and the error of the sweep is then what comes, whichever
process died::

    jax.distributed.initialize()
    jax.devices()                                   # lets each process count the others
    jax.distributed.shutdown()
"""

import contextlib
import json
import math
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jdescent.sweeps.chunks import Place
from jdescent.sweeps.layout import MARKER
from jdescent.sweeps.memory import Memory
from jdescent.sweeps.store import Store

SILENCE = 60.0  # seconds; shorter than JAX's own patience, so that our error comes first
ARRIVAL = 300.0  # seconds from the first process at the sweep to the last
BEAT = 1.0  # seconds between two signs of life
POLL = 0.1  # seconds between two looks for what others do

Report = Callable[[int, int], None]


class Word(NamedTuple):
    """What a process says of itself, again and again."""

    time: int  # in ns, so that no word is like one of an earlier run
    unfinished: int  # checksum of what was finished when it opened the store
    lanes: int = 0
    diverged: int = 0
    done: bool = False
    stopped: str = ""


class Peers:
    """The processes that make a sweep together: their shares, and whether they are alive.

    Alone, a process has all boxes for its share, waits for nobody and writes nothing.

    Args:
        sink: where the sweep goes; for several processes, a store that all of them have opened.
        index: which process this is, from 0.
        count: how many there are.
        report: is told how many lanes the others have done, and how many of those diverged.

    Example:
        >>> with Peers(Memory({"x": 3}, (1,), [], {}), index=0, count=1) as peers:
        ...     print(peers.share([(0,), (2,)]))
        [(0,), (2,)]
    """

    def __init__(
        self, sink: Store | Memory, index: int, count: int, report: Report = lambda *_: None
    ) -> None:
        self._sink, self._index, self._count, self._report = sink, index, count, report
        self._others = [other for other in range(count) if other != index]
        self._word = Word(0, zlib.crc32(sink.finished.tobytes()))
        self._words: dict[int, Word | None] = {}
        self._heard: dict[int, float] = {}  # when, by this process's clock
        self._listened = 0.0
        self._shares: list[list[Place]] = []
        self._saying = threading.Lock()
        self._left = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    @property
    def _store(self) -> Store:
        assert isinstance(self._sink, Store)
        return self._sink

    def __enter__(self) -> "Peers":
        if self._others:
            self._file(self._index).parent.mkdir(exist_ok=True)
            # Before the first word of this process: who answers it is then not of an earlier run.
            self._words = {other: self._read(other) for other in self._others}
            self._beating.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._others:
            self._left.set()
            self._beating.join()
            if error is not None:
                self._say(stopped=f"{type(error).__name__}: {error}".splitlines()[0])

    def share(self, unfinished: Sequence[Place]) -> list[Place]:
        """Those of the unfinished boxes that this process computes, once all processes are there.

        Raises:
            TimeoutError: not all came.
            RuntimeError: they do not agree on what is unfinished.
        """
        self._shares = [list(unfinished[start :: self._count]) for start in range(self._count)]
        arrived = time.monotonic()
        while missing := [other for other in self._others if other not in self._heard]:
            if time.monotonic() - arrived > ARRIVAL:
                raise TimeoutError(
                    f"{_processes(missing)} of {self._count} did not come to {self._store.path} "
                    f"within {ARRIVAL:g} s, and nothing was computed: start all of them with the "
                    "same store=, in a folder that every host sees"
                )
            time.sleep(POLL)
            self._listen()
        for other, word in self._words.items():
            if word is not None and word.unfinished != self._word.unfinished:
                raise RuntimeError(
                    f"process {other} finds other boxes unfinished in {self._store.path} than "
                    f"process {self._index}: end whatever else writes there, wait a minute if the "
                    "folder is on a network, and start all processes again"
                )
        return self._shares[self._index]

    def say(self, lanes: int, diverged: int) -> None:
        """Tell the others how many lanes this process has done, and how many diverged."""
        if self._others:
            self._say(lanes=lanes, diverged=diverged)

    def meanwhile(self, action: Callable[[], Any]) -> Any:
        """What the action gives, which may take long, as long as no other process dies.

        Raises:
            TimeoutError: another process gave no sign of life.
            RuntimeError: another process stopped.
        """
        if not self._others:
            return action()
        result: Future = Future()

        def act():
            try:
                result.set_result(action())
            except BaseException as error:
                result.set_exception(error)

        threading.Thread(target=act, daemon=True).start()
        while not wait([result], timeout=BEAT).done:
            self._listen()
        if time.monotonic() - self._listened > BEAT:
            self._listen()
        return result.result()

    def wait_until_finished(self) -> None:
        """Wait for the shares of the others; this process's own is finished.

        Raises:
            TimeoutError: another process gave no sign of life, or what it wrote is not seen.
            RuntimeError: another process stopped.
        """
        if not self._others:
            return
        self._say(done=True)
        all_done = math.inf
        # The store is looked at when all is there: a network folder may remember what was not.
        while not (self._all_done() and self._store.look_again()):
            if self._all_done():
                all_done = min(all_done, time.monotonic())
            if time.monotonic() - all_done > SILENCE:
                raise TimeoutError(
                    f"all processes have finished, but process {self._index} sees only "
                    f"{self._store.progress()} of {self._store.path}: run the same again to look "
                    "anew"
                )
            time.sleep(POLL)
            self._listen()

    def _all_done(self) -> bool:
        return all(word is not None and word.done for word in self._words.values())

    def _listen(self) -> None:
        """Take note of who has said something new, and stop if one never will."""
        now = self._listened = time.monotonic()
        for other in self._others:
            word = self._read(other)
            if word is not None and word != self._words[other]:
                self._words[other], self._heard[other] = word, now
        for other, heard in self._heard.items():
            self._require_alive(other, now - heard)
        words = [word for other, word in self._words.items() if word and other in self._heard]
        self._report(sum(word.lanes for word in words), sum(word.diverged for word in words))

    def _require_alive(self, other: int, silence: float) -> None:
        word = self._words[other]
        assert word is not None
        if word.stopped:
            raise RuntimeError(f"process {other} stopped: {word.stopped}; {self._what_is_left()}")
        if silence > SILENCE and not word.done:
            self._store.look_again()
            share = self._shares[other]
            left = sum(not self._store.finished[place] for place in share)
            raise TimeoutError(
                f"process {other} of {self._count} has given no sign of life for {silence:.0f} s, "
                f"with {left} of the {len(share)} chunks of its share unfinished: it was killed, "
                f"or cannot write to the store; {self._what_is_left()}"
            )

    def _what_is_left(self) -> str:
        self._store.look_again()
        return (
            f"{self._store.progress()} are safe in {self._store.path}, and the same call, on any "
            "number of processes, goes on from them"
        )

    def _beat(self) -> None:
        self._say()
        while not self._left.wait(BEAT):
            self._say()

    def _say(self, **news: Any) -> None:
        with self._saying:
            self._word = self._word._replace(time=time.time_ns(), **news)
            # A full disk ends the sweep where results are written, with an error that says so.
            with contextlib.suppress(OSError):
                self._file(self._index).write_text(json.dumps(self._word._asdict()))

    def _read(self, other: int) -> Word | None:
        try:
            # Opened as if to write, since a network folder may remember that a file was not there.
            with self._file(other).open("a+") as file:
                file.seek(0)
                return Word(**json.loads(file.read()))
        except (OSError, ValueError, TypeError):
            return None  # nothing yet, or half of it

    def _file(self, index: int) -> Path:
        """In the folder of an array, where zarr does not look for more than the array."""
        return self._store.path / MARKER / ".processes" / f"{index}.json"


def require_shared(store: Any) -> None:
    """Refuse a sweep of several processes that have nothing to share its result through."""
    if store is None and jax.process_count() > 1:
        raise ValueError(
            f"this is one of {jax.process_count()} processes, which make a sweep together through "
            "its store: give store=, a folder that all of them see, such as /shared/name.zarr"
        )


def _processes(indices: Sequence[int]) -> str:
    return f"process{'es' if len(indices) > 1 else ''} " + ", ".join(map(str, indices))
