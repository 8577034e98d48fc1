"""Phrase lists, clusters and positions: what they read, and what a token's slots see of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowclf.errors import DataError, Faults
from windowclf.text.clusters import Clusters, read_clusters
from windowclf.text.corpus import encode_corpus
from windowclf.text.derived import derived_columns, positions, with_derived
from windowclf.text.features import UNKNOWN, Feature, columns_of
from windowclf.text.formats.lines import open_input
from windowclf.text.gazetteer import Gazetteer, read_phrases, with_joined_types
from windowclf.text.lexicon import grouped, packed, unpacked
from windowclf.text.sentence import Sentence
from windowclf.text.vocabulary import build_vocabulary

NAMES = Gazetteer(
    {"LOC": ("new york", "new york city", "york"), "PER": ("ann", "of york hall")}, lower=True
)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("in New York City .", "O B-LOC I-LOC E-LOC O"),  # the longest
        ("in New York", "O B-LOC E-LOC"),
        ("New York New", "B-LOC E-LOC O"),
        ("New Ann", "O S-PER"),  # the beginning of a phrase alone is none
        ("York York", "S-LOC S-LOC"),
        ("New York of York Hall", "B-LOC E-LOC B-PER I-PER E-PER"),
        ("Ann of York hal", "S-PER O S-LOC O"),  # a phrase that broke off hides no other
        ("", ""),
    ],
)
def test_marks_of_a_sentence(text, marks):
    assert NAMES.marks(text.split()) == marks.split()


def test_case_counts_unless_it_does_not():
    groups = {"LOC": ("York",)}
    assert Gazetteer(groups, lower=False).marks(["york", "York"]) == ["O", "S-LOC"]


def test_tokens_with_spaces_are_no_phrases():
    assert NAMES.marks(["New York", "new york city", "new", "york city"]) == ["O"] * 4


TOKENS = st.sampled_from(["a", "b", "c"])
PHRASES = st.dictionaries(
    st.lists(TOKENS, min_size=1, max_size=4).map(" ".join), st.sampled_from("XY"), min_size=1
)


@given(PHRASES, st.lists(TOKENS, max_size=12))
def test_marks_of_any_sentence(type_of, tokens):
    """Against the definition: at each token not yet taken, the longest phrase, if any."""
    wanted, i = [], 0
    while i < len(tokens):
        sizes = [n for n in range(1, 5) if " ".join(tokens[i : i + n]) in type_of]
        sizes = [n for n in sizes if i + n <= len(tokens)]
        n = max(sizes, default=0)
        if n == 0:
            wanted.append("O")
        elif n == 1:
            wanted.append(f"S-{type_of[tokens[i]]}")
        else:
            type_ = type_of[" ".join(tokens[i : i + n])]
            wanted += [f"B-{type_}", *[f"I-{type_}"] * (n - 2), f"E-{type_}"]
        i += max(n, 1)
    assert Gazetteer(grouped(type_of), lower=False).marks(tokens) == wanted


def read(reader, text, name="lists/city.txt"):
    faults = Faults()
    with open_input(io.BytesIO(text.encode()), name, faults) as source:
        found = reader(source)
    return found, [str(fault) for fault in faults.kept]


def phrases(text, lower=True, characters=False):
    return read(lambda s: with_joined_types(read_phrases(s, lower, characters)), text)


def test_a_phrase_list():
    text = "New  York\r\n\nOslo\tcapital\nOSLO\nOslo\tcapital\nSão Tomé\tisland\n"
    found, faults = phrases(text)
    assert not faults
    assert found == {"new york": "city", "oslo": "capital|city", "são tomé": "island"}


def test_characters_are_the_tokens_of_a_segmentation():
    assert phrases("东 京\n图书馆\n", characters=True)[0] == {"东 京": "city", "图 书 馆": "city"}


@pytest.mark.parametrize("line", ["\tLOC", "Oslo\t", "Oslo\tLOC\tx", " \t "])
def test_a_line_that_is_no_phrase(line):
    _, (fault,) = phrases(f"fine\n{line}\n")
    assert fault.startswith("lists/city.txt:2: expected a phrase, or a phrase, a tab and its type")


def test_a_file_of_another_kind():
    _, (fault,) = phrases("word " * 70 + "\n")
    assert "expected a phrase of at most 64 tokens, found 70" in fault


def test_brown_clusters():
    found, faults = read(read_clusters, "0010\tthe\t412\n0010\ta\t99\n\n110\tCat\n")
    assert not faults
    assert found == {"the": "0010", "a": "0010", "Cat": "110"}
    clusters = Clusters(grouped(found | {"cat": "111"}))
    assert clusters.of(["the", "The", "THE", "Cat", "CAT", "dog", ""]) == [
        *("0010", "0010", "0010", "110", "111", "", "")
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0010 the", "expected a cluster, a tab, a word"),
        ("0010\tdog\tmany", "expected a cluster, a tab, a word"),
        ("\tdog", "expected a cluster, a tab, a word"),
        ("1\tthe\t3", "the word 'the' is in the cluster '0' already"),
    ],
)
def test_a_line_that_is_no_cluster(line, said):
    _, (fault,) = read(read_clusters, f"0\tthe\n{line}\n", "c.tsv")
    assert fault.startswith("c.tsv:2: ")
    assert said in fault


def test_places():
    assert positions(["a", "b", "c", "d"]) == ["first", "inside", "inside", "last"]
    assert [positions(["a"] * n) for n in range(3)] == [[], ["only"], ["first", "last"]]


@given(st.dictionaries(st.text(min_size=1).filter(lambda s: "\n" not in s), st.sampled_from("ab")))
def test_groups_there_and_back(name_of):
    groups = grouped(name_of)
    if groups:
        assert unpacked(packed(groups)) == groups


@pytest.mark.parametrize(
    "strings",
    [
        *([], [""], ["a"], ["a\n"], ["a\nx\nx"], ["a\ny\nx"], ["b\nx", "a\ny"]),
        *(["a\nx", "a\ny"], ["a\nx", "b\nx"], ["\nx"]),
    ],
)
def test_groups_that_are_none(strings):
    with pytest.raises(ValueError, match=r"order|empty|twice"):
        unpacked(strings)


def test_slots_of_context_and_cluster():
    """A token at the start, inside, and in a phrase are three distinct tokens."""
    features = (
        Feature("shape", "shape", 3, position=True),
        Feature("gazetteer", "names", 3, source="names", lower=True),
        Feature("cluster", "c2", 3, source="c", length=2),
        Feature("cluster", "c", 3, source="c"),
    )
    lexicons = {"names": NAMES, "c": Clusters({"0010": ("york",), "01": ("in",)})}
    columns = columns_of(features)
    assert columns == ("@place", "@gazetteer.names")
    derived = derived_columns(features, lexicons)
    text = [Sentence(["York", "in", "New", "York"], ["A"] * 4, path="x", lines=[1, 2, 3, 4])]
    (made,) = with_derived(text, derived)
    assert made.columns == {
        "@place": ["first", "inside", "inside", "last"],
        "@gazetteer.names": ["S-LOC", "O", "B-LOC", "E-LOC"],
    }
    assert (made.labels, made.path, made.lines) == (["A"] * 4, "x", [1, 2, 3, 4])
    corpus = encode_corpus([made], columns, lambda s: s.labels)
    assert corpus.tokens.tolist() == [1, 2, 3, 4]
    v = build_vocabulary(features, columns, corpus.counts(), ["A"], lexicons)
    assert set(v.values["shape"]) == {"first Xxx", "inside xx", "inside Xxx", "last Xxx"}
    assert set(v.values["names"]) == {"S-LOC", "O", "B-LOC", "E-LOC"}
    assert (v.values["c2"], v.values["c"]) == (("00", "01"), ("0010", "01"))
    by_slot = v.encode(corpus.keys)
    unknown = [slot.ids[3] == UNKNOWN for slot in by_slot]  # "New" has no cluster
    assert unknown == [False, False, True, True]
    assert np.array_equal(by_slot[2].ids, [0, 2, 3, 1, 2])


def test_too_many_faults_are_counted():
    faults = Faults()
    with open_input(io.BytesIO(b"\tx\n" * 30), "l.txt", faults) as source:
        assert not with_joined_types(read_phrases(source, True, False))
    with pytest.raises(DataError, match=r"l\.txt:20: (.|\n)*and 10 more faults"):
        faults.raise_if_any()
