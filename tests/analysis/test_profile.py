"""What is counted in a text while it goes by, against plain loops over all of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from windowclf.analysis.label_names import alike, new_labels, parted, rare_names
from windowclf.analysis.prints import Prints, conflicts, found_in, repeated
from windowclf.analysis.profile import Profile, unseen
from windowclf.text.sentence import Sentence
from windowclf.text.spans import to_spans

WORDS, LABELS = ["a", "b", "c"], ["O", "B-X", "I-X", "B-Y"]


def random_text(seed: int, size: int = 200) -> list[Sentence]:
    """Short sentences, many of them the same, some tokens without a label."""
    rng = np.random.default_rng(seed)
    found = []
    for line in range(size):
        length = int(rng.integers(1, 4))
        labels = [None if rng.random() < 0.05 else str(rng.choice(LABELS)) for _ in range(length)]
        tokens = rng.choice(WORDS, length).tolist()
        found.append(Sentence(tokens, labels, path="x", lines=[line + 1] * length))
    return found


def profile_of(text: list[Sentence], task: str = "spans") -> Profile:
    profile = Profile(task)
    for sentence in text:
        profile.add(sentence)
    return profile


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_plain_loops(seed):
    text = random_text(seed)
    counts = profile_of(text).counts()
    labels = [label for sentence in text for label in sentence.gold]
    seen: set[tuple[str, ...]] = set()
    again = 0
    for sentence in text:
        again += tuple(sentence.tokens) in seen
        seen.add(tuple(sentence.tokens))
    assert counts["sentences"] == len(text)
    assert counts["tokens"] == len(labels)
    assert counts["unlabelled"] == labels.count(None)
    assert counts["labels"] == {name: n for name, n in Counter(labels).items() if name}
    assert list(counts["labels"].values()) == sorted(counts["labels"].values(), reverse=True)
    assert counts["one_token"] == sum(len(sentence.tokens) == 1 for sentence in text)
    assert counts["repeated"] == {"count": again, "share": again / len(text)}
    longest = max(text, key=lambda sentence: len(sentence.tokens))  # the first of them
    assert counts["longest"] == {"path": "x", "line": longest.lines[0], "tokens": 3}
    assert counts["different_words"] == 3
    assert "documents" not in counts


def test_spans_are_counted_by_type():
    text = [sentence for sentence in random_text(1) if None not in sentence.gold]
    spans = Counter(span.type for sentence in text for span in to_spans(sentence.gold, "BIO"))
    assert profile_of(text).counts()["spans"] == spans


def test_the_words_of_a_segmentation_and_the_values_of_a_table():
    characters = profile_of([Sentence(list("abab"), list("BESS"))], "segmentation").counts()
    assert (characters["tokens"], characters["words"], characters["different_words"]) == (4, 3, 3)
    assert "labels" not in characters
    rows = [Sentence([""], ["x"], {"a": [one], "b": ["1"]}) for one in "112"]
    table = profile_of(rows, "slots")
    assert table.counts()["different_words"] == 3  # a=1, a=2, b=1
    assert table.counts()["repeated"]["count"] == 1
    assert unseen(
        profile_of([Sentence([""], ["x"], {"a": ["9"], "b": ["1"]})], "slots"), table
    ) == {
        "count": 1,
        "share": 0.5,
    }


def test_documents_are_counted_where_they_are_marked():
    marks = [("x", 0), ("x", 0), ("x", 1), ("y", 0)]
    text = [Sentence(["a"], ["O"], path=path, document=number) for path, number in marks]
    assert profile_of(text).counts()["documents"] == 3


@pytest.mark.parametrize("seed", range(5))
def test_overlap_and_unseen_words_are_those_of_plain_loops(seed):
    train = profile_of(random_text(seed, 20))
    dev = [*random_text(seed + 100, 30), Sentence(["d", "a"], ["O", "O"])]
    known = {tuple(sentence.tokens) for sentence in random_text(seed, 20)}
    own = profile_of(dev)
    expected = sum(tuple(sentence.tokens) in known for sentence in dev)
    assert found_in(own.prints.texts(), train.prints.texts()) == expected
    words = {token for sentence in known for token in sentence}
    strange = sum(token not in words for sentence in dev for token in sentence.tokens)
    assert unseen(own, train)["count"] == strange > 0


@pytest.mark.parametrize("seed", range(5))
def test_equal_sentences_with_different_labels(seed):
    texts = [random_text(seed, 60), random_text(seed + 50, 40)]
    groups: dict[tuple[str, ...], list[tuple[str | None, ...]]] = {}
    for sentence in [*texts[0], *texts[1]]:
        if None not in sentence.gold:
            groups.setdefault(tuple(sentence.tokens), []).append(tuple(sentence.gold))
    differing = [group for group in groups.values() if len(set(group)) > 1]
    found = conflicts([profile_of(text).prints for text in texts], 1000)
    assert found["texts"] == len(differing) == len(found["examples"])
    assert found["sentences"] == sum(map(len, differing))
    of_line = {sentence.lines[0]: sentence for sentence in texts[0]}
    one, other = found["examples"][0]
    assert of_line[one["line"]].tokens == of_line[other["line"]].tokens
    assert of_line[one["line"]].gold != of_line[other["line"]].gold
    assert len(conflicts([profile_of(text).prints for text in texts], 2)["examples"]) == 2


def test_prints_of_nothing():
    assert repeated(Prints().texts()) == 0
    assert found_in(Prints().texts(), Prints().texts()) == 0
    assert (
        conflicts([], 3)
        == conflicts([Prints()], 3)
        == {
            "texts": 0,
            "sentences": 0,
            "examples": [],
        }
    )


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("PRESON", "PERSON"),
        ("PERSN", "PERSON"),
        ("PERSSON", "PERSON"),
        ("PERSAN", "PERSON"),
        ("B-PRESON", "B-PERSON"),
        ("noun", "NOUN"),
    ],
)
def test_a_rare_label_that_is_one_slip_away_is_named(name, like):
    assert alike({like: 1000, name: 3, "OTHER": 5}) == [
        {"label": name, "count": 3, "like": like, "like_count": 1000}
    ]


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("NNPS", "NNP"),  # tags are short
        ("Person=1", "Person=2"),
        ("I-LOC", "B-LOC"),
        ("PERSON", "PERSONAL"),
        ("PERSOTT", "PERSON"),
    ],
)
def test_other_labels_are_no_slips(name, like):
    assert alike({like: 1000, name: 3}) == []


def test_a_frequent_label_is_no_slip():
    assert alike({"PERSON": 1000, "PERSONS": 400}) == []


def test_rare_and_new_labels():
    assert rare_names({"A": 5, "B": 4, "C": 1}) == {"C": 1, "B": 4}
    assert new_labels(["N", "V"], ["V"], spans=False) == ["N"]
    assert new_labels(["O", "I-X", "B-Y"], ["B-X"], spans=True) == ["B-Y"]
    assert parted({"A|B": 2, "B": 3, "_": 9}) == {"A": 2, "B": 5}
