"""Everything that a user can mend is a WindowclfError; its text is one sentence a fault.

WindowclfError
 ├─ ConfigError        a key, value or combination in a config
 ├─ DataError          a labelled or raw text file
 ├─ ModelFileError     a model or state file
 ├─ RunFolderError     the folder a run writes to
 └─ TrainingDiverged   a number that is no longer finite
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOWN_FAULTS = 20  # in the text of an error
KEPT_FAULTS = 1000  # as values
SHOWN_CHARACTERS = 60


def quoted(text: str) -> str:
    """Text of a file as a message shows it: short, in quotes, on one line."""
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[: SHOWN_CHARACTERS - 1]}…"
    return repr(text)


def legible(name: str) -> str:
    """A name as it stands, or quoted where it is long or has signs that are not seen."""
    return name if len(name) <= SHOWN_CHARACTERS and name.isprintable() else quoted(name)


def named(names: Sequence[str]) -> str:
    """Names one after the other, the first 20 of them and how many more there are."""
    more = len(names) - SHOWN_FAULTS
    shown = ", ".join(legible(name) for name in names[:SHOWN_FAULTS])
    return f"{shown} and {more:,} more" if more > 0 else shown


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where."""

    sentence: str  # what was expected, what was found, what to do
    path: str | None = None  # of the file or the config
    line: int | None = None  # of the file, from 1; None for the whole of it
    key: str | None = None  # of the config, as in training.epochs

    def __str__(self) -> str:
        if self.path is None:
            return self.sentence
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.sentence}"


@dataclass(frozen=True)
class MissingFile(Fault):
    """A path or glob, `wanted`, at which nothing is."""

    wanted: str = ""


@dataclass(frozen=True)
class NoUtf8(Fault):
    """A line that is no UTF-8."""


def no_such_file(path: str | os.PathLike[str]) -> MissingFile:
    """The fault of a file that is not there; of a relative path it says where that was."""
    wanted = os.fspath(path)
    return MissingFile(f"no such file{looked_for(wanted)}.", wanted, wanted=wanted)


def looked_for(path: str) -> str:
    """How a sentence about a path goes on that leads to nothing; a whole path says it all."""
    if os.path.isabs(path):  # noqa: PTH117 — for a glob too
        return ""
    try:
        return f"; from the working directory that is {Path.cwd() / path}"
    except OSError:  # it has been removed
        return "; the working directory is no longer there"


class WindowclfError(Exception):
    """A fault with its place, what was expected, what was found and what to do.

    Its text has a line a fault, the first 20 of them; `faults` are the same as values, at most
    1,000, and `more` is how many there are beyond those.
    """

    def __init__(self, *faults: Fault | str, more: int = 0):
        self.faults = tuple(Fault(each) if isinstance(each, str) else each for each in faults)
        self.more = more
        hidden = len(self.faults[SHOWN_FAULTS:]) + more
        tail = [f"… and {hidden} more fault{'s' if hidden > 1 else ''}."] if hidden else []
        super().__init__("\n".join([*map(str, self.faults[:SHOWN_FAULTS]), *tail]))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.faults, self.more)


def _rebuilt(kind: type[WindowclfError], faults: tuple[Fault, ...], more: int) -> WindowclfError:
    """An error on the other side of a process border."""
    return kind(*faults, more=more)


class ConfigError(WindowclfError):
    """A configuration that cannot be used."""


class DataError(WindowclfError):
    """A text file that cannot be read as its format says."""


class ModelFileError(WindowclfError):
    """A model or state file that is missing, damaged or of another kind."""


class RunFolderError(WindowclfError):
    """A run folder that cannot be written to or continued from."""


class TrainingDiverged(WindowclfError):
    """A loss, gradient or parameter that is no longer finite."""


@dataclass
class Faults:
    """Collects the faults of data files so that all of them are reported together."""

    kept: list[Fault] = field(default_factory=list)
    count: int = 0
    no_utf8: int = 0  # of the count, about lines of the file that is read now

    def add(self, path: str, line: int | None, sentence: str, kind: type[Fault] = Fault) -> None:
        """Note one fault at path:line (or at the whole file where line is None)."""
        self.count += 1
        self.no_utf8 += kind is NoUtf8
        if self.count <= KEPT_FAULTS:
            self.kept.append(kind(sentence, path, line))

    def include(self, error: WindowclfError) -> None:
        """Note what another error says."""
        self.join(Faults(list(error.faults), len(error.faults) + error.more))

    def join(self, others: Faults) -> None:
        """Take up faults that were collected apart."""
        self.count += others.count
        self.kept += others.kept

    def __bool__(self) -> bool:
        return self.count > 0

    def raise_if_any(self) -> None:
        """Raise DataError with the faults that are kept and the number of the others."""
        if self.count:
            raise DataError(*self.kept, more=self.count - len(self.kept))
