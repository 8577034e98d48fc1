"""parquet and arrow: tables with a record a row, read and written some rows at a time.

Integers are labels by the names that Hugging Face's `datasets` keeps in the schema, or those of the
layout. Objects other than spans are written as JSON, for a table has one type a column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.json_values import Json, parse_any
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.arrow_writer import IS_JSON, TableWriter
from windowclf.text.formats.shapes.shape import Entry, Shape, optional

ROWS = 1 << 10  # that are looked at together
TOKENS = ("tokens", "words")
LABELS = ("labels", "ner_tags", "ner", "tags", "pos_tags", "upos", "chunk_tags")


def _read_parquet(source: Input, layout: Layout) -> Iterator[Entry]:
    """The rows of a Parquet file."""
    parquet = optional("pyarrow.parquet", "parquet", "parquet")
    yield from _read(source, layout, lambda stream: _batches_of(parquet.ParquetFile(stream)))


def _batches_of(file: Any) -> tuple[Any, Iterator[Any]]:
    """The schema of an open Parquet file, and its rows, some at a time."""
    return file.schema_arrow, file.iter_batches(batch_size=ROWS)


def _read_arrow(source: Input, layout: Layout) -> Iterator[Entry]:
    """The rows of an Arrow file, or of a stream in a file as `datasets` keeps them."""
    ipc = optional("pyarrow.ipc", "parquet", "arrow")

    def opened(stream: Any) -> tuple[Any, Iterator[Any]]:
        """The schema of an open file and its batches."""
        is_file = stream.peek(6)[:6] == b"ARROW1"
        reader = ipc.open_file(stream) if is_file else ipc.open_stream(stream)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
        return reader.schema, (part for batch in batches for part in _parts(batch))

    yield from _read(source, layout, opened)


def _parts(batch: Any) -> Iterator[Any]:
    """The rows of a batch, some at a time."""
    for start in range(0, batch.num_rows, ROWS):
        yield batch.slice(start, ROWS)


def _read(
    source: Input, layout: Layout, opened: Callable[[Any], tuple[Any, Iterator[Any]]]
) -> Iterator[Entry]:
    """The records of a table that `opened` opens; a fault is noted where it is none."""
    turned: _Turned | None = None
    for number, (row, schema) in enumerate(_rows(source, layout, opened), 1):
        if turned is None:
            if (fault := _fault_in_columns(schema.names, layout)) is not None:
                source.fault(None, fault)
                return
            turned = _Turned(schema, layout, source)
        record = turned.record(row, number)
        yield Entry(record, number, source, schema, is_gold=turned.is_gold(record))


def _rows(
    source: Input, layout: Layout, opened: Callable[[Any], tuple[Any, Iterator[Any]]]
) -> Iterator[tuple[Json, Any]]:
    """The rows of a table as pyarrow has them, with its schema, or a fault where it has none.

    Besides its own errors it raises those of values that Python has not, and of bad UTF-8.
    """
    arrow = optional("pyarrow", "parquet", layout.format)
    number = 0
    try:
        schema, batches = opened(source.stream)
        names = schema.names
        for batch in batches:
            # of two columns of one name a row has one, which is a fault of its own
            rows = batch.to_pylist() if len({*names}) == len(names) else [{}] * batch.num_rows
            for row in rows:
                number += 1
                yield row, schema
    except (arrow.ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        found = quoted(str(error).split("\n")[0])
        source.fault(None, f"cannot be read after {number:,} rows, pyarrow says {found}.")


def _fault_in_columns(names: list[str], layout: Layout) -> str | None:
    """What is wrong with the names of the columns of a table; else None."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"expected columns of different names, found {quoted(twice)} twice."
    label = layout.label
    if layout.has_label_field and isinstance(label, str) and not {label, "text"} & {*names}:
        shown = ", ".join(map(quoted, names[:10]))
        return f"expected the column {quoted(label)} of data.label, found {shown}."
    return None


class _Turned:
    """Rows of a table as records."""

    def __init__(self, schema: Any, layout: Layout, source: Input):
        names = schema.names
        self._layout, self._source = layout, source
        self._json = [f.name for f in schema if (f.metadata or {}).items() >= IS_JSON.items()]
        self._tokens = _chosen(names, layout.token, TOKENS)
        self._labels = _chosen(names, layout.label, LABELS) if layout.has_label_field else None
        own = names_in(schema, self._labels) if self._labels else ()
        self._names = own or layout.names or ()

    def record(self, row: Json, number: int) -> Json:
        """A row as a record."""
        record = dict(row)
        for name in self._json:
            record[name] = self._parsed(name, record[name], number)
        if self._tokens in record and self._tokens != "tokens":
            record["tokens"] = record.pop(str(self._tokens))
        if self._labels is not None and "text" not in record:
            labels = record.pop(self._labels)
            record["labels"] = self._named(self._list("labels", labels, number), number)
        if self._layout.has_label_field:
            record["spans"] = self._list("spans", record.get("spans"), number)
        spans = record.get("spans")
        for each in spans if isinstance(spans, list) else ():
            if isinstance(each, dict) and each.get("id", "") is None:
                del each["id"]
        return {name: value for name, value in record.items() if value is not None}

    def _list(self, name: str, value: Any, number: int) -> list[Any] | None:
        """A list of labels, or of spans as objects; None, and a fault, for what is none."""
        if isinstance(value, list):
            if name == "labels" or all(isinstance(each, dict) for each in value):
                return value
            found = f'expected objects in "spans", found {quoted(str(value))}.'
            self._source.fault(number, found)
        elif value is not None:
            found = f'expected "{name}" to be a list, found {quoted(str(value))}.'
            self._source.fault(number, found)
        return None

    def _parsed(self, name: str, text: Any, number: int) -> Any:
        """A value that was written as JSON; None, and a fault, where it is none."""
        if isinstance(text, str):
            return parse_any(text, number, self._source, f"JSON in {quoted(name)}")
        if text is not None:
            found = f"expected JSON in {quoted(name)}, found {quoted(str(text))}."
            self._source.fault(number, found)
        return None

    def _named(self, labels: list[Any] | None, number: int) -> list[Any] | None:
        """Labels by their names, None for what is none."""
        if labels is None or not any(type(label) is int for label in labels):
            return labels
        if not self._names:
            self._source.fault(
                number,
                f"expected names for the integers in {quoted(str(self._labels))}, found none in "
                "the file; set data.names to the list of them.",
            )
            return labels
        wrong = [x for x in labels if type(x) is int and x >= len(self._names)]
        if wrong:
            found = f"expected integers below {len(self._names)}, as there are so many names"
            self._source.fault(number, f"{found}, found {wrong[0]}.")
            return labels
        return [self._names[x] if type(x) is int and x >= 0 else None for x in labels]

    def is_gold(self, record: Json) -> bool:
        """Whether a record has labels or spans."""
        return not self._layout.has_label_field or "text" not in record or "spans" in record


def _chosen(names: list[str], column: Any, usual: tuple[str, ...]) -> str | None:
    """The name of a column: that which is named, or the first of the usual ones that is there."""
    if isinstance(column, str):
        return column
    return next((name for name in usual if name in names), None)


def names_in(schema: Any, column: str) -> tuple[str, ...]:
    """The names of the labels of a column, as `datasets` keeps them in a schema; () without."""
    try:
        feature = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    except (ValueError, RecursionError):
        return ()  # then integers are a fault that says where to name them
    for key in ("info", "features", column):
        feature = feature.get(key) if isinstance(feature, dict) else None
    while isinstance(feature, list | dict):
        if isinstance(feature, dict) and isinstance(names := feature.get("names"), list):
            return tuple(names) if all(isinstance(name, str) for name in names) else ()
        inner = feature if isinstance(feature, list) else [feature.get("feature")]
        feature = inner[0] if inner else None
    return ()


_HELD: dict[str, Any] = {"held_of_spans": frozenset({"id", "score"}), "any_value": True}
SHAPES: dict[Format, Shape] = {
    "parquet": Shape(_read_parquet, TableWriter, "any", **_HELD),
    "arrow": Shape(_read_arrow, TableWriter, "any", **_HELD),
}
