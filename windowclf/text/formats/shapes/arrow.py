"""parquet and arrow: tables with a record a row, read and written some rows at a time.

Integers are labels by the names that Hugging Face's `datasets` keeps in the schema, or those of the
layout. Objects other than spans are written as JSON, for a table has one type a column.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.shape import Entry, Shape, optional

ROWS = 1 << 10  # that are looked at together
ROWS_WRITTEN = 10_000  # of a group; the first group decides on the types
TOKENS = ("tokens", "words")
LABELS = ("labels", "ner_tags", "ner", "tags", "pos_tags", "upos", "chunk_tags")
IS_JSON = {b"windowclf": b"json"}  # the metadata of a column of objects


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


class _Sink(io.RawIOBase):
    """A stream that others write to as long as it is open, and they may close."""

    def __init__(self, out: BinaryIO):
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Write bytes; none where writing was given up, of which pyarrow does not hear."""
        size = memoryview(data).nbytes
        return size if self._out.closed else self._out.write(data)


class _Writer:
    """Writes rows in groups; columns of the table that was read keep their types."""

    def __init__(self, out: TextIO, layout: Layout):
        self._arrow = optional("pyarrow", "parquet", layout.format)
        self._module = optional(
            "pyarrow.parquet" if layout.format == "parquet" else "pyarrow.ipc",
            "parquet",
            layout.format,
        )
        self._out, self._format = out, layout.format
        self._rows: list[Json] = []
        self._given: Any = None
        self._schema: Any = None
        self._writer: Any = None

    def put(self, record: Json, original: Any = None) -> None:
        """Add a row."""
        self._given = original if original is not None else self._given
        self._rows.append(record)
        if len(self._rows) == ROWS_WRITTEN:
            self._flush()

    def _flush(self) -> None:
        """Write the rows that were gathered."""
        if self._writer is None:
            self._schema = self._schema_of(self._rows)
            self._out.flush()
            if self._format == "parquet":
                self._writer = self._module.ParquetWriter(_Sink(self._out.buffer), self._schema)
            else:
                self._writer = self._module.new_file(_Sink(self._out.buffer), self._schema)
        for row in self._rows:
            if more := row.keys() - set(self._schema.names):
                found = f"found {quoted(min(more))} too"
                raise DataError(
                    f"expected the keys of the first {ROWS_WRITTEN:,} records, {found}."
                )
        columns = [self._column(field, self._rows) for field in self._schema]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._rows = []

    def _column(self, field: Any, rows: list[Json]) -> Any:
        """The values of a column."""
        values = [row.get(field.name) for row in rows]
        if field.metadata == IS_JSON:
            values = [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
        elif field.name == "spans":
            keys = [
                field.type.value_type.field(i).name for i in range(field.type.value_type.num_fields)
            ]
            values = [
                None if v is None else [{k: s.get(k) for k in keys} for s in v] for v in values
            ]
        try:
            return self._arrow.array(values, field.type)
        except (self._arrow.ArrowException, TypeError) as error:
            found = quoted(str(error))
            raise DataError(
                f"expected values of one type in {quoted(field.name)}, found {found}."
            ) from None

    def _schema_of(self, rows: list[Json]) -> Any:
        """The types of the columns of some rows."""
        arrow = self._arrow
        given = {f.name: f for f in self._given} if self._given is not None else {}
        words = arrow.list_(arrow.string())
        ids = (
            [("id", arrow.string())]
            if any("id" in s for r in rows for s in r.get("spans") or ())
            else []
        )
        scores = (
            [("score", arrow.float64())]
            if any("score" in s for r in rows for s in r.get("spans") or ())
            else []
        )
        place = [("start", arrow.int64()), ("end", arrow.int64()), ("label", arrow.string())]
        usual = {
            "text": arrow.string(),
            "labels": words,
            "spans": arrow.list_(arrow.struct([*place, *ids, *scores])),
        }
        fields = []
        for name in dict.fromkeys(key for row in rows for key in row):
            values = [row.get(name) for row in rows]
            as_read = given.get(name.removeprefix("gold_"))  # an earlier answer was moved there
            if name == "spans" or (
                name == "labels" and all(v is None or _are_labels(v) for v in values)
            ):
                fields.append(arrow.field(name, usual[name]))
            elif as_read is not None:
                fields.append(as_read.with_name(name))
            elif name == "text":
                fields.append(arrow.field(name, usual[name]))
            elif name == "tokens" and all(v is None or _are_words(v) for v in values):
                fields.append(arrow.field(name, words))
            elif any(isinstance(v, dict) or _has_objects(v) for v in values):
                fields.append(arrow.field(name, arrow.string(), metadata=IS_JSON))
            else:
                fields.append(arrow.field(name, self._inferred(name, values)))
        return arrow.schema(fields)

    def _inferred(self, name: str, values: list[Any]) -> Any:
        """The type of the values of a column. Raises DataError where they have none in common."""
        arrow = self._arrow
        try:
            found = arrow.array(values).type
        except (arrow.ArrowException, TypeError) as error:
            raise DataError(
                f"expected values of one type in {quoted(name)}, found {quoted(str(error))}."
            ) from None
        if arrow.types.is_null(found):
            return arrow.string()
        if arrow.types.is_list(found) and arrow.types.is_null(found.value_type):
            return arrow.list_(arrow.string())
        return found

    def close(self) -> None:
        """Write what is left, and the end of the table."""
        if self._rows or self._writer is None:
            self._flush()
        self._writer.close()


def _are_words(value: Any) -> bool:
    """Whether a value is a list of words."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_labels(value: Any) -> bool:
    """Whether a value is a list of labels, some of them missing."""
    return isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)


def _has_objects(value: Any) -> bool:
    """Whether a value is a list with objects in it."""
    return isinstance(value, list) and any(isinstance(each, dict | list) for each in value)


SHAPES: dict[Format, Shape] = {
    "parquet": Shape(_read_parquet, _Writer, "any", held_of_spans=frozenset({"id", "score"})),
    "arrow": Shape(_read_arrow, _Writer, "any", held_of_spans=frozenset({"id", "score"})),
}
