"""What a sweep gives to read: words decoded when asked for, and files whose loss is an error."""

import errno
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.storage import LocalStore, WrapperStore

from jdescent.sweeps.encoding import LABELS, is_whole
from jdescent.sweeps.layout import DESCRIPTION


def decoded(variable: xarray.Variable) -> xarray.Variable:
    """Words in place of the codes of a variable with `flags`, made when asked for, or of labels."""
    if LABELS in variable.attrs:
        texts = np.array(variable.attrs[LABELS])
        return xarray.Variable(variable.dims, texts[variable.values])
    if "flag_values" not in variable.attrs:
        return variable
    attrs = dict(variable.attrs)
    codes, meanings = attrs.pop("flag_values"), attrs.pop("flag_meanings")
    words = [*(meaning.replace("_", " ") for meaning in meanings.split()), ""]
    lazy = indexing.LazilyIndexedArray(_Words(variable, words, len(codes)))
    return xarray.Variable(variable.dims, lazy, attrs)


class _Words(BackendArray):
    """An array of words that is kept as codes, a fortieth of their size."""

    def __init__(self, codes: xarray.Variable, words: Sequence[str], known: int) -> None:
        self._codes, self._words, self._known = codes, np.array(words), known
        self.shape, self.dtype = codes.shape, self._words.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._at
        )

    def _at(self, key: tuple) -> np.ndarray:
        return self._words[np.minimum(self._codes[key].values, self._known)]


class FinishedChunks(WrapperStore):
    """The files of a stored sweep as zarr reads them.

    zarr reads a chunk whose file is not there as missing values. Here that holds for chunks that
    are not finished alone, whatever lies in their files; to lose or break any other is an error.

    Args:
        store: the files.
        token: what the sweep was given when it was made, and no other has.
        finished: by the name of each array of the sweep's grid, which of its chunks are finished.
        whole: the names of the arrays that are written when the store is made.
    """

    def __init__(
        self,
        store: LocalStore,
        token: str | None = None,
        finished: Mapping[str, np.ndarray] | None = None,
        whole: Sequence[str] = (),
    ) -> None:
        super().__init__(store)
        self._token, self._root = token, Path(store.root)
        self._finished, self._whole = dict(finished or {}), tuple(whole)

    async def get(self, key: str, *arguments: Any, **options: Any) -> Any:
        name, _, place = key.partition("/c")
        finished = self._finished.get(name)
        expected = bool(place) and (finished is not None or name in self._whole)
        if expected:
            self._require_the_same_sweep()
        if expected and finished is not None:
            indices = map(int, place.strip("/").split("/")[: finished.ndim])
            if not finished[tuple(indices)]:
                return None
        found = await super().get(key, *arguments, **options)
        if expected and (found is None or not is_whole(found.as_numpy_array().view(np.uint8))):
            raise FileNotFoundError(
                errno.ENOENT,
                "a file of a stored sweep is gone or broken; the call that made it mends it",
                str(self._root / key),
            )
        return found

    def _require_the_same_sweep(self) -> None:
        """A sweep that was stored anew under the name has other numbers at the same places."""
        try:
            token = json.loads((self._root / DESCRIPTION).read_text())["attributes"].get("token")
        except (OSError, ValueError, KeyError):
            return  # what then is missing says so itself
        if token != self._token:
            raise ValueError(
                f"{self._root} now holds another sweep than the one this dataset was read from: "
                "open it again, with jd.open_sweep, to read that one"
            )
