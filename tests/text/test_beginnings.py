"""What a file is by its first bytes: formats that are no text, JSON, prose, columns."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError
from windowclf.text.formats import Layout, open_bytes, read_sentences
from windowclf.text.formats.beginnings import fault_in_beginning, fits, json_kind
from windowclf.text.formats.containers import LOOKED_AT, beginning_of, container

COLUMNS = "Anna\tB-PER\nlives\tO\n\nBob\tB-PER\n\n"
SPACED = "Anna NNP B-PER\nlives VBZ O\n\nBob NNP B-PER\n\n" * 4
PROSE = "Anna lives in Oslo, she says.\nBob does not.\n\nThe end.\n"
CONLLU = "# sent_id = 1\n1\tAnna\tAnna\tPROPN\t_\t_\t0\troot\t_\t_\n\n"
GOLD = Layout("conll", "spans")
BARE = Layout("conll", "spans", read_labels=False)
RAW = Layout("text", "spans", read_labels=False)
LINES = Layout("jsonl", "spans", read_labels=False)
SAY = "give --format {}"


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "text")
    return out.getvalue()


def sqlite(folder) -> bytes:
    path = folder / "file"
    with sqlite3.connect(path) as connection:
        connection.execute("create table example (id)")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(b"text", mtime=0), "compressed by gzip; unpack it with gunzip"),
        (bz2.compress(b"text"), "bzip2"),
        (lzma.compress(b"text"), "xz"),
        (zlib.compress(b"text"), "zlib"),
        (b"PAR1\x15\x04\x15\x10", "a Parquet table; write it as JSON Lines"),
        (zipped("a.conll"), "a zip archive"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (zipped("mimetype", "content.xml"), "OpenOffice"),
        (pickle.dumps({"a": 1}), "a Python pickle, which is never loaded"),
        (b"%PDF-1.7\n", "a PDF"),
        ("Anna\tO\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (("Anna\tO\n" * 3).encode("utf-16-le"), "UTF-16"),
        (("Anna\tO\n" * 3).encode("utf-16-be"), "UTF-16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time of day
)
def test_what_is_no_text_is_named_wherever_it_is_opened(tmp_path, content, what):
    path = tmp_path / "data.conll"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(read_sentences(path, GOLD))
    assert str(raised.value).startswith(f"{path}: expected text, found ")
    assert what in str(raised.value)
    assert len(raised.value.faults) == 1


def test_a_database_is_named(tmp_path):
    assert "Prodigy: db-out" in str(container(sqlite(tmp_path)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PAR1 is a word\n",
        "PK\tO\n",
        "xکتاب\n",
        "xڀ",
        "%PDF-files are long\n",
        "BZh9\n",
        "\0a\0",
    ],
)
def test_text_that_begins_like_something_else_is_text(text):
    assert container(text.encode()) is None


def test_opening_takes_nothing_from_a_file(tmp_path):
    path = tmp_path / "data"
    path.write_text(COLUMNS)
    with open_bytes(path) as file:
        assert beginning_of(file) == COLUMNS.encode()
        assert file.read() == COLUMNS.encode()


def test_a_beginning_ends_with_a_line():
    assert beginning_of(io.BytesIO(b"a\n" + b"b" * LOOKED_AT)) == b"a\n"
    assert beginning_of(io.BytesIO(b"a\nb")) == b"a\nb"
    assert len(beginning_of(io.BytesIO(b"b" * 2 * LOOKED_AT))) == LOOKED_AT


@pytest.mark.parametrize("text", ["", "\n \n\t\n", "# a\n# b\n", "-DOCSTART- -X- O\n\n"])
@pytest.mark.parametrize("layout", [GOLD, BARE, RAW, LINES])
def test_nothing_is_no_fault(text, layout):
    assert fault_in_beginning(text.encode(), layout, False, SAY) is None


@pytest.mark.parametrize(
    "text",
    [
        COLUMNS,
        SPACED,
        COLUMNS.replace("\n", "\r\n"),
        "\ufeff" + COLUMNS,
        f"# a comment\n-DOCSTART- -X- O\n\n{COLUMNS}",
        COLUMNS * 30 + "faulty\n",  # the reader names the line
        "[ O\nAnna B-PER\n] O\n\n",
        '{ O\n" O\nAnna B-PER\n} O\n\n',
        "Anna\tB-PER\nin O\n\n",
    ],
)
def test_columns_may_be_of_any_name(text):
    for layout in (GOLD, BARE):
        assert fault_in_beginning(text.encode(), layout, False, SAY) is None


@pytest.mark.parametrize("text", [PROSE, "Anna lives here.\n", "One.\n\nTwo words.\n"])
def test_prose_is_no_column(text):
    fault = fault_in_beginning(text.encode(), BARE, False, SAY)
    assert fault is not None
    assert (
        "give --format text if it is raw text, or give --format conll if these are columns" in fault
    )
    assert "text" not in str(fault_in_beginning(text.encode(), GOLD, False, SAY)).split(";")[1]
    assert fault_in_beginning(text.encode(), BARE, True, SAY) is None  # x.conll
    assert fault_in_beginning(text.encode(), RAW, False, SAY) is None


def test_tokens_alone_are_columns_for_who_reads_no_labels():
    text = b"Anna\nlives\n\nBob\n"
    assert fault_in_beginning(text, BARE, False, SAY) is None
    assert "lines of one column" in str(fault_in_beginning(text, GOLD, False, SAY))


def test_sentences_without_spaces_are_no_tokens():
    text = "我住在北京。\n他是老师！\n你好吗？\n".encode()
    assert "lines of one column" in str(fault_in_beginning(text, BARE, False, SAY))
    assert fault_in_beginning("我\n住\n在\n北京\n。\n".encode(), BARE, False, SAY) is None
    line = b"thisisnotawordbutawholelineofthem\n"
    assert "lines of one column" in str(fault_in_beginning(line * 3, BARE, False, SAY))


@pytest.mark.parametrize(("good", "is_refused"), [(9, False), (8, True)])
def test_nine_lines_in_ten_must_be_alike(good, is_refused):
    """White space is no line, nor is a comment."""
    text = "a\tO\n" * good + "a\tb\tO\n" * (10 - good) + " \n\t\n# a b c d\n"
    assert (fault_in_beginning(text.encode(), GOLD, False, SAY) is not None) == is_refused


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            '{"tokens": ["a"]}\n{"tokens": ["b"]}\n',
            "JSON Lines, an object a line; give --format jsonl",
        ),
        ('[\n  {"tokens": ["a"]}\n]\n', "a JSON array"),
        ('[{"tokens": ["a"]}, {"to', "a JSON array"),
        ('{\n  "tokens": ["a"]\n}\n', "JSON of several lines"),
        ('{"cells": [\n  {"so', "JSON of several lines"),
    ],
)
def test_json_is_named(text, found):
    for layout in (GOLD, BARE, RAW):
        assert found in str(fault_in_beginning(text.encode(), layout, False, SAY))
    named = fault_in_beginning(text.encode(), LINES, True, SAY)
    assert named is None if "Lines" in found else found in str(named)


def test_conllu_is_named_even_in_conll():
    for known in (False, True):
        fault = str(fault_in_beginning(CONLLU.encode(), BARE, known, SAY))
        assert fault.endswith("found CoNLL-U; give --format conllu.")
    second = Layout("conll", "spans", token=1, read_labels=False)
    assert fault_in_beginning(CONLLU.encode(), second, False, SAY) is None


@pytest.mark.parametrize(
    ("text", "format_"),
    [(COLUMNS, "conll"), (SPACED, "conll"), (CONLLU * 2, "conllu")],
)
def test_columns_are_no_raw_text(text, format_):
    for known in (False, True):  # standard input, x.txt
        fault = str(fault_in_beginning(text.encode(), RAW, known, SAY))
        assert (
            f"give --format {format_}, or, if it is raw text all the same, give --format text"
            in fault
        )


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "Anna lives.\n" * 20,
        "one two\nthree four\n\n" + "".join(f"first{n} last{n}\n" for n in range(20)),
        "A sentence.\tEin Satz.\nTwo words.\tZwei Wörter.\n",
        "one\ttwo\n",
        "猫 看见 我们\n" * 20,
    ],
)
def test_raw_text_may_be_of_lines_alike(text):
    assert fault_in_beginning(text.encode(), RAW, False, SAY) is None


def test_bytes_that_are_no_text_have_no_advice_that_fails():
    fault = str(fault_in_beginning(b"\x89PNG\r\n\0\0\0\rIHDR a b\n", BARE, False, SAY))
    assert fault == "expected text, found bytes that are none; save what it holds as text in UTF-8."


@settings(derandomize=True, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["{", "}", "[", "]", '"', ":", ",", "\n", "\t", " ", "a", "1", "#", "\r", "。"]
        )
    ),
    st.binary(max_size=8),
)
def test_whatever_a_file_begins_with_is_answered_in_one_sentence(signs, more):
    for head in ("".join(signs).encode() + more, more + "".join(signs).encode()):
        container(head)
        for layout in (GOLD, BARE, RAW, LINES):
            for known in (False, True):
                fault = fault_in_beginning(head, layout, known, SAY)
                assert fault is None or (fault.startswith("expected ") and "\n" not in fault)


@settings(derandomize=True, deadline=None)
@given(st.integers(3, 200))
def test_json_that_is_cut_short_is_json(length):
    record = {
        "text": 'Ann\u00e9 "x" \\ 😀',
        "spans": [[0, 3, "A"]],
        "n": -1.5e3,
        "t": True,
        "z": None,
    }
    for ascii_ in (False, True):
        text = json.dumps([record] * 4, ensure_ascii=ascii_)
        assert json_kind(text[:length]) == "array"
        assert (
            json_kind(json.dumps([record] * 4, ensure_ascii=ascii_, indent=1)[: length + 8])
            == "array"
        )


@pytest.mark.parametrize(
    ("text", "format_", "is_fit"),
    [
        ('{"tokens": []}\n', "jsonl", True),
        (COLUMNS, "jsonl", False),
        (CONLLU, "conllu", True),
        (COLUMNS, "conllu", False),
        (PROSE, "text", True),
        (COLUMNS, "text", False),
        (PROSE, "conll", True),
    ],
)
def test_what_may_be_of_the_format_of_the_training_files(text, format_, is_fit):
    assert fits(text.encode(), format_) == is_fit
