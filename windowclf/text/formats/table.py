"""csv and tsv: a header, then a row of categorical slots with a class on each line.

Quotes are those of Python's csv module: a field that begins with `"` ends with one, `""` within it
is one quote, and it may hold separators and line ends; elsewhere a quote is an ordinary character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.layout import Column, Layout
from windowclf.text.formats.lines import LONGEST_LINE, Input
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence

SEPARATORS = {"csv": ",", "tsv": "\t"}
MOST_COMPARED = 1000  # names of columns that a wrong name is compared with

_INSIDE = re.compile('((?:[^"]+|"")*+)("?)')  # of a quoted field, and the quote that closes it


@dataclass(slots=True)
class Row:
    """The fields of one row, its text as it stands, and what stands around it."""

    before: str  # the empty lines before it
    line: int  # number of its first line
    path: str
    text: str = ""  # without its line end
    end: str = ""  # its line end
    fields: list[str] = field(default_factory=list)
    is_header: bool = False


def read_table(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The rows of a table as sentences of one token; one without tokens stands for the header.

    Faults are noted, and no row follows the first.
    """
    rows = rows_of(source, lambda _: SEPARATORS[layout.format])
    header = next(rows, None)
    if header is None or not header.fields:
        source.fault(None, "expected a header line with the names of the columns, found none.")
        return
    header.is_header = True
    names = header.fields
    _note_twice(source, header)
    slots = {slot: _find(layout.extra.get(slot, slot), header, source) for slot in layout.slots}
    label = None
    if layout.has_label_field:
        label = _find(layout.label if layout.label is not None else "label", header, source)
    nothing = None if label is None else list[str]()
    yield Sentence([], nothing, source=header)
    for row in rows:
        if row.fields and len(row.fields) != len(names):
            expected = f"expected {len(names)} fields, as many as the header has"
            source.fault(row.line, f"{expected}, found {len(row.fields)}: {quoted(row.text)}.")
        elif row.fields and not source.faults:
            yield _sentence(row, slots, label)
        elif not row.fields:
            yield Sentence([], nothing, source=row)


def _sentence(row: Row, slots: Mapping[str, int], label: int | None) -> Sentence:
    """A row as a sentence, from the numbers of the columns of each slot and of the label."""
    labels = None if label is None else [row.fields[label] or None]
    columns = {slot: [row.fields[column]] for slot, column in slots.items()}
    return Sentence([""], labels, columns, row.path, [row.line], row)


def _note_twice(source: Input, header: Row) -> None:
    """Note a fault for every name that several columns have."""
    for name in sorted(name for name, times in Counter(header.fields).items() if times > 1):
        source.fault(header.line, f"the column {quoted(name)} stands twice in the header.")


def _find(column: Column, header: Row, source: Input) -> int:
    """The number from 0 of a column of the header; 0, and a fault, where there is none."""
    names = header.fields
    if isinstance(column, int) and -len(names) <= column < len(names):
        return column % len(names)
    if column in names:
        return names.index(str(column))
    near = get_close_matches(str(column), names[:MOST_COMPARED], 1)
    mean = f"did you mean {quoted(near[0])}? " if near else ""
    columns = ", ".join(quoted(name) for name in names[:20])
    source.fault(header.line, f"no column {column!r}; {mean}the header has {columns}.")
    return 0


def rows_of(source: Input, separator_of: Callable[[str], str]) -> Iterator[Row]:
    """All rows of a table, the header first; those with faults may lack fields.

    `separator_of` says of the header's line what stands between the columns. Empty lines are passed
    over; those at the end are a row without fields.
    """
    before, separator = [source.mark], ""
    row: Row | None = None
    texts: list[str] = []
    size = 0
    inside: list[str] | None = None
    for number, text, end in source.lines:
        if row is None:
            if not text:
                before.append(end)
                continue
            row, texts, size = Row("".join(before), number, source.path), [], 0
            separator = separator or separator_of(text)
        if inside is None and '"' not in text:
            row.fields = text.split(separator)
        else:
            inside = _scan(text, separator, row, inside, source)
        texts.append(text)
        size += len(text) + len(end)
        if inside is not None and size <= LONGEST_LINE:
            inside.append(end)
            texts.append(end)
            continue
        if inside is not None:
            source.fault(row.line, f"a quoted field is longer than {LONGEST_LINE >> 20} MiB.")
        else:
            row.text, row.end = "".join(texts), end
            yield row
        before, row, inside = [], None, None
    if row is not None:
        source.fault(row.line, "a quoted field begins here or further on and never ends.")
    if any(before):
        yield Row("".join(before), 0, source.path)


def _scan(
    text: str, separator: str, row: Row, inside: list[str] | None, source: Input
) -> list[str] | None:
    """Add the fields of a line to the row; `inside` is the quoted field that is open before it.

    Gives the parts of the quoted field that is still open after it, None if none is.
    """
    at = 0
    while True:
        if inside is None and text.startswith('"', at):
            inside, at = [], at + 1
        if inside is not None:
            found = _INSIDE.match(text, at)
            assert found is not None
            inside.append(found[1])
            if not found[2]:
                return inside
            row.fields.append("".join(inside).replace('""', '"'))
            inside, at = None, found.end()
            if at < len(text) and text[at] != separator:
                after = f"expected {quoted(separator)} or the line's end after a closing quote"
                source.fault(row.line, f"{after}, found {quoted(text[at:])}.")
                row.fields = []  # not counted: one fault is enough
                return None
        else:
            stop = text.find(separator, at)
            stop = len(text) if stop < 0 else stop
            row.fields.append(text[at:stop])
            at = stop
        if at >= len(text):
            return None
        at += 1


class TableWriter:
    """Gives a table back with the column `predicted`, and `p_<class>` if there are `classes`."""

    def __init__(self, out: TextIO, separator: str, classes: Sequence[str]):
        self._out = out
        self._separator = separator
        self._names = ["predicted", *(f"p_{name}" for name in classes)]

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a row back with its class, or the header with the new names."""
        row = sentence.source
        assert isinstance(row, Row)
        answer = [*labels]
        if row.is_header:
            self._refuse_twice(row)
            answer = self._names
        elif probabilities is not None:
            answer += [f"{one:.6f}" for one in next(iter(probabilities.of_class), ())]
        fields = [row.text, *(field_of(text, self._separator) for text in answer)]
        self._out.write(row.before + self._separator.join(fields) + row.end)

    def _refuse_twice(self, header: Row) -> None:
        """Raise DataError where the header has one of the new names already."""
        for name in self._names:
            if name in header.fields:
                raise DataError(
                    f"{header.path}:{header.line}: the column {quoted(name)} is there already; "
                    "give it another name, the answer needs this one."
                )

    def close(self) -> None:
        """Do nothing: no row is held back."""


def field_of(text: str, separator: str) -> str:
    """A text as a field of a row: in quotes where it needs them."""
    if any(sign in text for sign in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
