"""Records in the words of jsonl: a text with spans from tokens with labels, and the other way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.documents import MarkedSpan
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.jsonl import JsonRecord, offsets_in
from windowclf.text.formats.labels import LabelCheck
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.shapes.shape import Entry
from windowclf.text.sentence import Sentence
from windowclf.text.spans import Scheme, fault_in_label, from_spans, to_spans
from windowclf.text.tokenizer import Offsets, tokenize

NAMED = frozenset({"start", "end", "label"})  # the keys that every span has
DERIVED = frozenset({"text", "token_start", "token_end"})  # those that follow from the others


def is_of_tokens(record: Json) -> bool:
    """Whether a record is tokens with their labels, and no text."""
    tokens = record.get("tokens")
    return isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)


def span(start: int, end: int, label: str, **more: Any) -> Json:
    """A span of a record."""
    return {"start": start, "end": end, "label": label, **more}


def token_objects(text: str, offsets: Sequence[Offsets]) -> list[Json]:
    """Where the tokens of a text stand, as a record lists them."""
    return [{"text": text[start:end], "start": start, "end": end} for start, end in offsets]


def sentences_of_entry(
    entry: Entry, layout: Layout, check: LabelCheck, number: int
) -> Iterator[Sentence]:
    """The sentences of a record, document `number` of its file; faults are noted."""
    read_labels = layout.read_labels and entry.is_gold
    own = replace(layout, token=0, label=None, names=None, read_labels=read_labels)
    given = JsonRecord(entry.record, entry.line, number, "", "", own, entry.source, entry.original)
    yield from given.sentences(check)


def with_text(entry: Entry, layout: Layout, listed: bool) -> Json | None:
    """A record as a text with spans; None, and a fault, where it is none.

    Tokens have a space between them, and are `listed` or not. Labels that are no spans of the
    layout's scheme are a fault.
    """
    record = entry.record
    if not is_of_tokens(record):
        return record if _is_text(entry) else None
    tokens, labels = record["tokens"], record.get("labels")
    offsets, at = [], 0
    for token in tokens:
        offsets.append((at, at + len(token)))
        at += len(token) + 1
    text = " ".join(tokens)
    made: Json = {"text": text}
    if listed:
        made["tokens"] = token_objects(text, offsets)
    if labels is not None:
        fault = _fault_in_list(tokens, labels)
        known = [] if fault else ["O" if label is None else label for label in labels]
        if (fault := fault or _fault_in_scheme(known, layout)) is not None:
            entry.source.fault(entry.line, fault)
            return None
        found = to_spans(known, layout.scheme)
        made["spans"] = [span(offsets[s.start][0], offsets[s.end - 1][1], s.type) for s in found]
    return {**{k: v for k, v in record.items() if k not in ("tokens", "labels")}, **made}


def _is_text(entry: Entry) -> bool:
    """Whether a record has a text; a fault is noted where it has not."""
    if not isinstance(entry.record.get("text"), str):
        entry.source.fault(
            entry.line, 'expected "text" or a list of words as "tokens", found none.'
        )
        return False
    return True


def has_good_spans(entry: Entry) -> bool:
    """Whether the spans of a record with a text, if any, lie in it; else a fault is noted."""
    text, spans = entry.record.get("text"), entry.record.get("spans", [])
    if not isinstance(text, str):
        return True
    for each in spans if isinstance(spans, list) else [spans]:
        match each:
            case {"start": start, "end": end, "label": str()} if (
                type(start) is int and type(end) is int and 0 <= start < end <= len(text)
            ):
                continue
        shown = quoted(json.dumps(each, ensure_ascii=False, default=str))
        entry.source.fault(entry.line, f"expected spans in the text, found {shown}.")
        return False
    return True


def _fault_in_list(tokens: list[str], labels: Any) -> str | None:
    """What is wrong with the labels of tokens that are no list of texts, one a token; else None."""
    if not isinstance(labels, list):
        return f'expected "labels" to be a list, found {quoted(str(labels))}.'
    if len(tokens) != len(labels):
        return f"expected {len(tokens)} labels, one a token, found {len(labels)}."
    for label in labels:
        if type(label) is int:
            return f"expected names, found the integer {label}; set data.names to the list of them."
        if label is not None and not isinstance(label, str):
            return f"expected texts as labels, found {quoted(str(label))}."
    return None


def _fault_in_scheme(labels: list[str], layout: Layout) -> str | None:
    """What is wrong with labels that are to be spans; else None."""
    for label in labels:
        if fault := fault_in_label(label, layout.scheme):
            return (
                f"{fault}; a text holds spans, so set data.scheme, or convert to a file of tokens."
            )
    return None


def words_in(record: Json, layout: Layout) -> list[Offsets]:
    """Where the tokens of a record's text stand, cut where a span begins or ends in one.

    Those that it lists, or else those of the layout's tokenizer.
    """
    offsets = offsets_in(record)
    if offsets is None:
        offsets = tokenize(record["text"], layout.tokenizer)
    borders = sorted(
        {each[side] for each in record.get("spans") or () for side in ("start", "end")}
    )
    if not borders:
        return offsets
    return [part for token in offsets for part in _cut(token, borders)]


def _cut(token: Offsets, borders: list[int]) -> list[Offsets]:
    """The parts of a token between the borders that lie in it."""
    start, end = token
    inside = [border for border in borders if start < border < end]
    return list(pairwise([start, *inside, end]))


def border_fault(text: str, each: Json) -> str:
    """A sentence about a span that does not begin and end with a token."""
    start, end = each["start"], each["end"]
    return (
        f"expected spans that begin and end with a word, found {start}–{end} "
        f"{quoted(text[start:end])} ({each['label']}); mend it, or convert to jsonl."
    )


def apart(record: Json, entry: Entry) -> list[MarkedSpan] | None:
    """The spans of a record in order; None, and a fault, where two overlap."""
    found = sorted(MarkedSpan(s["start"], s["end"], s["label"]) for s in record.get("spans") or ())
    for one, other in pairwise(found):
        if other.start < one.end:
            text = record["text"]
            entry.source.fault(
                entry.source.places.get(other, entry.line),
                f"the span {other.start}–{other.end} {quoted(text[other.start : other.end])} "
                f"({other.label}) overlaps the span {one.start}–{one.end} ({one.label}), for which "
                "there is no place; keep one of them, or convert to jsonl or labelstudio.",
            )
            return None
    return found


def in_words(entry: Entry, layout: Layout, number: int) -> list[Json]:
    """A record as one or more of tokens with labels; those of a text that lists none are cut."""
    record = entry.record
    if is_of_tokens(record):
        labels = record.get("labels")
        fault = None if labels is None else _fault_in_list(record["tokens"], labels)
        if fault is None:
            return [record]
        entry.source.fault(entry.line, fault)
        return []
    if layout.format == "jsonl":
        layout = replace(layout, format="prodigy")  # of the same words, with tokens of its own
    check = LabelCheck(entry.source, layout)
    with_labels = entry._replace(is_gold="spans" in record)
    found = [s for s in sentences_of_entry(with_labels, layout, check, number) if s.tokens]
    check.finish()
    rest = {
        k: v for k, v in record.items() if k not in ("text", "tokens", "spans", "sentences", "id")
    }
    made: list[Json] = []
    for i, sentence in enumerate(found, 1):
        one: Json = dict(rest)
        if "id" in record:
            one["id"] = record["id"] if len(found) == 1 else f"{record['id']}-{i}"
        one["tokens"] = list(sentence.tokens)
        if sentence.labels is not None:
            one["labels"] = list(sentence.labels)
        made.append(one)
    return made


def as_document(made: list[Json], number: int) -> list[Json]:
    """The sentences of a record, the first of which begins document `number`."""
    return [
        {k: v for k, v in one.items() if k != "document"} | ({} if i else {"document": number})
        for i, one in enumerate(made)
    ]


def relabelled(record: Json, entry: Entry, layout: Layout, scheme: Scheme) -> Json:
    """A record with its labels in another scheme; a fault is noted where they are not in their own.

    `entry` is what it was made of, `layout` how that was read.
    """
    labels = record.get("labels")
    if scheme == layout.scheme or not isinstance(labels, list):
        return record
    known = ["O" if label is None else label for label in labels]
    for label in known:
        if fault := fault_in_label(str(label), layout.scheme):
            entry.source.fault(entry.line, f"{fault}; set data.scheme.")
            return record
    turned = from_spans(to_spans(known, layout.scheme), len(known), scheme)
    return {
        **record,
        "labels": [None if old is None else new for old, new in zip(labels, turned, strict=True)],
    }


def units_before(text: str) -> list[int]:
    """How many UTF-16 units come before each code point of a text, and before its end."""
    return list(accumulate((2 if ord(sign) > 0xFFFF else 1 for sign in text), initial=0))
