"""jsonl: an object a line, {"tokens": […], "labels": […]} or {"text": "…", "spans": […]}.

A span is {"start": …, "end": …, "label": …} with offsets in code points, or [start, end, label];
where there is no `spans`, a list `label` of such is taken.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from windowclf.errors import quoted
from windowclf.text.formats.documents import (
    Document,
    DocumentPart,
    Gold,
    MarkedSpan,
    align,
    sentences_of,
    tokens_of,
)
from windowclf.text.formats.labels import LabelCheck, fault_in_line_ends
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.segmentation import characters_of
from windowclf.text.sentence import NO_LABEL, Sentence

Json = dict[str, Any]

DEEPEST = 100  # lists and objects within each other
LONGEST_NUMBER = 1000  # digits


def read_jsonl(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a jsonl file: one of a record's tokens, one or more of its text.

    Faults are noted.
    """
    label_check = LabelCheck(source, layout)
    before = [source.mark]
    for number, text, end in source.lines:
        if not text.strip():
            before.append(text + end)
            continue
        fields = _parse(text, number, source)
        if fields is not None:
            record = _Record(fields, number, "".join(before), end, layout, source)
            yield from record.sentences(label_check)
        before = []
    if any(before):
        labels: list[str] | None = [] if layout.read_labels else None
        yield Sentence([], labels, source=DocumentPart(Document("".join(before), ""), 0))


def _parse(text: str, line: int, source: Input) -> Json | None:
    """The JSON object of a line; None, and a fault, where it is none or cannot be written again."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_int=_short,
            parse_constant=_refuse,
        )
        if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
            raise RecursionError
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        found = f"{error.msg[0].lower()}{error.msg[1:]} at character {error.pos + 1}"
        source.fault(line, f"expected a JSON object, found an error ({found}): {quoted(text)}.")
    except UnicodeEncodeError:
        source.fault(line, "expected text, found half a surrogate pair (\\ud800 to \\udfff).")
    except RecursionError:
        source.fault(line, "expected a JSON object, found one that is nested too deeply.")
    except ValueError as error:
        source.fault(line, f"expected a JSON object, found {error}.")
    else:
        if isinstance(value, dict):
            return value
        source.fault(line, f"expected a JSON object, found {_kind(value)}: {quoted(text)}.")
    return None


def _object(pairs: list[tuple[str, Any]]) -> Json:
    """A JSON object from its keys and values. Raises ValueError where a key stands twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {quoted(twice)} twice")
    return value


def _finite(text: str) -> float:
    """A JSON number with a fraction or exponent. Raises ValueError for one beyond all floats."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {quoted(text)}, which is too large")
    return value


def _short(text: str) -> int:
    """A whole JSON number. Raises ValueError for one with too many digits."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _refuse(text: str) -> float:
    """Raise ValueError for NaN, Infinity or -Infinity, which json would read as numbers."""
    raise ValueError(f"{text}, which is no JSON")


def _depth(value: object) -> int:
    """How many lists and objects lie within each other in a JSON value."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        parts = (item.values() if isinstance(item, dict) else item for item in level)
        level = [part for group in parts for part in group]
    return depth


def _kind(value: object) -> str:
    """What a JSON value is, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {quoted(value)}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "an object"


@dataclass(frozen=True, slots=True)
class _Record:
    """The object of one line on its way to sentences; faults are noted at that line."""

    fields: Json
    line: int
    before: str
    end: str
    layout: Layout
    source: Input

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
        if self.layout.has_label_field:
            labels = self._labels(len(tokens))
            label_check.check(labels, lines[: len(labels)])
        part = DocumentPart(Document(self.before, self.end, record=self.fields), 0)
        sentence = Sentence(tokens, labels, columns, self.source.path, lines, part)
        if self.layout.task == "segmentation":
            sentence = characters_of(sentence, self.layout.read_labels, part)
        yield sentence

    def _labels(self, length: int) -> list[str | None]:
        """The labels of `length` tokens, None for a token without; fewer where there are faults."""
        name = self.layout.label if isinstance(self.layout.label, str) else "labels"
        labels: list[str | None] = []
        for item in self._list(name, length):
            if item is not None and not isinstance(item, str):
                self._fault(f'expected strings or null in "{name}", found {_kind(item)}.')
            else:
                labels.append(None if item is None or item in NO_LABEL else item)
        return labels

    def _column(self, name: str, length: int) -> list[str]:
        """What stands under the key `name`: a string for each of `length` tokens."""
        items = self._list(name, length)
        for item in items:
            if not isinstance(item, str):
                self._fault(f'expected strings in "{name}", found {_kind(item)}.')
        return items

    def _list(self, name: str, length: int) -> list[Any]:
        """The list under the key `name`; [], and a fault, unless it has `length` entries."""
        value = self.fields.get(name)
        if name not in self.fields:
            self._fault(f'expected the key "{name}", found {self._keys()}.')
        elif not isinstance(value, list):
            self._fault(f'expected "{name}" to be a list, found {_kind(value)}.')
        elif len(value) != length:
            self._fault(f'expected {length} entries in "{name}", one a token, found {len(value)}.')
        else:
            return value
        return []

    def _from_text(self) -> Iterator[Sentence]:
        """The sentences of the record's text, with labels from its spans if they are read."""
        text, layout = self.fields["text"], self.layout
        if not isinstance(text, str):
            self._fault(f'expected "text" to be a string, found {_kind(text)}.')
        elif layout.task == "segmentation":
            forms = text.split()
            words = Sentence(forms, path=self.source.path, lines=[self.line] * len(forms))
            part = DocumentPart(Document(self.before, self.end, record=self.fields), 0)
            yield characters_of(words, layout.read_labels, part)
        elif layout.extra:
            names = ", ".join(f'"{column}"' for column in layout.extra.values())
            self._fault(f'a "text" has no further columns; expected "tokens" with {names}.')
        else:
            tokens = tokens_of(text, layout)
            document = Document(self.before, self.end, text, tokens, self.fields)
            gold: Gold | None = None
            if layout.has_label_field:
                gold = align(self._spans(), document, layout, self.source, self.line)
            yield from sentences_of(document, gold, layout, self.source.path, self.line)

    def _spans(self) -> list[MarkedSpan]:
        """The spans that the record lists, those without faults."""
        name = self.layout.label if isinstance(self.layout.label, str) else "spans"
        if name == "spans" and name not in self.fields and "label" in self.fields:
            name = "label"
        value = self.fields.get(name)
        if not isinstance(value, list):
            found = _kind(value) if name in self.fields else self._keys()
            self._fault(f'expected "{name}" to be a list of spans ([] for none), found {found}.')
            return []
        return [span for item in value if (span := self._span(item)) is not None]

    def _span(self, item: object) -> MarkedSpan | None:
        """A span from an object or list; None, and a fault, where it is none."""
        match item:
            case {"start": start, "end": end, "label": label} | [start, end, label]:
                if type(start) is int and type(end) is int and isinstance(label, str) and label:
                    if fault := fault_in_line_ends(label):
                        self._fault(fault)
                        return None
                    return MarkedSpan(start, end, label)
        shown = quoted(json.dumps(item, ensure_ascii=False))
        self._fault(f'expected a span {{"start": 0, "end": 4, "label": "X"}}, found {shown}.')
        return None

    def _keys(self) -> str:
        """The keys of the record as messages show them."""
        keys = ", ".join(quoted(key) for key in list(self.fields)[:10])
        return f"the keys {keys}" if keys else "no keys"

    def _fault(self, sentence: str) -> None:
        self.source.fault(self.line, sentence)


def _are_strings(value: object) -> bool:
    """True for a list of strings and nothing else."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _kind_of_items(value: object) -> str:
    """What a value is that is no list of strings, for messages."""
    if not isinstance(value, list):
        return _kind(value)
    return f"a list with {_kind(next(item for item in value if not isinstance(item, str)))}"
