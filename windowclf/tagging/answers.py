"""What a tagger gives: the answer for a sentence, and spans of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from windowclf.arrays import Floats
from windowclf.tagging.decoding import LabelPath
from windowclf.text.sentence import Sentence


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A labelled stretch of a text: text[start:end], offsets in code points."""

    start: int
    end: int
    label: str  # empty for a word of a segmentation
    text: str
    score: float  # its probability: of a span or word as a whole, of a token's label


class Prediction(NamedTuple):
    """The answer for one sentence of N tokens."""

    sentence: Sentence
    labels: list[str]  # one per token, in the scheme of the training files
    probabilities: Floats | None = None  # (N, labels) in the order of Tagger.classes
    certainty: Floats | None = None  # (N,) probability of the label that was given
    n_best: list[LabelPath] | None = None  # the most probable sequences, where they were asked for
    span_scores: Floats | None = None  # (spans,) probability of each span or word, in order
