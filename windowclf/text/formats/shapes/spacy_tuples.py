"""spacy-json: an array of [text, {"entities": [[start, end, label]]}], for spaCy's examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from windowclf.errors import quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.json_array import elements_of
from windowclf.text.formats.shapes.records import span
from windowclf.text.formats.shapes.shape import Entry, Shape

EXPECTED = 'a pair [text, {"entities": [[0, 4, "X"]]}]'


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file."""
    for value, line, own in elements_of(source, EXPECTED):
        match value:
            case [str(text), {"entities": [*entities], **rest}] if all(map(_is_entity, entities)):
                for name, more in rest.items():
                    if more:
                        own.pass_over(f"value of {name}")
                record = {"text": text, "spans": [span(*each[:3]) for each in entities]}
                yield Entry(record, line, own)
            case [str(text), {} as rest] if "entities" not in rest:
                yield Entry({"text": text}, line, own, is_gold=False)
            case _:
                shown = quoted(json.dumps(value, ensure_ascii=False))
                own.fault(line, f"expected {EXPECTED}, found {shown}.")


def _is_entity(value: Any) -> bool:
    """Whether a value is a list of start, end and label."""
    match value:
        case [start, end, str()]:
            return type(start) is type(end) is int
    return False


class _Writer:
    """Writes the pairs, one a line."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out, self._before = out, "[\n"

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record."""
        entities = [[s["start"], s["end"], s["label"]] for s in record.get("spans", ())]
        given = {"entities": entities} if "spans" in record else {}
        self._out.write(self._before + json.dumps([record["text"], given], ensure_ascii=False))
        self._before = ",\n"

    def close(self) -> None:
        """Write the end of the array."""
        self._out.write("\n]\n" if self._before == ",\n" else "[]\n")


SHAPES: dict[Format, Shape] = {
    "spacy-json": Shape(_read, _Writer, "text", held=frozenset({"text", "spans"})),
}
