"""Elman recurrence h_t = f(z_t + h_{t−1} R), h_0 = 0, and back-propagation through time.

Sentences of a batch run side by side; the loop is over time steps only. `steps[t]` holds the rows
of z at time t of every sentence that is longer than t, longest sentence first, so that those of
step t + 1 continue the first rows of step t. For the other direction the steps run from the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network.kernels.activations import (
    Activation,
    activation_backward,
    activation_forward,
)


def time_steps(starts: Ints, lengths: Ints, reverse: bool = False) -> list[Ints]:
    """Rows at each time step for sentences that begin at row starts[s] and have lengths[s] rows."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    starts, lengths = starts[order], lengths[order]
    first = starts + lengths - 1 if reverse else starts
    direction = -1 if reverse else 1
    longest = int(lengths[0]) if len(lengths) else 0
    active = np.searchsorted(-lengths, -np.arange(longest))  # sentences longer than t
    return [first[:n] + direction * t for t, n in enumerate(active)]


def elman_forward(
    name: Activation,
    z: Floats,
    R: Floats,
    steps: Sequence[Ints],
    frozen: tuple[Bools, Floats] | None = None,
) -> Floats:
    """h_t = f(z_t + h_{t−1} R).   z (B, H), R (H, H)  ->  h (B, H).

    `frozen` = (cut, states) replaces the state that enters the rows marked in cut (B,) by that of
    `states` (B, H), an earlier h: the constants that a truncated backward pass takes them for.
    """
    h = np.empty_like(z)
    before: Floats | None = None
    for t, rows in enumerate(steps):
        s = z[rows]
        if before is not None:
            before = before[: len(rows)]
            if frozen is not None:
                cut, states = frozen
                before = np.where(cut[rows, None], states[steps[t - 1][: len(rows)]], before)
            s += before @ R
        before = activation_forward(name, s)
        h[rows] = before
    return h


def elman_backward(
    name: Activation, d_h: Floats, h: Floats, R: Floats, steps: Sequence[Ints], cut: Bools | None
) -> tuple[Floats, Floats]:
    """delta_t = (dJ/dh_t + delta_{t+1} Rᵀ) ∘ f′,   dR = Σ_t h_{t−1}ᵀ delta_t.

    d_h (B, H) is what the layer above sends to each h; cut (B,) marks rows whose entering state is
    a constant (the first of a truncated block): nothing flows back through it.
    Returns dz = delta (B, H) and dR (H, H).
    """
    delta = np.empty_like(d_h)
    before = np.zeros_like(h)  # h_{t−1} at the row of h_t
    later: Floats | None = None  # delta_{t+1} Rᵀ
    for t in range(len(steps) - 1, -1, -1):
        rows = steps[t]
        d = d_h[rows]
        if later is not None:
            d[: len(later)] += later
        d = activation_backward(name, d, h[rows])
        delta[rows] = d
        if t > 0:
            before[rows] = h[steps[t - 1][: len(rows)]]
            later = d @ R.T
            if cut is not None:
                later[cut[rows]] = 0
    return delta, before.T @ delta
