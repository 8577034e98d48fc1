"""Scores, the theta of sentences: of a whole text in batches, from kept rows of P, or on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network import members
from windowclf.network.architecture import Architecture, Parameters
from windowclf.system.threads import ALONE, Workers
from windowclf.tagging import blocks
from windowclf.text.batches import (
    Pieces,
    lay_out,
    make_batch,
    pack,
    pieces_of,
    sentence_windows,
)
from windowclf.text.corpus import Corpus
from windowclf.text.vocabulary import SlotRows


class Scores(Protocol):
    """theta (N, K) of the N tokens of some sentences."""

    def stretches(self) -> Sequence[slice]:
        """All N tokens in order, as stretches of which `of` can be asked for one at a time."""

    def of(self, tokens: slice | Ints) -> Floats:
        """theta of a stretch, or of tokens in rising order.   tokens (some,)  ->  (some, K)."""


@dataclass(frozen=True)
class WholeScores:
    """theta of all tokens in memory."""

    theta: Floats  # (N, K)

    def stretches(self) -> Sequence[slice]:
        """One stretch of all tokens."""
        return [slice(0, len(self.theta))]

    def of(self, tokens: slice | Ints) -> Floats:
        """theta of a stretch, or of any tokens.   tokens (some,)  ->  (some, K)."""
        return self.theta[tokens]


@dataclass(frozen=True)
class StretchedScores:
    """theta of a sentence too long to be held: computed for a stretch whenever it is asked for."""

    cuts: Sequence[int]  # where the stretches begin, and where the last one ends
    compute: Callable[[int, int], Floats]  # theta (end − first, K) of the tokens first … end − 1

    def stretches(self) -> Sequence[slice]:
        """The stretches between the cuts."""
        return [slice(begin, end) for begin, end in pairwise(self.cuts)]

    def of(self, tokens: slice | Ints) -> Floats:
        """theta of one stretch, or of tokens in rising order.   tokens (some,)  ->  (some, K)."""
        if isinstance(tokens, slice):
            return self.compute(tokens.start, tokens.stop)
        parts = np.split(tokens, np.searchsorted(tokens, self.cuts[1:-1]))
        stretches = zip(self.stretches(), parts, strict=True)
        return np.concatenate(
            [self.of(stretch)[own - stretch.start] for stretch, own in stretches if len(own)]
        )


def corpus_scores(
    architecture: Architecture,
    parameters: Parameters,
    corpus: Corpus,
    slots: Sequence[SlotRows],
    workers: Workers = ALONE,
) -> Floats:
    """theta of every token of a corpus, in its order.   ->  (N, K). Memory grows with N·K alone.

    `slots` is what each feature reads of the corpus's distinct tokens.
    """
    theta = np.empty((len(corpus.tokens), architecture.classes), parameters["U"].dtype)
    k = architecture.window
    pieces, batches = _batches(architecture, corpus.starts)

    def one_batch(chosen: Ints) -> None:
        """theta of the chosen (pieces of a batch,)."""
        places = lay_out(corpus.tokens, pieces, chosen, k)
        batch = make_batch(places, corpus.labels, slots, k)
        theta[places.corpus] = members.scores(architecture, parameters, batch)

    workers.map(one_batch, batches)
    return theta


def windows_scores(
    architecture: Architecture,
    parameters: Parameters,
    rows: Ints,
    P: Floats,
    lengths: Ints,
) -> Floats:
    """theta of every token of a text whose tokens have rows in P, row 0 the boundary's.

    rows (N,) of P (T, M·n·G); lengths (S,) of the sentences  ->  (N, K).
    """
    k = architecture.window
    if len(rows) <= 2 * blocks.TOKENS_AT_ONCE:  # nearly always
        neighbours = sentence_windows(rows, lengths, k)
        return members.scores_of_windows(architecture, parameters, P, neighbours, lengths)
    theta = np.empty((len(rows), architecture.classes), P.dtype)
    pieces, batches = _batches(architecture, np.concatenate([[0], np.cumsum(lengths)]))
    for chosen in batches:
        places = lay_out(rows, pieces, chosen, k)
        theta[places.corpus] = members.scores_of_windows(
            architecture, parameters, P, places.neighbours(k), places.lengths
        )
    return theta


def _batches(architecture: Architecture, starts: Ints) -> tuple[Pieces, list[Ints]]:
    """The sentences at starts (S + 1,) as pieces, and which of them each batch has.

    The latter are the numbers of pieces, (pieces of a batch,) for each. Long sentences are cut
    where that can be done exactly.
    """
    longest = None if architecture.needs_whole_sentences else blocks.TOKENS_AT_ONCE
    pieces = pieces_of(starts, architecture.window, longest)
    return pieces, pack(pieces.sizes(), np.arange(len(pieces.begin)), blocks.TOKENS_AT_ONCE)
