"""conll: columns, gaps between sentences, and the appended answer."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Layout, Probabilities, make_writer, read_sentences
from windowclf.text.sentence import Sentence

NER = Layout("conll", "spans", label=-1)


def read(text: str, layout: Layout = NER) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(text.encode()), layout, "x.conll"))


def answered(text: str, layout: Layout, answer: str | None = None) -> str:
    """The file with every gold label (or one label) as its answer."""
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in read(text, layout):
        labels = sentence.labels or [None] * len(sentence.tokens)
        writer.write(sentence, [answer or label or "O" for label in labels])
    writer.close()
    return out.getvalue()


def faults(text: str, layout: Layout = NER) -> list[str]:
    with pytest.raises(DataError) as fault:
        read(text, layout)
    return str(fault.value).split("\n")


def test_columns_lines_and_labels():
    layout = Layout("conll", "tagging", token=1, label=-1, extra={"pos": 2})
    (one, two) = read("1 Oslo NNP  B-X \n2 # SYM -\n\n\n1 the DT I-X", layout)
    assert one.tokens == ["Oslo", "#"]
    assert one.labels == ["B-X", None]
    assert one.columns == {"pos": ["NNP", "SYM"]}
    assert list(one.lines) == [1, 2]
    assert one.place(1) == "x.conll:2"
    assert (two.tokens, two.labels, list(two.lines)) == (["the"], ["I-X"], [5])


def test_a_line_with_a_tab_is_split_at_tabs_alone():
    (one,) = read("New York\tB-X\n a\u00a0b  O \n#\t\n")
    assert one.tokens == ["New York", "a\u00a0b", "#"]
    assert one.labels == ["B-X", "O", None]


@pytest.mark.parametrize("gap", ["\n", "\t\n", " \t \r\n", "-DOCSTART- O\n", "\n-DOCSTART-\n\n"])
def test_what_ends_a_sentence(gap: str):
    text = f"a O\n{gap}b O\n"
    assert [s.tokens for s in read(text)] == [["a"], ["b"]]
    assert answered(text, NER) == f"a O O\n{gap}b O O\n"


def test_docstart_before_the_first_sentence_and_after_the_last():
    text = "-DOCSTART- -X- O O\n\na O\n-DOCSTART- O\n"
    assert [s.tokens for s in read(text)] == [["a"]]
    assert answered(text, NER) == "-DOCSTART- -X- O O\n\na O O\n-DOCSTART- O\n"
    assert [s.tokens for s in read("-DOCSTART-x O\n\n- O\n")] == [["-DOCSTART-x"], ["-"]]


def test_what_follows_the_last_sentence_is_a_sentence_without_tokens():
    assert [len(s.tokens) for s in read("a O\n\n\n")] == [1, 0]
    assert [len(s.tokens) for s in read("a O\n\n")] == [1]
    assert read("") == []
    assert [s.tokens for s in read("\n\t\n")] == [[]]


def test_the_label_field_is_not_looked_at_for_prediction():
    layout = Layout("conll", "spans", label=3, read_labels=False)
    (one,) = read("a what ever\nb\n", layout)
    assert one.labels is None
    assert answered("a what ever\nb\nc\td\n", layout, "O") == "a what ever O\nb O\nc\td\tO\n"


def test_short_lines_are_faults():
    layout = Layout("conll", "tagging", label=2)
    assert faults("a DT X\nb X\n\nc\td\n", layout) == [
        "x.conll:2: expected at least 3 columns (label is column 2), found 2: 'b X'; "
        "mend the line or set data.label.",
        r"x.conll:4: expected at least 3 columns (label is column 2), found 2: 'c\td'; "
        "mend the line or set data.label.",
    ]
    layout = Layout("conll", "tagging", label=1, extra={"pos": 4})
    assert faults("a X", layout) == [
        "x.conll:1: expected at least 5 columns (pos is column 4), found 2: 'a X'; "
        "mend the line or set data.extra.pos."
    ]
    layout = Layout("conll", "tagging", token=2, read_labels=False)
    assert faults("a X", layout) == [
        "x.conll:1: expected at least 3 columns (token is column 2), found 2: 'a X'; "
        "mend the line or set data.token."
    ]


def test_the_last_column_is_not_token_and_label_at_once():
    assert faults("a B-X\nb\n") == [
        "x.conll:2: expected at least 2 columns (label is column -1), found 1: 'b'; "
        "mend the line or set data.label."
    ]


def test_labels_that_the_scheme_does_not_know_are_faults():
    found = faults("a B-X\nb 12\n\nc 12\nd NN\n")
    assert [fault.split(": ")[0] for fault in found] == ["x.conll:2", "x.conll:4", "x.conll:5"]
    assert "found '12'" in found[0]
    assert found[0].endswith("; is data.label the right column?")
    assert read("a 12\n", Layout("conll", "tagging"))[0].labels == ["12"]


def test_lines_that_end_with_cr_alone_are_faults():
    """Neither a column nor a token has one: a whole file would be one line."""
    expected = "expected LF or CRLF to end a line, found CR: "
    for layout in (Layout("conll", "tagging"), replace(NER, read_labels=False)):
        assert faults("a\tO\rb\tO\r", layout) == [rf"x.conll:1: {expected}'a\tO\rb\tO\r'."]
        assert faults("a\tO\r\r\n\r\r\nb\tO", layout) == [
            rf"x.conll:1: {expected}'a\tO\r'.",
            rf"x.conll:2: {expected}'\r'.",
        ]


def test_a_long_label_is_shown_short():
    (fault,) = faults("a " + "x" * 100_000)
    assert len(fault) < 200


def test_an_empty_token_is_a_fault():
    assert faults("a\tO\n\tO\n") == [
        "x.conll:2: expected a token, found an empty column; is data.token right?"
    ]


def test_what_was_yielded_before_a_fault_is_right_and_all_faults_are_found():
    text = "a O\n\nb O\n\n" + "c\n\n" * 30 + "d O\n"
    sentences = read_sentences(io.BytesIO(text.encode()), NER, "x.conll")
    assert [s.tokens for s in islice(sentences, 2)] == [["a"], ["b"]]
    with pytest.raises(DataError) as fault:
        next(sentences)
    told = str(fault.value).split("\n")
    assert len(told) == 21
    assert told[0].startswith("x.conll:5: ")
    assert told[-1] == "… and 10 more faults."


def test_faults_of_lines_and_of_columns_are_reported_together():
    with pytest.raises(DataError) as fault:
        list(read_sentences(io.BytesIO(b"a O\n\n\xe9 O\n\nb\n"), NER, "x.conll"))
    assert [line[:10] for line in str(fault.value).split("\n")] == ["x.conll:3:", "x.conll:5:"]


def test_probabilities_are_one_more_column():
    out = io.StringIO(newline="")
    (one,) = read("a O\nb\tO\n")
    writer = make_writer(NER, out, ["O", "B-X"])
    writer.write(one, ["O", "B-X"], Probabilities([0.75, 1.0], [[0.75, 0.25], [0.0, 1.0]]))
    assert out.getvalue() == "a O O 0.750000\nb\tO\tB-X\t1.000000\n"


def test_a_label_with_a_space_does_not_become_two_columns():
    layout = Layout("conll", "tagging", read_labels=False)
    assert answered("a b\n", layout, "two words") == "a b\ttwo words\n"


def test_mark_and_line_ends_are_kept():
    assert answered("\ufeffa O\r\nb I-X\r\n\r\nc O", NER) == (
        "\ufeffa O O\r\nb I-X I-X\r\n\r\nc O O"
    )
    assert answered("\ufeff", NER) == "\ufeff"


CELL = st.text(alphabet="ab#-é\x00\x0b\x85\u2028\u3000\"'", min_size=1, max_size=4)
LABEL = st.sampled_from(["O", "B-X", "I-X", "I-long-er"])
GAP = st.sampled_from(["\n", "\r\n", "\t\n", " \n\n", "-DOCSTART- O\n", "-DOCSTART-\t-X-\r\n\n"])


@st.composite
def line(draw: st.DrawFn) -> tuple[str, str]:
    separator = draw(st.sampled_from([" ", "  ", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    cells = draw(st.lists(CELL, min_size=1, max_size=3))
    return separator.join([*cells, draw(LABEL)]), end


@given(
    sentences=st.lists(st.tuples(st.lists(line(), min_size=1, max_size=3), GAP), max_size=4),
    first=st.sampled_from(["", "\ufeff", "\n\n", "-DOCSTART- x\n\n"]),
)
@settings(derandomize=True, deadline=None)
def test_the_written_file_is_the_file_with_one_more_column(
    sentences: list[tuple[list[tuple[str, str]], str]], first: str
):
    expected = written = first
    for rows, gap in sentences:
        written += "".join(text + end for text, end in rows) + gap
        for text, end in rows:
            separator = "\t" if "\t" in text else " "
            label = text.replace("\t", " ").rsplit(" ", 1)[1]
            expected += text + separator + label + end
        expected += gap
    if any(text.startswith("-DOCSTART-") for rows, _ in sentences for text, _ in rows):
        return
    assert answered(written, NER) == expected
    predicted = read(answered(written, NER))
    assert [s.labels for s in predicted] == [s.labels for s in read(written)]


@pytest.mark.parametrize(
    ("name", "label", "scheme", "sentences", "tokens"),
    [
        ("conll2000/train.txt", 2, "BIO", 8936, 211727),
        ("wnut17/wnut17train.conll", 1, "BIO", 3394, 62730),
        ("wnut17/emerging.test.annotated", 1, "BIO", 1287, 23394),
        ("wikigold/wikigold.conll.txt", 1, "IO", 1696, 39007),
    ],
)
def test_real_corpora(
    corpora: Path, name: str, label: int, scheme: str, sentences: int, tokens: int
):
    layout = Layout("conll", "spans", label=label, scheme=scheme)
    found = [len(s.tokens) for s in read_sentences(corpora / name, layout) if s.tokens]
    assert (len(found), sum(found)) == (sentences, tokens)
    text = (corpora / name).read_text(encoding="utf-8")[:100_000].rpartition("\n")[0]
    rows = [line.replace("\t", " \t") for line in answered(text, layout).split("\n")]
    for old, new in zip(text.split("\n"), rows, strict=True):
        if old.strip() and not old.startswith("-DOCSTART-"):
            new, _, answer = new.rpartition(" ")
            assert answer.strip() == old.split()[-1]
        assert new.replace(" \t", "\t") == old
