"""Bytes to lines: what ends a line, what is no text, and faults of whole files."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windowclf.errors import DataError, Faults, quoted
from windowclf.text.formats import Layout, lines, read_sentences
from windowclf.text.formats.lines import BLOCK, Line, open_input


class Dribble(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int):
        self.data, self.step, self.asked = data, step, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.asked += 1
        part, self.data = self.data[: self.step], self.data[self.step :]
        return part


def lines_of(data: bytes, step: int | None = None) -> tuple[str, list[Line], list[str]]:
    """The byte order mark, the lines and the faults."""
    faults = Faults()
    stream = io.BytesIO(data) if step is None else Dribble(data, step)
    with open_input(stream, "x.txt", faults) as source:
        return source.mark, list(source.lines), [str(fault) for fault in faults.kept]


def test_lf_and_crlf_end_a_line_and_nothing_else_does():
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh\x00\n\r\ni\r\r\nj"
    assert lines_of(text.encode())[1] == [
        (1, "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh\x00", "\n"),
        (2, "", "\r\n"),
        (3, "i\r", "\r\n"),
        (4, "j", ""),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ("", [])),
        (b"\n", ("", [(1, "", "\n")])),
        (b"a", ("", [(1, "a", "")])),
        (b"a\r", ("", [(1, "a\r", "")])),
        (b"\xef\xbb\xbf", ("\ufeff", [])),
        (b"\xef\xbb\xbfa\n", ("\ufeff", [(1, "a", "\n")])),
        (b"a\n\xef\xbb\xbfb\n", ("", [(1, "a", "\n"), (2, "\ufeffb", "\n")])),
    ],
)
def test_edges(data: bytes, expected: tuple[str, list[Line]]):
    mark, found, faults = lines_of(data)
    assert (mark, found) == expected
    assert not faults


@given(text=st.text(alphabet="ab\r\n\ufeffé\u2028", max_size=40), step=st.integers(3, 9))
@settings(derandomize=True, deadline=None)
def test_lines_are_the_file_however_the_bytes_arrive(text: str, step: int):
    data = text.encode()
    mark, found, faults = lines_of(data)
    assert mark + "".join(text + end for _, text, end in found) == text
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert not faults
    assert lines_of(data, step) == (mark, found, faults)


def test_lines_longer_than_a_block_are_whole():
    data = b"x" * (2 * BLOCK + 5) + b"\r\ny\n" + b"z" * BLOCK
    assert [len(text) for _, text, _ in lines_of(data)[1]] == [2 * BLOCK + 5, 1, BLOCK]


def test_every_line_with_bad_bytes_is_a_fault_with_its_byte():
    _, found, faults = lines_of(b"ok\ncaf\xe9\nfine \xc3\xa9\n\xff\xfe\n")
    assert [number for number, _, _ in found] == [1, 2, 3, 4]
    assert faults == [
        "x.txt:2: expected UTF-8, found the byte 0xe9 at byte 4 of the line; "
        "save the file as UTF-8.",
        "x.txt:4: expected UTF-8, found the byte 0xff at byte 1 of the line; "
        "save the file as UTF-8.",
    ]


def test_encoded_surrogates_are_no_utf8():
    assert len(lines_of("a\ud800".encode("utf-8", "surrogatepass"))[2]) == 1


@pytest.mark.parametrize("step", [None, 7])
def test_a_line_over_the_limit_is_refused_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch, step: int | None
):
    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(lines, "BLOCK", 1 << 10)
    limit = b"x" * (1 << 20)
    if step is not None:
        monkeypatch.setattr(lines, "LONGEST_LINE", 20)
        limit = b"x" * 20
    data = b"a\n" + limit + b"\n" + limit + b"x\nb\n" + limit + b"xyz"
    _, found, faults = lines_of(data, step)
    assert [(number, len(text)) for number, text, _ in found] == [(1, 1), (2, len(limit)), (4, 1)]
    assert [fault.split(" MiB")[0][:36] for fault in faults] == [
        "x.txt:3: expected a line of at most ",
        "x.txt:5: expected a line of at most ",
    ]


def test_a_line_that_never_ends_is_not_kept():
    class Endless(io.RawIOBase):
        left = 3 * lines.LONGEST_LINE // BLOCK

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"x" * BLOCK if self.left >= 0 else b""

    faults = Faults()
    with open_input(Endless(), "x.txt", faults) as source:
        assert list(source.lines) == []
    assert [str(fault) for fault in faults.kept] == ["x.txt:1: expected a line of at most 16 MiB."]


def test_lines_come_as_soon_as_they_are_there():
    stream = Dribble(b"one\ntwo\nthree\n", 4)
    with open_input(stream, None, Faults()) as source:
        assert next(source.lines) == (1, "one", "\n")
        assert stream.asked == 1
        assert source.path == "<input>"


def test_missing_files_and_folders_are_one_sentence(tmp_path: Path):
    missing = tmp_path / "none.conll"
    cases = [(missing, f"{missing}: no such file."), (tmp_path, ": expected a file, found a ")]
    for path, sentence in cases:
        with pytest.raises(DataError) as fault, open_input(path, None, Faults()):
            pass
        assert sentence in str(fault.value)
        assert "\n" not in str(fault.value)


def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"a b\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        path = tmp_path / "x.conll" / "y"  # the superuser may read everything: another reason
    with pytest.raises(DataError) as fault, open_input(path, None, Faults()):
        pass
    assert str(fault.value).startswith(f"{path}: cannot be read, ")


def test_an_error_while_reading_is_a_sentence():
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    message = r"^disk: cannot be read, input/output error\.$"
    with pytest.raises(DataError, match=message), open_input(Broken(), "disk", Faults()):
        pass


def test_a_path_that_is_none_is_a_sentence():
    with pytest.raises(DataError, match="cannot be read, embedded null byte"):
        open_input("a\0b", None, Faults()).__enter__()


def test_a_stream_stays_open_and_a_path_is_closed(tmp_path: Path):
    stream = io.BytesIO(b"a\n")
    with open_input(stream, None, Faults()) as source:
        list(source.lines)
    assert not stream.closed


def test_messages_show_text_short_and_on_one_line():
    assert quoted("a\tb\n") == r"'a\tb\n'"
    assert quoted("x" * 70) == "'" + "x" * 59 + "…'"
    assert "\x1b" not in quoted("\x1b[31m\u202e")


def test_many_lines_that_are_no_utf8_are_one_fault_with_what_makes_them(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_bytes("".join(f"café{i}\tB-X\n\n" for i in range(1_200)).encode("cp1252"))
    layout = Layout("conll", "spans")
    with pytest.raises(DataError) as caught:
        list(read_sentences(path, layout))
    assert str(caught.value) == (
        f"{path}:1: expected UTF-8, found the byte 0xe9 at byte 4 of the line (and others "
        "in 1,199 more lines); save the file as UTF-8, from Windows-1252 by "
        "`iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`."
    )
    assert (len(caught.value.faults), caught.value.more) == (1, 0)
    new = tmp_path / "new.conll"
    with new.open("wb") as out:
        subprocess.run(["iconv", "-f", "WINDOWS-1252", "-t", "UTF-8", path], stdout=out, check=True)
    assert [s.tokens[0] for s in read_sentences(new, layout)][:2] == ["café0", "café1"]


def test_faults_of_other_kinds_stay_beside_the_one_of_lines_that_are_no_utf8(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"caf\xe9\tO\n\nAnna\n\n\xe9\tB-X\n\nPeter\tB-X\n")
    faults = Faults()
    list(read_sentences(path, Layout("conll", "spans"), faults=faults))
    assert [fault.line for fault in faults.kept] == [1, 3]
    assert faults.count == 2
