"""What people see of a training: a bar with what is left, and a line per epoch that stays."""

from __future__ import annotations

import time
from collections.abc import Sequence

from windowclf.commands.evaluation_display import print_evaluation
from windowclf.commands.progress import Bar
from windowclf.commands.tables import percent
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.train import TrainingResult


class TrainingDisplay(Listener):
    """Shows a training, and ends it where a signal has come."""

    def __init__(self, signals: Sequence[int]):
        """`signals` is where those that have come are noted."""
        self._signals = signals
        self._bar = Bar()
        self._headed = False
        self._began: tuple[float, int] | None = None  # time and tokens at the first report

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.close()

    def should_stop(self) -> bool:
        return bool(self._signals)

    def notice(self, text: str) -> None:
        self._bar.line(f"note: {text}")

    def reading(self, fraction: float) -> None:
        self._bar.show("reading", fraction)

    def report(self, report: Report) -> None:
        if isinstance(report, EpochReport):
            self._epoch(report)
        else:
            self._step(report)

    def _step(self, report: StepReport) -> None:
        now = time.monotonic()
        began, tokens = self._began = self._began or (now, report.tokens)
        rate = (report.tokens - tokens) / max(now - began, 1e-9)
        self._bar.show(
            "training",
            report.tokens / report.total_tokens,
            f"epoch {report.epoch:3d}  loss {report.loss:.4f}",
            f"{rate:,.0f} tokens/s",
        )

    def _epoch(self, report: EpochReport) -> None:
        names = list(report.metrics)
        if not self._headed:
            self._headed = True
            heads = ["epoch", "loss", *(f"dev {name}" for name in names), "tokens/s", "seconds"]
            self._bar.line(" ".join(f"{head:>12}" for head in heads))
        cells = [f"{report.epoch:>12d}", f"{report.loss:>12.4f}"]
        cells += [f"{percent(report.metrics[name]):>{max(12, len(name) + 4)}}" for name in names]
        cells += [f"{report.tokens_per_second:>12,.0f}", f"{report.seconds:>12.1f}"]
        mark = " *" if report.best and report.score is not None else ""
        self._bar.line(" ".join(cells) + mark)


def print_training_result(result: TrainingResult) -> None:
    """The scores of the model that was kept, and where it is."""
    for name, evaluation in result.evaluations.items():
        print_evaluation(evaluation, title=name, details=name == "test")
    print(f"model: {result.model_path}")
