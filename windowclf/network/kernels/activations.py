"""h = f(z) and f′(z); every derivative is read from the output h, so z need not be kept."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from windowclf.arrays import Floats

Activation: TypeAlias = Literal["relu", "sigmoid", "tanh", "hard_tanh"]


def logistic(z: Floats) -> Floats:
    """1 / (1 + e^−z) in the shape of z and its dtype, to the last digit at both ends.

    For z < 0 it is e^z / (1 + e^z): nothing overflows, and no small number is a difference of ones.
    """
    e = np.exp(-np.abs(z))
    y: Floats = np.reciprocal(e + z.dtype.type(1))
    return np.multiply(y, e, out=y, where=z < 0)


def activation_forward(name: Activation, z: Floats) -> Floats:
    """h = f(z), which may be put in the place of z.   z (B, G)  ->  h (B, G)."""
    match name:
        case "relu":
            return np.maximum(z, z.dtype.type(0), out=z)
        case "sigmoid":
            return logistic(z)
        case "tanh":
            return np.tanh(z, out=z)
        case "hard_tanh":
            return np.clip(z, z.dtype.type(-1), z.dtype.type(1), out=z)


def activation_backward(name: Activation, d_h: Floats, h: Floats) -> Floats:
    """dJ/dz = dJ/dh ∘ f′(z), with f′ from h.   d_h = dJ/dh (B, G), h (B, G)  ->  dJ/dz (B, G).

    relu [z > 0] (0 at z = 0), sigmoid h(1 − h), tanh 1 − h², hard_tanh [|z| < 1].
    """
    match name:
        case "relu":
            return d_h * (h > 0)
        case "sigmoid":
            return d_h * h * (1 - h)
        case "tanh":
            return d_h * (1 - h * h)
        case "hard_tanh":
            return d_h * (np.abs(h) < 1)
