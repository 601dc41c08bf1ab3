"""One sweep made by the workers of a Dask cluster, in a store that all of them see.

Where a `distributed.Client` comes from is the cluster's affair: ``Client()`` starts workers on this
machine, ``Client("tcp://host:8786")`` finds those of ``dask scheduler`` and ``dask worker``, and
Dask's own packages ask Slurm, PBS or Kubernetes for them::

    from dask_jobqueue import SLURMCluster
    slurm = SLURMCluster(cores=32, processes=1, memory="64GB", walltime="04:00:00")
    slurm.adapt(maximum_jobs=100)
    grid = jd.sweep(run, learning_rate=rates, store="/shared/runs/adam.zarr", cluster=Client(slurm))

The client traces the function and makes the store. Each chunk is then a task: a worker traces the
function that it was sent, compares all that makes two programs the same, computes the chunk on all
its devices together, and writes it to the store. Only counts travel back. So

- workers may come and go; one that dies has its chunks given to others, up to
  ``distributed.scheduler.allowed-failures`` times (3);
- one that takes longer than `chunk_timeout` for a chunk is restarted by its nanny (one without is
  retired); who is silent altogether is missed by the scheduler after
  ``distributed.scheduler.worker-ttl`` (5 minutes);
- a slow worker that was given up and its replacement write the same bits, each file in one step;
- when client or scheduler die, what is finished is safe, and the same call goes on from it;
- an error of the run comes as itself, with a note of the chunk, and is not tried again.

**Workers.** JAX's settings travel, and where JAX has not started in a worker yet, XLA's flags and
whether a CPU is several devices: it makes as many as it has threads (``--nthreads``), two at least.
Two threads suffice elsewhere: one computes while the other writes. Of a machine with several GPUs,
give each worker its own: ``CUDA_VISIBLE_DEVICES=0 dask worker …``, or ``dask cuda worker`` of
dask-cuda; one worker that sees several uses all. All workers must have devices of one kind, which
need not be the client's.

**Scale.** A chunk takes one file for each variable and one for its mark. A chunk has at most 65,536
runs per device of a CPU and 1,048,576 on others; so 10⁹ runs with 6 variables make 15,259 × 7 =
107,000 files on workers of one CPU device, 13,400 on 8, and 6,700 on a GPU: less than file systems
mind. Shards, which put several chunks into one file, would need several workers to write one file.
"""

import contextlib
import hashlib
import math
import os
import queue
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np
from distributed import Client, Future, KilledWorker
from distributed.comm import CommClosedError

from jdescent.sweeps.jobs import Job
from jdescent.sweeps.layout import is_free
from jdescent.sweeps.running import Progress
from jdescent.sweeps.store import Store
from jdescent.sweeps.surroundings import Surroundings, on_devices
from jdescent.sweeps.worker import (
    Ask,
    Plan,
    Target,
    compute_chunk,
    label_of,
    place_of,
    plan_sweep,
)

if TYPE_CHECKING:
    import xarray

POLL = 0.2  # seconds between two looks at what is late
REFRESH = 1.0  # seconds between two looks at which workers there are
LATE = 10.0  # times as long as the longest part that was ever finished
LATE_AT_LEAST = 60.0  # seconds
ATTEMPTS = 3  # workers that may be late with one chunk
SEEN_WITHIN = 60.0  # seconds until a file that another machine wrote is seen here
PARTS = 4  # chunks for each worker at least, so that the last ones are shared out evenly
RESTART = 20.0  # seconds


class Crew:
    """The workers of a client, at one sweep.

    Args:
        client: of Dask.
        chunk_timeout: seconds; None derives it from what was finished.
    """

    def __init__(self, client: Client, chunk_timeout: float | None) -> None:
        self._client, self._timeout = client, chunk_timeout

    def sweep(
        self,
        job: Job,
        folder: Path,
        stored: Callable[..., Store],
        bound: float,
        progress: bool | None,
    ) -> "xarray.Dataset":
        """Compute what is unfinished of the store.

        Args:
            job: the sweep.
            folder: where the store is, or will be.
            stored: makes or resumes it, with its chunk and identity.
            bound: bytes on each worker.
            progress: whether a bar is shown.
        """
        with _shipped(job, folder) as (file, digest):
            topic = f"jdescent-{uuid.uuid4().hex}"
            ask = Ask(file, digest, Surroundings.of_this_process(), topic)
            with _Tasks(self._client, ask, self._timeout) as tasks:
                plan = self._plan(tasks, ask, bound, new=is_free(folder))
                shape = tuple(axis.size for axis in job.axes)
                identity = on_devices(job.identity, plan.devices)
                store = stored(chunk=plan.chunk or shape, identity=identity)
                with Progress(shape, store, progress) as shown:
                    self._compute(tasks, ask, store, plan, shown)
        return store.dataset()

    def _plan(self, tasks: "_Tasks", ask: Ask, bound: float, new: bool) -> Plan:
        parts = PARTS * max(1, len(self._client.nthreads())) if new else None
        ((_, plan),) = tasks.results(plan_sweep, [("plan", (ask, bound, parts))])
        return plan

    def _compute(
        self, tasks: "_Tasks", ask: Ask, store: Store, plan: Plan, progress: Progress
    ) -> None:
        target = Target(str(store.path), store.token, plan.devices)
        tasks.tell_of(store)
        places = map(tuple, np.argwhere(~store.finished).tolist())
        calls = ((label_of(place), (ask, target, place)) for place in places)
        for _, report in tasks.results(compute_chunk, calls):
            progress.add(report.counted)
        _wait_until_seen(store)


class _Tasks:
    """Tasks of one sweep: some for each worker at a time, the next as one is finished.

    Args:
        client: of Dask.
        ask: what every task is sent.
        timeout: seconds from a worker's last sign of a chunk until it is given up; None derives it.
    """

    def __init__(self, client: Client, ask: Ask, timeout: float | None) -> None:
        self._client, self._ask, self._timeout = client, ask, timeout
        self._under_way: dict[Future, str] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._began: dict[str, tuple[str, float]] = {}  # the worker, and when it last said so
        self._late: Counter[str] = Counter()
        self._longest = 0.0
        self._looked, self._room = -math.inf, 1
        self._store: Store | None = None

    def tell_of(self, store: Store) -> None:
        """Let errors say what is safe there."""
        self._store = store

    def results(
        self, function: Callable, calls: Iterable[tuple[str, tuple]]
    ) -> Iterator[tuple[str, Any]]:
        """What the function gives for each of the arguments, by their labels, as they come.

        Raises:
            ConnectionError: the scheduler was lost.
            RuntimeError: workers died, again and again, over the same call.
            TimeoutError: workers were late, again and again, with the same call.
        """
        waiting = iter(calls)
        while True:
            if self._client.status != "running":
                raise self._scheduler_lost()
            self._look_for_workers()
            for label, arguments in islice(waiting, max(0, self._room - len(self._under_way))):
                self._submit(label, function, arguments)
            if not self._under_way:
                return
            self._give_up_the_late()
            with contextlib.suppress(queue.Empty):
                future = self._done.get(timeout=POLL)
                label = self._under_way.pop(future)
                yield label, self._result(label, future)

    def _submit(self, label: str, function: Callable, arguments: tuple) -> None:
        key = f"{function.__name__}-{label}-{self._ask.topic}"
        future = self._client.submit(function, *arguments, key=key, pure=False)
        self._under_way[future] = label
        future.add_done_callback(self._done.put)

    def _look_for_workers(self) -> None:
        """How many tasks to have under way: for each worker one in work, one in hand, one ahead."""
        if time.monotonic() - self._looked < REFRESH:
            return
        with contextlib.suppress(OSError):
            threads = self._client.nthreads().values()
            self._room = sum(min(count, 2) + 1 for count in threads) or 1
            os.utime(self._ask.file)  # it is in use
        self._looked = time.monotonic()

    def _result(self, label: str, future: Future) -> Any:
        worker, _ = self._began.pop(label, ("no worker yet", 0.0))
        try:
            result = future.result()
        except (CancelledError, CommClosedError) as error:
            raise self._scheduler_lost() from error
        except KilledWorker as error:
            raise RuntimeError(
                f"{self._named(label)} was lost with {error.allowed_failures + 1} workers, which "
                f"died over it or beside it, the last at {error.last_worker.address}: see their "
                f"logs; often their memory is too small for max_memory=. {self._what_is_safe()}"
            ) from error
        except Exception as error:
            error.add_note(f"in {self._named(label)}, at {worker}. {self._what_is_safe()}")
            raise
        self._longest = max(self._longest, result.seconds)
        return result

    def _give_up_the_late(self) -> None:
        """Restart workers that are late; Dask gives what they had to others."""
        limit = self._limit()
        now = time.monotonic()
        for label in self._under_way.values():
            worker, since = self._began.get(label, ("", now))
            if now - since <= limit:
                continue
            self._late[label] += 1
            if self._late[label] >= ATTEMPTS:
                raise TimeoutError(
                    f"{self._named(label)} took longer than {limit:.3g} s on {ATTEMPTS} workers, "
                    f"the last at {worker}: if that is no fault of theirs, give a longer "
                    f"chunk_timeout=. {self._what_is_safe()}"
                )
            warnings.warn(
                f"the worker at {worker} takes longer than {limit:.3g} s for {self._named(label)}: "
                "it is restarted, and its work given to others",
                RuntimeWarning,
                stacklevel=2,
            )
            self._began = {name: at for name, at in self._began.items() if at[0] != worker}
            threading.Thread(target=_restart, args=(self._client, worker), daemon=True).start()

    def _limit(self) -> float:
        if self._timeout is not None:
            return max(self._timeout, 2 * self._longest)
        return max(LATE_AT_LEAST, LATE * self._longest) if self._longest else math.inf

    def _named(self, label: str) -> str:
        if self._store is None:
            return "the first compilation"
        return f"the chunk {self._store.described(place_of(label))}"

    def _what_is_safe(self) -> str:
        if self._store is None:
            return "Nothing was computed yet"
        return self._store.what_is_safe()

    def _scheduler_lost(self) -> ConnectionError:
        return ConnectionError(
            f"the scheduler at {self._client.scheduler.address} was lost, or restarted. "
            f"{self._what_is_safe()}, with a client of a scheduler that is there"
        )

    def __enter__(self) -> "_Tasks":
        self._client.subscribe_topic(self._ask.topic, self._hear)
        return self

    def _hear(self, event: tuple[float, Mapping[str, str]]) -> None:
        _, said = event
        self._began[said["label"]] = said["worker"], time.monotonic()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._client.status == "running":
            self._client.unsubscribe_topic(self._ask.topic)
            self._client.cancel(list(self._under_way))
        if kind is KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"the tasks of this sweep are cancelled. {self._what_is_safe()}"
            ) from None


def _restart(client: Client, worker: str) -> None:
    try:
        client.restart_workers([worker], timeout=RESTART, raise_for_error=False)
    except ValueError:  # it has no nanny
        client.retire_workers([worker])
    except (KeyError, OSError, TimeoutError):
        pass  # it has gone by itself, or comes back later


def _wait_until_seen(store: Store) -> None:
    """Folders on a network remember for some time what was not there."""
    began = time.monotonic()
    while not store.look_again():
        if time.monotonic() - began > SEEN_WITHIN:
            raise TimeoutError(
                f"the workers have finished, but only {store.progress()} of {store.path} are seen "
                "here: run the same again to look anew"
            )
        time.sleep(POLL)


@contextlib.contextmanager
def _shipped(job: Job, folder: Path) -> Iterator[tuple[str, str]]:
    """A file beside the store from which workers unpickle the job, and its digest."""
    try:
        pickled = cloudpickle.dumps(job)
    except Exception as error:
        error.add_note("run and its axes are sent to the workers, so cloudpickle must take them")
        raise
    file = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.job")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickled)
        yield str(file), hashlib.sha256(pickled).hexdigest()
    finally:
        file.unlink(missing_ok=True)
