"""What a slot of a token reads: the value of each feature kind, from the token's key.

A key is what features can see of a token: the form alone, or (form, column, column, …) where
further columns are used. Tokens with equal keys are the same distinct token.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from windowclf.text.sentence import Sentence

Kind: TypeAlias = Literal[
    "word", "lower", "prefix", "suffix", "shape", "ngrams", "column", "char_cnn"
]
Key: TypeAlias = str | tuple[str, ...]

BOUNDARY, UNKNOWN, FIRST_VALUE = 0, 1, 2  # rows of every table
LONGEST_SPELLED = 10_000  # code points; a file's only token may have millions


@dataclass(frozen=True)
class Feature:
    """One slot: its kind and settings, the table whose rows it reads, and the table's width."""

    kind: Kind
    table: str
    dim: int
    min_count: int = 1
    length: int = 0  # prefix, suffix: in code points
    column: str = ""  # column: its name
    min: int = 0  # ngrams: shortest and longest, in code points
    max: int = 0
    buckets: int = 0  # ngrams: rows that the hash chooses from
    filters: int = 0  # char_cnn: width of the slot; dim is that of a character
    width: int = 0  # char_cnn: characters that a filter sees

    @property
    def is_bag(self) -> bool:
        """True where a token has any number of ids and not just one."""
        return self.kind in ("ngrams", "char_cnn")

    @property
    def hides_when_dropped(self) -> bool:
        """True for the slots that word dropout makes read as unknown."""
        return self.kind in ("word", "lower", "ngrams")


def keys_of(sentence: Sentence, columns: Sequence[str]) -> Iterable[Key]:
    """The key of every token; `columns` names the further columns that features use."""
    if not columns or not sentence.tokens:  # a sentence without tokens may lack the columns too
        return sentence.tokens
    return zip(sentence.tokens, *(sentence.columns[name] for name in columns), strict=True)


def form_of(key: Key) -> str:
    """The token itself."""
    return key if isinstance(key, str) else key[0]


def spelled(key: Key) -> str:
    """What n-grams and characters see of a token: its first LONGEST_SPELLED code points."""
    return form_of(key)[:LONGEST_SPELLED]


def value_of(feature: Feature, key: Key, columns: Sequence[str]) -> str:
    """The value whose row an ordinary slot (not a bag) reads."""
    form = form_of(key)
    match feature.kind:
        case "word":
            return form
        case "lower":
            return form.lower()
        case "prefix":
            return form[: feature.length]
        case "suffix":
            return form[-feature.length :]
        case "shape":
            return shape(form)
        case "column":
            return key[1 + columns.index(feature.column)]
        case _:
            raise AssertionError(feature.kind)


def shape(form: str) -> str:
    """Letters as X, x or o (no case), digits as d, the rest as it is; runs longer than 2 cut to 2.

    >>> shape("McDonald's"), shape("1,000.50"), shape("东京")
    ("XxXxx'x", 'd,dd.dd', 'oo')
    """
    drawn: list[str] = []
    last, run = "", 0
    for character in form:
        sign = _sign(character)
        run = run + 1 if sign == last else 1
        last = sign
        if run <= 2:
            drawn.append(sign)
    return "".join(drawn)


def _sign(character: str) -> str:
    if character.isupper():
        return "X"
    if character.islower():
        return "x"
    if character.isdigit():
        return "d"
    return "o" if character.isalpha() else character


def ngram_rows(form: str, feature: Feature) -> list[int]:
    """Rows of the character n-grams of ^form$, each from 2 + CRC-32(UTF-8) mod buckets.

    `^` and `$` are U+0002 and U+0003, so that they stand in no text.
    """
    marked = f"\x02{form}\x03"
    return [
        FIRST_VALUE
        + zlib.crc32(marked[i : i + n].encode("utf-8", "surrogatepass")) % feature.buckets
        for n in range(feature.min, feature.max + 1)
        for i in range(len(marked) - n + 1)
    ]
