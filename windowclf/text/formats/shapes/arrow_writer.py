"""TableWriter: records as the rows of a Parquet or Arrow file, in groups."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any, BinaryIO, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json, in_json
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.shapes.shape import optional

ROWS_WRITTEN = 10_000  # of a group; the first group decides on the types
IS_JSON = {b"windowclf": b"json"}  # the metadata of a column of objects


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


class _Types:
    """The types of the columns of a table that is written."""

    def __init__(self, arrow: Any, given: Any):
        """`given` is the schema of the table that was read, None for another file."""
        self._arrow = arrow
        self._given = {field.name: field for field in given} if given is not None else {}
        self._words = arrow.list_(arrow.string())

    def schema(self, rows: list[Json]) -> Any:
        """The columns that some rows have."""
        names = dict.fromkeys(key for row in rows for key in row)
        fields = [self._field(name, [row.get(name) for row in rows]) for name in names]
        return self._arrow.schema(fields)

    def _field(self, name: str, values: list[Any]) -> Any:
        """A column with these values among others."""
        arrow = self._arrow
        as_read = self._given.get(name.removeprefix("gold_"))  # an earlier answer was moved there
        if name == "spans":
            return arrow.field(name, arrow.list_(arrow.struct(self._of_spans(values))))
        if name in ("labels", "tokens") and all(v is None or _are_texts(v) for v in values):
            return arrow.field(name, self._words)
        if as_read is not None:
            return as_read.with_name(name)
        if any(isinstance(v, dict) or _has_objects(v) for v in values):
            return arrow.field(name, arrow.string(), metadata=IS_JSON)
        return arrow.field(name, self._inferred(name, values))

    def _of_spans(self, values: list[Any]) -> list[Any]:
        """What the spans have."""
        arrow = self._arrow
        given = [each for each in values if each is not None]
        spans = [span for each in given if isinstance(each, list) for span in each]
        odd = [each for each in [*given, *spans] if not isinstance(each, list | dict)]
        if odd:
            raise DataError(f"expected lists of spans in 'spans', found {quoted(str(odd[0]))}.")
        fields = [("start", arrow.int64()), ("end", arrow.int64()), ("label", arrow.string())]
        if ids := [span["id"] for span in spans if "id" in span]:
            fields.append(("id", self._inferred("id", ids)))
        if any("score" in span for span in spans):
            fields.append(("score", arrow.float64()))
        return fields

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


class TableWriter:
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
            self._schema = _Types(self._arrow, self._given).schema(self._rows)
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
            values = [None if v is None else _as_json(field.name, v) for v in values]
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

    def close(self) -> None:
        """Write what is left, and the end of the table."""
        if self._rows or self._writer is None:
            self._flush()
        self._writer.close()


def _as_json(name: str, value: Any) -> str:
    """A value as JSON. Raises DataError for one that it cannot hold."""
    lost = Counter[str]()
    made = in_json(value, lost)
    if lost:
        raise DataError(f"expected values that JSON can hold in {quoted(name)}, found {min(lost)}.")
    return json.dumps(made, ensure_ascii=False)


def _are_texts(value: Any) -> bool:
    """Whether a value is a list of texts, some of them missing."""
    return isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)


def _has_objects(value: Any) -> bool:
    """Whether a value is a list with objects in it."""
    return isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
