"""Bar, which shows what is left on terminals only, and the displays that several commands share."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from windowclf.commands.signals import Signalled
from windowclf.pipeline.listener import Listener

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

REFRESH_SECONDS = 0.2


class Bar:
    """A line with what is being done, how much of it, and how long it will take; gone at its end.

    The library that draws it is imported with the first stroke, for tagging begins faster so.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        self._drawn = 0.0

    def show(self, phase: str, fraction: float, description: str = "", rate: str = "") -> None:
        """Draw the bar, a few times a second at most, unless standard error is no terminal.

        A new phase begins at 0 with a new estimate of the time.
        """
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._drawn < REFRESH_SECONDS or not _can_draw():
            return
        self._drawn = now
        progress = self._progress or self._start()
        if self._task is None or phase != self._phase:
            if self._task is not None:
                progress.remove_task(self._task)
            self._phase, self._task = phase, progress.add_task("", total=1.0, rate="")
        progress.update(self._task, completed=fraction, description=description or phase, rate=rate)
        progress.refresh()

    def line(self, text: str) -> None:
        """Write a line that stays, above the bar if there is one."""
        if self._progress is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._progress.console.print(text)

    def legend(self, text: str) -> None:
        """Write what signs in the lines above it mean; pale on a terminal."""
        console = _console() if self._progress is None else self._progress.console
        console.print(text, style="dim")

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> Progress:
        """The drawn bar, before its first stroke."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:3.0f} %  left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rate]}"),
            console=_console(),
            transient=True,
            auto_refresh=False,
        )
        self._progress.start()
        return self._progress


def _can_draw() -> bool:
    """Whether the library is there that draws; tagging goes without it."""
    return find_spec("rich") is not None


def _console() -> Console:
    """Standard error as a console of rich."""
    from windowclf.commands.tables import plain_console

    return plain_console(stderr=True)


class StoppableDisplay(Listener):
    """Notices above a bar, for work that is to end where a signal has come."""

    def __init__(self, signalled: Signalled):
        """`signalled` is where signals that have come are noted."""
        self._signalled = signalled
        self._bar = Bar()
        self._headed = False  # whether the line above the columns has been written

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.close()

    def should_stop(self) -> bool:
        return bool(self._signalled.numbers)

    def prepared(self) -> None:
        self._signalled.can_save = True

    def notice(self, text: str) -> None:
        self._bar.line(f"note: {text}")


class Notices(Listener):
    """Writes notices to standard error, and shows nothing else."""

    def notice(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr)


class PredictionDisplay(Notices):
    """Notices, and a bar with how much of a file is labelled, from the second second on."""

    def __init__(self) -> None:
        self._bar = Bar()
        self._began = time.monotonic()

    def predicted(self, tokens: int, fraction: float | None) -> None:
        if fraction is not None and time.monotonic() - self._began > 1:
            self._bar.show("labelling", fraction, rate=f"{tokens:,} tokens")

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


class WorkDisplay(Notices):
    """Notices above a bar with what is being measured."""

    def __init__(self) -> None:
        self._bar = Bar()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.close()

    def notice(self, text: str) -> None:
        self._bar.line(f"note: {text}")

    def reading(self, fraction: float) -> None:
        self._bar.show("reading", fraction)

    def working(self, on: str, fraction: float) -> None:
        self._bar.show(on, fraction)


class GradientDisplay(Listener):
    """Shows the name of the array whose gradient is being checked."""

    def checked(self, array: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{array}", end="", file=sys.stderr, flush=True)
