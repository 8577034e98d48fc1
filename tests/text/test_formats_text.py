"""Raw text and word segmentation: lines in, lines out."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Format, Layout, documents, make_writer, read_sentences
from windowclf.text.sentence import Sentence

TAGS = Layout("text", "tagging", read_labels=False)
NER = Layout("text", "spans", read_labels=False)
WORDS = Layout("text", "segmentation")


def read(text: str, layout: Layout) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(text.encode()), layout, "x.txt"))


def answered(text: str, layout: Layout, labels: dict[str, str] | None = None) -> str:
    """The file with the gold labels, or with those that `labels` has for its tokens."""
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in read(text, layout):
        if labels is None:
            assert sentence.labels is not None
            writer.write(sentence, [label or "S" for label in sentence.labels])
        else:
            writer.write(sentence, [labels.get(token, "O") for token in sentence.tokens])
    writer.close()
    return out.getvalue()


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence begins after every full stop."""

    def after_stops(text: str, tokens: list[tuple[int, int]]) -> list[int]:
        ends = [i for i, (start, end) in enumerate(tokens) if text[start:end] == "."]
        return [i for i in (0, *(end + 1 for end in ends)) if i < len(tokens)]

    monkeypatch.setattr(documents, "split_sentences", after_stops)


@pytest.mark.usefixtures("stops")
def test_a_line_may_hold_several_sentences_or_none():
    sentences = read("Anna came. Berg left.\n\nOslo", TAGS)
    assert [s.tokens for s in sentences] == [
        ["Anna", "came", "."],
        ["Berg", "left", "."],
        [],
        ["Oslo"],
    ]
    assert [list(s.lines) for s in sentences] == [[1] * 3, [1] * 3, [], [3]]
    assert all(s.labels is None for s in sentences)


@pytest.mark.usefixtures("stops")
def test_tagging_gives_a_line_for_a_line():
    text = "\ufeffAnna  came. Left!\r\n\r\n \nOslo"
    assert answered(text, TAGS, {"Anna": "N"}) == (
        "\ufeffAnna/N came/O ./O Left/O !/O\r\n\r\n\nOslo/O"
    )


@pytest.mark.usefixtures("stops")
def test_spans_are_marked_in_the_line_itself():
    text = "  Anna  Berg came.\tOslo? \n\nBerg"
    labels = {"Anna": "B-PER", "Berg": "I-PER", "Oslo": "B-LOC"}
    assert answered(text, NER, labels) == (
        "  [Anna  Berg](PER) came.\t[Oslo](LOC)? \n\n[Berg](PER)"
    )
    assert answered(text, NER, {}) == text


def test_a_mark_alone_is_kept():
    assert answered("\ufeff", TAGS, {}) == "\ufeff"
    assert answered("\ufeff", WORDS) == "\ufeff"
    assert read("", TAGS) == []


@given(text=st.text(alphabet="aB. \x00\x0b\u2028\r\n\ufeffé[](😀", max_size=40))
@settings(derandomize=True, deadline=None)
def test_without_spans_the_lines_are_the_file(text: str):
    assert answered(text, NER, {}) == text


def test_text_holds_no_labels():
    message = r"^data\.format: text holds no labels for task: spans; use conll or jsonl\.$"
    with pytest.raises(DataError, match=message):
        read("a\n", Layout("text", "spans"))


def test_words_between_white_space_are_the_gold():
    one, empty, two = read(" 天氣  真的很 好\u3000\r\n\n嗎", WORDS)
    assert one.tokens == list("天氣真的很好")
    assert one.labels == ["B", "E", "B", "M", "E", "S"]
    assert list(one.lines) == [1] * 6
    assert (empty.tokens, empty.labels) == ([], [])
    assert (two.tokens, two.labels, two.place()) == (["嗎"], ["S"], "x.txt:3")
    assert answered("\ufeff 天氣  真的很 好\u3000\r\n\n嗎", WORDS) == (
        "\ufeff天氣 真的很 好\r\n\n嗎"
    )


def test_white_space_is_dropped_for_prediction():
    layout = Layout("text", "segmentation", read_labels=False)
    (one,) = read("天 氣好\n", layout)
    assert (one.tokens, one.labels) == (["天", "氣", "好"], None)
    assert answered("天 氣好\n", layout, {"天": "B", "氣": "E", "好": "S"}) == "天氣 好\n"


@given(lines=st.lists(st.lists(st.text(alphabet="天氣é\x00", min_size=1, max_size=3)), max_size=4))
@settings(derandomize=True, deadline=None)
def test_segmented_lines_give_themselves(lines: list[list[str]]):
    text = "".join(" ".join(words) + "\n" for words in lines)
    assert answered(text, WORDS) == text


CONLLU = "# c\n1-2\t天氣好\t_\t_\t_\t_\t_\t_\t_\t_\n" + "".join(
    f"{i}\t{form}\t_\tX\t_\t_\t_\t_\t_\t_\n" for i, form in enumerate(["天 氣", "好"], 1)
)


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (CONLLU + "\n" + CONLLU + "\n# end\n", "conllu"),
        ("天氣 X\n好 X\n\n天氣\t\n好\n\n-DOCSTART-\n", "conll"),
    ],
)
def test_forms_of_other_formats_are_words(text: str, format_: Format):
    layout = Layout(format_, "segmentation")
    sentences = [s for s in read(text, layout) if s.tokens]
    for sentence in sentences:
        assert (sentence.tokens, sentence.labels) == (["天", "氣", "好"], ["B", "E", "S"])
    assert len(sentences) == 2
    assert answered(text, layout) == "天氣 好\n天氣 好\n"
    unread = Layout(format_, "segmentation", read_labels=False)
    assert read(text, unread)[0].labels is None
    first = 3 if format_ == "conllu" else 1
    assert list(sentences[0].lines) == [first, first, first + 1]


def test_a_real_corpus(corpora: Path):
    path = corpora / "ud_zh_gsd" / "zh-ud-dev.conllu"
    layout = Layout("conllu", "segmentation")
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in islice(read_sentences(path, layout), 200):
        assert sentence.labels is not None
        writer.write(sentence, [label or "" for label in sentence.labels])
    blocks = path.read_text(encoding="utf-8").split("\n\n")[:200]
    words = [[line.split("\t")[1] for line in block.splitlines()] for block in blocks]
    assert out.getvalue() == "".join(" ".join(forms) + "\n" for forms in words)
    lines = out.getvalue()
    assert answered(lines, WORDS) == lines
