"""Labels of tokens <-> spans, in the schemes BIO, IOB1, IO and BIOES; and words for segmentation.

BILOU, BMES and BMEWO are BIOES in other letters. Any sequence of labels has spans, legal or not, by
conlleval's rules for where a chunk starts and ends: a label of another type starts a new span, and
so does I-X where nothing of type X is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from windowclf.arrays import Bools
from windowclf.errors import quoted

Scheme: TypeAlias = Literal["BIO", "IOB1", "IO", "BIOES", "BILOU", "BMES", "BMEWO"]

# Where a token may stand in a span: it begins, goes on, ends, is all of it; b and s begin it and
# are all of it right after a span of the same type.
_POSITIONS = "BIESbs"
_LETTERS: dict[Scheme, str] = {  # of a label at each of the positions
    "BIO": "BIIBBB",
    "IOB1": "IIIIBB",
    "IO": "IIIIII",
    "BIOES": "BIESBS",
    "BILOU": "BILUBU",
    "BMES": "BMESBS",
    "BMEWO": "BMEWBW",
}
_LETTER_AT = {scheme: dict(zip(_POSITIONS, own, strict=True)) for scheme, own in _LETTERS.items()}
_OF_BIOES = {"M": "I", "L": "E", "U": "S", "W": "S"}  # what a letter of the others stands for
_OPENING, _CLOSING = "BSUW", "ESLUW"  # letters that begin a span, or end it, wherever they stand

# Prefixes that may begin a sentence, that may end one, and that may also follow within a type.
_LEGAL: dict[Scheme, tuple[str, str, tuple[str, ...]]] = {
    "BIO": ("OB", "OBI", ("BI", "II")),
    "IOB1": ("OI", "OBI", ("IB", "BB", "BI")),
    "IO": ("OI", "OI", ()),
    "BIOES": ("OBS", "OES", ("BI", "BE", "II", "IE")),
}


class Span(NamedTuple):
    """A span of a type over the tokens start … end − 1 of a sentence."""

    start: int
    end: int
    type: str


def to_spans(labels: Sequence[str], scheme: Scheme) -> list[Span]:
    """The spans that the labels of a sentence mark, in order; every sequence has some reading."""
    spans: list[Span] = []
    start, open_type = 0, ""
    for i, label in enumerate(labels):
        if label == "O":
            if open_type:
                spans.append(Span(start, i, open_type))
                open_type = ""
            continue
        prefix, _, kind = label.partition("-")
        if kind != open_type or prefix in _OPENING:
            if open_type:
                spans.append(Span(start, i, open_type))
            start, open_type = i, kind
        if prefix in _CLOSING:
            spans.append(Span(start, i + 1, kind))
            open_type = ""
    if open_type:
        spans.append(Span(start, len(labels), open_type))
    return spans


def spelt_as(scheme: Scheme) -> Scheme:
    """The scheme, or BIOES for one that is BIOES in other letters."""
    return scheme if scheme in _LEGAL else "BIOES"


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


def begins_span(before: str, label: str) -> bool:
    """Whether a span begins at a label that follows another, by the rules of `to_spans`."""
    (one, kind), (other, its) = in_bioes(before), in_bioes(label)
    return label != "O" and (kind != its or one in _CLOSING or other in _OPENING)


def in_bioes(label: str) -> tuple[str, str]:
    """The prefix of a label, in the letters of BIOES, and its type; ("O", "") for O."""
    prefix, _, kind = label.partition("-")
    return _OF_BIOES.get(prefix, prefix), kind


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
            if _label_at(at, kind, inside) in class_of:
                found.append((at, kind))
    return States(
        tuple(class_of[_label_at(at, kind, inside)] for at, kind in found),
        tuple(_label_at(at, kind, scheme) for at, kind in found),
        _legal_positions(found),
    )


def _label_at(at: str, kind: str, scheme: Scheme) -> str:
    """The label, in a scheme, of a token at a position (of OBIESbs) in a span of type `kind`."""
    return "O" if at == "O" else f"{_LETTER_AT[scheme][at]}-{kind}"


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


def from_spans(spans: Iterable[tuple[int, int, str]], length: int, scheme: Scheme) -> list[str]:
    """The labels, in a scheme, of `length` tokens for spans in order that do not overlap.

    IO cannot tell two adjoining spans of a type apart; they become one.
    """
    labels = ["O"] * length
    letter = _LETTER_AT[scheme]
    last_end, last_type = -1, ""
    for start, end, kind in spans:
        adjoins = start == last_end and kind == last_type
        labels[start:end] = [f"{letter['I']}-{kind}"] * (end - start)
        if end - start == 1:
            labels[start] = f"{letter['s' if adjoins else 'S']}-{kind}"
        else:
            labels[start] = f"{letter['b' if adjoins else 'B']}-{kind}"
            labels[end - 1] = f"{letter['E']}-{kind}"
        last_end, last_type = end, kind
    return labels


def is_label(label: str, scheme: Scheme) -> bool:
    """Whether a scheme has a label."""
    prefix, _, kind = label.partition("-")
    return label == "O" or bool(kind and len(prefix) == 1 and prefix in _LETTERS[scheme])


def fault_in_label(label: str, scheme: Scheme) -> str | None:
    """A sentence about a label that this scheme does not have; None for one that it has."""
    if is_label(label, scheme):
        return None
    letters = dict.fromkeys(_LETTERS[scheme][4] + _LETTERS[scheme])
    forms = ", ".join(f"{letter}-TYPE" for letter in letters)
    article = "an" if scheme.startswith("I") else "a"
    return f"expected {article} {scheme} label (O, {forms}), found {quoted(label)}"


def words_from_segmentation(tags: Sequence[str]) -> list[tuple[int, int]]:
    """(start, end) of each word from the B/M/E/S tags of characters; any sequence has some reading.

    A word begins at B, at S, and after an E or S; it ends where the next one begins.
    """
    words: list[tuple[int, int]] = []
    start = 0
    for i, tag in enumerate(tags):
        if i > start and (tag in "BS" or tags[i - 1] in "ES"):
            words.append((start, i))
            start = i
    if tags:
        words.append((start, len(tags)))
    return words


def segmentation_from_words(lengths: Sequence[int]) -> list[str]:
    """B/M/E/S tags of the characters of words of these lengths."""
    tags: list[str] = []
    for length in lengths:
        tags += ["S"] if length == 1 else ["B", *["M"] * (length - 2), "E"] if length else []
    return tags
