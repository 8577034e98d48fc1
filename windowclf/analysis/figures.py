"""What there is to say of the texts of a config: by a check, and at the head of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from windowclf.errors import Fault


class Share(TypedDict):
    """How many of something, and what part of all."""

    count: int
    share: float  # in [0, 1]


class Place(TypedDict):
    """Where a sentence begins."""

    path: str
    line: int  # from 1; of sentences in memory the number of the sentence


class Longest(Place):
    """The sentence with the most tokens."""

    tokens: int


class Counts(TypedDict):
    """What is counted in one text."""

    sentences: int  # rows of a table
    tokens: int  # characters of a segmentation
    unlabelled: int  # tokens without a label
    documents: NotRequired[int]  # where several are marked
    words: NotRequired[int]  # of a segmentation
    different_words: int  # of a table: different values of its slots
    labels: NotRequired[dict[str, int]]  # the most frequent first; not of a segmentation
    spans: NotRequired[dict[str, int]]  # by type, likewise
    scheme: NotRequired[str | None]  # of the labels; None where they fit none
    one_token: int  # sentences
    longest: Longest | None
    repeated: Share  # sentences that stand earlier in the same text


class TextFigures(Counts):
    """One text, and what of it train has."""

    files: list[str]
    passed_over: int  # records that their annotator has rejected or ignored
    faults: int
    in_train: NotRequired[Share]  # sentences that train has too
    unseen: NotRequired[Share]  # words that train has not
    new_labels: NotRequired[list[str]]  # that train has not


class Alike(TypedDict):
    """A rare label that is written nearly as a frequent one."""

    label: str
    count: int
    like: str
    like_count: int


class Conflicts(TypedDict):
    """Equal sentences with different labels."""

    texts: int  # different ones
    sentences: int
    examples: list[list[Place]]  # of the first texts two sentences each, labelled differently


class Check(TypedDict):
    """What there is to know of the texts of a config before a training."""

    task: str
    texts: dict[str, TextFigures]  # train, dev, replay and test, those that there are
    rare: dict[str, int]  # labels, or types of spans, that train hardly has
    alike: list[Alike]
    conflicts: Conflicts  # in all texts but test
    notes: list[str]  # of what the readers came across, as a training says it
    warnings: list[Fault]  # `key` is that of the config
    faults: list[Fault]
    more_faults: int  # that are not kept


@dataclass(frozen=True)
class TextSummary:
    """The size of a text."""

    sentences: int  # rows of a table
    tokens: int  # characters of a segmentation
    unseen: int | None = None  # tokens whose words train has not, where that is told apart


@dataclass(frozen=True)
class Summary:
    """What a training has read before its first step."""

    task: str
    train: TextSummary  # without what is held out or replayed
    shares: Mapping[str, float]  # label -> part of the tokens, or type -> of the spans;
    # the most frequent first, nothing for a segmentation
    dev: TextSummary | None
    warnings: Sequence[Fault]  # that `check` would give, as far as this is known without it
