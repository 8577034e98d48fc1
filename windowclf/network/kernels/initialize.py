"""Initial values: L from N(0, 0.1²), weight matrices by fan-in, biases 0."""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Floats

EMBEDDING_DEVIATION = 0.1


def embedding_table(rng: np.random.Generator, V: int, d: int, dtype: str) -> Floats:
    """An embedding table L (V, d), its entries from N(0, 0.1²)."""
    return (EMBEDDING_DEVIATION * rng.standard_normal((V, d), np.float32)).astype(dtype)


def weight_matrix(
    rng: np.random.Generator, fan_in: int, fan_out: int, gain: float, dtype: str
) -> Floats:
    """A weight matrix (fan_in, fan_out), its entries from N(0, gain/fan_in).

    The gain is 2 before a relu (He et al. 2015), else 1.
    """
    deviation = np.sqrt(gain / max(fan_in, 1))
    weights: Floats = deviation * rng.standard_normal((fan_in, fan_out), np.float32)
    return weights.astype(dtype)
