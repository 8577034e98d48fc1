"""How sure a model is against how often it is right: the temperature, and the reliability table.

A temperature T divides theta (and the transition scores of a CRF): the order of the classes stays
as it is, their probabilities move towards each other (T > 1) or apart (T < 1). Guo, Pleiss, Sun and
Weinberger (2017) fit it on held-out text and measure by bins of the certainty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from windowclf import ensemble
from windowclf.architecture import Architecture, Parameters
from windowclf.arrays import Floats, Ints
from windowclf.kernels.output import sigmoid_cross_entropy, softmax_cross_entropy
from windowclf.limits import TEMPERATURES
from windowclf.text.corpus import NO_CLASS

BINS = 15
AT_ONCE = 8192  # certainties that are counted together


def fit_temperature(a: Architecture, p: Parameters, theta: Floats, lengths: Ints, y: Ints) -> float:
    """The T with the least surprise at the gold labels; 1 where no token has one.

    theta (N, K); lengths (S,) of the sentences; y (N,) class indices, NO_CLASS for a token without,
    or for a sigmoid output rows (N, K) of 0 and 1, NO_CLASS in all of a row without. The mean
    negative log-likelihood is that of a token's label: for a CRF of its marginal, for several
    labels of all decisions. To it comes (ln T)²/2N, one observation's worth of T = 1, so that a few
    tokens, all of them right, do not make a model certain of everything.
    """
    from scipy.optimize import minimize_scalar

    known = (y if y.ndim == 1 else y[:, 0]) != NO_CLASS
    tokens = int(np.count_nonzero(known))
    if tokens == 0:
        return 1.0
    whole = theta.astype(np.float64)

    def surprise(log_T: float) -> float:
        J = _mean_negative_log_likelihood(a, p, whole, lengths, y, known, math.exp(log_T))
        return J + log_T * log_T / (2 * tokens)

    low, high = map(math.log, TEMPERATURES)
    found = minimize_scalar(surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    if not found.fun < surprise(0.0):
        return 1.0
    return round(math.exp(float(found.x)), 4)


def _mean_negative_log_likelihood(
    a: Architecture, p: Parameters, theta: Floats, lengths: Ints, y: Ints, known: Any, T: float
) -> float:
    if a.output == "crf":
        y_hat = ensemble.probabilities(a, p, theta, lengths, T)
        own = y_hat[np.flatnonzero(known), y[known]]
        return -float(np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())
    weights = known.astype(np.float64)
    if a.output == "softmax":
        return softmax_cross_entropy(theta / T, np.maximum(y, 0), weights)[0]
    return sigmoid_cross_entropy(theta / T, np.maximum(y, 0).astype(np.uint8), weights)[0]


class Reliability:
    """Counts tokens by how sure the model was of their labels, in bins of equal width."""

    def __init__(self) -> None:
        self._certainty: list[float] = []
        self._right: list[bool] = []
        self._sums = np.zeros((BINS, 3))  # tokens, Σ certainty, right ones

    def add(self, certainty: Sequence[float], right: Sequence[bool]) -> None:
        """Tokens with a gold label: the probability of the label given, and whether it is right."""
        self._certainty += certainty
        self._right += right
        if len(self._right) >= AT_ONCE:
            self._count()

    def report(self) -> dict[str, Any]:
        """The expected calibration error Σ_bins n/N·|accuracy − confidence|, and the bins.

        A bin takes from ≤ certainty < to, the last one 1 too.
        """
        self._count()
        tokens, certainty, right = self._sums.T
        error = np.abs(right - certainty).sum() / max(tokens.sum(), 1.0)
        confidence, accuracy = certainty / np.maximum(tokens, 1), right / np.maximum(tokens, 1)
        bins = [
            {
                "from": i / BINS,
                "to": (i + 1) / BINS,
                "tokens": int(tokens[i]),
                "confidence": float(confidence[i]),
                "accuracy": float(accuracy[i]),
            }
            for i in range(BINS)
        ]
        return {"error": float(error), "bins": bins}

    def _count(self) -> None:
        certainty, right = np.array(self._certainty, np.float64), np.array(self._right, np.float64)
        own = np.searchsorted(np.arange(1, BINS) / BINS, certainty, side="right")
        for column, weights in enumerate((None, certainty, right)):
            self._sums[:, column] += np.bincount(own, weights, BINS)
        self._certainty.clear()
        self._right.clear()
