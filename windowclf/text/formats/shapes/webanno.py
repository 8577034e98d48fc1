"""webanno: WebAnno's and INCEpTION's TSV 3, a token a line, a sentence a record.

A header names the columns of each layer. `_` is no annotation, PERSON[1] on several tokens is one
over all of them. Offsets count UTF-16 units of the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input, Line
from windowclf.text.formats.shapes.records import (
    border_fault,
    span,
    token_objects,
    units_before,
    words_in,
)
from windowclf.text.formats.shapes.shape import Entry, Shape

LAYER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
HEADER = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={LAYER}|value\n\n"
FIRST_NEW_ID = 1_000_001  # of answers beside what other layers have, whose ids are not known yet

_UNIT = re.compile(r"(\d+)-(\d+)(\.\d+)?")
_PLACE = re.compile(r"(\d+)-(\d+)")
_VALUE = re.compile(r"(.*?)(?:\[(\d+)\])?", re.DOTALL)
_ESCAPED = re.compile(r"\\(->|.)", re.DOTALL)
_SIGNS = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}
_RESERVED = re.compile(r"->|[\\\[\]|_;*\t\n]")


class _Column(NamedTuple):
    """Where the labels stand, and how many columns their layer has."""

    label: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Block:
    """The lines of a sentence, what stands before them, and where the labels are."""

    before: list[str]
    rows: list[Line]
    column: _Column


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The sentences of a file; faults are noted."""
    layers: list[list[str]] = []
    column: _Column | None = None
    before, texts, id_, rows = list[str](), list[str](), None, list[Line]()
    for number, text, end in source.lines:
        if re.match(r"\d+-\d+", text):
            column = column or _column_of(layers, layout, source, number)
            if column is None:
                return
            rows.append((number, text, end))
            continue
        if rows and column:
            yield from _sentence(_Block(before, rows, column), texts, id_, layout, source)
            before, texts, id_, rows = [], [], None, []
        before.append(text + end)
        if text.startswith("#T_"):
            layers.append(text.partition("=")[2].split("|"))
        elif text.startswith("#Text="):
            texts.append(text.removeprefix("#Text="))
        elif text.startswith("#Sentence.id="):
            id_ = text.removeprefix("#Sentence.id=")
    if rows and column:
        yield from _sentence(_Block(before, rows, column), texts, id_, layout, source)
    elif before and not source.faults:
        yield Entry({}, 0, source, _Block(before, [], column or _Column(3, 3, 4)))


def _column_of(layers: list[list[str]], layout: Layout, source: Input, line: int) -> _Column | None:
    """The column of the labels: that of data.label, of the entities, or the first of spans."""
    found: dict[str, _Column] = {}
    first = 3
    for name, *features in layers:
        stop = first + len(features)
        for at, feature in enumerate(features, first):
            if not feature.startswith(("ROLE_", "BT_")):
                found[f"{name}|{feature}"] = _Column(at, first, stop)
        first = stop
    wanted = layout.label if isinstance(layout.label, str) else f"{LAYER}|value"
    if wanted in found:
        return found[wanted]
    ends = {name.rpartition("|")[2]: column for name, column in found.items()}
    if wanted in ends:
        return ends[wanted]
    if found and not isinstance(layout.label, str):
        return next(iter(found.values()))
    names = ", ".join(map(quoted, found)) or "none"
    source.fault(
        line, f"expected a layer with labels in the header, found {names}; set data.label."
    )
    return None


def _sentence(
    block: _Block, texts: list[str], id_: str | None, layout: Layout, source: Input
) -> Iterator[Entry]:
    """The record of a sentence; none, and a fault, where its lines do not fit its text."""
    first = block.rows[0][0]
    placed = _placed(block, texts, source)
    if placed is None:
        return
    text, places = placed
    words = [p for p, (_, row, _) in zip(places, block.rows, strict=True) if not _is_part(row)]
    record: Json = {} if id_ is None else {"id": id_}
    record |= {"text": text, "tokens": token_objects(text, words)}
    if layout.has_label_field:
        spans = _spans(block, places, source)
        if spans is None:
            return
        record["spans"] = spans
    yield Entry(record, first, source, block)


def _is_part(row: str) -> bool:
    """Whether a line is of a part of a token."""
    unit = _UNIT.match(row)
    return unit is not None and unit[3] is not None


def _placed(
    block: _Block, texts: list[str], source: Input
) -> tuple[str, list[tuple[int, int]]] | None:
    """The text of a sentence, and where its lines stand in it; None, and a fault, for none."""
    raw = "\n".join(texts)
    for text in (_plain(raw), raw):
        points = {unit: point for point, unit in enumerate(units_before(text))}
        for of_unit in (points, {point: point for point in range(len(text) + 1)}):
            if (places := _places(block.rows, text, of_unit)) is not None:
                return text, places
    number, row, _ = block.rows[0]
    source.fault(number, f"expected tokens of the text {quoted(raw)}, found others: {quoted(row)}.")
    return None


def _places(rows: list[Line], text: str, points: dict[int, int]) -> list[tuple[int, int]] | None:
    """Where the lines stand in a text, by offsets that `points` turns; None where they do not."""
    places: list[tuple[int, int]] = []
    base: int | None = None
    for _, row, _ in rows:
        fields = row.split("\t")
        place = _PLACE.fullmatch(fields[1]) if len(fields) > 2 else None
        if place is None:
            return None
        if base is None:
            at = max(text.find(fields[2]), 0)
            base = int(place[1]) - next((u for u, p in points.items() if p == at), 0)
        start, end = points.get(int(place[1]) - base), points.get(int(place[2]) - base)
        if start is None or end is None or text[start:end] not in (fields[2], _plain(fields[2])):
            return None
        places.append((start, end))
    return places


def _spans(block: _Block, places: list[tuple[int, int]], source: Input) -> list[Json] | None:
    """The spans of the label's column; None, and a fault, where a token has two."""
    found: dict[str, Json] = {}
    own = block.column.label
    for (start, end), (number, row, _) in zip(places, block.rows, strict=True):
        fields = row.split("\t")
        for i, cell in enumerate(fields[3:], 3):
            if not block.column.first <= i < block.column.stop and cell not in ("_", "", "*"):
                source.pass_over("value of another layer")
        cell = fields[own] if own < len(fields) else "_"
        if cell in ("_", ""):
            continue
        values = re.split(r"(?<!\\)\|", cell)
        if len(values) > 1:
            source.fault(
                number, f"expected one label a token, found {quoted(cell)}; keep one of them."
            )
            return None
        value = _VALUE.fullmatch(cell)
        assert value is not None
        if value[1] == "*":
            source.pass_over("span without a label")
            continue
        key = value[2] or f"at {number}"
        given = found.setdefault(key, span(start, end, _plain(value[1])))
        given["end"] = end
    return sorted(found.values(), key=lambda each: int(each["start"]))


def _plain(text: str) -> str:
    """A text without the backslashes before reserved signs."""
    return (
        _ESCAPED.sub(lambda found: _SIGNS.get(found[1], found[1]), text) if "\\" in text else text
    )


def _escaped(text: str) -> str:
    """A value with backslashes before reserved signs."""
    signs = {"\t": "\\t", "\n": "\\n"}
    return _RESERVED.sub(lambda found: signs.get(found[0], f"\\{found[0]}"), text)


class _Writer:
    """Writes sentences anew, or gives those that were read back with their labels replaced."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out, self._layout = out, layout
        self._sentences = self._units = 0
        self._ids = 0

    def put(self, record: Json, original: Any = None) -> None:
        """Write a sentence."""
        if isinstance(original, _Block):
            self._answer(record, original)
            return
        if not self._sentences:
            self._out.write(HEADER)
        text, offsets = record["text"], words_in(record, self._layout)
        if not offsets:
            raise DataError("expected a text with a token in it, found none.")
        self._sentences += 1
        cells = self._cells(record, offsets, 1)
        units = units_before(text)
        id_ = f"#Sentence.id={record['id']}\n" if "id" in record else ""
        shown = text.translate({92: "\\\\", 9: "\\t", 10: "\\n", 13: "\\r"})
        self._out.write(f"\n{id_}#Text={shown}\n")
        for number, ((start, end), cell) in enumerate(zip(offsets, cells, strict=True), 1):
            place = f"{self._units + units[start]}-{self._units + units[end]}"
            self._out.write(f"{self._sentences}-{number}\t{place}\t{text[start:end]}\t{cell}\t\n")
        self._units += units[-1] + 1

    def _cells(self, record: Json, offsets: list[tuple[int, int]], first_id: int) -> list[str]:
        """What stands in the label's column of each token."""
        cells = ["_"] * len(offsets)
        for each in record.get("spans", ()):
            inside = [
                i
                for i, (start, end) in enumerate(offsets)
                if each["start"] <= start and end <= each["end"]
            ]
            borders = (offsets[inside[0]][0], offsets[inside[-1]][1]) if inside else None
            if borders != (each["start"], each["end"]):
                raise DataError(border_fault(record["text"], each))
            label = _escaped(each["label"])
            if len(inside) > 1 or label.endswith("]"):
                label += f"[{first_id + self._ids}]"
                self._ids += 1
            for i in inside:
                cells[i] = label
        return cells

    def _answer(self, record: Json, block: _Block) -> None:
        """Give a sentence back as it was, but for its labels and what goes with them."""
        self._out.write("".join(block.before))
        offsets = [(token["start"], token["end"]) for token in record.get("tokens", ())]
        cells = iter(self._cells(record, offsets, FIRST_NEW_ID))
        first, stop = block.column.first, block.column.stop
        for _, row, end in block.rows:
            fields = row.split("\t")
            cell = "_" if _is_part(row) else next(cells)
            fields[first:stop] = [_beside(cell)] * (stop - first)
            fields[block.column.label] = cell
            self._out.write("\t".join(fields) + end)

    def close(self) -> None:
        """Do nothing: no sentence is held back."""


def _beside(cell: str) -> str:
    """What the other features of an annotation have that only says its label: nothing."""
    value = _VALUE.fullmatch(cell)
    assert value is not None
    return "_" if cell == "_" else "*" if value[2] is None else f"*[{value[2]}]"


SHAPES: dict[Format, Shape] = {
    "webanno": Shape(
        _read,
        _Writer,
        "words",
        overlaps=False,
        held=frozenset({"id", "text", "tokens", "spans"}),
    ),
}
