"""What people see: progress and notices on standard error, tables of results on standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from windowclf.commands.tables import interval_text, new_table, percent, plain_console
from windowclf.errors import legible
from windowclf.network.gradient_check import ArrayCheck
from windowclf.network.reports import EpochReport, Report
from windowclf.pipeline.train import TrainingResult

REFRESH_SECONDS = 0.2
CONFUSIONS_SHOWN = 10


def print_notice(text: str) -> None:
    """A sentence beside the results."""
    print(f"note: {text}", file=sys.stderr)


def print_progress(text: str) -> None:
    """A line that says what is being done, on terminals only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


class TrainingDisplay:
    """A progress bar with ETA while a run goes on, and a line per epoch that stays."""

    def __init__(self) -> None:
        self.console = plain_console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:3.0f} %  left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rate]}"),
            console=self.console,
            transient=True,
            auto_refresh=False,
            disable=not self.console.is_terminal,
        )
        self.task: TaskID | None = None
        self.reader: TaskID | None = None
        self.headed = False
        self.refreshed = 0.0
        self.began: tuple[float, int] | None = None  # time and tokens at the first report

    def __enter__(self) -> TrainingDisplay:
        self.progress.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.progress.stop()

    def notice(self, text: str) -> None:
        """A sentence beside the progress."""
        self.progress.console.print(f"note: {text}")

    def reading(self, fraction: float) -> None:
        """Show how much of the training text has been read."""
        if self.reader is None:
            self.reader = self.progress.add_task("reading", total=1.0, rate="")
        now = time.monotonic()
        if now - self.refreshed >= REFRESH_SECONDS:
            self.refreshed = now
            self.progress.update(self.reader, completed=fraction)
            self.progress.refresh()

    def report(self, report: Report) -> None:
        """Show a report of the training."""
        if isinstance(report, EpochReport):
            self._epoch(report)
            return
        now = time.monotonic()
        if self.began is None:
            self.began = (now, report.tokens)
            if self.reader is not None:
                self.progress.remove_task(self.reader)
            self.task = self.progress.add_task("", total=report.total_tokens, rate="")
        if now - self.refreshed < REFRESH_SECONDS or self.task is None:
            return
        self.refreshed = now
        rate = (report.tokens - self.began[1]) / max(now - self.began[0], 1e-9)
        self.progress.update(
            self.task,
            completed=report.tokens,
            description=f"epoch {report.epoch:3d}  loss {report.loss:.4f}",
            rate=f"{rate:,.0f} tokens/s",
        )
        self.progress.refresh()

    def _epoch(self, report: EpochReport) -> None:
        names = list(report.metrics)
        if not self.headed:
            self.headed = True
            heads = ["epoch", "loss", *(f"dev {name}" for name in names), "tokens/s", "seconds"]
            self._line([f"{head:>12}" for head in heads])
        cells = [f"{report.epoch:>12d}", f"{report.loss:>12.4f}"]
        cells += [f"{percent(report.metrics[name]):>{max(12, len(name) + 4)}}" for name in names]
        cells += [f"{report.tokens_per_second:>12,.0f}", f"{report.seconds:>12.1f}"]
        self._line(cells, " *" if report.best and report.score is not None else "")

    def _line(self, cells: Sequence[str], mark: str = "") -> None:
        self.progress.console.print(" ".join(cells) + mark)


def print_training_result(result: TrainingResult) -> None:
    """The scores of the model that was kept, and where it is."""
    for name, evaluation in result.evaluations.items():
        print_evaluation(evaluation, title=name, details=name == "test")
    print(f"model: {result.model_path}")


def print_evaluation(
    evaluation: Mapping[str, Any], title: str | None = None, details: bool = True
) -> None:
    """An evaluation as tables: the main figures, and with details every label."""
    console = plain_console()
    console.print(_figures(evaluation, title))
    if not details:
        return
    console.print(_reliability_table(evaluation["calibration"]["bins"]))
    rows = evaluation["spans"]["types"] if "spans" in evaluation else evaluation["labels"]
    console.print(_scores_table("type" if "spans" in evaluation else "label", rows))
    wrong = _confusions(evaluation["confusion"])
    if wrong:
        console.print(_confusion_table(wrong))


def print_gradient_checks(checks: Sequence[ArrayCheck]) -> None:
    """A row per parameter array."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    table = new_table("array", "shape", "checked", "kinks", "‖a−n‖/(‖a‖+‖n‖)", "")
    for check in checks:
        table.add_row(
            check.name,
            "×".join(map(str, check.shape)),
            f"{check.checked} of {check.wanted}",
            str(check.kinks),
            f"{check.error:.1e}",
            "ok" if check.passed else "FAILED",
        )
    plain_console().print(table)


def print_info(facts: Mapping[str, Any]) -> None:
    """Facts of a model, one a line; lists and tables indented."""
    console = plain_console()
    for name, value in facts.items():
        if isinstance(value, Mapping):
            console.print(f"{name}:")
            for inner, fact in value.items():
                console.print(f"  {inner}: {fact}")
        elif isinstance(value, list):
            console.print(f"{name}: {', '.join(legible(str(each)) for each in value)}")
        else:
            console.print(f"{name}: {value}")


def print_compression(facts: Mapping[str, Any]) -> None:
    """Bytes, scores and rows of a model before and after it was compressed."""
    before, after = facts["before"], facts["after"]
    table = new_table(f"stored as {facts['stored as']}", "before", "after")
    table.add_row("bytes", f"{before['bytes']:,}", f"{after['bytes']:,}")
    for name, score in before.get("scores", {}).items():
        now = after["scores"].get(name)
        table.add_row(name, percent(score), "-" if now is None else percent(now))
    seen = "words seen in training"
    counts = {seen: (before[seen], after[seen])} | {
        f"rows of {name}": (V, after["rows"][name]) for name, V in before["rows"].items()
    }
    for name, (old, new) in counts.items():
        table.add_row(name, f"{old:,}", "not kept" if new is None else f"{new:,}")
    plain_console().print(table)
    print(f"model: {facts['file']}")


def _figures(evaluation: Mapping[str, Any], title: str | None) -> Table:
    table = new_table(title or "", "", "95 % interval", "of tokens")

    def add(name: str, value: float, key: str = "", tokens: int | None = None) -> None:
        interval = evaluation["intervals"].get(key)
        number = "" if tokens is None else f"{tokens:,}"
        table.add_row(name, percent(value), interval_text(interval) if interval else "", number)

    add("accuracy", evaluation["accuracy"], "accuracy", evaluation["tokens"])
    unseen = evaluation.get("unseen", {"tokens": 0})["tokens"]
    for part in ("seen", "unseen") if unseen else ():
        row = evaluation[part]
        if row["tokens"]:
            add(f"  {part} words", row["accuracy"], tokens=row["tokens"])
    for part in ("spans", "words"):
        if part in evaluation:
            for figure in ("precision", "recall", "f1"):
                add(f"{part} {figure}", evaluation[part][figure], f"{part}_{figure}")
    if "exact" in evaluation:
        add("exact match", evaluation["exact"], "accuracy")
        add("micro f1", evaluation["micro"]["f1"], "micro_f1")
    add("macro f1", evaluation["macro"]["f1"])
    add("calibration error", evaluation["calibration"]["error"])
    return table


def _reliability_table(bins: Sequence[Mapping[str, float]]) -> Table:
    """How sure the model is, and how often it is right."""
    table = new_table("certainty", "tokens", "mean", "accuracy")
    for each in bins:
        if each["tokens"]:
            between = interval_text((each["from"], each["to"]))
            figures = percent(each["confidence"]), percent(each["accuracy"])
            table.add_row(between, f"{each['tokens']:,}", *figures)
    return table


def _scores_table(kind: str, rows: Mapping[str, Mapping[str, float]]) -> Table:
    table = new_table(kind, "precision", "recall", "f1", "support")
    for name, row in rows.items():
        figures = [percent(row[figure]) for figure in ("precision", "recall", "f1")]
        table.add_row(legible(name), *figures, f"{row['support']:,}")
    return table


def _confusions(confusion: Mapping[str, Mapping[str, int]]) -> list[tuple[int, str, str]]:
    wrong = [
        (count, gold, predicted)
        for gold, row in confusion.items()
        for predicted, count in row.items()
        if predicted != gold and count
    ]
    return sorted(wrong, key=lambda row: (-row[0], row[1:]))[:CONFUSIONS_SHOWN]


def _confusion_table(wrong: Sequence[tuple[int, str, str]]) -> Table:
    table = new_table("most frequent errors: gold", "predicted", "tokens")
    for count, gold, predicted in wrong:
        table.add_row(legible(gold), legible(predicted), f"{count:,}")
    return table
