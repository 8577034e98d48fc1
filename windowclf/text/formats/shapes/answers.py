"""AnswerWriter, which gives a file of any shape back with the answers in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from windowclf.text.formats.documents import Document
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.jsonl_writer import JsonlWriter
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.shapes import shape_of


class AnswerWriter(JsonlWriter):
    """Gathers the answer to a record as that of jsonl does, and has its shape write it.

    In Label Studio's JSON it is one more prediction; in what holds any key, old labels stay as
    `gold_…`; elsewhere they are replaced.
    """

    def __init__(self, out: TextIO, layout: Layout, classes: Sequence[str], version: str):
        super().__init__(out, layout, classes)
        self._shape = shape_of(layout.format)
        self._writer = self._shape.writer(out, layout)
        self._version = version

    def _put(self, document: Document, record: Json | None) -> None:
        """Write a document whose record has the answer in it."""
        if record is not None and self._shape.held is not None:
            record = {k: v for k, v in record.items() if not k.startswith("gold_")}
            record["model_version"] = self._version
        self._writer.put(record or {}, document.original)

    def _key(self, document: Document) -> str:
        """The key under which the answer stands in the record."""
        return "labels" if document.text is None else "spans"

    def close(self) -> None:
        """Have the shape write what is left."""
        super().close()
        self._writer.close()
