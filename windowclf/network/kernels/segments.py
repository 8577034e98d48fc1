"""How probable a segment is: a stretch of tokens that is one span or word, whole and no longer.

Among the legal label sequences y of a sentence, with the scores of crf.py,

    p(segment) = Σ_{y with the segment} e^score(y) / Σ_y e^score(y)

Both sums are those of forward–backward, the first one over the sequences that open a segment of the
type at its first token, go on to its last, and do not go on beyond it. For a softmax the scores
between labels are 0. GRADIENTS.md, section 17.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network.kernels.trellis import NoPath, Trellis, side_by_side, unary_scores


class Segments(NamedTuple):
    """Stretches of tokens first … end − 1, each of a type; end is within its sentence."""

    first: Ints  # (n,) rows of theta
    end: Ints  # (n,) the row after the last
    columns: Bools  # (n, K) the labels that a segment of its type is made of


class Grammar(NamedTuple):
    """Which labels may stand next to which, and where a segment goes on."""

    start: Bools  # (K,) may be the first of a sentence
    follows: Bools  # (K, K) [from, to] may follow
    end: Bools  # (K,) may be the last
    goes_on: Bools  # (K, K) [from, to] is the segment's next token, and not a new one


def segment_probabilities(
    theta: Floats,
    lengths: Ints,
    start: Floats,
    transitions: Floats,
    end: Floats,
    grammar: Grammar,
    segments: Segments,
) -> Floats:
    """p of every segment.   theta (N, K), lengths (S,), start (K,), transitions (K, K), end (K,).

    Returns (n,) float64. NoPath where a sentence has no legal sequence.
    """
    trellis = side_by_side(lengths)
    x = unary_scores(theta, trellis, start, end)
    x[: len(trellis.sentences)][:, ~grammar.start] = -np.inf
    x[trellis.last] = np.where(grammar.end, x[trellis.last], -np.inf)
    A = np.where(grammar.follows, transitions.astype(np.float64), -np.inf)
    alpha, beta, log_Z = _sums_over_sequences(x, A, trellis)
    position = np.empty(len(x), np.intp)
    position[trellis.rows] = np.arange(len(x))
    by_row = alpha[position], (x + beta)[position], x[position]
    log_p = _log_sums(*by_row, A, grammar, _starts(lengths), segments)
    sentence = trellis.chains[position[segments.first]]
    return np.minimum(np.exp(log_p - log_Z[sentence]), 1.0)


def _sums_over_sequences(x: Floats, A: Floats, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """ln alpha (N, K), ln beta (N, K) by position, and ln Z (S′,).   x (N, K), A (K, K).

    alpha_t = e^x_t ∘ (alpha_{t−1} e^A), beta_{t−1} = e^A (e^x_t ∘ beta_t), both in logarithms that
    are left for one product of numbers a step: what is e^−700 below the best of its token is lost.
    """
    alpha, beta = x.copy(), np.zeros_like(x)
    factors = np.exp(A)
    with np.errstate(divide="ignore"):
        for now, before in trellis.steps():
            alpha[now] += _log_product(alpha[before], factors)
        for now, before in reversed(trellis.steps()):
            beta[before] = _log_product(x[now] + beta[now], factors.T)
    last = alpha[trellis.last]
    log_Z = _log_sum(last)
    if (log_Z == -np.inf).any():
        raise NoPath(trellis.sentences[log_Z == -np.inf])
    return alpha, beta, log_Z


def _log_product(a: Floats, factors: Floats) -> Floats:
    """ln(e^a factors).   a (n, K), factors (K, K)  ->  (n, K)."""
    top = a.max(axis=1, keepdims=True)
    top[top == -np.inf] = 0
    found: Floats = np.log(np.exp(a - top) @ factors) + top
    return found


def _log_sum(a: Floats) -> Floats:
    """ln Σ e^a along rows.   a (n, K)  ->  (n,)."""
    top = a.max(axis=1)
    top[top == -np.inf] = 0
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(a - top[:, None]).sum(axis=1)) + top
    return found


def _starts(lengths: Ints) -> tuple[Bools, Bools]:
    """Which rows (N,) begin a sentence, and which rows (N + 1,) are the end of one."""
    ends = np.cumsum(lengths)
    begins, ended = np.zeros(int(lengths.sum()), bool), np.zeros(int(lengths.sum()) + 1, bool)
    begins[(ends - lengths)[lengths > 0]] = True
    ended[ends[lengths > 0]] = True
    return begins, ended


def _log_sums(
    alpha: Floats,
    onward: Floats,
    x: Floats,
    A: Floats,
    grammar: Grammar,
    borders: tuple[Bools, Bools],
    segments: Segments,
) -> Floats:
    """ln of the sums over the sequences with each segment (n,).

    alpha, onward = x + ln beta, x (N, K) by row; borders as `_starts` gives them.
    """
    opening = np.exp(np.where(grammar.goes_on, -np.inf, A))
    within = np.exp(np.where(grammar.goes_on, A, -np.inf))
    begins, ended = borders
    with np.errstate(divide="ignore"):
        f = x[segments.first].copy()
        inner = ~begins[segments.first]
        f[inner] += _log_product(alpha[segments.first[inner] - 1], opening)
        f[~segments.columns] = -np.inf
        last = segments.end - 1
        for t in range(1, int((segments.end - segments.first).max(initial=0))):
            going = np.flatnonzero(segments.first + t <= last)
            row = segments.first[going] + t
            f[going] = x[row] + _log_product(f[going], within)
        beyond = ~ended[segments.end]
        closed = _log_sum(f)
        next_ = onward[segments.end[beyond]]
        closed[beyond] = _log_sum(_log_product(f[beyond], opening) + next_)
    return closed
