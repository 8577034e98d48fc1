"""theta = h U + b2: the plain layer."""

from __future__ import annotations

from windowclf.arrays import Floats


def affine_forward(h: Floats, U: Floats, b: Floats) -> Floats:
    """theta = h U + b.   h (B, H), U (H, K), b (K,)  ->  theta (B, K)."""
    theta: Floats = h @ U
    theta += b
    return theta


def affine_backward(delta: Floats, h: Floats, U: Floats) -> tuple[Floats, Floats, Floats]:
    """dh = delta Uᵀ, dU = hᵀ delta, db = Σ_b delta_b.

    delta = dJ/dtheta (B, K), h (B, H), U (H, K)  ->  dh (B, H), dU (H, K), db (K,).
    """
    return delta @ U.T, h.T @ delta, delta.sum(axis=0)
