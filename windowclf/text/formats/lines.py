"""Input, a file as numbered lines: strict UTF-8, and only LF or CRLF ends a line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, count, repeat
from pathlib import Path
from typing import BinaryIO, TypeAlias

from windowclf.errors import DataError, Fault, Faults, NoUtf8, no_such_file
from windowclf.system.durable import reason
from windowclf.system.paths import endless_kind
from windowclf.text.formats.containers import refuse_container
from windowclf.text.formats.remarks import Remarks, counted

Line: TypeAlias = tuple[int, str, str]  # 1-based number, the text, the line end or "" at the end

LONGEST_LINE = 1 << 24  # bytes
BLOCK = 1 << 18  # bytes that are read at a time
AS_UTF8 = "save the file as UTF-8"
TO_UTF8 = "`iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW`."
UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Input:
    """A file as lines, and where its faults are noted."""

    path: str
    """What messages call the file."""
    mark: str
    """The byte order mark that the file began with, or nothing."""
    lines: Iterator[Line]
    faults: Faults
    remarks: Remarks | None = None
    """Where it is noted what is no fault; None unless the file is read for its gold labels."""
    stream: BinaryIO | None = None
    """The file for who reads bytes; there are no lines then."""
    places: Mapping[tuple[int, int, str], int] = field(default_factory=dict)
    """The lines of spans, by start, end and label, that do not stand in that of their record."""
    within: str = ""
    """Where in a line the faults are, for files of long lines: `record 3: `."""

    def fault(self, line: int | None, sentence: str) -> None:
        """Note a fault at a line of this file."""
        self.faults.add(self.path, line, self.within + sentence)

    def remark(self, noun: str, sentence: str, count: int = 1) -> None:
        """Note what is no fault: a sentence in which {} is to be so many of a noun more."""
        if self.remarks is not None:
            self.remarks.counts[noun, sentence] += count

    def pass_over(self, kind: str) -> None:
        """Note something that is no span and is left alone."""
        if self.remarks is not None:
            self.remarks.no_spans[kind] += 1


@contextmanager
def open_input(
    file: str | os.PathLike[str] | BinaryIO,
    name: str | None,
    faults: Faults,
    remarks: Remarks | None = None,
    in_lines: bool = True,
) -> Iterator[Input]:
    """A path or a binary stream as an Input whose faults go to `faults`; a stream stays open.

    `name` is what messages call it. Unless `in_lines` it is for a reader of bytes. Raises DataError
    where it cannot be opened.
    """
    if isinstance(file, str | os.PathLike):
        path = os.fspath(file)
        with (
            open_bytes(path, in_lines) as stream,
            open_input(stream, name or path, faults, remarks, in_lines) as source,
        ):
            yield source
    elif in_lines:
        yield _input_of(file, name or "<input>", faults, remarks)
    else:
        yield Input(name or "<input>", "", iter(()), faults, remarks, file)


def open_bytes(path: str | os.PathLike[str], is_text: bool = True) -> BinaryIO:
    """A file, opened for reading bytes. Raises DataError where there is none to be read.

    Or, for `is_text`, where it begins as something else than text.
    """
    try:
        if kind := endless_kind(path):
            raise DataError(Fault(f"expected a file, found {kind}.", str(path)))
        file = Path(path).open("rb")  # noqa: SIM115 — for the caller to close
    except FileNotFoundError:
        raise DataError(no_such_file(path)) from None
    except (OSError, ValueError) as error:
        raise DataError(Fault(f"cannot be read, {reason(error)}.", str(path))) from None
    try:
        if is_text:
            refuse_container(file, os.fspath(path))
    except DataError:
        file.close()
        raise
    return file


def _input_of(stream: BinaryIO, path: str, faults: Faults, remarks: Remarks | None) -> Input:
    """A binary stream as an Input, its byte order mark apart from its lines."""
    blocks = _blocks(stream, path)
    first = next(blocks, b"")
    marked = first is not None and first.startswith(UTF8_MARK)
    if first is not None and marked:
        first = first[len(UTF8_MARK) :]
    lines = _lines(chain([first], blocks), path, faults)
    return Input(path, "\ufeff" if marked else "", lines, faults, remarks)


def _blocks(stream: BinaryIO, path: str) -> Iterator[bytes | None]:
    """The bytes of a stream, many whole lines at a time; None for a line too long to be kept."""
    pending: list[bytes] = []  # the beginning of a line whose end has not been read
    size = 0
    while chunk := read_block(stream, path):
        first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
        if first < 0:
            size += len(chunk)
            if size <= LONGEST_LINE:
                pending.append(chunk)
            else:
                pending.clear()
            continue
        if size + first > LONGEST_LINE:
            yield None
            yield chunk[first + 1 : last + 1]
        else:
            yield b"".join([*pending, chunk[: last + 1]])
        pending, size = [chunk[last + 1 :]], len(chunk) - last - 1
    yield None if size > LONGEST_LINE else b"".join(pending)


def read_block(stream: BinaryIO, path: str) -> bytes:
    """The next bytes of a stream, at most BLOCK; none at its end.

    As many as it has now, so that lines typed into a pipe are not waited for in blocks.
    """
    try:
        data = stream.read1(BLOCK) if hasattr(stream, "read1") else stream.read(BLOCK)
    except OSError as error:
        raise DataError(Fault(f"cannot be read, {reason(error)}.", str(path))) from None
    assert isinstance(data, bytes)
    return data


def _lines(blocks: Iterator[bytes | None], path: str, faults: Faults) -> Iterator[Line]:
    """The lines of the blocks, numbered; a fault is noted for each that is too long."""
    number = 0
    for block in blocks:
        if block is None:
            number += 1
            faults.add(path, number, f"expected a line of at most {LONGEST_LINE >> 20} MiB.")
            continue
        texts = _texts(block, number, path, faults)
        last = texts.pop()
        yield from zip(count(number + 1), *_parted(texts, b"\r\n" in block), strict=False)
        number += len(texts)
        if last:
            number += 1
            yield number, last, ""


def _parted(texts: list[str], has_crlf: bool) -> tuple[Iterable[str], Iterable[str]]:
    """From lines that were split at LF: their texts, and the end of each, LF or CRLF."""
    if not has_crlf:
        return texts, repeat("\n")
    ends = ["\r\n" if text.endswith("\r") else "\n" for text in texts]
    return [text.removesuffix("\r") for text in texts], ends


def _texts(block: bytes, before: int, path: str, faults: Faults) -> list[str]:
    """The lines of a block that begins after `before` lines of the file.

    A fault is noted for each line that is no UTF-8, and its bad bytes are replaced.
    """
    try:
        return block.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return [
            _decoded(line, number, path, faults)
            for number, line in enumerate(block.split(b"\n"), before + 1)
        ]


def _decoded(line: bytes, number: int, path: str, faults: Faults) -> str:
    """The text of a line; a fault is noted where it is no UTF-8, and bad bytes are replaced."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"found the byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line"
        faults.add(path, number, f"expected UTF-8, {found}; {AS_UTF8}.", NoUtf8)
        return line.decode("utf-8", "replace")


def leave_one_no_utf8(faults: Faults, path: str) -> None:
    """Put the first fault about a line of a file that is no UTF-8 in the place of all."""
    number, faults.no_utf8 = faults.no_utf8, 0
    kept = [i for i, each in enumerate(faults.kept) if type(each) is NoUtf8 and each.path == path]
    if not kept:
        return
    first, *others = kept
    more = f" (and others in {counted(number - 1, 'more line')})" if number > 1 else ""
    found = faults.kept[first].sentence.removesuffix(f"; {AS_UTF8}.")
    sentence = f"{found}{more}; {AS_UTF8}, from Windows-1252 by {TO_UTF8}"
    faults.kept[first] = replace(faults.kept[first], sentence=sentence)
    for other in reversed(others):
        del faults.kept[other]
    faults.count -= number - 1
