"""From what people hand to a tagger to Sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeAlias, TypeVar

from windowclf.errors import DataError, quoted
from windowclf.text.sentence import NOWHERE, Sentence, fault_in_lists, with_lists

SentenceLike: TypeAlias = Sentence | Sequence[str] | Mapping[str, str]
"""A Sentence, a list of tokens, or for `task: slots` a mapping of column to value."""
Given = TypeVar("Given")
USE_TEXT = "use predict_text for raw text."


def as_sentences(inputs: Iterable[SentenceLike]) -> Iterator[Sentence]:
    """The inputs as Sentences. Raises DataError, with its number, where one is no such thing."""
    if isinstance(inputs, str):
        raise DataError(f"expected a list of sentences, found a string; {USE_TEXT}")
    for number, given in enumerate(_iterable(inputs), 1):
        yield _as_sentence(given, number)


def with_columns(sentences: Iterable[Sentence], columns: Sequence[str]) -> Iterator[Sentence]:
    """The sentences as they come; each must have what a model reads. Raises DataError."""
    for number, sentence in enumerate(_iterable(sentences), 1):
        if not isinstance(sentence, Sentence):
            found = type(sentence).__name__
            raise DataError(f"sentence {number}: expected a windowclf.Sentence, found {found}.")
        if fault := fault_in_lists(sentence):
            raise DataError(sentence.fault(fault))
        yield _checked(sentence, columns, number) if columns else sentence


def _iterable(given: Iterable[Given]) -> Iterable[Given]:
    """What is given, if it can be gone through. Raises TypeError."""
    if not isinstance(given, Iterable):
        raise TypeError(f"sentences: expected a list of them, found {type(given).__name__}.")
    return given


def _checked(sentence: Sentence, columns: Sequence[str], number: int) -> Sentence:
    """The sentence, if each column has a value for each of its tokens. Raises DataError."""
    if sentence.path == NOWHERE:
        sentence = replace(sentence, path=f"sentence {number}")
    for name in columns if sentence.tokens else ():
        values = sentence.columns.get(name)
        if values is None:
            fault = (
                f"expected the column {quoted(name)}, which the model reads, found none; give "
                "conll, conllu or jsonl that has it, a Sentence with it in `columns`, or for slots "
                "a mapping with that key."
            )
            raise DataError(sentence.fault(fault))
        if len(values) != len(sentence.tokens):
            size = f"{len(sentence.tokens)} values in the column {quoted(name)}, one a token"
            raise DataError(sentence.fault(f"expected {size}, found {len(values)}."))
    return sentence


def _as_sentence(given: SentenceLike, number: int) -> Sentence:
    """One input as a Sentence. Raises DataError."""
    match given:
        case list() | tuple():  # first, for these are the many
            return _sentence_of(given, number)
        case Sentence():
            if fault := fault_in_lists(given):
                raise DataError(f"sentence {number}: {fault}")
            given = with_lists(given)
            _texts(given.tokens, number)
            _texts([label for label in given.gold if label is not None], number, "label")
            return given
        case Mapping():
            columns = {name: [_text(value, number)] for name, value in given.items()}
            return Sentence([""], columns=columns, path=f"sentence {number}")
        case Set():
            raise DataError(f"sentence {number}: expected a list of tokens, found a set.")
        case str():
            raise DataError(
                f"sentence {number}: expected a list of tokens, found a string; {USE_TEXT}"
            )
        case Iterable():
            return _sentence_of(given, number)
    found = type(given).__name__
    raise DataError(f"sentence {number}: expected a list of tokens, found {found}.")


def _sentence_of(given: Iterable[str], number: int) -> Sentence:
    """A list of tokens as a Sentence. Raises DataError."""
    return Sentence(_texts(given, number), path=f"sentence {number}")


def _texts(given: Iterable[str], number: int, what: str = "token") -> list[str]:
    """The tokens (or `what` they are), all of them text. Raises DataError."""
    tokens = list(given)
    try:
        "".join(tokens)  # the fastest way to see that all of them are text
    except TypeError:
        tokens = [_text(token, number, what) for token in tokens]
    return tokens


def _text(value: object, number: int, what: str = "token") -> str:
    """`value`, which must be text. Raises DataError."""
    if not isinstance(value, str):
        found = type(value).__name__
        raise DataError(f"sentence {number}: expected text for each {what}, found {found}.")
    return value
