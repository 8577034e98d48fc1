"""brackets: a text a line, its spans as in [Anna Berg](PERSON) lives; and text, without spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.records import span
from windowclf.text.formats.shapes.shape import Entry, Shape

MARKED = re.compile(r"\[([^\[\]\r\n]+)\]\(([^()\s]+)\)")


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file, one a line that is not empty."""
    yield from _records(source, plain, is_gold=True)


def _read_text(source: Input, layout: Layout) -> Iterator[Entry]:
    """The texts of a file, one a line that is not empty, without spans."""
    yield from _records(source, lambda text: {"text": text}, is_gold=False)


def _records(source: Input, made: Callable[[str], Json], is_gold: bool) -> Iterator[Entry]:
    """What is made of every line that is not empty; with it what stands before and after it."""
    before = source.mark
    for line, text, end in source.lines:
        if text.strip():
            yield Entry(made(text), line, source, (before, end), is_gold)
            before = ""
        else:
            before += text + end
    if before:
        yield Entry({}, 0, source, (before, ""), is_gold)


def plain(text: str) -> Json:
    """A line with brackets as a record."""
    parts: list[str] = []
    spans: list[Json] = []
    size = done = 0
    for found in MARKED.finditer(text):
        before = text[done : found.start()]
        parts += [before, found[1]]
        size += len(before)
        spans.append(span(size, size + len(found[1]), found[2]))
        size += len(found[1])
        done = found.end()
    return {"text": "".join([*parts, text[done:]]), "spans": spans}


def marked(record: Json) -> str:
    """A record as a line with brackets. Raises DataError where that would read as another one."""
    text, parts, done = record["text"], list[str](), 0
    spans = sorted(record.get("spans", ()), key=lambda each: int(each["start"]))
    for each in spans:
        start, end = each["start"], each["end"]
        parts += [text[done:start], "[", text[start:end], "](", each["label"], ")"]
        done = end
    line = "".join([*parts, text[done:]])
    wanted = [(each["start"], each["end"], each["label"]) for each in spans]
    again = plain(line)
    found = [(each["start"], each["end"], each["label"]) for each in again["spans"]]
    _refuse_line_ends(text)
    if (again["text"], found) != (text, wanted):
        raise DataError(
            f"expected a text that brackets leave clear, found {quoted(line)}; convert to jsonl."
        )
    return line


def _refuse_line_ends(text: str) -> None:
    """Raise DataError for a text that no line can hold."""
    if "\n" in text or "\r" in text:
        raise DataError(
            f"expected a text without line ends, found {quoted(text)}; convert to jsonl."
        )


class _Writer:
    """Writes a text a line, with brackets or without."""

    def __init__(self, out: TextIO, brackets: bool):
        self._out, self._brackets = out, brackets

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record on a line."""
        before, end = original or ("", "\n")
        text = record.get("text", "")
        _refuse_line_ends(text)
        self._out.write(before + (marked(record) if self._brackets and text else text) + end)

    def close(self) -> None:
        """Do nothing: no record is held back."""


SHAPES: dict[Format, Shape] = {
    "brackets": Shape(
        _read,
        lambda out, layout: _Writer(out, True),
        "text",
        overlaps=False,
        held=frozenset({"text", "spans"}),
    ),
    "text": Shape(
        _read_text, lambda out, layout: _Writer(out, False), "text", held=frozenset({"text"})
    ),
}
