"""Decoding a CRF: best paths against all paths, ties, what is forbidden, legal sequences."""

from __future__ import annotations

import numpy as np
import plain
import pytest
from chains import LABEL_LISTS, chain, mask_of, within
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.network.kernels.crf import posterior_marginals
from windowclf.network.kernels.decoding import forbid, n_best, viterbi
from windowclf.network.kernels.trellis import NoPath, side_by_side
from windowclf.text.legality import legal_transitions
from windowclf.text.spans import (
    from_spans,
    segmentation_from_words,
    to_spans,
    words_from_segmentation,
)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("integers", [False, True], ids=["reals", "ties"])
@pytest.mark.parametrize("K", [1, 2, 4])
def test_best_paths(K, integers, masked):
    """Small integers give many equal paths: the order among them is that of the definition."""
    c = chain(K=K, integers=integers)
    c.transitions[K - 1, 0] = -np.inf if K > 1 else 0.0
    allowed = mask_of(c) if masked else None
    allowed_in = [None if allowed is None else allowed[rows] for rows in c.sentences()]
    wanted = [
        plain.all_paths(c.theta[rows], *c[2:], own)
        for rows, own in zip(c.sentences(), allowed_in, strict=True)
    ]
    if not all(wanted):
        with pytest.raises(NoPath) as caught:
            viterbi(*within(c, allowed))
        assert caught.value.sentence == [bool(paths) for paths in wanted].index(False)
        return
    best = viterbi(*within(c, allowed))
    for rows, paths in zip(c.sentences(), wanted, strict=True):
        assert tuple(best[rows]) == paths[0][1]
    for n in (1, 2, 7, 50):
        for found, paths in zip(n_best(*within(c, allowed), n), wanted, strict=True):
            assert [tuple(path) for _, path in found] == [path for _, path in paths[:n]]
            assert [score for score, _ in found] == pytest.approx(
                [score for score, _ in paths[:n]], rel=1e-12, abs=1e-12
            )


def test_ties_go_to_the_lowest():
    c = chain((4, 1))._replace(theta=np.zeros((5, 3)), transitions=np.zeros((3, 3)))
    c = c._replace(start=np.zeros(3), end=np.zeros(3))
    assert viterbi(*c).tolist() == [0] * 5
    assert [tuple(path) for _, path in n_best(*c, 3)[0]] == [
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (2, 0, 0, 0),
    ]


def test_float32_chooses_what_float64_does():
    c = chain((200, 17, 3), K=6, size=50.0).cast(np.float32)
    np.testing.assert_array_equal(viterbi(*c), viterbi(*c.cast(np.float64)))


@pytest.mark.parametrize("decode", [viterbi, posterior_marginals, lambda *c: n_best(*c, 2)])
def test_a_sentence_without_a_path_is_named(decode):
    c = chain((2, 0, 1, 3, 3))
    barred = np.full((3, 3), -np.inf)
    barred[0, 1] = 0.0  # sentences of two tokens have one path, longer ones none
    with pytest.raises(NoPath, match="sentence 3 of the batch") as caught:
        decode(*c._replace(transitions=barred))
    assert caught.value.sentence == 3


@pytest.mark.parametrize("decode", [viterbi, posterior_marginals, lambda *c: n_best(*c, 2)])
@pytest.mark.parametrize("lengths", [(), (0,), (0, 0)])
def test_no_tokens(decode, lengths):
    c = chain(lengths)
    found = decode(*c)
    if isinstance(found, list):
        assert len(found) == len(lengths)
        for ((score, path),) in found:
            assert score == len(path) == 0
    else:
        assert len(found) == 0


def test_forbid():
    ok = np.array([True, False])
    assert forbid(ok).tolist() == [0, -np.inf]
    assert forbid(ok, np.array([2.0, 3.0])).tolist() == [2, -np.inf]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 6), max_size=12))
def test_the_trellis_holds_every_token_once(lengths):
    trellis = side_by_side(np.array(lengths, int))
    assert sorted(trellis.rows) == list(range(sum(lengths)))
    assert [lengths[s] for s in trellis.sentences] == sorted(filter(None, lengths), reverse=True)
    starts = np.cumsum([0, *lengths])
    for position, row in enumerate(trellis.rows):
        s = trellis.sentences[trellis.chains[position]]
        assert starts[s] <= row < starts[s + 1]
    first = len(trellis.sentences)
    np.testing.assert_array_equal(trellis.rows[:first], starts[trellis.sentences])
    np.testing.assert_array_equal(trellis.rows[trellis.previous] + 1, trellis.rows[first:])
    np.testing.assert_array_equal(trellis.rows[trellis.last] + 1, starts[trellis.sentences + 1])
    for now, before in trellis.steps():
        np.testing.assert_array_equal(trellis.rows[now], trellis.rows[before] + 1)


# Legal sequences


def there_and_back(labels, scheme):
    """The labels once more, from the spans or words that are read from them."""
    if scheme == "BMES":
        words = words_from_segmentation(labels)
        return segmentation_from_words([end - start for start, end in words])
    return from_spans(to_spans(labels, scheme), len(labels), scheme)


@pytest.mark.parametrize("decode", ["viterbi", "n best"])
@pytest.mark.parametrize("scheme", LABEL_LISTS)
@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_constrained_decoding_gives_legal_sequences_only(scheme, decode, lengths, seed):
    labels = LABEL_LISTS[scheme]
    legal = legal_transitions(labels, scheme)
    c = chain(lengths, K=len(labels), size=3.0, seed=seed)
    barred = c._replace(
        start=forbid(legal.start, c.start),
        transitions=forbid(legal.transitions, c.transitions),
        end=forbid(legal.end, c.end),
    )
    match decode:
        case "viterbi":
            paths = viterbi(*barred)
            answers = [paths[rows] for rows in c.sentences()]
        case "n best":
            answers = [path for found in n_best(*barred, 3) for _, path in found]
    for path in answers:
        sentence = [labels[k] for k in path]
        assert there_and_back(sentence, scheme) == sentence
