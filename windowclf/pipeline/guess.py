"""guess_file: what a labelled file is, from its beginning, and then from all that it holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from windowclf.errors import DataError, Fault, legible, quoted
from windowclf.pipeline.guess_tools import guess_of_tool, tool_format
from windowclf.pipeline.input_files import files_of
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.system.paths import kind_at
from windowclf.text.formats import BINARY, Layout, Remarks, Task, open_bytes, read_sentences
from windowclf.text.guess import Found, Look, guess_layout
from windowclf.text.guess.values import is_span_label
from windowclf.text.schemes import LabelSurvey, advice_on
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Scheme
from windowclf.text.units import held_out

LOOKED_AT = 1 << 20  # bytes of a file that say what it is
OR_IOB1 = "labels that are I- throughout may be IOB1 as well: set data.scheme: IOB1 if they are."
SAMPLE = 4, 12  # tokens of a sentence that is shown, if there is one such


@dataclass(frozen=True)
class Counts:
    """What a labelled file holds."""

    sentences: int
    tokens: int
    documents: int  # 0 where none are marked
    labels: Counter[str]
    unlabelled: int  # tokens without a label
    sizes: Sequence[int]  # sentences of each document

    @property
    def is_marked(self) -> bool:
        """Whether documents of several sentences are marked."""
        return 0 < self.documents < self.sentences


@dataclass(frozen=True)
class Guess:
    """What a file seems to be, why, and what it holds when it is read so."""

    path: str
    found: Found
    layout: Layout
    counts: Counts
    sample: Sentence

    @property
    def reasons(self) -> dict[str, tuple[str, str]]:
        """Each key that was guessed -> its value, and what in the file says so."""
        layout, why = self.layout, dict(self.found.why)
        values: dict[str, Any] = {"task": layout.task, "format": layout.format}
        values |= {"token": layout.token, "label": layout.label, "scheme": layout.scheme}
        return {key: (str(values[key]), why[key]) for key in values if key in why}

    def held_out(self, share: float) -> tuple[int, int] | None:
        """How many documents, else sentences, of how many a holdout of a share takes.

        None where there is nothing to share out.
        """
        units = [range(size) for size in self.counts.sizes]
        return None if len(units) < 2 else (held_out(units, share), len(units))


def guess_file(path: str, task: Task | None = None, listener: Listener = SILENT) -> Guess:
    """What a labelled file is. Raises DataError where no model can learn from it as it is."""
    found = _found(path, task)
    layout, survey = found.layout, LabelSurvey()
    unchecked = replace(layout, task="tagging") if found.in_scheme else layout
    counting = _Counting()
    for sentence in _read(path, unchecked, listener):
        counting.add(sentence)
        survey.add(sentence.gold)
    if found.in_scheme:
        layout = replace(layout, scheme=_scheme(survey))
        for _ in () if survey.scheme() else _read(path, layout, listener):
            pass  # which says what is wrong with its labels
        found = replace(found, why={**found.why, "scheme": _why_scheme(survey, layout)})
    found = replace(found, doubts=(*found.doubts, *_doubts(survey, layout)))
    if counting.sample is None:
        raise DataError(Fault("no sentence found; expected labelled text.", path))
    if len(counting.labels) < 2:
        raise DataError(Fault(_too_few(counting.labels, found), path))
    if "label" in found.why:
        kinds = f"{found.why['label']}, {len(counting.labels):,} different ones"
        found = replace(found, why={**found.why, "label": kinds})
    return Guess(path, found, layout, counting.counts(), counting.sample)


def _found(path: str, task: Task | None) -> Found:
    """What the beginning of a file says. Raises DataError where that is nothing to learn from."""
    _refuse_pipe(path)
    format_ = tool_format(path)
    return (
        guess_layout(look_at(path, task)) if format_ is None else guess_of_tool(path, format_, task)
    )


def _refuse_pipe(path: str) -> None:
    """Raise DataError for what a config cannot name, as it can be read only once."""
    kind = kind_at(Path(path), follow=True)
    if kind in ("a pipe", "a character device"):
        raise DataError(
            Fault(f"expected a file, found {kind}; a config names files, so put it in one.", path)
        )


def look_at(path: str, task: Task | None) -> Look:
    """The beginning of a file, for guessers. Raises DataError for what is no file of text."""
    with open_bytes(path) as file:
        head = file.read(LOOKED_AT)
        if len(head) == LOOKED_AT and b"\n" in head:
            head = head[: head.rindex(b"\n") + 1]
    return Look(path, head.decode("utf-8", "replace").lstrip("\ufeff"), task)


def same_format(path: str, guess: Guess, to_be_read: bool = False) -> None:
    """Raise DataError unless a file begins in the format of another one, which was guessed.

    What is `to_be_read` in that format may also begin in none, for its reader to tell.
    """
    _refuse_pipe(path)
    try:
        format_ = _found(path, guess.layout.task).layout.format
    except DataError:
        if to_be_read:
            return
        raise
    if format_ != guess.layout.format:
        raise DataError(
            Fault(
                f"expected {guess.layout.format} as in {legible(guess.path)}, found {format_}; "
                "write both in one format.",
                path,
            )
        )


def count_file(path: str, layout: Layout, listener: Listener = SILENT) -> Counts:
    """What a further labelled file holds. Raises DataError where it cannot be read so."""
    counting = _Counting()
    for sentence in _read(path, layout, listener):
        counting.add(sentence)
    if counting.sample is None:
        raise DataError(Fault("no sentence found; expected labelled text.", path))
    return counting.counts()


class _Counting:
    """Counts the sentences of a file, and keeps one that shows well how they are read."""

    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.sample: Sentence | None = None
        self._tokens = self._unlabelled = 0
        self._sizes: list[int] = []  # sentences of each document
        self._document, self._shows = -1, False

    def add(self, sentence: Sentence) -> None:
        """Count a sentence."""
        if sentence.document != self._document:
            self._document = sentence.document
            self._sizes.append(0)
        self._sizes[-1] += 1
        self._tokens += len(sentence.tokens)
        self.labels.update(label for label in sentence.gold if label is not None)
        self._unlabelled += sum(label is None for label in sentence.gold)
        if not self._shows:
            self._shows = _shows_well(sentence)
            if self.sample is None or self._shows:
                self.sample = sentence.without_source()

    def counts(self) -> Counts:
        """What was counted."""
        sentences = sum(self._sizes)
        sizes = self._sizes if len(self._sizes) > 1 else [1] * sentences
        documents = len(self._sizes) if len(self._sizes) > 1 else 0
        return Counts(sentences, self._tokens, documents, self.labels, self._unlabelled, sizes)


def _shows_well(sentence: Sentence) -> bool:
    """Whether a sentence is neither short nor long, and has a label of more than no span."""
    least, most = SAMPLE
    return least <= len(sentence.tokens) <= most and any(
        label not in (None, "O") for label in sentence.gold
    )


def _read(path: str, layout: Layout, listener: Listener) -> Iterator[Sentence]:
    """The sentences of a file, empty ones left out; the listener is told how far it is."""
    for name in files_of(path, "--data"):
        with open_bytes(name, layout.format not in BINARY) as file:
            size = max(1, os.fstat(file.fileno()).st_size)
            for sentence in read_sentences(file, layout, name, Remarks()):
                if sentence.tokens:
                    listener.working("reading", min(1.0, file.tell() / size))
                    yield sentence


def _scheme(survey: LabelSurvey) -> Scheme:
    """The scheme of some labels, whatever those are that no scheme has."""
    return survey.respelt(lambda label: label if is_span_label(label) else "O").scheme() or "BIO"


def _doubts(survey: LabelSurvey, layout: Layout) -> Iterator[str]:
    """What else the labels of a file may be."""
    if layout.task == "spans" and layout.scheme == "IO":
        yield OR_IOB1
    if layout.task == "tagging" and "O" in survey.labels:
        label = min(survey.labels - {"O"}, default="O")
        advice = advice_on(survey, "BIO", "set data.scheme: {}")(label)
        if "write it as" in advice:
            yield f"{quoted(label)} beside O may be a span: {advice}, and task: spans."


def _why_scheme(survey: LabelSurvey, layout: Layout) -> str:
    """What the labels of a file say of their scheme."""
    spans, unlike = survey.spans(), survey.unlike(layout.scheme)
    if not unlike:
        return f"all labels of {spans:,} spans follow one another so"
    return f"of {spans:,} spans all but {unlike:,} labels follow one another so"


def _too_few(labels: Counter[str], found: Found) -> str:
    """A sentence about a file with one label or none."""
    if not labels:
        return "no token has a label; expected two labels at least."
    if found.layout.task == "segmentation":
        return "every character is a word; expected words of several, between spaces."
    said = f"found {quoted(next(iter(labels)))} at all of {labels.total():,} tokens"
    advice = "".join(f" {doubt[0].upper()}{doubt[1:]}" for doubt in found.doubts[:1])
    return f"expected two labels at least, {said}; there is nothing to learn.{advice}"
