"""Sentences in memory, held to what a file of labelled sentences could say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from windowclf.errors import Faults, quoted
from windowclf.text.formats.labels import LabelCheck
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.remarks import Remarks
from windowclf.text.sentence import NO_LABEL, Sentence, fault_in_lists, is_list, with_lists

CHARACTER_LABELS = frozenset("BMES")


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
    for number, given in enumerate(sentences, 1):
        for fault in _faults_in(given, layout):
            source.fault(number, fault)
        if not faults:
            sentence = with_lists(given)
            check.check(sentence.gold, [number] * len(sentence.tokens))
        if not faults and sentence.tokens:
            yield sentence
    check.finish()
    faults.raise_if_any()


def canonical(sentence: Sentence) -> bytes:
    """The bytes that stand for a sentence in a digest, with a line end."""
    plain = with_lists(sentence)
    columns = {name: list(column) for name, column in plain.columns.items()}
    value = [list(plain.tokens), list(plain.gold), columns, plain.document]
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _faults_in(sentence: object, layout: Layout) -> Iterator[str]:
    """What is wrong with the shape of a sentence, whatever its labels say."""
    if not isinstance(sentence, Sentence):
        yield f"expected a windowclf.Sentence, found {type(sentence).__name__}."
        return
    if not isinstance(sentence.document, int):
        yield f"expected a number as document, found {type(sentence.document).__name__}."
    if fault := fault_in_lists(sentence):
        yield fault
        return
    sentence = with_lists(sentence)
    size = len(sentence.tokens)
    if layout.task == "slots" and size != 1:
        yield f"expected one token, '', whose slots are columns, found {size}."
    yield from _faults_in_texts("the tokens", sentence.tokens, size)
    if odd := [name for name in sentence.columns if not isinstance(name, str)]:
        yield f"expected text as names of columns, found {type(odd[0]).__name__}."
        return
    for column in dict.fromkeys((*layout.extra, *layout.slots, *sentence.columns)):
        values = sentence.columns.get(column, ())
        yield from _faults_in_texts(f"the column {quoted(column)}", values, size)
    yield from _faults_in_labels(sentence.gold, size, layout)


def _faults_in_labels(gold: Sequence[str | None], size: int, layout: Layout) -> Iterator[str]:
    """What is wrong with the labels of a sentence of this size, whatever the scheme."""
    known = [label for label in gold if label is not None]
    missing = [""] * (len(gold) - len(known))
    if wrong := list(_faults_in_texts("the labels", [*known, *missing], size)):
        yield from wrong
        return
    none = {""} if layout.format == "conllu" else NO_LABEL  # whose `-` may be a label
    if nothing := sorted(none & set(known)):
        yield f"expected None for a token without a label, found {nothing[-1]!r}."
    strange = sorted(set(known) - CHARACTER_LABELS) if layout.task == "segmentation" else []
    if strange:
        yield f"expected B, M, E or S for each character, found {quoted(strange[0])}."


def _faults_in_texts(where: str, values: Sequence[object], size: int) -> Iterator[str]:
    """What is wrong with tokens, labels or a column: one text a token that UTF-8 can hold."""
    if not is_list(values) or len(values) != size:
        found = len(values) if is_list(values) else type(values).__name__
        yield f"expected a list of {size} in {where}, one a token, found {found}."
        return
    try:
        "".join(values).encode()  # type: ignore[arg-type]  # raises for anything but text
    except TypeError:
        wrong = next(value for value in values if not isinstance(value, str))
        yield f"expected text in {where}, found {type(wrong).__name__}."
    except UnicodeEncodeError:
        yield f"expected text that UTF-8 can hold in {where}, found half of a surrogate pair."
