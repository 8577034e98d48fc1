"""What people hand to a tagger, as Sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from windowclf.errors import DataError
from windowclf.text.sentence import Sentence

Input: TypeAlias = "Sentence | Sequence[str] | Mapping[str, str]"


def as_sentences(inputs: Iterable[Input], columns: Sequence[str]) -> Iterator[Sentence]:
    """Sentences with the columns that a model reads. Raises DataError with the sentence's number.

    A list is one of tokens; a mapping is a row of slots, column to value.
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


def _as_sentence(given: Input, number: int) -> Sentence:
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
    tokens = list(given)
    try:
        "".join(tokens)  # the fastest way to see that all of them are text
    except TypeError:
        tokens = [_text(token, number) for token in tokens]
    return Sentence(tokens, path=f"sentence {number}")


def _text(value: object, number: int) -> str:
    if not isinstance(value, str):
        found = type(value).__name__
        raise DataError(f"sentence {number}: expected text for each token, found {found}.")
    return value
