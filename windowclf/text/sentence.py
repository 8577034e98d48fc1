"""Sentence, the unit that flows through the pipeline: tokens, labels, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from windowclf.errors import DataError, Fault

NOWHERE = "<input>"  # the path of a sentence that no file has
NO_LABEL = frozenset({"-", ""})  # what stands where a token has no label


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens in order, with what the file says of them.

    Every sequence has one entry per token. For `task: slots` a row of the table is a sentence of
    one token: its slots are `columns`, its class is the label, and `tokens` holds an empty string.
    """

    tokens: Sequence[str]
    labels: Sequence[str | None] | None = None
    """One label per token, None for a token without; None instead of the list: labels not read."""
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Further columns by the name that `data.extra` gives them."""
    path: str = NOWHERE
    lines: Sequence[int] = ()
    """1-based line of each token in `path`."""
    source: object = None
    """What the format's writer needs to give the input back; nobody else looks inside."""
    document: int = 0
    """Number, from 0, of its document within `path`, or of the file where that is one document;
    0 for all where no documents are marked."""

    @property
    def gold(self) -> Sequence[str | None]:
        """The label of each token, None for a token without and where labels were not read."""
        return [None] * len(self.tokens) if self.labels is None else self.labels

    def without_source(self) -> Sentence:
        """The sentence without what only a writer needs, to be kept in memory."""
        return replace(self, source=None)

    def place(self, index: int = 0) -> str:
        """`file:line` of the token at `index`, for messages."""
        return f"{self.path}:{self.lines[index]}" if self.lines else self.path

    def fault(self, sentence: str, index: int = 0) -> Fault:
        """What is wrong with the token at `index`, as a value with its place."""
        return Fault(sentence, self.path, self.lines[index] if self.lines else None)


def is_list(values: object) -> bool:
    """Whether values are a list of some kind that may stand for those of tokens; no text is."""
    return hasattr(values, "__getitem__") and not isinstance(values, str | bytes | Mapping)


def fault_in_lists(sentence: Sentence) -> str | None:
    """What is wrong where tokens or labels are no list, or columns no mapping; else None."""
    if not isinstance(sentence.columns, Mapping):
        found = type(sentence.columns).__name__
        return f"expected a mapping of names to lists as columns, found {found}."
    labels = () if sentence.labels is None else sentence.labels
    for name, values in (("tokens", sentence.tokens), ("labels", labels)):
        if not is_list(values):
            return f"expected a list of {name}, found {type(values).__name__}."
    return None


def with_lists(sentence: Sentence) -> Sentence:
    """A sentence with lists in place of arrays of NumPy and the like."""
    given = (sentence.tokens, sentence.labels, *sentence.columns.values())
    if all(each is None or isinstance(each, list | tuple) for each in given):
        return sentence
    labels = None if sentence.labels is None else _as_list(sentence.labels)
    columns = {name: _as_list(values) for name, values in sentence.columns.items()}
    return replace(sentence, tokens=_as_list(sentence.tokens), labels=labels, columns=columns)


def _as_list(values: Any) -> Any:
    """Values as a list of Python's own; what is none stays as it is, for a check to find."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if is_list(values) and isinstance(values, Iterable) else values


def none_longer(sentences: Iterable[Sentence], longest: int | None) -> Iterator[Sentence]:
    """The sentences as they come. Raises DataError at one that has more than `longest` tokens.

    None for any number of tokens.
    """
    for sentence in sentences:
        if fault := too_long(sentence, longest):
            raise DataError(fault)
        yield sentence


def too_long(sentence: Sentence, longest: int | None) -> Fault | None:
    """The fault of a sentence that has more than `longest` tokens; None where it has not."""
    size = len(sentence.tokens)
    if longest is None or size <= longest:
        return None
    return sentence.fault(
        f"expected a sentence of at most {longest:,} tokens for a network with recurrence "
        f"or a CRF, found {size:,}; split it, or raise prediction.longest_sentence "
        "(TagOptions.longest_sentence)."
    )
