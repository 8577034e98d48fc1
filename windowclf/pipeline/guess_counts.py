"""What a labelled file holds, counted while it is read to be guessed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from windowclf.pipeline.input_files import files_of
from windowclf.pipeline.listener import Listener
from windowclf.text.formats import BINARY, Layout, Remarks, open_bytes, read_sentences
from windowclf.text.formats.documents import SKIPPED
from windowclf.text.schemes import LabelSurvey
from windowclf.text.sentence import Sentence

SAMPLE = 4, 12  # tokens of a sentence that is shown, if there is one such


@dataclass(frozen=True)
class Counts:
    """What a labelled file holds."""

    sentences: int
    tokens: int
    documents: int  # 0 where none are marked
    labels: Counter[str]
    types: Counter[str]  # of spans, where labels mark some
    unlabelled: int  # tokens without a label
    sizes: Sequence[int]  # sentences of each document

    @property
    def is_marked(self) -> bool:
        """Whether documents of several sentences are marked."""
        return 0 < self.documents < self.sentences


def count(path: str, layout: Layout, listener: Listener) -> Counting:
    """What a file holds, read to its end. Raises DataError where it cannot be read so."""
    counting = Counting()
    for sentence in read(path, layout, listener, counting.remarks):
        counting.add(sentence)
    return counting


class Counting:
    """Counts the sentences of a file, and keeps one that shows well how they are read."""

    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.sample: Sentence | None = None
        self.survey, self.remarks = LabelSurvey(), Remarks()
        self._tokens = self._unlabelled = 0
        self._sizes: list[int] = []  # sentences of each document
        self._document, self._shows = -1, False

    def add(self, sentence: Sentence) -> None:
        """Count a sentence."""
        if sentence.document != self._document:
            self._document = sentence.document
            self._sizes.append(0)
        self._sizes[-1] += 1
        self.survey.add(sentence.gold)
        self._tokens += len(sentence.tokens)
        self.labels.update(label for label in sentence.gold if label is not None)
        self._unlabelled += sum(label is None for label in sentence.gold)
        if not self._shows:
            self._shows = _shows_well(sentence)
            if self.sample is None or self._shows:
                self.sample = sentence.without_source()

    @property
    def skipped(self) -> int:
        """How many spans were passed over, as they cut a token or overlap another."""
        return self.remarks.counts[SKIPPED]

    @property
    def spans(self) -> int:
        """How many spans there are, with those that were passed over."""
        return self.survey.spans() + self.skipped

    def remarks_in(self, layout: Layout, name: str) -> tuple[str, ...]:
        """What there is to say of a text of this name, read in a layout, as a training says it."""
        survey = self.survey if layout.task == "spans" else LabelSurvey()
        remarks = replace(self.remarks, survey=survey)
        return tuple(f"{name}: {sentence}" for sentence in remarks.sentences(layout.scheme))

    def counts(self) -> Counts:
        """What was counted."""
        sentences = sum(self._sizes)
        sizes = self._sizes if len(self._sizes) > 1 else [1] * sentences
        documents = len(self._sizes) if len(self._sizes) > 1 else 0
        return Counts(
            sentences,
            self._tokens,
            documents,
            self.labels,
            Counter(self.survey.types()),
            self._unlabelled,
            sizes,
        )


def _shows_well(sentence: Sentence) -> bool:
    """Whether a sentence is neither short nor long, and has a label of more than no span."""
    least, most = SAMPLE
    return least <= len(sentence.tokens) <= most and any(
        label not in (None, "O") for label in sentence.gold
    )


def read(
    path: str, layout: Layout, listener: Listener, remarks: Remarks | None = None
) -> Iterator[Sentence]:
    """The sentences of a file, empty ones left out; the listener is told how far it is."""
    noted = remarks or Remarks()
    for name in files_of(path, "--data"):
        with open_bytes(name, layout.format not in BINARY) as file:
            size = max(1, os.fstat(file.fileno()).st_size)
            for sentence in read_sentences(file, layout, name, noted):
                if sentence.tokens:
                    listener.working("reading", min(1.0, file.tell() / size))
                    yield sentence
