"""conllu: words among comments, ranges and empty nodes; one field replaced, the rest kept."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Layout, Probabilities, make_writer, read_sentences
from windowclf.text.sentence import Sentence

UPOS = Layout("conllu", "tagging", label="upos")

TEXT = """# sent_id = 1
# text = Let's go
1-2\tLet's\t_\t_\t_\t_\t_\t_\t_\t_
1\tLet\tlet\tVERB\tVB\tMood=Imp\t0\troot\t_\tNER=O
2\t's\twe\tPRON\tPRP\t_\t1\tobj\t_\t_
2.1\tgone\tgo\tVERB\t_\t_\t_\t_\t_\t_
3\tNew York\tgo\t_\t_\tA=1|B=2\t1\txcomp\t_\tSpaceAfter=No|NER=B-X

# a comment alone

1\t_\t_\tSYM\t_\t_\t0\troot\t_\t_

# the end
"""


def read(text: str, layout: Layout = UPOS) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(text.encode()), layout, "x.conllu"))


def answered(text: str, layout: Layout, answer: str | None = None, nothing: str = "_") -> str:
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in read(text, layout):
        labels = sentence.labels or [None] * len(sentence.tokens)
        writer.write(sentence, [answer or label or nothing for label in labels])
    writer.close()
    return out.getvalue()


def faults(text: str, layout: Layout = UPOS) -> list[str]:
    with pytest.raises(DataError) as fault:
        read(text, layout)
    return str(fault.value).split("\n")


def word(number: int | str = 1, form: str = "a", upos: str = "X", misc: str = "_") -> str:
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t0\t_\t_\t{misc}\n"


def test_words_without_ranges_empty_nodes_and_comments():
    one, comment, two, end = read(TEXT)
    assert one.tokens == ["Let", "'s", "New York"]
    assert one.labels == ["VERB", "PRON", None]
    assert list(one.lines) == [4, 5, 7]
    assert (comment.tokens, end.tokens) == ([], [])
    assert (two.tokens, two.labels, two.place()) == (["_"], ["SYM"], "x.conllu:11")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("xpos", ["VB", "PRP", None]),
        ("feats", ["Mood=Imp", "_", "A=1|B=2"]),
        ("misc.NER", ["O", None, "B-X"]),
        ("misc.SpaceAfter", [None, None, "No"]),
        ("misc.After", [None, None, None]),
    ],
)
def test_labels(label: str, expected: list[str | None]):
    assert read(TEXT, Layout("conllu", "tagging", label=label))[0].labels == expected


def test_further_columns_by_name():
    places = ["form", "lemma", "upos", "xpos", "feats", "deprel", "misc.NER"]
    layout = Layout("conllu", "tagging", label="upos", extra={f"my_{p}": p for p in places})
    columns = read(TEXT, layout)[0].columns
    assert columns["my_form"] == ["Let", "'s", "New York"]
    assert columns["my_lemma"] == ["let", "we", "go"]
    assert columns["my_upos"] == ["VERB", "PRON", "_"]
    assert columns["my_xpos"] == ["VB", "PRP", "_"]
    assert columns["my_feats"] == ["Mood=Imp", "_", "A=1|B=2"]
    assert columns["my_deprel"] == ["root", "obj", "xcomp"]
    assert columns["my_misc.NER"] == ["O", "_", "B-X"]


def test_the_trained_field_is_replaced_and_nothing_else():
    changed = [line.split("\t") for line in answered(TEXT, UPOS, "NEW").split("\n")]
    for old, new in zip(TEXT.split("\n"), changed, strict=True):
        fields = old.split("\t")
        if fields[0].isdigit():
            fields[3] = "NEW"
        assert new == fields


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("_", "NER=B-Y"),
        ("A=1", "A=1|NER=B-Y"),
        ("NER=O", "NER=B-Y"),
        ("A=1|NER=B-X|Z=2", "A=1|NER=B-Y|Z=2"),
        ("XNER=1", "XNER=1|NER=B-Y"),
        ("NER=|A", "NER=B-Y|A"),
    ],
)
def test_a_key_of_misc_is_replaced_or_added(before: str, after: str):
    layout = Layout("conllu", "spans", label="misc.NER", read_labels=False)
    assert answered(word(misc=before), layout, "B-Y") == word(misc=after)


def test_several_labels_in_misc_do_not_split_it():
    layout = Layout("conllu", "tagging", label="misc.Kind")
    written = answered(word(misc="A=1"), layout, "x|y")
    assert written == word(misc="A=1|Kind=x\\py")
    assert read(written, layout)[0].labels == ["x|y"]


def test_the_label_field_is_not_looked_at_for_prediction():
    layout = Layout("conllu", "spans", label="misc.NER", read_labels=False)
    assert read(word(misc="NER=12"), layout)[0].labels is None


def test_probabilities_are_a_key_of_misc():
    out = io.StringIO(newline="")
    writer = make_writer(UPOS, out, ["X", "Y"])
    (one,) = read(word(misc="A=1|Prob=0.1") + word(2))
    writer.write(one, ["X", "Y"], Probabilities([0.9, 1.0], [[0.9, 0.1], [0.0, 1.0]]))
    assert out.getvalue() == word(misc="A=1|Prob=0.900000") + word(
        2, upos="Y", misc="Prob=1.000000"
    )


def test_wrong_lines_are_faults():
    text = word(1) + "2\ta\t_\n" + word(3) + "\n" + "1 a b\n" + "\n" + word("1-2") + word("x")
    assert faults(text) == [
        r"x.conllu:2: expected 10 columns between tabs, found 3: '2\ta\t_'.",
        "x.conllu:5: expected 10 columns between tabs, found 1: '1 a b'.",
        "x.conllu:8: expected the ID 1, found 'x'.",
    ]


def test_ids_count():
    text = word(1) + word(3) + word(4) + "\n" + word(2) + "\n" + word("01") + "\n" + word("１")
    assert faults(text) == [
        "x.conllu:2: expected the ID 2, found '3'.",
        "x.conllu:5: expected the ID 1, found '2'.",
        "x.conllu:7: expected the ID 1, found '01'.",
        "x.conllu:9: expected the ID 1, found '１'.",
    ]
    assert len(faults(word(1) + word(1))) == 1


def test_an_empty_form_is_a_fault():
    assert faults(word(form="")) == ["x.conllu:1: expected a word in FORM, found an empty column."]


def test_labels_that_the_scheme_does_not_know_are_faults():
    layout = Layout("conllu", "spans", label="misc.NER")
    (fault,) = faults(word(misc="NER=O") + word(2, misc="NER=PER"), layout)
    assert fault.startswith("x.conllu:2: ")
    assert "'PER'" in fault


def test_mark_and_line_ends_are_kept():
    text = "\ufeff# x\r\n" + word().replace("\n", "\r\n") + "\r\n\r\n" + word(form="b")[:-1]
    assert answered(text, UPOS) == text
    assert [s.tokens for s in read(text)] == [["a"], ["b"]]


def test_nothing_at_all():
    assert read("") == []
    assert answered("\n\n", UPOS) == "\n\n"


CELL = st.text(alphabet="ab #_|=\x00\x0b\u2028é-", min_size=1, max_size=4)
NODE = st.sampled_from(["# c\n", "#\r\n", word("1-2", "ab"), word("0.1", "e"), word("7.10", "")])


@st.composite
def sentence(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for number in range(draw(st.integers(0, 3))):
        lines += draw(st.lists(NODE, max_size=2))
        cells = draw(st.lists(CELL, min_size=9, max_size=9))
        lines.append("\t".join([str(number + 1), *cells]) + draw(st.sampled_from(["\n", "\r\n"])))
    return "".join(lines) + draw(st.sampled_from(["\n", "\r\n", " \n\n"]))


@given(
    text=st.lists(sentence(), max_size=3).map("".join),
    label=st.sampled_from(["upos", "xpos", "feats"]),
)
@settings(derandomize=True, deadline=None)
def test_gold_labels_give_the_file_itself(text: str, label: str):
    layout = Layout("conllu", "tagging", label=label)
    assert answered(text, layout) == text
    predicted = read(answered(text, layout, "NEW"), layout)
    assert {label for s in predicted for label in s.labels or ()} <= {"NEW"}
    assert [s.tokens for s in predicted] == [s.tokens for s in read(text, layout)]


def test_a_real_corpus(corpora: Path):
    path = corpora / "ud_en_ewt" / "en_ewt-ud-dev.conllu"
    sentences = [s for s in read_sentences(path, UPOS) if s.tokens]
    assert (len(sentences), sum(len(s.tokens) for s in sentences)) == (2001, 25147)
    assert len({label for s in sentences for label in s.labels or ()}) == 17
    with path.open(encoding="utf-8", newline="") as file:
        text = "".join(islice(file, 3000))
    for label in ("upos", "xpos", "feats"):
        assert answered(text, Layout("conllu", "tagging", label=label)) == text
