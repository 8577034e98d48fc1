"""Files that hold their text packed or coded, by their first bytes, and what to do about each."""

from __future__ import annotations

import re
from typing import BinaryIO

from windowclf.errors import DataError, Fault

LOOKED_AT = 1 << 16  # bytes

_PARQUET = "read_parquet(FILE).to_json('x.jsonl', orient='records', lines=True, force_ascii=False)"
_CONTAINERS: tuple[tuple[bytes, str], ...] = (  # a pattern, and what a file is that begins so
    (rb"\x1f\x8b", "a file compressed by gzip; unpack it with gunzip"),
    (rb"BZh[1-9]1AY&SY", "a file compressed by bzip2; unpack it with bunzip2"),
    (rb"\xfd7zXZ\x00", "a file compressed by xz; unpack it with unxz"),
    (rb"\x28\xb5\x2f\xfd", "a file compressed by zstd; unpack it with unzstd"),
    (
        rb"PAR1[^\t\n\r -~]",
        f"a Parquet table; write it as JSON Lines (pandas: {_PARQUET}), or call it x.parquet",
    ),
    (rb"ARROW1\x00", "an Arrow file; write it as JSON Lines, or call it x.arrow"),
    (rb"PK\x03\x04.{0,65000}?word/", "a Word document; save it as plain text in UTF-8"),
    (rb"PK\x03\x04.{0,65000}?xl/", "an Excel workbook; save it as tab-separated text in UTF-8"),
    (rb"PK\x03\x04.{0,65000}?\[Content_Types\]", "an Office document; save it as text in UTF-8"),
    (rb"PK\x03\x04.{26}mimetype", "a document of OpenOffice's kind; save it as text in UTF-8"),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive; unpack it and give a file that it holds"),
    (
        rb"SQLite format 3\x00",
        "an SQLite database; write its records as JSON Lines (Prodigy: db-out NAME > x.jsonl)",
    ),
    (
        rb"\x80[\x02-\x05]",
        "a Python pickle, which is never loaded, as it can run any code; write JSON Lines",
    ),
    (rb"%PDF-[12][.]", "a PDF; save its text as plain text in UTF-8"),
    (rb"\xd0\xcf\x11\xe0", "an old Office document; save it as plain text in UTF-8"),
    (rb"\x93NUMPY", "an array of NumPy; write its text a sentence a line"),
    (rb"\xff\xfe|\xfe\xff", "text in UTF-16; save it as UTF-8"),
    (rb"(?:[\t\n\r -~]\x00){8}|(?:\x00[\t\n\r -~]){8}", "text in UTF-16; save it as UTF-8"),
    (
        rb"x(?:\x9c|\xda(?![\x80-\xbf]))",
        "a file compressed by zlib, as spaCy's .spacy are; write a token a line, or call it "
        "x.spacy",
    ),
)


def beginning_of(stream: BinaryIO) -> bytes:
    """The first bytes of a stream, which stays where it is; of a pipe what has come so far."""
    try:
        if stream.seekable():
            at = stream.tell()
            head = stream.read(LOOKED_AT)
            stream.seek(at)
        else:
            head = stream.peek(LOOKED_AT) if hasattr(stream, "peek") else b""
    except OSError:
        return b""  # whoever reads the stream says what is wrong with it
    whole = stream.seekable() and len(head) < LOOKED_AT
    return head if whole or b"\n" not in head else head[: head.rindex(b"\n") + 1]


def container(head: bytes) -> str | None:
    """What a file is that begins so and is no text, and what to do; None for what may be text."""
    for pattern, what in _CONTAINERS:
        if re.match(pattern, head, re.DOTALL):
            return what
    return None


def refuse_container(stream: BinaryIO, name: str) -> None:
    """Raise DataError where a stream, of which nothing is taken, begins as no text does."""
    if what := container(beginning_of(stream)):
        raise DataError(Fault(f"expected text, found {what}.", name))
