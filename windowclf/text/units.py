"""What of a text may not be torn apart: its documents where they are marked, else its sentences."""

from __future__ import annotations

import heapq
from collections.abc import Sequence, Sized
from itertools import groupby

import numpy as np

from windowclf.text.sentence import Sentence

_PURPOSE = 7  # part of the generator's seed


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


def held_out(units: Sequence[Sized], share: float) -> int:
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


def folds_of(units: Sequence[Sequence[Sentence]], folds: int, seed: int) -> list[list[int]]:
    """The numbers of the units in each of some folds, none of which is empty.

    The units are dealt in random order, each to the fold that has the fewest sentences so far.
    """
    dealt: list[list[int]] = [[] for _ in range(folds)]
    smallest = [(0, fold) for fold in range(folds)]
    for unit in np.random.default_rng((seed, _PURPOSE)).permutation(len(units)).tolist():
        size, fold = smallest[0]
        dealt[fold].append(unit)
        heapq.heapreplace(smallest, (size + len(units[unit]), fold))
    return dealt
