"""conll: a token a line, columns between tabs or spaces, an empty line after each sentence.

A line with a tab is split at tabs alone, any other at runs of spaces. Columns are numbered from
0; -1 is the last. `-DOCSTART-` lines are passed over; there are no comments, a token may be `#`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TextIO

from windowclf.errors import quoted
from windowclf.text.formats.blocks import Block, blocks_of
from windowclf.text.formats.labels import LabelCheck, with_gaps
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence


def read_conll(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a file."""
    places = _places(layout)
    token, label = places["data.token"], places.get("data.label")
    extra = {name: places[f"data.extra.{name}"] for name in layout.extra}
    good_widths: set[int] = set()
    label_check = LabelCheck(source, layout)
    for block in blocks_of(source, docstart=True):
        rows = [_fields(text) for text in block.texts]
        lines: Sequence[int] = range(block.first, block.first + len(rows))
        if not good_widths.issuperset(map(len, rows)):
            lines, rows = _fitting(source, lines, rows, block.texts, places)
            good_widths.update(map(len, rows))
        tokens = [row[token] for row in rows]
        if "" in tokens:
            _note_empty(source, tokens, lines)
        labels: Sequence[str | None] | None = None
        if label is not None:
            labels = with_gaps([row[label] for row in rows])
            label_check.check(labels, lines)
        columns = {name: [row[place] for row in rows] for name, place in extra.items()}
        yield Sentence(tokens, labels, columns, source.path, lines, block)


def _places(layout: Layout) -> dict[str, int]:
    """Column numbers by the key of the config that gives them."""
    places = {"data.token": layout.token}
    if layout.has_label_field and layout.label is not None:
        places["data.label"] = layout.label
    places |= {f"data.extra.{name}": place for name, place in layout.extra.items()}
    return {key: place for key, place in places.items() if isinstance(place, int)}


def _fields(text: str) -> list[str]:
    if "\t" in text:
        return text.split("\t")
    fields = text.split(" ")
    return [field for field in fields if field] if "" in fields else fields


def _fitting(
    source: Input,
    lines: Sequence[int],
    rows: Sequence[list[str]],
    texts: Sequence[str],
    places: Mapping[str, int],
) -> tuple[list[int], list[list[str]]]:
    """The rows that have all the columns, with their lines; notes a fault for each that has not."""
    kept: list[int] = []
    for i, (line, row, text) in enumerate(zip(lines, rows, texts, strict=True)):
        key = _misfit(len(row), places)
        if key is None:
            kept.append(i)
        else:
            source.fault(line, _too_short(key, len(row), text, places))
    return [lines[i] for i in kept], [rows[i] for i in kept]


def _too_short(key: str, found: int, text: str, places: Mapping[str, int]) -> str:
    widest = max(place + 1 if place >= 0 else -place for place in places.values())
    enough = next(width for width in count(widest) if _misfit(width, places) is None)
    columns = "column" if enough == 1 else "columns"
    return (
        f"expected at least {enough} {columns} ({key.rsplit('.', 1)[1]} is column {places[key]}), "
        f"found {found}: {quoted(text)}; mend the line or set {key}."
    )


def _misfit(width: int, places: Mapping[str, int]) -> str | None:
    """The key whose column is not in a row of so many, or is both token and label."""
    for key, place in places.items():
        if not -width <= place < width:
            return key
    label = places.get("data.label")
    if label is not None and label % width == places["data.token"] % width:
        return "data.label"
    return None


def _note_empty(source: Input, tokens: Sequence[str], lines: Sequence[int]) -> None:
    for token, line in zip(tokens, lines, strict=True):
        if not token:
            source.fault(line, "expected a token, found an empty column; is data.token right?")


class ConllWriter:
    """Appends a column with the answer: conlleval's order, gold last but one, prediction last.

    Probabilities make one more column after it.
    """

    def __init__(self, out: TextIO):
        self._out = out

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a sentence back, every line joined to its answer by the separator it uses."""
        block = sentence.source
        assert isinstance(block, Block)
        answers = [[label] for label in labels]
        if probabilities is not None:
            for answer, probability in zip(answers, probabilities.of_label, strict=True):
                answer.append(f"{probability:.6f}")
        rows = [
            _joined(text, answer) + end
            for text, answer, end in zip(block.texts, answers, block.ends, strict=True)
        ]
        self._out.write("".join([block.before, *rows, block.after]))

    def close(self) -> None:
        """Nothing is held back."""


def _joined(text: str, answer: list[str]) -> str:
    # A label with a space in it would be two columns of a line without a tab.
    separator = "\t" if "\t" in text or " " in answer[0] else " "
    return separator.join([text, *answer])
