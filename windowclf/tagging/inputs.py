"""From what people hand to a tagger to Sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from windowclf.errors import DataError
from windowclf.text.sentence import Sentence

SentenceLike: TypeAlias = "Sentence | Sequence[str] | Mapping[str, str]"
"""A Sentence, a list of tokens, or for `task: slots` a mapping of column to value."""


def as_sentences(inputs: Iterable[SentenceLike], columns: Sequence[str]) -> Iterator[Sentence]:
    """The inputs as Sentences, which must have the `columns` that a model reads.

    Raises DataError, with the number of the sentence, where one is no such thing.
    """
    for number, given in enumerate(inputs, 1):
        sentence = _as_sentence(given, number)
        missing = [name for name in columns if name not in sentence.columns]
        if missing:
            raise DataError(
                f"sentence {number}: the model reads the column {missing[0]!r}; "
                "give a Sentence with that column, or a mapping with that key."
            )
        yield sentence


def _as_sentence(given: SentenceLike, number: int) -> Sentence:
    """One input as a Sentence. Raises DataError."""
    match given:
        case list() | tuple():  # first, for these are the many
            return _sentence_of(given, number)
        case Sentence():
            return given
        case Mapping():
            columns = {name: [_text(value, number)] for name, value in given.items()}
            return Sentence([""], columns=columns, path=f"sentence {number}")
        case str():
            raise DataError(
                f"sentence {number}: expected a list of tokens, found a string; "
                "use predict_text for raw text."
            )
        case _:
            return _sentence_of(given, number)


def _sentence_of(given: Sequence[str], number: int) -> Sentence:
    """A Sentence of these tokens. Raises DataError where one of them is no text."""
    tokens = list(given)
    try:
        "".join(tokens)  # the fastest way to see that all of them are text
    except TypeError:
        tokens = [_text(token, number) for token in tokens]
    return Sentence(tokens, path=f"sentence {number}")


def _text(value: object, number: int) -> str:
    """`value`, which must be text. Raises DataError."""
    if not isinstance(value, str):
        found = type(value).__name__
        raise DataError(f"sentence {number}: expected text for each token, found {found}.")
    return value
