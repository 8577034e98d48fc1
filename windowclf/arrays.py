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

    rows: Ints  # (R,) ascending, each once
    values: Floats  # (R, d)


Gradients: TypeAlias = dict[str, "Floats | RowGradient"]


def part(array: NDArray[Number] | None, at: slice | int) -> NDArray[Number] | None:
    """array[at], or None where there is no array."""
    return None if array is None else array[at]


def ragged(sizes: Ints) -> Ints:
    """0 … s − 1 for every s of sizes (n,), one after another (Σ s,)."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def distinct(values: Ints, bound: int) -> tuple[Ints, Ints]:
    """np.unique(values, return_inverse=True) for values in 0 … bound − 1.

    Where the bound is not much larger than their number, marks in place of a sort: many times as
    fast.
    """
    if bound > 64 * len(values):
        return np.unique(values, return_inverse=True)
    marks = np.zeros(bound, np.bool_)
    marks[values] = True
    found = np.flatnonzero(marks)
    places = np.empty(bound, np.int32)
    places[found] = np.arange(len(found), dtype=np.int32)
    return found, places[values]
