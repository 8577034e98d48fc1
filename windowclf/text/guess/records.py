"""Guesses of jsonl: which keys of its records have the words, the text, the labels, the spans."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from windowclf.errors import quoted
from windowclf.text.formats.beginnings import fault_in_beginning, json_kind
from windowclf.text.formats.layout import Layout
from windowclf.text.guess.look import Found, Look
from windowclf.text.guess.values import SHOWN, Column, Place, choose

WORDS = ("tokens", "words", "token", "forms")  # keys of the words, where several may be
LOOKED_AT = 1000  # records

Record = Mapping[str, Any]


def guess_records(look: Look) -> Found | None:
    """What a file of JSON lines is for; None for no JSON. Raises DataError for other JSON."""
    kind = json_kind(look.text)
    if kind is None:
        return None
    if kind != "lines":
        fault = fault_in_beginning(look.text.encode(), Layout("jsonl", "spans"), False, "")
        raise look.refuse(fault or "expected an object a line.")
    records = _records(look.text)
    lists = _columns(records)
    if look.task == "slots":
        raise look.refuse("expected csv or tsv with a header for task: slots, found JSON Lines.")
    if look.task == "segmentation" and (lists or _share(records, "text")):
        return _words_alone(lists)
    if len(lists) > 1 and (found := _by_tokens(look, lists)):
        return found
    if _share(records, "text") and (key := _span_key(records)):
        return _by_spans(look, records, key)
    raise look.refuse(_no_labels(records, lists))


def _by_tokens(look: Look, lists: Mapping[Place, Column]) -> Found | None:
    """Lists of words and of their labels; None where they are not there."""
    words = next((key for key in WORDS if key in lists), None)
    choice = choose(lists if words is None else _first(lists, words), look.task)
    if choice is None:
        return None
    token = words or choice.token
    label, others = choice.label, choice.others
    if "labels" in others and (choice.task == "tagging") >= (not lists["labels"].is_spans):
        others = (*(place for place in others if place != "labels"), label)
        label = "labels"
    layout = Layout("jsonl", choice.task, token=token, label=label)
    why = {
        "task": f"{'asked for; ' if look.task else ''}labels such as {lists[label].shown()}",
        "format": "an object a line",
        "token": "lists with the most different values",
        "label": "lists as long, of labels",
    }
    doubts = [
        f'"{place}" may be the labels ({lists[place].shown()}): set data.label: {place}'
        f"{'' if lists[place].is_spans else ' and task: tagging'}."
        for place in others
        if place != token
    ]
    further = {str(p): p for p in lists if p not in (token, label) and lists[p].has_labels}
    return Found(layout, why, tuple(doubts), further, in_scheme=choice.task == "spans")


def _by_spans(look: Look, records: Sequence[Record], key: str) -> Found:
    """Texts with spans by offsets under a key."""
    types: Counter[str | None] = Counter()
    for record in records:
        types.update(map(_type_of, record.get(key) or ()))
    shown = ", ".join(quoted(str(name))[1:-1] for name, _ in types.most_common(SHOWN))
    why = {
        "task": f"{'asked for; ' if look.task else ''}spans such as {shown}",
        "format": 'an object a line with "text"',
        "label": "start, end and label of each span",
    }
    return Found(Layout("jsonl", look.task or "spans", label=key), why)


def _words_alone(lists: Mapping[Place, Column]) -> Found:
    """Words as lists, or as text with spaces between them."""
    words = next((key for key in WORDS if key in lists), next(iter(lists), 0))
    why = {"task": "asked for", "format": "an object a line"}
    return Found(Layout("jsonl", "segmentation", token=words), why)


def _records(text: str) -> list[Record]:
    """The first records; a line that is none is for the reader to tell."""
    found: list[Record] = []
    for line in text.split("\n")[:LOOKED_AT]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _columns(records: Sequence[Record]) -> dict[Place, Column]:
    """The keys under which all records that have them hold a list of texts, and those lists."""
    keys = dict.fromkeys(key for record in records for key in record)
    found: dict[Place, Column] = {}
    for key in keys:
        values = [record[key] for record in records if key in record]
        if all(map(_are_labels, values)) and any(values) and len(values) * 2 > len(records):
            found[key] = Column([[each or "" for each in own] for own in values])
    sizes = Counter(tuple(map(len, column.sentences)) for column in found.values())
    if not sizes:
        return found
    alike = sizes.most_common(1)[0][0]
    return {
        key: column for key, column in found.items() if tuple(map(len, column.sentences)) == alike
    }


def _first(lists: Mapping[Place, Column], words: str) -> dict[Place, Column]:
    """The lists without those that would be taken for the words in place of `words`."""
    most = len(lists[words].counts)
    return {
        key: column
        for key, column in lists.items()
        if key == words or column.is_spans or len(column.counts) < most
    }


def _share(records: Sequence[Record], key: str) -> bool:
    """Whether most records have a text under a key."""
    return 2 * sum(isinstance(record.get(key), str) for record in records) > len(records)


def _span_key(records: Sequence[Record]) -> str | None:
    """The key under which spans by offsets stand, and some in one record at least; else None."""
    keys = dict.fromkeys(key for record in records for key in record)
    for key in sorted(keys, key=lambda name: name != "spans"):
        values = [record[key] for record in records if key in record]
        if all(map(_are_spans, values)) and any(values):
            return key
    return None


def _are_labels(value: object) -> TypeGuard[list[str | None]]:
    """Whether a value is a list of texts, null for none."""
    return isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)


def _are_spans(value: object) -> bool:
    """Whether a value is a list of spans, as the reader takes them."""
    return isinstance(value, list) and all(_type_of(item) is not None for item in value)


def _type_of(item: object) -> str | None:
    """The type of a span, an object or a list; None for what is none."""
    match item:
        case {"start": int(), "end": int(), "label": str(kind)} | [int(), int(), str(kind)]:
            return kind
    return None


def _no_labels(records: Sequence[Record], lists: Mapping[Place, Column]) -> str:
    """A sentence about records without labels of tokens or spans."""
    numbers = [
        key
        for key, value in (records[0].items() if records else ())
        if isinstance(value, list) and value and all(type(each) is int for each in value)
    ]
    if numbers and lists:
        return (
            f"expected names of labels, found numbers in {quoted(numbers[-1])}; write the name of "
            "each label in place of its number."
        )
    keys = ", ".join(quoted(key) for key in list(records[0] if records else ())[:10])
    return (
        'expected records of "tokens" and "labels", or of "text" and "spans" with start, end and '
        f"label, found the keys {keys or 'of no record'}."
    )
