"""The best legal path where tokens are scored one by one: what is illegal is mended in place.

Without constraints the best path takes the best label of every token. Constraints are put back only
around the places where that path breaks them: such a stretch is decoded by Viterbi with its own
constraints but free at its borders, and it grows as long as it does not fit its neighbours. A path
that is best with some constraints left out and breaks none of those is best with all of them, so
that the answer is exact, and a path that is legal from the beginning costs one look-up a token.

It is worth its length: on 30,000 tokens with 17 labels (BIOES) and one place in fifty illegal it
takes a tenth of the time of `viterbi` over all of them, 0.0013 s against 0.013 s, and a hundredth
where nothing is illegal.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network.kernels.decoding import forbid, viterbi
from windowclf.network.kernels.trellis import NoPath

AT_ONCE = 8192  # tokens that are mended together
HIGHEST = 1e290  # of a score; with larger ones or NaN no sum would be the largest


class Stretches(NamedTuple):
    """Stretches of tokens in order, apart from one another, each within a sentence."""

    begins: Ints  # (stretches,) the first token of each
    ends: Ints  # (stretches,) the token after its last

    def take(self, which: Ints | slice) -> Stretches:
        """Those of the stretches that `which` (chosen,) numbers, or a run of them."""
        return Stretches(self.begins[which], self.ends[which])

    def tokens(self) -> Ints:
        """The tokens of all stretches, one stretch after another  ->  (tokens,)."""
        sizes = self.ends - self.begins
        before = np.cumsum(sizes) - sizes
        tokens: Ints = np.arange(sizes.sum()) + np.repeat(self.begins - before, sizes)
        return tokens


def mended(
    path: Ints,
    lengths: Ints,
    start_ok: Bools,
    ok: Bools,
    end_ok: Bools,
    scores_of: Callable[[Ints], Floats],
    skipped: Ints | None = None,
) -> Ints:
    """The legal path with the largest sum of scores of each sentence.

    path (N,) the best label of each token, lengths (S,)  ->  (N,) class indices. start_ok (K,),
    ok (K, K) [from, to] and end_ok (K,) say what is legal. `scores_of` gives the scores (tokens, K)
    of some tokens (tokens,); −inf forbids a label, but not all of a token. The sentences `skipped`
    (skipped,) stay as they are. NoPath where a sentence has no legal path.
    """
    path, ends = path.copy(), np.cumsum(lengths)
    starts, legal = ends - lengths, (start_ok, ok, end_ok)
    broken = _broken(path, starts[lengths > 0], ends[lengths > 0] - 1, *legal)
    if skipped is not None:
        broken = broken[~np.isin(np.searchsorted(ends, broken, side="right"), skipped)]
    decoded, reach = Stretches(broken[:0], broken[:0]), 2
    while len(broken):
        i = np.searchsorted(ends, broken, side="right")  # the sentence of each
        low, high = np.maximum(broken - reach, starts[i]), np.minimum(broken + reach + 1, ends[i])
        decoded = _united(decoded, Stretches(low, high))
        now = decoded.take(_distinct(np.searchsorted(decoded.begins, broken, side="right") - 1))
        i = np.searchsorted(ends, now.begins, side="right")
        first, last = now.begins == starts[i], now.ends == ends[i]
        for part in _parts(now):
            tokens = (some := now.take(part)).tokens()
            try:
                path[tokens] = _best(scores_of(tokens), some, first[part], last[part], *legal)
            except NoPath as none:
                raise NoPath(np.unique(i[part][none.sentences])) from none
        borders = np.sort(np.append(now.begins[~first], now.ends[~last]))
        broken = borders[~ok[path[borders - 1], path[borders]]]
        reach *= 2
    return path


def _best(
    scores: Floats,
    stretches: Stretches,
    first: Bools,
    last: Bools,
    start_ok: Bools,
    ok: Bools,
    end_ok: Bools,
) -> Ints:
    """The best legal path of each stretch, one stretch after another.

    scores (tokens, K) of the tokens of the stretches; `first` and `last` (stretches,) mark those
    that begin or end a sentence; start_ok (K,), ok (K, K), end_ok (K,)  ->  (tokens,).
    """
    sizes = stretches.ends - stretches.begins
    capped: Floats = np.minimum(scores, HIGHEST, dtype=np.float64)
    capped[np.isnan(capped)] = -HIGHEST
    ends, free = np.cumsum(sizes), np.zeros(len(ok))
    capped[(ends - sizes)[first]] += forbid(start_ok)
    capped[ends[last] - 1] += forbid(end_ok)
    return viterbi(capped, sizes, free, forbid(ok), free)


def _broken(
    path: Ints, heads: Ints, tails: Ints, start_ok: Bools, ok: Bools, end_ok: Bools
) -> Ints:
    """Tokens whose label may not follow the one before, or may not begin or end a sentence.

    path (N,); heads and tails (sentences,) the first and last tokens of sentences that are not
    empty; start_ok (K,), ok (K, K), end_ok (K,)  ->  (broken,) ascending.
    """
    fine = np.ones(len(path), bool)
    fine[1:] = ok.ravel().take(path[:-1] * len(ok) + path[1:])
    fine[heads] = start_ok[path[heads]]
    fine[tails] &= end_ok[path[tails]]
    return np.flatnonzero(~fine)


def _united(some: Stretches, others: Stretches) -> Stretches:
    """The stretches of two sets, each (stretches,), as one set, joined where they overlap."""
    begins, ends = np.append(some.begins, others.begins), np.append(some.ends, others.ends)
    order = np.argsort(begins, kind="stable")
    begins, ends = begins[order], np.maximum.accumulate(ends[order])
    apart = np.flatnonzero(begins[1:] >= ends[:-1])
    return Stretches(begins[np.append(0, apart + 1)], ends[np.append(apart, len(ends) - 1)])


def _distinct(numbers: Ints) -> Ints:
    """Each of some ascending numbers once.   (numbers,), at least one  ->  (distinct,)."""
    once: Ints = numbers[np.append(True, numbers[1:] > numbers[:-1])]
    return once


def _parts(stretches: Stretches) -> list[slice]:
    """Slices of the stretches, (stretches,) of them, each with about AT_ONCE tokens together."""
    total = np.cumsum(stretches.ends - stretches.begins)
    cuts = np.flatnonzero(np.diff(total // AT_ONCE)) + 1
    return [slice(begin, end) for begin, end in pairwise([0, *cuts.tolist(), len(total)])]
