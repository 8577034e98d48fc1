"""Trial, what came of one config of a search, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """A config that was trained for some epochs, and what came of it."""

    epochs: int  # of the rung
    trial: int  # from 1
    settings: Mapping[str, Any]  # by path
    score: float | None  # the task's metric on dev at the best epoch; None for a lost trial
    best_epoch: int
    seconds: float
    lost: str | None  # why

    @property
    def key(self) -> tuple[int, int]:
        """(epochs, trial): what tells the results of a search apart."""
        return self.epochs, self.trial
