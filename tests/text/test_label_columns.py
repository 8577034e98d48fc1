"""Which column has the labels, where the one that was named has not; and reading on past faults."""

from __future__ import annotations

import io

import pytest

from windowclf.errors import SHOWN_FAULTS, DataError, Faults
from windowclf.text.formats import Layout, read_sentences
from windowclf.text.formats.label_columns import columns_in, like_labels, named_columns

ROWS = 60


def told(text: str, layout: Layout) -> list[str]:
    with pytest.raises(DataError) as error:
        list(read_sentences(io.BytesIO(text.encode()), layout, "x"))
    return str(error.value).splitlines()


def conllu(count: int) -> str:
    line = "{0}\tw{0}\t_\tNOUN\tNN\t_\t0\troot\t_\tNER={1}|SpaceAfter=No\n"
    return "".join(line.format(i, "B-X" if i % 2 else "O") for i in range(1, count + 1))


def test_a_key_of_misc_is_named():
    (sentence,) = told(conllu(ROWS), Layout("conllu", "spans", label="upos"))
    assert sentence.startswith("x:1: expected a BIO label (O, B-TYPE, I-TYPE), found 'NOUN' and 59")
    assert sentence.endswith("is data.label the right column? Column misc.NER looks like labels.")
    layout = Layout("conllu", "spans", label="misc.NER")
    assert list(read_sentences(io.BytesIO(conllu(ROWS).encode()), layout, "x"))


def test_tokens_and_labels_that_have_changed_places():
    text = "".join(f"O\tw{i}\n" for i in range(ROWS)).replace("O\tw0", "B-X\tw0")
    (sentence,) = told(text, Layout("conll", "spans", token=0, label=1))
    assert sentence.endswith("Column 0 looks like labels.")


def test_few_faults_stay_what_they_are():
    text = "".join(f"w{i} NN B-X\n" for i in range(SHOWN_FAULTS))
    sentences = told(text, Layout("conll", "spans", label=1))
    assert len(sentences) == SHOWN_FAULTS
    assert all(each.endswith("Column 2 looks like labels.") for each in sentences)


def test_other_faults_stay_beside_the_one():
    text = "".join(f"w{i} NN B-X\n" for i in range(ROWS)) + "w\n"
    other, one = told(text, Layout("conll", "spans", label=1))
    assert f"and {ROWS - 1} more in this file" in one
    assert other.startswith(f"x:{ROWS + 1}: expected at least 2 columns")


def test_more_faults_than_are_kept_are_one_too():
    text = "".join(f"w{i} NN B-X\n" for i in range(3000))
    (sentence,) = told(text, Layout("conll", "spans", label=1))
    assert "and 2,999 more in this file" in sentence


def test_labels_with_each_a_spelling_of_their_own_are_answered_one_by_one():
    text = "".join(f"w{i} b_{'XY'[i % 2]}\n" for i in range(ROWS))
    sentences = told(text, Layout("conll", "spans"))
    assert sentences[0].endswith("write it as 'B-X'.")
    assert sentences[1].endswith("write it as 'B-Y'.")
    assert sentences[-1] == f"… and {ROWS - SHOWN_FAULTS} more faults."


def test_columns_of_tags_are_those_of_few_values_that_are_no_numbers():
    lines = [f"w{i} {i % 3} T{i % 4} l{i}" for i in range(100)]
    columns = columns_in(lines, "conll")
    assert like_labels(columns, "tagging", [None]) == [2]
    assert like_labels(columns, "tagging", [2]) == []
    assert like_labels(columns_in(lines[:20], "conll"), "tagging", []) == []  # too few to tell
    table = ["a,b,c", *(f"w{i},{i},T{i % 4}" for i in range(100))]
    assert like_labels(columns_in(table, "csv"), "slots", []) == ["c"]
    assert columns_in([], "csv") == columns_in([], "conll") == columns_in([], "jsonl") == {}
    assert named_columns([2, "misc.NER"]) == "Columns 2 and misc.NER look like labels."


def test_reading_goes_on_past_faults_that_are_collected():
    text = b"a O\n\nb\n\nc X\n\nd O\ne\n\nf O\n"
    faults = Faults()
    found = read_sentences(io.BytesIO(text), Layout("conll", "spans"), "x", faults=faults)
    assert [sentence.tokens for sentence in found] == [["a"], ["f"]]
    assert sorted(fault.line for fault in faults.kept if fault.line) == [3, 5, 8]
