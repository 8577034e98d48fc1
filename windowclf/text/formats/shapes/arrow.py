"""parquet and arrow: tables with a record a row, read and written some rows at a time.

Integers are labels by the names that Hugging Face's `datasets` keeps in the schema, or those of the
layout. Objects other than spans are written as JSON, for a table has one type a column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.json_values import Json
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
    arrow = optional("pyarrow", "parquet", layout.format)
    number = 0
    try:
        schema, batches = opened(source.stream)
        turned = _Turned(schema, layout, source)
        for batch in batches:
            for row in batch.to_pylist():
                number += 1
                record = turned.record(row, number)
                yield Entry(record, number, source, schema, is_gold=turned.is_gold(record))
    except (arrow.ArrowException, OSError) as error:
        found = quoted(str(error).split("\n")[0])
        source.fault(None, f"cannot be read after {number:,} rows, pyarrow says {found}.")


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
            record[name] = json.loads(record[name]) if record[name] is not None else None
        if self._tokens in record and self._tokens != "tokens":
            record["tokens"] = record.pop(str(self._tokens))
        if self._labels is not None and "text" not in record:
            labels = record.pop(self._labels)
            record["labels"] = self._named(labels, number) if isinstance(labels, list) else labels
        for each in record.get("spans") or ():
            if isinstance(each, dict) and each.get("id", "") is None:
                del each["id"]
        return {name: value for name, value in record.items() if value is not None}

    def _named(self, labels: list[Any], number: int) -> list[Any]:
        """Labels by their names, None for what is none."""
        if not any(type(label) is int for label in labels):
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
    kept = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    feature = kept.get("info", {}).get("features", {}).get(column)
    while isinstance(feature, list | dict):
        if isinstance(feature, dict) and isinstance(feature.get("names"), list):
            return tuple(feature["names"])
        inner = feature if isinstance(feature, list) else [feature.get("feature")]
        feature = inner[0] if inner else None
    return ()


SHAPES: dict[Format, Shape] = {
    "parquet": Shape(_read_parquet, TableWriter, "any", held_of_spans=frozenset({"id", "score"})),
    "arrow": Shape(_read_arrow, TableWriter, "any", held_of_spans=frozenset({"id", "score"})),
}
