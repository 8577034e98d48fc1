"""Column, all that stands at one place of a file, and which of some are words and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from windowclf.errors import quoted
from windowclf.text.formats.layout import Task
from windowclf.text.sentence import NO_LABEL
from windowclf.text.spans import Scheme, is_label

ALIKE = 0.98  # of the values of a column of span labels, that must be some
NEARLY = 0.8  # of the most different values that a column has: one of as many may be the words
FEW = 50  # labels, which any column may have,
OFTEN = 10  # else as many as stand there so often on average
SHOWN = 4  # values in a sentence
SCHEMES: tuple[Scheme, ...] = ("BIO", "BILOU", "BIOES", "BMES", "BMEWO")  # with all letters
NOTHING = NO_LABEL | {"_"}
Place = int | str  # the number or name of a column


@dataclass(frozen=True)
class Column:
    """The values of a column, sentence by sentence."""

    sentences: Sequence[Sequence[str]]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value stands there."""
        return Counter(chain.from_iterable(self.sentences))

    @cached_property
    def size(self) -> int:
        """How many values there are in all."""
        return self.counts.total()

    @cached_property
    def is_spans(self) -> bool:
        """Whether it has labels of spans, and one at least that is not O."""
        spans = sum(n for value, n in self.counts.items() if is_span_label(value))
        nothing = sum(self.counts[value] for value in NO_LABEL | {"O"})
        return spans > 0 and spans + nothing >= ALIKE * self.size

    @cached_property
    def is_numbering(self) -> bool:
        """Whether it numbers the tokens of each sentence."""
        starts = all(sentence[0] in ("0", "1") for sentence in self.sentences if sentence)
        return starts and all(value.isdecimal() for value in self.counts)

    @property
    def has_labels(self) -> bool:
        """Whether it may be labels of tokens: some values, each of which often."""
        kinds = len(self.counts.keys() - NOTHING)
        return 1 < kinds <= max(FEW, self.size // OFTEN) and not self.is_numbering

    @property
    def is_outside(self) -> bool:
        """Whether all of it is the label of no span."""
        return self.counts.keys() - NO_LABEL == {"O"}

    @property
    def is_constant(self) -> bool:
        """Whether all of several values are the same."""
        return self.size > 1 and len(self.counts) == 1

    def shown(self) -> str:
        """Its most frequent values, O at the end, as a sentence lists them."""
        common = [value for value, _ in self.counts.most_common() if value not in NOTHING | {"O"}]
        listed = [value if value.isalnum() else quoted(value)[1:-1] for value in common]
        more = ["…"] if len(listed) > SHOWN else []
        return ", ".join([*listed[:SHOWN], *more, *(["O"] if "O" in self.counts else [])])


def is_span_label(value: str) -> bool:
    """Whether a value is a label of a span in some scheme, as B-PER."""
    return value != "O" and any(is_label(value, scheme) for scheme in SCHEMES)


class Choice(NamedTuple):
    """Which of some columns seem to be the words and the labels."""

    task: Task
    token: Place
    label: Place
    others: tuple[Place, ...]  # that could be the label too


def choose(columns: Mapping[Place, Column], task: Task | None) -> Choice | None:
    """The words and labels among some columns; None where they are not there.

    Labels of spans are preferred, unless the task says that none are wanted, then the last column;
    words are the first that has about as many different values as any.
    """
    spans = [place for place, column in columns.items() if column.is_spans]
    spans = spans or [place for place, column in columns.items() if column.is_outside]
    token = words_among(columns, spans)
    if token is None or (task == "spans" and not spans):
        return None
    tags = [p for p, c in columns.items() if c.has_labels and p not in (token, *spans)]
    rest = [p for p in columns if p not in (token, *spans) and _says_something(columns[p])]
    wanted = tags + spans if task != "tagging" else spans + (tags or ([] if spans else rest))
    wanted = wanted or rest
    if not wanted:
        return None
    label = wanted[-1]
    found: Task = "spans" if label in spans and task != "tagging" else "tagging"
    return Choice(found, token, label, tuple(place for place in wanted if place != label))


def words_among(columns: Mapping[Place, Column], spans: Sequence[Place] = ()) -> Place | None:
    """The column that seems to be the words, none of these; None where no column can be."""
    may_be = {
        place: len(column.counts)
        for place, column in columns.items()
        if place not in spans and not column.is_numbering and not column.is_constant
    }
    most = max(may_be.values(), default=0)
    return next((place for place, kinds in may_be.items() if kinds >= NEARLY * most), None)


def _says_something(column: Column) -> bool:
    """Whether a column is of one label throughout: no model can learn it, but it is the label."""
    return column.is_constant and not column.counts.keys() <= NOTHING | {"-X-"}
