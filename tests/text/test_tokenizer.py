"""Tokenizers: every code point in one token, linear time, and agreement with a treebank."""

from __future__ import annotations

import itertools
import time
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.text.tokenizer import Tokenizer, split_sentences, tokenize

NAMES = get_args(Tokenizer)


def words(text: str, name: str) -> str:
    return " ".join(text[start:end] for start, end in tokenize(text, name))


@pytest.mark.parametrize("name", NAMES)
@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text())
def test_every_code_point_that_is_no_space_is_in_one_token(name, text):
    tokens = tokenize(text, name)
    covered = [i for start, end in tokens for i in range(start, end)]
    assert covered == [i for i, character in enumerate(text) if not character.isspace()]
    assert all(start < end for start, end in tokens)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(alphabet="ab'’.,!?-@:/ \n1A$()[]\"东京ा\u0301👍🏽\u200d"))
def test_sentences_begin_at_tokens_in_order(text):
    tokens = tokenize(text, "ptb")
    starts = split_sentences(text, tokens)
    assert starts == sorted(set(starts))
    assert (starts[:1] == [0]) == bool(tokens)
    assert all(0 <= start < len(tokens) for start in starts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know, can't you?", "I do n't know , ca n't you ?"),
        ("He'd've said cannot's 's n't", "He 'd 've said can not 's 's n't"),
        ("a" + "'s" * 20_000, "a" + " 's" * 20_000),
        ("John's and the students' books", "John 's and the students ' books"),
        ("We've paid $1,000.50 (5%).", "We 've paid $ 1,000.50 ( 5 % ) ."),
        ("Mr. Smith of the U.S. cannot go...", "Mr. Smith of the U.S. can not go ..."),
        (
            "write to a.b@c.org or https://x.org/y?z=1.",
            "write to a.b@c.org or https://x.org/y?z=1 .",
        ),
        ("gonna", "gon na"),
        ("call +1-212-555-0187 on 2019-05-03", "call +1-212-555-0187 on 2019-05-03"),
    ],
)
def test_ptb(text, expected):
    assert words(text, "ptb") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know.", "I don't know ."),
        ("東京は大きい。", "東 京 は 大 き い 。"),
        ("हिन्दी में", "हिन्दी में"),
        ("👍🏽👩‍👩‍👧 🇳🇴!!", "👍🏽 👩‍👩‍👧 🇳🇴 !!"),
        ("1,000.50 on 3.5.2019", "1,000.50 on 3.5.2019"),
    ],
)
def test_unicode(text, expected):
    assert words(text, "unicode") == expected


def test_characters_keep_their_marks():
    assert words("e\u0301a b", "character") == "e\u0301 a b"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! three? Four", ["One .", "Two ! three ?", "Four"]),
        ("Dr. Smith met J. Doe. He left.", ["Dr. Smith met J. Doe .", "He left ."]),
        ('"Stop!" She ran.', ['" Stop ! "', "She ran ."]),
        ("It cost 3.50 euros.", ["It cost 3.50 euros ."]),
        ("你好。再见！", ["你 好 。", "再 见 ！"]),
    ],
)
def test_sentences(text, sentences):
    tokens = tokenize(text, "ptb")
    starts = [*split_sentences(text, tokens), len(tokens)]
    found = [
        " ".join(text[slice(*token)] for token in tokens[a:b])
        for a, b in itertools.pairwise(starts)
    ]
    assert found == sentences


@pytest.mark.parametrize(
    "piece", ["a.", "'", "-", "@", "a@", "1,", "http://", "e\u0301", ":-", "x'"]
)
@pytest.mark.parametrize("name", ["ptb", "unicode"])
def test_time_grows_with_the_length(name, piece):
    def seconds(repeats: int) -> float:
        text = piece * repeats
        began = time.perf_counter()
        split_sentences(text, tokenize(text, name))
        return time.perf_counter() - began

    seconds(1_000)
    assert min(seconds(20_000) for _ in range(2)) < 40 * min(seconds(2_000) for _ in range(3)) + 0.1


@pytest.mark.parametrize(("name", "floor"), [("ptb", 0.98), ("unicode", 0.95)])
def test_agreement_with_a_treebank(corpora, name, floor):
    correct = wanted = found = 0
    for text, gold in treebank(corpora / "ud_en_ewt" / "en_ewt-ud-dev.conllu"):
        tokens = set(tokenize(text, name))
        correct += len(tokens & gold)
        wanted += len(gold)
        found += len(tokens)
    assert 2 * correct / (wanted + found) >= floor


def treebank(path):
    """Texts with the offsets of their syntactic words, where the words spell the text."""
    text, forms = "", []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("# text = "):
            text, forms = line.removeprefix("# text = "), []
        elif line and not line.startswith("#"):
            number, form = line.split("\t")[:2]
            if number.isdigit():
                forms.append(form)
        elif not line and text:
            offsets, end = [], 0
            for form in forms:
                start = text.find(form, end)
                if start < 0 or text[end:start].strip():
                    break
                end = start + len(form)
                offsets.append((start, end))
            else:
                yield text, set(offsets)
            text = ""
