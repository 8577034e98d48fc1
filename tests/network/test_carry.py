"""What a network keeps of one before it, and what an epoch draws from the sentences before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small import problem

from windowclf.network.architecture import initialize
from windowclf.network.carry import Learnt, carry_over
from windowclf.network.replay import Replay
from windowclf.text.features import Feature
from windowclf.text.growth import grown
from windowclf.text.vocabulary import Vocabulary


def vocabulary(words: list[str], labels: list[str], seen: list[str]) -> Vocabulary:
    return Vocabulary((Feature("word", "word", 2),), (), {"word": words}, tuple(labels), seen)


def test_values_of_before_keep_their_rows_and_new_ones_follow():
    before = vocabulary(["b", "a"], ["N"], ["b", "a", "x"])
    now = grown(before, vocabulary(["c", "a", "d"], ["N", "V"], ["a", "y"]))
    assert now.values == {"word": ("b", "a", "c", "d")}
    assert [now.row_of["word"][value] for value in "bacd"] == [2, 3, 4, 5]
    assert (now.labels, now.seen) == (("N", "V"), ("b", "a", "x", "y"))


@pytest.mark.parametrize("output", ["softmax", "crf"])
@pytest.mark.parametrize("members", [1, 2])
def test_every_number_goes_to_its_place(output, members):
    """Two classes between which new ones stand, tables with more rows; all by hand."""
    p = problem(output=output, members=members, char_cnn=True, directions=1)
    a = p.architecture
    K = a.classes
    classes = np.array([1, 2, *range(4, K + 2)])  # the new ones are 0 and 3
    assert len(classes) == K
    sizes = {table: V + 3 for table, V in a.table_sizes.items()}
    larger = replace(a, table_sizes=sizes, classes=K + 2)
    initial = initialize(larger, 7, "float64")
    found = {name: array.copy() for name, array in initial.items()}
    carry_over(found, Learnt(p.parameters, classes))
    assert found.keys() == p.parameters.keys()
    for name, before in p.parameters.items():
        now, untouched, plain = found[name], initial[name], name.split("@")[0]
        if plain.startswith("L."):
            np.testing.assert_array_equal(now[: len(before)], before)
            np.testing.assert_array_equal(now[len(before) :], untouched[len(before) :])
        elif plain in ("U", "b2", "crf.start", "crf.end"):
            for i, j in enumerate(classes):
                np.testing.assert_array_equal(now[..., j], before[..., i])
            for j in (0, 3):
                np.testing.assert_array_equal(now[..., j], untouched[..., j])
        elif plain == "crf.transitions":
            for i, j in enumerate(classes):
                for k, m in enumerate(classes):
                    assert now[j, m] == before[i, k]
            assert not now[[0, 3]].any()
            assert not now[:, [0, 3]].any()
        else:
            np.testing.assert_array_equal(now, before)


STARTS = np.array([0, 3, 5, 9, 10, 14, 16, 21, 22])  # 3 new sentences of 9 tokens, 5 old ones


def drawn(replay: Replay, epoch: int) -> list[tuple[int, int]]:
    first, last = replay.sentences(epoch)
    return list(zip(first.tolist(), last.tolist(), strict=True))


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 1.4])
def test_an_epoch_has_all_new_sentences_and_its_share_of_old_ones(share):
    replay = Replay(STARTS, 3, share, seed=1)
    old = {(9, 10), (10, 14), (14, 16), (16, 21), (21, 22)}
    epochs = [drawn(replay, epoch) for epoch in range(60)]
    for sentences in epochs:
        assert sentences[:3] == [(0, 3), (3, 5), (5, 9)]
        chosen = sentences[3:]
        assert chosen == sorted(set(chosen))
        assert set(chosen) <= old
        tokens = [last - first for first, last in chosen]
        assert sum(tokens) >= min(share * 9, 13)
        assert sum(tokens) - max(tokens) < share * 9  # no more sentences than are needed
    assert len({tuple(sentences) for sentences in epochs}) > 1 or share > 1.2
    assert {each for sentences in epochs for each in sentences[3:]} == old  # all of them come up
    sizes = [sum(last - first for first, last in sentences) for sentences in epochs]
    assert [replay.tokens_before(epoch) for epoch in (0, 1, 5)] == [0, sizes[0], sum(sizes[:5])]


def test_what_is_drawn_follows_from_the_seed_and_the_epoch():
    one, same, other = (Replay(STARTS, 3, 0.5, seed) for seed in (1, 1, 2))
    assert [drawn(one, e) for e in range(9)] == [drawn(same, e) for e in range(9)]
    assert [drawn(one, e) for e in range(9)] != [drawn(other, e) for e in range(9)]


def test_no_more_is_drawn_than_is_wanted():
    """Old sentences of one token, new ones of 7: to the token."""
    starts = np.array([0, 3, *range(7, 40)])
    for share, wanted in ((0.1, 1), (0.5, 4), (1.0, 7), (3.0, 21)):
        replay = Replay(starts, 2, share, seed=1)
        assert len(drawn(replay, 0)) == 2 + wanted
        assert replay.tokens_before(2) == 2 * (7 + wanted)


def test_few_old_sentences_are_drawn_once_each():
    replay = Replay(STARTS, 3, 50.0, seed=1)
    assert [first for first, _ in drawn(replay, 0)] == STARTS[:-1].tolist()


def test_without_old_sentences_the_corpus_is_the_epoch():
    replay = Replay(STARTS, 8, 0.5, seed=1)
    assert [first for first, _ in drawn(replay, 3)] == STARTS[:-1].tolist()
    assert replay.tokens_before(3) == 66


def test_the_tokens_of_many_epochs_are_known_at_once():
    assert Replay(STARTS, 8, 0.5, seed=1).tokens_before(10**9) == 22 * 10**9
    replay = Replay(STARTS, 3, 0.5, seed=1)
    assert replay.tokens_about(10**9) == replay.tokens_before(1) * 10**9
