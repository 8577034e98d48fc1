"""The network: its parameters, J with every gradient, and scores; it wires the kernels, no more.

E (T, D)      features of the distinct tokens, from the tables L
z (B, G)      windows: z = x W + b1               (G = H, or 2H with two directions)
h (B, G)      f(z), or the Elman recurrence over the sentence; then dropout
theta (B, K)  h U + b2                            (hidden none: theta = x U + b2)
J, delta1     softmax or sigmoid cross-entropy
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from windowclf.arrays import Bools, Bytes, Floats, Ints
from windowclf.kernels.activations import (
    Activation,
    activation_backward,
    activation_forward,
    logistic,
)
from windowclf.kernels.affine import affine_backward, affine_forward
from windowclf.kernels.char_cnn import CharCnnTrace, char_cnn_backward, char_cnn_forward
from windowclf.kernels.dropout import dropout_backward, dropout_forward
from windowclf.kernels.elman import elman_backward, elman_forward, time_steps
from windowclf.kernels.initialize import embedding_table, weight_matrix
from windowclf.kernels.lookup import bag_forward, lookup_backward, rows_forward
from windowclf.kernels.output import sigmoid_cross_entropy, softmax, softmax_cross_entropy
from windowclf.kernels.window import window_backward, window_forward
from windowclf.optimizers import Gradients, RowGradient
from windowclf.text.batches import NO_CLASS, Batch
from windowclf.text.features import Feature
from windowclf.text.vocabulary import SlotRows

Parameters: TypeAlias = Mapping[str, Floats]


@dataclass(frozen=True)
class Architecture:
    """All that fixes the names and shapes of the parameters."""

    features: tuple[Feature, ...]
    table_sizes: Mapping[str, int]  # V of every table
    window: int  # k
    activation: Activation | Literal["none"]
    units: int  # H; 0 for none
    directions: int  # 0 without recurrence
    truncate: int | None
    output: Literal["softmax", "sigmoid"]
    classes: int  # K, the columns of theta

    @property
    def token_width(self) -> int:
        """D, the width of one token's features."""
        return sum(feature.filters or feature.dim for feature in self.features)

    @property
    def hidden_width(self) -> int:
        """Columns of h: H, 2H with two directions, 0 without a hidden layer."""
        return self.units * max(self.directions, 1)

    def tables(self) -> frozenset[str]:
        """The parameters that get their gradient by rows."""
        return frozenset(f"L.{name}" for name in self.table_sizes)

    def weight_matrices(self) -> tuple[str, ...]:
        """The parameters that L2 acts on: W, U, R and filters, not L and biases."""
        return tuple(
            name for name in self.shapes() if not name.startswith(("L.", "b1", "b2", "c."))
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every parameter."""
        widths = {f.table: f.dim for f in self.features}
        shapes: dict[str, tuple[int, ...]] = {
            f"L.{table}": (V, widths[table]) for table, V in self.table_sizes.items()
        }
        for f in self.features:
            if f.kind == "char_cnn":
                shapes |= {
                    f"C.{f.table}": (f.width * f.dim, f.filters),
                    f"c.{f.table}": (f.filters,),
                }
        inputs = (2 * self.window + 1) * self.token_width
        if self.activation == "none":
            return shapes | {"U": (inputs, self.classes), "b2": (self.classes,)}
        shapes |= {"W": (inputs, self.hidden_width), "b1": (self.hidden_width,)}
        for name in _recurrent_names(self.directions):
            shapes[name] = (self.units, self.units)
        return shapes | {"U": (self.hidden_width, self.classes), "b2": (self.classes,)}


@dataclass(frozen=True)
class Objective:
    """What J adds to the plain mean cross-entropy, and how labels become targets."""

    l2: float = 0.0
    dropout: float = 0.0
    class_weights: Floats | None = None  # (label indices,) w_y
    targets: Bytes | None = None  # (label indices, K) 0/1 rows for a sigmoid output


def initialize(architecture: Architecture, seed: int, dtype: str) -> dict[str, Floats]:
    """Initial parameters; each array has a generator of its own, from (seed, its name)."""
    parameters = {}
    for name, shape in architecture.shapes().items():
        rng = np.random.default_rng([seed, *name.encode()])
        if name.startswith("L."):
            parameters[name] = embedding_table(rng, shape[0], shape[1], dtype)
        elif len(shape) == 1:
            parameters[name] = np.zeros(shape, dtype)
        else:
            gain = 2.0 if name == "W" and architecture.activation == "relu" else 1.0
            parameters[name] = weight_matrix(rng, shape[0], shape[1], gain, dtype)
    return parameters


class Forward(NamedTuple):
    """What a forward pass leaves for the backward pass and for looking at."""

    J: float  # without the L2 term
    delta1: Floats  # (B, K) dJ/dtheta
    E: Floats  # (T, D)
    characters: dict[str, CharCnnTrace]
    h: Floats | None  # (B, G) before dropout; None without a hidden layer
    kept: Floats | None  # (B, G) after dropout


def forward(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    mask: Bytes | None = None,
    frozen: Floats | None = None,
) -> Forward:
    """J and delta1 of a batch, with all that lies on the way to them."""
    p = parameters
    E, characters = _features_forward(architecture, p, batch)
    if architecture.activation == "none":
        h = kept = None
        theta = window_forward(E, batch.neighbours, p["U"], p["b2"])
    else:
        h = _hidden_forward(architecture, p, E, batch, frozen)
        kept = h if mask is None else dropout_forward(h, mask, objective.dropout)
        theta = affine_forward(kept, p["U"], p["b2"])
    return Forward(*_loss(theta, batch.labels, objective), E, characters, h, kept)


def loss_and_gradients(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    mask: Bytes | None = None,
    frozen: Floats | None = None,
) -> tuple[float, Gradients]:
    """J of the batch, L2 included, and dJ/dp for every parameter p.

    `mask` (B, G) is the dropout mask M on h; `frozen` (B, G) an earlier h whose states enter the
    truncated blocks of a recurrence, for central differences. Tables get a RowGradient; every other
    array a dense gradient of its own shape.
    """
    p = parameters
    gradients: Gradients = {}
    J, delta1, E, characters, h, kept = forward(architecture, p, batch, objective, mask, frozen)
    if h is None or kept is None:
        dE, gradients["U"], gradients["b2"] = window_backward(delta1, E, batch.neighbours, p["U"])
    else:
        d_h, gradients["U"], gradients["b2"] = affine_backward(delta1, kept, p["U"])
        if mask is not None:
            d_h = dropout_backward(d_h, mask, objective.dropout)
        delta2 = _hidden_backward(architecture, p, d_h, h, batch, gradients)
        dE, gradients["W"], gradients["b1"] = window_backward(delta2, E, batch.neighbours, p["W"])
    _features_backward(architecture, p, dE, batch, characters, gradients)
    for name in architecture.weight_matrices() if objective.l2 else ():
        gradient = gradients[name]
        assert not isinstance(gradient, RowGradient)
        gradient += objective.l2 * p[name]
    return J + l2_term(architecture, p, objective.l2), gradients


def l2_term(architecture: Architecture, parameters: Parameters, l2: float) -> float:
    """(l2/2) Σ‖·‖² over the weight matrices."""
    if l2 == 0.0:
        return 0.0
    squares = (
        np.vdot(parameters[name], parameters[name]) for name in architecture.weight_matrices()
    )
    return 0.5 * l2 * float(sum(squares))


def scores(architecture: Architecture, parameters: Parameters, batch: Batch) -> Floats:
    """theta (B, K), without dropout."""
    p = parameters
    E, _ = _features_forward(architecture, p, batch)
    if architecture.activation == "none":
        return window_forward(E, batch.neighbours, p["U"], p["b2"])
    return affine_forward(_hidden_forward(architecture, p, E, batch), p["U"], p["b2"])


def activity(
    architecture: Architecture, parameters: Parameters, batch: Batch, frozen: Floats | None = None
) -> tuple[Floats | None, list[Ints]]:
    """h (B, G), None without a hidden layer, and the winners of every max pooling.

    They say on which side of each kink the network is, and which states enter truncated blocks.
    """
    E, characters = _features_forward(architecture, parameters, batch)
    winners = [trace.winners for trace in characters.values()]
    if architecture.activation == "none":
        return None, winners
    return _hidden_forward(architecture, parameters, E, batch, frozen), winners


def probabilities(architecture: Architecture, theta: Floats) -> Floats:
    """y_hat (B, K): softmax over the classes, or the logistic function of each logit."""
    return softmax(theta) if architecture.output == "softmax" else logistic(theta)


def _loss(theta: Floats, labels: Ints, objective: Objective) -> tuple[float, Floats]:
    weights = (labels != NO_CLASS).astype(theta.dtype)
    classes = np.maximum(labels, 0)
    if objective.class_weights is not None:
        weights *= objective.class_weights.astype(theta.dtype)[classes]
    if objective.targets is None:
        return softmax_cross_entropy(theta, classes, weights)
    return sigmoid_cross_entropy(theta, objective.targets[classes], weights)


def _features_forward(
    a: Architecture, p: Parameters, batch: Batch
) -> tuple[Floats, dict[str, CharCnnTrace]]:
    """E (T, D): the slots of every distinct token side by side."""
    T = batch.slots[0].tokens()
    E = np.empty((T, a.token_width), p["U"].dtype)
    traces: dict[str, CharCnnTrace] = {}
    for columns, feature, (ids, offsets) in _slots(a, batch):
        L = p[f"L.{feature.table}"]
        if offsets is None:
            E[:, columns] = rows_forward(L, ids)
        elif feature.kind == "ngrams":
            E[:, columns] = bag_forward(L, ids, offsets)
        else:
            filters = p[f"C.{feature.table}"], p[f"c.{feature.table}"]
            E[:, columns], traces[feature.table] = char_cnn_forward(L, ids, offsets, *filters)
    return E, traces


def _features_backward(
    a: Architecture,
    p: Parameters,
    dE: Floats,
    batch: Batch,
    traces: Mapping[str, CharCnnTrace],
    gradients: Gradients,
) -> None:
    parts: dict[str, list[RowGradient]] = {}
    for columns, feature, (ids, offsets) in _slots(a, batch):
        d_e = dE[:, columns]
        if feature.kind == "char_cnn":
            rows, values, gradients[f"C.{feature.table}"], gradients[f"c.{feature.table}"] = (
                char_cnn_backward(d_e, traces[feature.table], p[f"C.{feature.table}"])
            )
        else:
            rows, values = lookup_backward(d_e, ids, offsets)
        parts.setdefault(feature.table, []).append(RowGradient(rows, values))
    for table, gradient in parts.items():
        gradients[f"L.{table}"] = _coalesce(gradient)


def _coalesce(parts: Sequence[RowGradient]) -> RowGradient:
    """One row gradient from those of the slots that share a table."""
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([part.rows for part in parts])
    return RowGradient(*lookup_backward(np.concatenate([part.values for part in parts]), rows))


def _slots(a: Architecture, batch: Batch) -> Iterator[tuple[slice, Feature, SlotRows]]:
    """Columns of E, feature and ids of every slot."""
    start = 0
    for feature, slot in zip(a.features, batch.slots, strict=True):
        end = start + (feature.filters or feature.dim)
        yield slice(start, end), feature, slot
        start = end


def _hidden_forward(
    a: Architecture, p: Parameters, E: Floats, batch: Batch, frozen: Floats | None = None
) -> Floats:
    assert a.activation != "none"
    z = window_forward(E, batch.neighbours, p["W"], p["b1"])
    if not a.directions:
        return activation_forward(a.activation, z)
    h = np.empty_like(z)
    for half, name, steps in _directions(a, batch):
        cut = _cut_states(a.truncate, batch.lengths, reverse=name == "R.backward")
        states = None if frozen is None or cut is None else (cut, frozen[:, half])
        h[:, half] = elman_forward(a.activation, z[:, half], p[name], steps, states)
    return h


def _hidden_backward(
    a: Architecture, p: Parameters, d_h: Floats, h: Floats, batch: Batch, gradients: Gradients
) -> Floats:
    """delta2 = dJ/dz (B, G); adds dR of every direction to `gradients`."""
    assert a.activation != "none"
    if not a.directions:
        return activation_backward(a.activation, d_h, h)
    delta2 = np.empty_like(d_h)
    for half, name, steps in _directions(a, batch):
        cut = _cut_states(a.truncate, batch.lengths, reverse=name == "R.backward")
        delta2[:, half], gradients[name] = elman_backward(
            a.activation, d_h[:, half], h[:, half], p[name], steps, cut
        )
    return delta2


def _recurrent_names(directions: int) -> tuple[str, ...]:
    return ("R.forward", "R.backward")[:directions]


def _directions(a: Architecture, batch: Batch) -> list[tuple[slice, str, list[Ints]]]:
    """Columns of z, name of R and time steps of each direction."""
    starts = np.cumsum(batch.lengths) - batch.lengths
    return [
        (
            slice(i * a.units, (i + 1) * a.units),
            name,
            time_steps(starts, batch.lengths, reverse=name == "R.backward"),
        )
        for i, name in enumerate(_recurrent_names(a.directions))
    ]


def _cut_states(truncate: int | None, lengths: Ints, reverse: bool) -> Bools | None:
    """(B,) True where the state that enters a row comes from another block of `truncate` tokens."""
    if truncate is None:
        return None
    position = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    cut: Bools = (position + 1 if reverse else position) % truncate == 0
    return cut
