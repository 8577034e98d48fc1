"""Listener: who is told how a command goes on, and asked whether it should."""

from __future__ import annotations

from collections.abc import Callable

from windowclf.analysis.figures import Summary
from windowclf.network.reports import Report
from windowclf.pipeline.folds.fold import Fold
from windowclf.pipeline.search.trial import Trial


class Listener:
    """Does nothing; what is to be heard is a method of a subclass.

    `train`, `cross_validate`, `tune`, `evaluate`, `predict_file` and the like take one. Calls come
    from the thread that called, in order.
    """

    def notice(self, text: str) -> None:
        """A sentence that people should see beside the result."""

    def reading(self, fraction: float) -> None:
        """So much of the training text has been read, 0 to 1."""

    def reading_of(self, size: float) -> Callable[[int], None]:
        """A function that is told of bytes as they are read, of `size` in all; see `reading`."""
        done = 0

        def on_bytes(count: int) -> None:
            """Tell that so many bytes more are read."""
            nonlocal done
            done += count
            self.reading(min(1.0, done / max(1.0, size)))

        return on_bytes

    def texts(self, summary: Summary) -> None:
        """What a training has read, before its first step."""

    def prepared(self) -> None:
        """All is read; what a training or a search does from now on is kept if it is stopped."""

    def report(self, report: Report) -> None:
        """A step or an epoch of a training has ended."""

    def trial(self, trial: Trial) -> None:
        """A trial of a search has ended."""

    def fold(self, fold: Fold) -> None:
        """A fold of a cross-validation has ended."""

    def searched(self, fraction: float) -> None:
        """So much of a search, or of a cross-validation, is done, 0 to 1."""

    def predicted(self, tokens: int, fraction: float | None) -> None:
        """So many tokens are labelled; the fraction of the input where its size is known."""

    def working(self, on: str, fraction: float) -> None:
        """So much of a part of a plan or a benchmark is done, 0 to 1; `on` names the part."""

    def checked(self, array: str) -> None:
        """The gradient of an array is about to be checked."""

    def should_stop(self) -> bool:
        """True to end early: after a step of a training, a few times a second in a search."""
        return False


SILENT = Listener()
