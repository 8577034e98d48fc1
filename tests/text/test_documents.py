"""Where documents begin in each format, and what of a text may not be torn apart."""

from __future__ import annotations

import io

import pytest

from windowclf.text.formats import Layout, read_sentences
from windowclf.text.sentence import Sentence
from windowclf.text.units import held_out, units_of

MARK = "-DOCSTART- -X- O O\n"


def documents(text: str, layout: Layout) -> list[int]:
    """The number of each sentence's document."""
    found = read_sentences(io.BytesIO(text.encode()), layout, "x")
    return [sentence.document for sentence in found if sentence.tokens]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a A\n\nb A\n\n", [0, 0]),
        (f"{MARK}\na A\n\nb A\n\n{MARK}\nc A\n", [0, 0, 1]),
        (f"a A\n\n{MARK}\nb A\n", [0, 1]),
        (f"a A\n{MARK}b A\n", [0, 1]),  # nothing empty around it
        (f"{MARK}{MARK}\n{MARK}a A\n\n{MARK}\n\n{MARK}\nb A\n{MARK}", [0, 1]),
        (f"\r\na A\r\n\r\n{MARK}\r\nb A\r\n", [0, 1]),
        ("a A\n\n-DOCSTART-x A\n\nb A\n", [0, 0, 0]),  # a token
    ],
)
def test_conll(text, numbers):
    assert documents(text, Layout("conll", "tagging")) == numbers


def block(word: str, *comments: str) -> str:
    return "".join(f"{line}\n" for line in comments) + f"1\t{word}\t_\tX" + "\t_" * 6 + "\n\n"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (block("a") + block("b"), [0, 0]),
        (block("a", "# newdoc id = 1") + block("b") + block("c", "# newdoc"), [0, 0, 1]),
        (block("a") + block("b", "# sent_id = 2", "#newdoc id = 2"), [0, 1]),
        (block("a") + block("b", "# newpar", "# newdocument", "# text = newdoc"), [0, 0]),
    ],
)
def test_conllu(text, numbers):
    assert documents(text, Layout("conllu", "tagging", label="upos")) == numbers


def test_a_line_of_jsonl():
    text = '{"text": "One here. Two there.", "spans": []}\n\n{"tokens": ["a"], "labels": ["O"]}\n'
    assert documents(text, Layout("jsonl", "spans")) == [0, 0, 1]
    assert documents(text, Layout("jsonl", "spans", read_labels=False)) == [0, 0, 1]


def test_a_line_of_text():
    assert documents(
        "One here. Two there.\n\nThree.\n", Layout("text", "spans", read_labels=False)
    ) == [*(0, 0, 1)]
    assert documents("猫 看见\n\n我们\n", Layout("text", "segmentation")) == [0, 1]


def sentences(*numbers: int, path: str = "x") -> list[Sentence]:
    return [Sentence([f"w{i}"], ["A"], path=path, document=n) for i, n in enumerate(numbers)]


def sizes(units: list[list[Sentence]]) -> list[int]:
    return [len(unit) for unit in units]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (sentences(), []),
        (sentences(0), [1]),
        (sentences(0, 0, 0), [1, 1, 1]),  # one document, or no marks
        (sentences(0, 0, 1), [2, 1]),
        (sentences(0, 1, 2), [1, 1, 1]),
        (sentences(0, 0, 1) + sentences(0, 0, path="y"), [2, 1, 2]),  # y has no marks
        (sentences(0, 0) + sentences(0, 0, path="y"), [1, 1, 1, 1]),
    ],
)
def test_units(text, expected):
    assert sizes(units_of(text)) == expected
    assert [s for unit in units_of(text) for s in unit] == text


@pytest.mark.parametrize(
    ("lengths", "share", "count"),
    [
        ([1] * 40, 0.1, 4),
        ([1] * 40, 0.001, 1),
        ([5, 5, 5, 5], 0.1, 1),
        ([5, 5, 5, 5], 0.3, 2),
        ([5, 5, 1, 1], 0.1, 1),
        ([5, 5, 1, 1], 0.2, 2),
        ([1, 99], 0.1, 1),
        ([99, 1], 0.9, 1),  # the first is left to train
        ([1] * 10, 0.999, 9),
        ([7], 0.5, 1),
        ([], 0.5, 0),
    ],
)
def test_held_out(lengths, share, count):
    units = [sentences(*[n] * length) for n, length in enumerate(lengths)]
    assert held_out(units, share) == count
