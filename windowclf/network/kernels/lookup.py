"""Rows of the embedding tables: e = L[id] for one id, e = Σ L[ids] for a bag of ids.

A bag of ids per token is ragged: `ids` (entries,) holds all bags in order, token i those from
`offsets[i]` to `offsets[i + 1]`; offsets (T + 1,).
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats, Ints, distinct


def slot_forward(L: Floats, ids: Ints, offsets: Ints | None, tokens: slice) -> Floats:
    """e_i of some tokens i, as one slot reads them: L[ids_i] without offsets, else its bag's sum.

    L (V, d); ids (T,), or (entries,) with offsets (T + 1,)  ->  e (tokens, d).
    """
    if offsets is None:
        return np.take(L, ids[tokens], axis=0, mode="clip")
    ends = offsets[tokens.start : tokens.stop + 1]
    return bag_forward(L, ids[ends[0] : ends[-1]], ends - ends[0])


def bag_forward(L: Floats, ids: Ints, offsets: Ints) -> Floats:
    """e_i = Σ L[id] over the bag of token i, with multiplicity; an empty bag is the zero vector.

    L (V, d), ids (entries,), offsets (T + 1,)  ->  e (T, d).
    """
    e = np.zeros((len(offsets) - 1, L.shape[1]), L.dtype)
    filled = offsets[:-1] < offsets[1:]
    if filled.any():
        rows = np.take(L, ids, axis=0, mode="clip")
        e[filled] = np.add.reduceat(rows, offsets[:-1][filled], axis=0)
    return e


def lookup_backward(d_e: Floats, ids: Ints, offsets: Ints | None, V: int) -> tuple[Ints, Floats]:
    """dL[w] = Σ of d_e over every slot that held w, for the rows of L that some slot held.

    d_e = dJ/de (T, d); ids (T,) below V, or (entries,) with offsets (T + 1,)  ->  rows (rows,)
    ascending, each once, and dL[rows] (rows, d): a dense (V, d) gradient is never made.
    """
    from scipy.sparse import csc_array  # training only: tagging must not load scipy

    rows, index = distinct(ids, V)
    columns = np.arange(len(ids) + 1) if offsets is None else offsets
    held_by = csc_array((np.ones(len(ids), d_e.dtype), index, columns), shape=(len(rows), len(d_e)))
    return rows, held_by @ d_e
