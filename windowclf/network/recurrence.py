"""The recurrence over whole sentences in place of the hidden layer: its directions and blocks.

Each direction has its own half of the G columns of z and h, and R (H, H) of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Gradients, Ints, ragged
from windowclf.network.architecture import Architecture, Parameters, recurrent_names
from windowclf.network.kernels.elman import elman_backward, elman_forward
from windowclf.network.kernels.trellis import Trellis, side_by_side
from windowclf.system.threads import ALONE, Workers


def recurrence_forward(
    a: Architecture,
    p: Parameters,
    z: Floats,
    lengths: Ints,
    held: Floats | None = None,
    workers: Workers = ALONE,
) -> Floats:
    """The states of all directions.   z (B, G), lengths (S,)  ->  h (B, G).

    held (B, G) is an earlier h whose states enter the truncated blocks in the place of these.
    """
    activation = a.activation
    assert activation != "none"
    h = np.empty_like(z)

    def one_way(direction: _Direction) -> None:
        half, name, trellis, cut = direction
        states = None if held is None or cut is None else (cut, held[:, half])
        h[:, half] = elman_forward(activation, z[:, half], p[name], trellis, states)

    workers.map(one_way, _directions(a, lengths))
    return h


def recurrence_backward(
    a: Architecture,
    p: Parameters,
    d_h: Floats,
    h: Floats,
    lengths: Ints,
    workers: Workers,
) -> tuple[Floats, Gradients]:
    """The gradients of z and of every R.

    d_h = dJ/dh (B, G), h (B, G), lengths (S,)  ->  delta2 = dJ/dz (B, G), and dR (H, H) by name.
    """
    activation = a.activation
    assert activation != "none"
    delta2, gradients = np.empty_like(d_h), Gradients()

    def one_way(direction: _Direction) -> None:
        half, name, trellis, cut = direction
        delta2[:, half], gradients[name] = elman_backward(
            activation, d_h[:, half], h[:, half], p[name], trellis, cut
        )

    workers.map(one_way, _directions(a, lengths))
    return delta2, gradients


class _Direction(NamedTuple):
    """What one direction of the recurrence works on."""

    half: slice  # columns of z and h
    name: str  # of R
    trellis: Trellis
    cut: Bools | None  # (B,) rows whose entering state is a constant


def _directions(a: Architecture, lengths: Ints) -> list[_Direction]:
    """The directions of the recurrence over sentences of lengths (S,)."""
    directions = []
    for i, name in enumerate(recurrent_names(a.directions)):
        reverse = name == "R.backward"
        trellis, cut = side_by_side(lengths, reverse), _cut_states(a.truncate, lengths, reverse)
        directions.append(_Direction(slice(i * a.units, (i + 1) * a.units), name, trellis, cut))
    return directions


def _cut_states(truncate: int | None, lengths: Ints, reverse: bool) -> Bools | None:
    """Where the state that enters a row comes from another block of `truncate` tokens.

    lengths (S,)  ->  (B,); None without blocks.
    """
    if truncate is None:
        return None
    position = ragged(lengths)
    cut: Bools = (position + 1 if reverse else position) % truncate == 0
    return cut
