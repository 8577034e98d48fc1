"""guess_shape: the format of a file by its suffix and its beginning."""

from __future__ import annotations

import os
import re
from pathlib import Path

from windowclf.errors import DataError
from windowclf.text.formats import format_by_suffix, open_bytes
from windowclf.text.formats.beginnings import is_conllu
from windowclf.text.formats.containers import beginning_of
from windowclf.text.formats.json_shapes import of_array, of_lines
from windowclf.text.formats.layout import BINARY, Format
from windowclf.text.formats.shapes.brackets import MARKED
from windowclf.text.formats.shapes.token_table import (
    SENTENCES,
    TAGS,
    TOKENS,
    column_in,
    separator_of,
)

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1\x00", "arrow"),
    (b"\xff\xff\xff\xff", "arrow"),
)
_LABEL = re.compile(r"[^\W\d][\w-]*")  # that tells brackets from links


def guess_shape(path: str | os.PathLike[str]) -> Format | None:
    """The format that a file, or a folder of brat's, seems to have; None where nothing says so.

    Its suffix decides where that says all; nothing is read of what cannot be read again. Raises
    DataError where a file cannot be read.
    """
    file = Path(path)
    if file.is_dir():
        return "brat" if any(file.glob("*.ann")) else None
    named = format_by_suffix(path)
    if named in ("conll", "conllu", "brat", *BINARY) or not file.is_file():
        return named
    try:
        with open_bytes(path, is_text=False) as stream:
            head = beginning_of(stream)
    except DataError:
        if named is None:
            raise
        return named
    return _by_beginning(head, named) or named


def _by_beginning(head: bytes, named: Format | None) -> Format | None:
    """The format of a file that begins so, of which the suffix is that of `named`, if any."""
    for magic, format_ in _MAGIC:
        if head.startswith(magic) and named is None:
            return format_
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    if text.startswith("#FORMAT=WebAnno TSV 3"):
        return "webanno"
    begin = text.lstrip()[:1]
    if begin == "[" and named in (None, "text") and (found := of_array(text)):
        return found
    if begin == "{" and named in (None, "jsonl"):
        return of_lines(text)
    if named in ("csv", "tsv", None) and _is_token_table(text):
        return "token-csv"
    if named is None and is_conllu(text):
        return "conllu"
    if named in ("text", None) and any(
        _LABEL.fullmatch(found[2]) for found in MARKED.finditer(text)
    ):
        return "brackets"
    return None


def _is_token_table(text: str) -> bool:
    """Whether the first line of a text has columns for sentences, tokens and tags."""
    header = text.split("\n", 1)[0].rstrip("\r")
    names = [name.strip().strip('"') for name in header.split(separator_of(header))]
    return len(names) > 2 and all(
        column_in(names, None, usual) is not None for usual in (SENTENCES, TOKENS, TAGS)
    )
