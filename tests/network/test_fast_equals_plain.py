"""The fast kernels give the numbers of the plain twins; shapes, dtypes and laws of the network."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import plain
import pytest
from small import Problem, corpus_of, problem
from test_all_gradients import NETWORKS, RECURRENCES, dense

from windowclf.network import members
from windowclf.network.architecture import Architecture
from windowclf.network.gradients import Masks, Objective
from windowclf.network.kernels.activations import activation_backward, logistic
from windowclf.network.kernels.char_cnn import char_cnn_backward, char_cnn_forward
from windowclf.network.kernels.dropout import byte_rate, dropout_mask
from windowclf.network.kernels.initialize import weight_matrix
from windowclf.network.kernels.lookup import bag_forward
from windowclf.network.kernels.output import sigmoid_cross_entropy, softmax_cross_entropy
from windowclf.text.batches import lay_out, make_batch, pieces_of
from windowclf.text.features import BOUNDARY, Feature


def run(p):
    return members.loss_and_gradients(p.architecture, p.parameters, p.batch, p.objective, p.masks)


# A CRF's twin looks at every path, so that it comes with few of the other parts.
WITH_TWINS = [
    network
    for network in NETWORKS
    if network[1] != "crf" or (network[0] in ("none", "relu") and not network[2])
]


@pytest.mark.parametrize("unregularised", [False, True], ids=["regularised", "plain"])
@pytest.mark.parametrize(("activation", "output", "char_cnn", "recurrence"), WITH_TWINS)
def test_loss_and_gradients(activation, output, char_cnn, recurrence, unregularised):
    directions, truncate = RECURRENCES[recurrence]
    p = problem(activation, output, char_cnn, directions, truncate, plain=unregularised, window=2)
    J, gradients = run(p)
    wanted_J, wanted = plain.loss_and_gradients(
        p.parameters, p.architecture, p.batch, p.objective, p.masks.of_member(0)
    )
    assert pytest.approx(wanted_J, rel=1e-12) == J
    for name, whole in dense(p, gradients).items():
        scale = np.abs(wanted[name]).max()
        assert np.abs(whole - wanted[name]).max() <= 1e-10 * max(scale, 1e-3), name


@pytest.mark.parametrize(("activation", "output", "char_cnn", "recurrence"), NETWORKS)
def test_float32_stays_float32(activation, output, char_cnn, recurrence):
    directions, truncate = RECURRENCES[recurrence]
    p = problem(activation, output, char_cnn, directions, truncate, dtype="float32")
    J, gradients = run(p)
    exact = problem(activation, output, char_cnn, directions, truncate)
    assert pytest.approx(run(exact)[0], rel=1e-4) == J
    for name, gradient in gradients.items():
        values = getattr(gradient, "values", gradient)
        assert values.dtype == np.float32, name
    assert members.scores(p.architecture, p.parameters, p.batch).dtype == np.float32
    for name, whole in dense(p, gradients).items():
        assert whole.shape == p.parameters[name].shape


def test_worked_example():
    """V = 3 rows (boundary, unknown, 'a'), d = 1, window 1, H = 2, K = 2; one sentence 'a a'.

    L = (0.5, 0, 2). W rows: left (1, -1), middle (0.5, 1), right (-1, 0.5); b1 = (0, -1).
    Window 1: x = (0.5, 2, 2):  z = (0.5 + 1 - 2, -0.5 + 2 + 1 - 1) = (-0.5, 1.5), h = (0, 1.5)
    Window 2: x = (2, 2, 0.5):  z = (2 + 1 - 0.5, -2 + 2 + 0.25 - 1) = (2.5, -0.75), h = (2.5, 0)
    U = ((1, 0), (0, 1)), b2 = 0:  theta = (0, 1.5) and (2.5, 0); labels 1 and 0.
    J = (log(1 + e^-1.5) + log(1 + e^-2.5)) / 2
    With s = 1/(1 + e^1.5), r = 1/(1 + e^2.5): delta1 = ((s, -s), (-r, r)) / 2
    dU = h^T delta1: row 1 = 2.5 (-r, r)/2, row 2 = 1.5 (s, -s)/2; db2 = (s - r, r - s)/2
    delta2 = delta1 U^T where z > 0: (0, -s)/2 and (-r, 0)/2
    dW = x^T delta2: column 1 = -r/2 (2, 2, 0.5), column 2 = -s/2 (0.5, 2, 2); db1 = (-r, -s)/2
    dx = delta2 W^T: window 1: -s/2 (-1, 1, 0.5), window 2: -r/2 (1, 0.5, -1)
    dL[boundary] = -s/2 (-1) + -r/2 (-1) = (s + r)/2
    dL[a] = -s/2 (1 + 0.5) - r/2 (1 + 0.5) = -0.75 (s + r)
    """
    p = tiny_problem()
    J, gradients = run(p)
    s, r = 1 / (1 + np.exp(1.5)), 1 / (1 + np.exp(2.5))
    exact = {"rtol": 0, "atol": 1e-15}
    assert pytest.approx((np.log1p(np.exp(-1.5)) + np.log1p(np.exp(-2.5))) / 2, abs=1e-15) == J
    np.testing.assert_allclose(
        gradients["U"], [[-1.25 * r, 1.25 * r], [0.75 * s, -0.75 * s]], **exact
    )
    np.testing.assert_allclose(gradients["b2"], [(s - r) / 2, (r - s) / 2], **exact)
    np.testing.assert_allclose(gradients["W"], [[-r, -s / 4], [-r, -s], [-r / 4, -s]], **exact)
    np.testing.assert_allclose(gradients["b1"], [-r / 2, -s / 2], **exact)
    rows, values = gradients["L.word"]
    assert rows.tolist() == [0, 2]
    np.testing.assert_allclose(values[:, 0], [(s + r) / 2, -0.75 * (s + r)], **exact)


def tiny_problem():
    features = (Feature("word", "word", 1),)
    corpus, vocabulary = corpus_of([("a a", "B A")], features)
    places = lay_out(corpus.tokens, pieces_of(corpus.starts, 1, None), np.array([0]), 1)
    batch = make_batch(places, corpus.labels, vocabulary.encode(corpus.keys), 1)
    architecture = Architecture(
        features, vocabulary.table_sizes(), 1, "relu", 2, 0, None, "softmax", 2
    )
    parameters = {
        "L.word": np.array([[0.5], [0.0], [2.0]]),
        "W": np.array([[1, -1], [0.5, 1], [-1, 0.5]]),
        "b1": np.array([0.0, -1.0]),
        "U": np.eye(2),
        "b2": np.zeros(2),
    }
    return Problem(architecture, parameters, batch, Objective(), Masks(), corpus, vocabulary)


def test_batch_gradient_is_the_mean_of_single_ones():
    p = problem(plain=True)
    labelled = np.flatnonzero(p.batch.labels >= 0)
    whole = dense(p, run(p)[1])
    mean = {name: np.zeros_like(g) for name, g in whole.items()}
    for b in labelled:
        one = type(p.batch)(
            p.batch.slots,
            p.batch.neighbours[:, [b]],
            p.batch.labels[[b]],
            np.array([1]),
        )
        _, gradients = members.loss_and_gradients(p.architecture, p.parameters, one, p.objective)
        for name, g in dense(p, gradients).items():
            mean[name] += g / len(labelled)
    for name, g in whole.items():
        np.testing.assert_allclose(g, mean[name], rtol=1e-10, atol=1e-14)


def test_two_class_softmax_is_a_sigmoid_of_the_difference():
    text = [("a b a c", "A B B A"), ("c", "B")]
    soft = problem(plain=True, text=text)
    one = problem(output="one", plain=True, text=text)
    targets = np.array([[1], [0]], np.uint8)  # class 0 is the positive one
    objective = Objective(targets=targets)
    parameters = dict(soft.parameters)
    parameters["U"] = soft.parameters["U"][:, :1] - soft.parameters["U"][:, 1:]
    parameters["b2"] = soft.parameters["b2"][:1] - soft.parameters["b2"][1:]
    J, g = run(soft)
    J1, g1 = members.loss_and_gradients(one.architecture, parameters, soft.batch, objective)
    assert pytest.approx(J, rel=1e-13) == J1
    np.testing.assert_allclose(g["U"][:, :1], g1["U"], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(g["U"][:, 1:], -g1["U"], rtol=1e-10, atol=1e-15)
    for name in ("W", "b1"):
        np.testing.assert_allclose(g[name], g1[name], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(g["L.word"].values, g1["L.word"].values, rtol=1e-10, atol=1e-15)


def test_pinning_theta_2_gives_the_sigmoids_training_path():
    text = [("a b a c", "A B B A"), ("c", "B")]
    soft, one = problem(plain=True, text=text), problem(output="one", plain=True, text=text)
    objective = Objective(targets=np.array([[1], [0]], np.uint8))
    p = {name: array.copy() for name, array in soft.parameters.items()}
    p["U"][:, 1], p["b2"][1] = 0.0, 0.0
    q = {name: array.copy() for name, array in p.items()}
    q["U"], q["b2"] = p["U"][:, :1].copy(), p["b2"][:1].copy()
    for _ in range(10):
        _, g = members.loss_and_gradients(soft.architecture, p, soft.batch, soft.objective)
        _, g1 = members.loss_and_gradients(one.architecture, q, soft.batch, objective)
        g["U"][:, 1], g["b2"][1] = 0.0, 0.0
        for parameters, gradients in ((p, g), (q, g1)):
            for name, gradient in gradients.items():
                rows = getattr(gradient, "rows", slice(None))
                parameters[name][rows] -= 0.5 * getattr(gradient, "values", gradient)
    for name in ("W", "b1", "L.word"):
        np.testing.assert_allclose(p[name], q[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(p["U"][:, :1], q["U"], rtol=1e-9, atol=1e-12)


def test_padding_moves_its_own_row_only():
    p = problem(plain=True, text=[("a", "A"), ("b", "B")], window=2)
    at_padding = p.batch.neighbours != p.batch.neighbours[2]  # all but the middle is boundary
    assert at_padding[[0, 1, 3, 4]].all()
    _, gradients = run(p)
    rows = gradients["L.word"].rows.tolist()
    assert rows[0] == BOUNDARY
    assert set(rows) == {BOUNDARY, *(p.vocabulary.row_of["word"][w] for w in "ab")}


@pytest.mark.parametrize(
    ("name", "h"),
    [("relu", 0.0), ("hard_tanh", 1.0), ("hard_tanh", -1.0)],
)
def test_derivative_at_a_kink_is_zero(name, h):
    assert activation_backward(name, np.ones((1, 1)), np.full((1, 1), h)) == 0


def test_extreme_scores_stay_finite():
    theta = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], np.float32)
    weights = np.ones(2, np.float32)
    J, delta1 = softmax_cross_entropy(theta, np.array([1, 1]), weights)
    assert pytest.approx((2e4 + np.log(2)) / 2, rel=1e-6) == J
    np.testing.assert_allclose(delta1.sum(axis=1), 0, atol=1e-6)
    J, delta1 = sigmoid_cross_entropy(theta, np.ones((2, 3), np.uint8), weights)
    assert pytest.approx((2e4 + np.log(2)) / 2, rel=1e-4) == J
    assert np.isfinite(delta1).all()


def test_no_label_at_all_is_no_loss_and_no_gradient():
    weights = np.zeros(2)
    J, delta1 = softmax_cross_entropy(np.ones((2, 3)), np.zeros(2, int), weights)
    assert J == 0
    assert not delta1.any()
    J, delta1 = sigmoid_cross_entropy(np.ones((2, 3)), np.ones((2, 3), np.uint8), weights)
    assert J == 0
    assert not delta1.any()


def test_empty_bag_is_the_zero_vector():
    L = np.arange(6.0).reshape(3, 2)
    e = bag_forward(L, np.array([1, 1, 2]), np.array([0, 0, 3, 3]))
    np.testing.assert_array_equal(e, [[0, 0], [2 * 2 + 4, 2 * 3 + 5], [0, 0]])


def test_of_equal_maxima_the_first_wins():
    L = np.array([[0.0], [0.0], [1.0]])
    W, b = np.array([[0.0], [1.0], [0.0]]), np.zeros(1)
    c, trace = char_cnn_forward(L, np.array([2, 1, 2]), np.array([0, 3]), W, b)
    assert c == 1
    assert trace.winners == 0
    rows, dL, dW, db = char_cnn_backward(np.ones((1, 1)), trace, W)
    assert db == 1
    assert dict(zip(rows.tolist(), dL[:, 0].tolist(), strict=True)) == {0: 0.0, 1: 0.0, 2: 1.0}
    np.testing.assert_array_equal(dW[:, 0], [0.0, 1.0, 0.0])


@pytest.mark.parametrize("width", [1, 3, 5])
def test_filters_of_every_width(width):
    """Each maximum by a loop over the places of a token, with boundaries on both sides."""
    rng = np.random.default_rng(width)
    L, W, b = rng.normal(size=(9, 2)), rng.normal(size=(2 * width, 4)), rng.normal(size=4)
    ids, offsets = rng.integers(1, 9, 12), np.array([0, 1, 8, 12])
    c, trace = char_cnn_forward(L, ids, offsets, W, b)
    for t, (begin, end) in enumerate(pairwise(offsets)):
        padding = [0] * (width // 2)
        token = L[[*padding, *ids[begin:end], *padding]]
        z = np.array([token[i : i + width].ravel() @ W + b for i in range(end - begin)])
        np.testing.assert_allclose(c[t], z.max(axis=0))
        np.testing.assert_array_equal(trace.winners[t], begin + z.argmax(axis=0))


def test_a_nan_in_the_characters_is_shown_and_breaks_nothing():
    L, W, b = np.full((3, 1), np.nan), np.ones((3, 2)), np.zeros(2)
    c, trace = char_cnn_forward(L, np.array([2, 1, 2]), np.array([0, 3]), W, b)
    assert np.isnan(c).all()
    assert (trace.winners == 2).all()  # the last place
    char_cnn_backward(np.ones((1, 2)), trace, W)


@pytest.mark.parametrize(("fan_in", "gain"), [(1, 1.0), (1, 2.0), (50, 2.0)])
def test_weights_are_drawn_by_what_flows_in(fan_in, gain):
    W = weight_matrix(np.random.default_rng(1), fan_in, 20_000, gain, "float64")
    assert W.shape == (fan_in, 20_000)
    assert W.std() == pytest.approx(np.sqrt(gain / fan_in), rel=0.03)


@pytest.mark.parametrize("shape", [(3, 8), (5, 7)])
def test_a_mask_takes_a_byte_a_unit(shape):
    """And no more of the stream than that, in words of eight bytes."""
    rng, other = np.random.default_rng(2), np.random.default_rng(2)
    mask = dropout_mask(rng, shape, 0.5)
    size = shape[0] * shape[1]
    drawn = other.bit_generator.random_raw((size + 7) // 8).view(np.uint8)[:size]
    np.testing.assert_array_equal(mask.ravel(), drawn >= 128)
    assert rng.bit_generator.state == other.bit_generator.state


def test_dropout_mask_drops_the_rate_in_256ths():
    mask = dropout_mask(np.random.default_rng(1), (1000, 1000), 0.4)
    assert mask.dtype == np.uint8
    assert abs(mask.mean() - (1 - byte_rate(0.4) / 256)) < 2e-3
    assert [byte_rate(p) for p in (0, 0.5, 0.9, 0.9999, 1)] == [0, 128, 230, 255, 255]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_logistic_function_is_right_at_both_ends(dtype):
    z = np.array([-80.0, -20, -1, 0, 1, 20, 80], dtype)
    wanted = np.array([1 / (1 + math.exp(-float(x))) for x in z])
    found = logistic(z)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=2 * np.finfo(dtype).eps)
    assert logistic(np.array([-1e4, 1e4], dtype)).tolist() == [0, 1]
    assert logistic(np.zeros((0, 3), dtype)).shape == (0, 3)
