"""What people see of a cross-validation: a line a fold on the way, and a table at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from windowclf.commands.progress import StoppableDisplay
from windowclf.commands.tables import interval_text, new_table, percent, plain_console
from windowclf.pipeline.folds.cross_validate import CrossValidation
from windowclf.pipeline.folds.fold import Fold

WIDTH = 12  # of a column on the way


class FoldsDisplay(StoppableDisplay):
    """A bar with what is left of all folds, and a line per fold that stays."""

    def reading(self, fraction: float) -> None:
        self._bar.show("reading", fraction)

    def searched(self, fraction: float) -> None:
        self._bar.show("training the folds", fraction)

    def fold(self, fold: Fold) -> None:
        if not self._headed:
            self._headed = True
            self._line(["fold", "sentences", "tokens", *fold.figures])
        self._line(_cells(fold, list(fold.figures)))

    def _line(self, cells: Sequence[str]) -> None:
        """Write cells as a line, under one another with those of other lines."""
        self._bar.line(" ".join(f"{cell:>{WIDTH}}" for cell in cells))


def print_folds(result: CrossValidation) -> None:
    """Print the figures of each fold, their mean and its interval, and where they are kept."""
    names = list(result.figures)
    table = new_table("fold", "sentences", "tokens", *names)
    for fold in result.folds:
        table.add_row(*_cells(fold, names))
    spreads = result.figures.values()
    table.add_row("mean", "", "", *(percent(each["mean"]) for each in spreads))
    table.add_row("95 % interval", "", "", *(interval_text(each["interval"]) for each in spreads))
    plain_console().print(table)
    print("interval: of the mean, by Student's t over the folds")
    print(
        f"scores: {result.path}; each fold's model is in a folder beside it, none is of all parts"
    )


def _cells(fold: Fold, names: Sequence[str]) -> list[str]:
    """A fold as cells of a table, with the figures of these names."""
    figures: Mapping[str, float] = fold.figures
    shown = [percent(figures[name]) if name in figures else "-" for name in names]
    return [str(fold.fold), f"{fold.sentences:,}", f"{fold.tokens:,}", *shown]
