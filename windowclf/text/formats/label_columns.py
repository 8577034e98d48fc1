"""Which columns of a file look like labels, where the one that was named does not."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from windowclf.errors import legible
from windowclf.text.formats.blocks import fields_of
from windowclf.text.formats.layout import Column, Format, Task
from windowclf.text.schemes import ORDER
from windowclf.text.sentence import NO_LABEL
from windowclf.text.spans import is_label

Columns: TypeAlias = Mapping[Column, Sequence[str]]
"""What stands in each column, by the name that data.label gives it."""

FEW = 0.1  # of the rows, the most different values that labels have
FEWEST_ROWS = 50
_NOTHING = NO_LABEL | {"_"}
_CONLLU = {3: "upos", 4: "xpos", 5: "feats"}


def columns_in(lines: Sequence[str], format_: Format) -> Columns:
    """The columns of some lines of a file: those that all lines have, without comments and gaps."""
    if format_ in ("csv", "tsv"):
        table = _table(lines, "," if format_ == "csv" else "\t")
        return _turned(dict(enumerate(table[0])), table[1:]) if table else {}
    rows = [fields_of(line) for line in lines if line.strip() and not line.startswith("-DOCSTART-")]
    if format_ == "conllu":
        rows = [row for row in rows if len(row) == 10 and row[0].isdigit()]
        return {**_turned(_CONLLU, rows), **_misc([row[9] for row in rows])}
    return _turned({i: i for i in range(min(map(len, rows), default=0))}, rows)


def _table(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The rows of a table, its header first; none where it cannot be read so."""
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return []


def _turned(names: Mapping[int, Column], rows: Sequence[Sequence[str]]) -> dict[Column, list[str]]:
    """Column by name -> what the rows that reach so far have in it."""
    return {name: [row[i] for row in rows if i < len(row)] for i, name in names.items()}


def _misc(fields: Sequence[str]) -> dict[Column, list[str]]:
    """misc.KEY -> its values, of what stands in MISC."""
    found: dict[Column, list[str]] = {}
    for field in fields:
        for entry in field.split("|") if "=" in field else ():
            key, _, value = entry.partition("=")
            found.setdefault(f"misc.{key}", []).append(value)
    return found


def like_labels(columns: Columns, task: Task, others: Sequence[Column | None]) -> list[Column]:
    """The columns that may be labels for a task, but for `others`, that are known not to be."""
    fits = _like_spans if task == "spans" else _like_tags
    return [name for name, own in columns.items() if name not in others and fits(own)]


def named_columns(columns: Sequence[Column]) -> str:
    """Columns in a sentence, `Column 3 looks like labels.`; an empty text for none."""
    if not columns:
        return ""
    names = " and ".join(legible(str(column)) for column in columns)
    one = len(columns) == 1
    return f"Column {names} looks like labels." if one else f"Columns {names} look like labels."


def _like_spans(values: Sequence[str]) -> bool:
    """Whether values are all labels of one scheme, and not all O."""
    labels = set(values) - _NOTHING
    return bool(labels - {"O"}) and any(
        all(is_label(label, scheme) for label in labels) for scheme in ORDER
    )


def _like_tags(values: Sequence[str]) -> bool:
    """Whether values are few different ones that stand again and again, and no numbers."""
    different = set(values) - _NOTHING
    if len(values) < FEWEST_ROWS or any(value.isdigit() for value in different):
        return False
    return 2 <= len(different) <= FEW * len(values)
