"""How to train, and where chance comes from: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from windowclf.network.gradients import Objective
from windowclf.network.update_rules import Rule


@dataclass(frozen=True)
class Settings:
    """How to train."""

    seed: int
    epochs: int
    batch_tokens: int
    rule: Rule
    learning_rate: float
    rows: Literal["lazy", "dense"]
    average: float | None
    schedule: Literal["constant", "linear", "cosine"]
    warmup: float
    objective: Objective
    word_dropout: float
    clip_norm: float | None
    patience: int | None
    dtype: Literal["float32", "float64"]
    replay_share: float = 0.0  # tokens that an epoch draws of old sentences / those of new ones


class Purpose(IntEnum):
    """What a random generator is for; part of its seed."""

    SHUFFLE = 1
    WORD_DROPOUT = 2
    DROPOUT = 3
    INPUT_DROPOUT = 4
    REPLAY = 6


def generator(seed: int, purpose: Purpose, epoch: int, step: int = 0) -> np.random.Generator:
    """The generator of one purpose at one step, so that a step needs no history."""
    return np.random.Generator(np.random.SFC64([seed, purpose, epoch, step]))
