"""Averaged parameters, and rows of tables taken out and put back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from windowclf.arrays import Floats, Ints


class Average:
    """Exponential moving average of every parameter: after a step, average ← γ average + (1 − γ) p.

    γ = min(decay, (1 + step)/(10 + step)), and the average starts at the initial p. Kept, for every
    parameter in its own shape, is the lag = average − p, for which a step p ← p − move means
    lag ← γ (lag + move), and missed steps of a row that no batch touched lag ← product·lag with the
    product of their γ, made up at once when the row is next read. Log-products since the start are
    kept, one number for now and for every table one per row (V,), so that the product = exp(now −
    then) needs no history.
    """

    def __init__(self, parameters: Mapping[str, Floats], decay: float, by_row: frozenset[str]):
        self.decay = decay
        self.lags = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.log_product = 0.0
        self.row_log_product = {name: np.zeros(len(parameters[name])) for name in by_row}

    def gamma(self, step: int) -> float:
        """γ of a step, counted from 1."""
        return min(self.decay, (1 + step) / (10 + step))

    def begin_step(self, step: int) -> None:
        """Account for a step before its arrays are folded in."""
        self.log_product += math.log(max(self.gamma(step), 1e-300))

    def fold(self, name: str, piece: slice, move: Floats, step: int) -> None:
        """lag ← γ (lag + move) for a piece of a dense array along its first axis.

        move, of the same shape as the piece, is what the step took from it.
        """
        lag = self.lags[name][piece]
        lag += move
        lag *= self.gamma(step)

    def fold_rows(self, name: str, rows: Ints, move: Floats, step: int) -> None:
        """lag ← γ (product·lag + move) for the rows of a table that a step touched.

        rows (rows,), move (rows, d); the product makes up for the steps that a row has missed.
        """
        then = self.row_log_product[name]
        before = self.log_product - math.log(max(self.gamma(step), 1e-300))
        lag = take_rows(self.lags[name], rows)
        lag *= np.exp(before - then[rows]).astype(lag.dtype)[:, None]
        lag += move
        lag *= self.gamma(step)
        put_rows(self.lags[name], rows, lag)
        then[rows] = self.log_product

    def catch_up(self, parameters: Mapping[str, Floats]) -> dict[str, Floats]:
        """Make up what every row missed, and return the averages of the parameters.

        They are new arrays by name, of the same shapes.
        """
        for name, then in self.row_log_product.items():
            behind = then != self.log_product
            product = np.exp(self.log_product - then[behind])
            self.lags[name][behind] *= product.astype(self.lags[name].dtype)[:, None]
            then[:] = self.log_product
        return {name: array + self.lags[name] for name, array in parameters.items()}


def take_rows(table: Floats, rows: Ints) -> Floats:
    """A copy of some rows of a table.   table (V, d), rows (rows,)  ->  (rows, d).

    `clip` spares the check of indices that are known to be right.
    """
    return np.take(table, rows, axis=0, mode="clip")


def put_rows(table: Floats, rows: Ints, values: Floats) -> None:
    """table[rows] = values in half the time: whole rows move as single items.

    table (V, d), rows (rows,), values (rows, d) in the dtype of the table.
    """
    row = np.dtype((np.void, table.itemsize * table.shape[1]))
    np.put(table.view(row), rows, values.view(row))
