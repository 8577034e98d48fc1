"""The same networks in PyTorch, built from the definitions: its gradients are ours (skips without).

Only the tests use it: `pip install torch` in the environment of the tests.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small import problem
from test_all_gradients import NETWORKS, RECURRENCES, dense

from windowclf.network import members

torch = pytest.importorskip("torch")
SINGLE = [network for network in NETWORKS if network[1] != "crf"]  # test_crf.py has the chain


def bags(slot):
    offsets = slot.offsets if slot.offsets is not None else np.arange(len(slot.ids) + 1)
    return [slot.ids[a:b].astype(int) for a, b in itertools.pairwise(offsets)]


def features(a, p, batch):
    """E (T, D)."""
    columns = []
    for feature, slot in zip(a.features, batch.slots, strict=True):
        L = p[f"L.{feature.table}"]
        rows = []
        for ids in bags(slot):
            if feature.kind != "char_cnn":
                rows.append(L[ids].sum(dim=0))
                continue
            k = feature.width // 2
            padded = L[np.concatenate([np.zeros(k, int), ids, np.zeros(k, int)])]
            filters = p[f"C.{feature.table}"].reshape(feature.width, feature.dim, -1)
            found = torch.nn.functional.conv1d(
                padded.T[None], filters.permute(2, 1, 0), p[f"c.{feature.table}"]
            )
            rows.append(found[0].max(dim=1).values)
        columns.append(torch.stack(rows))
    return torch.cat(columns, dim=1)


def f(name, z):
    return {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "hard_tanh": torch.nn.functional.hardtanh,
    }[name](z)


def recur(a, z, R, lengths, reverse):
    h, start = [None] * len(z), 0
    for length in lengths.tolist():
        rows = range(start, start + length)
        state = torch.zeros(a.units, dtype=z.dtype)
        for row in reversed(rows) if reverse else rows:
            position = row - start + (1 if reverse else 0)
            if a.truncate is not None and position % a.truncate == 0:
                state = state.detach()
            state = f(a.activation, z[row] + state @ R)
            h[row] = state
        start += length
    return torch.stack(h)


def loss(problem_, p):
    a, batch, objective = problem_.architecture, problem_.batch, problem_.objective
    masks = problem_.masks.of_member(0)
    E = features(a, p, batch)
    if masks.inputs is not None:
        q = round(256 * objective.input_dropout) / 256
        E = E * torch.from_numpy(masks.inputs.astype(float)) / (1 - q)
    x = torch.cat([E[row] for row in batch.neighbours], dim=1)
    if a.activation == "none":
        theta = x @ p["U"] + p["b2"]
    else:
        z = x @ p["W"] + p["b1"]
        if not a.directions:
            h = f(a.activation, z)
        else:
            names = ("R.forward", "R.backward")[: a.directions]
            parts = [
                recur(a, z[:, i * a.units : (i + 1) * a.units], p[name], batch.lengths, i == 1)
                for i, name in enumerate(names)
            ]
            h = torch.cat(parts, dim=1)
        if masks.hidden is not None:
            q = round(256 * objective.dropout) / 256
            h = h * torch.from_numpy(masks.hidden.astype(float)) / (1 - q)
        theta = h @ p["U"] + p["b2"]
    known = batch.labels >= 0
    labels = torch.from_numpy(batch.labels[known].astype(int))
    weights = torch.ones(len(labels), dtype=theta.dtype)
    if objective.class_weights is not None:
        weights = torch.from_numpy(objective.class_weights)[labels]
    theta = theta[torch.from_numpy(known)]
    if a.output == "softmax":
        terms = torch.nn.functional.cross_entropy(
            theta, labels, reduction="none", label_smoothing=objective.label_smoothing
        )
    else:
        targets = torch.from_numpy(objective.targets.astype(float))[labels]
        terms = torch.nn.functional.binary_cross_entropy_with_logits(
            theta, targets, reduction="none"
        ).sum(dim=1)
    J = (weights * terms).sum() / weights.sum()
    for name, array in p.items():
        if name[0] in "WUR" or name.startswith("C."):
            J = J + objective.l2 / 2 * (array**2).sum()
    return J


@pytest.mark.parametrize("unregularised", [False, True], ids=["regularised", "plain"])
@pytest.mark.parametrize(("activation", "output", "char_cnn", "recurrence"), SINGLE)
def test_gradients_agree(activation, output, char_cnn, recurrence, unregularised):
    directions, truncate = RECURRENCES[recurrence]
    ours = problem(activation, output, char_cnn, directions, truncate, plain=unregularised)
    p = {name: torch.tensor(array, requires_grad=True) for name, array in ours.parameters.items()}
    J = loss(ours, p)
    J.backward()
    found, gradients = members.loss_and_gradients(
        ours.architecture, ours.parameters, ours.batch, ours.objective, ours.masks
    )
    assert pytest.approx(J.item(), rel=1e-12) == found
    for name, gradient in dense(ours, gradients).items():
        wanted = p[name].grad.numpy() if p[name].grad is not None else np.zeros_like(gradient)
        difference = np.linalg.norm(gradient - wanted)
        assert difference <= 1e-10 * (np.linalg.norm(gradient) + np.linalg.norm(wanted)), name
