"""The way up: from the distinct tokens of a text to theta, for training and tagging alike.

P (T, n·G)    what each distinct token adds to z at each of the n positions of a window
z (B, G)      windows: z = x W + b1 = Σ_j P_j      (G = H, or 2H with two directions)
h (B, G)      f(z), or the Elman recurrence over the sentence; then dropout
theta (B, K)  h U + b2                             (without a hidden layer z is theta = x U + b2)

Windows pass some at a time, b of B, few enough to stay in a core's cache; a recurrence needs whole
sentences. Without a hidden layer P is (T, n·K).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bytes, Floats, Ints
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.kernels.activations import activation_forward
from windowclf.network.kernels.affine import affine_forward
from windowclf.network.kernels.dropout import dropout_forward
from windowclf.network.kernels.window import project, sum_over_positions
from windowclf.network.recurrence import recurrence_forward
from windowclf.network.token_features import features_forward
from windowclf.system.threads import ALONE, Workers
from windowclf.text.vocabulary import SlotRows

AT_ONCE = 1 << 18  # numbers of an array of h: few enough to stay in the cache, enough to share


class Passed(NamedTuple):
    """What some windows leave behind on their way up."""

    h: Floats | None  # (b, G) before dropout; None without a hidden layer
    kept: Floats | None  # (b, G) after it
    theta: Floats  # (b, K)


def upward(
    a: Architecture,
    p: Parameters,
    P: Floats,
    neighbours: Ints,
    states: Floats | None = None,
    mask: Bytes | None = None,
    rate: float = 0.0,
) -> Passed:
    """Some windows from P (T, n·G) to theta (b, K), with what h was on the way.

    neighbours (n, b) are rows of P; states (b, G) are the h of a recurrence, which takes the place
    of the hidden layer; mask (b, G) uint8 and `rate` are those of dropout on h.
    """
    if a.activation == "none":
        return Passed(None, None, sum_over_positions(P, neighbours, a.classes))
    h = states
    if h is None:
        h = activation_forward(a.activation, sum_over_positions(P, neighbours, a.hidden_width))
    kept = h if mask is None else dropout_forward(h, mask, rate)
    return Passed(h, kept, affine_forward(kept, p["U"], p["b2"]))


def states_of_windows(
    a: Architecture,
    p: Parameters,
    P: Floats,
    neighbours: Ints,
    lengths: Ints,
    held: Floats | None = None,
    workers: Workers = ALONE,
) -> Floats | None:
    """h (B, G) of a recurrence over sentences of lengths (S,); None without one.

    neighbours (n, B) are rows of P (T, n·G); held (B, G) is an earlier h whose states enter the
    truncated blocks in the place of the present ones.
    """
    if not a.directions:
        return None
    z = np.empty((neighbours.shape[1], a.hidden_width), P.dtype)

    def some_windows(rows: slice) -> None:
        z[rows] = sum_over_positions(P, neighbours[:, rows], a.hidden_width)

    workers.map(some_windows, windows_at_a_time(a, len(z), workers))
    return recurrence_forward(a, p, z, lengths, held, workers)


def projections(a: Architecture, p: Parameters, slots: Sequence[SlotRows]) -> Floats:
    """P (T, n·G) of T distinct tokens: all that a window's scores need of each of its tokens."""
    E, _ = features_forward(a, p, slots)
    weights, bias = window_layer(a)
    return project(E, p[weights], p[bias])


def scores_of_windows(
    a: Architecture, p: Parameters, P: Floats, neighbours: Ints, lengths: Ints
) -> Floats:
    """theta (B, K), without dropout, of windows given as rows of P.

    P (T, n·G), neighbours (n, B), lengths (S,) of the sentences.
    """
    h, most = states_of_windows(a, p, P, neighbours, lengths), max(1, rows_at_once(a) // 2)
    if neighbours.shape[1] <= most:
        return upward(a, p, P, neighbours, h).theta
    theta = np.empty((neighbours.shape[1], a.classes), P.dtype)
    for rows in ALONE.pieces(len(theta), 1, most=most):
        states = None if h is None else h[rows]
        theta[rows] = upward(a, p, P, neighbours[:, rows], states).theta
    return theta


def window_layer(a: Architecture) -> tuple[str, str]:
    """The names of the weights and the bias of the layer that reads windows."""
    return ("U", "b2") if a.activation == "none" else ("W", "b1")


def windows_at_a_time(a: Architecture, windows: int, workers: Workers) -> list[slice]:
    """The windows of a batch, cut into as many at a time as stay in a core's cache."""
    width = max(a.hidden_width, a.classes)
    return workers.pieces(windows, width, most=rows_at_once(a))


def rows_at_once(a: Architecture) -> int:
    """The most windows that are taken at a time."""
    return max(1, AT_ONCE // max(a.hidden_width, a.classes))
