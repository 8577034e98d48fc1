"""The network: its parameters, J with every gradient, and scores; it wires the kernels, no more.

E (T, D)      features of the distinct tokens, from the tables L
z (B, G)      windows: z = x W + b1               (G = H, or 2H with two directions)
h (B, G)      f(z), or the Elman recurrence over the sentence; then dropout
theta (B, K)  h U + b2                            (hidden none: theta = x U + b2)
J, delta1     softmax or sigmoid cross-entropy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from windowclf.arrays import Bytes, Floats, Gradients, Ints, RowGradient
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.kernels.activations import (
    Activation,
    activation_backward,
    activation_forward,
    logistic,
)
from windowclf.network.kernels.affine import affine_backward, affine_forward
from windowclf.network.kernels.crf import crf_cross_entropy
from windowclf.network.kernels.dropout import dropout_backward, dropout_forward
from windowclf.network.kernels.output import sigmoid_cross_entropy, softmax, softmax_cross_entropy
from windowclf.network.kernels.window import (
    project,
    sum_over_positions,
    window_backward,
    window_forward,
)
from windowclf.network.recurrence import recurrence_backward, recurrence_forward
from windowclf.network.token_features import features_backward, features_forward
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import Batch
from windowclf.text.corpus import NO_CLASS
from windowclf.text.vocabulary import SlotRows

CHAIN = ("crf.start", "crf.transitions", "crf.end")
AT_ONCE = 1 << 18  # numbers of an array of h: few enough to stay in the cache, enough to share


@dataclass(frozen=True)
class Objective:
    """What J adds to the plain mean cross-entropy, and how labels become targets."""

    l2: float = 0.0
    dropout: float = 0.0  # of h
    input_dropout: float = 0.0  # of E
    class_weights: Floats | None = None  # (label indices,) w_y
    targets: Bytes | None = None  # (label indices, K) 0/1 rows for a sigmoid output
    label_smoothing: float = 0.0  # of a softmax output


class Masks(NamedTuple):
    """What dropout leaves of a batch: 1 for kept and 0 for dropped, None where nothing is dropped.

    Of M members that have masks of their own, each array has M as its first axis.
    """

    inputs: Bytes | None = None  # (T, D) on E: a distinct token is the same in all its windows
    hidden: Bytes | None = None  # (B, G) on h


NO_MASKS = Masks()


class Forward(NamedTuple):
    """J and what lies on the way to it."""

    J: float  # without the L2 term
    h: Floats | None  # (B, G) before dropout; None without a hidden layer
    winners: list[Ints]  # of every max pooling


def forward(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    frozen: Floats | None = None,
) -> Forward:
    """J of a batch without its gradients, h, and which characters won the max pooling.

    They say on which side of each kink the network is, and which states enter truncated blocks.
    """
    a, p = architecture, parameters
    E, characters = features_forward(a, p, batch.slots)
    E = _kept(E, masks.inputs, objective.input_dropout)
    h = None
    if a.activation == "none":
        theta = window_forward(E, batch.neighbours, p["U"], p["b2"])
    else:
        h = _hidden_forward(a, p, E, batch, frozen)
        kept = _kept(h, masks.hidden, objective.dropout)
        theta = affine_forward(kept, p["U"], p["b2"])
    if a.output == "crf":
        J, *_ = crf_cross_entropy(theta, batch.lengths, batch.labels, *_chain(p))
    else:
        weights = _weights(batch.labels, objective, theta.dtype)
        J, _ = _loss(theta, batch.labels, weights, float(weights.sum()), objective)
    return Forward(J, h, [trace.winners for trace in characters.values()])


def loss_and_gradients(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    frozen: Floats | None = None,
    workers: Workers = ALONE,
) -> tuple[float, Gradients]:
    """J of the batch, L2 included, and dJ/dp for every parameter p.

    `masks` are those of dropout; `frozen` (B, G) an earlier h whose states enter the truncated
    blocks of a recurrence, for central differences. Tables get a RowGradient; every other array a
    dense gradient of its own shape.
    """
    a, p = architecture, parameters
    gradients: Gradients = {}
    E, characters = features_forward(a, p, batch.slots, workers)
    E = _kept(E, masks.inputs, objective.input_dropout)
    W, b = _window_layer(a)
    P = project(E, p[W], p[b], workers)
    output = _Output(a, p, batch, objective, masks.hidden)
    if a.directions:
        J, delta2 = _through_recurrence(output, P, frozen, gradients, workers)
    else:
        J, delta2 = _through_windows(output, P, gradients, workers)
    dE, gradients[W], gradients[b] = window_backward(delta2, E, batch.neighbours, p[W], workers)
    if masks.inputs is not None:
        dE = dropout_backward(dE, masks.inputs, objective.input_dropout)
    features_backward(a, p, dE, batch.slots, characters, gradients, workers)
    for name in a.weight_matrices() if objective.l2 else ():
        gradient = gradients[name]
        assert not isinstance(gradient, RowGradient)
        gradient += objective.l2 * p[name]
    return J + l2_term(a, p, objective.l2), gradients


@dataclass
class _Output:
    """The layers above h, which treat every window alone: any rows of a batch at a time."""

    a: Architecture
    p: Parameters
    batch: Batch
    objective: Objective
    mask: Bytes | None

    @property
    def activation(self) -> Activation:
        """f, where there is a hidden layer."""
        assert self.a.activation != "none"
        return self.a.activation

    def __post_init__(self) -> None:
        self.weights = _weights(self.batch.labels, self.objective, self.p["U"].dtype)
        self.total = float(self.weights.sum())

    def pieces(self, workers: Workers) -> list[slice]:
        """Rows to take at a time: few enough to stay in a core's cache."""
        width = max(self.a.hidden_width, self.a.classes)
        return workers.pieces(len(self.weights), width, most=_rows_at_once(self.a))

    def loss(self, theta: Floats, rows: slice) -> tuple[float, Floats]:
        """The share of some rows in J, and their delta1."""
        labels, weights = self.batch.labels[rows], self.weights[rows]
        return _loss(theta, labels, weights, self.total, self.objective)

    def loss_and_d_h(self, h: Floats, rows: slice) -> tuple[float, Floats, Floats, Floats]:
        """The share of some rows of h in J, their dJ/dh, and their shares in dU and db2."""
        kept, theta = self.theta(h, rows)
        J, delta1 = self.loss(theta, rows)
        return J, *self.d_h(delta1, kept, rows)

    def theta(self, h: Floats, rows: slice) -> tuple[Floats, Floats]:
        """h after dropout, and theta, of some rows."""
        mask = None if self.mask is None else self.mask[rows]
        kept = _kept(h, mask, self.objective.dropout)
        return kept, affine_forward(kept, self.p["U"], self.p["b2"])

    def d_h(self, delta1: Floats, kept: Floats, rows: slice) -> tuple[Floats, Floats, Floats]:
        """dJ/dh of some rows, and their shares in dU and db2."""
        d_h, dU, db2 = affine_backward(delta1, kept, self.p["U"])
        if self.mask is not None:
            d_h = dropout_backward(d_h, self.mask[rows], self.objective.dropout)
        return d_h, dU, db2


def _through_windows(
    output: _Output, P: Floats, gradients: Gradients, workers: Workers
) -> tuple[float, Floats]:
    """From P to J and back to dJ/dz (B, G), some windows at a time."""
    a, batch = output.a, output.batch
    delta2 = np.empty((len(batch.labels), a.hidden_width or a.classes), P.dtype)
    if a.output == "crf":
        return _through_windows_and_chain(output, P, delta2, gradients, workers)

    def some_windows(rows: slice) -> tuple[float, dict[str, Floats]]:
        neighbours = batch.neighbours[:, rows]
        if a.activation == "none":
            theta = sum_over_positions(P, neighbours, a.classes)
            J, delta2[rows] = output.loss(theta, rows)
            return J, {}
        h = activation_forward(a.activation, sum_over_positions(P, neighbours, a.hidden_width))
        J, d_h, dU, db2 = output.loss_and_d_h(h, rows)
        delta2[rows] = activation_backward(a.activation, d_h, h)
        return J, {"U": dU, "b2": db2}

    return _sum_up(workers.map(some_windows, output.pieces(workers)), gradients), delta2


def _through_recurrence(
    output: _Output, P: Floats, frozen: Floats | None, gradients: Gradients, workers: Workers
) -> tuple[float, Floats]:
    """The same with a recurrence over whole sentences in place of the hidden layer."""
    a, p, batch = output.a, output.p, output.batch
    z = np.empty((len(batch.labels), a.hidden_width), P.dtype)
    d_h = np.empty_like(z)

    def some_windows(rows: slice) -> None:
        z[rows] = sum_over_positions(P, batch.neighbours[:, rows], a.hidden_width)

    workers.map(some_windows, output.pieces(workers))
    h = recurrence_forward(a, p, z, batch.lengths, frozen, workers)
    if a.output == "crf":
        J = _through_chain(output, h, d_h, gradients, workers)
        return J, recurrence_backward(a, p, d_h, h, batch.lengths, gradients, workers)

    def some_outputs(rows: slice) -> tuple[float, dict[str, Floats]]:
        J, d_h[rows], dU, db2 = output.loss_and_d_h(h[rows], rows)
        return J, {"U": dU, "b2": db2}

    J = _sum_up(workers.map(some_outputs, output.pieces(workers)), gradients)
    return J, recurrence_backward(a, p, d_h, h, batch.lengths, gradients, workers)


def _through_windows_and_chain(
    output: _Output, P: Floats, delta2: Floats, gradients: Gradients, workers: Workers
) -> tuple[float, Floats]:
    """From P to J of whole sentences and back to dJ/dz, which goes into delta2."""
    a, batch = output.a, output.batch
    if a.activation == "none":
        theta = sum_over_positions(P, batch.neighbours, a.classes)
        J, delta1 = _chain_loss(output, theta, gradients)
        return J, delta1
    h = np.empty_like(delta2)

    def forward(rows: slice) -> None:
        z = sum_over_positions(P, batch.neighbours[:, rows], a.hidden_width)
        h[rows] = activation_forward(output.activation, z)

    def backward(rows: slice) -> None:
        delta2[rows] = activation_backward(output.activation, d_h[rows], h[rows])

    workers.map(forward, output.pieces(workers))
    d_h = np.empty_like(h)
    J = _through_chain(output, h, d_h, gradients, workers)
    workers.map(backward, output.pieces(workers))
    return J, delta2


def _through_chain(
    output: _Output, h: Floats, d_h: Floats, gradients: Gradients, workers: Workers
) -> float:
    """J of whole sentences from h (B, G), with dJ/dh put into d_h."""
    kept = np.empty_like(h)
    theta = np.empty((len(h), output.a.classes), h.dtype)

    def forward(rows: slice) -> None:
        kept[rows], theta[rows] = output.theta(h[rows], rows)

    def backward(rows: slice) -> tuple[float, dict[str, Floats]]:
        d_h[rows], dU, db2 = output.d_h(delta1[rows], kept[rows], rows)
        return 0.0, {"U": dU, "b2": db2}

    workers.map(forward, output.pieces(workers))
    J, delta1 = _chain_loss(output, theta, gradients)
    _sum_up(workers.map(backward, output.pieces(workers)), gradients)
    return J


def _chain_loss(output: _Output, theta: Floats, gradients: Gradients) -> tuple[float, Floats]:
    """J and delta1 of the CRF; the gradients of its own scores are noted."""
    batch = output.batch
    J, delta1, *own = crf_cross_entropy(theta, batch.lengths, batch.labels, *_chain(output.p))
    gradients.update(zip(CHAIN, own, strict=True))
    return J, delta1


def _chain(p: Parameters) -> tuple[Floats, Floats, Floats]:
    """start, transitions and end."""
    start, transitions, end = (p[name] for name in CHAIN)
    return start, transitions, end


def _sum_up(parts: Sequence[tuple[float, dict[str, Floats]]], gradients: Gradients) -> float:
    """The sums over all rows: J is returned, the others go into `gradients`."""
    J, sums = parts[0]
    for share, others in parts[1:]:
        J += share
        for name, other in others.items():
            sums[name] += other
    gradients.update(sums)
    return J


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
    P = projections(architecture, parameters, batch.slots)
    return scores_of_windows(architecture, parameters, P, batch.neighbours, batch.lengths)


def projections(
    architecture: Architecture, parameters: Parameters, slots: Sequence[SlotRows]
) -> Floats:
    """P (T, n·G) of T distinct tokens: all that a window's scores need of each of its tokens."""
    a, p = architecture, parameters
    E, _ = features_forward(a, p, slots)
    W, b = _window_layer(a)
    return project(E, p[W], p[b])


def scores_of_windows(
    architecture: Architecture, parameters: Parameters, P: Floats, neighbours: Ints, lengths: Ints
) -> Floats:
    """theta (B, K) of windows given as rows of P: neighbours (n, B); lengths (S,) of sentences."""
    a, p = architecture, parameters
    theta = np.empty((neighbours.shape[1], a.classes), P.dtype)
    h = None
    if a.directions:
        z = sum_over_positions(P, neighbours, a.hidden_width)
        h = recurrence_forward(a, p, z, lengths)
    for rows in ALONE.pieces(len(theta), 1, most=max(1, _rows_at_once(a) // 2)):
        if h is not None:
            theta[rows] = affine_forward(h[rows], p["U"], p["b2"])
        elif a.activation == "none":
            theta[rows] = sum_over_positions(P, neighbours[:, rows], a.classes)
        else:
            z = sum_over_positions(P, neighbours[:, rows], a.hidden_width)
            theta[rows] = affine_forward(activation_forward(a.activation, z), p["U"], p["b2"])
    return theta


def probabilities(architecture: Architecture, theta: Floats) -> Floats:
    """y_hat (B, K): softmax over the classes, or the logistic function of each logit."""
    return softmax(theta) if architecture.output == "softmax" else logistic(theta)


def _kept(x: Floats, mask: Bytes | None, p: float) -> Floats:
    """What dropout with the rate p leaves of x."""
    return x if mask is None else dropout_forward(x, mask, p)


def _window_layer(a: Architecture) -> tuple[str, str]:
    """The weights and the bias of the layer that reads windows."""
    return ("U", "b2") if a.activation == "none" else ("W", "b1")


def _rows_at_once(a: Architecture) -> int:
    """Windows that are taken at a time."""
    return max(1, AT_ONCE // max(a.hidden_width, a.classes))


def _weights(labels: Ints, objective: Objective, dtype: np.dtype[Any]) -> Floats:
    """(B,) w of every window: the class weight of its label, 0 without a label."""
    weights: Floats = (labels != NO_CLASS).astype(dtype)
    if objective.class_weights is not None:
        weights *= objective.class_weights.astype(dtype)[np.maximum(labels, 0)]
    return weights


def _loss(
    theta: Floats, labels: Ints, weights: Floats, total: float, objective: Objective
) -> tuple[float, Floats]:
    classes = np.maximum(labels, 0)
    if objective.targets is None:
        return softmax_cross_entropy(theta, classes, weights, total, objective.label_smoothing)
    return sigmoid_cross_entropy(theta, objective.targets[classes], weights, total)


def _hidden_forward(
    a: Architecture, p: Parameters, E: Floats, batch: Batch, frozen: Floats | None = None
) -> Floats:
    assert a.activation != "none"
    z = window_forward(E, batch.neighbours, p["W"], p["b1"])
    if not a.directions:
        return activation_forward(a.activation, z)
    return recurrence_forward(a, p, z, batch.lengths, frozen)
