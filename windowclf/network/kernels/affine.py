"""theta = h U + b2: the plain layer."""

from __future__ import annotations

from windowclf.arrays import Floats


def affine_forward(h: Floats, U: Floats, b2: Floats) -> Floats:
    """theta = h U + b2.   h (B, G), U (G, K), b2 (K,)  ->  theta (B, K)."""
    theta: Floats = h @ U
    theta += b2
    return theta


def affine_backward(delta1: Floats, h: Floats, U: Floats) -> tuple[Floats, Floats, Floats]:
    """dh = delta1 Uᵀ, dU = hᵀ delta1, db2 = Σ_b delta1_b.

    delta1 = dJ/dtheta (B, K), h (B, G), U (G, K)  ->  dh (B, G), dU (G, K), db2 (K,).
    """
    return delta1 @ U.T, h.T @ delta1, delta1.sum(axis=0)
