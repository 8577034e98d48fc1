"""z = x W + b1 over windows, with the work done once per distinct token (GRADIENTS.md, section 6).

A window of n = 2k + 1 positions is n indices into the features E (T, D) of the batch's distinct
tokens: `neighbours` (n, B), entry [j, b] the token at position j of window b. W (n·D, G) is
position-major, W_j = W[j·D:(j+1)·D], and x_b W = Σ_j E[neighbours[j, b]] W_j.

Any layer that reads windows passes here: without a hidden layer U and b2 stand in the place of W
and b1, so that G is K and z is theta; in char_cnn.py windows are of characters, G of filters.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.system.threads import ALONE, Workers

OPERATIONS = 16  # that a GEMM makes while an addition of two arrays makes one


def window_forward(
    E: Floats, neighbours: Ints, W: Floats, b1: Floats, workers: Workers = ALONE
) -> Floats:
    """z_b = b1 + Σ_j P_j[neighbours[j, b]],   P_j = E W_j.

    E (T, D), neighbours (n, B), W (n·D, G), b1 (G,)  ->  z (B, G).
    """
    return sum_over_positions(project(E, W, b1, workers), neighbours, len(b1))


def project(E: Floats, W: Floats, b1: Floats, workers: Workers = ALONE) -> Floats:
    """All P_j = E W_j side by side: one GEMM over T rows in place of n over B.

    E (T, D), W (n·D, G), b1 (G,)  ->  P (T, n·G). Every window reads the middle block once, so that
    b1 is added there, to T rows and not to B.
    """
    T, D, G = *E.shape, len(b1)
    n = len(W) // D
    blocks = _side_by_side(W, n)
    middle = slice(n // 2 * G, (n // 2 + 1) * G)
    P = np.empty((T, n * G), E.dtype)

    def some_tokens(rows: slice) -> None:
        np.matmul(E[rows], blocks, out=P[rows])
        P[rows, middle] += b1

    workers.map(some_tokens, workers.pieces(T, W.size // OPERATIONS))
    return P


def sum_over_positions(P: Floats, neighbours: Ints, G: int) -> Floats:
    """z_b = Σ_j P_j[neighbours[j, b]].   P (T, n·G), neighbours (n, B)  ->  z (B, G)."""
    n, B = neighbours.shape
    rows_of_P = P.reshape(len(P) * n, G)
    rows = _rows_of_P(neighbours)
    z: Floats = rows_of_P.take(rows[0], axis=0, mode="clip")
    gathered = np.empty((B, G), z.dtype)
    for j in range(1, n):
        z += rows_of_P.take(rows[j], axis=0, mode="clip", out=gathered)
    return z


def window_backward(
    delta2: Floats, E: Floats, neighbours: Ints, W: Floats, workers: Workers = ALONE
) -> tuple[Floats, Floats, Floats]:
    """dP_j[i] = Σ_b [neighbours[j, b] = i] delta2_b,  dW_j = Eᵀ dP_j,  dE = Σ_j dP_j W_jᵀ.

    delta2 = dJ/dz (B, G), E (T, D), neighbours (n, B), W (n·D, G)  ->  dE (T, D), dW (n·D, G),
    db1 (G,). The sum into dP is a product with a sparse 0/1 matrix whose column b holds the n rows
    of P that window b read.
    """
    from scipy.sparse import csc_array, csr_array  # training only: tagging must not load scipy

    n, B = neighbours.shape
    (T, D), G = E.shape, W.shape[1]
    ones = np.ones(n * B, delta2.dtype)
    columns = np.arange(0, n * B + 1, n, dtype=np.int32)
    reads = csc_array((ones, _rows_of_P(neighbours).T.ravel(), columns), shape=(T * n, B)).tocsr()
    blocks = _side_by_side(W, n).T
    dE = np.empty_like(E)

    def some_tokens(rows: slice) -> tuple[Floats, Floats]:
        """What some rows of dP add to dW (D, n·G), its blocks side by side, and to db1 (G,)."""
        ends = reads.indptr[rows.start * n : rows.stop * n + 1]
        first, last = ends[0], ends[-1]
        own = csr_array(
            (ones[first:last], reads.indices[first:last], ends - first), shape=(len(ends) - 1, B)
        )
        dP = (own @ delta2).reshape(-1, n * G)
        np.matmul(dP, blocks, out=dE[rows])
        # Every window reads one row of P_0, so that Σ_i dP_0[i] is Σ_b delta2_b.
        return E[rows].T @ dP, dP[:, :G].sum(axis=0)

    (dW, db1), *others = workers.map(some_tokens, workers.pieces(T, W.size // OPERATIONS))
    for dW_part, db1_part in others:
        dW += dW_part
        db1 += db1_part
    return dE, dW.reshape(D, n, G).transpose(1, 0, 2).reshape(n * D, G), db1


def _side_by_side(W: Floats, n: int) -> Floats:
    """The blocks W_j beside one another, so that one GEMM serves them all.

    W (n·D, G)  ->  (D, n·G).
    """
    D, G = len(W) // n, W.shape[1]
    return W.reshape(n, D, G).transpose(1, 0, 2).reshape(D, n * G)


def _rows_of_P(neighbours: Ints) -> Ints:
    """Which row of P, seen as (T·n, G), P_j[i] is: i·n + j.   neighbours (n, B)  ->  (n, B)."""
    n = len(neighbours)
    return neighbours * n + np.arange(n, dtype=neighbours.dtype)[:, None]
