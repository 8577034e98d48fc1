"""Best paths of a linear-chain CRF: Viterbi and the n best.

Scores as in crf.py. −inf in start, transitions and end forbids for the whole batch, in theta for
single tokens. Paths are compared in float64 whatever the dtype of theta, so that they do not depend
on how long a sentence is.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network.kernels.trellis import NoPath, Trellis, side_by_side, unary_scores


def viterbi(
    theta: Floats,
    lengths: Ints,
    start: Floats,
    transitions: Floats,
    end: Floats,
) -> Ints:
    """The path with the highest score of each sentence, as class indices.

    theta (B, K), lengths (S,), start (K,), transitions (K, K), end (K,)  ->  (B,) intp. Of equal
    paths it is the one whose last label is lowest, among those the one whose label before it is,
    and so on. NoPath where all paths of a sentence are forbidden.
    """
    A = transitions.astype(np.float64)
    if len(lengths) == 1 and len(theta):
        return _best_of_one(theta, start, A, end)
    trellis = side_by_side(lengths)
    v = _best_scores(unary_scores(theta, trellis, start, end), A, trellis)
    path = np.empty(len(v), np.intp)
    path[trellis.last] = _best_ends(v[trellis.last], trellis)
    # Only on the path itself is it asked again which label a maximum came from.
    arriving = np.ascontiguousarray(A.T)
    for now, before in reversed(trellis.steps()):
        path[before] = (v[before] + arriving[path[now]]).argmax(axis=1)
    labels = np.empty(len(theta), np.intp)
    labels[trellis.rows] = path
    return labels


def _best_of_one(theta: Floats, start: Floats, A: Floats, end: Floats) -> Ints:
    """The path of `viterbi` for a single sentence, whose steps are too small for a trellis.

    theta (N, K), start (K,), A (K, K), end (K,)  ->  (N,).
    """
    v = theta.astype(np.float64)
    v[0] += start
    v[-1] += end
    sums, rows = np.empty_like(A), list(v)
    for before, now in pairwise(rows):
        np.add(A, before[:, None], out=sums)
        now += np.maximum.reduce(sums, axis=0)
    k = rows[-1].argmax()
    if rows[-1][k] == -np.inf:
        raise NoPath(np.zeros(1, np.intp))
    arriving, path = list(np.ascontiguousarray(A.T)), [k]
    for row in rows[-2::-1]:
        k = (row + arriving[k]).argmax()
        path.append(k)
    return np.array(path[::-1], np.intp)


def forbid(ok: Bools, scores: Floats | float = 0.0) -> Floats:
    """The scores where ok and −inf elsewhere.   ok of any shape  ->  floats of the same shape."""
    return np.where(ok, scores, -np.inf)


def n_best(
    theta: Floats,
    lengths: Ints,
    start: Floats,
    transitions: Floats,
    end: Floats,
    most: int,
) -> list[list[tuple[float, Ints]]]:
    """The best paths of each sentence, exactly, at most `most`: (score, class indices), falling.

    theta (B, K), lengths (S,), start (K,), transitions (K, K), end (K,)  ->  for each sentence its
    paths, each (tokens,) intp. A sentence that has fewer paths which are not forbidden gets those;
    an empty one has one path, with the score 0. Equal paths are ordered as in `viterbi`. NoPath
    where none is left.
    """
    trellis = side_by_side(lengths)
    A = transitions.astype(np.float64)
    unary = unary_scores(theta, trellis, start, end)
    v, origins = _n_best_scores(unary, A, trellis, most)
    K = unary.shape[1]
    flat = v[trellis.last].reshape(len(trellis.last), K * most)  # index = label · most + rank
    _best_ends(flat, trellis)  # there is one
    ends = np.argsort(-flat, axis=1, kind="stable")[:, :most]
    at = np.empty((len(unary), ends.shape[1]), np.intp)
    at[trellis.last] = ends
    for now, before in reversed(trellis.steps()):
        at[before] = np.take_along_axis(origins[now].reshape(-1, K * most), at[now], axis=1)
    scores = np.take_along_axis(flat, ends, axis=1)
    paths = np.empty((len(theta), ends.shape[1]), np.intp)
    paths[trellis.rows] = at // most
    found: list[list[tuple[float, Ints]]] = [[(0.0, paths[:0, 0])] for _ in lengths]
    starts = np.cumsum(lengths) - lengths
    for sentence, row in zip(trellis.sentences.tolist(), scores, strict=True):
        own = paths[starts[sentence] : starts[sentence] + lengths[sentence]]
        found[sentence] = [
            (float(score), own[:, rank]) for rank, score in enumerate(row) if score != -np.inf
        ]
    return found


def _best_ends(v: Floats, trellis: Trellis) -> Ints:
    """At which column each sentence's best path ends.   v (S′, ends) scores there  ->  (S′,).

    NoPath if the best of a sentence is −inf.
    """
    ends: Ints = v.argmax(axis=1)
    none = v[np.arange(len(v)), ends] == -np.inf
    if none.any():
        raise NoPath(trellis.sentences[none])
    return ends


def _best_scores(unary: Floats, A: Floats, trellis: Trellis) -> Floats:
    """The score of the best way to each label: v_t[j] = unary_t[j] + max_i (v_{t−1}[i] + A[i, j]).

    unary (N, K), A (K, K)  ->  v (N, K).
    """
    K = unary.shape[1]
    v = unary.copy()
    work = np.empty((K, len(trellis.sentences), K))  # (from, sentence, to)
    for now, before in trellis.steps():
        previous = v[before]
        sums = work[:, : len(previous)]
        np.add(previous.T[:, :, None], A[:, None, :], out=sums)
        v[now] += sums.max(axis=0)
    return v


def _n_best_scores(unary: Floats, A: Floats, trellis: Trellis, most: int) -> tuple[Floats, Ints]:
    """The scores v of the best ways to reach each label, and where each way came from.

    unary (N, K), A (K, K)  ->  v, origins (N, K, most). v_t[j] falls; origins_t[j, r] = i·most + q:
    way r to j is way q to i, and then j. The ways to a label are merged from the lists of all
    labels before it, whose heads alone can be next.
    """
    N, K = unary.shape
    v, origins = np.full((N, K, most), -np.inf), np.zeros((N, K, most), np.intp)
    v[: len(trellis.sentences), :, 0] = unary[: len(trellis.sentences)]
    for now, before in trellis.steps():
        previous = np.pad(v[before], ((0, 0), (0, 0), (0, 1)), constant_values=-np.inf)
        s, j = np.indices((len(previous), K), sparse=True)
        heads = previous[:, :, 0, None] + A  # (sentences, from, to)
        ranks = np.zeros(heads.shape, np.intp)
        for r in range(most):
            i = heads.argmax(axis=1)
            q = ranks[s, i, j]  # at most r, so that q + 1 is at most `most`
            v[now, :, r] = heads[s, i, j] + unary[now]
            origins[now, :, r] = i * most + q
            ranks[s, i, j] = q + 1
            heads[s, i, j] = previous[s, i, q + 1] + A[i, j]
    return v, origins
