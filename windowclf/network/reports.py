"""What a training says of itself: a report per step and per epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class StepReport:
    """After one update of the parameters."""

    epoch: int  # from 1
    step: int  # in the run, from 1
    tokens: int  # trained on so far
    total_tokens: int  # of the whole run, about as many where it replays
    loss: float  # J of the batch
    learning_rate: float


@dataclass(frozen=True)
class EpochReport:
    """After an epoch and its evaluation on dev."""

    epoch: int
    step: int
    tokens: int
    loss: float  # Σ B·J / Σ B over the epoch
    learning_rate: float
    score: float | None  # the task's metric on dev; None without dev
    metrics: Mapping[str, float]  # figures of the evaluation for the log
    best: bool  # the model to keep so far
    last: bool  # the run ends here
    seconds: float
    tokens_per_second: float
    threads: int  # that share a step


Report: TypeAlias = StepReport | EpochReport
