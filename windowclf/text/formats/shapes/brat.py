"""brat: a text in a .txt, and what is marked in it in an .ann beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from windowclf.errors import DataError, quoted
from windowclf.system.durable import reason
from windowclf.system.paths import kind_at
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.records import span
from windowclf.text.formats.shapes.shape import Entry, Shape

_MARK = re.compile(r"(T\d+)\t(\S+) ([\d;\- ]+)\t(.*)")
_PLACE = re.compile(r"(\d+) (\d+)")
_KINDS = {"R": "relation", "E": "event", "A": "attribute", "M": "attribute", "N": "normalization"}
_KINDS |= {"#": "note", "*": "equivalence"}


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The one record of an .ann with the .txt beside it, or of a .txt without an .ann."""
    path = Path(source.path)
    if path.suffix.lower() == ".txt":
        text = "".join(text + end for _, text, end in source.lines)
        if not path.with_suffix(".ann").exists():
            yield Entry({"id": path.stem, "text": text}, 1, source, is_gold=False)
        return
    marked = _text(source, text_beside(path))
    if marked is None:
        return
    record: Json = {"id": path.stem, "text": marked}
    if layout.has_label_field:
        lines = ((line, mark) for line, mark, _ in source.lines if mark.strip())
        marks = [(line, _span(line, mark, marked, source)) for line, mark in lines]
        record["spans"] = [each for _, each in marks if each is not None]
        places = {(s["start"], s["end"], s["label"]): line for line, s in marks if s is not None}
        source = replace(source, places=places)
    yield Entry(record, 1, source)


def text_beside(path: Path) -> Path:
    """Where the text is that an .ann marks."""
    return path.with_suffix(".txt")


def _text(source: Input, path: Path) -> str | None:
    """The text that is marked; None, and a fault, where it cannot be read."""
    try:
        if (there := kind_at(path, follow=True)) not in (None, "a file"):  # a pipe may never end
            source.fault(None, f"expected its text in {path.name}, found {there}.")
            return None
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        source.fault(None, f"expected its text in {path.name}, {reason(error)}.")
    except UnicodeDecodeError:
        source.fault(None, f"expected UTF-8 in {path.name}; save it as UTF-8.")
    return None


def _span(line: int, mark: str, text: str, source: Input) -> Json | None:
    """The span of a line; None for another annotation, which is counted, and for a fault."""
    if not mark.startswith("T"):
        if mark[0] in _KINDS:
            source.pass_over(_KINDS[mark[0]])
        else:
            source.fault(line, f"expected an annotation, T1 and so on, found {quoted(mark)}.")
        return None
    found = _MARK.fullmatch(mark)
    place = _PLACE.fullmatch(found[3]) if found else None
    if found and ";" in found[3]:
        source.fault(
            line,
            f"expected one stretch of text, found several, {found[3]}; join them, or leave it out.",
        )
    elif found is None or place is None:
        source.fault(
            line, f"expected T1, a tab, LABEL START END, a tab, text; found {quoted(mark)}."
        )
    else:
        start, end = int(place[1]), int(place[2])
        if _in_line(text[start:end]) == _in_line(found[4]) and start < end:
            return span(start, end, found[2], id=found[1])
        held = quoted(text[start:end])
        source.fault(
            line, f"expected {quoted(found[4])} at {start}–{end} of the text, found {held}."
        )
    return None


def _in_line(text: str) -> str:
    """A text as it stands in a line of an .ann."""
    return " ".join(re.split(r"[\r\n\t ]", text))


def lines_of(record: Json) -> str:
    """The lines of the .ann of a record. Raises DataError for a label that none can hold."""
    lines = []
    given = {s["id"] for s in record["spans"] if _is_id(s.get("id"))}
    taken = frozenset(given)
    own = (f"T{n}" for n in range(1, 1 << 62) if f"T{n}" not in taken)
    for each in record["spans"]:
        start, end, label = each["start"], each["end"], each["label"]
        if re.search(r"\s", label):
            raise DataError(f"expected labels without white space, found {quoted(label)}.")
        id_ = each["id"] if _is_id(each.get("id")) and each["id"] in given else next(own)
        given.discard(id_)  # a second span of that name gets its own
        lines.append(f"{id_}\t{label} {start} {end}\t{_in_line(record['text'][start:end])}\n")
    return "".join(lines)


def _is_id(value: Any) -> bool:
    """Whether a value names a span in an .ann."""
    return isinstance(value, str) and re.fullmatch(r"T\d+", value) is not None


class _Writer:
    """Writes the lines of an .ann, of one text."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out = out

    def put(self, record: Json, original: Any = None) -> None:
        """Write what is marked in a text."""
        self._out.write(lines_of(record))

    def close(self) -> None:
        """Do nothing: nothing is held back."""


SHAPES: dict[Format, Shape] = {
    "brat": Shape(
        _read,
        _Writer,
        "text",
        held=frozenset({"id", "text", "spans"}),
        held_of_spans=frozenset({"id"}),
    ),
}
