"""jsonl and its kin, an object a line: the files of doccano, in both kinds, and of Prodigy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from windowclf.text.formats.json_values import Json, parse
from windowclf.text.formats.jsonl import SPAN_KEYS, is_refused, offsets_in
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.shape import Entry, Shape


def _read(source: Input, layout: Layout) -> Iterator[Entry]:
    """The records of a file of lines."""
    for line, text, _ in source.lines:
        if not text.strip():
            continue
        if (fields := parse(text, line, source)) is not None:
            record = _in_our_words(fields, layout)
            if layout.names:
                record = _named(record, layout.names, line, source)
            yield Entry(record, line, source, fields, is_gold=not is_refused(fields))


def _in_our_words(fields: Json, layout: Layout) -> Json:
    """The object of a line with its spans under `spans`, or its labels under `labels`."""
    if isinstance(layout.label, str) and layout.label in fields:
        key = layout.label
    else:
        key = next((k for k in ("spans", *SPAN_KEYS) if k in fields), "spans")
    record = dict(fields)
    if isinstance(layout.token, str) and layout.token in record:
        record["tokens"] = record.pop(layout.token)
    if not isinstance(record.get("text"), str):
        if key not in ("spans", "entities") and key in record:
            record["labels"] = record.pop(key)
        return record
    if isinstance(record.get(key), list):
        record["spans"] = [_span(each) for each in record.pop(key)]
    return record


def _named(record: Json, names: tuple[str, ...], line: int, source: Input) -> Json:
    """A record whose labels are names and no integers; a fault where one has no name."""
    labels = record.get("labels")
    if not isinstance(labels, list):
        return record
    wrong = next((x for x in labels if type(x) is int and x >= len(names)), None)
    if wrong is not None:
        expected = f"expected integers below {len(names)}, as data.names has so many"
        source.fault(line, f"{expected}, found {wrong}.")
        return record
    return record | {
        "labels": [(names[x] if x >= 0 else None) if type(x) is int else x for x in labels]
    }


def _span(item: Any) -> Any:
    """A span as an object with start, end and label, as far as it is one."""
    match item:
        case [start, end, label]:
            return {"start": start, "end": end, "label": label}
        case {"start_offset": start, "end_offset": end, "label": label}:
            rest = {
                k: v for k, v in item.items() if k not in ("start_offset", "end_offset", "label")
            }
            return {"start": start, "end": end, "label": label, **rest}
    return item


def _with_lists(record: Json) -> Json:
    """A record as doccano has it, its spans as lists."""
    spans = {"label": [[s["start"], s["end"], s["label"]] for s in record.get("spans", ())]}
    return _without(record, "spans", "label") | (spans if "spans" in record else {})


def _with_entities(record: Json) -> Json:
    """A record as doccano has it where there are relations too."""
    entities = []
    for number, each in enumerate(record.get("spans", ())):
        own = {"id": each.get("id", number), "label": each["label"]}
        rest = {k: v for k, v in each.items() if k not in ("id", "label", "start", "end")}
        entities.append(own | {"start_offset": each["start"], "end_offset": each["end"]} | rest)
    made = {"entities": entities, "relations": record.get("relations", [])}
    return _without(record, "spans", "entities") | (made if "spans" in record else {})


def _with_token_numbers(record: Json) -> Json:
    """A record as Prodigy has it: tokens are numbered, and spans say which are theirs."""
    offsets = offsets_in(record)
    if offsets is None:
        return record
    starts = {start: i for i, (start, _) in enumerate(offsets)}
    ends = {end: i for i, (_, end) in enumerate(offsets)}
    tokens = [
        {"text": record["text"][start:end], "start": start, "end": end, "id": i,
         "ws": record["text"][end : end + 1] == " "}
        for i, (start, end) in enumerate(offsets)
    ]  # fmt: skip
    made = record | {"tokens": record["tokens"] if _are_numbered(record["tokens"]) else tokens}
    if "spans" in record:
        made["spans"] = [
            each | {"token_start": starts[each["start"]], "token_end": ends[each["end"]]}
            if each["start"] in starts and each["end"] in ends
            else each
            for each in record["spans"]
        ]
    return made


def _are_numbered(tokens: list[Json]) -> bool:
    """Whether tokens are as Prodigy lists them."""
    return all("id" in token and "ws" in token for token in tokens)


def _for_prodigy(record: Json) -> Json:
    """A record for Prodigy, accepted unless it says otherwise or nobody has annotated it."""
    made = _with_token_numbers(record)
    return made if "answer" in made or "spans" not in made else made | {"answer": "accept"}


def _as_it_is(record: Json) -> Json:
    """A record in our own words."""
    return record


def _without(record: Json, *keys: str) -> Json:
    """A record without some keys."""
    return {key: value for key, value in record.items() if key not in keys}


class _Writer:
    """Writes each record on a line."""

    def __init__(self, out: TextIO, turned: Callable[[Json], Json]):
        self._out, self._turned = out, turned

    def put(self, record: Json, original: Any = None) -> None:
        """Write a record in the words of the format."""
        self._out.write(json.dumps(self._turned(record), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Do nothing: no record is held back."""


def _writer(turned: Callable[[Json], Json]) -> Callable[[TextIO, Layout], _Writer]:
    """What makes a writer of records that are turned into the words of a format."""
    return lambda out, layout: _Writer(out, turned)


SHAPES: dict[Format, Shape] = {
    "jsonl": Shape(_read, _writer(_as_it_is), "any", held_of_spans=None),
    "doccano": Shape(_read, _writer(_with_lists), "text"),
    "doccano-relations": Shape(_read, _writer(_with_entities), "text", held_of_spans=None),
    "prodigy": Shape(_read, _writer(_for_prodigy), "words", held_of_spans=None),
}
