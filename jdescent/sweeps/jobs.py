"""A sweep that is handed to a cluster, as its client knows it; nothing here needs Dask."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from jdescent.sweeps.axes import Axis
from jdescent.sweeps.choices import Choice

if TYPE_CHECKING:
    from jdescent.sweeps.cluster import Crew


class Job(NamedTuple):
    """A sweep as it is sent to the workers.

    Attributes:
        run: the function.
        axes: of the grid.
        options: what `sweep` was given besides: ``version``, ``kernel`` and ``scalarize``.
        identity: what the client finds the stored sweep to be.
    """

    run: Callable
    axes: Sequence[Axis | Choice]
    options: Mapping[str, Any]
    identity: Mapping[str, Any]


def crew_of(cluster: Any, folder: Path | None, chunk_timeout: Any) -> "Crew":
    """The workers of a Dask client.

    Raises:
        ModuleNotFoundError: Dask is not installed.
        TypeError: no client, or one for use with await; a timeout that is no number.
        ValueError: no store; a timeout that is not positive.
    """
    missing = [name for name in ("distributed", "cloudpickle") if not _is_installed(name)]
    if missing:
        raise ModuleNotFoundError(
            f"cluster= needs {' and '.join(missing)}: pip install 'jdescent[cluster]', here and "
            "where the scheduler and the workers are",
            name=missing[0],
        )
    from distributed import Client

    if not isinstance(cluster, Client):
        raise TypeError(
            f"cluster must be a distributed.Client, got {type(cluster).__name__}: "
            "sweep(…, cluster=distributed.Client(cluster_or_address))"
        )
    if cluster.asynchronous:
        raise TypeError("cluster must be a client that waits: Client(…, asynchronous=False)")
    if chunk_timeout is not None:
        if isinstance(chunk_timeout, bool) or not isinstance(chunk_timeout, int | float):
            raise TypeError(f"chunk_timeout must be seconds or None, got {chunk_timeout!r}")
        if not chunk_timeout > 0:
            raise ValueError(f"chunk_timeout must be > 0 seconds, got {chunk_timeout}")
    if folder is None:
        raise ValueError(
            "a sweep on a cluster is written by its workers as they finish: give store=, a folder "
            "that the client and all workers see under the same name, such as /shared/name.zarr"
        )
    from jdescent.sweeps.cluster import Crew

    return Crew(cluster, chunk_timeout)


def require_one_process() -> None:
    """Refuse a sweep in one of several processes that JAX knows as one cluster."""
    if jax.process_count() > 1:
        raise ValueError(
            f"this is one of {jax.process_count()} processes of jax.distributed, which is for one "
            "run that is larger than a machine: call that run yourself, under its mesh. To sweep "
            "over several machines, leave jax.distributed.initialize out and give "
            "sweep(…, cluster=distributed.Client(…))"
        )


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
