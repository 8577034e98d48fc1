"""What of a text may not be torn apart: its documents where they are marked, else its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from windowclf.text.sentence import Sentence


def units_of(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """The sentences in order, those of a document together; each alone where none are marked.

    For whoever divides a text. Documents are marked where a file has several; a file without marks
    among those that have some is one.
    """
    documents = [list(group) for _, group in groupby(sentences, lambda s: (s.path, s.document))]
    return documents if are_marked(sentences) else [[sentence] for sentence in sentences]


def are_marked(sentences: Sequence[Sentence]) -> bool:
    """Whether a file among those of the sentences has several documents."""
    return any(sentence.document for sentence in sentences)


def held_out(units: Sequence[Sequence[Sentence]], share: float) -> int:
    """How many of the units, the last ones, hold at least a share of all sentences.

    At least one, and not the first where there are several, so that something is left.
    """
    wanted = max(1, round(share * sum(map(len, units))))
    count = size = 0
    for unit in reversed(units[1:] or units):
        if size >= wanted:
            break
        count, size = count + 1, size + len(unit)
    return count
