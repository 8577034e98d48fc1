"""Workers: how many threads there are, and how the work of a step is shared among them.

numpy and scipy let go of the interpreter lock inside their loops, so that plain threads share what
takes long enough; the linear algebra runs with one thread each, its GEMMs cut into pieces here. So
no thread spins between two products, and processes on one machine keep out of each other's way.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

Item = TypeVar("Item")
Result = TypeVar("Result")

SMALLEST_PIECE = 1 << 15  # numbers; for less, threads wait for each other longer than they work


def available_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """A fixed number of threads, the calling one among them; `close` ends the others."""

    def __init__(self, count: int = 1):
        self.count = count
        self._rounds: SimpleQueue[_Round[Any, Any] | None] = SimpleQueue()
        for _ in range(count - 1):
            threading.Thread(target=self._work, daemon=True).start()

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """[function(item) for item in items], any number of them at a time.

        The first exception in the order of the items is raised once all have ended.
        """
        if self.count == 1 or len(items) < 2:
            return [function(item) for item in items]
        this = _Round(function, items)
        for _ in range(min(self.count, len(items)) - 1):
            self._rounds.put(this)
        return this.share()

    def pieces(self, length: int, numbers: int, most: int | None = None) -> list[slice]:
        """0 … length cut evenly: a piece a thread, or more so that none is longer than `most`.

        `numbers` is how many numbers one array operation passes over for each unit of the length
        (for a GEMM, as many as take that time); too little work stays in one piece.
        """
        count = max(1, min(self.count, length * numbers // SMALLEST_PIECE))
        if most is not None:
            count *= -(-length // (most * count)) or 1
        cuts = [length * i // count for i in range(count + 1)]
        return [slice(begin, end) for begin, end in pairwise(cuts)]

    def for_many(self, items: int, numbers: int) -> Workers:
        """The workers for `items` tasks over `numbers` numbers in all: these, or ALONE if few."""
        return self if numbers >= items * SMALLEST_PIECE else ALONE

    def close(self) -> None:
        """End all threads but the calling one. Without this they end with the process."""
        for _ in range(self.count - 1):
            self._rounds.put(None)

    def _work(self) -> None:
        """What a thread does: take part in one call of `map` after another, until `close`."""
        while this := self._rounds.get():
            this.context.copy().run(this.take_part)
            del this  # its arrays go when the caller lets go of them


ALONE = Workers()


class _Round(Generic[Item, Result]):
    """One call of `map`: whoever is free takes the next item."""

    def __init__(self, function: Callable[[Item], Result], items: Sequence[Item]):
        self.context = contextvars.copy_context()  # numpy keeps its error state there
        self._function, self._items = function, items
        self._next = iter(range(len(items)))
        self._left: SimpleQueue[int] = SimpleQueue()
        self._results: list[Result | None] = [None] * len(items)
        self._errors: dict[int, BaseException] = {}

    def take_part(self) -> None:
        """Work on items that nobody has taken, until none is left."""
        for i in self._next:
            try:
                self._results[i] = self._function(self._items[i])
            except BaseException as error:
                self._errors[i] = error
            self._left.put(i)

    def share(self) -> list[Result]:
        """Take part, wait for the others, and give the results in the order of the items."""
        self.take_part()
        for _ in self._items:
            self._left.get()
        if self._errors:
            raise self._errors[min(self._errors)]
        return cast(list[Result], self._results)
