"""Legality: which label, or which state of a decoder, may follow which in a labelled sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools
from windowclf.text.spans import Scheme, in_bioes, label_at, spelt_as

# Prefixes that may begin a sentence, that may end one, and that may also follow within a type.
_LEGAL: dict[Scheme, tuple[str, str, tuple[str, ...]]] = {
    "BIO": ("OB", "OBI", ("BI", "II")),
    "IOB1": ("OI", "OBI", ("IB", "BB", "BI")),
    "IO": ("OI", "OI", ()),
    "BIOES": ("OBS", "OES", ("BI", "BE", "II", "IE")),
}


class Legal(NamedTuple):
    """Which of K labels, or of the states of a decoder, may begin, end and follow one another."""

    start: Bools  # (K,) or (states,): may be the first of a sentence
    transitions: Bools  # (K, K) or (states, states): [i, j] where j may follow i
    end: Bools  # (K,) or (states,): may be the last of a sentence


def legal_transitions(labels: Sequence[str], scheme: Scheme) -> Legal:
    """Which of K labels of a scheme may follow which; the tags of segmentation are BMES, no types.

    A sequence is legal if it is what `from_spans` (`segmentation_from_words`) writes for the spans
    (words) that are read from it: nothing has to be repaired. Any label with which a sentence may
    begin may follow any with which one may end; the others depend on what is open.
    """
    first, last, within = _LEGAL[spelt_as(scheme)]
    parts = [in_bioes(label) for label in labels]
    start = np.array([prefix in first for prefix, _ in parts], bool)
    end = np.array([prefix in last for prefix, _ in parts], bool)
    transitions = end[:, None] & start
    for own in _by_type([kind for _, kind in parts]):
        for i, j in product(own, own):
            if parts[i][0] + parts[j][0] in within:
                transitions[i, j] = True
    return Legal(start, transitions, end)


def continuations(labels: Sequence[str]) -> Bools:
    """Which of K labels is the next token of the span or word that another one is in.

    ->  (K, K) [from, to], as `to_spans` and `words_from_segmentation` read them; every other label
    begins a span or word, or is outside of all.
    """
    parts = [in_bioes(label) for label in labels]
    return np.array(
        [[a[1] == b[1] and a[0] not in "OES" and b[0] not in "OBS" for b in parts] for a in parts],
        bool,
    )


def may_follow(before: str, label: str, scheme: Scheme) -> bool:
    """Whether a label may follow another; O stands for the ends of a sentence too."""
    first, last, within = _LEGAL[spelt_as(scheme)]
    (one, kind), (other, its) = in_bioes(before), in_bioes(label)
    return (one in last and other in first) or (kind == its and one + other in within)


class States(NamedTuple):
    """What a token may be in a labelled sentence: the states of a decoder.

    Every legal path of classes is one path of states, and the state alone says what the token's
    label is in the files.
    """

    classes: tuple[int, ...]  # (states,) the index of each state's class
    labels: tuple[str, ...]  # (states,) each state's label in the files
    legal: Legal  # which state may follow which


def span_states(labels: Sequence[str], inside: Scheme, scheme: Scheme) -> States:
    """The states between the classes, in the scheme `inside`, and the labels of the files.

    Where the schemes differ a label stands for another class by its position in a span: B-X of BIO
    is B-X or S-X of BIOES, and I-X of IOB1 any of the four, but S-X and B-X not right after a span
    of X.
    """
    if inside == scheme:
        return States(tuple(range(len(labels))), tuple(labels), legal_transitions(labels, scheme))
    class_of = {label: i for i, label in enumerate(labels)}
    kinds = dict.fromkeys(label.partition("-")[2] for label in labels if label != "O")
    adjoining = "" if inside == "IO" else "bs"  # IO has one span for the two
    found = [("O", "")] if "O" in class_of else []
    for kind in kinds:
        for at in "BIES" + adjoining:
            if label_at(at, kind, inside) in class_of:
                found.append((at, kind))
    return States(
        tuple(class_of[label_at(at, kind, inside)] for at, kind in found),
        tuple(label_at(at, kind, scheme) for at, kind in found),
        _legal_positions(found),
    )


def _legal_positions(found: Sequence[tuple[str, str]]) -> Legal:
    """Which of the states `found`, each a (position, type), may follow which."""
    start = np.array([at in "OBS" for at, _ in found], bool)
    end = np.array([at in "OESs" for at, _ in found], bool)
    transitions = end[:, None] & start
    for own in _by_type([kind for _, kind in found]):
        for i, j in product(own, own):
            before, after = found[i][0], found[j][0]
            if before != "O":
                transitions[i, j] = after in ("bs" if before in "ESs" else "IE")
    return Legal(start, transitions, end)


def _by_type(kinds: Sequence[str]) -> list[list[int]]:
    """For each type the indices at which it stands in `kinds`."""
    indices: dict[str, list[int]] = {}
    for i, kind in enumerate(kinds):
        indices.setdefault(kind, []).append(i)
    return list(indices.values())
