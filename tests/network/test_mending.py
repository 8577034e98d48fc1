"""Legal paths of a softmax: exact, legal whatever the scores, untouched where nothing is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chains import LABEL_LISTS
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.network.kernels import mending as kernel
from windowclf.network.kernels.decoding import forbid, viterbi
from windowclf.network.kernels.mending import mended
from windowclf.network.kernels.trellis import NoPath
from windowclf.text.legality import legal_transitions, span_states
from windowclf.text.spans import (
    from_spans,
    segmentation_from_words,
    to_spans,
    words_from_segmentation,
)

SPAN_SCHEMES = ("BIO", "IOB1", "IO", "BIOES")
LENGTHS = st.lists(st.integers(0, 14), max_size=6)
SEEDS = st.integers(0, 2**32 - 1)
LAW = settings(derandomize=True, deadline=None, max_examples=60)


def is_legal(labels, scheme):
    if scheme == "BMES":
        words = words_from_segmentation(labels)
        return segmentation_from_words([end - start for start, end in words]) == labels
    return from_spans(to_spans(labels, scheme), len(labels), scheme) == labels


def total(scores, path):
    return scores[np.arange(len(path)), path].sum()


def whole_viterbi(scores, lengths, legal):
    """The answer of Viterbi over whole sentences, None where one has no path."""
    try:
        return viterbi(scores, lengths, *(forbid(ok) for ok in legal))
    except NoPath:
        return None


@pytest.mark.parametrize("masked", [False, True], ids=["any label", "some labels"])
@pytest.mark.parametrize("ties", [False, True], ids=["reals", "ties"])
@pytest.mark.parametrize("scheme", LABEL_LISTS)
@LAW
@given(LENGTHS, SEEDS)
def test_the_best_legal_path_as_viterbi_over_whole_sentences_finds_it(
    scheme, ties, masked, lengths, seed
):
    rng = np.random.default_rng(seed)
    labels = LABEL_LISTS[scheme]
    legal = legal_transitions(labels, scheme)
    scores = rng.normal(size=(sum(lengths), len(labels)))
    if ties:
        scores = np.round(scores)
    if masked:  # but for one label of each token
        barred = rng.random(scores.shape) < 0.3
        barred[np.arange(len(scores)), rng.integers(len(labels), size=len(scores))] = False
        scores[barred] = -np.inf
    lengths = np.array(lengths, int)
    wanted = whole_viterbi(scores, lengths, legal)
    if wanted is None:
        with pytest.raises(NoPath):
            mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__)
        return
    found = mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__)
    assert total(scores, found) == pytest.approx(total(scores, wanted), abs=1e-9)
    if not ties:
        np.testing.assert_array_equal(found, wanted)
    for end, size in zip(np.cumsum(lengths), lengths, strict=True):
        assert is_legal([labels[k] for k in found[end - size : end]], scheme)


@pytest.mark.parametrize("at_once", [1, 5])
def test_in_parts(monkeypatch, at_once):
    rng = np.random.default_rng(1)
    legal = legal_transitions(LABEL_LISTS["BIOES"], "BIOES")
    scores, lengths = rng.normal(size=(300, 9)), np.array([100, 0, 200])
    whole = mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__)
    monkeypatch.setattr(kernel, "AT_ONCE", at_once)
    np.testing.assert_array_equal(
        mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__), whole
    )


def test_what_is_legal_already_is_not_looked_at():
    legal = legal_transitions(["O", "B-A", "I-A"], "BIO")
    path = np.array([0, 1, 2, 2, 0, 1])
    assert mended(path, np.array([5, 1]), *legal, lambda tokens: pytest.fail("asked")).tolist() == [
        *path.tolist()
    ]


def test_a_fault_is_mended_where_it_stands():
    """O I-A O: the I is read as B where B costs least; tokens further away are not asked for."""
    legal = legal_transitions(["O", "B-A", "I-A"], "BIO")
    scores = np.tile([3.0, 0.0, 0.0], (40, 1))
    scores[20] = [0.0, 3.5, 4.0]
    asked = []

    def scores_of(tokens):
        asked.extend(tokens.tolist())
        return scores[tokens]

    found = mended(scores.argmax(axis=1), np.array([40]), *legal, scores_of)
    assert np.flatnonzero(found).tolist() == [20]
    assert found[20] == 1
    assert asked == [18, 19, 20, 21, 22]


def test_a_long_way_back():
    """Only the first token can open the span that the last one closes."""
    legal = legal_transitions(["O", "B-A", "I-A", "E-A"], "BIOES")
    scores = np.zeros((500, 4))
    scores[1:-1, 2] = 5
    scores[-1, 3] = 9000
    scores[0, 0] = 1
    scores[:, 1] = -50
    found = mended(scores.argmax(axis=1), np.array([500]), *legal, scores.__getitem__)
    assert found.tolist() == [1, *[2] * 498, 3]


def test_sentences_without_a_path_are_named_and_may_be_left_out():
    legal = legal_transitions(["B-A", "E-A"], "BIOES")  # pairs only
    scores = np.zeros((7, 2))
    lengths = np.array([2, 1, 0, 3, 1])
    with pytest.raises(NoPath) as caught:
        mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__)
    assert set(caught.value.sentences.tolist()) <= {1, 3, 4}
    left_out = np.array([1, 3, 4])
    found = mended(scores.argmax(axis=1), lengths, *legal, scores.__getitem__, left_out)
    assert found.tolist() == [0, 1, 0, 0, 0, 0, 0]


def test_what_is_no_number_is_the_worst():
    legal = legal_transitions(LABEL_LISTS["BIO"], "BIO")
    scores = np.array([[9.0, 0, 0, 0, 0], [0, np.nan, 1, 0, 0]])
    found = mended(np.array([0, 2]), np.array([2]), *legal, scores.__getitem__)
    assert found.tolist() == [0, 0]  # neither B-A nor, after O, I-A


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e308])
def test_scores_that_are_no_numbers_end_in_some_legal_path_or_none(odd):
    legal = legal_transitions(LABEL_LISTS["BIOES"], "BIOES")
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(60, 9))
    scores[rng.random(scores.shape) < 0.5] = odd
    try:
        found = mended(scores.argmax(axis=1), np.array([60]), *legal, scores.__getitem__)
    except NoPath:
        assert odd == -np.inf
    else:
        assert is_legal([LABEL_LISTS["BIOES"][k] for k in found], "BIOES")


@pytest.mark.parametrize("scheme", SPAN_SCHEMES)
@pytest.mark.parametrize("inside", SPAN_SCHEMES)
def test_a_path_of_states_is_a_path_of_classes_with_the_labels_of_the_files(inside, scheme):
    """Every legal sequence of up to four classes, and no other, is one path of states."""
    labels = LABEL_LISTS[inside]
    states = span_states(labels, inside, scheme)
    legal = legal_transitions(labels, inside)
    for length in range(1, 5):
        found = []
        for path in paths(states.legal, length):
            own = [labels[states.classes[r]] for r in path]
            assert from_spans(to_spans(own, inside), length, scheme) == [
                states.labels[r] for r in path
            ]
            found.append(own)
        wanted = [[labels[k] for k in path] for path in paths(legal, length)]
        assert sorted(found) == sorted(wanted)


def paths(legal, length):
    """Every legal path."""
    tails = [[int(k)] for k in np.flatnonzero(legal.start)]
    for _ in range(length - 1):
        tails = [[*t, int(k)] for t in tails for k in np.flatnonzero(legal.transitions[t[-1]])]
    return [t for t in tails if legal.end[t[-1]]]


def test_states_of_labels_that_training_lacks_are_missing():
    states = span_states(["O", "S-A", "B-B", "E-B"], "BIOES", "BIO")
    assert set(zip(states.classes, states.labels, strict=True)) == {
        (0, "O"),
        (1, "B-A"),
        (2, "B-B"),
        (3, "I-B"),
    }
    assert list(itertools.chain(span_states([], "BIOES", "BIO").classes)) == []
