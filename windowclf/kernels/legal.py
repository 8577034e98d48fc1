"""The best legal path where tokens are scored one by one: what is illegal is mended in place.

Without constraints the best path takes the best label of every token. Constraints are put back only
around the places where that path breaks them: such a stretch is decoded by Viterbi with its own
constraints but free at its borders, and it grows as long as it does not fit its neighbours. A path
that is best with some constraints left out and breaks none of those is best with all of them, so
that the answer is exact, and a path that is legal from the beginning costs one look-up a token.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.kernels.decoding import forbid, viterbi
from windowclf.kernels.trellis import NoPath

AT_ONCE = 8192  # tokens that are mended together
HIGHEST = 1e290  # of a score; the sum of any sentence's is finite


def mended(
    path: Ints,
    lengths: Ints,
    start_ok: Bools,
    ok: Bools,
    end_ok: Bools,
    scores_of: Callable[[Ints], Floats],
    skipped: Ints | None = None,
) -> Ints:
    """The legal path with the largest sum of scores.   path (N,) argmax of each row  ->  (N,).

    lengths (S,); start_ok (K,), ok (K, K) [from, to] and end_ok (K,) say what is legal. `scores_of`
    gives the rows (n, K) of some tokens; −inf forbids a label. Sentences that are `skipped` stay as
    they are. NoPath where a sentence has no legal path.
    """
    ends = np.cumsum(lengths)
    begins_of = ends - lengths
    heads, tails = begins_of[lengths > 0], ends[lengths > 0] - 1
    free, barred = np.zeros(len(ok)), forbid(ok)
    path, active, reach = path.copy(), np.zeros(len(path), bool), 1
    while True:
        broken = _broken(path, heads, tails, start_ok, ok, end_ok)
        sentence = np.searchsorted(ends, broken, side="right")
        if skipped is not None and len(broken):
            kept = ~np.isin(sentence, skipped)
            broken, sentence = broken[kept], sentence[kept]
        if not len(broken):
            return path
        low = np.maximum(broken - reach, begins_of[sentence])
        _mark(active, low, np.minimum(broken + reach + 1, ends[sentence]))
        for begins, sizes in _stretches(active, heads, broken):
            rows = _places(begins, sizes)
            scores = _bordered(scores_of(rows), rows, heads, tails, start_ok, end_ok)
            try:
                path[rows] = viterbi(scores, sizes, free, barred, free)
            except NoPath as none:
                lost = np.searchsorted(ends, begins[none.sentences], side="right")
                raise NoPath(np.unique(lost)) from none
        reach *= 2


def _bordered(
    scores: Floats, rows: Ints, heads: Ints, tails: Ints, start_ok: Bools, end_ok: Bools
) -> Floats:
    """Scores (n, K) with what may not begin or end a sentence forbidden, and no number too large.

    Numbers that are not finite would make sums of which none is the largest.
    """
    bounded = np.nan_to_num(scores.astype(np.float64), nan=-HIGHEST, posinf=HIGHEST, neginf=-np.inf)
    np.minimum(bounded, HIGHEST, out=bounded)
    bounded[np.isin(rows, heads)] += forbid(start_ok)
    bounded[np.isin(rows, tails)] += forbid(end_ok)
    return bounded


def _broken(
    path: Ints, heads: Ints, tails: Ints, start_ok: Bools, ok: Bools, end_ok: Bools
) -> Ints:
    """Tokens that may not follow the one before, or may not begin or end their sentence."""
    fine = np.ones(len(path), bool)
    fine[1:] = ok.ravel().take(path[:-1] * len(ok) + path[1:])
    fine[heads] = start_ok[path[heads]]
    fine[tails] &= end_ok[path[tails]]
    return np.flatnonzero(~fine)


def _mark(active: Bools, low: Ints, high: Ints) -> None:
    """Set low[i] … high[i] − 1 for every i."""
    changes = np.bincount(low, minlength=len(active) + 1)
    changes -= np.bincount(high, minlength=len(active) + 1)
    active |= np.cumsum(changes[:-1]) > 0


def _stretches(active: Bools, heads: Ints, broken: Ints) -> list[tuple[Ints, Ints]]:
    """(begins, sizes) of the active stretches that hold a broken token, about AT_ONCE together."""
    begins_here = active.copy()
    begins_here[1:] &= ~active[:-1]
    begins_here[heads] = active[heads]
    begins = np.flatnonzero(begins_here)
    sizes = np.add.reduceat(active, begins, dtype=np.intp)
    touched = np.unique(np.searchsorted(begins, broken, side="right") - 1)
    begins, sizes = begins[touched], sizes[touched]
    parts = np.flatnonzero(np.diff(np.cumsum(sizes) // AT_ONCE)) + 1
    return list(zip(np.split(begins, parts), np.split(sizes, parts), strict=True))


def _places(begins: Ints, sizes: Ints) -> Ints:
    """The tokens of stretches, one stretch after another."""
    before = np.cumsum(sizes) - sizes
    places: Ints = np.arange(sizes.sum()) + np.repeat(begins - before, sizes)
    return places
