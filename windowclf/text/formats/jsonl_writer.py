"""The writer of jsonl: every record comes back with the answer in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from windowclf.errors import DataError
from windowclf.text.formats.documents import Document, DocumentPart, marked_spans
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.segmentation import words_of
from windowclf.text.formats.writer import Probabilities
from windowclf.text.sentence import Sentence


class JsonlWriter:
    """Sets `labels`, `spans` of a text or `words` of a record; what stood there stays as `gold_…`.

    `probabilities` is a list with one object a token, class to probability; for a text, objects
    with the start and end of the token and its `classes`. `n_best` is a list of label sequences
    with their probabilities.
    """

    def __init__(self, out: TextIO, layout: Layout, classes: Sequence[str]):
        self._out = out
        self._layout = layout
        self._classes = classes
        self._answer: list[Any] = []
        self._probabilities: list[Any] | None = [] if classes else None
        self._n_best: list[Any] | None = None

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give the record back when its last sentence is there."""
        part = sentence.source
        assert isinstance(part, DocumentPart)
        self._answer += self._answers(sentence, part, labels, probabilities)
        if self._probabilities is not None and probabilities is not None:
            self._probabilities += self._objects(part, probabilities)
        if probabilities is not None and probabilities.n_best is not None:
            self._n_best = self._paths(sentence, part, probabilities.n_best)
        if part.is_last(len(labels)):
            self._give_back(part.document)

    def _answers(
        self,
        sentence: Sentence,
        part: DocumentPart,
        labels: Sequence[str],
        probabilities: Probabilities | None,
    ) -> list[Any]:
        """What the record says of a sentence: its words, marked spans or labels."""
        if self._layout.task == "segmentation":
            return words_of(sentence, labels)
        if part.document.text is None:
            return list(labels)
        spans = [span._asdict() for span in marked_spans(part, labels, self._layout)]
        if probabilities is None or probabilities.of_span is None:
            return spans
        scores = zip(spans, probabilities.of_span, strict=True)
        return [span | {"score": round(score, 6)} for span, score in scores]

    def _objects(self, part: DocumentPart, probabilities: Probabilities) -> list[Any]:
        """The probabilities of a sentence as an object for each token; see the class."""
        objects: list[Any] = [
            {name: round(one, 6) for name, one in zip(self._classes, row, strict=True)}
            for row in probabilities.of_class
        ]
        if part.document.text is None:
            return objects
        return [
            {"start": start, "end": end, "classes": classes}
            for (start, end), classes in zip(part.offsets(len(objects)), objects, strict=True)
        ]

    def _paths(
        self, sentence: Sentence, part: DocumentPart, paths: Sequence[tuple[Sequence[str], float]]
    ) -> list[Any]:
        """The label sequences of a sentence as objects. Raises DataError for a text."""
        if part.document.text is not None:
            fault = (
                'expected "tokens" for the most probable label sequences, found "text", which may '
                "hold several sentences; split it into tokens."
            )
            raise DataError(sentence.fault(fault))
        return [{"labels": list(own), "probability": probability} for own, probability in paths]

    def _give_back(self, document: Document) -> None:
        """Write a document with all that was gathered of its sentences, and begin anew."""
        record = None if document.record is None else self._answered(document, document.record)
        self._put(document, record)
        self._answer = []
        self._probabilities = [] if self._classes else None
        self._n_best = None

    def _answered(self, document: Document, given: Json) -> Json:
        """The record of a document with the answer in it."""
        record = _moved(given, self._key(document))
        record[self._key(document)] = self._answer
        if self._probabilities is not None:
            record["probabilities"] = self._probabilities
        if self._n_best is not None:
            record["n_best"] = self._n_best
        return record

    def _put(self, document: Document, record: Json | None) -> None:
        """Write a document whose record has the answer in it."""
        self._out.write(document.before)
        if record is not None:
            self._out.write(json.dumps(record, ensure_ascii=False) + document.end)

    def _key(self, document: Document) -> str:
        """The key under which the answer stands in the record."""
        if self._layout.task == "segmentation":
            return "words"
        if isinstance(self._layout.label, str):
            return self._layout.label
        return "labels" if document.text is None else "spans"

    def close(self) -> None:
        """Do nothing: nothing is held back when every sentence was given."""
        assert not self._answer


def _moved(record: dict[str, Any], key: str) -> dict[str, Any]:
    """A record whose `key` is called gold_key, unless an earlier answer has moved it already."""
    gold = f"gold_{key}"
    if gold in record:
        return {name: value for name, value in record.items() if name != key}
    return {gold if name == key else name: value for name, value in record.items()}
