"""stop_signals: the first SIGINT or SIGTERM lets work finish, a second one ends it at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals(said: str) -> Iterator[list[int]]:
    """While it is entered: the signals that have come, `said` to people when the first one does."""
    signalled: list[int] = []

    def stop(number: int, _frame: object) -> None:
        for each in watched:  # before it is said, so that the next signal ends it in any case
            signal.signal(each, signal.SIG_DFL)
        signalled.append(number)
        print(said, file=sys.stderr)

    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, stop) for each in watched]
    try:
        yield signalled
    finally:
        for each, handler in zip(watched, before, strict=True):
            signal.signal(each, handler)
