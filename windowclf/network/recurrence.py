"""The recurrence over whole sentences in place of the hidden layer: its directions and blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Gradients, Ints
from windowclf.network.architecture import Architecture, Parameters, recurrent_names
from windowclf.network.kernels.elman import elman_backward, elman_forward, time_steps
from windowclf.system.threads import ALONE, Workers


def recurrence_forward(
    a: Architecture,
    p: Parameters,
    z: Floats,
    lengths: Ints,
    frozen: Floats | None = None,
    workers: Workers = ALONE,
) -> Floats:
    """h (B, G) from z (B, G); each direction has its own half of the columns."""
    activation = a.activation
    assert activation != "none"
    h = np.empty_like(z)

    def one_way(direction: _Direction) -> None:
        half, name, steps, cut = direction
        states = None if frozen is None or cut is None else (cut, frozen[:, half])
        h[:, half] = elman_forward(activation, z[:, half], p[name], steps, states)

    workers.map(one_way, _directions(a, lengths))
    return h


def recurrence_backward(
    a: Architecture,
    p: Parameters,
    d_h: Floats,
    h: Floats,
    lengths: Ints,
    gradients: Gradients,
    workers: Workers,
) -> Floats:
    """delta2 = dJ/dz (B, G); adds dR of every direction to `gradients`."""
    activation = a.activation
    assert activation != "none"
    delta2 = np.empty_like(d_h)

    def one_way(direction: _Direction) -> None:
        half, name, steps, cut = direction
        delta2[:, half], gradients[name] = elman_backward(
            activation, d_h[:, half], h[:, half], p[name], steps, cut
        )

    workers.map(one_way, _directions(a, lengths))
    return delta2


class _Direction(NamedTuple):
    half: slice  # columns of z
    name: str  # of R
    steps: list[Ints]
    cut: Bools | None  # (B,) rows whose entering state is a constant


def _directions(a: Architecture, lengths: Ints) -> list[_Direction]:
    starts = np.cumsum(lengths) - lengths
    directions = []
    for i, name in enumerate(recurrent_names(a.directions)):
        reverse = name == "R.backward"
        steps = time_steps(starts, lengths, reverse)
        cut = _cut_states(a.truncate, lengths, reverse)
        directions.append(_Direction(slice(i * a.units, (i + 1) * a.units), name, steps, cut))
    return directions


def _cut_states(truncate: int | None, lengths: Ints, reverse: bool) -> Bools | None:
    """(B,) True where the state that enters a row comes from another block of `truncate` tokens."""
    if truncate is None:
        return None
    position = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    cut: Bools = (position + 1 if reverse else position) % truncate == 0
    return cut
