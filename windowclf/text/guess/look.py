"""Look, what a guesser sees of a file, and Found, what it makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from windowclf.errors import DataError, Fault
from windowclf.text.formats.layout import Layout, Task


@dataclass(frozen=True)
class Look:
    """The beginning of a file, up to the end of a line, and what its user has said of it."""

    path: str
    text: str  # without a byte order mark
    task: Task | None = None

    @property
    def suffix(self) -> str:
        """The suffix of the file's name, in lower case."""
        return PurePath(self.path).suffix.lower()

    def refuse(self, sentence: str, line: int | None = None) -> DataError:
        """The error to raise for a file that no model can learn from as it is."""
        return DataError(Fault(sentence, self.path, line))


@dataclass(frozen=True)
class Found:
    """How a file seems to be read, with the reason for each part of it."""

    layout: Layout
    why: Mapping[str, str]  # key of `data`, or task -> what in the file says so
    doubts: tuple[str, ...] = ()  # what else it could be, and what to set then
    further: Mapping[str, int | str] = field(default_factory=dict)  # columns that may be features
    in_scheme: bool = False  # whether labels of spans stand at tokens, in a scheme to be found out
