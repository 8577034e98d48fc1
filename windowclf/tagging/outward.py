"""Probabilities of the labels in the files, from those of the classes that a network learns.

Both name the same spans in two schemes. Where a class says whether a token begins or ends its span,
as all of BIOES do, they are sums; where only its neighbours say so, tokens count as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.tagging.spec import Spec
from windowclf.text.label_sets import parts_of
from windowclf.text.spans import Scheme, in_bioes, spelt_as


def outward(spec: Spec, y_hat: Floats, lengths: Ints) -> Floats:
    """Probabilities (N, labels), in the order of spec.labels, from y_hat (N, K); lengths (S,)."""
    if spec.is_single_logit:
        return np.hstack([1 - y_hat, y_hat])
    if spec.inside is None or spec.inside == spec.layout.scheme:
        return y_hat
    inside = spelt_as(spec.inside)
    if inside == spelt_as(spec.layout.scheme):
        names = [in_bioes(label) for label in spec.classes]
        return y_hat[:, [names.index(in_bioes(label)) for label in spec.labels]]
    found = np.zeros((len(y_hat), len(spec.labels)), y_hat.dtype)
    first = np.zeros(len(y_hat), bool)
    first[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    columns = {in_bioes(label): y_hat[:, i] for i, label in enumerate(spec.classes)}
    kinds = {label[2:] for label in spec.labels if label != "O"}
    places = {kind: _places(columns, kind, inside, first) for kind in kinds}
    for i, label in enumerate(spec.labels):
        if label == "O":
            found[:, i] = columns["O", ""]
        else:
            found[:, i] = _of_label(label, places[label[2:]], spec, first)
    return found


def certainty(spec: Spec, y_hat: Floats, labels: Sequence[str]) -> Floats:
    """The probability of the label that each token was given: of a set that of all its decisions.

    y_hat (N, labels) in the order of spec.labels; N labels in the scheme of the files  ->  (N,).
    """
    if spec.is_multilabel:
        of_all: Floats = np.where(_decisions(spec, labels), y_hat, 1 - y_hat).prod(axis=1)
        return of_all
    index = {label: i for i, label in enumerate(spec.labels)}
    given: Floats = y_hat[np.arange(len(labels)), [index[label] for label in labels]]
    return given


def _decisions(spec: Spec, labels: Sequence[str]) -> Bools:
    """Which of the classes each token was given, from the names of its set of labels.   ->  (N, K).

    Not from y_hat, which the temperature has moved against the thresholds.
    """
    class_of = spec.vocabulary.class_of
    given = np.zeros((len(labels), spec.architecture.classes), bool)
    for row, label in zip(given, labels, strict=True):
        row[[class_of[part] for part in parts_of(label)]] = True
    return given


class _Places(NamedTuple):
    """Of each of N tokens (N,), with what probability it stands in a span of a type, and where."""

    within: Floats  # in one
    begins: Floats  # at its beginning
    ends: Floats  # at its end
    both: Floats  # it is all of it


def _places(
    columns: dict[tuple[str, str], Floats], kind: str, inside: Scheme, first: Bools
) -> _Places:
    """Where tokens stand, from the probabilities (N,) of classes by letter and type; first (N,)."""
    zero = np.zeros(len(first), next(iter(columns.values())).dtype)
    B, inner, E, S = (columns.get((prefix, kind), zero) for prefix in "BIES")
    within = B + inner + E + S
    if inside == "BIOES":
        return _Places(within, B + S, E + S, S)
    before, after = _before(within, first), _after(inner, first)
    match inside:
        case "BIO":
            begins = B
        case "IOB1":
            begins = B + inner * (1 - before)
        case _:
            begins = inner * (1 - before)
    ends = within * (1 - after)
    return _Places(within, begins, ends, begins * (1 - after))


def _of_label(label: str, at: _Places, spec: Spec, first: Bools) -> Floats:
    """The probability (N,) of a label of the files; first (N,) marks where sentences begin."""
    (prefix, _), scheme = in_bioes(label), spec.layout.scheme
    if scheme == "IO":
        return at.within
    if scheme == "IOB1":  # B-X only where a span of X ends right before
        if f"B-{label[2:]}" not in spec.labels:
            return at.within
        adjoining = at.begins * _before(at.ends, first)
        return adjoining if prefix == "B" else at.within - adjoining
    if scheme == "BIO":
        return at.begins if prefix == "B" else at.within - at.begins
    match prefix:
        case "S":
            return at.both
        case "B":
            return at.begins - at.both
        case "E":
            return at.ends - at.both
        case _:
            return at.within - at.begins - at.ends + at.both


def _before(column: Floats, first: Bools) -> Floats:
    """The value (N,) of the token before, 0 at the first of a sentence, which first (N,) marks."""
    shifted = np.roll(column, 1)
    shifted[first] = 0
    return shifted


def _after(column: Floats, first: Bools) -> Floats:
    """The value (N,) of the token after, 0 at the last of a sentence; first (N,) as above."""
    shifted = np.where(first, 0, column)
    return np.roll(shifted, -1)
