"""Sentences in memory, held to what a file of labelled sentences could say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from windowclf.errors import Faults, quoted
from windowclf.text.formats.labels import LabelCheck
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.remarks import Remarks
from windowclf.text.sentence import NO_LABEL, Sentence

CHARACTER_LABELS = frozenset({None, "B", "M", "E", "S"})


def checked_sentences(
    sentences: Iterable[Sentence], layout: Layout, name: str, remarks: Remarks | None = None
) -> Iterator[Sentence]:
    """Labelled sentences as they come, without empty ones; those of a segmentation of characters.

    `name` is what messages call them all. Raises DataError, at the end, with every fault; the line
    of a fault is the number of the sentence, from 1. What came before the first is right.
    """
    layout.check_reading()
    faults = Faults()
    source = Input(name, "", iter(()), faults, remarks)
    check = LabelCheck(source, layout)
    for number, sentence in enumerate(sentences, 1):
        for fault in _faults_in(sentence, layout):
            source.fault(number, fault)
        if not faults:
            check.check(sentence.gold, [number] * len(sentence.tokens))
        if not faults and sentence.tokens:
            yield sentence
    check.finish()
    faults.raise_if_any()


def canonical(sentence: Sentence) -> bytes:
    """The bytes that stand for a sentence in a digest, with a line end."""
    columns = {name: list(column) for name, column in sentence.columns.items()}
    value = [list(sentence.tokens), list(sentence.gold), columns, sentence.document]
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _faults_in(sentence: object, layout: Layout) -> Iterator[str]:
    """What is wrong with the shape of a sentence, whatever its labels say."""
    if not isinstance(sentence, Sentence):
        yield f"expected a windowclf.Sentence, found {type(sentence).__name__}."
        return
    size = len(sentence.tokens)
    if layout.task == "slots" and size != 1:
        yield f"expected one token, '', whose slots are columns, found {size}."
    yield from _faults_in_texts("the tokens", sentence.tokens, size)
    for column in (*layout.extra, *layout.slots):
        values = sentence.columns.get(column, ())
        yield from _faults_in_texts(f"the column {quoted(column)}", values, size)
    if sentence.labels is not None:
        known = [label for label in sentence.labels if label is not None]
        known += [""] * (len(sentence.labels) - len(known))
        yield from _faults_in_texts("the labels", known, size)
        if nothing := sorted(NO_LABEL.intersection(sentence.labels)):
            yield f"expected None for a token without a label, found {nothing[-1]!r}."
        if layout.task == "segmentation" and not CHARACTER_LABELS.issuperset(sentence.labels):
            other = next(label for label in sentence.labels if label not in CHARACTER_LABELS)
            yield f"expected B, M, E or S for each character, found {other!r:.60}."


def _faults_in_texts(where: str, values: Sequence[object], size: int) -> Iterator[str]:
    """What is wrong with tokens, labels or a column: one text a token that UTF-8 can hold."""
    if isinstance(values, str | bytes) or len(values) != size:
        found = "a string" if isinstance(values, str | bytes) else f"{len(values)}"
        yield f"expected a list of {size} in {where}, one a token, found {found}."
        return
    try:
        "".join(values).encode()  # type: ignore[arg-type]  # raises for anything but text
    except TypeError:
        wrong = next(value for value in values if not isinstance(value, str))
        yield f"expected text in {where}, found {type(wrong).__name__}."
    except UnicodeEncodeError:
        yield f"expected text that UTF-8 can hold in {where}, found half of a surrogate pair."
