"""Spans by conlleval's rules, in every scheme; words of segmentation."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.text.legality import continuations, legal_transitions, may_follow, span_states
from windowclf.text.spans import (
    Span,
    begins_span,
    fault_in_label,
    from_spans,
    segmentation_from_words,
    to_spans,
    words_from_segmentation,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "conlleval.json"
PREFIXES = {"BIO": "BI", "IOB1": "BI", "IO": "I", "BIOES": "BIES"}
CONLLEVALS = list(PREFIXES)
PREFIXES |= {"BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}  # BIOES in other letters
SCHEMES = list(PREFIXES)
LETTERS = {"BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}  # for B, I, E and S of BIOES


def random_labels(rng: random.Random, scheme: str, length: int) -> list[str]:
    """Any sequence, legal or not; types with a dash in their name too."""
    labels = ["O"] + [f"{p}-{t}" for p in PREFIXES[scheme] for t in ("A", "B", "C-D")]
    return [rng.choice(labels) if rng.random() < 0.7 else "O" for _ in range(length)]


def random_pairs(scheme: str, seed: int, sequences: int):
    """Pairs of gold and guess; the guess repeats part of the gold so that spans can be right."""
    rng = random.Random(f"{scheme}{seed}")
    for _ in range(sequences):
        gold = random_labels(rng, scheme, rng.randrange(0, 13))
        other = random_labels(rng, scheme, len(gold))
        yield gold, [g if rng.random() < 0.6 else o for g, o in zip(gold, other, strict=True)]


def counts(scheme: str, seed: int, sequences: int) -> dict[str, dict[str, int]]:
    correct, guessed, wanted = Counter(), Counter(), Counter()
    for gold, guess in random_pairs(scheme, seed, sequences):
        a, b = set(to_spans(gold, scheme)), set(to_spans(guess, scheme))
        wanted.update(span.type for span in a)
        guessed.update(span.type for span in b)
        correct.update(span.type for span in a & b)
    return {"correct": dict(correct), "guessed": dict(guessed), "gold": dict(wanted)}


@pytest.mark.parametrize("scheme", CONLLEVALS)
def test_counts_are_conllevals(scheme):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for batch in golden["schemes"][scheme]:
        assert counts(scheme, batch["seed"], batch["sequences"]) == batch["counts"]


@pytest.mark.parametrize(
    ("scheme", "labels", "spans"),
    [
        ("BIO", "O B-A I-A O", [(1, 3, "A")]),
        ("BIO", "I-A I-A", [(0, 2, "A")]),  # starts without B
        ("BIO", "B-A I-B", [(0, 1, "A"), (1, 2, "B")]),
        ("BIO", "B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("IOB1", "I-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("IO", "I-A I-A I-B", [(0, 2, "A"), (2, 3, "B")]),
        ("BIOES", "S-A B-A E-A I-A", [(0, 1, "A"), (1, 3, "A"), (3, 4, "A")]),
        ("BIOES", "B-A E-B", [(0, 1, "A"), (1, 2, "B")]),
        ("BIO", "", []),
    ],
)
def test_by_hand(scheme, labels, spans):
    assert to_spans(labels.split(), scheme) == [Span(*span) for span in spans]


@st.composite
def layouts(draw):
    """Spans in order that do not overlap, and a length."""
    spans, end = [], 0
    for _ in range(draw(st.integers(0, 6))):
        start = end + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 4))
        spans.append(Span(start, end, draw(st.sampled_from(["A", "B", "C-D"]))))
    return spans, end + draw(st.integers(0, 2))


def joined(spans: list[Span]) -> list[Span]:
    """The spans with adjoining ones of one type as one, as IO has them."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].end == span.start and found[-1].type == span.type:
            found[-1] = found[-1]._replace(end=span.end)
        else:
            found.append(span)
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(derandomize=True, deadline=None)
@given(layouts())
def test_there_and_back(scheme, layout):
    spans, length = layout
    labels = from_spans(spans, length, scheme)
    assert len(labels) == length
    assert all(fault_in_label(label, scheme) is None for label in labels)
    assert to_spans(labels, scheme) == (joined(spans) if scheme == "IO" else spans)


@pytest.mark.parametrize("label", ["12", "", "-A", "B-", "B_A", "X-A", "b-A", "OO", "BI-A"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_faulty_labels(scheme, label):
    sentence = fault_in_label(label, scheme)
    assert sentence is not None
    assert repr(label) in sentence
    assert scheme in sentence


def test_labels_of_another_scheme_are_faults():
    assert fault_in_label("S-A", "BIO") == "expected a BIO label (O, B-TYPE, I-TYPE), found 'S-A'"
    four = "O, B-TYPE, I-TYPE, E-TYPE, S-TYPE"
    assert fault_in_label("M-A", "BIOES") == f"expected a BIOES label ({four}), found 'M-A'"
    assert (
        fault_in_label("S-A", "IOB1") == "expected an IOB1 label (O, B-TYPE, I-TYPE), found 'S-A'"
    )
    assert fault_in_label("B-A", "IO") == "expected an IO label (O, I-TYPE), found 'B-A'"


def spelt(label: str, scheme: str) -> str:
    """A label of BIOES in the letters of another scheme."""
    return label if label == "O" else LETTERS[scheme]["BIES".index(label[0])] + label[1:]


@pytest.mark.parametrize("scheme", LETTERS)
def test_bioes_in_other_letters_reads_and_writes_the_same(scheme):
    """Every sequence of up to four labels of two types, legal or not; what may follow what."""
    labels = ["O", *(f"{p}-{t}" for t in ("A", "B") for p in "BIES")]
    own = [spelt(label, scheme) for label in labels]
    for length in range(1, 5):
        for sentence in itertools.product(labels, repeat=length):
            turned = [spelt(label, scheme) for label in sentence]
            spans = to_spans(sentence, "BIOES")
            assert to_spans(turned, scheme) == spans
            written = [spelt(label, scheme) for label in from_spans(spans, length, "BIOES")]
            assert from_spans(spans, length, scheme) == written
    np.testing.assert_array_equal(continuations(own), continuations(labels))
    for ours, bioes in zip(
        legal_transitions(own, scheme), legal_transitions(labels, "BIOES"), strict=True
    ):
        np.testing.assert_array_equal(ours, bioes)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pairs_of_labels_are_read_as_whole_sentences_are(scheme):
    """What may follow what, where spans begin, and which labels go on with one."""
    labels = ["O", *(f"{p}-{t}" for t in ("A", "B") for p in PREFIXES[scheme])]
    legal, going_on = legal_transitions(labels, scheme), continuations(labels)
    for (i, a), (j, b) in itertools.product(enumerate(labels), repeat=2):
        assert may_follow(a, b, scheme) == legal.transitions[i, j]
        begins = any(span.start == 1 for span in to_spans([a, b], scheme))
        assert begins_span(a, b) == begins
        assert going_on[i, j] == (b != "O" and not begins)
    for i, label in enumerate(labels):
        assert may_follow("O", label, scheme) == legal.start[i]
        assert may_follow(label, "O", scheme) == legal.end[i]


@pytest.mark.parametrize("inside", SCHEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
@settings(derandomize=True, deadline=None, max_examples=20)
@given(layouts())
def test_states_write_what_spans_are_written_as(inside, scheme, layout):
    """A legal way through the states has the labels of any spans."""
    spans, length = layout
    spans = joined(spans) if inside == "IO" else spans
    labels = from_spans(spans, length, scheme)
    types = ("A", "B", "C-D")
    classes = ["O", *(f"{p}-{t}" for t in types for p in PREFIXES[inside])]
    states = span_states(classes, inside, scheme)
    reached = states.legal.start
    for i, label in enumerate(labels):
        if i > 0:
            reached = (reached[:, None] & states.legal.transitions).any(axis=0)
        reached = reached & np.array([own == label for own in states.labels])
    assert length == 0 or (reached & states.legal.end).any()


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(1, 5)))
def test_words_there_and_back(lengths):
    tags = segmentation_from_words(lengths)
    words = words_from_segmentation(tags)
    assert [end - start for start, end in words] == lengths


@settings(derandomize=True, deadline=None)
@given(st.lists(st.sampled_from("BMES")))
def test_any_tags_are_words_that_cover_the_line(tags):
    words = words_from_segmentation(tags)
    assert [i for start, end in words for i in range(start, end)] == list(range(len(tags)))
    assert all(start < end for start, end in words)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("BB", [(0, 1), (1, 2)]),  # B begins a word whatever goes before
        ("MS", [(0, 1), (1, 2)]),
        ("BEM", [(0, 2), (2, 3)]),  # so does anything after an end
        ("SEE", [(0, 1), (1, 2), (2, 3)]),
        ("MME", [(0, 3)]),
    ],
)
def test_tags_that_are_not_legal_are_read_too(tags, words):
    assert words_from_segmentation(list(tags)) == words


@pytest.mark.parametrize("scheme", [*SCHEMES, "tags"])
def test_a_sequence_is_legal_if_reading_and_writing_leaves_it(scheme):
    """Every sequence of up to four labels of two types."""
    labels = ["O"] + [f"{p}-{t}" for t in ("A", "B") for p in PREFIXES.get(scheme, "")]
    if scheme == "tags":
        labels = list("MSEB")
    legal = legal_transitions(labels, "BMES" if scheme == "tags" else scheme)
    assert legal.transitions.shape == (len(labels), len(labels))
    for length in range(1, 5):
        for path in itertools.product(range(len(labels)), repeat=length):
            sentence = [labels[k] for k in path]
            if scheme == "tags":
                words = words_from_segmentation(sentence)
                again = segmentation_from_words([end - start for start, end in words])
            else:
                again = from_spans(to_spans(sentence, scheme), length, scheme)
            allowed = legal.start[path[0]] and legal.end[path[-1]]
            allowed = allowed and all(legal.transitions[i, j] for i, j in itertools.pairwise(path))
            assert allowed == (again == sentence), sentence


def test_types_may_have_dashes_and_labels_be_missing():
    legal = legal_transitions(["B-C-D", "I-C-D", "I-D"], "BIO")
    assert legal.start.tolist() == [True, False, False]
    assert legal.end.tolist() == [True, True, True]
    assert legal.transitions.tolist() == [
        [True, True, False],
        [True, True, False],
        [True, False, True],
    ]
    assert legal_transitions([], "BIOES").transitions.shape == (0, 0)
