"""Phrase lists: which tokens of a sentence are a listed phrase, and what it is.

A file has a phrase a line, its tokens separated by white space, and after a tab its type; without
one the type is the name of the file. A phrase of several types has one that names them all, A|B.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from windowclf.errors import quoted
from windowclf.text.formats.lines import Input
from windowclf.text.lexicon import Groups

LONGEST_PHRASE = 64  # tokens


@dataclass(frozen=True)
class Gazetteer:
    """The phrases of each type, tokens joined by single spaces; `lower`: case does not matter."""

    groups: Groups
    lower: bool

    @cached_property
    def _type_of(self) -> dict[tuple[str, ...], str]:
        """The tokens of a phrase -> its type."""
        return {
            tuple(phrase.split(" ")): name
            for name, phrases in self.groups.items()
            for phrase in phrases
        }

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """First token -> the lengths of the phrases that begin with it, longest first."""
        lengths: dict[str, set[int]] = {}
        for phrase in self._type_of:
            lengths.setdefault(phrase[0], set()).add(len(phrase))
        return {first: tuple(sorted(own, reverse=True)) for first, own in lengths.items()}

    def marks(self, tokens: Sequence[str]) -> list[str]:
        """A mark for each token of a sentence: B-, I-, E- or S-type in a phrase, O elsewhere.

        From the left the longest phrase that begins at a token is taken, and the search goes on
        behind it.
        """
        lengths = self._lengths
        given = [token.lower() for token in tokens] if self.lower else tokens
        marks = ["O"] * len(given)
        end = 0
        for first in [i for i, token in enumerate(given) if token in lengths]:
            if first < end:
                continue
            for length in lengths[given[first]]:
                phrase = tuple(given[first : first + length])
                type_ = self._type_of.get(phrase)
                if type_ is not None and len(phrase) == length:  # not cut off by the sentence's end
                    end = first + length
                    marks[first:end] = _marks_of_phrase(length, type_)
                    break
        return marks


def _marks_of_phrase(length: int, type_: str) -> list[str]:
    """The marks of a phrase of so many tokens: S, or B, I, …, I, E."""
    if length == 1:
        return [f"S-{type_}"]
    return [f"B-{type_}", *[f"I-{type_}"] * (length - 2), f"E-{type_}"]


def read_phrases(source: Input, lower: bool, characters: bool) -> Iterator[tuple[str, str]]:
    """(phrase, type) of every line of a file; faults are noted.

    With `lower` phrases are put in lower case, with `characters` every character is a token.
    """
    own = PurePath(source.path).stem
    for number, text, _end in source.lines:
        phrase, tab, type_ = text.partition("\t")
        tokens = list("".join(phrase.split())) if characters else phrase.split()
        if lower:
            tokens = [token.lower() for token in tokens]
        if not tab and not tokens:
            continue
        type_ = type_.strip() if tab else own
        if not tokens or not type_ or "\t" in type_:
            wanted = "a phrase, or a phrase, a tab and its type"
            source.fault(number, f"expected {wanted}, found {quoted(text)}.")
        elif len(tokens) > LONGEST_PHRASE:
            source.fault(
                number,
                f"expected a phrase of at most {LONGEST_PHRASE} tokens, found {len(tokens):,}; "
                "a list has one phrase a line.",
            )
        else:
            yield " ".join(tokens), type_


def with_joined_types(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Phrase -> its type, from (phrase, type) pairs; A|B for one that is listed as both."""
    types: dict[str, str] = {}
    for phrase, type_ in pairs:
        before = types.setdefault(phrase, type_)
        if before != type_:
            types[phrase] = "|".join(sorted({*before.split("|"), *type_.split("|")}))
    return types
