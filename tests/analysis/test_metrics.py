"""Scores by hand, with the arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from windowclf.analysis.metrics import Tally, best_threshold, score


def test_score():
    assert score(2, 4, 3) == pytest.approx((2 / 4, 2 / 3, 4 / 7, 3))
    assert score(0, 0, 0) == (0.0, 0.0, 0.0, 0)
    assert score(0, 5, 0) == (0.0, 0.0, 0.0, 0)


def test_tagging():
    """Gold A A B -, predicted A B B A: the last has no label, 2 of 3 are right.

    A: 1 of 1 guessed, 1 of 2 gold: P 1, R 1/2, F 2/3.  B: 1 of 2 guessed, 1 of 1 gold: P 1/2, R 1.
    """
    tally = Tally()
    tally.add_tokens(["A", "A", "B", None], ["A", "B", "B", "A"], [True, False, True, True])
    report = tally.report()
    assert report["tokens"] == 3
    assert report["sentences"] == 1
    assert report["accuracy"] == pytest.approx(2 / 3)
    assert report["seen"] == {"tokens": 2, "accuracy": 1.0}
    assert report["unseen"] == {"tokens": 1, "accuracy": 0.0}
    assert report["labels"]["A"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
    assert report["labels"]["B"]["precision"] == 0.5
    assert report["micro"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})
    assert report["macro"] == pytest.approx({"precision": 0.75, "recall": 0.75, "f1": 2 / 3})
    assert report["confusion"] == {"A": {"A": 1, "B": 1}, "B": {"B": 1}}
    assert "spans" not in report
    assert "words" not in report


def test_spans():
    """Two gold, two guessed, one the same: P = R = F = 1/2; type X 1/1, Y 0, Z 0."""
    tally = Tally()
    tally.add_tokens(["O"] * 4, ["O"] * 4, [True] * 4)
    tally.add_spans([(0, 1, "X"), (2, 4, "Y")], [(0, 1, "X"), (2, 4, "Z")])
    spans = tally.report()["spans"]
    assert spans["precision"] == spans["recall"] == spans["f1"] == 0.5
    assert spans["types"]["X"]["f1"] == 1.0
    assert spans["types"]["Y"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert spans["types"]["Z"]["support"] == 0


def test_words():
    """Gold ab|c|d, guess a|b|c|d: 2 of 4 guessed and 2 of 3 gold words: F = 4/7."""
    tally = Tally()
    tally.add_words([(0, 2), (2, 3), (3, 4)], [(0, 1), (1, 2), (2, 3), (3, 4)])
    words = tally.report()["words"]
    assert words["precision"] == 0.5
    assert words["recall"] == pytest.approx(2 / 3)
    assert words["f1"] == pytest.approx(4 / 7)


def test_several_labels_a_token():
    """Gold {A, B} and {}, predicted {A} and {B}: 1 of 2 guessed, 1 of 2 gold; no set is right."""
    tally = Tally()
    tally.add_tokens(["A|B", "_", "B|A"], ["A", "B", "A|B"], [True] * 3)
    report = tally.report(multilabel=True)
    assert report["exact"] == 0.0  # sets are compared as written, in sorted order
    assert report["labels"]["A"]["support"] == 2
    assert report["micro"]["precision"] == pytest.approx(3 / 4)
    assert report["micro"]["recall"] == pytest.approx(3 / 4)


@pytest.mark.parametrize(
    ("probabilities", "gold", "threshold"),
    [
        ([0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0], 0.55),  # F1 = 1 after two
        ([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0], 0.2),  # 1/1: 2/3; 1/2: 1/2; 2/3: 4/5
        ([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0], 0.25),  # no threshold between equals: 4/5 beats 2/3
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 0, 0, 0, 1], 0.85),  # 1/1: 2/3; 2/6: 4/8
        ([0.2, 0.1], [1, 1], 0.05),
        ([0.2, 0.1], [0, 0], 0.5),
    ],
)
def test_best_threshold(probabilities, gold, threshold):
    found = best_threshold(np.array(probabilities), np.array(gold, bool))
    assert found == pytest.approx(threshold)


def test_one_label_is_its_own_mean():
    tally = Tally()
    tally.add_tokens(["A"], ["A"], [True])
    assert tally.report()["macro"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_mean_is_over_labels_of_gold_or_prediction():
    """A: 1 of 1 guessed, 1 of 2 gold, F 2/3; B, which is guessed alone, 0. Mean 1/3."""
    tally = Tally()
    tally.add_tokens(["A", "A"], ["A", "B"], [True, True])
    assert tally.report()["macro"] == pytest.approx({"precision": 0.5, "recall": 0.25, "f1": 1 / 3})


def test_a_mean_over_types_where_spans_are_counted():
    """X 1/1, Y wanted and Z guessed alone 0: mean 1/3. Of the labels O is 1 and the rest 0."""
    tally = Tally()
    tally.add_tokens(["O", "O", "B-Y"], ["O", "O", "B-Z"], [True] * 3)
    tally.add_spans([(0, 1, "X"), (2, 4, "Y")], [(0, 1, "X"), (2, 4, "Z")])
    report = tally.report()
    assert report["macro"] == pytest.approx(dict.fromkeys(("precision", "recall", "f1"), 1 / 3))
    assert report["token_macro"] == pytest.approx(report["macro"])
    assert report["micro"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert report["token_micro"]["f1"] == report["accuracy"] == pytest.approx(2 / 3)


def test_a_text_without_spans_has_no_type_that_is_right():
    tally = Tally()
    tally.add_tokens(["O", "O"], ["O", "O"], [True, True])
    tally.add_spans([], [])
    report = tally.report()
    assert report["macro"]["f1"] == report["spans"]["f1"] == 0.0
    assert report["token_macro"]["f1"] == 1.0


def test_the_mean_of_words_is_their_own_score():
    tally = Tally()
    tally.add_tokens(list("BES"), list("BES"), [True] * 3)
    tally.add_words([(0, 2), (2, 3)], [(0, 2), (2, 3)])
    report = tally.report()
    assert report["macro"]["f1"] == report["micro"]["f1"] == report["words"]["f1"] == 1.0
    assert "token_macro" in report


def test_labels_of_tokens_have_no_second_name():
    tally = Tally()
    tally.add_tokens(["A"], ["A"], [True])
    assert not {"token_macro", "token_micro"} & tally.report().keys()


def test_nothing_counted():
    report = Tally().report()
    assert report["tokens"] == 0
    assert report["accuracy"] == 0.0
    assert report["macro"]["f1"] == 0.0
