"""read_shape: the records of any shape as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from windowclf.text.formats.blocks import Documents
from windowclf.text.formats.documents import Document, DocumentPart
from windowclf.text.formats.jsonl import is_refused
from windowclf.text.formats.labels import LabelCheck
from windowclf.text.formats.layout import Format, Layout
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes import shape_of
from windowclf.text.formats.shapes.records import is_of_tokens, sentences_of_entry
from windowclf.text.formats.shapes.shape import Entry
from windowclf.text.sentence import Sentence

UNLABELLED = ("record", "passed over {} that nobody has annotated.")
_OF_SENTENCES: tuple[Format, ...] = ("token-csv", "webanno")  # whose records are no documents


def read_shape(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a file of a shape; faults are noted.

    Records that nobody has annotated, or whose annotator rejected them, are no gold.
    """
    check, documents = LabelCheck(source, layout), Documents()
    for entry in shape_of(layout.format).read(source, layout):
        if not entry.record:  # what stands around the records
            labels: list[str] | None = [] if layout.read_labels else None
            document = Document("", "", original=entry.original)
            yield Sentence([], labels, source=DocumentPart(document, 0))
        elif entry.is_gold or source.remarks is None:
            is_sentence = layout.format in _OF_SENTENCES or is_of_tokens(entry.record)
            number = documents.of(not is_sentence, True)
            yield from sentences_of_entry(entry, layout, check, number)
        else:
            _count(entry, source)
    check.finish()


def _count(entry: Entry, source: Input) -> None:
    """Note a record that is no gold."""
    if source.remarks is not None and is_refused(entry.record):
        source.remarks.passed_over += 1
    else:
        source.remark(*UNLABELLED)
