"""RowCache, rows of P of the tokens met so far: a frequent token is encoded and projected once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network import members
from windowclf.tagging.model import Model
from windowclf.text.features import Key, form_of

FILLED_AT_ONCE = 1024  # tokens that are encoded and projected together
KEY_BYTES = 256  # of a short token and its place in a dictionary, about


class RowCache(threading.local):
    """Distinct token -> its row of P (rows, M·n·G), row 0 the boundary's; as many as fit in memory.

    Rows come when they are first needed, and a full cache is emptied, so that a known token costs
    one dictionary lookup and no bookkeeping. Every thread has rows of its own.
    """

    def __init__(self, model: Model, megabytes: float):
        """An empty cache that takes about so many megabytes in each thread."""
        a = model.spec.architecture
        dtype = model.parameters["U"].dtype
        width = a.members * (2 * a.window + 1) * (a.hidden_width or a.classes)
        self._model = model
        self._capacity = int(megabytes * (1 << 20)) // (width * dtype.itemsize + KEY_BYTES)
        self._P = np.empty((0, width), dtype)
        self._row_of = _RowOf()
        self._most_characters = int(megabytes * (1 << 18))
        self._characters = 0  # of all keys: they are kept too

    def rows_of(self, keys: Sequence[Key]) -> tuple[Ints, Floats] | None:
        """The row of every key, and P, both good until the next call; None where not all rows fit.

        N keys  ->  rows (N,), P (rows, M·n·G).
        """
        if self._characters > self._most_characters:
            self._empty()
        rows = self._look_up(keys)
        if 1 + len(self._row_of) > self._capacity:
            self._empty()
            rows = self._look_up(keys)
            if 1 + len(self._row_of) > self._capacity:
                self._empty()
                return None
        self._fill()
        return rows, self._P

    def _empty(self) -> None:
        """Forget all rows but the boundary's."""
        self._row_of.clear()
        self._characters = 0

    def _look_up(self, keys: Sequence[Key]) -> Ints:
        """The row of each of N keys, a new one for a key that has none.   ->  (N,)."""
        return np.fromiter(map(self._row_of.__getitem__, keys), np.int32, len(keys))

    def _fill(self) -> None:
        """Compute the rows of P that keys have been given and that are not there yet."""
        model, missing = self._model, self._row_of.new
        needed = 1 + len(self._row_of)
        if needed > len(self._P):
            rows = min(max(needed, 2 * len(self._P)), self._capacity)
            larger = np.empty((rows, self._P.shape[1]), self._P.dtype)
            larger[: len(self._P)] = self._P
            self._P = larger
        for start in range(0, len(missing), FILLED_AT_ONCE):
            keys = missing[start : start + FILLED_AT_ONCE]
            slots = model.spec.vocabulary.encode(keys)
            P = members.projections(model.spec.architecture, model.parameters, slots)
            first = self._row_of[keys[0]]
            self._P[first : first + len(keys)] = P[1:]
            self._P[0] = P[0]
        self._characters += sum(len(form_of(key)) for key in missing)
        missing.clear()


class _RowOf(dict[Key, int]):
    """Key -> row. A new key gets the next row, from 1 on, and is remembered in `new`."""

    def __init__(self) -> None:
        self.new: list[Key] = []

    def __missing__(self, key: Key) -> int:
        row = self[key] = len(self) + 1
        self.new.append(key)
        return row

    def clear(self) -> None:
        super().clear()
        self.new.clear()
