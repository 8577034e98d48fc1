"""Which files can be read and written for which task, and what all readers have in common."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Format, Layout, guess_format, make_writer, read_sentences

TOKEN = "data.token: expected a column number for conll, found 'word'."
CONLLU = "expected upos, xpos, feats or misc.KEY for conllu, found "


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("x.conllu", "conllu"),
        ("a.b/x.JSONL", "jsonl"),
        ("x.ndjson", "jsonl"),
        ("x.csv", "csv"),
        ("x.tsv", "tsv"),
        ("x.txt", "text"),
        ("x.text", "text"),
        ("x.conll", "conll"),
        ("x.annotated", "conll"),
        ("x.csv/y", "conll"),
        ("-", "conll"),
    ],
)
def test_formats_by_suffix(path: str, format_: Format):
    assert guess_format(path) == format_
    assert guess_format(Path(path)) == format_


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        (Layout("conll", "tagging", token="word"), TOKEN),
        (Layout("conll", "tagging", label="pos"),
         "data.label: expected a column number for conll, found 'pos'."),
        (Layout("conll", "tagging", label=None),
         "data.label: expected a column number for conll, found 'nothing'."),
        (Layout("conll", "tagging", extra={"p": "pos"}),
         "data.extra.p: expected a column number for conll, found 'pos'."),
        (Layout("conll", "tagging", token=1, label=1),
         "data.label: expected another column than data.token, found 1."),
        (Layout("conllu", "tagging"), f"data.label: {CONLLU}1."),
        (Layout("conllu", "tagging", label="misc."), f"data.label: {CONLLU}'misc.'."),
        (Layout("conllu", "tagging", label="upos", extra={"p": "head"}),
         "data.extra.p: expected form, lemma, upos, xpos, feats, deprel or misc.KEY for conllu, "
         "found 'head'."),
        (Layout("jsonl", "tagging", extra={"p": 2}),
         "data.extra.p: expected the name of a list for jsonl, found 2."),
        (Layout("jsonl", "tagging", token="words", label="words"),
         "data.label: expected another key than that of the words, found 'words'."),
        (Layout("jsonl", "spans", label="text", read_labels=False),
         "data.label: expected another key than that of the words, found 'text'."),
        (Layout("text", "tagging"),
         "data.format: text holds no labels for task: tagging; use conll or jsonl."),
        (Layout("text", "tagging", extra={"p": 2}, read_labels=False),
         "data.extra: text has no further columns; use conll, conllu or jsonl."),
        (Layout("conll", "segmentation", extra={"p": 2}),
         "data.extra: characters have no further columns; leave it out for segmentation."),
        (Layout("conll", "slots"),
         "data.format: expected csv or tsv for task: slots, found conll."),
        (Layout("csv", "spans"),
         "data.format: csv holds rows of slots and not running text; expected conll, conllu, "
         "jsonl or text for task: spans, or task: slots."),
    ],
)  # fmt: skip
def test_layouts_that_cannot_be_read_are_one_sentence(layout: Layout, sentence: str):
    with pytest.raises(DataError) as fault:
        list(read_sentences(io.BytesIO(b""), layout))
    assert str(fault.value) == sentence


@pytest.mark.parametrize(
    ("layout", "classes", "sentence"),
    [
        (Layout("conllu", "tagging"), [], f"data.label: {CONLLU}1."),
        (Layout("csv", "tagging"), [], "data.format: csv holds rows of slots and not running "
         "text; expected conll, conllu, jsonl or text for task: tagging, or task: slots."),
        (Layout("text", "tagging"), ["X"], "probabilities have no place in the text that "
         'task: tagging writes; give jsonl, {"text": …} on each line (of lines of raw text: '
         "python3 -c 'import json, sys; [print(json.dumps({\"text\": line.rstrip(\"\\n\")})) "
         "for line in sys.stdin]' < FILE > x.jsonl)."),
        (Layout("conllu", "segmentation"), ["B"], "probabilities have no place in the lines that "
         'task: segmentation writes; give jsonl, {"text": …} on each line.'),
    ],
)  # fmt: skip
def test_layouts_that_cannot_be_written_are_one_sentence(
    layout: Layout, classes: list[str], sentence: str
):
    with pytest.raises(DataError) as fault:
        make_writer(layout, io.StringIO(), classes)
    assert str(fault.value) == sentence


def test_labels_are_no_matter_where_they_are_not_read():
    for layout in (
        Layout("conll", "tagging", label="upos", read_labels=False),
        Layout("conllu", "segmentation", label=1),
        Layout("conllu", "tagging", label=1, read_labels=False),
    ):
        assert list(read_sentences(io.BytesIO(b""), layout)) == []


def test_a_layout_is_plain_data():
    layout = Layout("csv", "slots", slots=("a", "b"), extra={"a": 1})
    kept = json.loads(json.dumps(asdict(layout)))
    assert Layout(**{**kept, "slots": tuple(kept["slots"])}) == layout


def test_a_path_is_named_in_messages_and_a_stream_by_its_name(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"a\n")
    for file, name in ((path, str(path)), (str(path), str(path)), (io.BytesIO(b"a\n"), "<input>")):
        with pytest.raises(DataError) as fault:
            list(read_sentences(file, Layout("conll", "tagging")))
        assert str(fault.value).startswith(f"{name}:1: ")


def test_reading_streams():
    class Endless(io.RawIOBase):
        """Far more bytes than fit into memory."""

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return b"a O\n\n" * 100

    sentences = read_sentences(Endless(), Layout("conll", "tagging"))
    for number in range(1000):
        assert next(sentences).place() == f"<input>:{2 * number + 1}"


def test_leaving_off_early_closes_the_file(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"a O\n\nb O\n")
    sentences = read_sentences(path, Layout("conll", "tagging"))
    assert next(sentences).tokens == ["a"]
    del sentences  # an open file would be a ResourceWarning, and so an error


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b"\t", b" ", b"a", b"O", b"B-X", b"-DOCSTART-", b"#", b"_", b"1-2"),
        *("é".encode(), "\u2028".encode(), b"\xef\xbb\xbf", b"\x00", b"\xff"),
        b"1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n",
        *(b'"', b",", b"a,b\n", b'{"text": "a b. C"', b', "spans": [', b"]", b"}\n", b"[0, 1, "),
        *(b'{"tokens": ["a"]', b', "labels": ["O"]', b"null", b"\\ud83d"),
    ]
)  # fmt: skip
LAYOUTS = [
    Layout("conll", "spans"),
    Layout("conll", "segmentation"),
    Layout("conllu", "tagging", label="upos", extra={"x": "misc.Y"}),
    Layout("conllu", "segmentation", label="upos"),
    Layout("jsonl", "spans"),
    Layout("jsonl", "tagging", misaligned="skip"),
    Layout("jsonl", "segmentation"),
    Layout("csv", "slots", label="b", slots=("a",)),
    Layout("tsv", "slots", label=-1, slots=("a",), extra={"a": 0}),
    Layout("text", "spans", read_labels=False),
    Layout("text", "segmentation"),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda x: f"{x.format}-{x.task}")
@given(pieces=st.lists(PIECES, max_size=12))
@settings(derandomize=True, deadline=None)
def test_whatever_the_bytes_they_are_read_and_given_back_or_refused(
    layout: Layout, pieces: list[bytes]
):
    for read_labels in (layout.read_labels, False):
        own = replace(layout, read_labels=read_labels)
        told = ""
        try:
            sentences = list(read_sentences(io.BytesIO(b"".join(pieces)), own, "x"))
        except DataError as fault:
            told = str(fault)
        if told:
            assert all(line.startswith(("x:", "…")) for line in told.split("\n"))
            continue
        out = io.StringIO(newline="")
        writer = make_writer(own, out)
        for sentence in sentences:
            size = len(sentence.tokens)
            assert len(sentence.lines) == size
            assert "" not in sentence.tokens or own.task == "slots"
            assert (sentence.labels is not None) == read_labels
            assert sentence.labels is None or len(sentence.labels) == size
            assert all(len(column) == size for column in sentence.columns.values())
            writer.write(sentence, ["O"] * size)
        writer.close()
        assert out.getvalue() or not pieces or own.task == "segmentation"
