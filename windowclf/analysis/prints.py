"""Prints: 64-bit hashes of sentences and their labels, by which equal ones are found in any number.

28 bytes a sentence. Two different sentences of a million have the same print once in 10^7 texts.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence

import numpy as np

from windowclf.analysis.figures import Conflicts, Place
from windowclf.arrays import Ints

UNKNOWN = 0  # the print of labels some of which are missing


class Prints:
    """The prints of the sentences of a text, and where each stands."""

    def __init__(self) -> None:
        self._texts, self._labels = array("q"), array("q")
        self._lines, self._files = array("q"), array("i")
        self._paths: list[str] = []

    def add(self, text: Hashable, labels: Sequence[str | None], path: str, line: int) -> None:
        """Keep the prints of a sentence: of what is said in it, and of its labels."""
        if not self._paths or self._paths[-1] != path:
            self._paths.append(path)
        self._texts.append(hash(text))
        self._labels.append(UNKNOWN if None in labels else hash(tuple(labels)))
        self._lines.append(line)
        self._files.append(len(self._paths) - 1)

    def __len__(self) -> int:
        return len(self._texts)

    def texts(self) -> Ints:
        """The prints of what is said.   ->  (S,) int64."""
        return np.array(self._texts)

    def labels(self) -> Ints:
        """The prints of the labels.   ->  (S,) int64, UNKNOWN where some are missing."""
        return np.array(self._labels)

    def place(self, sentence: int) -> Place:
        """Where a sentence begins."""
        return {"path": self._paths[self._files[sentence]], "line": self._lines[sentence]}


def repeated(texts: Ints) -> int:
    """How many of the prints texts (S,) stand among those before them."""
    return len(texts) - len(np.unique(texts))


def found_in(texts: Ints, others: Ints) -> int:
    """How many of the prints texts (S,) are among the others (R,)."""
    return int(np.isin(texts, others).sum())


def conflicts(of_texts: Sequence[Prints], most: int) -> Conflicts:
    """The equal sentences of some texts that have different labels, with at most so many examples.

    Sentences some of whose labels are missing are passed over.
    """
    labels = _joined([prints.labels() for prints in of_texts])
    known = np.flatnonzero(labels != UNKNOWN)
    texts, labels = _joined([prints.texts() for prints in of_texts])[known], labels[known]
    order = np.argsort(texts, kind="stable")
    texts, labels = texts[order], labels[order]
    starts = np.flatnonzero(np.r_[True, texts[1:] != texts[:-1]][: len(texts)])  # of equal texts
    if not len(starts):
        return {"texts": 0, "sentences": 0, "examples": []}
    differ = np.minimum.reduceat(labels, starts) != np.maximum.reduceat(labels, starts)
    ends = np.r_[starts[1:], len(texts)]
    groups = [range(a, b) for a, b in zip(starts[differ], ends[differ], strict=True)]
    groups.sort(key=lambda group: int(order[group[0]]))
    pairs = [_two_of(group, labels) for group in groups[:most]]
    return {
        "texts": len(groups),
        "sentences": sum(map(len, groups)),
        "examples": [[_place(of_texts, int(known[order[i]])) for i in pair] for pair in pairs],
    }


def _two_of(group: Sequence[int], labels: Ints) -> tuple[int, int]:
    """The first of a group of sentences and the first that differs from it; labels (S,)."""
    return group[0], next(i for i in group if labels[i] != labels[group[0]])


def _joined(parts: Sequence[Ints]) -> Ints:
    """The parts (S₁,), (S₂,) … one after the other   ->  (S,)."""
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _place(of_texts: Sequence[Prints], sentence: int) -> Place:
    """Where a sentence stands, by its number among those of all texts."""
    for prints in of_texts:
        if sentence < len(prints):
            return prints.place(sentence)
        sentence -= len(prints)
    raise IndexError(sentence)
