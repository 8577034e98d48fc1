"""J of a batch and every gradient: up to the scores, and the same way down again.

Up goes what upward.py says, some windows at a time. At the top they turn round where their loss is
known: at once for a softmax or sigmoid, when all sentences are up for a CRF. Down it goes layer by
layer, each the twin of one on the way up; the derivations are those of GRADIENTS.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from windowclf.arrays import Bytes, Floats, Gradients, Ints, RowGradient, part
from windowclf.network.architecture import Architecture, Parameters
from windowclf.network.kernels.activations import activation_backward
from windowclf.network.kernels.affine import affine_backward
from windowclf.network.kernels.crf import crf_cross_entropy
from windowclf.network.kernels.dropout import dropout_backward, dropout_forward
from windowclf.network.kernels.output import sigmoid_cross_entropy, softmax_cross_entropy
from windowclf.network.kernels.window import project, window_backward
from windowclf.network.recurrence import recurrence_backward
from windowclf.network.token_features import features_backward, features_forward
from windowclf.network.upward import (
    Passed,
    states_of_windows,
    upward,
    window_layer,
    windows_at_a_time,
)
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import Batch
from windowclf.text.corpus import NO_CLASS

CHAIN = ("crf.start", "crf.transitions", "crf.end")
Dense: TypeAlias = dict[str, Floats]  # gradients by name, each of its parameter's shape
Up: TypeAlias = Callable[[slice], Passed]  # some windows of the batch, from P to theta
Down: TypeAlias = Callable[[slice, Passed, Floats], Dense]  # and from delta1 down again


@dataclass(frozen=True)
class Objective:
    """What J adds to the plain mean cross-entropy, and how labels become targets."""

    l2: float = 0.0
    dropout: float = 0.0  # of h
    input_dropout: float = 0.0  # of E
    class_weights: Floats | None = None  # (labels,) w_y of each label index
    targets: Bytes | None = None  # (labels, K) 0/1 row of each label index, for a sigmoid output
    label_smoothing: float = 0.0  # of a softmax output


class Masks(NamedTuple):
    """What dropout leaves of a batch: 1 for kept and 0 for dropped, None where nothing is dropped.

    Of a whole model each array has the members as its first axis.
    """

    inputs: Bytes | None = None  # (T, D) on E: a distinct token is the same in all its windows
    hidden: Bytes | None = None  # (B, G) on h

    def of_member(self, i: int) -> Masks:
        """The masks of member i: inputs (T, D), hidden (B, G)."""
        return Masks(part(self.inputs, i), part(self.hidden, i))


NO_MASKS = Masks()


class Forward(NamedTuple):
    """J and what lies on the way to it."""

    J: float  # with the L2 term
    h: Floats | None  # (B, G) before dropout; None without a hidden layer
    winners: list[Ints]  # (T, filters) of every max pooling: where the maxima are


def loss_and_gradients(
    a: Architecture,
    p: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    held: Floats | None = None,
    workers: Workers = ALONE,
) -> tuple[float, Gradients]:
    """J of the batch, L2 included, and its gradient by every parameter of p, by name.

    Tables get a RowGradient, every other array a gradient of its own shape. held (B, G) is an
    earlier h whose states enter the truncated blocks of a recurrence, for central differences.
    """
    E, characters = features_forward(a, p, batch.slots, workers)
    if masks.inputs is not None:
        E = dropout_forward(E, masks.inputs, objective.input_dropout)
    weights, bias = window_layer(a)
    P = project(E, p[weights], p[bias], workers)
    h = states_of_windows(a, p, P, batch.neighbours, batch.lengths, held, workers)
    mask, rate = masks.hidden, objective.dropout
    delta2 = np.empty((len(batch.labels), a.hidden_width or a.classes), P.dtype)

    def up(rows: slice) -> Passed:
        return upward(a, p, P, batch.neighbours[:, rows], part(h, rows), part(mask, rows), rate)

    def down(rows: slice, passed: Passed, delta1: Floats) -> Dense:
        """Fill some rows of delta2, from delta1 (b, K); their share in dU (G, K) and db2 (K,)."""
        delta2[rows], found = _downward(a, p, passed, delta1, part(mask, rows), rate)
        return found

    turn = _turn_at_the_chain if a.output == "crf" else _turn_at_once
    J, top = turn(a, p, batch, objective, up, down, workers)
    gradients: Gradients = {**top}
    if h is not None:  # so far dJ/dh stands in delta2
        delta2, found = recurrence_backward(a, p, delta2, h, batch.lengths, workers)
        gradients |= found
    dE, gradients[weights], gradients[bias] = window_backward(
        delta2, E, batch.neighbours, p[weights], workers
    )
    if masks.inputs is not None:
        dE = dropout_backward(dE, masks.inputs, objective.input_dropout)
    gradients |= features_backward(a, p, dE, batch.slots, characters, workers)
    for name in a.weight_matrices() if objective.l2 else ():
        gradient = gradients[name]
        assert not isinstance(gradient, RowGradient)
        gradient += objective.l2 * p[name]
    return J + _l2_term(a, p, objective.l2), gradients


def forward(
    a: Architecture,
    p: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    held: Floats | None = None,
) -> Forward:
    """J of the batch without its gradients, h (B, G), and which characters won the max pooling.

    h and the winners say on which side of each kink the network is. held (B, G) is the h of an
    earlier call, as for the gradients.
    """
    E, characters = features_forward(a, p, batch.slots)
    if masks.inputs is not None:
        E = dropout_forward(E, masks.inputs, objective.input_dropout)
    weights, bias = window_layer(a)
    P = project(E, p[weights], p[bias])
    states = states_of_windows(a, p, P, batch.neighbours, batch.lengths, held)
    passed = upward(a, p, P, batch.neighbours, states, masks.hidden, objective.dropout)
    if a.output == "crf":
        J, *_ = crf_cross_entropy(passed.theta, batch.lengths, batch.labels, *chain(p))
    else:
        J, _ = _RowLoss(objective, batch.labels, passed.theta.dtype)(passed.theta, slice(None))
    winners = [trace.winners for trace in characters.values()]
    return Forward(J + _l2_term(a, p, objective.l2), passed.h, winners)


def _downward(
    a: Architecture,
    p: Parameters,
    passed: Passed,
    delta1: Floats,
    mask: Bytes | None,
    rate: float,
) -> tuple[Floats, Dense]:
    """Some windows from delta1 (b, K) down to dJ/dz (b, G), or to dJ/dh where h is a recurrence's.

    mask (b, G) and `rate` are those of dropout. Beside it their shares in dU (G, K) and db2 (K,),
    by name; none without a hidden layer, where theta is z.
    """
    if passed.h is None or passed.kept is None or a.activation == "none":
        return delta1, {}
    d_h, dU, db2 = affine_backward(delta1, passed.kept, p["U"])
    if mask is not None:
        d_h = dropout_backward(d_h, mask, rate)
    if not a.directions:
        d_h = activation_backward(a.activation, d_h, passed.h)
    return d_h, {"U": dU, "b2": db2}


def _turn_at_once(
    a: Architecture,
    p: Parameters,
    batch: Batch,
    objective: Objective,
    up: Up,
    down: Down,
    workers: Workers,
) -> tuple[float, Dense]:
    """J and the gradients of the output layer, where every window has a loss of its own.

    They are dU (G, K) and db2 (K,) by name, or none without a hidden layer.
    """
    loss = _RowLoss(objective, batch.labels, p["U"].dtype)

    def there_and_back(rows: slice) -> tuple[float, Dense]:
        """The share of some windows in J, dU (G, K) and db2 (K,)."""
        passed = up(rows)
        J, delta1 = loss(passed.theta, rows)
        return J, down(rows, passed, delta1)

    found = workers.map(there_and_back, windows_at_a_time(a, len(batch.labels), workers))
    return sum(J for J, _ in found), _summed([gradients for _, gradients in found])


def _turn_at_the_chain(
    a: Architecture,
    p: Parameters,
    batch: Batch,
    objective: Objective,
    up: Up,
    down: Down,
    workers: Workers,
) -> tuple[float, Dense]:
    """J and the gradients of the output layer and of a CRF, whose loss is that of sentences.

    They are dU (G, K) and db2 (K,), unless there is no hidden layer, and those of the CRF's start
    (K,), transitions (K, K) and end (K,), by name.
    """
    parts = windows_at_a_time(a, len(batch.labels), workers)
    passed = workers.map(up, parts)
    theta = np.concatenate([each.theta for each in passed])
    J, delta1, *own = crf_cross_entropy(theta, batch.lengths, batch.labels, *chain(p))

    def back(i: int) -> Dense:
        """The share of the windows of part i in dU (G, K) and db2 (K,)."""
        return down(parts[i], passed[i], delta1[parts[i]])

    gradients = _summed(workers.map(back, range(len(parts))))
    return J, gradients | dict(zip(CHAIN, own, strict=True))


def chain(p: Parameters) -> tuple[Floats, Floats, Floats]:
    """start (K,), transitions (K, K) and end (K,) of a CRF."""
    start, transitions, end = (p[name] for name in CHAIN)
    return start, transitions, end


def _summed(parts: Sequence[Dense]) -> Dense:
    """The gradients of all parts summed by name, of the same shapes; the first are overwritten."""
    sums, *others = parts
    for other in others:
        for name, share in other.items():
            sums[name] += share
    return sums


class _RowLoss:
    """From theta (b, K) of some windows of a batch to their share in J, and their delta1 (b, K).

    It is made for one batch with its labels (B,) and the dtype of theta.
    """

    def __init__(self, objective: Objective, labels: Ints, dtype: np.dtype[Any]):
        self._objective = objective
        self._classes = np.maximum(labels, 0)
        self._weights: Floats = (labels != NO_CLASS).astype(dtype)  # (B,) w; 0 without a label
        if objective.class_weights is not None:
            self._weights *= objective.class_weights.astype(dtype)[self._classes]
        self._total = float(self._weights.sum())

    def __call__(self, theta: Floats, rows: slice) -> tuple[float, Floats]:
        """Their share in J, and delta1 (b, K), from theta (b, K) of the windows `rows`."""
        y, w, objective = self._classes[rows], self._weights[rows], self._objective
        if objective.targets is None:
            return softmax_cross_entropy(theta, y, w, self._total, objective.label_smoothing)
        return sigmoid_cross_entropy(theta, objective.targets[y], w, self._total)


def _l2_term(a: Architecture, p: Parameters, l2: float) -> float:
    """(l2/2) Σ‖·‖² over the weight matrices among the parameters."""
    if l2 == 0.0:
        return 0.0
    return 0.5 * l2 * float(sum(np.vdot(p[name], p[name]) for name in a.weight_matrices()))
