"""jsonl: records of tokens and of text, and records given back with the answer."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Layout, Probabilities, documents, make_writer, read_sentences
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Span, from_spans
from windowclf.text.tokenizer import tokenize

NER = Layout("jsonl", "spans")
TAGS = Layout("jsonl", "tagging")
WORDS = Layout("jsonl", "segmentation")


def lines_of(*records: object) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read(text: str, layout: Layout = NER) -> list[Sentence]:
    return list(read_sentences(io.BytesIO(text.encode()), layout, "x.jsonl"))


def answered(text: str, layout: Layout, answer: str | None = None) -> str:
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in read(text, layout):
        labels = sentence.labels or [None] * len(sentence.tokens)
        writer.write(sentence, [answer or label or "O" for label in labels])
    writer.close()
    return out.getvalue()


def given_back(record: dict[str, Any], layout: Layout, answer: str | None = None) -> Any:
    return json.loads(answered(lines_of(record), layout, answer))


def faults(text: str, layout: Layout = NER) -> list[str]:
    with pytest.raises(DataError) as fault:
        read(text, layout)
    return str(fault.value).split("\n")


def span(start: int, end: int, label: str = "X") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence begins after every full stop."""

    def after_stops(text: str, tokens: list[tuple[int, int]]) -> list[int]:
        ends = [i for i, (start, end) in enumerate(tokens) if text[start:end] == "."]
        return [i for i in (0, *(end + 1 for end in ends)) if i < len(tokens)]

    monkeypatch.setattr(documents, "split_sentences", after_stops)


def test_tokens_with_labels_and_further_columns():
    layout = Layout("jsonl", "tagging", extra={"tag": "pos"})
    record = {"tokens": ["New York", "#"], "labels": ["A", None], "pos": ["N", "S"], "id": 7}
    more = {"tokens": ["b"], "labels": ["-"], "pos": ["N"]}
    one, two = read("\n" + lines_of(record, more), layout)
    assert (one.tokens, one.labels, one.columns) == (
        ["New York", "#"],
        ["A", None],
        {"tag": ["N", "S"]},
    )
    assert list(one.lines) == [2, 2]
    assert two.labels == [None]


def test_keys_by_name():
    layout = Layout("jsonl", "tagging", token="words", label="tags")
    (one,) = read(lines_of({"words": ["a"], "tags": ["X"]}), layout)
    assert (one.tokens, one.labels) == (["a"], ["X"])
    assert given_back({"words": ["a"], "tags": ["X"]}, layout, "Y") == {
        "words": ["a"],
        "gold_tags": ["X"],
        "tags": ["Y"],
    }


def test_spans_of_a_text_become_labels():
    text = "Änna Berg lives in Oslo."
    record = {"text": text, "spans": [span(19, 23, "LOC"), span(0, 9, "PER")]}
    (one,) = read(lines_of(record))
    assert one.tokens == ["Änna", "Berg", "lives", "in", "Oslo", "."]
    assert one.labels == from_spans([Span(0, 2, "PER"), Span(4, 5, "LOC")], 6, "BIO")
    lists = {"text": text, "label": [[0, 9, "PER"], [19, 23, "LOC"]]}
    assert read(lines_of(lists))[0].labels == one.labels


def test_white_space_at_the_ends_of_a_span_does_not_matter():
    record = {"text": "a Berg b", "spans": [span(1, 7)]}
    assert read(lines_of(record))[0].labels == ["O", "B-X", "O"]
    assert given_back(record, NER)["spans"] == [span(2, 6)]


def test_offsets_are_code_points():
    record = {"text": "😀 𝔄nna", "spans": [span(2, 6)]}
    assert given_back(record, NER)["spans"] == [span(2, 6)]


@pytest.mark.usefixtures("stops")
def test_a_text_of_several_sentences_is_one_record_again():
    text = "Anna came. Berg left. Oslo."
    spans = [span(0, 4), span(11, 15, "Y"), span(22, 26)]
    sentences = read(lines_of({"text": text, "spans": spans}))
    assert len(sentences) == 3
    assert [s.labels and s.labels[0] for s in sentences] == ["B-X", "B-Y", "B-X"]
    record = {"id": 1, "text": text, "spans": spans, "more": {"a": [1.5, None]}}
    assert given_back(record, NER) == {**record, "gold_spans": spans}
    assert list(given_back(record, NER)) == ["id", "text", "gold_spans", "more", "spans"]


@pytest.mark.usefixtures("stops")
def test_a_sentence_does_not_end_within_a_gold_span():
    record = {"text": "He met Dr. Who. Then left.", "spans": [span(7, 14)]}
    assert [s.tokens[-1] for s in read(lines_of(record))] == [".", "."]
    assert given_back(record, NER)["spans"] == [span(7, 14)]


def test_texts_without_tokens():
    for text in ("", "  \u3000"):
        (one,) = read(lines_of({"text": text, "spans": []}))
        assert (one.tokens, one.labels) == ([], [])
        assert given_back({"text": text, "spans": []}, NER)["spans"] == []
    (one,) = read(lines_of({"tokens": [], "labels": []}))
    assert one.tokens == []


def test_tagging_of_a_text_has_a_span_for_every_token():
    record = {"text": "Anna left", "spans": [span(0, 4, "N"), span(5, 9, "V")]}
    assert read(lines_of(record), TAGS)[0].labels == ["N", "V"]
    assert given_back(record, TAGS)["spans"] == record["spans"]
    part = {"text": "Anna left", "spans": [span(5, 9, "-")]}
    assert read(lines_of(part), TAGS)[0].labels == [None, None]


def test_a_text_that_other_tools_have_tokenised_is_a_text():
    record = {"text": "a b", "tokens": [{"text": "a b", "id": 0}], "spans": [span(0, 1)]}
    assert read(lines_of(record))[0].tokens == ["a", "b"]


def test_labels_of_a_record_of_tokens_move_to_gold():
    record = {"tokens": ["a"], "labels": ["B-X"]}
    once = given_back(record, NER, "O")
    assert once == {"tokens": ["a"], "gold_labels": ["B-X"], "labels": ["O"]}
    assert given_back(once, NER, "I-Y") == {**once, "labels": ["I-Y"]}


@pytest.mark.parametrize(
    "record",
    [
        {"tokens": ["a"], "labels": 7},
        {"tokens": ["a"], "labels": ["x", "y"]},
        {"tokens": ["a"]},
        {"text": "a", "spans": "x"},
        {"text": "a", "spans": [span(5, 2)]},
        {"text": "a"},
    ],
)
def test_the_label_field_is_not_looked_at_for_prediction(record: dict[str, Any]):
    layout = Layout("jsonl", "spans", read_labels=False)
    (one,) = read(lines_of(record), layout)
    assert (one.tokens, one.labels) == (["a"], None)
    key = "labels" if "tokens" in record else "spans"
    answer = given_back(record, layout, "B-X")
    assert answer[key] == (["B-X"] if key == "labels" else [span(0, 1)])
    assert answer.get(f"gold_{key}") == record.get(key)


def test_segmentation_reads_words_and_sets_words():
    tokens = {"tokens": ["天 氣", "好", "嗎"]}
    text = {"text": "天氣 好\u3000嗎"}
    for record in (tokens, text):
        (one,) = read(lines_of(record), WORDS)
        assert (one.tokens, one.labels) == (list("天氣好嗎"), ["B", "E", "S", "S"])
        assert list(one.lines) == [1, 1, 1, 1]
        assert given_back(record, WORDS) == {**record, "words": ["天氣", "好", "嗎"]}
    (one,) = read(lines_of(text), Layout("jsonl", "segmentation", read_labels=False))
    assert (one.tokens, one.labels) == (list("天氣好嗎"), None)


@pytest.mark.usefixtures("stops")
def test_probabilities_are_objects():
    out = io.StringIO(newline="")
    text = lines_of({"tokens": ["a"]}, {"text": "a. b."}, {"tokens": []})
    layout = Layout("jsonl", "tagging", read_labels=False)
    writer = make_writer(layout, out, ["O", "X"])
    for sentence in read(text, layout):
        n = len(sentence.tokens)
        writer.write(sentence, ["X"] * n, Probabilities([0.75] * n, [[0.25, 0.75]] * n))
    writer.close()
    one, two, three = map(json.loads, out.getvalue().splitlines())
    classes = {"O": 0.25, "X": 0.75}
    assert one["probabilities"] == [classes]
    assert two["probabilities"] == [
        {"start": start, "end": start + 1, "classes": classes} for start in (0, 1, 3, 4)
    ]
    assert three["probabilities"] == []


def test_misaligned_spans_are_faults_or_skipped():
    text = lines_of({"text": "Anna Bergs house", "spans": [span(0, 4), span(5, 9), span(11, 16)]})
    assert faults(text) == [
        "x.jsonl:1: the span 5–9 'Berg' (X) cuts the token 5–10 'Bergs'; mend the span, or set "
        "data.tokenizer or data.misaligned: skip."
    ]
    for task, first in (("spans", "B-X"), ("tagging", "X")):
        (one,) = read(text, Layout("jsonl", task, misaligned="skip"))
        assert one.labels == [first, None, first]


def test_wrong_spans_are_faults():
    def told(*spans: object) -> str:
        (fault,) = faults(lines_of({"text": "ab cd ", "spans": list(spans)}))
        return fault.removeprefix("x.jsonl:1: ")

    assert told(span(0, 5), span(3, 5, "Y")) == (
        "the span 3–5 'cd' (Y) overlaps the span 0–5 'ab cd' (X); keep one of them."
    )
    assert told(span(0, 2), span(0, 2)) == (
        "the span 0–2 'ab' (X) overlaps the span 0–2 'ab' (X); keep one of them."
    )
    outside = "expected a span with 0 ≤ start < end ≤ 6 (the length of the text), found "
    for start, end in ((3, 7), (-1, 2), (2, 2), (5, 3), (9, 9)):
        assert told(span(start, end)) == f"{outside}{start}–{end} (X)."
    assert told(span(5, 6)) == "the span 5–6 ' ' (X) holds no token; expected at least one."
    wrong = 'expected a span {"start": 0, "end": 4, "label": "X"}, found '
    assert told({"start": 0, "end": 2}) == wrong + '\'{"start": 0, "end": 2}\'.'
    assert told([0, 2]) == wrong + "'[0, 2]'."
    assert told([True, 2, "X"]) == wrong + "'[true, 2, \"X\"]'."
    assert told([0, 2.0, "X"]) == wrong + "'[0, 2.0, \"X\"]'."
    assert told([0, 2, ""]) == wrong + "'[0, 2, \"\"]'."
    assert told([0, 2, "a\nb"]) == (r"expected a label without tabs and line ends, found 'a\nb'.")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"tokens": ["a"]}', "expected the key \"labels\", found the keys 'tokens'."),
        ('{"text": "a"}', "expected \"spans\" to be a list of spans ([] for none), found the keys "
         "'text'."),
        ('{"text": "a", "spans": {}}',
         'expected "spans" to be a list of spans ([] for none), found an object.'),
        ('{"text": 5}', 'expected "text" to be a string, found the number 5.'),
        ("{}", 'expected the key "tokens" or "text", found no keys.'),
        ('{"id": 1}', "expected the key \"tokens\" or \"text\", found the keys 'id'."),
        ('{"tokens": "a b"}',
         "expected \"tokens\" to be a list of words, found the string 'a b'."),
        ('{"tokens": ["a", null]}', 'expected "tokens" to be a list of words, found a list with '
         "null."),
        ('{"tokens": ["a", ""], "labels": ["O", "O"]}',
         'expected "tokens" to be a list of words, found an empty string.'),
        ('{"tokens": ["a"], "labels": ["O", "O"]}',
         'expected 1 entries in "labels", one a token, found 2.'),
        ('{"tokens": ["a"], "labels": "O"}',
         "expected \"labels\" to be a list, found the string 'O'."),
        ('{"tokens": ["a"], "labels": [true]}',
         'expected strings or null in "labels", found true.'),
        ('{"tokens": ["a"], "labels": ["B-a\\tb"]}',
         r"expected a label without tabs and line ends, found 'B-a\tb'."),
        ("[1]", "expected a JSON object, found a list: '[1]'."),
        ("7", "expected a JSON object, found the number 7: '7'."),
        ('{"a": 1, "a": 2}', "expected a JSON object, found the key 'a' twice."),
        ('{"a": NaN}', "expected a JSON object, found NaN, which is no JSON."),
        ('{"a": 1e999}', "expected a JSON object, found the number '1e999', which is too large."),
        ('{"a": ' + "9" * 5000 + "}", "expected a JSON object, found a number of 5000 digits."),
        ('{"text": "\\ud800", "spans": []}',
         "expected text, found half a surrogate pair (\\ud800 to \\udfff)."),
        ('{"text": "a", "spans": [], "\\uDfff": 1}',
         "expected text, found half a surrogate pair (\\ud800 to \\udfff)."),
        ("[" * 200 + "]" * 200,
         "expected a JSON object, found one that is nested too deeply."),
        ("[" * 100_000, "expected a JSON object, found one that is nested too deeply."),
    ],
)  # fmt: skip
def test_wrong_records_are_faults(line: str, sentence: str):
    good = '{"tokens": ["a"], "labels": ["O"]}\n'
    assert faults(good + line + "\n" + good) == [f"x.jsonl:2: {sentence}"]


def test_a_key_twice_among_very_many_is_found_at_once():
    pairs = ", ".join(f'"k{i}": 0' for i in range(100_000))
    began = time.process_time()
    assert faults("{" + pairs + ', "k99999": 1}\n') == [
        "x.jsonl:1: expected a JSON object, found the key 'k99999' twice."
    ]
    assert time.process_time() - began < 1


def test_labels_in_messages_are_short_and_on_one_line():
    (fault,) = faults(lines_of({"text": "a", "spans": [span(0, 9, "L\u2028" + "x" * 999)]}))
    assert fault == (
        "x.jsonl:1: expected a span with 0 ≤ start < end ≤ 1 (the length of the text), "
        r"found 0–9 ('L\u2028" + "x" * 57 + "…')."
    )
    (fault,) = faults(lines_of({"text": "a", "spans": [span(0, 9, "L\n")]}))
    assert fault == (r"x.jsonl:1: expected a label without tabs and line ends, found 'L\n'.")


def test_text_that_is_no_json_is_a_fault():
    (fault,) = faults('{"tokens": ["a"]')
    assert fault.startswith("x.jsonl:1: expected a JSON object, found an error (")
    assert fault.endswith(' at character 17): \'{"tokens": ["a"]\'.')


def test_labels_that_the_scheme_does_not_know_are_faults():
    (fault,) = faults(lines_of({"tokens": ["a"], "labels": ["12"]}))
    assert fault.startswith("x.jsonl:1: ")
    assert "'12'" in fault


def test_further_columns_that_are_not_there_are_faults():
    layout = Layout("jsonl", "tagging", extra={"tag": "pos"}, read_labels=False)
    assert faults(lines_of({"tokens": ["a"], "pos": [1]}, {"text": "a"}), layout) == [
        'x.jsonl:1: expected strings in "pos", found the number 1.',
        'x.jsonl:2: a "text" has no further columns; expected "tokens" with "pos".',
    ]


def test_surrogate_pairs_are_characters():
    (one,) = read('{"text": "\\ud83d\\ude00", "spans": []}\n')
    assert one.tokens == ["😀"]


def test_mark_line_ends_and_empty_lines_are_kept():
    record = '{"tokens": ["é\u2028"], "labels": ["O"]}'
    after = '{"tokens": ["é\u2028"], "gold_labels": ["O"], "labels": ["O"]}'
    text = f"\ufeff\r\n{record}\r\n \n{record}\n\n"
    assert answered(text, NER) == text.replace(record, after)
    assert answered(record, NER) == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet="ab\x00\"\\é\u2028😀", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip


@st.composite
def text_with_spans(draw: st.DrawFn) -> dict[str, Any]:
    text = draw(st.text(alphabet="aB9 .\u3000é😀-\x00", max_size=25))
    tokens = tokenize(text, "unicode")
    spans: list[dict[str, Any]] = []
    first = 0
    while first < len(tokens):
        last = draw(st.integers(first, min(first + 2, len(tokens) - 1)))
        if draw(st.booleans()):
            label = draw(st.sampled_from(["X", "long-er"]))
            spans.append(span(tokens[first][0], tokens[last][1], label))
        first = last + 1
    record = draw(st.dictionaries(st.sampled_from(["id", "meta"]), JSON, max_size=2))
    return {**record, "text": text, "spans": spans}


@given(record=text_with_spans(), scheme=st.sampled_from(["BIO", "IOB1", "BIOES"]))
@settings(derandomize=True, deadline=None)
def test_gold_spans_give_the_record_itself(record: dict[str, Any], scheme: str):
    layout = Layout("jsonl", "spans", scheme=scheme)
    assert given_back(record, layout) == {**record, "gold_spans": record["spans"]}


@given(
    tokens=st.lists(st.text(alphabet="ab \x00\né😀", min_size=1, max_size=3), max_size=4),
    more=st.dictionaries(st.sampled_from(["id", "meta", "text"]), JSON, max_size=2),
)
@settings(derandomize=True, deadline=None)
def test_gold_labels_give_the_record_itself(tokens: list[str], more: dict[str, Any]):
    labels = [f"L{i}" for i in range(len(tokens))]
    record = {**more, "tokens": tokens, "labels": labels}
    assert given_back(record, TAGS) == {**record, "gold_labels": labels}
