"""What a file seems to be by its first bytes, for names that do not say how it is to be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO, Literal, TypeAlias

from windowclf.text.formats.conll import fields_of
from windowclf.text.formats.containers import container
from windowclf.text.formats.layout import Format, Layout

LOOKED_AT = 1 << 16  # bytes
ALIKE = 0.9  # of the lines, that must have one number of columns
LONGEST_MEAN = 25  # code points of tokens that stand alone in their lines
NEAR_END = 5  # characters; a fault there comes of cutting a JSON text short

JsonKind: TypeAlias = Literal["lines", "array", "object"]

_CONLLU_ID = re.compile("[0-9]+(?:[-.][0-9]+)?")


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


def fault_in_beginning(head: bytes, layout: Layout, known: bool, say: str) -> str | None:
    """A sentence about a file that cannot be read as nobody but a guess says; else None.

    `known` where the guess is by the suffix of its name; `say` is how a format is named, with {}
    for it, as in "give --format {}".
    """
    if what := container(head):
        return f"expected text, found {what}."
    if known:
        return None
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    if kind := json_kind(text):
        wanted = "raw text" if layout.format == "text" else "columns"
        return f"expected {wanted}, found {_json_advice(kind, say)}."
    if layout.format != "conll":
        return None
    if layout.token == 0 and is_conllu(text):
        return f"expected a token in the first column, found CoNLL-U; {say.format('conllu')}."
    bare = not layout.has_label_field
    if (found := _no_columns(text, bare)) is None:
        return None
    raw = f"{say.format('text')} if it is raw text, or conll" if bare else say.format("conll")
    return (
        "expected a token a line and its columns, as nothing says what the file is, found "
        f"{found}; {raw} to have it read so all the same."
    )


def fits(head: bytes, format_: Format) -> bool:
    """Whether a file of unknown suffix may be of a format, by its beginning."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    match format_:
        case "jsonl":
            return json_kind(text) == "lines"
        case "conllu":
            return is_conllu(text)
        case "text":
            return _no_columns(text, bare=False) is not None
        case _:
            return True


def is_conllu(text: str) -> bool:
    """Whether all lines but comments have the ten columns of CoNLL-U, a number in the first."""
    rows = [line.split("\t") for line in _lines(text) if line.strip()]
    return bool(rows) and all(len(row) == 10 and _CONLLU_ID.fullmatch(row[0]) for row in rows)


def json_kind(text: str) -> JsonKind | None:
    """What kind of JSON a text begins with: an object a line, an array of them, or one object."""
    text = text.lstrip()
    if not text.startswith(("{", "[")):
        return None
    first, _, rest = text.partition("\n")
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text) - NEAR_END or error.msg.startswith("Unterminated string")
        if not cut or not re.match(r'\{\s*"|\[\s*[{\[]', text):
            return None
        array = text.startswith("[")
        return "array" if array else "object" if rest.strip() else "lines"
    except RecursionError:
        return None
    if isinstance(value, dict) and end > len(first):
        return "object"
    if isinstance(value, dict):
        return None if first[end:].strip() else "lines"
    return "array" if value and isinstance(value[0], dict | list) else None


def _json_advice(kind: JsonKind, say: str) -> str:
    """What kind of JSON a file is, and what to do about it."""
    match kind:
        case "lines":
            return f"JSON Lines, an object a line; {say.format('jsonl')}"
        case "array":
            return "a JSON array; write its records a line each (jq -c '.[]' FILE > x.jsonl)"
        case "object":
            return "JSON objects of several lines; write each in one (jq -c . FILE > x.jsonl)"


def _no_columns(text: str, bare: bool) -> str | None:
    """What lines a text has that are no columns; None for columns, if `bare` tokens alone too."""
    rows = [fields_of(line.rstrip("\r")) for line in _lines(text) if line.strip()]
    if not rows:
        return None
    widths = Counter(map(len, rows))
    (width, times), *_ = widths.most_common(1)
    if times < ALIKE * len(rows):
        return f"lines of {min(widths)} to {max(widths)} words"
    if width == 1:
        mean = sum(len(row[0]) for row in rows) / len(rows)
        return None if bare and mean <= LONGEST_MEAN else "lines of one column"
    if width > 2 and "\t" not in text and _stand_alone(text):
        return f"lines of {width} words, each alone between empty lines"
    return None


def _stand_alone(text: str) -> bool:
    """Whether no line of a text that is neither empty nor a comment has another one beside it."""
    groups = groupby(_lines(text), lambda line: bool(line.strip()))
    return all(len(list(group)) == 1 for filled, group in groups if filled)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text but comments and marks of documents."""
    return (line for line in text.split("\n") if not line.startswith(("#", "-DOCSTART-")))
