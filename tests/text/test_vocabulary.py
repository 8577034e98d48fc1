"""Features, the vocabulary, and batches of whole sentences."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import FEATURES, corpus_of, problem

from windowclf.network import members
from windowclf.text.batches import lay_out, make_batch, pack, pieces_of
from windowclf.text.clusters import Clusters
from windowclf.text.features import BOUNDARY, UNKNOWN, Feature, ngram_rows, shape, values_of
from windowclf.text.vocabulary import SlotRows, build_vocabulary, with_dropped_variants


@pytest.mark.parametrize(
    ("form", "drawn"),
    [
        ("McDonald's", "XxXxx'x"),
        ("1,000.50", "d,dd.dd"),
        ("东京", "oo"),
        ("", ""),
        ("AAAA", "XX"),
        ("a--b", "x--x"),
        ("I", "X"),
    ],
)
def test_shape(form, drawn):
    assert shape(form) == drawn


def test_values():
    key = ("Walking", "VBG")
    columns = ("pos",)

    def value(kind, **settings):
        return values_of(Feature(kind, "t", 4, **settings), [key], columns)[0]

    assert value("word") == "Walking"
    assert value("lower") == "walking"
    assert value("prefix", length=3) == "Wal"
    assert value("suffix", length=3) == "ing"
    assert value("suffix", length=30) == "Walking"
    assert value("column", column="pos") == "VBG"


def test_ngrams_are_hashed_by_crc32():
    feature = Feature("ngrams", "n", 4, min=2, max=3, buckets=100)
    grams = ["\x02a", "ab", "b\x03", "\x02ab", "ab\x03"]
    ids, offsets = ngram_rows(["ab"], feature)
    assert ids.tolist() == [2 + zlib.crc32(g.encode()) % 100 for g in grams]
    assert offsets.tolist() == [0, 5]
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the published check value


@given(st.lists(st.text(max_size=9), max_size=6), st.integers(1, 4), st.integers(0, 3))
def test_ngrams_of_any_text(forms, shortest, more):
    feature = Feature("ngrams", "n", 4, min=shortest, max=shortest + more, buckets=997)
    ids, offsets = ngram_rows(forms, feature)
    for t, form in enumerate(forms):
        marked = f"\x02{form}\x03"
        grams = [
            marked[i : i + n]
            for n in range(feature.min, feature.max + 1)
            for i in range(len(marked) - n + 1)
        ]
        wanted = [2 + zlib.crc32(g.encode("utf-8", "surrogatepass")) % 997 for g in grams]
        assert ids[offsets[t] : offsets[t + 1]].tolist() == wanted


def test_rows_are_ranked_by_count_then_code_point():
    features = (Feature("word", "word", 4, min_count=2),)
    counts = {"b": 2, "a": 2, "c": 5, "rare": 1}
    vocabulary = build_vocabulary(features, (), counts, ["Y", "X"])
    assert vocabulary.values["word"] == ("c", "a", "b")
    assert vocabulary.labels == ("X", "Y")
    assert vocabulary.seen == ("c", "a", "b", "rare")
    (slot,) = vocabulary.encode(["a", "rare", "new", "c"])
    assert slot.ids.tolist() == [BOUNDARY, 3, UNKNOWN, UNKNOWN, 2]
    assert vocabulary.table_sizes() == {"word": 5}


def test_a_shared_table_counts_both_features():
    features = (Feature("word", "w", 4, min_count=3), Feature("lower", "w", 4, min_count=3))
    vocabulary = build_vocabulary(features, (), {"The": 1, "the": 1}, ["X"])
    assert vocabulary.values["w"] == ("the",)  # "the" once as a word, twice in lower case


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.integers(1, 3), min_size=1), st.randoms())
def test_order_does_not_depend_on_the_order_of_the_counts(counts, random):
    items = list(counts.items())
    random.shuffle(items)
    one = build_vocabulary(FEATURES, (), counts, ["X"])
    two = build_vocabulary(FEATURES, (), dict(items), ["X"])
    assert one == two


def test_order_does_not_depend_on_hash_seeds():
    code = (
        "from windowclf.text.vocabulary import build_vocabulary as b\n"
        "from windowclf.text.features import Feature as F\n"
        "c = {w: 1 for w in {'x', 'y', 'z', 'ä', 'Q'}}\n"
        "print(b((F('word', 'w', 4),), (), c, {'L1', 'L2'}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1


def test_dropped_variants_hide_the_word_and_nothing_else():
    corpus, vocabulary = corpus_of([("dog cat", "A B")], FEATURES)
    rows = vocabulary.encode(corpus.keys)
    doubled = with_dropped_variants(FEATURES, rows)
    tokens = rows[0].tokens()
    for feature, before, after in zip(FEATURES, rows, doubled, strict=True):
        for t in range(tokens):
            kept = after.take(np.array([t]))
            hidden = after.take(np.array([t + tokens]))
            np.testing.assert_array_equal(kept.ids, before.take(np.array([t])).ids)
            expected = [UNKNOWN] if feature.hides_when_dropped else kept.ids.tolist()
            assert hidden.ids.tolist() == expected


@pytest.mark.parametrize(
    ("feature", "is_hidden"),
    [
        (Feature("word", "a", 2), True),
        (Feature("lower", "a", 2), True),
        (Feature("ngrams", "a", 2, min=2, max=3, buckets=11), True),
        (Feature("prefix", "a", 2, length=2), False),
        (Feature("suffix", "a", 2, length=2), False),
        (Feature("shape", "a", 2), False),
        (Feature("column", "a", 2, column="pos"), False),
        (Feature("char_cnn", "a", 2, filters=3, width=3), False),
    ],
    ids=lambda value: value.kind if isinstance(value, Feature) else "",
)
def test_word_dropout_hides_the_word_its_lower_case_and_its_ngrams(feature, is_hidden):
    """What a word never seen in training would not show either, and no more than that."""
    columns = ("pos",) if feature.column else ()
    keys = [("cats", "N"), ("dogs", "V")] if columns else ["cats", "dogs"]
    vocabulary = build_vocabulary((feature,), columns, dict.fromkeys(keys, 2), ["X"])
    rows = vocabulary.encode(keys)
    (doubled,) = with_dropped_variants((feature,), rows)
    for t in (1, 2):
        hidden = doubled.take(np.array([t + rows[0].tokens()])).ids.tolist()
        own = rows[0].take(np.array([t])).ids.tolist()
        assert UNKNOWN not in own
        assert hidden == ([UNKNOWN] if is_hidden else own)


def test_a_token_without_characters_is_written_as_the_boundary():
    """As in a row of slots; a bag of none would have the maximum of its neighbour."""
    feature = Feature("char_cnn", "a", 2, filters=3, width=3)
    vocabulary = build_vocabulary((feature,), (), {"ab": 1, "": 1, "b": 1}, ["X"])
    (slot,) = vocabulary.encode(["ab", "", "b"])
    a, b = vocabulary.row_of["a"]["a"], vocabulary.row_of["a"]["b"]
    assert slot.ids.tolist() == [BOUNDARY, a, b, BOUNDARY, b]
    assert slot.offsets.tolist() == [0, 1, 3, 4, 5]


def test_the_form_is_looked_up_before_its_lower_case():
    clusters = Clusters({"names": ["Apple"], "fruit": ["apple", "pear"]})
    assert clusters.of(["Apple", "apple", "APPLE", "Pear", "plum"]) == [
        *("names", "fruit", "fruit", "fruit", "")
    ]
    feature = Feature("vectors", "a", 2)
    words = {"a": ["apple", "Apple", "pear"]}
    vocabulary = build_vocabulary((feature,), (), {"Apple": 1}, ["X"], words=words)
    (slot,) = vocabulary.encode(["Apple", "apple", "APPLE", "Pear", "plum"])
    row = vocabulary.row_of["a"]
    found = [row["Apple"], row["apple"], row["apple"], row["pear"], UNKNOWN]
    assert slot.ids.tolist() == [BOUNDARY, *found]


def test_taking_bags():
    slot = SlotRows(np.array([5, 6, 7, 8], np.int32), np.array([0, 1, 1, 4], np.int32))
    taken = slot.take(np.array([2, 1, 0]))
    assert taken.ids.tolist() == [6, 7, 8, 5]
    assert taken.offsets.tolist() == [0, 3, 3, 4]


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 50), st.randoms())
def test_packing_covers_every_piece_once(sizes, batch_tokens, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    batches = pack(np.array(sizes), np.array(order), batch_tokens)
    packed = [int(i) for batch in batches for i in batch]
    assert [i for i in packed if sizes[i]] == [i for i in order if sizes[i]]
    assert all(sum(sizes[i] for i in batch) > 0 for batch in batches)
    if batches:
        mean = sum(sizes) / len(batches)
        assert mean <= max(2 * batch_tokens, max(sizes))


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.integers(0, 3),
    st.sampled_from([None, 1, 2, 4]),
)
def test_layout_against_a_naive_one(lengths, k, longest):
    starts = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.arange(1, starts[-1] + 1, dtype=np.int32)  # every token is its own distinct token
    pieces = pieces_of(starts, k, longest)
    places = lay_out(tokens, pieces, np.arange(len(pieces.begin)), k)
    assert sorted(places.corpus.tolist()) == list(range(int(starts[-1])))
    for place, where in zip(places.windows.tolist(), places.corpus.tolist(), strict=True):
        s = int(np.searchsorted(starts, where, side="right")) - 1
        for j in range(-k, k + 1):
            inside = starts[s] <= where + j < starts[s + 1]
            assert places.tokens[place + j] == (tokens[where + j] if inside else 0)


def test_cut_sentences_have_the_same_scores():
    p = problem(plain=True, window=2, text=[("a b c a b c d e f a b", "A B A B A B A B A B A")])
    slots = p.vocabulary.encode(p.corpus.keys)

    def scores(longest):
        pieces = pieces_of(p.corpus.starts, 2, longest)
        theta = np.empty((len(p.corpus.tokens), p.architecture.classes))
        for chosen in range(len(pieces.begin)):
            places = lay_out(p.corpus.tokens, pieces, np.array([chosen]), 2)
            batch = make_batch(places, p.corpus.labels, slots, 2)
            theta[places.corpus] = members.scores(p.architecture, p.parameters, batch)
        return theta

    np.testing.assert_allclose(scores(None), scores(3), rtol=1e-12)
