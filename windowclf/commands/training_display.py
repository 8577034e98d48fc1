"""What people see of a training while it runs, and the scores that they see at its end."""

from __future__ import annotations

import time

from windowclf.analysis.figures import Summary
from windowclf.commands.check_display import summary_lines
from windowclf.commands.evaluation_display import print_evaluation
from windowclf.commands.progress import StoppableDisplay
from windowclf.commands.signals import Signalled
from windowclf.commands.tables import percent
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.pipeline.train import TrainingResult

LEGEND = {
    "*": "* the best on dev so far, which is kept",
    "unseen": "dev unseen: accuracy on the tokens of dev that train lacks",
}


class TrainingDisplay(StoppableDisplay):
    """A bar with what is left of a training, and a line per epoch that stays."""

    def __init__(self, signalled: Signalled, check: str = ""):
        """`signalled` is where signals that have come are noted; `check` looks at the texts."""
        super().__init__(signalled)
        self._check = check
        self._began: tuple[float, int] | None = None  # time and tokens at the first report
        self._unclear: set[str] = set()  # of LEGEND, what has been shown

    def __exit__(self, *exception: object) -> None:
        if self._unclear:
            self._bar.legend("; ".join(LEGEND[each] for each in LEGEND if each in self._unclear))
        super().__exit__(*exception)

    def reading(self, fraction: float) -> None:
        self._bar.show("reading", fraction)

    def texts(self, summary: Summary) -> None:
        for line in summary_lines(summary, self._check):
            self._bar.line(line)

    def report(self, report: Report) -> None:
        if isinstance(report, EpochReport):
            self._epoch(report)
        else:
            self._step(report)

    def _step(self, report: StepReport) -> None:
        """Move the bar."""
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
        """Write the line of an epoch, before the first one the names of its columns."""
        names = list(report.metrics)
        if not self._headed:
            self._headed = True
            heads = ["epoch", "loss", *(f"dev {name}" for name in names), "tokens/s", "seconds"]
            self._bar.line(" ".join(f"{head:>12}" for head in heads))
        cells = [f"{report.epoch:>12d}", f"{report.loss:>12.4f}"]
        cells += [f"{percent(report.metrics[name]):>{max(12, len(name) + 4)}}" for name in names]
        cells += [f"{report.tokens_per_second:>12,.0f}", f"{report.seconds:>12.1f}"]
        mark = " *" if report.best and report.score is not None else ""
        self._unclear |= {*mark.split(), *names} & LEGEND.keys()
        self._bar.line(" ".join(cells) + mark)


def print_training_result(result: TrainingResult) -> None:
    """Print the scores of the model that was kept, and where it is."""
    for name, evaluation in result.evaluations.items():
        print_evaluation(evaluation, title=name, details=name == "test")
    print(f"model: {result.model_path}")
