"""Inverted dropout on h: h̃ = h ∘ M/(1 − q); q is a multiple of 1/256: one byte decides a unit."""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Bytes, Floats


def byte_rate(p: float) -> int:
    """256 q = round(256 p): how many of the 256 byte values drop a unit; never all of them."""
    return min(round(256 * p), 255)


def dropout_mask(rng: np.random.Generator, shape: tuple[int, int], p: float) -> Bytes:
    """M (B, H) uint8: 1 with probability 1 − q, 0 with q = byte_rate(p)/256."""
    size = shape[0] * shape[1]
    random = rng.bit_generator.random_raw(-(-size // 8)).astype("<u8", copy=False)
    return (random.view(np.uint8)[:size] >= byte_rate(p)).view(np.uint8).reshape(shape)


def dropout_forward(h: Floats, mask: Bytes, p: float) -> Floats:
    """h̃ = h ∘ M/(1 − q).   h (B, H), M (B, H)  ->  h̃ (B, H)."""
    scale = h.dtype.type(256 / (256 - byte_rate(p)))
    kept: Floats = np.multiply(h, scale)
    kept *= mask
    return kept


def dropout_backward(d_kept: Floats, mask: Bytes, p: float) -> Floats:
    """dJ/dh = dJ/dh̃ ∘ M/(1 − q): the same map, for it is linear and diagonal."""
    return dropout_forward(d_kept, mask, p)
