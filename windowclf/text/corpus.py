"""Corpus, a text as numbers in memory or on disk, and how it is made from sentences."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from windowclf.arrays import Ints
from windowclf.text.features import Key, keys_of
from windowclf.text.label_sets import label_order
from windowclf.text.sentence import Sentence

NO_CLASS = -1  # the label index of a token without a label
AT_ONCE = 1 << 20  # numbers of a large array that are held in memory


@dataclass(frozen=True)
class Corpus:
    """A text of N tokens in S sentences as numbers: a distinct token and a label for each token."""

    tokens: Ints  # (N,) int32, indices of distinct tokens from 1 on; 0 is the boundary
    labels: Ints  # (N,) int32, indices into label_names, NO_CLASS for none
    starts: Ints  # (S + 1,) int64, sentence s has the tokens starts[s] … starts[s + 1] − 1
    keys: Sequence[Key]  # distinct token i is keys[i − 1]
    label_names: Sequence[str]  # in label order
    rare: int = 0  # tokens beyond the most distinct ones, which share the last key
    replayed: int = 0  # sentences, the last ones, of which every epoch draws some

    def counts(self) -> dict[Key, int]:
        """Key of each distinct token -> how often it occurs."""
        counted = count_values(self.tokens, len(self.keys) + 1)[1:].tolist()
        return dict(zip(self.keys, counted, strict=True))

    def label_counts(self) -> Ints:
        """How often each label of label_names occurs.   ->  (labels,)."""
        return count_values(self.labels, len(self.label_names))


def count_values(values: Ints, bound: int) -> Ints:
    """How often each of 0 … bound − 1 occurs among `values`; negative ones do not count.

    values (length,), which may be mapped into memory and is read a part at a time  ->  (bound,).
    """
    counted = np.zeros(bound, np.int64)
    for start in range(0, len(values), AT_ONCE):
        part = values[start : start + AT_ONCE]
        counted += np.bincount(part[part >= 0], minlength=bound)
    return counted


def encode_corpus(
    sentences: Iterable[Sentence],
    columns: Sequence[str],
    labels_of: Callable[[Sentence], Sequence[str | None]],
    most_distinct: int | None = None,
    folder: Path | None = None,
    known: Iterable[str] = (),
) -> Corpus:
    """The corpus of some sentences, each of which is read once.

    `columns` names the further columns that make tokens distinct; `labels_of` gives the labels of a
    sentence that are learnt. Distinct tokens that appear after `most_distinct` others share one
    key, of empty strings. Labels that are `known` are among the names, found or not. With `folder`
    the arrays are files in it, mapped into memory. Raises OSError where they cannot be.
    """
    tokens, labels = _Growing("i", folder, "tokens"), _Growing("i", folder, "labels")
    starts = _Growing("q", folder, "starts")
    most = float("inf") if most_distinct is None else most_distinct
    token_index: dict[Key, int] = {}
    label_index: dict[str | None, int] = {None: NO_CLASS}
    label_index |= {label: i for i, label in enumerate(known)}
    rare: Key = ("",) * (1 + len(columns)) if columns else ""
    shared = total = 0
    starts.part.append(0)
    for sentence in sentences:
        for key in keys_of(sentence, columns):
            index = token_index.get(key)
            if index is None:
                if len(token_index) >= most:
                    key, shared = rare, shared + 1
                index = token_index.setdefault(key, len(token_index) + 1)
            tokens.part.append(index)
        for label in labels_of(sentence):
            labels.part.append(label_index.setdefault(label, len(label_index) - 1))
        total += len(sentence.tokens)
        starts.part.append(total)
        if len(tokens.part) >= AT_ONCE:
            for growing in (tokens, labels, starts):
                growing.spill()
    del label_index[None]
    names = [name for name in label_index if name is not None]
    ordered = sorted(names, key=label_order)
    whole = Corpus(
        tokens.finished(), labels.finished(), starts.finished(), list(token_index), ordered, shared
    )
    index_of = {name: i for i, name in enumerate(ordered)}
    # NO_CLASS is −1, the last entry.
    turned = np.array([*(index_of[name] for name in names), NO_CLASS], np.int32)
    for start in range(0, total, AT_ONCE):
        part = whole.labels[start : start + AT_ONCE]
        part[:] = turned[part]
    return whole


class _Growing:
    """An array of integers that grows: at its end `part`, and with a folder the rest in a file."""

    def __init__(self, typecode: str, folder: Path | None, name: str):
        self.part = array(typecode)
        self._path = folder / name if folder else None
        if self._path:
            self._path.touch()

    def spill(self) -> None:
        """Move `part` to the end of the file, where there is one."""
        if self._path:
            with self._path.open("ab") as file:
                self.part.tofile(file)
            del self.part[:]

    def finished(self) -> Ints:
        """All that the array has grown to, mapped into memory if it is a file.   ->  (length,)."""
        self.spill()
        if self._path is None or self._path.stat().st_size == 0:
            return np.array(self.part, self.part.typecode)
        return np.memmap(self._path, self.part.typecode, "r+")
