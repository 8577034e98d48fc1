"""What a file of an annotation tool or a data set is for, by its first records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from windowclf.errors import DataError, Fault, Faults, quoted
from windowclf.pipeline.input_files import files_of
from windowclf.text.formats import BINARY, Format, Layout, Remarks, Task, open_bytes
from windowclf.text.formats.guess import guess_shape
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import IN_BYTES, OWN
from windowclf.text.formats.lines import leave_one_no_utf8, open_input
from windowclf.text.formats.shapes import shape_of
from windowclf.text.formats.shapes.token_table import TAGS, TOKENS, column_in, separator_of
from windowclf.text.formats.table import rows_of
from windowclf.text.guess import Found
from windowclf.text.guess.values import SHOWN, Column

LOOKED_AT = 1000  # records
_WHAT: Mapping[Format, str] = {
    "labelstudio": "tasks of Label Studio",
    "labelstudio-min": "tasks of Label Studio, JSON-MIN",
    "doccano": "records of doccano",
    "doccano-relations": "records of doccano, with entities",
    "prodigy": "records of Prodigy",
    "spacy": "a DocBin of spaCy",
    "spacy-json": "texts with entities, as spaCy takes them",
    "brat": "texts with what is marked in them beside",
    "webanno": "WebAnno TSV 3",
    "token-csv": "a header, and a token a row",
    "parquet": "a table of Parquet",
    "arrow": "a table of Arrow",
    "brackets": "spans as [words](LABEL)",
}


def tool_format(path: str) -> Format | None:
    """The format of a file that is a shape of another tool; None of another file."""
    format_ = guess_shape(path)
    return None if format_ in (None, *OWN) else format_


def guess_of_tool(path: str, format_: Format, task: Task | None) -> Found:
    """What a file of such a format is for. Raises DataError where no model can learn from it."""
    layout = Layout(format_, "spans", label=None)
    records = _records(path, layout)
    why = {"format": _WHAT[format_]}
    labels = [each["labels"] for each in records if isinstance(each.get("labels"), list)]
    if labels and not any(each.get("spans") for each in records):
        if format_ == "token-csv":
            return _of_table(path, layout, records, why, task)
        return _of_labels(path, layout, labels, why, task)
    if task not in (None, "spans"):
        fault = f"expected task: spans for {_WHAT[format_]}, found task: {task}."
        raise DataError(Fault(fault, path))
    types = dict.fromkeys(
        str(span.get("label")) for each in records for span in each.get("spans") or ()
    )
    if not types:
        raise DataError(Fault(f"expected spans in {_WHAT[format_]}, found none.", path))
    shown = ", ".join(quoted(each)[1:-1] for each in list(types)[:SHOWN])
    return Found(layout, {**why, "task": f"{'asked for; ' if task else ''}spans such as {shown}"})


def _of_table(
    path: str, layout: Layout, records: Sequence[Json], why: Mapping[str, str], task: Task | None
) -> Found:
    """What a table with a token a row is for: its usual column of tags, or one that fits a task."""
    with open_bytes(path) as stream, open_input(stream, path, Faults()) as source:
        header = next(rows_of(source, separator_of)).fields
    names = (column_in(header, None, usual) for usual in (TOKENS, TAGS))
    token, usual = (header[number or 0] for number in names)
    values = {
        name: [own["labels" if name == usual else name] for own in records]
        for name in header
        if name == usual or all(isinstance(own.get(name), list) for own in records)
    }
    columns = {
        name: Column([[each or "" for each in own] for own in found])
        for name, found in values.items()
    }
    wanted: Task = task or ("spans" if columns[usual].is_spans else "tagging")
    fit = [n for n, own in columns.items() if _fits(own, wanted)]
    label = usual if usual in fit or not fit else fit[-1]
    others = [name for name in columns if name != label]
    doubts = [
        f"the column {quoted(name)} has labels too ({columns[name].shown()}): "
        f"{f'set data.label: {name}' if _fits(columns[name], wanted) else f'--task {kind}'}."
        for name in others
        for kind in ("spans", "tagging")
        if _fits(columns[name], kind)
    ]
    named = replace(layout, token=token, label=label)
    found = _of_labels(path, named, values[label], why, task)
    places = {"token": "the column of the words", "label": "the column of the labels"}
    return replace(found, why={**found.why, **places}, doubts=tuple(doubts))


def _fits(column: Column, task: Task) -> bool:
    """Whether a column may be the labels of a task."""
    return column.is_spans if task == "spans" else column.has_labels and not column.is_spans


def _of_labels(
    path: str,
    layout: Layout,
    labels: Sequence[Sequence[str | None]],
    why: Mapping[str, str],
    task: Task | None,
) -> Found:
    """What a file with a label for each token is for."""
    column = Column([[str(each or "") for each in own] for own in labels])
    kind: Task = task or ("spans" if column.is_spans else "tagging")
    if kind not in ("spans", "tagging"):
        fault = f"expected task: spans or tagging for {why['format']}, found task: {kind}."
        raise DataError(Fault(fault, path))
    said = f"{'asked for; ' if task else ''}labels such as {column.shown()}"
    found = replace(layout, task=kind)
    return Found(found, {**why, "task": said}, in_scheme=kind == "spans")


def _records(path: str, layout: Layout) -> list[Json]:
    """The first records of a file, those without a word left out. Raises DataError."""
    faults = Faults()
    file = files_of(path, "--data")[0]
    with (
        open_bytes(file, layout.format not in BINARY) as stream,
        open_input(stream, file, faults, Remarks(), layout.format not in IN_BYTES) as source,
    ):
        entries = islice(shape_of(layout.format).read(source, layout), LOOKED_AT)
        records = [entry.record for entry in entries if entry.is_gold and entry.record]
    leave_one_no_utf8(faults, file)
    faults.raise_if_any()
    return records
