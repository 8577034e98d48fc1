"""Layout: what a reader or writer has to know about a file besides its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from windowclf.errors import DataError, legible
from windowclf.text.spans import Scheme
from windowclf.text.tokenizer import Tokenizer

Format: TypeAlias = Literal[
    "conll",
    "conllu",
    "jsonl",
    "csv",
    "tsv",
    "text",
    "labelstudio",
    "labelstudio-min",
    "doccano",
    "doccano-relations",
    "prodigy",
    "spacy",
    "spacy-json",
    "brat",
    "webanno",
    "token-csv",
    "parquet",
    "arrow",
    "brackets",
]
Task: TypeAlias = Literal["tagging", "spans", "segmentation", "slots"]
Column: TypeAlias = int | str  # a column by number or name

OWN: tuple[Format, ...] = ("conll", "conllu", "jsonl", "csv", "tsv", "text")
"""The formats that are no shape of other tools; see `shapes`."""
BINARY: tuple[Format, ...] = ("spacy", "parquet", "arrow")
"""Those that are no text."""
IN_BYTES: tuple[Format, ...] = (*BINARY, "labelstudio", "labelstudio-min", "spacy-json")
"""Those that are not read line by line."""
AS_OBJECTS: tuple[Format, ...] = (
    *("jsonl", "doccano", "doccano-relations", "prodigy", "labelstudio-min", "parquet", "arrow"),
)
"""Those whose records hold whatever one likes."""
SCORED: tuple[Format, ...] = ("labelstudio", *AS_OBJECTS)
"""Those that have a place for how sure a span is."""
CONLLU_LABELS = ("upos", "xpos", "feats")
CONLLU_COLUMNS = ("form", "lemma", *CONLLU_LABELS, "deprel")


def as_jsonl(record: str) -> str:
    """For a shell: what makes of each `line` of a file a line of jsonl with this record."""
    each = f"[print(json.dumps({{{record}}})) for line in sys.stdin]"
    return f"python3 -c 'import json, sys; {each}' < FILE > x.jsonl"


@dataclass(frozen=True)
class Layout:
    """The format of a file, where tokens and labels stand in it, and what they mean."""

    format: Format
    task: Task
    token: Column = 0
    """conll: the column; jsonl: the key, `tokens` unless it is a name. conllu: always FORM."""
    label: Column | None = 1
    """conll: the column; conllu: upos, xpos, feats or misc.KEY; csv and tsv: the column;
    jsonl: the key, `labels` or `spans` unless it is a name."""
    extra: Mapping[str, Column] = field(default_factory=dict)
    """Further columns by the name that features use."""
    scheme: Scheme = "BIO"
    tokenizer: Tokenizer = "unicode"
    misaligned: Literal["error", "skip"] = "error"
    """What to do with a span of a raw text that cuts a token."""
    slots: tuple[str, ...] = ()
    """csv and tsv: the columns that are features."""
    names: tuple[str, ...] | None = None
    """The labels that the integers 0, 1, … of a file stand for."""
    sentence: Column | None = None
    """token-csv: the column that says which rows are of one sentence."""
    read_labels: bool = True
    """False for prediction: the label field is never looked at."""

    @property
    def has_label_field(self) -> bool:
        """Whether a field of the file is read as labels; words are not a field."""
        return self.read_labels and self.task != "segmentation"

    def check_reading(self) -> None:
        """Raise DataError unless a file of this format can be read for this task."""
        _raise_first(_faults_in_task(self), _faults_in_columns(self))

    def check_writing(self, probabilities: bool) -> None:
        """Raise DataError unless answers of this task can be written in this format."""
        _raise_first(_faults_in_task(self), _faults_in_answer(self, probabilities))


def _raise_first(*groups: Iterator[str]) -> None:
    """Raise DataError with the first fault of the first group that has one."""
    for group in groups:
        for fault in group:
            raise DataError(fault)


def _faults_in_task(layout: Layout) -> Iterator[str]:
    """Sentences about a format or further columns that do not go with the task."""
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
    elif layout.task == "segmentation" and layout.format not in OWN:
        yield (
            f"data.format: {layout.format} holds labelled tokens or spans; expected conll, conllu, "
            "jsonl or text for task: segmentation."
        )
    elif layout.format == "text" and layout.extra:
        yield "data.extra: text has no further columns; use conll, conllu or jsonl."


def _faults_in_columns(layout: Layout) -> Iterator[str]:
    """Sentences about tokens, labels and further columns that the format does not have."""
    if layout.format == "text" and layout.has_label_field:
        yield f"data.format: text holds no labels for task: {layout.task}; use conll or jsonl."
    columns = {f"data.extra.{legible(name)}": column for name, column in layout.extra.items()}
    if layout.format == "conll":
        numbers = {"data.token": layout.token} | columns
        if layout.has_label_field:
            numbers["data.label"] = layout.label if layout.label is not None else "nothing"
        for key, column in numbers.items():
            if not isinstance(column, int):
                yield f"{key}: expected a column number for conll, found {column!r}."
        if layout.has_label_field and layout.label == layout.token:
            yield f"data.label: expected another column than data.token, found {layout.label!r}."
    elif layout.format == "conllu":
        if layout.has_label_field and not _is_conllu_label(layout.label):
            yield _expected_conllu("data.label", CONLLU_LABELS, layout.label)
        for key, column in columns.items():
            if column not in CONLLU_COLUMNS and not _is_misc(column):
                yield _expected_conllu(key, CONLLU_COLUMNS, column)
    elif layout.format == "jsonl":
        for key, column in columns.items():
            if not isinstance(column, str):
                yield f"{key}: expected the name of a list for jsonl, found {column!r}."
        if isinstance(layout.label, str) and layout.label in (layout.token, "tokens", "text"):
            found = layout.label
            yield f"data.label: expected another key than that of the words, found {found!r}."


def _faults_in_answer(layout: Layout, probabilities: bool) -> Iterator[str]:
    """Sentences about answers, or their probabilities, that the format cannot hold."""
    as_lines = layout.task == "segmentation" and layout.format != "jsonl"
    if layout.format == "conllu" and not as_lines and not _is_conllu_label(layout.label):
        yield _expected_conllu("data.label", CONLLU_LABELS, layout.label)
    if probabilities and layout.format not in (*OWN, *AS_OBJECTS):
        yield f"probabilities have no place in {layout.format}; give jsonl."
    if probabilities and (layout.format == "text" or as_lines):
        made = as_jsonl('"text": line.rstrip("\\n")')
        how = f" (of lines of raw text: {made})" if layout.format == "text" else ""
        yield (
            f"probabilities have no place in the {'lines' if as_lines else 'text'} that "
            f'task: {layout.task} writes; give jsonl, {{"text": …}} on each line{how}.'
        )


def _is_misc(column: Column | None) -> bool:
    """Whether a column is misc.KEY of conllu."""
    return isinstance(column, str) and column.startswith("misc.") and column != "misc."


def _is_conllu_label(column: Column | None) -> bool:
    """Whether a column of conllu may be the label."""
    return column in CONLLU_LABELS or _is_misc(column)


def _expected_conllu(key: str, names: tuple[str, ...], found: Column | None) -> str:
    """A sentence about a key of the config that names none of these columns of conllu."""
    return f"{key}: expected {', '.join(names)} or misc.KEY for conllu, found {found!r}."
