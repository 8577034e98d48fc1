"""How sure a model is against how often it is right, by bins of the certainty.

The expected calibration error is that of Guo, Pleiss, Sun and Weinberger (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from windowclf.analysis.results import Bin, Calibration

BINS = 15
AT_ONCE = 8192  # certainties that are counted together


class Reliability:
    """Counts answers by how sure the model was of them, in bins of equal width."""

    def __init__(self, unit: Literal["tokens", "spans"]) -> None:
        """`unit` is what answers are of: tokens or spans."""
        self._unit: Literal["tokens", "spans"] = unit
        self.used = False
        self._certainty: list[float] = []
        self._right: list[bool] = []
        self._sums = np.zeros((BINS, 3))  # of each bin: tokens, Σ certainty, right ones

    def add(self, certainty: Sequence[float], right: Sequence[bool]) -> None:
        """Answers whose gold is known: the probability of each, and whether it is right."""
        self.used = True
        self._certainty += certainty
        self._right += right
        if len(self._right) >= AT_ONCE:
            self._count()

    def report(self) -> Calibration:
        """The expected calibration error Σ_bins share·|accuracy − confidence|, and the bins.

        A bin's share is that of its tokens in all. A bin takes from ≤ certainty < to, the last one
        1 too.
        """
        self._count()
        tokens, certainty, right = self._sums.T
        error = np.abs(right - certainty).sum() / max(tokens.sum(), 1.0)
        confidence, accuracy = certainty / np.maximum(tokens, 1), right / np.maximum(tokens, 1)
        bins: list[Bin] = [
            {
                "from": i / BINS,
                "to": (i + 1) / BINS,
                "confidence": float(confidence[i]),
                "accuracy": float(accuracy[i]),
            }
            for i in range(BINS)
        ]
        for each, count in zip(bins, tokens, strict=True):
            each[self._unit] = int(count)
        return {"error": float(error), "bins": bins}

    def _count(self) -> None:
        certainty, right = np.array(self._certainty, np.float64), np.array(self._right, np.float64)
        own = np.searchsorted(np.arange(1, BINS) / BINS, certainty, side="right")
        for column, weights in enumerate((None, certainty, right)):
            self._sums[:, column] += np.bincount(own, weights, BINS)
        self._certainty.clear()
        self._right.clear()
