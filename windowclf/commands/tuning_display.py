"""What people see of a search: progress on standard error, all trials on standard output."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from windowclf.commands.display import REFRESH_SECONDS
from windowclf.commands.tables import percent, plain_console
from windowclf.errors import legible
from windowclf.pipeline.search.folder import Trial
from windowclf.pipeline.search.tune import TuningResult

LONGEST_VALUE = 40  # characters of a setting in the table


class TuningDisplay:
    """A progress bar with ETA while a search goes on, and a line per trial that stays."""

    def __init__(self) -> None:
        self.console = plain_console(stderr=True)
        self.progress = Progress(
            TextColumn("searching"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:3.0f} %  left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            auto_refresh=False,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("", total=1.0)
        self.headed = False
        self.refreshed = 0.0

    def __enter__(self) -> TuningDisplay:
        self.progress.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.progress.stop()

    def notice(self, text: str) -> None:
        """A sentence beside the progress."""
        self.progress.console.print(f"note: {text}")

    def fraction(self, done: float) -> None:
        """Show how much of the search is done."""
        now = time.monotonic()
        if now - self.refreshed >= REFRESH_SECONDS:
            self.refreshed = now
            self.progress.update(self.task, completed=done)
            self.progress.refresh()

    def trial(self, trial: Trial) -> None:
        """Show a trial that has ended."""
        if not self.headed:
            self.headed = True
            heads = ("epochs", "trial", "dev score", "seconds")
            self.progress.console.print(" ".join(f"{head:>12}" for head in heads))
        cells = (str(trial.epochs), str(trial.trial), _score(trial), f"{trial.seconds:.1f}")
        self.progress.console.print(" ".join(f"{cell:>12}" for cell in cells))


def print_tuning_result(result: TuningResult) -> None:
    """Every trial with its settings, as far as it came, the best first; and what to do next."""
    trials = _furthest(result.trials)
    paths = sorted({path for trial in trials for path in trial.settings})
    rows = [["trial", "epochs", "dev score", "", "seconds", *(_short(p, paths) for p in paths)]]
    for trial in trials:
        mark = "*" if result.best is not None and trial.key == result.best.key else ""
        figures = [str(trial.trial), str(trial.epochs), _score(trial), mark, f"{trial.seconds:.1f}"]
        rows.append([*figures, *(_value(trial, path) for path in paths)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:  # wider than a table of rich can be
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells))
    for trial in trials:
        if trial.lost:
            print(f"trial {trial.trial} was lost: {trial.lost}")
    if result.best is not None:
        print(f"best: trial {result.best.trial}; train it with")
        print(shlex.join(["windowclf", "train", str(result.best_path)]))


def _furthest(trials: Sequence[Trial]) -> list[Trial]:
    """Each trial at its longest rung; the longest first, and there the best."""
    last = {trial.trial: trial for trial in trials}  # they come by rung
    return sorted(last.values(), key=lambda t: (-t.epochs, -(t.score or -1.0), t.trial))


def _score(trial: Trial) -> str:
    return "lost" if trial.score is None else percent(trial.score)


def _short(path: str, paths: Sequence[str]) -> str:
    """The last names of a path, as many as tell it from the others."""
    names = path.split(".")
    for count in range(1, len(names)):
        end = "." + ".".join(names[-count:])
        if sum(f".{other}".endswith(end) for other in paths) == 1 and not end[1:].isdecimal():
            return legible(end[1:])
    return legible(path)


def _value(trial: Trial, path: str) -> str:
    if path not in trial.settings:
        return "as is"
    value = trial.settings[path]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
