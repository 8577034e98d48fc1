"""conllu: ten columns between tabs, a word a line, an empty line after each sentence.

Comments, multiword ranges (3-4) and empty nodes (5.1) are passed over, and given back; a comment
`# newdoc` begins a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from windowclf.errors import quoted
from windowclf.text.formats.blocks import Block, Documents, blocks_of
from windowclf.text.formats.labels import LabelCheck, with_gaps
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import NO_LABEL, Sentence

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
FORM, MISC = COLUMNS.index("form"), COLUMNS.index("misc")

_NUMBER = re.compile("[0-9]{1,9}")
_NEWDOC = re.compile(r"#\s*newdoc(?:\s|$)")
_PASSED_OVER = re.compile("[0-9]+-[0-9]+|[0-9]+[.][0-9]+")  # multiword ranges, empty nodes

Fields = list[str]


def read_conllu(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a conllu file; faults are noted."""
    label_of = _column(str(layout.label)) if layout.has_label_field else None
    columns_of = {name: _column(str(column)) for name, column in layout.extra.items()}
    nothing = _nothing(str(layout.label))
    label_check, documents = LabelCheck(source, layout), Documents()
    for block in blocks_of(source, docstart=False):
        words, lines = _words(source, block)
        labels: Sequence[str | None] | None = None
        if label_of is not None:
            labels = with_gaps(label_of(words), nothing)
            label_check.check(labels, lines, block.texts)
        columns = {name: column_of(words) for name, column_of in columns_of.items()}
        tokens = [fields[FORM] for fields in words]
        document = documents.of(any(map(_NEWDOC.match, block.texts)), bool(tokens))
        yield Sentence(tokens, labels, columns, source.path, lines, block, document)
    label_check.finish()


def _words(source: Input, block: Block) -> tuple[list[Fields], list[int]]:
    """The fields of each word of a block, and its line; comments, ranges, empty nodes left out."""
    words: list[Fields] = []
    lines: list[int] = []
    expected = 1
    for line, text in enumerate(block.texts, block.first):
        if text[0] == "#":
            continue
        fields = text.split("\t")
        if len(fields) != len(COLUMNS):
            source.fault(line, _wrong_columns(len(fields), text))
        elif fields[0] != str(expected):
            if _PASSED_OVER.fullmatch(fields[0]):
                continue
            source.fault(line, f"expected the ID {expected}, found {quoted(fields[0])}.")
            if _NUMBER.fullmatch(fields[0]):
                expected = int(fields[0])
        elif not fields[FORM]:
            source.fault(line, "expected a word in FORM, found an empty column.")
        else:
            words.append(fields)
            lines.append(line)
        expected += 1
    return words, lines


def _wrong_columns(found: int, text: str) -> str:
    """A sentence about a line with `found` columns and not ten."""
    return f"expected {len(COLUMNS)} columns between tabs, found {found}: {quoted(text)}."


def _column(name: str) -> Callable[[list[Fields]], list[str]]:
    """A function from all words of a sentence to what their column `name` has.

    The name is one of COLUMNS or misc.KEY; a missing KEY of MISC reads as `_`.
    """
    if name.startswith("misc."):
        start = name.removeprefix("misc.") + "="
        return lambda words: [_misc_value(fields[MISC], start) for fields in words]
    number = COLUMNS.index(name)
    return lambda words: [fields[number] for fields in words]


def _nothing(label: str) -> frozenset[str]:
    """What in the column `label` says that a word has none; of feats `_` is a label of its own."""
    match label:
        case "feats":
            return frozenset({""})
        case "upos" | "xpos":
            return frozenset({"", "_"})
        case _:
            return NO_LABEL | {"_"}


def _misc_value(misc: str, start: str) -> str:
    """The value of the first entry of MISC that begins with `start`, KEY=; `_` without one."""
    if start in misc:
        for entry in misc.split("|"):
            if entry.startswith(start):
                return entry.removeprefix(start).replace("\\p", "|")
    return "_"


def _misc_with(misc: str, key: str, value: str) -> str:
    """MISC with KEY=value in place of the first KEY, or at the end; `|` is spelled `\\p`."""
    entries = [] if misc in ("_", "") else misc.split("|")
    found = next((i for i, entry in enumerate(entries) if entry.startswith(f"{key}=")), None)
    entry = f"{key}={value}".replace("|", "\\p")
    if found is None:
        return "|".join([*entries, entry])
    return "|".join([*entries[:found], entry, *entries[found + 1 :]])


class ConlluWriter:
    """Gives a conllu file back with the answer in the trained field of each word.

    Probabilities of the answers are `Prob` in MISC.
    """

    def __init__(self, out: TextIO, label: str):
        self._out = out
        self._label = label

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a sentence back, its words with their labels."""
        block = sentence.source
        assert isinstance(block, Block)
        texts = list(block.texts)
        for i, line in enumerate(sentence.lines):
            fields = texts[line - block.first].split("\t")
            self._set_label(fields, labels[i])
            if probabilities is not None:
                probability = f"{probabilities.of_label[i]:.6f}"
                fields[MISC] = _misc_with(fields[MISC], "Prob", probability)
            texts[line - block.first] = "\t".join(fields)
        rows = [text + end for text, end in zip(texts, block.ends, strict=True)]
        self._out.write("".join([block.before, *rows, block.after]))

    def _set_label(self, fields: Fields, label: str) -> None:
        """Put the answer into the fields of a word."""
        if self._label.startswith("misc."):
            key = self._label.removeprefix("misc.")
            fields[MISC] = _misc_with(fields[MISC], key, label)
        else:
            fields[COLUMNS.index(self._label)] = label

    def close(self) -> None:
        """Do nothing: no sentence is held back."""
