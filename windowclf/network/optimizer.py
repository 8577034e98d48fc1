"""One update of every parameter: a rule on whole arrays and on rows of tables, and clipping.

Tables get their gradient as rows. `lazy` applies the rule to those rows and lets the accumulators
of the others wait, `dense` is the textbook rule with zeros elsewhere. For SGD and Adagrad, which
leave a row with a zero gradient alone, the two are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from windowclf.arrays import Floats, Gradients, Ints, RowGradient
from windowclf.network.average import Average, put_rows, take_rows
from windowclf.network.update_rules import Rule
from windowclf.system.threads import ALONE, Workers


class Optimizer:
    """Applies a rule to every parameter array in place, and folds the result into the average.

    The parameters, their gradients and what `state` gives are arrays by name, each accumulator and
    gradient of its parameter's own shape.
    """

    def __init__(
        self,
        rule: Rule,
        parameters: dict[str, Floats],
        tables: frozenset[str],
        rows: Literal["lazy", "dense"] = "lazy",
        average: float | None = None,
    ):
        self.rule = rule
        self.parameters = parameters
        self.steps = 0  # taken so far
        self._lazy = rows == "lazy" or rule.zero_gradient_is_no_step
        self._accumulators = {
            name: [np.zeros_like(array) for _ in rule.accumulators]
            for name, array in parameters.items()
        }
        by_row = tables if self._lazy else frozenset[str]()
        self.average = None if average is None else Average(parameters, average, by_row)

    def step(self, gradients: Gradients, learning_rate: float, workers: Workers = ALONE) -> None:
        """One update of every parameter from its gradient, dense or by rows of any shape.

        The arrays of `gradients` may be overwritten.
        """
        self.steps += 1
        if self.average:
            self.average.begin_step(self.steps)
        applied = {name: self._as_applied(name, found) for name, found in gradients.items()}

        def update(part: tuple[str, slice]) -> None:
            name, piece = part
            gradient = applied[name]
            if isinstance(gradient, RowGradient):
                rows, values = gradient.rows[piece], gradient.values[piece]
                self._step_rows(name, rows, values, learning_rate)
            else:
                self._step_piece(name, piece, gradient[piece], learning_rate)

        parts = []
        for name, gradient in applied.items():
            values = values_of(gradient)
            width = values.size // max(len(values), 1)
            parts += [(name, piece) for piece in workers.pieces(len(values), width)]
        numbers = sum(values_of(gradient).size for gradient in applied.values())
        workers.for_many(len(parts), numbers).map(update, parts)

    def averaged(self) -> dict[str, Floats]:
        """The parameters to evaluate and to keep, by name and each of its own shape.

        They are the averages, or the parameters themselves where no averages are kept.
        """
        return self.average.catch_up(self.parameters) if self.average else self.parameters

    def _as_applied(self, name: str, gradient: Floats | RowGradient) -> Floats | RowGradient:
        """A table's gradient by rows (rows, d) as it is applied: whole (V, d) if all rows move.

        Other gradients, and rows where the rest of the table needs no update, stay as they are.
        """
        if self._lazy or not isinstance(gradient, RowGradient):
            return gradient
        whole = np.zeros_like(self.parameters[name])
        whole[gradient.rows] = gradient.values
        return whole

    def _step_piece(self, name: str, piece: slice, gradient: Floats, lr: float) -> None:
        """Update a piece of a parameter along its first axis, from a gradient of the same shape."""
        move = self.rule.step(
            gradient, [whole[piece] for whole in self._accumulators[name]], lr, self.steps
        )
        self.parameters[name][piece] -= move
        if self.average:
            self.average.fold(name, piece, move, self.steps)

    def _step_rows(self, name: str, rows: Ints, values: Floats, lr: float) -> None:
        """Update some rows (rows,) of a table (V, d), from their gradient `values` (rows, d)."""
        table, accumulators = self.parameters[name], self._accumulators[name]
        taken = [take_rows(whole, rows) for whole in accumulators]
        move = self.rule.step(values, taken, lr, self.steps)
        for whole, new in zip(accumulators, taken, strict=True):
            put_rows(whole, rows, new)
        put_rows(table, rows, take_rows(table, rows) - move)
        if self.average:
            self.average.fold_rows(name, rows, move, self.steps)

    def state(self) -> dict[str, Floats]:
        """Every array that a later run needs to go on as if never stopped, by name.

        Accumulators and lags have their parameter's own shape; `folded`, with the table's name or
        for all, is (V,) or (1,) float64.
        """
        arrays: dict[str, Floats] = {}
        for name, own in self._accumulators.items():
            for letter, array in zip(self.rule.accumulators, own, strict=True):
                arrays[f"{letter}.{name}"] = array
        if self.average:
            arrays |= {f"lag.{name}": lag for name, lag in self.average.lags.items()}
            arrays |= {
                f"folded.{name}": then for name, then in self.average.row_log_product.items()
            }
            arrays["folded"] = np.array([self.average.log_product])
        return arrays

    def restore(self, arrays: Mapping[str, Floats], steps: int) -> None:
        """Take back what `state` gave after so many steps, arrays of the same shape by name."""
        self.steps = steps
        for name, own in self.state().items():
            own[...] = arrays[name]
        if self.average:
            self.average.log_product = float(arrays["folded"][0])


def values_of(gradient: Floats | RowGradient) -> Floats:
    """The numbers of a gradient: of its parameter's own shape, or (rows, d) where it is by rows."""
    return gradient.values if isinstance(gradient, RowGradient) else gradient


def global_norm(gradients: Gradients) -> float:
    """√(Σ g²) over every entry g of all gradients, arrays of any shape, their rows coalesced."""
    flat = (values_of(gradient).ravel() for gradient in gradients.values())
    return math.sqrt(sum(float(np.dot(g, g)) for g in flat))


def clip_by_global_norm(gradients: Gradients, limit: float, norm: float) -> None:
    """Scale all gradients in place by limit/norm where norm > limit (Pascanu et al. 2013).

    The gradients may have any shape; `norm` is their global norm.
    """
    if norm > limit:
        for gradient in gradients.values():
            values = values_of(gradient)
            values *= limit / norm
