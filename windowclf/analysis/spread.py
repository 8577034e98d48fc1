"""How far figures of several models lie apart: the mean over folds, and how sure it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TypedDict

from scipy.special import stdtrit

LEVEL = 0.95


class Spread(TypedDict):
    """A figure over several folds."""

    mean: float
    interval: list[float]  # [low, high], between which the mean lies with 95 %
    folds: list[float | None]  # None: the fold has nothing to count it on


def spreads(rows: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """The spread of each figure, all of them shares, from the figures of each fold by name."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _spread([row.get(name) for row in rows]) for name in names}


def _spread(values: Sequence[float | None]) -> Spread:
    """The mean of the values that are there, and its interval by Student's t.

    That of folds is somewhat too narrow, for their models share much of what they learnt from. It
    ends where a share does, at 0 and 1.
    """
    known = [value for value in values if value is not None]
    mean, n = statistics.fmean(known), len(known)
    far = 0.0
    if n > 1:
        t = float(stdtrit(n - 1, (1 + LEVEL) / 2))
        far = t * statistics.stdev(known) / math.sqrt(n)
    interval = [max(0.0, mean - far), min(1.0, mean + far)]
    return {"mean": mean, "interval": interval, "folds": list(values)}
