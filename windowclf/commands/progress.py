"""A bar with what is left, on terminals only; the displays that move it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from windowclf.pipeline.listener import Listener

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

REFRESH_SECONDS = 0.2


class Bar:
    """What is being done, how much of it, and how long it will still take; gone at its end.

    The library that draws it is imported with the first stroke, for tagging begins faster.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        self._drawn = 0.0

    def show(self, phase: str, fraction: float, description: str = "", rate: str = "") -> None:
        """Draw it, a few times a second at most. A new phase begins at 0 with a new estimate."""
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._drawn < REFRESH_SECONDS:
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
        """A line above the bar that stays."""
        if self._progress is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._progress.console.print(text)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _start(self) -> Progress:
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


def _console() -> Console:
    from windowclf.commands.tables import plain_console

    return plain_console(stderr=True)


class Notices(Listener):
    """Says notices on standard error."""

    def notice(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr)


class PredictionDisplay(Notices):
    """How much of a file is labelled, from the second second on."""

    def __init__(self) -> None:
        self._bar = Bar()
        self._began = time.monotonic()

    def predicted(self, tokens: int, fraction: float | None) -> None:
        if fraction is not None and time.monotonic() - self._began > 1:
            self._bar.show("labelling", fraction, rate=f"{tokens:,} tokens")

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


class GradientDisplay(Listener):
    """Which array is being checked."""

    def checked(self, array: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{array}", end="", file=sys.stderr, flush=True)
