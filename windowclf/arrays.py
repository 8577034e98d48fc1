"""The types of arrays that annotations name; their shapes stand in the docstrings."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""float32 in training and tagging, float64 in gradient checks."""
Ints: TypeAlias = NDArray[np.integer[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
Number = TypeVar("Number", bound=np.generic)


class RowGradient(NamedTuple):
    """Gradient of the rows of a table that a batch touched: dL[rows] = values, 0 elsewhere."""

    rows: Ints  # (rows,) ascending, each once
    values: Floats  # (rows, d)


Gradients: TypeAlias = dict[str, "Floats | RowGradient"]


def part(array: NDArray[Number] | None, at: slice | int) -> NDArray[Number] | None:
    """array[at] of an array of any shape; None where there is no array."""
    return None if array is None else array[at]


def ragged(sizes: Ints) -> Ints:
    """0 … size − 1 for every size, one after another.   sizes (count,)  ->  (Σ sizes,)."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def distinct(values: Ints, bound: int) -> tuple[Ints, Ints]:
    """np.unique(values, return_inverse=True) for values in 0 … bound − 1.

    values (count,)  ->  found (distinct,) ascending, and (count,) the index of each value in found.
    Where the bound is not much larger than the count, marks in place of a sort: many times as fast.
    """
    if bound > 64 * len(values):
        return np.unique(values, return_inverse=True)
    marks = np.zeros(bound, np.bool_)
    marks[values] = True
    found = np.flatnonzero(marks)
    index = np.empty(bound, np.int32)
    index[found] = np.arange(len(found), dtype=np.int32)
    return found, index[values]
