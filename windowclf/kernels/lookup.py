"""Rows of the embedding tables: e = L[id] for one id, e = Σ L[ids] for a bag of ids.

A bag of ids per token is ragged: `ids` (N,) holds all of them in order, token t those from
`offsets[t]` to `offsets[t + 1]`; offsets (T + 1,).
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats, Ints


def rows_forward(L: Floats, ids: Ints) -> Floats:
    """e_t = L[ids_t].   L (V, d), ids (T,)  ->  e (T, d)."""
    return np.take(L, ids, axis=0, mode="clip")


def bag_forward(L: Floats, ids: Ints, offsets: Ints) -> Floats:
    """e_t = Σ_i L[ids_i] over the bag of t, with multiplicity; an empty bag is the zero vector.

    L (V, d), ids (N,), offsets (T + 1,)  ->  e (T, d).
    """
    e = np.zeros((len(offsets) - 1, L.shape[1]), L.dtype)
    filled = offsets[:-1] < offsets[1:]
    if filled.any():
        rows = np.take(L, ids, axis=0, mode="clip")
        e[filled] = np.add.reduceat(rows, offsets[:-1][filled], axis=0)
    return e


def lookup_backward(d_e: Floats, ids: Ints, offsets: Ints | None = None) -> tuple[Ints, Floats]:
    """dL[w] = Σ of d_e over every slot that held w, as (rows, dL[rows]) with rows ascending.

    d_e (T, d); ids (T,) without offsets, else a bag per token. Rows of L that no slot held do not
    appear: a dense (V, d) gradient is never made.
    """
    from scipy.sparse import csc_array  # training only: tagging must not load scipy

    rows, held = np.unique(ids, return_inverse=True)
    columns = np.arange(len(ids) + 1) if offsets is None else offsets
    holds = csc_array((np.ones(len(ids), d_e.dtype), held, columns), shape=(len(rows), len(d_e)))
    return rows, holds @ d_e
