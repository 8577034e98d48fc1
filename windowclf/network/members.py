"""The members of a model: networks side by side on the same batches, whose scores are averaged.

There may be one. Each has parameters of its own. J = (1/M) Σ_i J_i, so that every member learns as
it would alone, and theta = (1/M) Σ_i theta_i, the scores of a CRF likewise: the errors that their
initial values and their dropout leave in them differ, and cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from windowclf.arrays import Floats, Gradients, Ints, RowGradient, part
from windowclf.network import gradients, upward
from windowclf.network.architecture import Architecture, Parameters, parameters_of, with_member
from windowclf.network.gradients import NO_MASKS, Forward, Masks, Objective
from windowclf.network.kernels.activations import logistic
from windowclf.network.kernels.crf import posterior_marginals
from windowclf.network.kernels.output import softmax
from windowclf.system.threads import ALONE, Workers
from windowclf.text.batches import Batch
from windowclf.text.vocabulary import SlotRows


def loss_and_gradients(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    held: Floats | None = None,
    workers: Workers = ALONE,
) -> tuple[float, Gradients]:
    """J of the batch, L2 included, and its gradient by every parameter of every member, by name.

    Tables get a RowGradient, every other array a gradient of its own shape. held (M, B, G) is an
    earlier h whose states enter the truncated blocks of recurrences, for central differences.
    """
    M, networks = architecture.members, _networks(architecture, parameters)
    # Threads take whole members where that keeps all of them busy to the end.
    inner, outer = (ALONE, workers) if M % workers.count == 0 else (workers, ALONE)

    def one_member(i: int) -> tuple[float, Gradients]:
        """J_i and its gradients by plain names, each of its own shape."""
        return gradients.loss_and_gradients(
            *networks[i], batch, objective, masks.of_member(i), part(held, i), inner
        )

    J, found = 0.0, Gradients()
    for i, (J_i, of_member) in enumerate(outer.map(one_member, range(M))):
        J += J_i
        found |= {
            with_member(name, i): _shared_by(M, gradient) for name, gradient in of_member.items()
        }
    return J / M, found


def forward(
    architecture: Architecture,
    parameters: Parameters,
    batch: Batch,
    objective: Objective,
    masks: Masks = NO_MASKS,
    held: Floats | None = None,
) -> Forward:
    """J of the batch without its gradients, h (M, B, G), and the winners of every max pooling.

    held (M, B, G) is the h of an earlier call, as for the gradients.
    """
    done = [
        gradients.forward(*network, batch, objective, masks.of_member(i), part(held, i))
        for i, network in enumerate(_networks(architecture, parameters))
    ]
    hidden = [one.h for one in done if one.h is not None]
    winners = [each for one in done for each in one.winners]
    J = sum(one.J for one in done) / len(done)
    return Forward(J, np.stack(hidden) if hidden else None, winners)


def scores(architecture: Architecture, parameters: Parameters, batch: Batch) -> Floats:
    """theta (B, K) of a batch, the mean over the members, without dropout."""
    P = projections(architecture, parameters, batch.slots)
    return scores_of_windows(architecture, parameters, P, batch.neighbours, batch.lengths)


def projections(
    architecture: Architecture, parameters: Parameters, slots: Sequence[SlotRows]
) -> Floats:
    """P (T, M·n·G), all that the scores need of T distinct tokens, member beside member."""
    first, *others = (
        upward.projections(*network, slots) for network in _networks(architecture, parameters)
    )
    return np.concatenate([first, *others], axis=1) if others else first


def scores_of_windows(
    architecture: Architecture, parameters: Parameters, P: Floats, neighbours: Ints, lengths: Ints
) -> Floats:
    """theta (B, K), the mean over the members, of windows given as rows of P.

    P (T, M·n·G), neighbours (n, B), lengths (S,) of the sentences.
    """
    (first, *others), M = _networks(architecture, parameters), architecture.members
    rows = P.reshape(len(P) * M, -1)  # token j of member i is row j·M + i
    own = neighbours * M if others else neighbours
    theta = upward.scores_of_windows(*first, rows, own, lengths)
    for i, other in enumerate(others, 1):
        theta += upward.scores_of_windows(*other, rows, own + i, lengths)
    return theta / M if others else theta


def chain(architecture: Architecture, parameters: Parameters) -> tuple[Floats, Floats, Floats]:
    """start (K,), transitions (K, K) and end (K,) of a CRF, the means over the members."""
    start, transitions, end = (
        np.mean([parameters[with_member(name, i)] for i in range(architecture.members)], axis=0)
        for name in gradients.CHAIN
    )
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
    cooled = theta / temperature
    match architecture.output:
        case "crf":
            start, transitions, end = (
                each / temperature for each in chain(architecture, parameters)
            )
            return posterior_marginals(cooled, lengths, start, transitions, end)
        case "softmax":
            return softmax(cooled)
        case "sigmoid":
            return logistic(cooled)


def _networks(
    architecture: Architecture, parameters: Parameters
) -> list[tuple[Architecture, Parameters]]:
    """The networks of a model, each with its parameters by plain names."""
    own = architecture.of_one_member()
    if own is architecture:
        return [(own, parameters)]
    return [(own, parameters_of(own, parameters, i)) for i in range(architecture.members)]


def _shared_by(members: int, gradient: Floats | RowGradient) -> Floats | RowGradient:
    """The gradient of J = (1/M) Σ J_i from that of J_i, of the same shape, which is overwritten."""
    if members > 1:
        values = gradient.values if isinstance(gradient, RowGradient) else gradient
        values /= members
    return gradient
