"""Linear-chain conditional random field: loss, gradients and marginals by forward–backward.

    score(y) = start[y_1] + Σ_t theta_t[y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_τ]
    Pr(y | x) = e^score(y) / Z,   Z = Σ over all K^τ paths y of e^score(y)

theta (B, K) holds the unary scores of all tokens, sentence after sentence; lengths (S,) sum to B
and may be 0; start (K,), transitions A (K, K) [from, to], end (K,). The recursions walk through the
N tokens of the S′ sentences that are not empty by their positions in a trellis. The derivation is
section 15 of GRADIENTS.md; the recursions are those of Rabiner (1989), with the factors of Lafferty
et al. (2001) in the place of probabilities.

They run in float64 whatever the dtype of theta, which costs little (K is small) and buys the range
that a log-sum-exp would otherwise have to give: step t is one (S_t, K)(K, K) product of numbers,
not of logarithms, over the S_t sentences that have a t-th token. Scores that spread too far even
for that (`_steps_between_scalings` says how far) and −inf among the transitions are computed in log
space, some fifty times slower.
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
    """J = −(1/B′) Σ_sentences log Pr(y | x)   and   delta1 = (marginals − y)/B′.

    theta (B, K), lengths (S,), labels (B,) class indices, −1 for a token without a label; B′ tokens
    have one; start (K,), transitions (K, K), end (K,)  ->  J, delta1 = dJ/dtheta (B, K), and the
    gradients (expected − observed)/B′ of start, transitions and end, in the dtype of theta.
    A sentence with some labels counts with the sum over all paths that agree with them, its y being
    the marginals of those paths; one without any leaves J. Where a −inf forbids the labels J is
    inf, and NoPath is raised if some are missing and no path agrees with the others.
    """
    known = labels >= 0
    total = int(np.count_nonzero(known))
    delta1 = np.zeros_like(theta)
    if total == 0:
        return 0.0, delta1, np.zeros_like(start), np.zeros_like(transitions), np.zeros_like(end)
    trellis = side_by_side(lengths, used=_any_in_sentence(known, lengths))
    unary = unary_scores(theta, trellis, start, end)
    y = labels[trellis.rows]
    A = transitions.astype(np.float64)
    log_Z, marginals, pairs = _expectations(unary, A, trellis)
    if (y >= 0).all():
        observed, ones, counts = _one_path(unary, A, y, trellis)
    else:
        unary[(y >= 0)[:, None] & (y[:, None] != np.arange(unary.shape[1]))] = -np.inf
        observed, ones, counts = _expectations(unary, A, trellis)
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
    """Pr(y_t = j | x) for every token and label j, in the dtype of theta; rows sum to 1.

    theta (B, K), lengths (S,), start (K,), transitions (K, K), end (K,)  ->  (B, K). −inf in theta,
    start, transitions and end forbids; the marginals are then those among the paths that are left.
    NoPath where none is.
    """
    trellis = side_by_side(lengths)
    unary = unary_scores(theta, trellis, start, end)
    marginals = np.empty_like(theta)
    marginals[trellis.rows] = _expectations(unary, transitions.astype(np.float64), trellis)[1]
    return marginals


def path_log_probabilities(
    theta: Floats, lengths: Ints, labels: Ints, start: Floats, transitions: Floats, end: Floats
) -> Floats:
    """log Pr(y | x) of the path `labels` of each sentence.

    theta (B, K), lengths (S,), labels (B,), none missing, start (K,), transitions (K, K), end (K,)
    ->  (S,) float64. 0 for an empty sentence, −inf for a path that is forbidden; NoPath where all
    are.
    """
    trellis = side_by_side(lengths)
    unary = unary_scores(theta, trellis, start, end)
    A = transitions.astype(np.float64)
    found = np.zeros(len(lengths))
    scores = _one_path(unary, A, labels[trellis.rows], trellis)[0]
    found[trellis.sentences] = scores - _expectations(unary, A, trellis)[0]
    return found


def _any_in_sentence(known: Bools, lengths: Ints) -> Bools:
    """Which sentences hold a token that is known.   known (B,), lengths (S,)  ->  (S,)."""
    counts = np.concatenate([[0], np.cumsum(known)])
    ends = np.cumsum(lengths)
    sentences: Bools = counts[ends] > counts[ends - lengths]
    return sentences


def _one_path(unary: Floats, A: Floats, y: Ints, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """What `_expectations` gives where the path y alone is possible: its score and its counts.

    unary (N, K), A (K, K), y (N,)  ->  scores (S′,), one-hot rows (N, K), counts of pairs (K, K),
    all float64.
    """
    N, K = unary.shape
    S = len(trellis.sentences)
    at = np.arange(N)
    pairs = y[trellis.previous] * K + y[S:]
    collected = unary[at, y]
    collected[S:] += A.ravel()[pairs]
    ones = np.zeros_like(unary)
    ones[at, y] = 1
    counts = np.bincount(pairs, minlength=K * K).reshape(K, K)
    scores = np.bincount(trellis.chains, collected, S)
    return scores.astype(np.float64), ones, counts.astype(np.float64)


def _expectations(unary: Floats, A: Floats, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """Sums over all paths: log Z, marginals, and how often each pair of labels is expected.

    unary (N, K), −inf where forbidden, A (K, K)  ->  log Z (S′,), marginals (N, K), pairs (K, K).
    NoPath where no path of a sentence is left.
    """
    top = np.ascontiguousarray(unary.T).max(axis=0)  # K is small: faster than along the rows
    if np.isfinite(top).all() and np.isfinite(A).all():
        shifted = unary - top[:, None]
        stride = _steps_between_scalings(shifted, A)
        if stride > 0:
            log_Z, marginals, pairs = _scaled(shifted, A - A.max(), trellis, stride)
            log_Z += np.bincount(trellis.chains, top, len(log_Z))
            moves = np.bincount(trellis.chains, minlength=len(log_Z)) - 1
            return log_Z + moves * A.max(), marginals, pairs
    return _in_log_space(unary, A, trellis)


def _steps_between_scalings(shifted: Floats, A: Floats) -> int:
    """How many steps the products of `_scaled` stay within e^±LOG_RANGE; 0 if not even one.

    shifted (N, K), the maximum of each row 0; A (K, K). If the largest entry of alpha_t is 1 after
    scaling, so many steps further alpha lies between e^−(spread + steps·(max A − min A)) and
    K^steps, where `spread` is the largest within a row of shifted: from the best label of a token
    every label of the next can be reached, so that spreads of rows do not add up. So it is with
    rho backwards.
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
    """What `_expectations` gives, by products of numbers, for scores whose maxima are 0.

    shifted (N, K), A (K, K)  ->  log Z (S′,), marginals (N, K), pairs (K, K). With psi = e^shifted
    and Psi = e^A: into_t = alpha_{t−1} Psi, alpha_t = psi_t ∘ into_t; rho_t = psi_t ∘ beta_t,
    beta_{t−1} = rho_t Psiᵀ. Any factor may be taken out of a row of alpha or rho, since marginals
    and pairs are divided by the sums that they must have; only log Z keeps account of it.
    """
    S = len(trellis.sentences)
    psi, Psi = np.exp(shifted), np.exp(A)
    log_Z = np.zeros(S)
    into, alpha = np.ones_like(psi), psi.copy()
    steps = trellis.steps()
    for t, (now, before) in enumerate(steps, 1):
        if t % stride == 0:
            scale = alpha[before].max(axis=1)
            alpha[before] /= scale[:, None]
            log_Z[: len(scale)] += np.log(scale)
        np.matmul(alpha[before], Psi, out=into[now])
        alpha[now] *= into[now]
    log_Z += np.log(alpha[trellis.last].sum(axis=1))
    rho = psi  # psi itself is not needed any more
    for t in range(len(steps), 0, -1):
        now, before = steps[t - 1]
        if t % stride == 0:
            rho[now] /= rho[now].max(axis=1)[:, None]
        rho[before] *= rho[now] @ Psi.T
    sums = np.einsum("nk,nk->n", into, rho)[:, None]
    rho /= sums
    pairs = Psi * (np.take(alpha, trellis.previous, axis=0).T @ rho[S:])
    return log_Z, np.multiply(into, rho, out=into), pairs


def _in_log_space(unary: Floats, A: Floats, trellis: Trellis) -> tuple[Floats, Floats, Floats]:
    """What `_expectations` gives, on logarithms: no score is too large or too small for it.

    unary (N, K), A (K, K)  ->  log Z (S′,), marginals (N, K), pairs (K, K); alpha and beta are
    logarithms here. A step is a log-sum-exp over (S_t, K, K).
    """
    alpha, beta = unary.copy(), np.zeros_like(unary)
    steps = trellis.steps()
    for now, before in steps:
        alpha[now] += _log_sum_exp(alpha[before][:, :, None] + A, axis=1)
    for now, before in reversed(steps):
        beta[before] = _log_sum_exp(A + (unary[now] + beta[now])[:, None, :], axis=2)
    log_Z = _log_sum_exp(alpha[trellis.last], axis=1)
    if (log_Z == -np.inf).any():
        raise NoPath(trellis.sentences[log_Z == -np.inf])
    pairs = np.zeros_like(A)
    for now, before in steps:
        onward = unary[now] + beta[now] - log_Z[trellis.chains[now], None]
        pairs += np.exp(alpha[before][:, :, None] + A + onward[:, None, :]).sum(axis=0)
    return log_Z, np.exp(alpha + beta - log_Z[trellis.chains, None]), pairs


def _log_sum_exp(terms: Floats, axis: int) -> Floats:
    """ln Σ e^term along an axis, shifted by the maximum; −inf where all terms are.

    terms of any shape  ->  an array of the same shape without that axis.
    """
    top = terms.max(axis=axis, keepdims=True)
    top[top == -np.inf] = 0
    with np.errstate(divide="ignore"):
        found: Floats = np.log(np.exp(terms - top).sum(axis=axis)) + top.squeeze(axis)
    return found
