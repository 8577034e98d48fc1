"""z = x W + b over windows, with the work done once per distinct token (GRADIENTS.md, section 6).

A window of n = 2k + 1 positions is n indices into the features E (T, D) of the batch's distinct
tokens: `neighbours` (n, B), entry [j, b] the token at position j of window b. W (n·D, H) is
position-major, W_j = W[j·D:(j+1)·D], and x_b W = Σ_j E[neighbours[j, b]] W_j.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats, Ints


def window_forward(E: Floats, neighbours: Ints, W: Floats, b: Floats) -> Floats:
    """z_b = b + Σ_j P_j[neighbours[j, b]],   P_j = E W_j.

    E (T, D), neighbours (n, B), W (n·D, H), b (H,)  ->  z (B, H). One GEMM over T rows makes all
    P_j; the sum over positions gathers rows of them.
    """
    n, B = neighbours.shape
    T, H = len(E), W.shape[1]
    P = (E @ _side_by_side(W, n)).reshape(T * n, H)
    rows = _rows_of_P(neighbours)
    z: Floats = np.take(P, rows[0], axis=0, mode="clip")
    z += b
    gathered = np.empty((B, H), z.dtype)
    for j in range(1, n):
        z += np.take(P, rows[j], axis=0, mode="clip", out=gathered)
    return z


def window_backward(
    delta: Floats, E: Floats, neighbours: Ints, W: Floats
) -> tuple[Floats, Floats, Floats]:
    """dP_j[t] = Σ_b [neighbours[j, b] = t] delta_b,  dW_j = Eᵀ dP_j,  dE = Σ_j dP_j W_jᵀ.

    delta = dJ/dz (B, H)  ->  dE (T, D), dW (n·D, H), db (H,). The sum into dP is a product with a
    sparse 0/1 matrix whose column b holds the n rows of P that window b read.
    """
    from scipy.sparse import csc_array  # training only: tagging must not load scipy

    n, B = neighbours.shape
    (T, D), H = E.shape, W.shape[1]
    ones = np.ones(n * B, delta.dtype)
    columns = np.arange(0, n * B + 1, n, dtype=np.int32)
    reads = csc_array((ones, _rows_of_P(neighbours).T.ravel(), columns), shape=(T * n, B))
    dP = (reads @ delta).reshape(T, n * H)
    dW = (E.T @ dP).reshape(D, n, H).transpose(1, 0, 2).reshape(n * D, H)
    return dP @ _side_by_side(W, n).T, dW, delta.sum(axis=0)


def _side_by_side(W: Floats, n: int) -> Floats:
    """The blocks W_j beside one another: (n·D, H) -> (D, n·H), so that one GEMM serves them all."""
    D, H = len(W) // n, W.shape[1]
    return W.reshape(n, D, H).transpose(1, 0, 2).reshape(D, n * H)


def _rows_of_P(neighbours: Ints) -> Ints:
    """Row of P_j[t] in P (T·n, H): t·n + j.   (n, B) -> (n, B)."""
    n = len(neighbours)
    return neighbours * n + np.arange(n, dtype=neighbours.dtype)[:, None]
