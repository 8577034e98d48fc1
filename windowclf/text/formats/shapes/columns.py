"""conll and conllu for `convert`: the sentences of both as records, and columns made of records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TextIO

from windowclf.errors import DataError, quoted
from windowclf.text.formats.blocks import Block, fields_of
from windowclf.text.formats.conll import read_conll
from windowclf.text.formats.conllu import COLUMNS, read_conllu
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.shape import Entry, Shape
from windowclf.text.sentence import Sentence
from windowclf.text.spans import is_label

ENTITY = "Entity"  # the key in MISC of labels of spans
FREE = ("lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")  # of CoNLL-U

_COMMENT = re.compile(r"#\s*(sent_id|text)\s*=\s*(.*)")
_PASSED_OVER = re.compile(r"[0-9]+(-|[.])[0-9]+\t")


def _read_conll(source: Input, layout: Layout) -> Iterator[Entry]:
    """The sentences of a file of columns; what is neither token nor label by its number."""
    taken = {layout.token, layout.label if layout.has_label_field else None}
    document = 0
    for sentence in read_conll(source, replace(layout, task="tagging")):  # whatever the labels
        if not sentence.tokens:
            continue
        record = _of_tokens(sentence)
        if sentence.document != document:
            document = record["document"] = sentence.document
        assert isinstance(sentence.source, Block)
        rows = [fields_of(text) for text in sentence.source.texts]
        width = min(map(len, rows))
        for number in range(width):
            if not taken & {number, number - width}:
                record[f"column_{number}"] = [row[number] for row in rows]
        yield Entry(record, sentence.lines[0], source, is_gold=layout.has_label_field)


def _read_conllu(source: Input, layout: Layout) -> Iterator[Entry]:
    """The sentences of a CoNLL-U file, with the columns that say something."""
    document = 0
    for sentence in read_conllu(source, replace(layout, task="tagging")):
        if not sentence.tokens:
            continue
        block = sentence.source
        assert isinstance(block, Block)
        record: Json = {}
        comments = [text for text in block.texts if text.startswith("#")]
        for found in filter(None, map(_COMMENT.match, comments)):
            record["id" if found[1] == "sent_id" else "sentence_text"] = found[2]
        record |= _of_tokens(sentence)
        rows = [block.texts[line - block.first].split("\t") for line in sentence.lines]
        for name in FREE:
            values = [row[COLUMNS.index(name)] for row in rows]
            if name != layout.label and any(value != "_" for value in values):
                record[name] = values
        if sentence.document != document:
            document = record["document"] = sentence.document
        if more := [c for c in comments if not _COMMENT.match(c) and "newdoc" not in c]:
            record["comments"] = more
        for text in block.texts:
            if kind := _PASSED_OVER.match(text):
                source.pass_over("multiword range" if kind[1] == "-" else "empty node")
        yield Entry(record, sentence.lines[0], source, is_gold=layout.has_label_field)


def _of_tokens(sentence: Sentence) -> Json:
    """A sentence as a record, without its further columns."""
    record: Json = {"tokens": list(sentence.tokens)}
    if sentence.labels is not None:
        record["labels"] = list(sentence.labels)
    return record


class _ConllWriter:
    """Writes a token and its label a line, a tab between them; `-` for no label."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out = out

    def put(self, record: Json, original: Any = None) -> None:
        """Write a sentence."""
        tokens = record["tokens"]
        labels = record.get("labels") or [None] * len(tokens)
        if "document" in record:
            self._out.write("-DOCSTART-\tO\n\n")
        for token, label in zip(tokens, labels, strict=True):
            _refuse_signs(token, "\t\r\n")
            _refuse_signs(label or "-", "\t\r\n")
            if token == "-DOCSTART-":
                raise DataError(
                    "expected words, found -DOCSTART-, which begins a document in conll."
                )
            self._out.write(f"{token}\t{label or '-'}\n")
        self._out.write("\n")

    def close(self) -> None:
        """Do nothing: no sentence is held back."""


class _ConlluWriter:
    """Writes CoNLL-U: labels of spans as Entity in MISC, all others as UPOS."""

    def __init__(self, out: TextIO, layout: Layout):
        self._out, self._layout = out, layout
        self._sentences = 0

    def put(self, record: Json, original: Any = None) -> None:
        """Write a sentence."""
        self._sentences += 1
        tokens = record["tokens"]
        for token in tokens:
            _refuse_signs(token, "\t\r\n")
        if "document" in record:
            self._out.write("# newdoc\n")
        text = record.get("sentence_text", " ".join(tokens))
        named = str(record.get("id", self._sentences))
        for each in (named, text):
            _refuse_signs(each, "\r\n")
        self._out.write(f"# sent_id = {named}\n# text = {text}\n")
        comments = record.get("comments") or ()
        if not _are_texts(comments) or not all(each.startswith("#") for each in comments):
            raise DataError('expected "comments" to be lines that begin with #, found others.')
        for comment in comments:
            _refuse_signs(comment, "\r\n")
            self._out.write(f"{comment}\n")
        columns = self._columns(record, len(tokens))
        for number, token in enumerate(tokens, 1):
            fields = [columns[name][number - 1] for name in FREE]
            self._out.write("\t".join([str(number), token, *fields]) + "\n")
        self._out.write("\n")

    def _columns(self, record: Json, size: int) -> dict[str, list[str]]:
        """The columns after FORM."""
        empty = ["_"] * size
        for name in FREE:
            given = record.get(name) or empty
            if not _are_texts(given) or len(given) != size:
                raise DataError(f'expected "{name}" to be a list of {size} texts, found others.')
            for value in given:
                _refuse_signs(value, "\t\r\n")
        columns = {name: list(record.get(name) or empty) for name in FREE}
        labels = record.get("labels")
        if labels is None:
            return columns
        if all(label is None or is_label(label, self._layout.scheme) for label in labels):
            entities = ["_" if label is None else f"{ENTITY}={label}" for label in labels]
            columns["misc"] = [
                entity if misc == "_" else misc if entity == "_" else f"{misc}|{entity}"
                for misc, entity in zip(columns["misc"], entities, strict=True)
            ]
        else:
            columns["upos"] = ["_" if label is None else label for label in labels]
        return columns

    def close(self) -> None:
        """Do nothing: no sentence is held back."""


def _are_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _refuse_signs(text: str, signs: str) -> None:
    """Raise DataError for a text that no column can hold."""
    if not text or any(sign in text for sign in signs):
        raise DataError(f"expected a text without tabs and line ends, found {quoted(text)}.")


SHAPES: dict[Format, Shape] = {
    "conll": Shape(
        _read_conll, _ConllWriter, "tokens", held=frozenset({"tokens", "labels", "document"})
    ),
    "conllu": Shape(
        _read_conllu,
        _ConlluWriter,
        "tokens",
        held=frozenset({"id", "tokens", "labels", "document", "comments", "sentence_text", *FREE}),
    ),
}
