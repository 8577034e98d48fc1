"""Intervals and p-values: cases by hand, laws, and the loop that the multinomial stands for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowclf.analysis import bootstrap
from windowclf.analysis.bootstrap import RESAMPLES, Counts, differences, figures, intervals

some_counts = st.builds(
    lambda tokens, right, correct, guessed, gold: Counts(
        tokens, min(right, tokens), min(correct, guessed, gold), guessed, gold
    ),
    *[st.integers(0, 9)] * 5,
)


def test_figures():
    """9 of 12 tokens right; of 4 spans guessed and 6 wanted 3 are right: F1 = 6/10; 0/0 is 0."""
    found = figures(np.array([[12.0, 9, 3, 4, 6], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]), "spans_f1")
    np.testing.assert_array_equal(found["accuracy"], [0.75, 0, 1])
    np.testing.assert_array_equal(found["spans_f1"], [0.6, 0, 1])
    assert list(figures(np.ones((1, 5)), None)) == ["accuracy"]


def test_one_sentence_is_drawn_again_and_again():
    found = intervals({Counts(4, 3, 1, 2, 2): 1}, "spans_f1")
    assert found == {"accuracy": [0.75, 0.75], "spans_f1": [0.5, 0.5]}
    assert intervals({}, None) == {"accuracy": [0.0, 0.0]}


@pytest.mark.parametrize("numbers", [[1], [2, 1], [100, 1, 29]])
def test_as_many_sentences_are_drawn_as_there_are(numbers):
    table = np.ones((len(numbers), 5))
    sums = bootstrap.resampled_sums(table, np.array(numbers))
    np.testing.assert_array_equal(sums, np.full((RESAMPLES, 5), sum(numbers)))


def test_sentences_of_one_token_give_the_interval_of_a_binomial():
    """900 of 1,000 right: 0.9 ± 1.96 √(0.9·0.1/1000) = 0.9 ± 0.0186."""
    low, high = intervals({Counts(1, 1): 900, Counts(1, 0): 100}, None)["accuracy"]
    assert low == pytest.approx(0.8814, abs=0.002)
    assert high == pytest.approx(0.9186, abs=0.002)


def test_rows_are_drawn_as_sentences_would_be():
    """Mean and spread of the sums against a loop that draws the sentences themselves."""
    rng = np.random.default_rng(5)
    tokens = rng.integers(1, 12, 300)
    sentences = [Counts(int(n), int(rng.integers(0, n + 1))) for n in tokens]
    rows = Counter(sentences)
    table = np.array(list(rows), float)
    sums = bootstrap.resampled_sums(table, np.array(list(rows.values())))
    plain = np.array(sentences, float)
    drawn = np.array([plain[rng.integers(0, 300, 300)].sum(axis=0) for _ in range(RESAMPLES)])
    assert sums.shape == drawn.shape
    for column in (0, 1):
        ours, theirs = sums[:, column], drawn[:, column]
        assert abs(ours.mean() - theirs.mean()) < 4 * theirs.std() / np.sqrt(RESAMPLES / 2)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.1)
    own = sums[:, 1] / sums[:, 0]
    theirs = drawn[:, 1] / drawn[:, 0]
    assert own.std() == pytest.approx(theirs.std(), rel=0.1)


def test_neither_blocks_nor_the_order_of_sentences_change_anything(monkeypatch):
    rows = {Counts(n, n // 2): n for n in range(1, 9)}
    before = intervals(rows, None)
    for at_once in (1, 7 * len(rows)):  # the last block is a smaller one
        monkeypatch.setattr(bootstrap, "AT_ONCE", at_once)
        assert intervals(dict(reversed(rows.items())), None) == before


def test_intervals_are_percentiles_of_the_samples():
    """From 2.5 % to 97.5 %; those of a difference are of the samples alone."""
    pairs = {(Counts(n, n // 2), Counts(n, n // 3)): n for n in range(1, 9)}
    keys = sorted(pairs)
    numbers = np.array([pairs[key] for key in keys])
    sums = bootstrap.resampled_sums(np.array(keys, float).reshape(len(keys), 10), numbers)
    ours, theirs = (figures(part, None)["accuracy"] for part in (sums[:, :5], sums[:, 5:]))
    found = differences(pairs, None)["accuracy"]["interval"]
    assert found == pytest.approx(np.percentile(ours - theirs, [2.5, 97.5]), rel=1e-12)


@given(st.dictionaries(some_counts, st.integers(1, 5), max_size=6))
def test_an_interval_lies_within_0_and_1_around_the_median(rows):
    for low, high in intervals(rows, "words_f1").values():
        assert 0 <= low <= high <= 1


@given(st.dictionaries(some_counts, st.integers(1, 5), min_size=1, max_size=6))
def test_a_model_does_not_differ_from_itself(rows):
    pairs = {(counts, counts): number for counts, number in rows.items()}
    for row in differences(pairs, "spans_f1").values():
        assert row == {"difference": 0.0, "interval": [0.0, 0.0], "p": 1.0}


def test_a_difference_that_every_sample_shows():
    """3/4 against 2/4 in each sentence: ¼, whatever is drawn, never ¼ away from ¼."""
    row = differences({(Counts(4, 3), Counts(4, 2)): 50}, None)["accuracy"]
    assert row == {"difference": 0.25, "interval": [0.25, 0.25], "p": 1 / (1 + RESAMPLES)}


def test_a_difference_has_its_sign_and_its_p():
    """Of 100 sentences one is right for the first model alone, none for the second alone.

    A sample's difference is X/100, X the times that sentence is drawn, about Poisson(1); it lies
    at least 1 from 1 where X = 0 or X ≥ 2: p = 1 − P(X = 1) = 1 − e^−1 = 0.632.
    """
    pairs = {(Counts(1, 1), Counts(1, 0)): 1, (Counts(1, 1), Counts(1, 1)): 99}
    row = differences(pairs, None)["accuracy"]
    assert row["difference"] == pytest.approx(0.01)
    assert row["p"] == pytest.approx(0.632, abs=0.05)
    swapped = {(b, a): number for (a, b), number in pairs.items()}
    other = differences(swapped, None)["accuracy"]
    assert other["difference"] == pytest.approx(-0.01)
    assert other["p"] == pytest.approx(0.632, abs=0.05)


def test_models_of_equal_worth_differ_significantly_as_often_as_it_says():
    """Of 200 comparisons of two coins about one in twenty has p < 0.05: 10 ± 3·3."""
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        heads = rng.integers(0, 2, (300, 2)).tolist()
        pairs = Counter((Counts(1, a), Counts(1, b)) for a, b in heads)
        found += differences(pairs, None)["accuracy"]["p"] < 0.05
    assert 1 <= found <= 19
