"""Profile, what is counted in a text while it goes by: no sentence is kept, only its prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from windowclf.analysis.figures import Counts, Longest, Share
from windowclf.analysis.prints import Prints, repeated
from windowclf.text.formats import Task
from windowclf.text.formats.segmentation import words_of
from windowclf.text.schemes import LabelSurvey
from windowclf.text.sentence import NOWHERE, Sentence


class Profile:
    """What the sentences of a text have, counted one after the other."""

    def __init__(self, task: Task, name: str = NOWHERE):
        """`name` is what sentences are said to be in that are in no file."""
        self.task, self.name = task, name
        self.sentences = self.tokens = self.one_token = 0
        self.words: Counter[Hashable] = Counter()  # of a table: (slot, value)
        self.survey = LabelSurvey()  # of spans
        self.prints = Prints()
        self.longest: Longest | None = None
        self._labels: Counter[str | None] = Counter()
        self._documents = 0
        self._document: tuple[str, int] | None = None  # the last one
        self._marked = False  # whether a file has several

    def add(self, sentence: Sentence) -> None:
        """Count a sentence."""
        gold, size = sentence.gold, len(sentence.tokens)
        self.sentences += 1
        self.tokens += size
        self.one_token += size == 1
        self._labels.update(gold)
        self.words.update(_words_in(sentence, self.task))
        if self.task == "spans":
            self.survey.add(gold)
        path = self.name if sentence.path == NOWHERE else sentence.path
        document = path, sentence.document
        if document != self._document:
            self._document = document
            self._documents += 1
            self._marked = self._marked or sentence.document > 0
        line = sentence.lines[0] if sentence.lines else self.sentences
        if self.longest is None or size > self.longest["tokens"]:
            self.longest = {"path": path, "line": line, "tokens": size}
        self.prints.add(_said_in(sentence, self.task), gold, path, line)

    @property
    def labels(self) -> dict[str, int]:
        """Label -> how many tokens have it, the most frequent first."""
        return {label: n for label, n in self._labels.most_common() if label is not None}

    @property
    def kinds(self) -> dict[str, int]:
        """What the task tells apart: for spans type -> spans, else label -> tokens."""
        return self.survey.types() if self.task == "spans" else self.labels

    def counts(self) -> Counts:
        """All that was counted."""
        found: Counts = {
            "sentences": self.sentences,
            "tokens": self.tokens,
            "unlabelled": self._labels[None],
            "different_words": len(self.words),
            "one_token": self.one_token,
            "longest": self.longest,
            "repeated": share_of(repeated(self.prints.texts()), self.sentences),
        }
        if self._marked:
            found["documents"] = self._documents
        if self.task == "segmentation":
            found["words"] = self.words.total()
        else:
            found["labels"] = self.labels
        if self.task == "spans":
            found["spans"] = self.survey.types()
            found["scheme"] = self.survey.scheme()
        return found


def unseen(profile: Profile, known: Profile) -> Share:
    """The words of a text that another one has not."""
    count = sum(n for word, n in profile.words.items() if word not in known.words)
    return share_of(count, profile.words.total())


def share_of(count: int, total: int) -> Share:
    """So many of so many; none of none."""
    return {"count": count, "share": count / total if total else 0.0}


def _words_in(sentence: Sentence, task: Task) -> Iterable[Hashable]:
    """What may be seen or unseen: the words of a sentence, or the values of a row."""
    if task == "slots":
        return [(name, column[0]) for name, column in sentence.columns.items()]
    if task == "segmentation":
        labels = [label for label in sentence.gold if label is not None]
        return words_of(sentence, labels) if len(labels) == len(sentence.tokens) else ()
    return sentence.tokens


def _said_in(sentence: Sentence, task: Task) -> Hashable:
    """By what sentences are equal: their tokens, or the slots of a row."""
    if task == "slots":
        return tuple((name, column[0]) for name, column in sentence.columns.items())
    return tuple(sentence.tokens)
