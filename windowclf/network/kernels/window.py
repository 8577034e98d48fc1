"""z = x W + b over windows, with the work done once per distinct token (GRADIENTS.md, section 6).

A window of n = 2k + 1 positions is n indices into the features E (T, D) of the batch's distinct
tokens: `neighbours` (n, B), entry [j, b] the token at position j of window b. W (n·D, H) is
position-major, W_j = W[j·D:(j+1)·D], and x_b W = Σ_j E[neighbours[j, b]] W_j.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.system.threads import ALONE, Workers

OPERATIONS = 16  # that a GEMM makes while an addition of two arrays makes one


def window_forward(
    E: Floats, neighbours: Ints, W: Floats, b: Floats, workers: Workers = ALONE
) -> Floats:
    """z_b = b + Σ_j P_j[neighbours[j, b]],   P_j = E W_j.

    E (T, D), neighbours (n, B), W (n·D, H), b (H,)  ->  z (B, H).
    """
    return sum_over_positions(project(E, W, b, workers), neighbours, len(b))


def project(E: Floats, W: Floats, b: Floats, workers: Workers = ALONE) -> Floats:
    """P (T, n·H), all P_j = E W_j side by side: one GEMM over T rows in place of n over B.

    Every window reads the middle block once, so that b is added there, to T rows and not to B.
    """
    T, D, H = *E.shape, len(b)
    n = len(W) // D
    blocks = _side_by_side(W, n)
    middle = slice(n // 2 * H, (n // 2 + 1) * H)
    P = np.empty((T, n * H), E.dtype)

    def some_tokens(rows: slice) -> None:
        np.matmul(E[rows], blocks, out=P[rows])
        P[rows, middle] += b

    workers.map(some_tokens, workers.pieces(T, W.size // OPERATIONS))
    return P


def sum_over_positions(P: Floats, neighbours: Ints, H: int) -> Floats:
    """z_b = Σ_j P_j[neighbours[j, b]].   P (T, n·H), neighbours (n, B)  ->  z (B, H)."""
    n, B = neighbours.shape
    rows_of_P = P.reshape(len(P) * n, H)
    rows = _rows_of_P(neighbours)
    z: Floats = np.take(rows_of_P, rows[0], axis=0, mode="clip")
    gathered = np.empty((B, H), z.dtype)
    for j in range(1, n):
        z += np.take(rows_of_P, rows[j], axis=0, mode="clip", out=gathered)
    return z


def window_backward(
    delta: Floats, E: Floats, neighbours: Ints, W: Floats, workers: Workers = ALONE
) -> tuple[Floats, Floats, Floats]:
    """dP_j[t] = Σ_b [neighbours[j, b] = t] delta_b,  dW_j = Eᵀ dP_j,  dE = Σ_j dP_j W_jᵀ.

    delta = dJ/dz (B, H)  ->  dE (T, D), dW (n·D, H), db (H,). The sum into dP is a product with a
    sparse 0/1 matrix whose column b holds the n rows of P that window b read.
    """
    from scipy.sparse import csc_array, csr_array  # training only: tagging must not load scipy

    n, B = neighbours.shape
    (T, D), H = E.shape, W.shape[1]
    ones = np.ones(n * B, delta.dtype)
    columns = np.arange(0, n * B + 1, n, dtype=np.int32)
    reads = csc_array((ones, _rows_of_P(neighbours).T.ravel(), columns), shape=(T * n, B)).tocsr()
    blocks = _side_by_side(W, n).T
    dE = np.empty_like(E)

    def some_tokens(rows: slice) -> tuple[Floats, Floats]:
        ends = reads.indptr[rows.start * n : rows.stop * n + 1]
        a, z = ends[0], ends[-1]
        own = csr_array((ones[a:z], reads.indices[a:z], ends - a), shape=(len(ends) - 1, B))
        dP = (own @ delta).reshape(-1, n * H)
        np.matmul(dP, blocks, out=dE[rows])
        # Every window reads one row of P_0, so that Σ_t dP_0[t] is Σ_b delta_b.
        return E[rows].T @ dP, dP[:, :H].sum(axis=0)

    (dW, db), *others = workers.map(some_tokens, workers.pieces(T, W.size // OPERATIONS))
    for dW_part, db_part in others:
        dW += dW_part
        db += db_part
    return dE, dW.reshape(D, n, H).transpose(1, 0, 2).reshape(n * D, H), db


def _side_by_side(W: Floats, n: int) -> Floats:
    """The blocks W_j beside one another: (n·D, H) -> (D, n·H), so that one GEMM serves them all."""
    D, H = len(W) // n, W.shape[1]
    return W.reshape(n, D, H).transpose(1, 0, 2).reshape(D, n * H)


def _rows_of_P(neighbours: Ints) -> Ints:
    """Row of P_j[t] in P (T·n, H): t·n + j.   (n, B) -> (n, B)."""
    n = len(neighbours)
    return neighbours * n + np.arange(n, dtype=neighbours.dtype)[:, None]
