"""TagOptions: how to tag, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias, get_type_hints

from windowclf.errors import DataError
from windowclf.system.arguments import check_kinds
from windowclf.system.limits import CACHE_MB, LONGEST_SENTENCE

_hints = cache(get_type_hints)
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

    def __post_init__(self) -> None:
        check_kinds(vars(self), _hints(TagOptions))
        if not 0 <= self.cache_mb < float("inf"):
            raise DataError(f"cache_mb: expected megabytes from 0 on, found {self.cache_mb}.")
        if self.longest_sentence < 1:
            found = self.longest_sentence
            raise DataError(f"longest_sentence: expected a number from 1 on, found {found}.")
        if self.n_best < 0:
            raise DataError(f"n_best: expected a number from 0 on, found {self.n_best}.")
