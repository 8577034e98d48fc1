"""Labels of tokens <-> spans, in the schemes BIO, IOB1, IO and BIOES; and words for segmentation.

BILOU, BMES and BMEWO are BIOES in other letters. Any sequence of labels has spans, legal or not, by
conlleval's rules for where a chunk starts and ends: a label of another type starts a new span, and
so does I-X where nothing of type X is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

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
    return scheme if scheme in ("BIO", "IOB1", "IO") else "BIOES"


def begins_span(before: str, label: str) -> bool:
    """Whether a span begins at a label that follows another, by the rules of `to_spans`."""
    (one, kind), (other, its) = in_bioes(before), in_bioes(label)
    return label != "O" and (kind != its or one in _CLOSING or other in _OPENING)


def in_bioes(label: str) -> tuple[str, str]:
    """The prefix of a label, in the letters of BIOES, and its type; ("O", "") for O."""
    prefix, _, kind = label.partition("-")
    return _OF_BIOES.get(prefix, prefix), kind


def label_at(at: str, kind: str, scheme: Scheme) -> str:
    """The label, in a scheme, of a token at a position (of OBIESbs) in a span of type `kind`."""
    return "O" if at == "O" else f"{_LETTER_AT[scheme][at]}-{kind}"


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
