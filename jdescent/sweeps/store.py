"""A sweep on disk: each finished chunk lies in files of its own, so that no crash can undo it."""

import contextlib
import datetime
import errno
import glob
import json
import math
import os
import shlex
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jdescent.sweeps.differences import differences, leaves
from jdescent.sweeps.encoding import Coordinate, Variable
from jdescent.sweeps.layout import (
    FORMAT,
    MARKER,
    Arrays,
    array_of,
    create,
    folder_of,
    is_free,
    is_whole_file,
    open_group,
)
from jdescent.sweeps.provenance import provenance

if TYPE_CHECKING:
    import xarray

ABANDONED_AFTER = 600  # seconds since the last byte; no living process pauses that long


class Store:
    """A sweep on disk: a zarr group that xarray opens, one zarr chunk per finished piece of grid.

    The files of a chunk are written before its mark in ``finished``, each under a temporary name
    and with a checksum. A chunk counts as finished when all its files are there and whole.

    Example:
        >>> import numpy as np, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ask = dict(
        ...     axes={"rate": 3}, chunk=(2,), coordinates={"rate": np.array([0.1, 0.2, 0.3])},
        ...     variables=[Variable("loss", (), (), np.dtype("float32"))],
        ...     identity={"function": ["def run(rate):", "    return rate**2"]})
        >>> store = Store.create_or_resume(folder.name + "/run.zarr", **ask)
        >>> store.write((1,), {"loss": np.array([0.09], "float32")})
        >>> Store.create_or_resume(folder.name + "/run.zarr", **ask).finished
        array([False,  True])
        >>> print(store.dataset().loss.values)
        [ nan  nan 0.09]
        >>> folder.cleanup()
    """

    path: Path
    axes: tuple[str, ...]
    variables: tuple[str, ...]
    chunk: tuple[int, ...]  # a resumed sweep keeps its own, whatever is asked for
    finished: np.ndarray  # bool, ⌈size/chunk⌉ along each axis: when opened, and by this Store since

    def __init__(self, path: Path, *, checked: bool = True) -> None:
        """The store at a path; not `checked`, it is to be written to alone: nothing is finished."""
        group = open_group(path)
        self.path = path
        self._about: dict[str, Any] = {**group.attrs}
        layout = self._about["layout"]
        self.variables = tuple(layout["variables"])
        self.coordinates = tuple(layout.get("coordinates", ()))
        self._arrays: dict[str, Any] = {
            name: array_of(group, path, name).with_config({"write_empty_chunks": True})
            for name in (MARKER, *self.variables, *self.coordinates)
        }
        self.axes = self._arrays[MARKER].metadata.dimension_names
        self._sizes = self._arrays[MARKER].shape
        self.chunk = self._arrays[MARKER].chunks
        self._require_one_size()
        grid = [-(-size // step) for size, step in zip(self._sizes, self.chunk, strict=True)]
        self.finished = np.zeros(grid, bool)
        # Chunks of a sweep that was extended may be begun: with runs from before, and none since.
        self._begun = np.zeros(grid, bool) if "extended" in self._about else self.finished
        for place in np.ndindex(*grid) if checked else ():
            self._begun[place] = all(is_whole_file(file) for file in self._files(place))
            self.finished[place] = self._begun[place] and self._is_marked(place)

    @classmethod
    def create_or_resume(
        cls,
        path: str | os.PathLike,
        *,
        axes: Mapping[str, int],
        chunk: tuple[int, ...],
        variables: Sequence[Variable],
        coordinates: Mapping[str, np.ndarray | Coordinate],
        identity: Mapping[str, Any],
    ) -> "Store":
        """The store of this sweep: the one at `path`, or a new one there.

        Resuming reads the finished files once, to check them, and writes again what describes them
        (coordinates, shapes) where it was lost.

        Args:
            path: a folder that does not exist, or the store of the same sweep.
            axes: the size of each axis of the sweep, in order.
            chunk: the size of a chunk along each axis; not looked at when there is a store.
            variables: what every point of the grid gives.
            coordinates: by name; a bare array labels the dimension of its name.
            identity: what makes the sweep this one, as JSON; ``identity["versions"]`` may differ
                from that of a store that is complete.

        Raises:
            ValueError: `path` is the store of another sweep, which is shown by what differs, one
                of an earlier version, or no store of a sweep; a name that is taken or cannot name
                a file.
            TypeError: a dtype that cannot be stored.
            OSError: nothing can be written there.
        """
        path = folder_of(path)
        identity = json.loads(json.dumps(identity))
        arrays = Arrays(axes, chunk, variables, coordinates)
        for kind in ("creating", "job"):
            _remove_abandoned(path.parent.glob(f".{glob.escape(path.name)}.*.{kind}"))
        if is_free(path):
            about = {
                "format": FORMAT,
                "token": uuid.uuid4().hex,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "command": shlex.join(sys.argv),
                "identity": identity,
                "layout": arrays.layout(),
                "chunk": chunk,
            }
            create(path, about, arrays)
        group = open_group(path)
        held: dict[str, Any] = {**group.attrs}
        if held["format"] != FORMAT:
            raise ValueError(
                f"{path} is of an earlier version of jdescent ({held['format']}), which "
                "could take one sweep for another: it can be read, with jd.open_sweep, but not "
                "gone on with. Store this sweep under another name"
            )
        found, versions = _what_differs(held, identity, arrays.layout())
        if not found:
            arrays._replace(chunk=tuple(held["chunk"])).repair(group, path)
        store = cls(path)
        store._require_same(found, versions)
        _remove_abandoned(path.glob("**/*.partial"))
        store._require_writable()
        return store

    @staticmethod
    def extend(
        path: Path,
        *,
        before: tuple[Mapping[str, Any], Arrays],
        after: tuple[Mapping[str, Any], Arrays],
    ) -> None:
        """Note that a store is to be of more points; to resume it then makes room for them.

        Args:
            path: the store.
            before: the identity and the arrays of the sweep that it is, or another process made
                `after` of.
            after: those of the sweep that it becomes; the values of its axes begin with `before`'s.

        Raises:
            ValueError: it is the store of another sweep, or begun under other versions.
        """
        group = open_group(path)
        held: dict[str, Any] = {**group.attrs}

        def differing(sweep):
            identity, arrays = sweep
            return _what_differs(held, json.loads(json.dumps(identity)), arrays.layout())

        if not any(differing(after)):
            return
        found, versions = differing(before)
        if found or versions:
            what = "holds another sweep" if found else "was made under other versions"
            raise _refusal(path, what, [*found, *versions])
        identity, arrays = after
        news = {"identity": json.loads(json.dumps(identity)), "layout": arrays.layout()}
        group.update_attributes({**news, "extended": True})

    @property
    def token(self) -> str:
        """What this store was given when it was made, and no other has."""
        return self._about["token"]

    @property
    def complete(self) -> bool:
        """Whether every chunk is finished."""
        return bool(self.finished.all())

    def look_again(self) -> bool:
        """Whether every chunk is finished, with those that other processes have marked since."""
        for place in map(tuple, np.argwhere(~self.finished).tolist()):
            mark = next(self._files(place))
            self.finished[place] = is_whole_file(mark) and self._is_marked(place)
            self._begun[place] |= self.finished[place]
        return self.complete

    def progress(self) -> str:
        """How much is finished, in words."""
        return f"{np.count_nonzero(self.finished)} of {self.finished.size} chunks"

    def what_is_safe(self) -> str:
        """How much is finished by now, and how to go on, in words."""
        self.look_again()
        return f"{self.progress()} are safe in {self.path}, and the same call goes on from them"

    def described(self, place: tuple[int, ...]) -> str:
        """A chunk by its indices along each axis.

        Example: ``rate[0:64], momentum[3:4]``
        """
        region = zip(self.axes, self.region(place), strict=True)
        return ", ".join(f"{axis}[{part.start}:{part.stop}]" for axis, part in region)

    def region(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        """The indices along the sweep's axes that the chunk at this place covers."""
        steps = zip(place, self.chunk, self._sizes, strict=True)
        return tuple(slice(i * step, min((i + 1) * step, size)) for i, step, size in steps)

    def write(self, place: tuple[int, ...], values: Mapping[str, np.ndarray]) -> None:
        """Store one chunk and mark it finished, which is the last that happens.

        Several processes may write at once; of two that write one chunk, the last file of each
        name stays, whole.

        Args:
            place: the index of the chunk, as in `finished`.
            values: each variable's array, of its dtype: the shape of `region`, then its own.

        Raises:
            ValueError: a variable that is missing or unknown, or of another shape or dtype.
            OSError: no room, or no leave to write; what was finished before is safe.
        """
        region = self.region(place)
        self._require_fitting(values, region)
        try:
            for name, value in self._with_what_is_there(place, values).items():
                array = self._arrays[name]
                array[region] = value.astype(array.dtype, copy=False)
            self._arrays[MARKER][region] = True
        except OSError as error:
            raise self._cannot_go_on(error) from error
        self.finished[place] = self._begun[place] = True

    def _is_marked(self, place: tuple[int, ...]) -> bool:
        """Whether the mark of a chunk, whose file is whole, is of all its runs."""
        return "extended" not in self._about or bool(self._marks(place).all())

    def _marks(self, place: tuple[int, ...]) -> np.ndarray:
        return self._arrays[MARKER][self.region(place)]

    def _with_what_is_there(
        self, place: tuple[int, ...], values: Mapping[str, np.ndarray]
    ) -> Mapping[str, np.ndarray]:
        """Runs that a chunk had before the sweep was extended stay as they are."""
        if "extended" not in self._about or not all(map(is_whole_file, self._files(place))):
            return values
        there, region = self._marks(place), self.region(place)

        def kept(name: str, value: np.ndarray) -> np.ndarray:
            before = self._arrays[name][region]
            whole_runs = there.reshape(there.shape + (1,) * (value.ndim - there.ndim))
            return np.where(whole_runs, before, value.astype(before.dtype))

        return {name: kept(name, value) for name, value in values.items()}

    def dataset(self) -> "xarray.Dataset":
        """The sweep as a Dataset that reads from disk what is asked of it.

        Lanes that are not finished are NaN, 0, False or, in place of a word, the empty text. What
        the sweep is stands in `attrs`.
        """
        import xarray
        from zarr.storage import LocalStore

        from jdescent.sweeps.reading import FinishedChunks, decoded

        finished = dict.fromkeys((MARKER, *self.variables), self._begun)
        files = LocalStore(self.path, read_only=True)
        source = FinishedChunks(files, self._about.get("token"), finished, self.coordinates)
        stored = xarray.open_zarr(source, chunks=None, consolidated=False, decode_cf=False)
        return xarray.Dataset(
            {name: decoded(stored[name].variable) for name in self.variables},
            coords={
                name: decoded(stored[name].variable)
                for name in dict.fromkeys([*stored.coords, *self.coordinates])
            },
            attrs=provenance(self._about["identity"])
            | {name: self._about[name] for name in ("created", "command") if name in self._about}
            | {
                name: "\n".join(leaf) if isinstance(leaf, list) else str(leaf)
                for name, leaf in leaves(self._about["identity"]).items()
                if leaf is not None
            },
        )

    def finished_lanes(self) -> np.ndarray:
        """Whether each point of the grid is finished: bool, the shape of the sweep's axes."""
        lanes = self.finished
        for axis, step in enumerate(self.chunk):
            lanes = np.repeat(lanes, step, axis)
        lanes = lanes[tuple(slice(size) for size in self._sizes)]
        for place in map(tuple, np.argwhere(self._begun & ~self.finished).tolist()):
            lanes[self.region(place)] = self._marks(place)
        return lanes

    def opened(self) -> "xarray.Dataset":
        """The dataset, with which of its runs are finished, and in words which are not."""
        lanes = self.finished_lanes()
        attrs = {} if lanes.all() else {"unfinished": _what_is_missing(self.axes, lanes)}
        return self.dataset().assign({MARKER: (self.axes, lanes, attrs)})

    def _files(self, place: tuple[int, ...]) -> Iterator[Path]:
        """Every file of a chunk, its mark first."""
        for name in (MARKER, *self.variables):
            array = self._arrays[name]
            own = array.shape[len(place) :]
            if math.prod(own):
                key = array.metadata.encode_chunk_key((*place, *(0 for _ in own)))
                yield self.path / name / key

    def _require_same(self, found: Sequence[str], versions: Sequence[str]) -> None:
        """Refuse to mix two sweeps, saying how this one differs from that of the store."""
        if found:
            what = "holds another sweep"
        elif versions and not self.complete:
            what = f"was begun under other versions, with {self.progress()} finished"
        else:
            return
        raise _refusal(self.path, what, [*found, *versions])

    def _require_one_size(self) -> None:
        """Refuse a store that was being extended when it was stopped."""
        reached = {array.shape[: len(self._sizes)] for array in self._arrays_of_grid()}
        lengths = dict(zip(self.axes, self._sizes, strict=True))
        labels = {
            self._arrays[name].shape[0] == lengths[dim]
            for name in self.coordinates
            if (dim := self._arrays[name].metadata.dimension_names[0]) in lengths
        }
        if len(reached) > 1 or False in labels:
            raise ValueError(
                f"{self.path} was being extended when that was stopped: the same call of sweep "
                "goes on with it"
            )

    def _arrays_of_grid(self) -> Iterator[Any]:
        return (self._arrays[name] for name in (MARKER, *self.variables))

    def _require_writable(self) -> None:
        """Fail before anything is computed if its result could not be written."""
        if self.complete:
            return
        try:
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise self._cannot_go_on(error) from error

    def _cannot_go_on(self, error: OSError) -> OSError:
        return OSError(
            error.errno,
            f"cannot write to {self.path}: {error.strerror}; {self.progress()} are safe there, "
            "and the same call goes on from them once it can write",
        )

    def _require_fitting(self, values: Mapping[str, np.ndarray], region: tuple[slice, ...]) -> None:
        asked = self._about["layout"]["variables"]
        covered = tuple(part.stop - part.start for part in region)
        expected = {
            name: f"{asked[name]['dtype']}{covered + self._arrays[name].shape[len(covered) :]}"
            for name in asked
        }
        given = {name: f"{value.dtype}{value.shape}" for name, value in values.items()}
        if given != expected:
            raise ValueError(f"this chunk of {self.path} holds {expected}, got {given}")


def open_sweep(path: str | os.PathLike) -> "xarray.Dataset":
    """Open a stored sweep, finished or not, without the function that it ran.

    The finished files are read once, to check them; after that, what is asked for.

    Args:
        path: what was given to ``sweep(..., store=path)``.

    Returns:
        The `xarray.Dataset` that the sweep gives, and ``finished``: bool over the sweep's axes,
        with the attribute ``unfinished`` that says how many runs are not, and where they lie. These
        are NaN, 0, False or, in place of a word, the empty text.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: what is there is not a stored sweep.

    Example:
        >>> import jdescent.sweeps.store
        >>> jdescent.sweeps.store.open_sweep("runs/nothing.zarr")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] there is no stored sweep: 'runs/nothing.zarr'
    """
    folder = folder_of(path)
    if not folder.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no stored sweep", os.fspath(path))
    return Store(folder).opened()


def _what_is_missing(axes: Sequence[str], finished: np.ndarray) -> str:
    """How many runs are not finished, and within which indices of the axes.

    Example:
        >>> _what_is_missing(("rate", "seed"), np.array([[True, True], [True, False]]))
        '1 of 4 runs, within rate[1:2], seed[1:2]'
    """
    left = np.argwhere(~finished)
    bounds = zip(axes, left.min(0), left.max(0) + 1, strict=True)
    within = ", ".join(f"{axis}[{first}:{last}]" for axis, first, last in bounds)
    return f"{len(left)} of {finished.size} runs, within {within}"


def _refusal(path: Path, what: str, lines: Sequence[str]) -> ValueError:
    return ValueError(
        f"{path} {what}:\n"
        + "".join(f"  {line}\n" for line in lines)
        + f"store this one under another name, or delete {path} to begin anew"
    )


def _what_differs(
    about: Mapping[str, Any], identity: Mapping[str, Any], layout: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """How the asked sweep differs from that of a store, and how its versions do."""
    ours, theirs = leaves(about["identity"]), leaves(identity)
    found = dict(differences(ours, theirs))
    versions = {name: found.pop(name) for name in list(found) if name.startswith("versions.")}
    if "versions.jax" in versions:  # which settings there are differs from version to version
        for name in ours.keys() ^ theirs.keys():
            if name.startswith("settings."):
                found.pop(name)
    found |= differences(leaves(about["layout"]), leaves(layout))
    return list(found.values()), list(versions.values())


def _remove_abandoned(leftovers: Iterable[Path]) -> None:
    """Remove what killed processes left half made, which nothing reads."""
    for leftover in leftovers:
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
