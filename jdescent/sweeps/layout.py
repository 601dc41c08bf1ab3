"""Where a stored sweep lies, and the arrays it is made of: as they are made, and made again."""

import json
import math
import operator
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jdescent.sweeps.encoding import (
    Coordinate,
    Variable,
    fill_value,
    is_whole,
    kept_dtype,
    kept_labels,
)

if TYPE_CHECKING:
    import zarr

FORMAT = "jdescent sweep 2"
READABLE = ("jdescent sweep 1", FORMAT)
MARKER = "finished"
DESCRIPTION = "zarr.json"  # what zarr keeps of an array beside its chunks
COMPRESSED_BELOW = 2**30  # bytes; zstd refuses chunks of 2 GiB


def folder_of(path: str | os.PathLike) -> Path:
    """The folder that is meant, from the root, so that changing folders changes nothing.

    Example:
        >>> folder_of("s3://bucket/name.zarr")
        Traceback (most recent call last):
        ValueError: 's3://bucket/name.zarr' is an address, but a store must be a folder: ...
    """
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise TypeError(
            f"a store must be the path of a folder, got {path!r}: an axis of that name is given as "
            "sweep(run, {'store': values})"
        ) from error
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text) or "://" in text:
        raise ValueError(
            f"{text!r} is an address, but a store must be a folder: mount it, or store the sweep "
            "in a folder and copy it there"
        )
    if not text.strip():
        raise ValueError("a store must be the path of a folder, got an empty one")
    try:
        return Path(os.path.abspath(Path(text).expanduser()))
    except RuntimeError as error:
        raise ValueError(f"{text!r} begins with a user who has no home here: {error}") from error


def is_free(path: Path) -> bool:
    """Whether a store can be made there: nothing is, or an empty folder."""
    if path.is_dir():
        return not any(path.iterdir())
    return not os.path.lexists(path)


class Arrays(NamedTuple):
    """All arrays of a store, as they are made and made again."""

    axes: Mapping[str, int]
    chunk: tuple[int, ...]
    variables: Sequence[Variable]
    coordinates: Mapping[str, np.ndarray | Coordinate]  # an array labels the dimension of its name

    def layout(self) -> dict[str, Any]:
        return {
            "grid": _extent(self.axes.keys(), self.axes.values()),
            "variables": {
                variable.name: {
                    "dtype": str(variable.dtype),
                    "dims": _extent(variable.dims, variable.shape),
                }
                for variable in self.variables
            },
            "coordinates": {
                name: f"{label.attrs.get('computed_as', label.values.dtype)}"
                f"{list(label.values.shape)}"
                for name, label in kept_labels(self.coordinates)
            },
        }

    def repair(self, group: Any, path: Path) -> None:
        """Add what is not there.

        That is all of a new store, what an old one lost of its description, and room for what one
        was extended by.
        """
        marker = Variable(MARKER, (), (), np.dtype(bool))
        for variable in (*self.variables, marker):  # the mark last: how far the store reaches
            shape = (*self.axes.values(), *variable.shape)
            if _is_described(path, variable.name):
                _grow(group[variable.name], shape)
            else:
                dims = (*self.axes, *variable.dims)
                whole = tuple(max(size, 1) for size in variable.shape)
                own = variable._replace(dims=dims, shape=shape)
                _add_array(group, own, (*self.chunk, *whole))
        for name, label in kept_labels(self.coordinates):
            shape = label.values.shape
            if not _is_described(path, name):
                _add_array(group, label.variable(name), tuple(max(size, 1) for size in shape))
            array = group[name].with_config({"write_empty_chunks": True})
            _grow(array, shape)
            complete = all(map(is_whole_file, _files(path, array)))
            if not complete or array[...].tobytes() != label.values.tobytes():
                array[...] = label.values
            if {**array.attrs} != label.attrs:
                array.update_attributes(dict(label.attrs))


def create(path: Path, about: Mapping[str, Any], arrays: Arrays) -> None:
    """Make the empty store under a name of its own, then move it to `path` in one step."""
    import zarr

    _require_names([*arrays.coordinates, *(variable.name for variable in arrays.variables)])
    attempt = path.with_name(f".{path.name}.{uuid.uuid4().hex}.creating")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        group = zarr.create_group(attempt, zarr_format=3, attributes=dict(about))
        arrays.repair(group, attempt)
        attempt.rename(path)
    except OSError as error:
        if is_free(path):  # else another process was first
            raise OSError(
                error.errno, f"cannot make the store {path}: {error.strerror}; nothing was computed"
            ) from error
    finally:
        shutil.rmtree(attempt, ignore_errors=True)


def _add_array(group: "zarr.Group", variable: Variable, chunk: tuple[int, ...]) -> "zarr.Array":
    from zarr.codecs import Crc32cCodec, ZstdCodec

    dtype = kept_dtype(variable.dtype)
    small = math.prod(chunk) * dtype.itemsize < COMPRESSED_BELOW
    return group.create_array(
        variable.name,
        shape=variable.shape,
        chunks=chunk,
        dtype=dtype,
        compressors=[ZstdCodec(level=1), Crc32cCodec()] if small else [Crc32cCodec()],
        fill_value=fill_value(dtype, coded="flag_values" in variable.attrs),
        dimension_names=variable.dims,
        attributes=variable.described(),
        overwrite=False,
    )


def _grow(array: "zarr.Array", shape: tuple[int, ...]) -> None:
    """Give an array this shape if it is smaller."""
    if array.shape != shape and all(map(operator.le, array.shape, shape)):
        array.resize(shape)


def open_group(path: Path) -> "zarr.Group":
    import zarr

    try:
        group = zarr.open_group(path, mode="r+", zarr_format=3)
    except (FileNotFoundError, NotADirectoryError, FileExistsError, ValueError):
        group = None
    attributes = {} if group is None else {**group.attrs}
    described = {"identity", "layout", "chunk", "created"} <= attributes.keys()
    if group is None or not described or attributes.get("format") not in READABLE:
        raise ValueError(
            f"{path} is there but is no sweep that this version stored, or is broken: choose "
            "another name; it was left as it is"
        )
    return group


def array_of(group: Any, path: Path, name: str) -> Any:
    if _is_described(path, name):
        return group[name]
    raise ValueError(
        f"{path / name / DESCRIPTION} is gone or broken: the same call of sweep that made the "
        "store writes it again"
    )


def _files(path: Path, array: "zarr.Array") -> Iterator[Path]:
    """Those of all chunks of an array."""
    counts = [-(-size // step) for size, step in zip(array.shape, array.chunks, strict=True)]
    for place in np.ndindex(*counts):
        yield path / array.basename / array.metadata.encode_chunk_key(place)


def _is_described(path: Path, name: str) -> bool:
    """Whether the file that gives an array its shape and dtype is there and whole."""
    try:
        return bool(json.loads((path / name / DESCRIPTION).read_text()))
    except (OSError, ValueError):
        return False


def _require_names(names: Sequence[str]) -> None:
    for name in names:
        if name == MARKER:
            raise ValueError(f"{MARKER} marks what is stored: rename the axis, or what run returns")
        if not re.fullmatch(r"(?![.]|__)[^/\\]+", name):
            raise ValueError(f"{name!r} cannot name a file: rename what run returns")


def _extent(names: Iterable[str], sizes: Iterable[int]) -> str:
    return " × ".join(f"{name} {size}" for name, size in zip(names, sizes, strict=True)) or "scalar"


def is_whole_file(file: Path) -> bool:
    """Whether a file of numbers is there, with the checksum that it ends with."""
    try:
        return is_whole(np.fromfile(file, np.uint8))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
