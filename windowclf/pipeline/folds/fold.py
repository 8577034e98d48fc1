"""Fold, what came of one part of a text that was left out of a training, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fold:
    """A model trained without a part of the text, and its scores on that part."""

    fold: int  # from 1
    sentences: int  # left out, and scored
    tokens: int
    best_epoch: int
    figures: Mapping[str, float]  # the main figures by name
    evaluation: Mapping[str, Any]  # all of them: an Evaluation
