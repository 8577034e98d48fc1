"""What a file seems to be by its first bytes, for names that do not say how it is to be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Literal, TypeAlias

from windowclf.text.formats.blocks import fields_of
from windowclf.text.formats.json_shapes import of_array
from windowclf.text.formats.layout import Format, Layout

ALIKE = 0.9  # of the lines, that must have one number of columns
LONGEST_MEAN = 25  # code points of tokens that stand alone in their lines
FEWEST_ROWS = 12  # that may tell columns between spaces from raw text
NEAR_END = 5  # characters; a fault there comes of cutting a JSON text short

JsonKind: TypeAlias = Literal["lines", "array", "object"]

_CONLLU_ID = re.compile("[0-9]+(?:[-.][0-9]+)?")


def fault_in_beginning(head: bytes, layout: Layout, known: bool, say: str) -> str | None:
    """A sentence about a file that cannot be read as nobody but a guess says; else None.

    `known` where the guess is by the suffix of its name; `say` is how a format is named, with {}
    for it, as in "give --format {}".
    """
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    kind = json_kind(text)
    if kind == "array" and (shape := of_array(text)) and not (known and layout.format != "jsonl"):
        return f"expected {_wanted(layout)}, found JSON of the kind {shape}; {say.format(shape)}."
    if kind and not (known and layout.format != "jsonl"):
        return _of_json(kind, layout, say)
    if layout.format == "conll":
        return _of_conll(text, layout, known, say)
    if layout.format == "text" and (found := _columns(text)):
        format_ = "conllu" if is_conllu(text) else "conll"
        more = f"if it is raw text all the same, {say.format('text')}"
        return f"expected raw text, found {found}; {say.format(format_)}, or, {more}."
    return None


def _of_json(kind: JsonKind, layout: Layout, say: str) -> str | None:
    """A sentence about a file that begins as JSON; None where it is read as that."""
    if layout.format == "jsonl" and kind == "lines":
        return None
    return f"expected {_wanted(layout)}, found {_json_advice(kind, say)}."


def _wanted(layout: Layout) -> str:
    """What a file of a layout should be, for messages."""
    return {"text": "raw text", "jsonl": "an object a line"}.get(layout.format, "columns")


def _of_conll(text: str, layout: Layout, known: bool, say: str) -> str | None:
    """A sentence about a file that is read as conll and does not begin so; else None."""
    if layout.token == 0 and is_conllu(text):
        return f"expected a token in the first column, found CoNLL-U; {say.format('conllu')}."
    if known:
        return None
    if "\0" in text:
        return "expected text, found bytes that are none; save what it holds as text in UTF-8."
    bare = not layout.has_label_field
    if (found := _no_columns(text, bare)) is None:
        return None
    raw = f"{say.format('text')} if it is raw text, or " if bare else ""
    return (
        "expected a token a line and its columns, as nothing says what the file is, found "
        f"{found}; {raw}{say.format('conll')} if these are columns all the same."
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
            return (
                'a JSON array; write its records, with "tokens" or "text", a line each '
                "(jq -c '.[]' FILE > x.jsonl)"
            )
        case "object":
            return (
                'JSON of several lines; write each record, with "tokens" or "text", in one '
                "(jq -c . FILE > x.jsonl)"
            )


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
        return None if bare and _are_tokens([row[0] for row in rows]) else "lines of one column"
    if width > 2 and "\t" not in text and _stand_alone(text):
        return f"lines of {width} words, each alone between empty lines"
    return None


def _are_tokens(words: list[str]) -> bool:
    """Whether words alone in their lines may be tokens and not sentences without spaces."""
    ended = sum(len(word) > 1 and word.endswith(("。", "！", "？")) for word in words)
    return sum(map(len, words)) <= LONGEST_MEAN * len(words) and ended <= len(words) / 10


def _columns(text: str) -> str | None:
    """What columns a text has that is no raw text: alike between tabs, or of few labels; else None.

    Between tabs no field has a space; else there are empty lines, and many of the last words are
    the same.
    """
    lines = [line.rstrip("\r") for line in _lines(text)]
    rows = [fields_of(line) for line in lines if line.strip()]
    width, times = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < 2 or times < max(2, ALIKE * len(rows)):
        return None
    if all("\t" in line for line in lines if line.strip()):
        return None if any(" " in line for line in lines) else f"lines of {width} columns"
    divided = any(not line.strip() for line in lines[:-1])
    few = len({row[-1] for row in rows}) <= len(rows) / 4
    enough = divided and few and len(rows) >= FEWEST_ROWS
    return f"lines of {width} columns" if enough else None


def _stand_alone(text: str) -> bool:
    """Whether no line of a text that is neither empty nor a comment has another one beside it."""
    groups = groupby(_lines(text), lambda line: bool(line.strip()))
    return all(len(list(group)) == 1 for filled, group in groups if filled)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text but comments and marks of documents."""
    return (line for line in text.split("\n") if not line.startswith(("#", "-DOCSTART-")))
