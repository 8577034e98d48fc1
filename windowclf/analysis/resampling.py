"""What a bootstrap draws again: the sentences of a text, or its documents where many are marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from windowclf.text.sentence import Sentence

FEWEST_DOCUMENTS = 30  # of so many or fewer a sample says little; sentences are drawn

Numbers: TypeAlias = tuple[int, ...]


class Resampling:
    """Takes sentences in order with what each adds to the figures, and sums up each document.

    Sentences of a document are alike, and samples of sentences would make figures look surer than
    they are.
    """

    def __init__(self) -> None:
        self._sentences: Counter[Numbers] = Counter()
        self._documents: Counter[Numbers] = Counter()
        self._open: tuple[str, int] | None = None  # the document that the last sentence is of
        self._sum: Numbers = ()
        self._marked = False

    def add(self, sentence: Sentence, numbers: Numbers) -> None:
        """Count a sentence."""
        self._sentences[numbers] += 1
        self._marked = self._marked or sentence.document > 0
        document = (sentence.path, sentence.document)
        if document == self._open:
            self._sum = tuple(map(sum, zip(self._sum, numbers, strict=True)))
            return
        self._close()
        self._open, self._sum = document, tuple(numbers)

    def _close(self) -> None:
        """Count the document that has ended."""
        if self._open is not None:
            self._documents[self._sum] += 1
            self._open = None

    def rows(self) -> Mapping[Numbers, int]:
        """How many of the units that are drawn have the same numbers."""
        return self._documents if self._by_document() else self._sentences

    def documents(self) -> int | None:
        """How many documents are drawn from; None where sentences are drawn."""
        return self._documents.total() if self._by_document() else None

    def _by_document(self) -> bool:
        """Whether documents are drawn: more than a few are marked, and some have sentences."""
        self._close()
        documents = self._documents.total()
        return self._marked and FEWEST_DOCUMENTS < documents < self._sentences.total()
