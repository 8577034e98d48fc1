"""TagOptions: how to tag, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from windowclf.system.limits import CACHE_MB, LONGEST_SENTENCE

Decode: TypeAlias = Literal["viterbi", "posterior"]


@dataclass(frozen=True)
class TagOptions:
    """What `load`, `predict_file` and `Tagger.tag` may be asked for besides the labels."""

    probabilities: bool = False
    """Beside the labels, the probabilities of all labels."""
    inside: bool = False
    """These are of the classes that the network learns (BIOES), not of the files' labels."""
    span_scores: bool = False
    """The probability of every span, or word of a segmentation, as a whole."""
    keep_labels: bool = False
    """Labels that a sentence has stay; those that are missing are chosen around them."""
    n_best: int = 0
    """How many label sequences of each sentence, of a CRF."""
    decode: Decode = "viterbi"
    """How a CRF chooses: the best path, or the legal one with the largest product of marginals."""
    longest_sentence: int = LONGEST_SENTENCE
    """The most tokens of a sentence for a recurrence or a CRF; other models take any."""
    cache_mb: float = CACHE_MB
    """Megabytes for rows of frequent tokens, for each thread that tags."""
