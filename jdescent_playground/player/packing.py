"""Arrays and their description as one text, small enough to stand in a page."""

import base64
import gzip
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from jdescent_playground.player.runs import Numbers

ALIGNED = 8
_LETTERS = {"f4": np.float32, "i4": np.int32, "i1": np.int8}


def packed(header: Mapping[str, Any], numbers: Mapping[str, Numbers]) -> str:
    """Base64 of the gzip of: length of the header (uint32), the header in JSON, the arrays.

    Real numbers travel as float32: seven digits, of which a page shows four. Integers travel as
    int32, or int8 where they fit.

    Args:
        header: what else the page needs to know; JSON.
        numbers: by name; where each begins is put into the header.
    """
    arrays, blocks, offset = {}, [], 0
    for name, value in numbers.items():
        letter = _letter(value.array)
        block = np.ascontiguousarray(value.array, _LETTERS[letter]).tobytes()
        block += bytes(-len(block) % ALIGNED)
        cut = len(value.axes)
        arrays[name] = {
            "axes": value.axes, "counts": value.array.shape[:cut], "shape": value.inner,
            "type": letter, "offset": offset,
        }  # fmt: skip
        blocks.append(block)
        offset += len(block)
    text = json.dumps({**header, "arrays": arrays}, allow_nan=False, separators=(",", ":")).encode()
    start = struct.pack("<I", len(text)) + text
    start += bytes(-len(start) % ALIGNED)
    whole = gzip.compress(start + b"".join(blocks), mtime=0)
    return base64.b64encode(whole).decode("ascii")


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, Numbers]]:
    """What `packed` has packed: the header without its arrays, and the numbers by name.

    Example:
        >>> header, numbers = unpacked(packed({"title": "a"}, {"loss": Numbers(np.ones(3))}))
        >>> header["title"], numbers["loss"].array.tolist()
        ('a', [1.0, 1.0, 1.0])
    """
    whole = gzip.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", whole)
    header = json.loads(whole[4 : 4 + length])
    start = -(-(4 + length) // ALIGNED) * ALIGNED
    numbers = {}
    for name, about in header.pop("arrays").items():
        shape = (*about["counts"], *about["shape"])
        array = np.frombuffer(
            whole, _LETTERS[about["type"]], math.prod(shape), start + about["offset"]
        )
        numbers[name] = Numbers(array.reshape(shape), tuple(about["axes"]))
    return header, numbers


def _letter(array: np.ndarray) -> str:
    if array.dtype.kind == "f":
        return "f4"
    return "i1" if np.all(np.abs(array) < 127) else "i4"
