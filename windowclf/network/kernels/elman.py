"""Elman recurrence h_t = f(z_t + h_{t−1} R), h_0 = 0, and back-propagation through time.

Sentences of a batch run side by side in a trellis; the loop is over time steps only. For the other
direction the trellis begins at their ends.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Bools, Floats
from windowclf.network.kernels.activations import (
    Activation,
    activation_backward,
    activation_forward,
)
from windowclf.network.kernels.trellis import Trellis


def elman_forward(
    name: Activation,
    z: Floats,
    R: Floats,
    trellis: Trellis,
    held: tuple[Bools, Floats] | None = None,
) -> Floats:
    """h_t = f(z_t + h_{t−1} R).   z (B, H), R (H, H)  ->  h (B, H).

    `held` = (cut, states) replaces the state that enters the rows marked in cut (B,) by that of
    `states` (B, H), an earlier h: the constants that a truncated backward pass takes them for.
    """
    s = z[trellis.rows]  # by position: the tokens of a step are a slice
    first = slice(len(trellis.sentences))
    s[first] = activation_forward(name, s[first])
    for now, before in trellis.steps():
        entering = s[before]
        if held is not None:
            cut, states = held[0][trellis.rows[now]], held[1][trellis.rows[before]]
            entering = np.where(cut[:, None], states, entering)
        s[now] += entering @ R
        s[now] = activation_forward(name, s[now])
    h = np.empty_like(z)
    h[trellis.rows] = s
    return h


def elman_backward(
    name: Activation, d_h: Floats, h: Floats, R: Floats, trellis: Trellis, cut: Bools | None
) -> tuple[Floats, Floats]:
    """delta_t = (dJ/dh_t + delta_{t+1} Rᵀ) ∘ f′,   dR = Σ_t h_{t−1}ᵀ delta_t.

    d_h (B, H) is what the layer above sends to each h (B, H), R (H, H); cut (B,) marks rows whose
    entering state is a constant (the first of a truncated block): nothing flows back through it.
    Returns delta2 = dJ/dz (B, H), which is delta_t at the row of t, and dR (H, H).
    """
    delta, states = d_h[trellis.rows], h[trellis.rows]  # by position, first dJ/dh and then delta_t
    for now, before in reversed(trellis.steps()):
        delta[now] = activation_backward(name, delta[now], states[now])
        flowing = delta[now] @ R.T
        if cut is not None:
            flowing[cut[trellis.rows[now]]] = 0
        delta[before] += flowing
    first = slice(len(trellis.sentences))
    delta[first] = activation_backward(name, delta[first], states[first])
    delta2, entering = np.empty_like(d_h), np.zeros_like(h)  # h_{t−1} at the row of h_t
    delta2[trellis.rows] = delta
    entering[trellis.rows[first.stop :]] = states[trellis.previous]
    return delta2, entering.T @ delta2
