"""The linear-chain CRF: all paths counted one by one, central differences, corners."""

from __future__ import annotations

import numpy as np
import plain
import pytest
from chains import MIXED, Chain, chain, labels_of, mask_of, within

from windowclf.network.kernels.crf import (
    LOG_RANGE,
    _expectations,
    _in_log_space,
    _scaled,
    _steps_between_scalings,
    crf_cross_entropy,
    path_log_probabilities,
    posterior_marginals,
)
from windowclf.network.kernels.decoding import forbid
from windowclf.network.kernels.trellis import NoPath, side_by_side, unary_scores

STEP = 1e-5
LABELS = ["all", "some", "whole sentences"]
CHAINS = {
    "mixed": chain(),
    "one label": chain(K=1),
    "two labels": chain(K=2, size=3.0, seed=1),
    "single tokens": chain((1, 1, 1)),
    "one sentence": chain((5,), K=4),
    "large": chain((1, 4, 3), size=60.0),
    "far too large": chain((1, 4, 0, 3), size=1e4),
}


def assert_close(found, wanted, tolerance=1e-10):
    scale = max(np.abs(wanted).max(initial=0), 1e-3)
    assert np.shape(found) == np.shape(wanted)
    assert np.abs(np.asarray(found) - wanted).max(initial=0) <= tolerance * scale


# Loss and gradients


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", CHAINS)
def test_fast_is_plain(name, labels):
    c = CHAINS[name]
    y = labels_of(c, labels)
    found = c.loss(y)
    wanted = plain.crf_loss_and_gradients(c.theta, c.lengths, y, *c[2:])
    assert found[0] == pytest.approx(wanted[0], rel=1e-10, abs=1e-12)
    for ours, theirs in zip(found[1:], wanted[1:], strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", ["mixed", "two labels", "single tokens", "one sentence"])
def test_gradients_are_central_differences(name, labels):
    c = CHAINS[name].cast(float)
    y = labels_of(c, labels)
    arrays = {"theta": c.theta, "start": c.start, "transitions": c.transitions, "end": c.end}
    for (key, array), analytic in zip(arrays.items(), c.loss(y)[1:], strict=True):
        numeric = np.empty_like(array)
        for i in np.ndindex(*array.shape):
            ends = []
            for moved in (array[i] + STEP, array[i] - STEP):
                copied = array.copy()
                copied[i] = moved
                ends.append(c._replace(**{key: copied}).loss(y)[0])
            numeric[i] = (ends[0] - ends[1]) / (2 * STEP)
        scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
        if scale > 1e-9:
            assert np.linalg.norm(analytic - numeric) / scale < 1e-7, key
        else:
            assert key == "transitions"
            assert name == "single tokens"


def test_one_label_has_nothing_to_learn():
    c = CHAINS["one label"]
    J, *gradients = c.loss(labels_of(c, "all"))
    assert pytest.approx(0, abs=1e-12) == J
    assert all(np.abs(gradient).max() < 1e-15 for gradient in gradients)


def test_one_token_is_softmax():
    c = chain((1, 1), K=4)
    y = np.array([2, 0])
    J, delta1, d_start, d_transitions, d_end = c.loss(y)
    e = np.exp(c.theta + c.start + c.end)
    y_hat = e / e.sum(axis=1, keepdims=True)
    assert pytest.approx(-np.log(y_hat[[0, 1], y]).mean(), rel=1e-12) == J
    np.testing.assert_allclose(delta1, (y_hat - np.eye(4)[y]) / 2, atol=1e-15)
    np.testing.assert_allclose(d_start, delta1.sum(axis=0), atol=1e-15)
    np.testing.assert_allclose(d_end, delta1.sum(axis=0), atol=1e-15)
    assert not d_transitions.any()


def test_without_transitions_it_is_softmax_of_every_token():
    c = chain(K=4)
    c = c._replace(start=np.zeros(4), end=np.zeros(4), transitions=np.zeros((4, 4)))
    e = np.exp(c.theta)
    y_hat = e / e.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior_marginals(*c), y_hat, atol=1e-14)
    y = labels_of(c, "some")
    known = y >= 0
    wanted = np.where(known[:, None], y_hat - np.eye(4)[y], 0) / known.sum()
    np.testing.assert_allclose(c.loss(y)[1], wanted, atol=1e-14)


@pytest.mark.parametrize("lengths", [MIXED, (0, 0), ()])
def test_no_label_at_all_is_no_loss_and_no_gradient(lengths):
    c = chain(lengths)
    J, *gradients = c.loss(np.full(len(c.theta), -1))
    assert J == 0
    for gradient, array in zip(gradients, (c.theta, *c[2:]), strict=True):
        assert gradient.shape == array.shape
        assert not gradient.any()


def test_a_sentence_without_a_label_has_exactly_no_part():
    c = CHAINS["mixed"]
    y = labels_of(c, "some")
    y[c.sentences()[3]] = -1
    J, *gradients = c.loss(y)
    assert not gradients[0][c.sentences()[3]].any()
    gone = c.theta.copy()
    gone[c.sentences()[3]] = np.nan
    other, *others = c._replace(theta=gone).loss(y)
    assert other == J
    for ours, theirs in zip(gradients, others, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sentences_do_not_know_each_other():
    c = CHAINS["mixed"]
    y = labels_of(c, "all")
    total, parts = 0.0, []
    for rows in c.sentences():
        n = rows.stop - rows.start
        one = c._replace(theta=c.theta[rows], lengths=np.array([n]))
        J, delta1, *_ = one.loss(y[rows])
        total += n * J
        parts.append(n * delta1)
    J, delta1, *_ = c.loss(y)
    assert pytest.approx(total / len(y), rel=1e-12) == J
    np.testing.assert_allclose(delta1, np.vstack(parts) / len(y), rtol=1e-10, atol=1e-15)


def test_the_observed_gradient_of_transitions_by_hand():
    """Two labels of equal scores, one sentence 0 1: each pair has 1/4, seen is (0, 1) only."""
    zero = np.zeros(2)
    found = crf_cross_entropy(
        np.zeros((2, 2)), np.array([2]), np.array([0, 1]), zero, np.zeros((2, 2)), zero
    )
    assert found[0] == pytest.approx(np.log(4) / 2)
    np.testing.assert_allclose(found[1], [[-0.25, 0.25], [0.25, -0.25]])
    np.testing.assert_allclose(found[2], [-0.25, 0.25])
    np.testing.assert_allclose(found[3], [[0.125, -0.375], [0.125, 0.125]])
    np.testing.assert_allclose(found[4], [0.25, -0.25])


# Numbers that are large, forbidden or no numbers


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("size", [1.0, 10.0, 50.0])
def test_float32_is_as_good_as_its_input(size, labels):
    rng = np.random.default_rng(int(size))
    K, lengths = 5, np.array([200, 1, 0, 200, 30])
    arrays = [rng.uniform(-size, size, s) for s in ((lengths.sum(), K), (K,), (K, K), (K,))]
    c = Chain(arrays[0], lengths, *arrays[1:]).cast(np.float32)
    y = labels_of(c, labels)
    J, *found = c.loss(y)
    exact_J, *exact = c.cast(np.float64).loss(y)
    assert pytest.approx(exact_J, rel=1e-6) == J
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-30)
    assert posterior_marginals(*c).dtype == np.float32


@pytest.mark.parametrize("size", [1.0, 10.0, 40.0, 100.0])
@pytest.mark.parametrize("K", [1, 2, 5])
def test_scaled_is_log_space(size, K):
    """Long enough that scaling happens many times, for every stride that is possible."""
    c = chain((120, 40, 1), K=K, size=size)
    c = c._replace(transitions=np.clip(c.transitions, -120, 120))
    trellis = side_by_side(c.lengths)
    x = unary_scores(c.theta, trellis, c.start, c.end)
    x[7, 1:] = -np.inf
    wanted = _in_log_space(x, c.transitions, trellis)
    top, peak = x.max(axis=1), c.transitions.max()
    shifts = [
        x[trellis.chains == s].max(axis=1).sum() + peak * (n - 1)
        for s, n in enumerate((120, 40, 1))
    ]
    shifted = x - top[:, None]
    stride = _steps_between_scalings(shifted, c.transitions)
    if stride == 0:
        assert size == 100.0
    for own in {1, 2, 3, stride} & set(range(1, stride + 1)):
        log_Z, marginals, pairs = _scaled(shifted, c.transitions - peak, trellis, own)
        np.testing.assert_allclose(log_Z + shifts, wanted[0], rtol=1e-12)
        np.testing.assert_allclose(marginals, wanted[1], rtol=1e-9, atol=1e-200)
        np.testing.assert_allclose(pairs, wanted[2], rtol=1e-9, atol=1e-200)
    for ours, theirs in zip(_expectations(x, c.transitions, trellis), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-200)


def test_scores_far_apart_within_a_token():
    """As far as products can hold, where what joins the labels lets them run for long."""
    c = chain((120, 40, 1), K=3, size=0.1)
    c = c._replace(theta=c.theta + np.array([0, -100, 1 - LOG_RANGE / 2]))
    trellis = side_by_side(c.lengths)
    x = unary_scores(c.theta, trellis, c.start, c.end)
    wanted = _in_log_space(x, c.transitions, trellis)
    for ours, theirs in zip(_expectations(x, c.transitions, trellis), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-200)


def test_a_token_that_may_have_no_label_leaves_no_path():
    c = CHAINS["mixed"]
    theta = c.theta.copy()
    theta[1] = -np.inf
    with pytest.raises(NoPath, match="sentence 0 "):
        posterior_marginals(theta, *c[1:])


def test_steps_between_scalings():
    x, A = np.array([[0.0, -40.0], [-30.0, 0.0]]), np.array([[1.0, 5.0], [3.0, -25.0]])
    assert _steps_between_scalings(x, A) == int((LOG_RANGE - 40) / 30)
    x[0, 1] = -np.inf
    assert _steps_between_scalings(x, A) == int((LOG_RANGE - 30) / 30)
    assert _steps_between_scalings(x, np.zeros((2, 2))) == int(LOG_RANGE - 30)
    assert _steps_between_scalings(np.zeros((1, 100)), np.zeros((100, 100))) == int(
        LOG_RANGE / np.log(100)
    )
    assert _steps_between_scalings(x, A * LOG_RANGE) == 0
    assert _steps_between_scalings(x * LOG_RANGE, A) == 0
    assert _steps_between_scalings(np.array([[0.0, 30 - LOG_RANGE]]), A) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_stay_finite(dtype):
    theta = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [0, 0, 0]], dtype)
    c = Chain(theta, np.array([3]), np.zeros(3, dtype), np.eye(3, dtype=dtype) * 1e4, theta[0])
    J, *gradients = c.loss(np.array([1, 1, 1]))
    assert pytest.approx((3e4 - 1e4) / 3, rel=1e-3) == J
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    J, delta1, *_ = c.loss(np.array([0, -1, 2]))
    assert np.isfinite(J)
    assert np.isfinite(delta1).all()


def test_labels_that_are_forbidden_are_an_infinite_loss():
    c = CHAINS["mixed"]
    barred = c.transitions.copy()
    barred[0, 1] = -np.inf
    y = np.zeros(len(c.theta), int)
    assert np.isfinite(c._replace(transitions=barred).loss(y)[0])
    y[1] = 1
    J, *gradients = c._replace(transitions=barred).loss(y)
    assert np.isposinf(J)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    c_barred = c._replace(transitions=barred)
    assert path_log_probabilities(c.theta, c.lengths, y, *c_barred[2:])[0] == -np.inf
    y[2] = -1
    with pytest.raises(NoPath, match="sentence 0 "):
        c_barred.loss(y)


def test_what_is_not_a_number_is_seen_in_the_loss():
    c = CHAINS["mixed"]
    theta = c.theta.copy()
    theta[4, 1] = np.nan
    assert np.isnan(c._replace(theta=theta).loss(labels_of(c, "all"))[0])


def test_forbidden_transitions_have_no_gradient_and_no_probability():
    c = CHAINS["mixed"]
    barred = c.transitions.copy()
    barred[0, 1] = barred[2, 2] = -np.inf
    c = c._replace(transitions=barred, start=np.array([0.3, -np.inf, 1.0]))
    y = np.zeros(len(c.theta), int)
    found = c.loss(y)
    wanted = plain.crf_loss_and_gradients(c.theta, c.lengths, y, *c[2:])
    assert found[0] == pytest.approx(wanted[0], rel=1e-10)
    for ours, theirs in zip(found[1:], wanted[1:], strict=True):
        assert_close(ours, theirs)
    assert found[3][0, 1] == found[3][2, 2] == found[2][1] == 0


# Marginals and probabilities of paths


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CHAINS)
def test_marginals(name, masked):
    c = CHAINS[name]
    allowed = mask_of(c) if masked else None
    found = posterior_marginals(*within(c, allowed))
    for rows in c.sentences():
        if rows.stop > rows.start:
            own = None if allowed is None else allowed[rows]
            wanted = plain.path_expectations(c.theta[rows], *c[2:], own)[1]
            np.testing.assert_allclose(found[rows], wanted, rtol=1e-9, atol=1e-12)


def test_probabilities_of_all_paths_sum_to_one():
    c = chain((3, 0, 3), K=2)
    total = np.zeros(3)
    for _, path in plain.all_paths(c.theta[:3], *c[2:]):
        total += np.exp(path_log_probabilities(c.theta, c.lengths, np.array(path * 2), *c[2:]))
    np.testing.assert_allclose(total, [1, 8, 1], rtol=1e-12)


def test_the_loss_is_the_mean_surprise_per_token():
    c = CHAINS["mixed"]
    y = labels_of(c, "all")
    surprise = -path_log_probabilities(c.theta, c.lengths, y, *c[2:])
    assert pytest.approx(surprise.sum() / len(y), rel=1e-12) == c.loss(y)[0]
    assert surprise[c.lengths == 0].tolist() == [0, 0]


# PyTorch, where it is installed


@pytest.mark.parametrize("labels", LABELS)
def test_gradients_are_pytorchs(labels):
    """Differentiated by PyTorch through log-sum-exp, token after token."""
    torch = pytest.importorskip("torch")
    c = chain((7, 1, 0, 12, 4), K=5, size=2.0)
    y = labels_of(c, labels)
    p = [torch.tensor(array, requires_grad=True) for array in (c.theta, *c[2:])]

    def log_Z(rows, mask):
        theta, start, transitions, end = p
        alpha = start + theta[rows.start] + mask[rows.start]
        for row in range(rows.start + 1, rows.stop):
            into = torch.logsumexp(alpha[:, None] + transitions, dim=0)
            alpha = into + theta[row] + mask[row]
        return torch.logsumexp(alpha + end, dim=0)

    K = c.theta.shape[1]
    agree = (y[:, None] < 0) | (y[:, None] == np.arange(K))
    free, given_ = torch.zeros(c.theta.shape), torch.tensor(forbid(agree))
    rows = [r for r in c.sentences() if (y[r] >= 0).any()]
    J = sum(log_Z(r, free) - log_Z(r, given_) for r in rows) / (y >= 0).sum()
    J.backward()
    found = c.loss(y)
    assert found[0] == pytest.approx(J.item(), rel=1e-12)
    for ours, theirs in zip(found[1:], p, strict=True):
        assert_close(ours, theirs.grad.numpy())
