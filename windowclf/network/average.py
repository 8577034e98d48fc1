"""Averaged parameters, and rows of tables taken out and put back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from windowclf.arrays import Floats, Ints


class Average:
    """Exponential moving average of every parameter: a ← d_t a + (1 − d_t) p after step t.

    d_t = min(decay, (1 + t)/(10 + t)), and a starts at the initial p. Kept is the lag e = a − p,
    for which a step p ← p − s means e ← d_t (e + s), and s missed steps of a row that no batch
    touched e ← D e with D the product of their d, made up at once when the row is next read.
    Log-products since the start are kept, one number for now and one per row, so that
    D = exp(now − then) needs no history.
    """

    def __init__(self, parameters: Mapping[str, Floats], decay: float, by_row: frozenset[str]):
        self.decay = decay
        self.lags = {name: np.zeros_like(p) for name, p in parameters.items()}
        self.log_product = 0.0
        self.row_log_product = {name: np.zeros(len(parameters[name])) for name in by_row}

    def d(self, t: int) -> float:
        """d_t."""
        return min(self.decay, (1 + t) / (10 + t))

    def begin_step(self, t: int) -> None:
        """Account for step t before its arrays are folded in."""
        self.log_product += math.log(max(self.d(t), 1e-300))

    def fold(self, name: str, piece: slice, step: Floats, t: int) -> None:
        """e ← d_t (e + s) for a piece of a dense array that took the step s."""
        e = self.lags[name][piece]
        e += step
        e *= self.d(t)

    def fold_rows(self, name: str, rows: Ints, step: Floats, t: int) -> None:
        """The same for touched rows, which may have missed steps before this one."""
        then = self.row_log_product[name]
        before = self.log_product - math.log(max(self.d(t), 1e-300))
        e = take_rows(self.lags[name], rows)
        e *= np.exp(before - then[rows]).astype(e.dtype)[:, None]
        e += step
        e *= self.d(t)
        put_rows(self.lags[name], rows, e)
        then[rows] = self.log_product

    def catch_up(self, parameters: Mapping[str, Floats]) -> dict[str, Floats]:
        """Make up what every row missed, and return the averages, new arrays."""
        for name, then in self.row_log_product.items():
            behind = then != self.log_product
            D = np.exp(self.log_product - then[behind])
            self.lags[name][behind] *= D.astype(self.lags[name].dtype)[:, None]
            then[:] = self.log_product
        return {name: p + self.lags[name] for name, p in parameters.items()}


def take_rows(table: Floats, rows: Ints) -> Floats:
    """A copy of some rows; `clip` spares the check of indices that are known to be right."""
    return np.take(table, rows, axis=0, mode="clip")


def put_rows(table: Floats, rows: Ints, values: Floats) -> None:
    """table[rows] = values in half the time: whole rows move as single items."""
    row = np.dtype((np.void, table.itemsize * table.shape[1]))
    np.put(table.view(row), rows, values.view(row))
