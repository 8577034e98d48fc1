"""Characters of a token -> shared filters over character windows -> max over positions.

The convolution is the window kernel again, on characters: weights shared by all positions of all
tokens, gradients summed over them. Token t has the characters `ids[offsets[t]:offsets[t + 1]]`, at
least one (an empty token is written as the boundary character), with a boundary on both sides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network.kernels.window import window_backward, window_forward


class CharCnnTrace(NamedTuple):
    """What the backward pass needs of the forward pass."""

    E: Floats  # (C, d) rows of L for the distinct characters of the batch
    rows: Ints  # (C,) their row numbers in L
    neighbours: Ints  # (width, N) indices into E
    winners: Ints  # (T, F) the character position (0..N-1) that holds each maximum


def char_cnn_forward(
    L: Floats, ids: Ints, offsets: Ints, W: Floats, b: Floats
) -> tuple[Floats, CharCnnTrace]:
    """c_t = max over positions i of t of (b + Σ_j L[id at i − k + j] W_j), no activation.

    L (V, d) character table, row 0 the boundary; ids (N,), offsets (T + 1,); W (width·d, F), b (F,)
    -> c (T, F) and the trace. Of equal maxima the first wins.
    """
    width = len(W) // L.shape[1]
    rows, neighbours = _character_windows(ids, offsets, width)
    E = np.take(L, rows, axis=0)
    z = window_forward(E, neighbours, W, b)  # (N, F)
    starts = offsets[:-1]
    c = np.maximum.reduceat(z, starts, axis=0)  # (T, F)
    N = len(z)
    position = np.where(
        z == np.repeat(c, np.diff(offsets), axis=0), np.arange(N, dtype=np.int32)[:, None], N
    )
    # Where a NaN keeps every position from winning the last one does: the loss shows the NaN.
    winners = np.minimum(np.minimum.reduceat(position, starts, axis=0), N - 1)
    return c, CharCnnTrace(E, rows, neighbours, winners)


def char_cnn_backward(
    d_c: Floats, trace: CharCnnTrace, W: Floats
) -> tuple[Ints, Floats, Floats, Floats]:
    """The gradient of each maximum goes to the position that won it, and to no other.

    d_c = dJ/dc (T, F)  ->  rows (C,), dL[rows] (C, d), dW (width·d, F), db (F,).
    """
    F, N = d_c.shape[1], trace.neighbours.shape[1]
    delta = np.zeros((N, F), d_c.dtype)
    delta[trace.winners, np.arange(F)] = d_c
    dE, dW, db = window_backward(delta, trace.E, trace.neighbours, W)
    return trace.rows, dE, dW, db


def _character_windows(ids: Ints, offsets: Ints, width: int) -> tuple[Ints, Ints]:
    """Distinct rows of L (C,), and neighbours (width, N) as indices into them."""
    k = width // 2
    N, T = len(ids), len(offsets) - 1
    padded = np.zeros(N + (T + 1) * k, ids.dtype)  # k boundaries before, between and after tokens
    token = np.repeat(np.arange(1, T + 1), np.diff(offsets))
    places = np.arange(N) + token * k
    padded[places] = ids
    rows, index = np.unique(padded, return_inverse=True)
    return rows, np.stack([index[places - k + j] for j in range(width)])
