"""token-csv: a token a row, with columns for its sentence, itself and its tag, after a header.

Between the columns are commas, semicolons or tabs, whichever the header has most of; quotes are
those of csv. A sentence begins where its column says something new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.labels import with_gaps
from windowclf.text.formats.layout import Column, Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.shape import Entry, Shape
from windowclf.text.formats.table import Row, field_of, rows_of

SENTENCES = (
    "sentence #",
    "sentence_#",
    "sentence",
    "sentence_id",
    "sentence_idx",
    "sent_id",
    "sent",
)
TOKENS = ("word", "token", "words", "tokens", "form")
TAGS = ("tag", "label", "ner_tag", "ner", "entity", "tags", "labels", "iob")
HEADER = ("Sentence #", "Word", "Tag")


def separator_of(header: str) -> str:
    """What stands between the columns of a header."""
    return max(",;\t", key=header.count)


def column_in(names: Sequence[str], column: Column | None, usual: Sequence[str]) -> int | None:
    """The number of a column of a header: that which is named, or one of the usual names."""
    if isinstance(column, int):
        return column % len(names) if -len(names) <= column < len(names) else None
    if column is not None:
        return names.index(column) if column in names else None
    lower = [name.strip().lower() for name in names]
    return next((lower.index(name) for name in usual if name in lower), None)


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The sentences of a table; faults are noted, and no sentence follows the first."""
    rows = rows_of(source, separator_of)
    header = next(rows, None)
    if header is None or not header.fields:
        source.fault(None, "expected a header line with the names of the columns, found none.")
        return
    header.is_header = True
    columns = _columns(header, layout, source)
    if columns is None:
        return
    yield Entry({}, 0, source, [header])
    group: list[Row] = []
    said = ""
    for row in rows:
        if row.fields and len(row.fields) != len(header.fields):
            expected = f"expected {len(header.fields)} fields, as many as the header has"
            source.fault(row.line, f"{expected}, found {len(row.fields)}: {quoted(row.text)}.")
            return
        now = row.fields[columns["sentence"]] if row.fields else ""
        if group and (not row.fields or (now and now != said)):
            yield _sentence(group, columns, header, source, layout)
            group = []
        said = now or said
        group.append(row)
    if group:
        yield _sentence(group, columns, header, source, layout)


def _columns(header: Row, layout: Layout, source: Input) -> dict[str, int] | None:
    """The numbers of the columns by what they are for; None, and a fault, where one is missing."""
    names = header.fields
    token = layout.token if layout.token != 0 else None  # 0 where nobody has said it
    wanted = [
        ("sentence", "data.sentence", layout.sentence, SENTENCES),
        ("token", "data.token", token, TOKENS),
    ]
    if layout.has_label_field:
        wanted.append(("label", "data.label", layout.label, TAGS))
    found: dict[str, int] = {}
    for name, key, column, usual in wanted:
        number = column_in(names, column, usual)
        if number is None and name == "token" and 0 not in found.values():
            number = column_in(names, layout.token, usual)
        if number is None:
            columns = ", ".join(map(quoted, names[:20]))
            said = f"{column!r}" if column is not None else f"one such as {quoted(usual[0])}"
            source.fault(header.line, f"expected a column {said}, found {columns}; set {key}.")
            return None
        found[name] = number
    return found


def _sentence(
    rows: list[Row], columns: dict[str, int], header: Row, source: Input, layout: Layout
) -> Entry:
    """The record of the rows of a sentence, further columns by their names."""
    if not rows[0].fields:  # what follows the last sentence
        return Entry({}, 0, source, rows)
    record: Json = {}
    if id_ := rows[0].fields[columns["sentence"]]:
        record["id"] = id_
    record["tokens"] = [row.fields[columns["token"]] for row in rows]
    for row in rows:
        if not row.fields[columns["token"]]:
            source.fault(row.line, "expected a token, found an empty field.")
    if "label" in columns:
        record["labels"] = list(with_gaps([row.fields[columns["label"]] for row in rows]))
    taken = set(columns.values())
    for number, name in enumerate(header.fields):
        if number not in taken and name not in record:
            record[name] = [row.fields[number] for row in rows]
    for column in layout.extra.values():
        if (found := column_in(header.fields, column, ())) is not None:
            record[str(column)] = [row.fields[found] for row in rows]
    return Entry(record, rows[0].line, source, rows)


class _Writer:
    """Writes a table anew, or gives one that was read back with the column `predicted`."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out = out
        self._names: list[str] | None = None  # of further columns
        self._sentences, self._said = 0, ""
        self._separator = ","

    def put(self, record: Json, original: Any = None) -> None:
        """Write the rows of a sentence."""
        if isinstance(original, list):
            self._answer(record, original)
            return
        size = len(record["tokens"])
        if self._names is None:
            self._names = columns_of(record)
            self._row([*HEADER, *self._names])
        for name, value in record.items():
            if name in self._names and not _is_column(name, value, size):
                raise DataError(f"expected a text for each token in {quoted(name)}, found others.")
        self._sentences += 1
        id_ = record.get("id")
        said = f"Sentence: {self._sentences}" if id_ in (None, "") else str(id_)
        if said == self._said:
            said = f"{said} ({self._sentences})"
        self._said = said
        labels = record.get("labels") or [""] * size
        more = [record.get(name) or [""] * size for name in self._names]
        for fields in zip(record["tokens"], labels, *more, strict=True):
            self._row([said, *(field or "" for field in fields)])

    def _row(self, fields: Sequence[str]) -> None:
        """Write a row."""
        self._out.write(",".join(field_of(each, ",") for each in fields) + "\n")

    def _answer(self, record: Json, rows: list[Row]) -> None:
        """Give rows back with their labels in one more column."""
        if rows[0].is_header:
            self._separator = separator_of(rows[0].text)
            if "predicted" in rows[0].fields:
                raise DataError("the column 'predicted' is there already; give it another name.")
        labels = ["predicted"] if rows[0].is_header else record.get("labels", [""] * len(rows))
        for row, label in zip(rows, labels, strict=True):
            answer = [field_of(label, self._separator)] if row.fields else []
            self._out.write(row.before + self._separator.join([row.text, *answer]) + row.end)

    def close(self) -> None:
        """Write the header of a table without sentences."""


def columns_of(record: Json) -> list[str]:
    """The further columns of a table whose first sentence this is; others have no place in it."""
    return [k for k, v in record.items() if _is_column(k, v, len(record["tokens"]))]


def _is_column(name: str, value: Any, size: int) -> bool:
    """Whether a key of a record has a text for each of `size` tokens, and is no key of our own."""
    is_own = name in ("id", "tokens", "labels", "comments")
    return not is_own and isinstance(value, list) and len(value) == size and _are_texts(value)


def _are_texts(values: list[Any]) -> bool:
    """Whether values are texts."""
    return all(isinstance(value, str) for value in values)


SHAPES: dict[Format, Shape] = {
    "token-csv": Shape(
        _read, _Writer, "tokens", held=frozenset({"id", "tokens", "labels"}), columns=True
    ),
}
