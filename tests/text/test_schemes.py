"""Labels in another scheme than the config says: which one it is, and what to do about it."""

from __future__ import annotations

import io
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text import schemes
from windowclf.text.formats import Layout, Remarks, read_sentences
from windowclf.text.schemes import ORDER, LabelSurvey, remark_on
from windowclf.text.spans import from_spans, to_spans

SENTENCES = [  # spans of each: one token, two, three, adjoining ones of a type
    [(0, 1, "PER"), (2, 4, "LOC")],
    [(1, 4, "PER"), (4, 5, "LOC")],
    [(0, 2, "LOC"), (2, 3, "LOC")],
    [],
]
LENGTH = 6


def labelled(scheme: str) -> list[list[str]]:
    return [from_spans(spans, LENGTH, scheme) for spans in SENTENCES]


def columns(sentences: list[list[str]]) -> str:
    return "".join("".join(f"w\t{label}\n" for label in labels) + "\n" for labels in sentences)


def read(text: str, scheme: str) -> list[str]:
    """What there is to say of a file: the remarks, or else the faults."""
    remarks = Remarks()
    layout = Layout("conll", "spans", scheme=scheme)
    try:
        list(read_sentences(io.BytesIO(text.encode()), layout, "x", remarks))
    except DataError as error:
        return str(error).splitlines()
    return list(remarks.sentences(scheme))


@pytest.mark.parametrize("scheme", sorted(set(ORDER)))
def test_labels_in_the_scheme_are_not_worth_a_word(scheme):
    assert read(columns(labelled(scheme)), scheme) == []


@pytest.mark.parametrize(
    ("written", "scheme"),
    sorted(
        set(itertools.permutations(ORDER, 2)) - {(one, one) for one in ORDER} - {("IO", "IOB1")}
    ),
)
def test_another_scheme_is_named_and_the_advice_works(written, scheme):
    said = read(columns(labelled(written)), scheme)
    assert said
    for sentence in said:
        (advised,) = re.findall(r"set data\.scheme: ([A-Z0-9]+)", sentence)
        assert advised == written
    assert read(columns(labelled(written)), advised) == []


def test_i_without_b_says_what_follows_what():
    (remark,) = read(columns([["I-PER", "I-PER", "O", "I-LOC"]] * 3), "BIO")
    assert remark == (
        "6 labels of 6 spans do not follow one another as in BIO (such as 'I-LOC' after 'O') but "
        "as in IO; set data.scheme: IO, or write them in BIO."
    )


def test_one_odd_span_in_ten_is_usual():
    survey = LabelSurvey()
    for _ in range(9):
        survey.add(["O", "B-PER", "I-PER"])
    survey.add(["O", "I-PER"])
    assert remark_on(survey, "BIO", "{}") is None
    survey.add(["O", "I-PER"])
    assert remark_on(survey, "BIO", "{}") is not None


def test_the_example_is_the_most_frequent():
    (remark,) = read(columns([["I-PER"], *[["I-LOC"]] * 3, ["I-ORG"]]), "BIO")
    assert "(such as 'I-LOC' after 'O')" in remark


def test_another_scheme_may_have_its_odd_spans_too():
    """Of ten spans one is odd in BIO; of two odd ones BIO would not be the scheme either."""
    (remark,) = read(columns([*[["B-A", "O"]] * 9, ["I-A"]]), "BIOES")
    assert "but as in BIO;" in remark
    (remark,) = read(columns([*[["B-A", "O"]] * 8, ["I-A"], ["I-A"]]), "BIOES")
    assert remark.endswith(", nor as in another scheme.")


def test_files_are_looked_at_together():
    """One has a label that rules the scheme of the other out."""
    remarks, layout = Remarks(), Layout("conll", "spans", scheme="BIOES")
    for sentences in ([["B-A", "O"]] * 20, [["S-A"]]):
        list(read_sentences(io.BytesIO(columns(sentences).encode()), layout, "x", remarks))
    (remark,) = remarks.sentences("BIOES")
    assert remark.endswith(", nor as in another scheme.")


def test_a_column_of_many_pairs_has_no_labels_in_it(monkeypatch):
    monkeypatch.setattr(schemes, "MOST_PAIRS", 3)
    survey = LabelSurvey()
    survey.add(["I-A"])  # after O, before O
    assert survey.scheme() == "IO"
    survey.add(["I-B"])  # two more
    assert survey.scheme() is None
    survey.add(["I-C"])
    assert "I-C" not in survey.labels
    monkeypatch.setattr(schemes, "MOST_PAIRS", 4)
    assert survey.scheme() == "IO"
    survey.add(["I-C"])
    assert "I-C" in survey.labels


@pytest.mark.parametrize(("types", "is_io"), [(99, True), (100, False)])
def test_many_types_are_no_types(types, is_io):
    sentence, *_ = read(columns([["O", *(f"T{n}" for n in range(types))]]), "BIO")
    assert ("set data.scheme: IO" in sentence) == is_io


def test_a_muddle_is_none_of_the_schemes():
    (remark,) = read(columns([["B-A", "O"], ["I-B", "S-A", "E-B"], ["E-A", "B-A"]]), "BIOES")
    assert remark.endswith(", nor as in another scheme.")


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("b-PER", "B-PER"),
        ("B_PER", "B-PER"),
        ("b_PER", "B-PER"),
        ("PER-B", "B-PER"),
        ("PER_b", "B-PER"),
        (" B-PER", "B-PER"),
        ("B", "B-TYPE"),
    ],
)
def test_a_label_spelt_otherwise_is_spelt_out(label, written):
    """And the file is read once it is written so."""
    inside = label.replace("B", "I").replace("b", "i")
    outside = " O" if label.startswith(" ") else "O"
    sentences = [[label, inside, outside], [outside, label]]
    sentence, *_ = read(columns(sentences), "BIO")
    assert sentence == (
        f"x:1: expected a BIO label (O, B-TYPE, I-TYPE), found {label!r}; write it as {written!r}."
    )
    mended = {label: written, inside: written.replace("B-", "I-"), outside: "O"}
    assert read(columns([[mended[own] for own in labels] for labels in sentences]), "BIO") == []


def test_spelt_otherwise_and_in_another_scheme():
    text = columns(labelled("BILOU")).replace("-", "_")
    sentence, *_ = read(text, "BIO")
    assert sentence.endswith("found 'U_PER'; write it as 'U-PER', and set data.scheme: BILOU.")
    assert read(text.replace("_", "-"), "BILOU") == []


def test_bare_types_are_io():
    sentence, *_ = read(columns([["O", "PER", "PER"], ["LOC", "O"]]), "BIO")
    assert sentence.endswith("found 'PER'; write it as 'I-PER', and set data.scheme: IO.")


@pytest.mark.parametrize("labels", [["NN", "VB"], ["O", "-X", "NN"], ["12", "3"]])
def test_what_is_no_span_is_asked_after(labels):
    sentence, *_ = read(columns([labels]), "BIO")
    assert sentence.endswith("is data.label the right column?")


def test_a_token_without_a_label_says_nothing_of_its_neighbours():
    assert read(columns([["O", "-", "I-PER"], ["-", "I-PER", "O"]]), "BIO") == []


@settings(derandomize=True, deadline=None)
@given(
    st.sampled_from(sorted(set(ORDER))),
    st.lists(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B"]), max_size=5), max_size=6),
)
def test_no_survey_is_odd_of_what_was_written_by_the_scheme(scheme, sentences):
    survey = LabelSurvey()
    spans = [to_spans(labels, "BIO") for labels in sentences]
    for own, labels in zip(spans, sentences, strict=True):
        survey.add(from_spans(own, len(labels), scheme))
    assert survey.unlike(scheme) == 0
    if scheme != "IO":
        assert survey.spans() == sum(map(len, spans))
