"""Shape, what a file format is to `convert`, and what its readers and writers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol, TextIO

from windowclf.errors import DataError
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input


class Entry(NamedTuple):
    """A record of a file, in the words of jsonl."""

    record: Json
    line: int  # where it begins; of a file without lines its number, from 1
    source: Input  # where its faults are noted
    original: Any = None  # the record as the file has it, for who gives it back
    is_gold: bool = True  # whether anybody has annotated it


class RecordWriter(Protocol):
    """Takes records one after the other."""

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record; with what its file had in its place, as an answer to that."""

    def close(self) -> None:
        """Write what is left; the file itself stays open."""


@dataclass(frozen=True)
class Shape:
    """How records are read from files of a format, and written to them."""

    read: Callable[[Input, Layout], Iterator[Entry]]
    """The records of a file; faults are noted, and no record follows a fault in the file itself."""
    writer: Callable[[TextIO, Layout], RecordWriter]
    takes: Literal["text", "words", "tokens", "any"]
    """What a record must have to be written: a text with spans, a text with tokens and spans,
    tokens with labels, or any of these."""
    overlaps: bool = True
    """Whether spans may overlap."""
    held: frozenset[str] | None = None
    """The keys of a record that have a place in the file; None for all."""
    columns: bool = False
    """Whether further lists with a text for each token have a place."""
    held_of_spans: frozenset[str] | None = frozenset()
    """Those of a span besides start, end and label; None for all."""
    any_value: bool = False
    """Whether values may be of kinds that JSON has not, such as dates."""


def optional(module: str, extra: str, format_: str) -> Any:
    """A module that only some formats need. Raises DataError with what to install for it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            f"{format_}: expected the package {module.partition('.')[0]} to be installed; "
            f"pip install 'windowclf[{extra}]'."
        ) from error
