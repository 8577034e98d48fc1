"""conll: a token a line, columns between tabs or spaces, an empty line after each sentence.

A line with a tab is split at tabs alone, any other at runs of spaces. Columns are numbered from
0; -1 is the last. `-DOCSTART-` lines stand between documents; there are no comments, a token may be
`#`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TextIO

from windowclf.errors import quoted
from windowclf.text.formats.blocks import Block, Documents, blocks_of, fields_of
from windowclf.text.formats.labels import LabelCheck, with_gaps
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence


def read_conll(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a conll file; faults are noted."""
    numbers = _column_numbers(layout)
    token, label = numbers["data.token"], numbers.get("data.label")
    extra = {name: numbers[f"data.extra.{name}"] for name in layout.extra}
    good_widths: set[int] = set()
    label_check, documents = LabelCheck(source, layout), Documents()
    for block in blocks_of(source, docstart=True):
        rows = [fields_of(text) for text in block.texts]
        lines: Sequence[int] = range(block.first, block.first + len(rows))
        if not good_widths.issuperset(map(len, rows)):
            lines, rows = _fitting(source, lines, rows, block.texts, numbers)
            good_widths.update(map(len, rows))
        tokens = [row[token] for row in rows]
        if "" in tokens:
            _note_empty(source, tokens, lines)
        labels: Sequence[str | None] | None = None
        if label is not None:
            labels = with_gaps([row[label] for row in rows])
            label_check.check(labels, lines, block.texts)
        columns = {name: [row[number] for row in rows] for name, number in extra.items()}
        document = documents.of(block.follows_mark, bool(tokens))
        yield Sentence(tokens, labels, columns, source.path, lines, block, document)
    label_check.finish()


def _column_numbers(layout: Layout) -> dict[str, int]:
    """Key of the config (data.token, data.label, data.extra.NAME) -> the column number it gives."""
    numbers = {"data.token": layout.token}
    if layout.has_label_field and layout.label is not None:
        numbers["data.label"] = layout.label
    numbers |= {f"data.extra.{name}": number for name, number in layout.extra.items()}
    return {key: number for key, number in numbers.items() if isinstance(number, int)}


def _fitting(
    source: Input,
    lines: Sequence[int],
    rows: Sequence[list[str]],
    texts: Sequence[str],
    numbers: Mapping[str, int],
) -> tuple[list[int], list[list[str]]]:
    """The lines and rows that have all the columns; notes a fault for each that has not."""
    kept: list[int] = []
    for i, (line, row, text) in enumerate(zip(lines, rows, texts, strict=True)):
        key = _misfit(len(row), numbers)
        if key is None:
            kept.append(i)
        else:
            source.fault(line, _too_short(key, len(row), text, numbers))
    return [lines[i] for i in kept], [rows[i] for i in kept]


def _too_short(key: str, found: int, text: str, numbers: Mapping[str, int]) -> str:
    """A sentence about a line whose `found` columns are too few for the one that `key` names."""
    widest = max(number + 1 if number >= 0 else -number for number in numbers.values())
    enough = next(width for width in count(widest) if _misfit(width, numbers) is None)
    columns = "column" if enough == 1 else "columns"
    return (
        f"expected at least {enough} {columns} ({key.rsplit('.', 1)[1]} is column {numbers[key]}), "
        f"found {found}: {quoted(text)}; mend the line or set {key}."
    )


def _misfit(width: int, numbers: Mapping[str, int]) -> str | None:
    """The key whose column is not in a row of `width` columns, or is both token and label.

    None where all are there and those two are different.
    """
    for key, number in numbers.items():
        if not -width <= number < width:
            return key
    label = numbers.get("data.label")
    if label is not None and label % width == numbers["data.token"] % width:
        return "data.label"
    return None


def _note_empty(source: Input, tokens: Sequence[str], lines: Sequence[int]) -> None:
    """Note a fault at the line of every token that is empty."""
    for token, line in zip(tokens, lines, strict=True):
        if not token:
            source.fault(line, "expected a token, found an empty column; is data.token right?")


class ConllWriter:
    """Gives a conll file back with the answer as a further column of each line.

    So that the order is conlleval's, gold last but one and prediction last; with probabilities that
    of the answer is one more column after it.
    """

    def __init__(self, out: TextIO):
        self._out = out

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a sentence back, every line joined to its answer by the separator of the line."""
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
        """Do nothing: no sentence is held back."""


def _joined(text: str, answer: list[str]) -> str:
    """A line with the columns of the answer after its own."""
    # A label with a space in it would be two columns of a line without a tab.
    separator = "\t" if "\t" in text or " " in answer[0] else " "
    return separator.join([text, *answer])
