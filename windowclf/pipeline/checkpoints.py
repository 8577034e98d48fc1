"""When a run saves its state, and when it logs how far it is."""

from __future__ import annotations

from windowclf.config.training import Checkpoint
from windowclf.network.reports import Report, StepReport


def save_is_due(checkpoint: Checkpoint, report: Report, seconds: float) -> bool:
    """Whether the state should be saved after a report, `seconds` after it was last saved.

    By the clock, or by the number of the step, so that a resumed run saves at the same ones.
    """
    if seconds >= checkpoint.seconds:
        return True
    is_step = isinstance(report, StepReport)  # not again after the evaluation that follows it
    return is_step and checkpoint.steps is not None and report.step % checkpoint.steps == 0


def is_point(checkpoint: Checkpoint, before: int, report: StepReport) -> bool:
    """Whether the share of a run is full that is logged, the run having had `before` tokens.

    It depends on the step alone, so that a resumed run logs the same ones.
    """
    if (every := checkpoint.log_every) is None:
        return False
    return int(before / report.total_tokens / every) < int(
        report.tokens / report.total_tokens / every
    )
