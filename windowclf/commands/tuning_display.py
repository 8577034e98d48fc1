"""What people see of a search: progress on standard error, all trials on standard output."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from windowclf.commands.progress import StoppableDisplay
from windowclf.commands.tables import percent, plain_console
from windowclf.errors import legible
from windowclf.pipeline.search.trial import Trial
from windowclf.pipeline.search.tune import TuningResult

LONGEST_VALUE = 40  # characters of a setting in the table


class TuningDisplay(StoppableDisplay):
    """A bar with what is left of a search, and a line per trial that stays."""

    def searched(self, fraction: float) -> None:
        self._bar.show("searching", fraction)

    def trial(self, trial: Trial) -> None:
        if not self._headed:
            self._headed = True
            heads = ("epochs", "trial", "dev score", "seconds")
            self._bar.line(" ".join(f"{head:>12}" for head in heads))
        cells = (str(trial.epochs), str(trial.trial), _score(trial), f"{trial.seconds:.1f}")
        self._bar.line(" ".join(f"{cell:>12}" for cell in cells))


def print_tuning_result(result: TuningResult) -> None:
    """Print every trial with its settings, as far as it came, the best first; then what to do."""
    trials = _furthest(result.trials)
    paths = sorted({path for trial in trials for path in trial.settings})
    names = [_short(path, paths) for path in paths]
    rows = [["trial", "epochs", "dev score", "", "seconds", *names]]
    for trial in trials:
        mark = "*" if result.best is not None and trial.key == result.best.key else ""
        figures = [str(trial.trial), str(trial.epochs), _score(trial), mark, f"{trial.seconds:.1f}"]
        rows.append([*figures, *(_value(trial, path) for path in paths)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:  # wider than a table of rich can be
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells))
    legend = ["as is: the config's own setting"] if any(names) else []
    if result.best is not None:
        legend.insert(0, "* the best of the trials with the most epochs")
    if legend:
        plain_console().print("; ".join(legend), style="dim")
    for trial in trials:
        if trial.lost:
            print(f"trial {trial.trial} was lost: {trial.lost}")
    if result.best is None:
        print(_why_none_is_best(trials))
        return
    print(f"best: trial {result.best.trial}; train it with")
    print(shlex.join(["windowclf", "train", str(result.best_path)]))


def _why_none_is_best(trials: Sequence[Trial]) -> str:
    """Why a search has no winner, the furthest trial first, and what to try."""
    first = next((trial for trial in trials if trial.score is not None), trials[0])
    score = _score(first)
    why = f"best: none, since every trial scored {score} on dev; best.yaml is not written."
    if first.score:
        return f"{why} Train the config as it stands, or search a wider tune.space."
    longer = f"--set 'tune.rungs=[{2 * first.epochs}, {4 * first.epochs}]'"
    return f"{why} Give the trials more epochs, with --overwrite {longer}, or train on more text."


def _furthest(trials: Sequence[Trial]) -> list[Trial]:
    """Each trial at its longest rung; the longest first, and there the best."""
    last = {trial.trial: trial for trial in trials}  # they come by rung
    return sorted(last.values(), key=lambda one: (-one.epochs, -(one.score or -1.0), one.trial))


def _score(trial: Trial) -> str:
    """The score of a trial in per cent, or that it was lost."""
    return "lost" if trial.score is None else percent(trial.score)


def _short(path: str, paths: Sequence[str]) -> str:
    """The last names of the path of a setting, as many as tell it from the other paths."""
    names = path.split(".")
    for count in range(1, len(names)):
        end = "." + ".".join(names[-count:])
        if sum(f".{other}".endswith(end) for other in paths) == 1 and not end[1:].isdecimal():
            return legible(end[1:])
    return legible(path)


def _value(trial: Trial, path: str) -> str:
    """The setting of a trial at a path as the table shows it."""
    if path not in trial.settings:
        return "as is"
    value = trial.settings[path]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
