"""Word vectors that were trained elsewhere, read a vector at a time.

Text: a word and its numbers a line, separated by spaces (GloVe), perhaps after a line with their
count and width (word2vec, fastText's .vec). Binary (.bin): that line, then each word, a space and
its numbers as little-endian float32 (word2vec).
"""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from windowclf.arrays import Floats
from windowclf.errors import DataError, Fault, Faults, quoted
from windowclf.text.features import FIRST_VALUE, UNKNOWN
from windowclf.text.formats.lines import Input, open_bytes

WIDEST = 4096
LONGEST_WORD = 4096  # bytes, in a binary file
LONGEST_START = 1 << 20  # bytes of a first line
NUMBER = 4  # bytes


@dataclass(frozen=True)
class WordVectors:
    """The rows of a table: boundary (zeros), unknown (the mean of all words), then the words."""

    words: tuple[str, ...]  # of the rows 2, 3, … V − 1
    rows: Floats  # (V, d) float32


@dataclass
class _Kept:
    """The vectors of wanted words that were read so far, from a text or binary file."""

    wanted: Collection[str] | None  # None for all words
    width: int  # d
    entry_of: dict[str, int] = field(default_factory=dict)  # word -> line or number of its vector
    numbers: array[float] = field(default_factory=lambda: array("f"))  # of all rows in turn

    def __post_init__(self) -> None:
        self.numbers.frombytes(bytes(FIRST_VALUE * self.width * NUMBER))

    def wants(self, word: str) -> bool:
        """Whether the word's vector is to be kept."""
        return self.wanted is None or word in self.wanted

    def _rows(self) -> Floats:
        """The table so far, a view of the numbers; row 1 is not yet the mean.   ->  (V, d)."""
        return np.frombuffer(self.numbers, np.float32).reshape(-1, self.width)

    def table(self) -> WordVectors:
        """The words with their table, which is a view of the numbers."""
        rows = self._rows()
        if len(rows) > FIRST_VALUE:
            rows[UNKNOWN] = rows[FIRST_VALUE:].mean(axis=0, dtype=np.float64)
        return WordVectors(tuple(self.entry_of), rows)

    def not_finite(self) -> list[int]:
        """The lines or numbers of vectors with an entry that is no finite float32."""
        bad = np.flatnonzero(~np.isfinite(self._rows()[FIRST_VALUE:]).all(axis=1)).tolist()
        entries = list(self.entry_of.values()) if bad else []
        return [entries[i] for i in bad]


def width_of(path: str) -> int:
    """The width d of the vectors of a file, from its first line. Raises DataError."""
    with open_bytes(path) as file:
        start = file.readline(LONGEST_START)
    text = start.decode("utf-8", "replace").rstrip(" \r\n")
    header = _header(start)
    if path.endswith(".bin") and header is None:
        raise DataError(
            Fault(
                "expected word2vec's binary format, which begins with a line of count and "
                "width; of fastText's own .bin use the .vec that comes with it.",
                str(path),
            )
        )
    width = header[1] if header else text.count(" ")
    if not 1 <= width <= WIDEST:
        raise DataError(
            f"{path}:1: expected a word and at most {WIDEST:,} numbers, separated by spaces, or "
            f"the count and the width of the vectors, found {quoted(text)}."
        )
    return width


def _header(line: bytes) -> tuple[int, int] | None:
    """(count, width) where a line is these two; None for any other."""
    with suppress(ValueError):
        count, width = line.split()
        if count.isdigit() and width.isdigit():
            return int(count), int(width)
    return None


def read_text_vectors(source: Input, width: int, wanted: Collection[str] | None) -> WordVectors:
    """The vectors of the wanted words (None: all) of a text file; faults are noted."""
    kept = _Kept(wanted, width)
    lines = iter(source.lines)
    first = next(lines, None)
    header = _header(first[1].encode()) if first else None
    number = 0
    for number, line, _end in lines if header or not first else chain([first], lines):
        text = line.rstrip(" \r")
        begin = text.find(" ")
        if begin > 0 and text.count(" ") == width and not kept.wants(text[:begin]):
            continue  # most lines of a large file; fields are cut for the others alone
        word, *numbers = text.rsplit(" ", width)
        if fault := _fault(text, word, numbers, width):
            source.fault(number, fault)
        elif kept.wants(word):
            _keep(source, number, kept, word, numbers)
    for bad in kept.not_finite():
        source.fault(bad, "expected finite numbers, found one that is none or too large.")
    if header and number != header[0] + 1:
        source.fault(
            1, f"expected {header[0]:,} vectors as this line says, found {max(number - 1, 0):,}."
        )
    return kept.table()


def _fault(text: str, word: str, numbers: list[str], width: int) -> str | None:
    """A sentence about a line that is no word and its numbers; None for one that is."""
    last = word.rpartition(" ")[2]  # of a word with a space, as GloVe has some
    if len(numbers) == width and last and (last == word or not _is_number(last)):
        return None
    return f"expected a word and {width} numbers, separated by single spaces, found {quoted(text)}."


def _is_number(text: str) -> bool:
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _keep(source: Input, line: int, kept: _Kept, word: str, numbers: list[str]) -> None:
    """Keep the vector of a line, or note the fault that it has."""
    if word in kept.entry_of:
        before = kept.entry_of[word]
        source.fault(
            line, f"the word {quoted(word)} stands in line {before} already; remove one of them."
        )
        return
    try:
        values = [*map(float, numbers)]
    except ValueError:
        bad = next(text for text in numbers if not _is_number(text))
        source.fault(line, f"expected a number, found {quoted(bad)}.")
        return
    kept.entry_of[word] = line
    kept.numbers.extend(values)


def read_binary_vectors(
    path: str, wanted: Collection[str] | None, faults: Faults, digest: Any
) -> WordVectors:
    """The vectors of the wanted words (None: all) of a file in word2vec's binary format.

    Faults are added to `faults`; `digest`, a hash of hashlib, is updated with the whole file.
    """
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        digest.update(data)
        start = data.find(b"\n") + 1
        header = _header(data[:start])
        assert header is not None  # width_of has seen it
        count, width = header
        kept = _Kept(wanted, width)
        for number in range(1, count + 1):
            space = data.find(b" ", start, start + LONGEST_WORD)
            end = space + 1 + NUMBER * width
            if space < 0 or end > len(data):
                sentence = (
                    f"ends or is damaged in vector {number:,} of {count:,}; use another copy."
                )
                faults.add(path, None, sentence)
                return kept.table()
            raw = data[start:space].lstrip(b"\n")
            if fault := _keep_binary(kept, number, raw, data, space + 1):
                faults.add(path, None, f"vector {number:,}: {fault}")
            start = end
        if data[start : start + LONGEST_WORD].strip(b"\n"):
            faults.add(
                path, None, f"expected {count:,} vectors as its first line says, found more."
            )
    for number in kept.not_finite():
        faults.add(
            path, None, f"vector {number:,}: expected finite numbers, found one that is none."
        )
    return kept.table()


def _keep_binary(kept: _Kept, number: int, raw: bytes, data: mmap.mmap, begin: int) -> str | None:
    """Keep a vector if its word is wanted; a sentence about what is wrong with it, or None.

    `raw` is the word in the file, `number` counts vectors from 1, `begin` is where in `data` the
    numbers begin.
    """
    try:
        word = raw.decode("utf-8")
    except UnicodeDecodeError:
        return f"expected a word in UTF-8, found {quoted(raw.decode('utf-8', 'replace'))}."
    if not word or "\n" in word:
        return f"expected a word, found {quoted(word)}."
    if kept.wants(word):
        if word in kept.entry_of:
            return f"the word {quoted(word)} is that of vector {kept.entry_of[word]:,} already."
        kept.entry_of[word] = number
        numbers = np.frombuffer(data, "<f4", kept.width, begin)
        kept.numbers.frombytes(numbers.astype(np.float32).tobytes())
    return None
