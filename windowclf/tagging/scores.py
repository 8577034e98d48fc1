"""theta of sentences: of a whole text in batches, of rows that are kept, or as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network import members
from windowclf.network.architecture import Architecture, Parameters
from windowclf.system.threads import ALONE, Workers
from windowclf.tagging import blocks
from windowclf.text.batches import Pieces, lay_out, make_batch, pack, pieces_of
from windowclf.text.corpus import Corpus
from windowclf.text.vocabulary import SlotRows


class Scores(Protocol):
    """theta of the N tokens of some sentences."""

    def stretches(self) -> Sequence[slice]:
        """All tokens in order, as many at a time as are good to take."""

    def of(self, tokens: slice | Ints) -> Floats:
        """theta (n, K) of some tokens."""


@dataclass(frozen=True)
class WholeScores:
    """theta (N, K) in memory."""

    theta: Floats

    def stretches(self) -> Sequence[slice]:
        """One."""
        return [slice(0, len(self.theta))]

    def of(self, tokens: slice | Ints) -> Floats:
        """theta (n, K) of some tokens."""
        return self.theta[tokens]


@dataclass(frozen=True)
class StretchedScores:
    """theta of a sentence too long to be held: computed for a stretch whenever it is asked for."""

    cuts: Sequence[int]  # where the stretches begin, and where the last one ends
    compute: Callable[[int, int], Floats]  # theta (end − first, K) of the tokens first … end − 1

    def stretches(self) -> Sequence[slice]:
        """As they were cut."""
        return [slice(a, b) for a, b in zip(self.cuts, self.cuts[1:], strict=False)]

    def of(self, tokens: slice | Ints) -> Floats:
        """theta (n, K) of one stretch, or of tokens (n,) in order."""
        if isinstance(tokens, slice):
            return self.compute(tokens.start, tokens.stop)
        parts = np.split(tokens, np.searchsorted(tokens, self.cuts[1:-1]))
        stretches = zip(self.stretches(), parts, strict=True)
        return np.concatenate([self.of(own)[n - own.start] for own, n in stretches if len(n)])


def corpus_scores(
    architecture: Architecture,
    parameters: Parameters,
    corpus: Corpus,
    slots: Sequence[SlotRows],
    workers: Workers = ALONE,
) -> Floats:
    """theta (N, K) for every token of a corpus, in its order. Memory grows with N·K alone."""
    theta = np.empty((len(corpus.tokens), architecture.classes), parameters["U"].dtype)
    k = architecture.window
    pieces: Pieces = pieces_of(corpus.starts, k, _longest(architecture))

    def one_batch(chosen: Ints) -> None:
        places = lay_out(corpus.tokens, pieces, chosen, k)
        batch = make_batch(places, corpus.labels, slots, k)
        theta[places.corpus] = members.scores(architecture, parameters, batch)

    batches = pack(pieces.sizes(), np.arange(len(pieces.begin)), blocks.TOKENS_AT_ONCE)
    workers.map(one_batch, batches)
    return theta


def windows_scores(
    architecture: Architecture,
    parameters: Parameters,
    rows: Ints,
    P: Floats,
    starts: Ints,
) -> Floats:
    """theta (N, K) of tokens given as rows (N,) of P (T, M·n·G), sentences at starts (S + 1,)."""
    theta = np.empty((len(rows), architecture.classes), P.dtype)
    k = architecture.window
    pieces: Pieces = pieces_of(starts, k, _longest(architecture))
    for chosen in pack(pieces.sizes(), np.arange(len(pieces.begin)), blocks.TOKENS_AT_ONCE):
        places = lay_out(rows, pieces, chosen, k)
        theta[places.corpus] = members.scores_of_windows(
            architecture, parameters, P, places.neighbours(k), places.lengths
        )
    return theta


def _longest(architecture: Architecture) -> int | None:
    """Tokens after which a sentence is cut, where that can be done exactly."""
    return None if architecture.needs_whole_sentences else blocks.TOKENS_AT_ONCE
