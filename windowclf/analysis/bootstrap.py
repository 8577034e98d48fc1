"""How far a figure may be chance: sentences drawn again, as many as there are, with replacement.

Or documents, as resampling.py says. Sentences with the same counts are one row with a number. A
resample is then one draw of a multinomial over the rows, and neither time nor memory grows with the
text as such. The intervals are percentile intervals (Efron and Tibshirani 1993, ch. 13); the
p-value is the two-sided form of that of Berg-Kirkpatrick, Burkett and Klein (2012).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from windowclf.analysis.resampling import Numbers
from windowclf.analysis.results import Difference
from windowclf.arrays import Floats

RESAMPLES = 1000
LEVEL = 0.95
SEED, PURPOSE = 1, 95
AT_ONCE = 1 << 21  # numbers of sentences that are held in memory


class Counts(NamedTuple):
    """What one sentence, or document, adds to the figures."""

    tokens: int  # with a gold label
    right: int
    correct: int = 0  # spans, words or labels of a token: what F1 is made of
    guessed: int = 0
    gold: int = 0


def intervals(rows: Mapping[Numbers, int], f1: str | None) -> dict[str, list[float]]:
    """[low, high] of accuracy, and of F1 under the name `f1` where there is one.

    `rows` says how many sentences have the same Counts.
    """
    table = np.array(sorted(rows), np.float64).reshape(-1, len(Counts._fields))
    numbers = np.array([rows[key] for key in sorted(rows)], np.int64)
    drawn = figures(resampled_sums(table, numbers), f1)
    return {name: _percentiles(values) for name, values in drawn.items()}


def differences(rows: Mapping[Numbers, int], f1: str | None) -> dict[str, Difference]:
    """The first model's figures minus the second's, their intervals and p-values.

    `rows` says how many sentences have the same Counts of the first model and, after them, of the
    second. A p-value is the share of the resamples whose difference lies at least as far from the
    one observed as that lies from 0, the observation counted among them: under the hypothesis that
    there is no difference, how often one of this size or more, of either sign, comes by chance.
    """
    keys, counts = sorted(rows), len(Counts._fields)
    table = np.array(keys, np.float64).reshape(-1, 2 * counts)
    numbers = np.array([rows[key] for key in keys], np.int64)
    sums = np.vstack([numbers @ table, resampled_sums(table, numbers)])  # row 0: as observed
    one, other = figures(sums[:, :counts], f1), figures(sums[:, counts:], f1)
    found: dict[str, Difference] = {}
    for name, values in one.items():
        observed, *_ = drawn = values - other[name]
        far = np.abs(drawn[1:] - observed) >= abs(observed) - 1e-12  # equal but for rounding
        found[name] = {
            "difference": float(observed),
            "interval": _percentiles(drawn[1:]),
            "p": float((1 + np.count_nonzero(far)) / (1 + RESAMPLES)),
        }
    return found


def resampled_sums(table: Floats, numbers: Any) -> Floats:
    """The counts of each resample, summed over the sentences that it draws.

    table (rows, counts), numbers (rows,) of sentences with each row  ->  (resamples, counts).
    """
    rows, counts = table.shape
    total = int(numbers.sum())
    if total == 0:
        return np.zeros((RESAMPLES, counts))
    rng = np.random.default_rng((SEED, PURPOSE))
    most = max(1, AT_ONCE // rows)
    parts = []
    for start in range(0, RESAMPLES, most):
        size = min(most, RESAMPLES - start)
        parts.append(rng.multinomial(total, numbers / total, size).astype(np.float64) @ table)
    return np.concatenate(parts)


def figures(sums: Floats, f1: str | None) -> dict[str, Floats]:
    """Accuracy and F1 of each resample, by name; 0/0 is 0.

    sums (resamples, 5) in the order of Counts  ->  arrays (resamples,).
    """
    tokens, right, correct, guessed, gold = sums.T
    found = {"accuracy": right / np.maximum(tokens, 1)}
    if f1 is not None:
        found[f1] = 2 * correct / np.maximum(guessed + gold, 1)
    return found


def _percentiles(values: Floats) -> list[float]:
    """[low, high], between which the middle LEVEL of the values (resamples,) lies."""
    tail = 50 * (1 - LEVEL)
    return [float(value) for value in np.percentile(values, [tail, 100 - tail])]
