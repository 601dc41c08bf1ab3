"""The arrays of a sweep's result: which dtypes they have, and words that are kept as codes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

LABELS = "labels"  # the attribute of codes 0, 1, … that holds the texts they stand for


class Variable(NamedTuple):
    """One array of a result: what it is at one point of the grid.

    Args:
        name: how the result calls it.
        dims: the names of its own dimensions, which come after the sweep's axes.
        shape: the sizes of those.
        dtype: any of JAX's, as it is computed; see `kept_dtype` for what it is kept and read as.
        attrs: its attributes; with those of `flags`, its codes are read back as words.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    attrs: Mapping[str, Any] = {}

    def described(self) -> dict[str, Any]:
        """Its attributes, and where it is kept in another dtype, ``computed_as``."""
        same = kept_dtype(self.dtype) == self.dtype
        return {**self.attrs} | ({} if same else {"computed_as": str(self.dtype)})


class Coordinate(NamedTuple):
    """What labels the points along a dimension: its own values, or others beside them.

    Args:
        dims: the names of its dimensions.
        values: numbers; codes of `labels_of` are read back as words.
        attrs: its attributes.
    """

    dims: tuple[str, ...]
    values: np.ndarray
    attrs: Mapping[str, Any] = {}

    def variable(self, name: str) -> Variable:
        """What it is, without its values."""
        return Variable(name, self.dims, self.values.shape, self.values.dtype, self.attrs)


def labels_of(name: str, labels: Sequence[Any]) -> Coordinate:
    """The coordinate of a dimension whose points have these labels: all numbers, or all texts."""
    if not isinstance(labels[0], str):
        return Coordinate((name,), np.array(labels))
    return Coordinate((name,), np.arange(len(labels), dtype=np.int32), {LABELS: list(labels)})


def flags(words: Sequence[str]) -> dict[str, Any]:
    """Attributes of a variable of the codes 0, 1, …, each of which stands for a word.

    Source: CF Metadata Conventions 1.12 (2024), section 3.5 "Flags".

    Example:
        >>> flags(["step limit", "converged"])
        {'flag_values': [0, 1], 'flag_meanings': 'step_limit converged'}
    """
    meanings = " ".join(word.replace(" ", "_") for word in words)
    return {"flag_values": list(range(len(words))), "flag_meanings": meanings}


def kept_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype itself where NumPy and zarr have it, else the smallest that holds its values.

    Example:
        >>> import jax.numpy as jnp
        >>> print(kept_dtype(np.dtype(np.float16)), kept_dtype(jnp.dtype("bfloat16")))
        float16 float32
        >>> print(kept_dtype(jnp.dtype("int4")), kept_dtype(jnp.dtype("uint4")))
        int8 uint8
    """
    if dtype.isbuiltin == 1 and dtype.kind in "biufc":
        return np.dtype(dtype.name)  # zarr takes only one of C's integers of each size
    for wider in (np.uint8, np.int8, np.float32):
        if np.can_cast(dtype, wider):
            return np.dtype(wider)
    raise TypeError(f"an array of {dtype} cannot be kept: return numbers from run")


def kept_labels(
    coordinates: Mapping[str, np.ndarray | Coordinate],
) -> Iterator[tuple[str, Coordinate]]:
    """Coordinates as they are kept, by their names; a bare array labels the dimension of its name.

    Example:
        >>> [(name, label)] = kept_labels({"rate": np.array([0.1, 0.2])})
        >>> label.dims
        ('rate',)
    """
    for name, given in coordinates.items():
        label = given if isinstance(given, Coordinate) else Coordinate((name,), given)
        values = label.values.astype(kept_dtype(label.values.dtype), copy=False)
        yield name, label._replace(values=values, attrs=label.variable(name).described())


def fill_value(dtype: np.dtype, coded: bool) -> Any:
    """What is read where nothing was written."""
    if coded:
        return np.iinfo(dtype).max
    return dtype.type(np.nan if dtype.kind in "fc" else 0)


def is_whole(content: np.ndarray) -> bool:
    """Whether the bytes of a file end with the checksum of what comes before."""
    stored = int.from_bytes(content[-4:].tobytes(), "little")
    return content.size > 4 and google_crc32c.value(content[:-4]) == stored
