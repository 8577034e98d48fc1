"""Everything that a user can mend is a WindowclfError; its text is one sentence a fault.

WindowclfError
 ├─ ConfigError        a key, value or combination in a config
 ├─ DataError          a labelled or raw text file
 ├─ ModelFileError     a model or state file
 ├─ RunFolderError     the folder a run writes to
 └─ TrainingDiverged   a number that is no longer finite
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SHOWN_FAULTS = 20
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


class WindowclfError(Exception):
    """A fault with its place, what was expected, what was found and what to do."""


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
    """Collects the faults of data files so that all of them are reported together.

    The first 20 keep their sentences, the rest are counted.
    """

    sentences: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, line: int | None, sentence: str) -> None:
        """Note one fault at path:line (or at the whole file where line is None)."""
        self.count += 1
        if self.count <= SHOWN_FAULTS:
            place = path if line is None else f"{path}:{line}"
            self.sentences.append(f"{place}: {sentence}")

    def __bool__(self) -> bool:
        return self.count > 0

    def raise_if_any(self) -> None:
        """Raise DataError with the first 20 sentences and the number of the others."""
        if not self.count:
            return
        more = self.count - len(self.sentences)
        tail = [f"… and {more} more fault{'s' if more > 1 else ''}."] if more else []
        raise DataError("\n".join(self.sentences + tail))
