"""Word segmentation: from words to labelled characters, and from labels to lines of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence
from windowclf.text.spans import segmentation_from_words, words_from_segmentation


@dataclass(frozen=True, slots=True)
class SegmentedLine:
    """What stands around a line of words: the `source` of its Sentence, for the writer."""

    before: str
    end: str  # how the line ends


def characters_of(words: Sentence, read_labels: bool, source: object) -> Sentence:
    """From a sentence of words the sentence of their characters, white space left out.

    If labels are read each character has one of B, M, E and S. Each has the line of its word;
    further columns are left out. `source` is for the writer.
    """
    forms = ["".join(form.split()) for form in words.tokens]
    labels = None
    if read_labels:
        labels = segmentation_from_words([len(form) for form in forms if form])
    lines = [line for form, line in zip(forms, words.lines, strict=True) for _ in form]
    tokens = list("".join(forms))
    return Sentence(tokens, labels, {}, words.path, lines, source, words.document)


def segmented(sentences: Iterable[Sentence], read_labels: bool) -> Iterator[Sentence]:
    """Sentences of words as sentences of characters, which are written a line each."""
    for words in sentences:
        yield characters_of(words, read_labels, SegmentedLine("", "\n" if words.tokens else ""))


def words_of(sentence: Sentence, labels: Sequence[str]) -> list[str]:
    """The words that labels make of the characters of a sentence."""
    text = "".join(sentence.tokens)
    return [text[start:end] for start, end in words_from_segmentation(labels)]


class SegmentedWriter:
    """Writes a line of words, with single spaces between them, for every sentence of characters."""

    def __init__(self, out: TextIO):
        self._out = out

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Write the line of a sentence; there is no room for probabilities in it."""
        line = sentence.source
        assert isinstance(line, SegmentedLine)
        assert probabilities is None
        self._out.write(line.before + " ".join(words_of(sentence, labels)) + line.end)

    def close(self) -> None:
        """Do nothing: no sentence is held back."""
