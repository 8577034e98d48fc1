"""What evaluate and compare give, as JSON has it: names, numbers and lists."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Means(TypedDict):
    """Precision, recall and F1, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


class Scores(Means):
    """Precision, recall and F1 of a label, a type or of all spans."""

    support: int  # how many were to be found


class SpanScores(Scores):
    """The scores of all spans, and of each type."""

    types: dict[str, Scores]


class Part(TypedDict):
    """The words that were seen in training, or those that were not."""

    tokens: int
    accuracy: float


Bin = TypedDict(
    "Bin",
    {
        "from": float,  # ≤ certainty
        "to": float,  # > certainty, but for the last bin
        "tokens": NotRequired[int],
        "spans": NotRequired[int],
        "confidence": float,  # mean certainty
        "accuracy": float,
    },
)
"""The answers, of tokens or of spans, of which the model was so certain."""


class Calibration(TypedDict):
    """How far certainty can be trusted."""

    error: float  # expected calibration error
    bins: list[Bin]


class Counted(TypedDict):
    """The figures that are counts and fractions of counts."""

    tokens: int  # with a gold label
    sentences: int
    accuracy: float
    seen: NotRequired[Part]  # where the model knows the words of its training
    unseen: NotRequired[Part]
    labels: dict[str, Scores]  # of tokens
    micro: Means  # of spans or words where there are any, else of labels
    macro: Means
    token_micro: NotRequired[Means]  # of labels, where there are spans or words
    token_macro: NotRequired[Means]
    exact: NotRequired[float]  # several labels a token: those with all of them right
    spans: NotRequired[SpanScores]
    words: NotRequired[Scores]
    confusion: dict[str, dict[str, int]]  # gold label -> given label -> tokens


class SentenceRecord(TypedDict):
    """A sentence, and where it stands."""

    place: str  # file:line
    lines: list[int]
    tokens: list[str]
    columns: NotRequired[dict[str, list[str]]]


class WrongSentence(SentenceRecord):
    """A sentence of which a model has a label wrong."""

    gold: list[str | None]
    predicted: list[str]


class Wrong(TypedDict):
    """The sentences of which a model has a label wrong."""

    sentences: int
    examples: dict[str, dict[str, str]]  # gold label -> given label -> the first such token
    first: list[WrongSentence]  # as many as were asked for


class Evaluation(Counted):
    """The scores of a model on labelled text."""

    intervals: dict[str, list[float]]  # [low, high] of the main figures, 95 %
    documents: NotRequired[int]  # where the intervals are of samples of documents
    calibration: Calibration
    span_calibration: NotRequired[Calibration]
    wrong: NotRequired[Wrong]  # where it was asked for


class Difference(TypedDict):
    """A figure of the first model minus that of the second."""

    difference: float
    interval: list[float]  # [low, high], 95 %
    p: float  # two-sided


class Differing(TypedDict):
    """How many sentences or tokens get different labels, and who is right there."""

    differ: int
    model_right: int
    against_right: int


class DifferingSentence(SentenceRecord):
    """A sentence to which two models give different labels."""

    gold: list[str | None]
    model: list[str]
    against: list[str]


class Differences(TypedDict):
    """Where two models give different labels."""

    sentences: Differing
    tokens: Differing
    differing: list[DifferingSentence]


class Comparison(Differences):
    """Two models on the same labelled text."""

    model: Evaluation
    against: Evaluation
    differences: dict[str, Difference]  # by main figure
