"""Inverted dropout: h̃ = h ∘ mask/(1 − q); q is a multiple of 1/256: one byte decides a unit.

On h the arrays are (B, G); on the features E of distinct tokens they are (T, D).
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Bytes, Floats


def byte_rate(rate: float) -> int:
    """256 q = round(256 rate): how many of the 256 byte values drop a unit; never all of them."""
    return min(round(256 * rate), 255)


def dropout_mask(rng: np.random.Generator, shape: tuple[int, int], rate: float) -> Bytes:
    """A mask (B, G) uint8, given its shape: 0 with probability q = byte_rate(rate)/256, else 1."""
    size = shape[0] * shape[1]
    random = rng.bit_generator.random_raw(-(-size // 8)).astype("<u8", copy=False)
    return (random.view(np.uint8)[:size] >= byte_rate(rate)).view(np.uint8).reshape(shape)


def dropout_forward(h: Floats, mask: Bytes, rate: float) -> Floats:
    """h̃ = h ∘ mask/(1 − q).   h (B, G), mask (B, G)  ->  h̃ (B, G)."""
    scale = h.dtype.type(256 / (256 - byte_rate(rate)))
    kept: Floats = np.multiply(h, scale)
    kept *= mask
    return kept


def dropout_backward(d_kept: Floats, mask: Bytes, rate: float) -> Floats:
    """dJ/dh = dJ/dh̃ ∘ mask/(1 − q): the map of the forward pass, which is linear and diagonal.

    d_kept = dJ/dh̃ (B, G), mask (B, G)  ->  dJ/dh (B, G).
    """
    return dropout_forward(d_kept, mask, rate)
