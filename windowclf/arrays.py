"""The types of arrays that annotations name, their shapes standing in the docstrings; distinct."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""float32 in training and tagging, float64 in gradient checks."""
Ints: TypeAlias = NDArray[np.integer[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]


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
