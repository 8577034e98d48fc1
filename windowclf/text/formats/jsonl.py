"""jsonl: an object a line, {"tokens": […], "labels": […]} or {"text": "…", "spans": […]}.

A span is {"start": …, "end": …, "label": …} with offsets in code points, or [start, end, label];
where there is no `spans`, a list `label`, `labels` or `entities` of such is taken, as in doccano.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.blocks import Documents
from windowclf.text.formats.documents import (
    Document,
    DocumentPart,
    Gold,
    MarkedSpan,
    align,
    sentences_of,
    tokens_of,
)
from windowclf.text.formats.json_values import Json, kind, parse
from windowclf.text.formats.labels import LabelCheck, fault_in_line_ends
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.segmentation import characters_of
from windowclf.text.sentence import NO_LABEL, Sentence
from windowclf.text.tokenizer import Offsets

SPAN_KEYS = ("label", "labels", "entities")  # that doccano may have in place of spans


def read_jsonl(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a jsonl file: one of a record's tokens, one or more of its text.

    Faults are noted.
    """
    label_check, documents = LabelCheck(source, layout), Documents()
    before = [source.mark]
    for line, text, end in source.lines:
        if not text.strip():
            before.append(text + end)
            continue
        fields = parse(text, line, source)
        if fields is not None and not _passed_over(fields, source):
            number = documents.of(True, True)
            record = JsonRecord(fields, line, number, "".join(before), end, layout, source)
            yield from record.sentences(label_check)
        before = []
    label_check.finish()
    if any(before):
        labels: list[str] | None = [] if layout.read_labels else None
        yield Sentence([], labels, source=DocumentPart(Document("".join(before), ""), 0))


def _passed_over(fields: Json, source: Input) -> bool:
    """Whether a record is no gold and gold is wanted; if so it is counted."""
    if source.remarks is None or not is_refused(fields):
        return False
    source.remarks.passed_over += 1
    return True


def is_refused(fields: Json) -> bool:
    """Whether the annotator of a record has rejected or ignored what it says, as Prodigy notes."""
    return fields.get("answer") in ("reject", "ignore")


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """The object of one line on its way to sentences; faults are noted at that line.

    Other files have records that say the same in other words: `fields` has it in those of jsonl.
    """

    fields: Json
    line: int
    number: int  # of the document
    before: str
    end: str
    layout: Layout
    source: Input
    original: Any = None  # the record as such a file has it

    @property
    def has_labels(self) -> bool:
        """Whether the record says what its labels are, and its annotator has let that stand."""
        return self.layout.has_label_field and not is_refused(self.fields)

    def sentences(self, label_check: LabelCheck) -> Iterator[Sentence]:
        """The one sentence of the record's tokens, or the sentences of its text."""
        key = self.layout.token if isinstance(self.layout.token, str) else "tokens"
        tokens = self.fields.get(key)
        if _are_strings(tokens) or (key in self.fields and "text" not in self.fields):
            yield from self._from_tokens(key, label_check)
        elif "text" in self.fields:
            yield from self._from_text()
        else:
            self._fault(f'expected the key "{key}" or "text", found {self._keys()}.')

    def _from_tokens(self, key: str, label_check: LabelCheck) -> Iterator[Sentence]:
        """The sentence whose tokens stand under `key`; none where they are no list of words."""
        tokens = self.fields[key]
        if not _are_strings(tokens) or "" in tokens:
            found = "an empty string" if _are_strings(tokens) else _kind_of_items(tokens)
            self._fault(f'expected "{key}" to be a list of words, found {found}.')
            return
        columns = {
            name: self._column(str(column), len(tokens))
            for name, column in self.layout.extra.items()
        }
        labels: list[str | None] | None = None
        lines = [self.line] * len(tokens)
        if self.has_labels:
            labels = self._labels(len(tokens))
            label_check.check(labels, lines[: len(labels)])
        part = DocumentPart(self._document(), 0)
        path, number = self.source.path, self.number
        sentence = Sentence(tokens, labels, columns, path, lines, part, number)
        if self.layout.task == "segmentation":
            sentence = characters_of(sentence, self.layout.read_labels, part)
        yield sentence

    def _labels(self, length: int) -> list[str | None]:
        """The labels of `length` tokens, None for a token without; fewer where there are faults."""
        name = self.layout.label if isinstance(self.layout.label, str) else "labels"
        labels: list[str | None] = []
        for item in self._list(name, length):
            if self.layout.names and type(item) is int:
                item = self._name(item)
            if item is not None and not isinstance(item, str):
                self._fault(f'expected strings or null in "{name}", found {kind(item)}.')
            else:
                labels.append(None if item is None or item in NO_LABEL else item)
        return labels

    def _name(self, number: int) -> str | None:
        """The label that an integer stands for; None for a negative one, as for a token without."""
        names = self.layout.names or ()
        if number >= len(names):
            found = f"expected integers below {len(names)}, as data.names has so many"
            self._fault(f"{found}, found {number}.")
            return None
        return names[number] if number >= 0 else None

    def _column(self, name: str, length: int) -> list[str]:
        """What stands under the key `name`: a string for each of `length` tokens."""
        items = self._list(name, length)
        for item in items:
            if not isinstance(item, str):
                self._fault(f'expected strings in "{name}", found {kind(item)}.')
        return items

    def _list(self, name: str, length: int) -> list[Any]:
        """The list under the key `name`; [], and a fault, unless it has `length` entries."""
        value = self.fields.get(name)
        if name not in self.fields:
            self._fault(f'expected the key "{name}", found {self._keys()}.')
        elif not isinstance(value, list):
            self._fault(f'expected "{name}" to be a list, found {kind(value)}.')
        elif len(value) != length:
            self._fault(f'expected {length} entries in "{name}", one a token, found {len(value)}.')
        else:
            return value
        return []

    def _from_text(self) -> Iterator[Sentence]:
        """The sentences of the record's text, with labels from its spans if they are read."""
        text, layout = self.fields["text"], self.layout
        if not isinstance(text, str):
            self._fault(f'expected "text" to be a string, found {kind(text)}.')
        elif layout.task == "segmentation":
            forms = text.split()
            path, lines = self.source.path, [self.line] * len(forms)
            words = Sentence(forms, path=path, lines=lines, document=self.number)
            part = DocumentPart(self._document(), 0)
            yield characters_of(words, layout.read_labels, part)
        elif layout.extra:
            names = ", ".join(f'"{column}"' for column in layout.extra.values())
            self._fault(f'a "text" has no further columns; expected "tokens" with {names}.')
        else:
            tokens, starts = self._given_tokens(text) or (tokens_of(text, layout), None)
            document = self._document(text, tokens)
            gold: Gold | None = None
            if self.has_labels:
                gold = align(self._spans(), document, layout, self.source, self.line)
            path, line = self.source.path, self.line
            yield from sentences_of(document, gold, layout, path, line, self.number, starts)

    def _document(self, text: str | None = None, tokens: Sequence[Offsets] = ()) -> Document:
        """The record as a document, with its text and where the tokens of that stand."""
        return Document(self.before, self.end, text, tokens, self.fields, self.original)

    def _given_tokens(self, text: str) -> tuple[list[Offsets], list[int]] | None:
        """The tokens that the record says its text has, and which begin a sentence; else None.

        Lines of jsonl are raw text to us whatever else they say.
        """
        if self.layout.format == "jsonl" or (tokens := offsets_in(self.fields)) is None:
            return None
        if any(b < a for a, b in pairwise(chain((0,), *tokens, (len(text),)))):
            self._fault('expected "tokens" one after the other in the text, found others.')
            return [], []
        return tokens, _starts(self.fields.get("sentences"), len(tokens))

    def _spans(self) -> list[MarkedSpan]:
        """The spans that the record lists, those without faults."""
        name = self.layout.label if isinstance(self.layout.label, str) else "spans"
        if name == "spans" and name not in self.fields:
            name = next((other for other in SPAN_KEYS if other in self.fields), name)
        value = self.fields.get(name)
        if not isinstance(value, list):
            found = kind(value) if name in self.fields else self._keys()
            self._fault(f'expected "{name}" to be a list of spans ([] for none), found {found}.')
            return []
        return [span for item in value if (span := self._span(item)) is not None]

    def _span(self, item: object) -> MarkedSpan | None:
        """A span from an object or list; None, and a fault, where it is none."""
        match item:
            case (
                {"start": start, "end": end, "label": label}
                | {"start_offset": start, "end_offset": end, "label": label}
                | [start, end, label]
            ):
                if type(start) is int and type(end) is int and isinstance(label, str) and label:
                    if fault := fault_in_line_ends(label):
                        self._fault(fault)
                        return None
                    return MarkedSpan(start, end, label)
        shown = quoted(json.dumps(item, ensure_ascii=False, default=str))  # a table has dates
        self._fault(f'expected a span {{"start": 0, "end": 4, "label": "X"}}, found {shown}.')
        return None

    def _keys(self) -> str:
        """The keys of the record as messages show them."""
        keys = ", ".join(quoted(key) for key in list(self.fields)[:10])
        return f"the keys {keys}" if keys else "no keys"

    def _fault(self, sentence: str) -> None:
        self.source.fault(self.line, sentence)


def offsets_in(record: Json) -> list[Offsets] | None:
    """Where the tokens that a record lists beside its text stand; None where it lists none."""
    tokens = record.get("tokens")
    if not isinstance(tokens, list) or "text" not in record:
        return None
    found: list[Offsets] = []
    for token in tokens:
        match token:
            case {"start": int(start), "end": int(end)}:
                if record["text"][start:end].strip():
                    found.append((start, end))
            case _:
                return None
    return found


def _starts(value: object, length: int) -> list[int]:
    """The tokens, of `length`, that begin a sentence, where a value says so; else the first."""
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        return [0]
    is_good = value[:1] == [0] and all(a < b for a, b in pairwise([*value, length]))
    return value if is_good else [0]


def _are_strings(value: object) -> bool:
    """True for a list of strings and nothing else."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _kind_of_items(value: object) -> str:
    """What a value is that is no list of strings, for messages."""
    if not isinstance(value, list):
        return kind(value)
    return f"a list with {kind(next(item for item in value if not isinstance(item, str)))}"
