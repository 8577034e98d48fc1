"""Features, and what each kind reads of a token: a value, or n-grams, from the token's key.

A key is what features can see of a token: the form alone, or (form, column, column, …) where
further columns are used, of the file or derived from the sentence. Tokens with equal keys are the
same distinct token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from windowclf.arrays import Bytes, Ints, ragged
from windowclf.text.sentence import Sentence

Kind: TypeAlias = Literal[
    "word",
    "lower",
    "prefix",
    "suffix",
    "shape",
    "ngrams",
    "column",
    "char_cnn",
    "gazetteer",
    "cluster",
    "vectors",
]
Key: TypeAlias = str | tuple[str, ...]
"""Of a distinct token: its form, or (form, column, column, …) where columns are used."""

BOUNDARY, UNKNOWN, FIRST_VALUE = 0, 1, 2  # rows of every table
POSITION = "@place"  # the derived column of `positions`; names of derived columns begin with @
LONGEST_SPELLED = 10_000  # code points; a file's only token may have millions


@dataclass(frozen=True)
class Feature:
    """One slot: its kind and settings, the table whose rows it reads, and the table's width."""

    kind: Kind
    table: str
    dim: int
    min_count: int = 1
    length: int = 0  # prefix, suffix: in code points; cluster: of its id, 0 for all of it
    column: str = ""  # column: its name
    min: int = 0  # ngrams: shortest and longest, in code points
    max: int = 0
    buckets: int = 0  # ngrams: rows that the hash chooses from
    filters: int = 0  # char_cnn: width of the slot; dim is that of a character
    width: int = 0  # char_cnn: characters that a filter sees
    source: str = ""  # gazetteer, cluster: the name of what tokens are looked up in
    lower: bool = False  # gazetteer: case does not matter
    position: bool = False  # shape: with the token's position in its sentence
    frozen: bool = False  # vectors: the rows are not trained

    @property
    def is_bag(self) -> bool:
        """True where a token has any number of ids and not just one."""
        return self.kind in ("ngrams", "char_cnn")

    @property
    def hides_when_dropped(self) -> bool:
        """True for the slots that word dropout makes read as unknown."""
        return self.kind in ("word", "lower", "ngrams")

    @property
    def reads(self) -> str:
        """The column whose value it needs, of the file or derived; empty for none."""
        if self.kind == "gazetteer":
            return f"@gazetteer.{self.source}"
        return POSITION if self.position else self.column


def columns_of(features: Iterable[Feature]) -> tuple[str, ...]:
    """The names of the columns that features read, each once, in the order of the features."""
    return tuple(dict.fromkeys(f.reads for f in features if f.reads))


def keys_of(sentence: Sentence, columns: Sequence[str]) -> Iterable[Key]:
    """The key of every token of a sentence; `columns` names the further columns of a key."""
    if not columns or not sentence.tokens:  # a sentence without tokens may lack the columns too
        return sentence.tokens
    return zip(sentence.tokens, *(sentence.columns[name] for name in columns), strict=True)


def form_of(key: Key) -> str:
    """The token itself, without the columns of its key."""
    return key if isinstance(key, str) else key[0]


def spelled(key: Key) -> str:
    """What n-grams and characters see of a token: its first LONGEST_SPELLED code points."""
    return form_of(key)[:LONGEST_SPELLED]


def values_of(feature: Feature, keys: Sequence[Key], columns: Sequence[str]) -> list[str]:
    """The value of each token that a feature with one row per token (not a bag) looks up.

    `columns` names the further columns of the keys. Of cluster and vectors it is the form, which
    the vocabulary turns into a cluster or a row.
    """
    own = 1 + columns.index(feature.reads) if feature.reads else 0
    if feature.kind in ("column", "gazetteer"):
        return [key[own] for key in keys]
    forms = [form_of(key) for key in keys]
    length = feature.length
    match feature.kind:
        case "word" | "cluster" | "vectors":
            return forms
        case "lower":
            return [form.lower() for form in forms]
        case "prefix":
            return [form[:length] for form in forms]
        case "suffix":
            return [form[-length:] for form in forms]
        case "shape" if feature.position:  # no letter of "first" and the like is in a shape
            return [f"{key[own]} {shape(form)}" for key, form in zip(keys, forms, strict=True)]
        case "shape":
            return [shape(form) for form in forms]
        case _:
            raise AssertionError(feature.kind)


def shape(form: str) -> str:
    """Letters as X, x or o (no case), digits as d, the rest as it is; runs longer than 2 cut to 2.

    >>> shape("McDonald's"), shape("1,000.50"), shape("东京")
    ("XxXxx'x", 'd,dd.dd', 'oo')
    """
    return _LONG_RUN.sub(r"\1\1", form.translate(_SIGNS))


_LONG_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)


class _Signs(dict[int, str]):
    """Code point -> the sign that stands for it; made when it is first asked for."""

    def __missing__(self, code: int) -> str:
        sign = self[code] = _sign(chr(code))
        return sign


_SIGNS = _Signs()


def _sign(character: str) -> str:
    """What stands for a character in a shape."""
    if character.isupper():
        return "X"
    if character.islower():
        return "x"
    if character.isdigit():
        return "d"
    return "o" if character.isalpha() else character


def ngram_rows(forms: Sequence[str], feature: Feature) -> tuple[Ints, Ints]:
    """Rows of the character n-grams of ^form$ for each of T forms: a bag of ids a form.

    ->  ids (ids,), all bags one after another, and offsets (T + 1,): the bag of form t is
    ids[offsets[t]] … ids[offsets[t + 1] − 1]. An n-gram has the row 2 + CRC-32(UTF-8) mod buckets;
    `^` and `$` are U+0002 and U+0003, so that they stand in no text. In a bag short n-grams come
    first, then those that begin first.
    """
    text = "".join([f"\x02{form}\x03" for form in forms]).encode("utf-8", "surrogatepass")
    raw = np.frombuffer(text, np.uint8)
    # Where each character begins: not at a continuation byte, which is 10xxxxxx.
    begins = np.append(np.flatnonzero((raw & 0xC0) != 0x80), len(raw))
    lengths = np.array([len(form) + 2 for form in forms], np.int64)
    first = np.cumsum(lengths) - lengths  # character at which each token begins
    sizes = range(feature.min, feature.max + 1)
    counts = np.array([np.maximum(lengths - size + 1, 0) for size in sizes]).T  # (T, sizes)
    ends = counts.cumsum()
    first_id = (ends - counts.ravel()).reshape(counts.shape)  # (T, sizes) where in ids each begins
    ids = np.empty(int(ends[-1]) if len(ends) else 0, np.int32)
    for i, size in enumerate(sizes):
        own = counts[:, i]
        nth = ragged(own)
        start = np.repeat(first, own) + nth
        crc = crc32_of_slices(raw, begins[start], begins[start + size])
        ids[np.repeat(first_id[:, i], own) + nth] = FIRST_VALUE + crc % feature.buckets
    offsets = np.concatenate([[0], counts.sum(axis=1).cumsum()]).astype(np.int32)
    return ids, offsets


def crc32_of_slices(raw: Bytes, starts: Ints, ends: Ints) -> NDArray[np.uint32]:
    """zlib.crc32(raw[start:end]) of many slices at once, a byte of each at a time.

    raw (bytes,); starts, ends (slices,)  ->  (slices,).
    """
    table = _crc_table()
    crc = np.full(len(starts), 0xFFFFFFFF, np.uint32)
    sizes = ends - starts
    shortest, longest = (int(sizes.min()), int(sizes.max())) if len(sizes) else (0, 0)
    for i in range(longest):
        going = slice(None) if i < shortest else np.flatnonzero(sizes > i)
        old = crc[going]
        crc[going] = table[(old ^ raw[starts[going] + i]) & 0xFF] ^ (old >> 8)
    return crc ^ np.uint32(0xFFFFFFFF)


@cache
def _crc_table() -> NDArray[np.uint32]:
    """What each byte does to a CRC-32 (the reflected polynomial of ISO 3309 and zlib).

    ->  (256,).
    """
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(0xEDB88320), crc >> 1)
    return crc
