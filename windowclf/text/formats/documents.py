"""Raw text as documents: their tokens and sentences, and spans of characters <-> labels."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from windowclf.errors import legible, quoted
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.sentence import NO_LABEL, Sentence
from windowclf.text.spans import Span, from_spans, to_spans
from windowclf.text.tokenizer import Offsets, split_sentences, tokenize

SKIPPED = ("span", "passed over {} that cut a token or overlap another.")


class MarkedSpan(NamedTuple):
    """A labelled stretch of a text: text[start:end], offsets in code points."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Document:
    """A line of text or a record of jsonl, of which one or more sentences are made."""

    before: str
    """What stood between the document before and this one."""
    end: str
    """How its line ends."""
    text: str | None = None
    """The raw text; None where the record holds tokens."""
    tokens: Sequence[Offsets] = ()
    """Where the tokens stand in the text."""
    record: dict[str, Any] | None = None
    """The object of a line of jsonl, or what a record of another file says in the same words."""
    original: Any = None
    """That record as its own file has it."""


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A sentence's part of its document: the `source` of the Sentence, for the writers."""

    document: Document
    first: int  # the number in the document of the sentence's first token

    def offsets(self, length: int) -> Sequence[Offsets]:
        """Where the tokens of the sentence, of `length` tokens, stand in the text."""
        return self.document.tokens[self.first : self.first + length]

    def is_last(self, length: int) -> bool:
        """Whether no token of the document comes after the sentence, of `length` tokens."""
        return self.first + length >= len(self.document.tokens)


class Gold(NamedTuple):
    """Labelled spans as runs of tokens, in order, and the tokens that stay without a label."""

    spans: list[Span]
    skipped: list[Span]


def tokens_of(text: str, layout: Layout) -> list[Offsets]:
    """Where the tokens of a raw text stand in it, by the tokenizer of the layout."""
    return tokenize(text, layout.tokenizer)


def sentences_of(
    document: Document,
    gold: Gold | None,
    layout: Layout,
    path: str,
    line: int,
    number: int,
    starts: Sequence[int] | None = None,
) -> Iterator[Sentence]:
    """The sentences of document `number`, in line `line` of the file at `path`, at least one.

    With `gold` they have labels, and none ends within one of its spans. `starts` are the tokens
    that begin one, where that is known.
    """
    text, tokens = document.text or "", document.tokens
    if starts is None:
        starts = split_sentences(text, list(tokens))
    starts = starts or [0]
    if gold is not None:
        inside = {i for s in [*gold.spans, *gold.skipped] for i in range(s.start + 1, s.end)}
        starts = [start for start in starts if start not in inside]
    for first, end in pairwise([*starts, len(tokens)]):
        yield Sentence(
            [text[begin:stop] for begin, stop in tokens[first:end]],
            None if gold is None else _labels(gold, first, end, layout),
            {},
            path,
            [line] * (end - first),
            DocumentPart(document, first),
            number,
        )


def _labels(gold: Gold, first: int, end: int, layout: Layout) -> list[str | None]:
    """The labels of the tokens first … end − 1 of a document, from its labelled spans."""
    own = _within(gold.spans, first, end)
    labels: list[str | None]
    if layout.task == "spans":
        labels = [*from_spans(own, end - first, layout.scheme)]
    else:
        labels = [None] * (end - first)
        for span in own:
            label = None if span.type in NO_LABEL else span.type
            labels[span.start : span.end] = [label] * (span.end - span.start)
    for span in _within(gold.skipped, first, end):
        labels[span.start : span.end] = [None] * (span.end - span.start)
    return labels


def _within(spans: list[Span], first: int, end: int) -> list[Span]:
    """The spans that begin at the tokens first … end − 1, counted from `first`."""
    begins = attrgetter("start")
    found = spans[bisect_left(spans, first, key=begins) : bisect_left(spans, end, key=begins)]
    return [Span(span.start - first, span.end - first, span.type) for span in found]


def align(
    marked: list[MarkedSpan], document: Document, layout: Layout, source: Input, line: int
) -> Gold:
    """The marked spans of a document's characters as runs of its tokens.

    Notes a fault, at `line` or its own, for each span that is none or is not to be skipped.
    """
    text, tokens = document.text or "", document.tokens
    starts, ends = [start for start, _ in tokens], [end for _, end in tokens]
    gold = Gold([], [])
    before = MarkedSpan(0, 0, "")
    for span in sorted(marked):
        at = source.places.get(span, line)
        if not 0 <= span.start < span.end <= len(text):
            source.fault(at, _outside(span, len(text)))
            continue
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if span.start < before.end and layout.misaligned == "skip":
            source.remark(*SKIPPED)
            first, before = bisect_left(starts, before.end), max(before, span, key=_end)
            gold.skipped.append(Span(first, max(first, last), span.label))
            continue
        if span.start < before.end:
            source.fault(at, _overlap(before, span, text))
            continue
        before = span
        if first == last:
            source.fault(at, f"{_shown(span, text)} holds no token; expected at least one.")
        elif starts[first] >= span.start and ends[last - 1] <= span.end:
            gold.spans.append(Span(first, last, span.label))
        elif layout.misaligned == "skip":
            source.remark(*SKIPPED)
            gold.skipped.append(Span(first, last, span.label))
        else:
            cut = first if starts[first] < span.start else last - 1
            source.fault(at, _cut(span, tokens[cut], text))
    return gold


def _end(span: MarkedSpan) -> int:
    """Where a span ends."""
    return span.end


def _shown(span: MarkedSpan, text: str) -> str:
    """A span of a text as messages name it."""
    held = quoted(text[span.start : span.end])
    return f"the span {span.start}–{span.end} {held} ({legible(span.label)})"


def _outside(span: MarkedSpan, length: int) -> str:
    """A sentence about a span that does not lie in a text of this length."""
    return (
        f"expected a span with 0 ≤ start < end ≤ {length} (the length of the text), "
        f"found {span.start}–{span.end} ({legible(span.label)})."
    )


def _overlap(one: MarkedSpan, other: MarkedSpan, text: str) -> str:
    """A sentence about a span that begins before the one before it has ended."""
    return f"{_shown(other, text)} overlaps {_shown(one, text)}; keep one of them."


def _cut(span: MarkedSpan, token: Offsets, text: str) -> str:
    """A sentence about a span that begins or ends within a token."""
    start, end = token
    return (
        f"{_shown(span, text)} cuts the token {start}–{end} {quoted(text[start:end])}; mend the "
        "span, or set data.tokenizer or data.misaligned: skip."
    )


def marked_spans(part: DocumentPart, labels: Sequence[str], layout: Layout) -> list[MarkedSpan]:
    """What the labels of a sentence mark in the text: spans, or for tagging every token."""
    offsets = part.offsets(len(labels))
    if layout.task == "spans":
        found = to_spans(labels, layout.scheme)
        return [MarkedSpan(offsets[s.start][0], offsets[s.end - 1][1], s.type) for s in found]
    return [MarkedSpan(*token, label) for token, label in zip(offsets, labels, strict=True)]
