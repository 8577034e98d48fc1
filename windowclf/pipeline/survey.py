"""The texts of a config read to be looked at: every fault is noted, and no sentence is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from windowclf import config as cfg
from windowclf.analysis.profile import Profile
from windowclf.errors import DataError, Faults
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.reading import guessed, longest_sentence
from windowclf.pipeline.texts import Text
from windowclf.text.formats import Layout, Remarks
from windowclf.text.sentence import Sentence, too_long
from windowclf.text.units import held_out


@dataclass
class Surveyed:
    """A text that was read to its end."""

    text: Text
    profile: Profile
    faults: Faults = field(default_factory=Faults)
    remarks: Remarks = field(default_factory=Remarks)
    digest: str = ""  # sha256 of all that was read


class Survey:
    """Reads texts as a config says; the listener is told how far that is."""

    def __init__(
        self, config: cfg.Config, layout: Layout, texts: Mapping[str, Text], listener: Listener
    ):
        self._config, self._layout, self._listener = config, layout, listener
        self._done, self._size = 0, 1
        for name, text in texts.items():
            twice = name == "train" and isinstance(config.data.dev, cfg.Holdout)
            self._size += (1 + twice) * sum(map(_bytes_of, text.files))

    def read(self, text: Text) -> Surveyed:
        """What there is in a text."""
        found = Surveyed(text, Profile(self._layout.task, text.name))
        for sentence in self._sentences(text, found):
            found.profile.add(sentence)
        return found

    def read_divided(self, text: Text, share: float) -> tuple[Surveyed, Surveyed]:
        """What there is in a text without its last units, and in these, as training divides them.

        The text is read twice: where it is divided is known at its end.
        """
        found = Surveyed(text, Profile(self._layout.task, text.name))
        units = _units_of(self._sentences(text, found))
        count = held_out([range(size) for size in units], share)
        kept = sum(units[: len(units) - count])
        held = Surveyed(Text("dev, held out of train"), Profile(self._layout.task))
        again = self._sentences(text, Surveyed(text, found.profile))
        for number, sentence in enumerate(again):
            (found if number < kept else held).profile.add(sentence)
        return found, held

    def _sentences(self, text: Text, found: Surveyed) -> Iterator[Sentence]:
        """The sentences of all files without those that have faults, which are noted."""
        digest, remarks = hashlib.sha256(), found.remarks
        longest = longest_sentence(self._config)
        for part in text.parts:
            faults, own = Faults(), Faults()  # of the file, and of sentences that were read well
            try:
                for sentence in part.read(
                    self._layout, digest, self._on_bytes, remarks, guessed(self._config), faults
                ):
                    if fault := too_long(sentence, longest):
                        own.add(sentence.path, fault.line, fault.sentence)
                    else:
                        yield sentence
            except DataError as error:
                faults.include(error)
            faults.join(own)
            faults.kept.sort(key=lambda fault: fault.line or 0)
            found.faults.join(faults)
        found.digest = digest.hexdigest()

    def _on_bytes(self, count: int) -> None:
        """Tell the listener that so many bytes more are read."""
        self._done += count
        self._listener.reading(min(1.0, self._done / self._size))


def _units_of(sentences: Iterator[Sentence]) -> list[int]:
    """The number of sentences in each unit that is not to be torn apart, see text.units."""
    marked, sizes = False, []
    for (_, document), group in groupby(sentences, lambda s: (s.path, s.document)):
        marked = marked or document > 0
        sizes.append(sum(1 for _ in group))
    return sizes if marked else [1] * sum(sizes)


def _bytes_of(path: str) -> int:
    """The size of a file; 0 where that cannot be known, for reading it says what is wrong."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0
