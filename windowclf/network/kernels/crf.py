"""Linear-chain conditional random field: loss, gradients and marginals by forward–backward.

    score(y) = start[y_1] + Σ_t theta_t[y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_τ]
    p(y | x) = e^score(y) / Z,   Z = Σ over all K^τ paths y of e^score(y)

theta (B, K) holds the unary scores of all tokens, sentence after sentence; lengths (S,) sum to B
and may be 0; start (K,), transitions (K, K) [from, to], end (K,). The derivation is section 15 of
GRADIENTS.md; the recursions are those of Rabiner (1989), with the factors of Lafferty et al.
(2001) in the place of probabilities.

All recursions run in float64 whatever the dtype of theta, which costs little (K is small) and buys
the range that a log-sum-exp would otherwise have to give: a step is one (S_t, K)(K, K) product of
numbers, not of logarithms. Scores that spread too far even for that (`_steps_between_scalings`
says how far) and −inf among the transitions are computed in log space, some fifty times slower.
"""

from __future__ import annotations

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.network.kernels.trellis import NoPath, Trellis, side_by_side, unary_scores

LOG_RANGE = 340.0
"""Products of two numbers in e^±340 are normal float64 numbers, with room for a factor K."""


def crf_cross_entropy(
    theta: Floats, lengths: Ints, labels: Ints, start: Floats, transitions: Floats, end: Floats
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """J = −(1/B′) Σ_sentences log p(y | x)   and   delta1 = (marginals − y)/B′.

    labels (B,) class indices, −1 for a token without a label; B′ tokens have one. A sentence with
    some labels counts with the sum over all paths that agree with them, its y being the marginals
    of those paths; one without any leaves J. Where a −inf forbids the labels J is inf, and NoPath
    is raised if some are missing and no path agrees with the others.
    Returns J, delta1 = dJ/dtheta (B, K), and the gradients (expected − observed)/B′ of start (K,),
    transitions (K, K) and end (K,), in the dtype of theta.
    """
    known = labels >= 0
    total = int(np.count_nonzero(known))
    delta1 = np.zeros_like(theta)
    if total == 0:
        return 0.0, delta1, np.zeros_like(start), np.zeros_like(transitions), np.zeros_like(end)
    trellis = side_by_side(lengths, used=_any_in_sentence(known, lengths))
    x = unary_scores(theta, trellis, start, end)
    y = labels[trellis.rows]
    A = transitions.astype(np.float64)
    log_Z, marginals, pairs = _expectations(x, A, trellis)
    if (y >= 0).all():
        observed, ones, counts = _one_path(x, A, y, trellis)
    else:
        x[(y >= 0)[:, None] & (y[:, None] != np.arange(x.shape[1]))] = -np.inf
        observed, ones, counts = _expectations(x, A, trellis)
    J = float(log_Z.sum() - observed.sum()) / total
    delta = (marginals - ones) / total
    delta1[trellis.rows] = delta
    d_start = delta[: len(trellis.sentences)].sum(axis=0)
    d_end = delta[trellis.last].sum(axis=0)
    d_transitions = (pairs - counts) / total
    dtype = theta.dtype
    return J, delta1, d_start.astype(dtype), d_transitions.astype(dtype), d_end.astype(dtype)


def posterior_marginals(
    theta: Floats,
    lengths: Ints,
    start: Floats,
    transitions: Floats,
    end: Floats,
) -> Floats:
    """p(y_t = k | x) for every token.   theta (B, K)  ->  (B, K), rows sum to 1.

    −inf in theta, start, transitions and end forbids; the marginals are then those among the paths
    that are left. NoPath where none is.
    """
    trellis = side_by_side(lengths)
    x = unary_scores(theta, trellis, start, end)
    marginals = np.empty_like(theta)
    marginals[trellis.rows] = _expectations(x, transitions.astype(np.float64), trellis)[1]
    return marginals


def path_log_probabilities(
    theta: Floats, lengths: Ints, labels: Ints, start: Floats, transitions: Floats, end: Floats
) -> Floats:
    """log p(y | x) of one path a sentence.   labels (B,), none missing  ->  (S,) float64.

    0 for an empty sentence, −inf for a path that is forbidden; NoPath where all are.
    """
    trellis = side_by_side(lengths)
    x = unary_scores(theta, trellis, start, end)
    A = transitions.astype(np.float64)
    found = np.zeros(len(lengths))
    scores = _one_path(x, A, labels[trellis.rows], trellis)[0]
    found[trellis.sentences] = scores - _expectations(x, A, trellis)[0]
    return found


def _any_in_sentence(known: Bools, lengths: Ints) -> Bools:
    """Which sentences (S,) hold a token that is known (B,)."""
    counts = np.concatenate([[0], np.cumsum(known)])
    ends = np.cumsum(lengths)
    sentences: Bools = counts[ends] > counts[ends - lengths]
    return sentences


def _one_path(x: Floats, A: Floats, y: Ints, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """What `_expectations` gives where a single path is possible: its score and its counts.

    x (N, K), A (K, K), y (N,)  ->  scores (S′,), one-hot rows (N, K), counts of pairs (K, K).
    """
    N, K = x.shape
    S = len(trellis.sentences)
    at = np.arange(N)
    pairs = y[trellis.previous] * K + y[S:]
    collected = x[at, y]
    collected[S:] += A.ravel()[pairs]
    ones = np.zeros_like(x)
    ones[at, y] = 1
    counts = np.bincount(pairs, minlength=K * K).reshape(K, K)
    scores = np.bincount(trellis.chains, collected, S)
    return scores.astype(np.float64), ones, counts.astype(np.float64)


def _expectations(x: Floats, A: Floats, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """Sums over all paths: log Z (S′,), marginals (N, K), expected counts of pairs (K, K).

    x (N, K) unary scores, −inf where forbidden; A (K, K) transition scores. NoPath where no path
    of a sentence is left.
    """
    top = np.ascontiguousarray(x.T).max(axis=0)  # K is small: faster than along the rows
    if np.isfinite(top).all() and np.isfinite(A).all():
        shifted = x - top[:, None]
        stride = _steps_between_scalings(shifted, A)
        if stride > 0:
            log_Z, marginals, pairs = _scaled(shifted, A - A.max(), trellis, stride)
            log_Z += np.bincount(trellis.chains, top, len(log_Z))
            moves = np.bincount(trellis.chains, minlength=len(log_Z)) - 1
            return log_Z + moves * A.max(), marginals, pairs
    return _in_log_space(x, A, trellis)


def _steps_between_scalings(shifted: Floats, A: Floats) -> int:
    """How many steps the products of `_scaled` stay within e^±LOG_RANGE; 0 if not even one.

    With the largest entry of each row of e = e^shifted and of e^A being 1, and that of alpha_t
    being 1 after scaling, m steps further alpha lies between e^−(D + m·(max A − min A)) and K^m,
    where D is the largest spread within a row of x: from the best label of a token every label of
    the next can be reached, so that spreads of x do not add up. The same holds backwards.
    """
    lowest = shifted.min(initial=0)
    if lowest == -np.inf:  # what is forbidden by a mask stays 0 and is not small
        lowest = shifted[shifted > -np.inf].min()
    growth = max(A.max() - A.min(), np.log(len(A)), 1.0)
    room = LOG_RANGE + lowest
    return int(room / growth) if room >= growth else 0


def _scaled(
    shifted: Floats, A: Floats, trellis: Trellis, stride: int
) -> tuple[Floats, Floats, Floats]:
    """`_expectations` by products of numbers, for scores whose maxima are 0.

    into_t = alpha_{t−1} e^A,  alpha_t = e_t ∘ into_t;   rho_t = e_t ∘ beta_t,
    beta_{t−1} = rho_t e^Aᵀ. Any factor may be taken out of a row of alpha or rho, since marginals
    and pairs are divided by the sums that they must have; only log Z keeps account of it.
    """
    S = len(trellis.sentences)
    e, factors = np.exp(shifted), np.exp(A)
    log_Z = np.zeros(S)
    into, alpha = np.ones_like(e), e.copy()
    steps = trellis.steps()
    for t, (now, before) in enumerate(steps, 1):
        if t % stride == 0:
            scale = alpha[before].max(axis=1)
            alpha[before] /= scale[:, None]
            log_Z[: len(scale)] += np.log(scale)
        np.matmul(alpha[before], factors, out=into[now])
        alpha[now] *= into[now]
    log_Z += np.log(alpha[trellis.last].sum(axis=1))
    rho = e  # e itself is not needed any more
    for t in range(len(steps), 0, -1):
        now, before = steps[t - 1]
        if t % stride == 0:
            rho[now] /= rho[now].max(axis=1)[:, None]
        rho[before] *= rho[now] @ factors.T
    sums = np.einsum("nk,nk->n", into, rho)[:, None]
    rho /= sums
    pairs = factors * (np.take(alpha, trellis.previous, axis=0).T @ rho[S:])
    return log_Z, np.multiply(into, rho, out=into), pairs


def _in_log_space(x: Floats, A: Floats, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """`_expectations` by log-sum-exp over (S_t, K, K): no score is too large or small for it."""
    alpha, beta = x.copy(), np.zeros_like(x)
    steps = trellis.steps()
    for now, before in steps:
        alpha[now] += _log_sum_exp(alpha[before][:, :, None] + A, axis=1)
    for now, before in reversed(steps):
        beta[before] = _log_sum_exp(A + (x[now] + beta[now])[:, None, :], axis=2)
    log_Z = _log_sum_exp(alpha[trellis.last], axis=1)
    if (log_Z == -np.inf).any():
        raise NoPath(trellis.sentences[log_Z == -np.inf])
    pairs = np.zeros_like(A)
    for now, before in steps:
        onward = x[now] + beta[now] - log_Z[trellis.chains[now], None]
        pairs += np.exp(alpha[before][:, :, None] + A + onward[:, None, :]).sum(axis=0)
    return log_Z, np.exp(alpha + beta - log_Z[trellis.chains, None]), pairs


def _log_sum_exp(a: Floats, axis: int) -> Floats:
    """ln Σ e^a along an axis, shifted by the maximum; −inf where all are."""
    top = a.max(axis=axis, keepdims=True)
    top[top == -np.inf] = 0
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(a - top).sum(axis=axis)) + top.squeeze(axis)
    return found
