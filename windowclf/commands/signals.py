"""What SIGINT and SIGTERM do: end a command at once, or have it save first what it has done.

Whichever is done, temporary files go. Who started the command with a signal ignored, as nohup and
scripts do for work in the background, has it ignored.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_WATCHED = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Signalled:
    """The signals that have come, and whether there is anything yet to be saved for them."""

    numbers: list[int] = field(default_factory=list)
    can_save: bool = False


@contextmanager
def stop_signals(said: str) -> Iterator[Signalled]:
    """While it is entered: the signals that have come, `said` to people when the first one does.

    Before anything can be saved the first one ends the process, and a second one does in any case.
    """
    signalled = Signalled()

    def stop(number: int, frame: object) -> None:
        for each in watched:  # before it is said, so that the next signal ends it in any case
            signal.signal(each, signal.SIG_DFL)
        if not signalled.can_save:
            print("Stopped; there was nothing to save yet.", file=sys.stderr)
            _end(number, frame)
        signalled.numbers.append(number)
        print(said, file=sys.stderr)

    with _handled_by(stop) as watched:
        yield signalled


@contextmanager
def ending_signals() -> Iterator[None]:
    """While it is entered a signal ends the process, by way of what has to be cleared away."""
    with _handled_by(_end):
        yield


def _end(number: int, _frame: object) -> None:
    """End the process with the exit code of a signal; no library takes this for its own affair."""
    raise SystemExit(128 + number)


@contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[list[signal.Signals]]:
    """Have a function called at signals; the ones that are not ignored."""
    before = {each: signal.getsignal(each) for each in _WATCHED}
    watched = [each for each in _WATCHED if before[each] is not signal.SIG_IGN]
    for each in watched:
        signal.signal(each, handler)
    try:
        yield watched
    finally:
        for each in watched:
            signal.signal(each, before[each])
