"""How the learning rate changes with the progress of a run."""

from __future__ import annotations

import math
from typing import Literal


def schedule_factor(
    name: Literal["constant", "linear", "cosine"], warmup: float, progress: float
) -> float:
    """Factor of the learning rate at `progress` in [0, 1] of the training.

    Rises linearly from 0 to 1 over the first `warmup`, then stays, falls linearly to 0, or falls
    as (1 + cos πs)/2 over the rest s.
    """
    if progress < warmup:
        return progress / warmup
    rest = min((progress - warmup) / (1 - warmup), 1.0)
    match name:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - rest
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * rest))
