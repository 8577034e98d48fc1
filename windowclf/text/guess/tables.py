"""Guesses of csv and tsv: which column of categories is the class."""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Mapping, Sequence
from operator import eq
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.guess.look import Found, Look
from windowclf.text.guess.values import Column, Place

CLASSES = ("label", "class", "target", "category", "y")  # names of the column of the class
MANY = 0.5  # of the rows: a column with more different values than this has no categories
FEWEST = 20  # rows of which that can be said
SUFFIXES: dict[str, Format] = {".csv": "csv", ".tsv": "tsv"}
SEPARATORS = {"csv": ",", "tsv": "\t"}


def guess_table(look: Look) -> Found | None:
    """What a table with a header is for; None for what is none."""
    format_ = SUFFIXES.get(look.suffix)
    if format_ is None and look.task == "slots" and "\n\n" not in look.text.rstrip():
        format_ = "tsv" if "\t" in look.text.split("\n", 1)[0] else "csv"
    if format_ is None or (format_ == "tsv" and _is_conll(look)):
        return None
    header, *rows = _rows(look.text, SEPARATORS[format_])
    if len(header) < 2:
        semicolons = "; it has semicolons, save it with commas" if ";" in header[0] else ""
        raise look.refuse(f"expected a header of several columns between separators{semicolons}.")
    whole = [row for row in rows if len(row) == len(header)]
    columns: dict[Place, Column] = {
        name: Column([[row[i] for row in whole]]) for i, name in enumerate(header)
    }
    if lists := [name for name, column in columns.items() if _are_lists(column)]:
        raise look.refuse(_of_lists(columns, lists))
    if spans := [name for name, column in columns.items() if column.is_spans]:
        raise look.refuse(
            f"expected rows of categories, found a token a row (labels of spans in "
            f"{quoted(str(spans[0]))}); write a token a line with its label between tabs, and an "
            "empty line after each sentence, in a file .conll."
        )
    if look.task not in (None, "slots"):
        raise look.refuse(f"expected running text for task: {look.task}, found a table.")
    return _found(look, format_, columns, len(whole))


def _found(look: Look, format_: Format, columns: Mapping[Place, Column], rows: int) -> Found:
    """The class and the columns of categories of a table."""
    named = [name for name in columns if str(name).lower() in CLASSES]
    kinds = {name: len(column.counts) for name, column in columns.items()}
    many = [name for name, count in kinds.items() if rows >= FEWEST and count > MANY * rows]
    few = [name for name in columns if name not in many and kinds[name] > 1]
    may_be = [*named, *reversed([name for name in few if name not in named])]
    slots = [str(name) for name in few if may_be and name != may_be[0]]
    if not slots:
        raise look.refuse("expected columns of categories and one of the class, found none.")
    label, doubts = str(may_be[0]), []
    if not named:
        doubts.append(f"another column may be the class than the last, {label}: set data.label.")
    if left := [name for name in columns if name not in (label, *slots)]:
        names = ", ".join(map(str, left))
        doubts.append(f"left out, as no categories: {names}; add a column to features.use.")
    why = {
        "task": f"a table with a header, classes such as {columns[label].shown()}",
        "format": f"{len(columns)} columns, {rows:,} rows",
        "label": "by its name" if named else "the last column",
    }
    layout = Layout(format_, "slots", label=label, slots=tuple(slots))
    return Found(layout, why, tuple(doubts))


def _are_lists(column: Column) -> bool:
    """Whether a column has a list in each row, as Python writes one."""
    return bool(column.counts) and all(_list_in(value) is not None for value in column.counts)


def _list_in(value: str) -> list[Any] | None:
    """The list that a field holds as Python writes it; None where it holds none."""
    if not value.startswith("["):
        return None
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _of_lists(columns: Mapping[Place, Column], lists: Sequence[Place]) -> str:
    """A sentence about a table that has a sentence a row and its labels as a list."""
    label = lists[-1]
    said = (
        f"expected a category in each field, found a list as Python writes it in "
        f"{quoted(str(label))}: a sentence a row, with a label for each of its words; write it as "
        '{"tokens": […], "labels": […]} on each line of jsonl'
    )
    sizes = [len(_list_in(value) or ()) for value in columns[label].sentences[0]]
    alike = {
        name: sum(map(eq, _sizes(column), sizes))
        for name, column in columns.items()
        if name not in lists
    }
    text = max(alike, key=alike.__getitem__, default=None)
    if text is None or 2 * alike[text] < len(sizes) or "'" in f"{text}{label}":
        return f"{said}."
    words = f"row[{json.dumps(text)}].split()"
    record = f'"tokens": {words}, "labels": ast.literal_eval(row[{json.dumps(label)}])'
    each = f"[print(json.dumps({{{record}}})) for row in csv.DictReader(sys.stdin)]"
    return f"{said}: python3 -c 'import ast, csv, json, sys; {each}' < FILE > x.jsonl"


def _sizes(column: Column) -> list[int]:
    """How many words each field of a column has."""
    return [len(value.split()) for value in column.sentences[0]]


def _rows(text: str, separator: str) -> Sequence[list[str]]:
    """The rows of a table, at least one."""
    return [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row] or [[""]]


def _is_conll(look: Look) -> bool:
    """Whether a file named .tsv has no header but columns of tokens, in sentences or labels."""
    lines = [line.rstrip("\r") for line in look.text.rstrip("\n").split("\n")]
    last = Column([[line.split("\t")[-1] for line in lines if line.strip()]])
    return look.task != "slots" and (any(not line.strip() for line in lines) or last.is_spans)
