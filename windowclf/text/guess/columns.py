"""Guesses of columns: a token a line, as conll and conllu have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from windowclf.errors import quoted
from windowclf.text.formats.beginnings import fits, is_conllu
from windowclf.text.formats.blocks import fields_of
from windowclf.text.formats.conllu import COLUMNS
from windowclf.text.formats.layout import CONLLU_LABELS, Layout, Task
from windowclf.text.guess.look import Found, Look
from windowclf.text.guess.values import Column, Place, choose, words_among

ALIKE = 0.9  # of the lines, that must have one number of columns
FEWEST_ROWS = 12  # between spaces, that may be told from raw text by their numbers of columns
DOCSTART = "-DOCSTART-"


@dataclass(frozen=True)
class _Rows:
    """The lines of a file as rows of fields, sentence by sentence, and those that are comments."""

    sentences: list[list[list[str]]]
    comments: dict[int, str]  # line number -> text
    width: int | None  # of nearly all rows; None where they differ
    is_tabbed: bool

    def column(self, number: int) -> Column:
        """The column of this number, of the rows that have it."""
        reach = number if number >= 0 else -number - 1
        rows = [[row[number] for row in rows if len(row) > reach] for rows in self.sentences]
        return Column([values for values in rows if values])

    def count(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.sentences))


def guess_columns(look: Look) -> Found | None:
    """What a file of columns is, in whatever order; None for one that has none."""
    rows = _rows_of(look.text)
    if not rows.count():
        return None
    numbers = _numbers(rows)
    columns: dict[Place, Column] = {number: rows.column(number) for number in numbers}
    has_spans = any(column.is_spans for column in columns.values())
    if not columns or not (has_spans or rows.is_tabbed or _are_columns(look, rows)):
        return None
    _refuse_comments(look, rows)
    if look.task == "segmentation":
        token = words_among(columns, [p for p, c in columns.items() if c.is_spans])
        layout = Layout("conll", "segmentation", token=0 if token is None else token)
        return Found(layout, {"task": "asked for", **_why_words(rows, numbers)})
    choice = choose(columns, look.task) if look.task != "slots" else None
    if choice is None:
        raise look.refuse(_no_labels(look, columns))
    layout = Layout("conll", choice.task, token=choice.token, label=choice.label)
    why = {
        "task": f"{'asked for; ' if look.task else ''}labels such as "
        f"{columns[choice.label].shown()}",
        **_why_words(rows, numbers),
        "label": "the last column of labels" if choice.others else "the column of labels",
    }
    further = {f"column{p}": p for p in columns if p not in (choice.token, choice.label)}
    further = {name: p for name, p in further.items() if not columns[p].is_constant}
    doubts = [_doubt(place, columns[place], choice.task) for place in choice.others]
    return Found(layout, why, tuple(doubts), further, in_scheme=choice.task == "spans")


def guess_conllu(look: Look) -> Found | None:
    """What a CoNLL-U file is for: tags where it has some, or else spans in MISC; else None."""
    if not is_conllu(look.text):
        return None
    words = [row for rows in _rows_of(look.text).sentences for row in rows if row[0].isdecimal()]
    if look.task == "segmentation":
        return Found(Layout("conllu", "segmentation"), {"task": "asked for", **_CONLLU_WHY})
    if look.task == "slots":
        raise look.refuse("expected csv or tsv with a header for task: slots, found CoNLL-U.")
    columns = _conllu_columns(words)
    spans = [place for place, column in columns.items() if column.is_spans]
    tags = [place for place in columns if place not in spans]
    wanted = spans if look.task == "spans" else [*tags, *spans]
    if not wanted:
        kind = "labels of spans in MISC (Entity=B-PER)" if look.task else "labels in UPOS or XPOS"
        raise look.refuse(f"expected {kind}, found CoNLL-U without any.")
    label, others = wanted[0], wanted[1:]
    task = look.task or ("spans" if label in spans else "tagging")
    why = {
        "task": f"{label} has {columns[label].shown()}",
        **_CONLLU_WHY,
        "label": _why_field(others),
    }
    doubts = [f"{place} has labels too: set data.label: {place}." for place in others]
    if task == "tagging" and _is_cjk(words):
        doubts.append("for words out of text without spaces: --task segmentation.")
    layout = Layout("conllu", task, label=label)
    return Found(layout, why, tuple(doubts), in_scheme=task == "spans")


_CONLLU_WHY = {"format": "ten columns, a number in the first"}


def _conllu_columns(words: Sequence[Sequence[str]]) -> dict[Place, Column]:
    """What may be labels in CoNLL-U: its columns of tags that are not left open, keys of MISC."""
    found: dict[Place, Column] = {}
    for name in CONLLU_LABELS:
        column = Column([[row[COLUMNS.index(name)] for row in words]])
        if column.counts.keys() - {"_"}:
            found[name] = column
    pairs = [dict(pair.split("=", 1) for pair in row[9].split("|") if "=" in pair) for row in words]
    for key in dict.fromkeys(key for own in pairs for key in own):
        column = Column([[own[key] for own in pairs if key in own]])
        if column.is_spans:
            found[f"misc.{key}"] = column
    return found


def _is_cjk(words: Sequence[Sequence[str]]) -> bool:
    """Whether most words are Chinese or Japanese."""
    text = "".join(row[1] for row in words)
    return 2 * sum("\u3040" <= sign <= "\u9fff" for sign in text) > len(text)


def _rows_of(text: str) -> _Rows:
    """The lines of a text as rows; a line with # whose columns are more or fewer is a comment."""
    lines = [(i, line.rstrip("\r")) for i, line in enumerate(text.split("\n"), 1)]
    filled = [fields_of(line) for _, line in lines if line.strip() and line[0] != "#"]
    widths = Counter(map(len, filled))
    width, times = widths.most_common(1)[0] if widths else (0, 0)
    sentences: list[list[list[str]]] = []
    comments: dict[int, str] = {}
    labels = {row[-1] for row in filled}
    for is_filled, group in groupby(lines, lambda each: bool(each[1].strip(" \t"))):
        rows = []
        for number, line in group if is_filled else ():
            fields = fields_of(line)
            if line[0] == "#" and (len(fields) != width or fields[-1] not in labels):
                comments[number] = line
            elif not line.startswith(DOCSTART):
                rows.append(fields)
        if rows:
            sentences.append(rows)
    alike = bool(filled) and times >= ALIKE * len(filled)
    return _Rows(sentences, comments, width if alike else None, "\t" in text)


def _numbers(rows: _Rows) -> list[int]:
    """The numbers of the columns: all, or the first and the last where rows differ in length."""
    widths = {len(row) for sentence in rows.sentences for row in sentence}
    if len(widths) > 1 and min(widths) > 1 and rows.column(-1).is_spans:
        return [0, -1]
    return list(range(rows.width)) if rows.width and rows.width > 1 else []


def _are_columns(look: Look, rows: _Rows) -> bool:
    """Whether rows between spaces, without labels of spans, are no sentences of raw text."""
    enough = rows.count() >= FEWEST_ROWS or look.suffix not in (".txt", ".text")
    return enough and not fits(look.text.encode(), "text")


def _refuse_comments(look: Look, rows: _Rows) -> None:
    """Raise DataError for comments, which the format does not have: a token may be #."""
    if not rows.comments:
        return
    line, text = next(iter(rows.comments.items()))
    others = f" (and {len(rows.comments) - 1:,} more)" if len(rows.comments) > 1 else ""
    is_token = any(row[0].startswith("#") for sentence in rows.sentences for row in sentence)
    apart = rows.is_tabbed and all(each.startswith("# ") for each in rows.comments.values())
    pattern = "^#" if not is_token else "^# " if apart else None
    how = f" (grep -v '{pattern}' FILE > x.conll)" if pattern else ""
    raise look.refuse(
        f"expected a token and its columns, found what seems to be a comment{others}: "
        f"{quoted(text)}; a file of columns has none, so remove such lines{how}.",
        line,
    )


def _why_words(rows: _Rows, numbers: Sequence[int]) -> dict[str, str]:
    """Why these are columns, and these the words."""
    between = "tabs" if rows.is_tabbed else "spaces"
    number = "rows of different lengths" if -1 in numbers else f"{rows.width} columns"
    return {"format": f"{number} between {between}", "token": "the most different values"}


def _why_field(others: Sequence[Place]) -> str:
    """Why a field of CoNLL-U is the label."""
    return "the first field with labels" if others else "the field with labels"


def _doubt(place: Place, column: Column, task: Task) -> str:
    """What to do where another column is the label."""
    if column.is_spans and task == "tagging":
        return f"column {place} has labels of spans ({column.shown()}), for --task spans."
    more = "" if column.is_spans else " and task: tagging"
    return f"column {place} may be the label ({column.shown()}): set data.label: {place}{more}."


def _no_labels(look: Look, columns: Mapping[Place, Column]) -> str:
    """A sentence about columns of which none is labels, or none of the task that is asked for."""
    held = "; ".join(f"column {place} has {column.shown()}" for place, column in columns.items())
    if look.task == "spans":
        return f"expected a column of span labels such as B-PER and O, found none ({held})."
    if look.task == "slots":
        return "expected csv or tsv with a header for task: slots, found columns without one."
    return f"expected a column of words and one of labels, found no such two ({held})."
