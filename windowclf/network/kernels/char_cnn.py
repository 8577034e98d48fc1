"""Characters of a token -> shared filters over character windows -> max over positions.

The convolution is the window kernel again, on characters: filters shared by all positions of all
tokens, gradients summed over them. Token i has the characters `ids[offsets[i]:offsets[i + 1]]`, at
least one (an empty token is written as the boundary character), with a boundary on both sides.

The shapes speak of `characters`, those of all T tokens one after another, and of their `distinct`
ones. The filters are C (width·d, filters) with the bias c (filters,); C_j is the block of C for
position j of a character window, as W_j is of W.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network.kernels.window import window_backward, window_forward


class CharCnnTrace(NamedTuple):
    """What the backward pass needs of the forward pass."""

    spelled: Floats  # (distinct, d) rows of L for the distinct characters of the batch
    rows: Ints  # (distinct,) their row numbers in L
    neighbours: Ints  # (width, characters) indices into the distinct ones
    winners: Ints  # (T, filters) the index of the character that holds each maximum


def char_cnn_forward(
    L: Floats, ids: Ints, offsets: Ints, C: Floats, c: Floats
) -> tuple[Floats, CharCnnTrace]:
    """e of a token = max over its characters i of z_i = c + Σ_j L[id at i − κ + j] C_j.

    L (V, d) character table, row 0 the boundary; ids (characters,), offsets (T + 1,); C (width·d,
    filters), κ = (width − 1)/2, c (filters,)  ->  e (T, filters) and the trace. There is no
    activation; of equal maxima the first wins.
    """
    width = len(C) // L.shape[1]
    rows, neighbours = _character_windows(ids, offsets, width)
    spelled = np.take(L, rows, axis=0)
    z = window_forward(spelled, neighbours, C, c)  # (characters, filters)
    starts = offsets[:-1]
    e = np.maximum.reduceat(z, starts, axis=0)  # (T, filters)
    characters = len(z)
    position = np.where(
        z == np.repeat(e, np.diff(offsets), axis=0),
        np.arange(characters, dtype=np.int32)[:, None],
        characters,
    )
    # Where a NaN keeps every position from winning the last one does: the loss shows the NaN.
    winners = np.minimum(np.minimum.reduceat(position, starts, axis=0), characters - 1)
    return e, CharCnnTrace(spelled, rows, neighbours, winners)


def char_cnn_backward(
    d_e: Floats, trace: CharCnnTrace, C: Floats
) -> tuple[Ints, Floats, Floats, Floats]:
    """The gradient of each maximum goes to the position that won it, and to no other.

    d_e = dJ/de (T, filters), C (width·d, filters)  ->  rows (distinct,), dL[rows] (distinct, d),
    dC (width·d, filters), dc (filters,).
    """
    filters, characters = d_e.shape[1], trace.neighbours.shape[1]
    delta = np.zeros((characters, filters), d_e.dtype)  # dJ/dz
    delta[trace.winners, np.arange(filters)] = d_e
    dL, dC, dc = window_backward(delta, trace.spelled, trace.neighbours, C)
    return trace.rows, dL, dC, dc


def _character_windows(ids: Ints, offsets: Ints, width: int) -> tuple[Ints, Ints]:
    """The windows of all characters, as row numbers of L and as indices into these.

    ids (characters,), offsets (T + 1,)  ->  rows (distinct,), neighbours (width, characters).
    """
    kappa = width // 2
    characters, T = len(ids), len(offsets) - 1
    padded = np.zeros(characters + (T + 1) * kappa, ids.dtype)  # κ boundaries around every token
    token = np.repeat(np.arange(1, T + 1), np.diff(offsets))
    places = np.arange(characters) + token * kappa
    padded[places] = ids
    rows, index = np.unique(padded, return_inverse=True)
    return rows, np.stack([index[places - kappa + j] for j in range(width)])
