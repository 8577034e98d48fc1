"""Sentences of a batch side by side: how the recursions over label sequences walk through them.

The loop is over time steps only. Positions of a trellis are the batch's tokens in the order of
their time step, longest sentence first within a step, so that the tokens of step t are a slice and
continue the first sentences of the slice before it. Each step is one product on contiguous rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Ints


class NoPath(ValueError):
    """Every label sequence of some sentences is forbidden.

    `sentences` (count,) are their numbers in the batch, one or more, given in any order and kept
    ascending; `sentence` is the first of them.
    """

    def __init__(self, sentences: Ints) -> None:
        self.sentences = np.sort(sentences)
        self.sentence = int(self.sentences[0])
        super().__init__(
            f"every label sequence of sentence {self.sentence} of the batch is forbidden"
        )


class Trellis(NamedTuple):
    """N tokens of S′ sentences, none of them empty."""

    sentences: Ints  # (S′,) number of each sentence in the batch, longest first
    rows: Ints  # (N,) row of theta of each position
    chains: Ints  # (N,) 0 … S′ − 1, whose token each position is
    offsets: list[int]  # (steps + 1,) step t is the positions offsets[t] … offsets[t + 1] − 1
    previous: Ints  # (N − S′,) position of the token before, for positions S′ … N − 1
    last: Ints  # (S′,) position of each sentence's last token; the first ones are 0 … S′ − 1

    def steps(self) -> list[tuple[slice, slice]]:
        """For each step from the second on: the slice of its positions, and of those before."""
        at = self.offsets
        return [
            (slice(at[t], at[t + 1]), slice(at[t - 1], at[t - 1] + at[t + 1] - at[t]))
            for t in range(1, len(at) - 1)
        ]


def side_by_side(lengths: Ints, reverse: bool = False, used: Bools | None = None) -> Trellis:
    """The trellis of S sentences of `lengths` (S,), or of those of them that `used` (S,) marks.

    Sentences stand one after another in the rows of the batch; empty ones are left out. With
    `reverse` the first step is that of their last tokens.
    """
    starts = np.cumsum(lengths) - lengths
    if used is not None:
        lengths = np.where(used, lengths, 0)
    sentences = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    starts, lengths = starts[sentences], lengths[sentences]
    longest = int(lengths[0]) if len(lengths) else 0
    active = np.searchsorted(-lengths, -np.arange(longest))  # sentences longer than t
    offsets = np.concatenate([[0], np.cumsum(active)])
    t = np.repeat(np.arange(longest), active)  # (N,) the time step of each position
    chains = np.arange(len(t)) - offsets[t]
    first = len(sentences)
    previous = np.arange(first, len(t)) - active[t[first:] - 1]
    last = offsets[lengths - 1] + np.arange(first)
    rows = starts[chains] + (lengths[chains] - 1 - t if reverse else t)
    return Trellis(sentences, rows, chains, offsets.tolist(), previous, last)


def unary_scores(theta: Floats, trellis: Trellis, start: Floats, end: Floats) -> Floats:
    """unary_t = theta_t, + start at first tokens, + end at last ones.

    theta (B, K), start (K,), end (K,)  ->  (N, K) float64, by position. All that a path collects
    besides transitions, so that no recursion needs a special first or last step.
    """
    unary = np.take(theta, trellis.rows, axis=0).astype(np.float64)
    unary[: len(trellis.sentences)] += start
    unary[trellis.last] += end
    return unary
