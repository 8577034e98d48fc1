"""text: raw text, a sentence or document a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from windowclf.text.formats.blocks import Documents
from windowclf.text.formats.documents import (
    Document,
    DocumentPart,
    MarkedSpan,
    marked_spans,
    sentences_of,
    tokens_of,
)
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.segmentation import SegmentedLine, characters_of
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence


def read_text(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of raw text, those of a line by the tokenizer, without labels."""
    before, documents = source.mark, Documents()
    for line, text, end in source.lines:
        document = Document(before, end, text, tokens_of(text, layout))
        number = documents.of(True, bool(document.tokens))
        yield from sentences_of(document, None, layout, source.path, line, number)
        before = ""
    if before:
        yield Sentence([], None, source=DocumentPart(Document(before, "", ""), 0))


def read_segmented(source: Input, layout: Layout) -> Iterator[Sentence]:
    """Every line as a sentence of characters, labelled by the white space between its words."""
    before, documents = source.mark, Documents()
    for line, text, end in source.lines:
        forms = text.split()
        number = documents.of(True, bool(forms))
        words = Sentence(forms, path=source.path, lines=[line] * len(forms), document=number)
        yield characters_of(words, layout.read_labels, SegmentedLine(before, end))
        before = ""
    if before:
        yield characters_of(Sentence([]), layout.read_labels, SegmentedLine(before, ""))


class TextWriter:
    """Gives each line of raw text back: `Anna/PROPN lives/VERB`, or `[Anna Berg](PERSON) lives`."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out = out
        self._layout = layout
        self._marked: list[MarkedSpan] = []

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a line back when its last sentence is there; it has no room for probabilities."""
        part = sentence.source
        assert isinstance(part, DocumentPart)
        assert probabilities is None
        self._marked += marked_spans(part, labels, self._layout)
        if part.is_last(len(labels)):
            document = part.document
            show = _bracketed if self._layout.task == "spans" else _slashed
            line = show(document.text or "", self._marked)
            self._out.write(document.before + line + document.end)
            self._marked = []

    def close(self) -> None:
        """Do nothing: nothing is held back when every sentence was given."""
        assert not self._marked


def _slashed(text: str, tokens: list[MarkedSpan]) -> str:
    """The tokens of a text, each with its label: Anna/PROPN lives/VERB."""
    return " ".join(f"{text[start:end]}/{label}" for start, end, label in tokens)


def _bracketed(text: str, spans: list[MarkedSpan]) -> str:
    """A text with its spans in brackets: [Anna Berg](PERSON) lives."""
    parts: list[str] = []
    done = 0
    for start, end, label in spans:
        parts += [text[done:start], "[", text[start:end], "](", label, ")"]
        done = end
    return "".join([*parts, text[done:]])
