"""What a reader or writer has to know about a file besides its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from windowclf.errors import DataError, legible
from windowclf.text.spans import Scheme
from windowclf.text.tokenizer import Tokenizer

Format: TypeAlias = Literal["conll", "conllu", "jsonl", "csv", "tsv", "text"]
Task: TypeAlias = Literal["tagging", "spans", "segmentation", "slots"]
Place: TypeAlias = int | str  # a column by number or name

CONLLU_LABELS = ("upos", "xpos", "feats")
CONLLU_COLUMNS = ("form", "lemma", *CONLLU_LABELS, "deprel")


@dataclass(frozen=True)
class Layout:
    """The format of a file, where tokens and labels stand in it, and what they mean."""

    format: Format
    task: Task
    token: Place = 0
    """conll: the column; jsonl: the key, `tokens` unless it is a name. conllu: always FORM."""
    label: Place | None = 1
    """conll: the column; conllu: upos, xpos, feats or misc.KEY; csv and tsv: the column;
    jsonl: the key, `labels` or `spans` unless it is a name."""
    extra: Mapping[str, Place] = field(default_factory=dict)
    """Further columns by the name that features use."""
    scheme: Scheme = "BIO"
    tokenizer: Tokenizer = "unicode"
    misaligned: Literal["error", "skip"] = "error"
    """What to do with a span of a raw text that cuts a token."""
    slots: tuple[str, ...] = ()
    """csv and tsv: the columns that are features."""
    read_labels: bool = True
    """False for prediction: the label field is never looked at."""

    @property
    def has_label_field(self) -> bool:
        """Whether a field of the file is read as labels; words are not a field."""
        return self.read_labels and self.task != "segmentation"

    def check_reading(self) -> None:
        """Raise DataError unless a file of this format can be read for this task."""
        _raise_first(_faults_in_task(self), _faults_in_places(self))

    def check_writing(self, probabilities: bool) -> None:
        """Raise DataError unless answers of this task can be written in this format."""
        _raise_first(_faults_in_task(self), _faults_in_answer(self, probabilities))


def _raise_first(*groups: Iterator[str]) -> None:
    for group in groups:
        for fault in group:
            raise DataError(fault)


def _faults_in_task(layout: Layout) -> Iterator[str]:
    is_table = layout.format in ("csv", "tsv")
    if layout.task == "slots" and not is_table:
        yield f"data.format: expected csv or tsv for task: slots, found {layout.format}."
    if layout.task != "slots" and is_table:
        yield (
            f"data.format: {layout.format} holds rows of slots and not running text; expected "
            f"conll, conllu, jsonl or text for task: {layout.task}, or task: slots."
        )
    if layout.task == "segmentation" and layout.extra:
        yield "data.extra: characters have no further columns; leave it out for segmentation."
    elif layout.format == "text" and layout.extra:
        yield "data.extra: text has no further columns; use conll, conllu or jsonl."


def _faults_in_places(layout: Layout) -> Iterator[str]:
    if layout.format == "text" and layout.has_label_field:
        yield f"data.format: text holds no labels for task: {layout.task}; use conll or jsonl."
    places = {f"data.extra.{legible(name)}": place for name, place in layout.extra.items()}
    if layout.format == "conll":
        numbers = {"data.token": layout.token} | places
        if layout.has_label_field:
            numbers["data.label"] = layout.label if layout.label is not None else "nothing"
        for key, place in numbers.items():
            if not isinstance(place, int):
                yield f"{key}: expected a column number for conll, found {place!r}."
        if layout.has_label_field and layout.label == layout.token:
            yield f"data.label: expected another column than data.token, found {layout.label!r}."
    elif layout.format == "conllu":
        if layout.has_label_field and not _is_conllu_label(layout.label):
            yield _expected_conllu("data.label", CONLLU_LABELS, layout.label)
        for key, place in places.items():
            if place not in CONLLU_COLUMNS and not _is_misc(place):
                yield _expected_conllu(key, CONLLU_COLUMNS, place)
    elif layout.format == "jsonl":
        for key, place in places.items():
            if not isinstance(place, str):
                yield f"{key}: expected the name of a list for jsonl, found {place!r}."


def _faults_in_answer(layout: Layout, probabilities: bool) -> Iterator[str]:
    as_lines = layout.task == "segmentation" and layout.format != "jsonl"
    if layout.format == "conllu" and not as_lines and not _is_conllu_label(layout.label):
        yield _expected_conllu("data.label", CONLLU_LABELS, layout.label)
    if probabilities and (layout.format == "text" or as_lines):
        yield (
            f"probabilities have no place in the {'lines' if as_lines else 'text'} that "
            f'task: {layout.task} writes; give jsonl, {{"text": …}} on each line.'
        )


def _is_misc(place: Place | None) -> bool:
    return isinstance(place, str) and place.startswith("misc.") and place != "misc."


def _is_conllu_label(place: Place | None) -> bool:
    return place in CONLLU_LABELS or _is_misc(place)


def _expected_conllu(key: str, names: tuple[str, ...], found: Place | None) -> str:
    return f"{key}: expected {', '.join(names)} or misc.KEY for conllu, found {found!r}."
