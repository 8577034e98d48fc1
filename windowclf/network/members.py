"""Members of a model: networks trained side by side on the same batches, whose scores are averaged.

Each has parameters of its own. J = (1/M) Σ_i J_i, so that every member learns as it would alone,
and theta = (1/M) Σ_i theta_i, the scores of a CRF likewise: the errors that their initial values
and their dropout leave in them differ, and cancel. One member is the network itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from windowclf.arrays import Floats, Gradients, Ints, RowGradient
from windowclf.network import gradients as network
from windowclf.network.architecture import Architecture, Parameters, parameters_of, with_member
from windowclf.network.gradients import NO_MASKS, Forward, Masks, Objective
from windowclf.network.kernels.crf import posterior_marginals
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import Batch
from windowclf.text.vocabulary import SlotRows

Number = TypeVar("Number", bound=np.generic)


def forward(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    frozen: Floats | None = None,
) -> Forward:
    """As network.forward; with M members, frozen and h are (M, B, G)."""
    M = architecture.members
    if M == 1:
        return network.forward(architecture, parameters, batch, objective, masks, frozen)
    own, done = architecture.of_one_member(), []
    for i in range(M):
        p = parameters_of(own, parameters, i)
        done.append(network.forward(own, p, batch, objective, _masks_at(masks, i), _at(frozen, i)))
    hidden = [one.h for one in done if one.h is not None]
    winners = [each for one in done for each in one.winners]
    return Forward(sum(one.J for one in done) / M, np.stack(hidden) if hidden else None, winners)


def loss_and_gradients(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    frozen: Floats | None = None,
    workers: Workers = ALONE,
) -> tuple[float, Gradients]:
    """As network.loss_and_gradients; with M members, frozen is (M, B, G)."""
    M = architecture.members
    if M == 1:
        return network.loss_and_gradients(
            architecture, parameters, batch, objective, masks, frozen, workers
        )
    own = architecture.of_one_member()
    # Threads take whole members where that keeps all of them busy to the end.
    inner, outer = (ALONE, workers) if M % workers.count == 0 else (workers, ALONE)

    def one_member(i: int) -> tuple[float, Gradients]:
        p = parameters_of(own, parameters, i)
        J, found = network.loss_and_gradients(
            own, p, batch, objective, _masks_at(masks, i), _at(frozen, i), inner
        )
        return J, {with_member(name, i): _shared_by(M, g) for name, g in found.items()}

    gradients: Gradients = {}
    J = 0.0
    for J_i, found in outer.map(one_member, range(M)):
        J += J_i
        gradients |= found
    return J / M, gradients


def l2_term(architecture: Architecture, parameters: Parameters, l2: float) -> float:
    """(1/M) Σ_i (l2/2) Σ‖·‖² over the weight matrices of member i."""
    return network.l2_term(architecture, parameters, l2) / architecture.members


def scores(architecture: Architecture, parameters: Parameters, batch: Batch) -> Floats:
    """theta (B, K), without dropout."""
    P = projections(architecture, parameters, batch.slots)
    return scores_of_windows(architecture, parameters, P, batch.neighbours, batch.lengths)


def projections(
    architecture: Architecture, parameters: Parameters, slots: Sequence[SlotRows]
) -> Floats:
    """P (T, M·n·G) of T distinct tokens, the members' side by side."""
    if architecture.members == 1:
        return network.projections(architecture, parameters, slots)
    own = architecture.of_one_member()
    members = range(architecture.members)
    return np.concatenate(
        [network.projections(own, parameters_of(own, parameters, i), slots) for i in members],
        axis=1,
    )


def scores_of_windows(
    architecture: Architecture, parameters: Parameters, P: Floats, neighbours: Ints, lengths: Ints
) -> Floats:
    """theta (B, K) of windows given as rows of P (T, M·n·G): neighbours (n, B); lengths (S,)."""
    M = architecture.members
    if M == 1:
        return network.scores_of_windows(architecture, parameters, P, neighbours, lengths)
    own = architecture.of_one_member()
    rows = P.reshape(len(P) * M, -1)  # token t of member i is row t·M + i
    first = neighbours * M
    theta: Floats = np.zeros((neighbours.shape[1], architecture.classes), P.dtype)
    for i in range(M):
        p = parameters_of(own, parameters, i)
        theta += network.scores_of_windows(own, p, rows, first + i, lengths)
    theta /= M
    return theta


def chain(architecture: Architecture, parameters: Parameters) -> tuple[Floats, Floats, Floats]:
    """start (K,), transitions (K, K) and end (K,) of a CRF."""
    M = architecture.members
    parts = ([parameters[with_member(name, i)] for i in range(M)] for name in network.CHAIN)
    start, transitions, end = (each[0] if M == 1 else np.mean(each, axis=0) for each in parts)
    return start, transitions, end


def probabilities(
    architecture: Architecture,
    parameters: Parameters,
    theta: Floats,
    lengths: Ints,
    temperature: float = 1.0,
) -> Floats:
    """y_hat (B, K) of theta (B, K): softmax, the logistic function of each logit, or marginals.

    lengths (S,) of the sentences, to which the marginals of a CRF refer. All scores, those between
    labels included, are divided by the temperature.
    """
    scores = theta / temperature
    if architecture.output == "crf":
        start, transitions, end = (part / temperature for part in chain(architecture, parameters))
        return posterior_marginals(scores, lengths, start, transitions, end)
    return network.probabilities(architecture, scores)


def _at(arrays: NDArray[Number] | None, member: int) -> NDArray[Number] | None:
    """A member's part of an array (M, …)."""
    return None if arrays is None else arrays[member]


def _masks_at(masks: Masks, member: int) -> Masks:
    return Masks(_at(masks.inputs, member), _at(masks.hidden, member))


def _shared_by(members: int, gradient: Floats | RowGradient) -> Floats | RowGradient:
    """The gradient of J = (1/M) Σ J_i from that of J_i, which is overwritten."""
    values = gradient.values if isinstance(gradient, RowGradient) else gradient
    values /= members
    return gradient
