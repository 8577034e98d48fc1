"""Files of labelled or raw text, read as sentences and written back with answers in them.

`read_sentences` and `make_writer` choose one of the readers and writers, a module for each format.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import BinaryIO, TextIO

from windowclf.errors import Faults
from windowclf.text.formats.containers import refuse_container
from windowclf.text.formats.layout import BINARY, IN_BYTES, Format, Layout, Task
from windowclf.text.formats.lines import Input, leave_one_no_utf8, open_bytes, open_input
from windowclf.text.formats.remarks import Remarks
from windowclf.text.formats.writer import Probabilities, Writer
from windowclf.text.sentence import Sentence

__all__ = [
    "BINARY",
    "Format",
    "Layout",
    "Probabilities",
    "Remarks",
    "Task",
    "Writer",
    "format_by_suffix",
    "guess_format",
    "make_writer",
    "open_bytes",
    "read_sentences",
    "refuse_container",
]

_SUFFIXES: dict[str, Format] = {
    ".conll": "conll",
    ".conllu": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text",
    ".text": "text",
    ".spacy": "spacy",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ann": "brat",
}


def format_by_suffix(path: str | os.PathLike[str]) -> Format | None:
    """The format of a file by the suffix of its name; None where that says nothing."""
    return _SUFFIXES.get(PurePath(path).suffix.lower())


def guess_format(path: str | os.PathLike[str]) -> Format:
    """The format of a file by the suffix of its name; conll where that says nothing."""
    return format_by_suffix(path) or "conll"


def read_sentences(
    file: str | os.PathLike[str] | BinaryIO,
    layout: Layout,
    name: str | None = None,
    remarks: Remarks | None = None,
    faults: Faults | None = None,
) -> Iterator[Sentence]:
    """The sentences of a file, given as a path or binary stream, while it is read.

    `name` is what messages call it. With `remarks` the file is read for its gold labels: records
    of jsonl that their annotator has rejected or ignored are passed over.

    Sentences without tokens may be among them: an empty line of text, a table's header, what
    follows the last sentence. They matter to the writer alone and count for nothing else.
    Raises DataError. After a first fault there are no more sentences, but the file is read to its
    end, so that all faults are reported together; what came before the first is right. With
    `faults` they are noted there and not raised, and only sentences that have one are left out.
    """
    layout.check_reading()
    noted = Faults() if faults is None else faults
    known = noted.count
    with open_input(file, name, noted, remarks, layout.format not in IN_BYTES) as source:
        for sentence in _read(source, layout):
            if noted.count == known:
                yield sentence
            elif faults is not None:
                known = noted.count
        leave_one_no_utf8(noted, source.path)
    if faults is None:
        noted.raise_if_any()


# Each format's module is imported when a file asks for it, so that starting to tag stays short.


def _read(source: Input, layout: Layout) -> Iterator[Sentence]:
    """The sentences of a file, by the reader of its format and task; faults are noted."""
    segmentation = layout.task == "segmentation"
    match layout.format:
        case "conll":
            from windowclf.text.formats.conll import read_conll

            sentences = read_conll(source, layout)
        case "conllu":
            from windowclf.text.formats.conllu import read_conllu

            sentences = read_conllu(source, layout)
        case "jsonl":
            from windowclf.text.formats.jsonl import read_jsonl

            return read_jsonl(source, layout)
        case "text":
            from windowclf.text.formats.text import read_segmented, read_text

            return read_segmented(source, layout) if segmentation else read_text(source, layout)
        case "csv" | "tsv":
            from windowclf.text.formats.table import read_table

            return read_table(source, layout)
        case _:
            from windowclf.text.formats.shapes.reading import read_shape

            return read_shape(source, layout)
    if segmentation:
        from windowclf.text.formats.segmentation import segmented

        return segmented(sentences, layout.read_labels)
    return sentences


def make_writer(
    layout: Layout, out: TextIO, classes: Sequence[str] = (), version: str = "windowclf"
) -> Writer:
    """A writer of sentences of this layout to `out`, which must not translate line ends.

    With `classes` the answers have probabilities, and every `write` is given them. `version` says
    of which model they are, where the format has a place for that. Raises DataError where the
    format cannot hold the answer.
    """
    layout.check_writing(bool(classes))
    if layout.task == "segmentation" and layout.format != "jsonl":
        from windowclf.text.formats.segmentation import SegmentedWriter

        return SegmentedWriter(out)
    match layout.format:
        case "conll":
            from windowclf.text.formats.conll import ConllWriter

            return ConllWriter(out)
        case "conllu":
            from windowclf.text.formats.conllu import ConlluWriter

            return ConlluWriter(out, str(layout.label))
        case "jsonl":
            from windowclf.text.formats.jsonl_writer import JsonlWriter

            return JsonlWriter(out, layout, classes)
        case "text":
            from windowclf.text.formats.text import TextWriter

            return TextWriter(out, layout)
        case "csv" | "tsv":
            from windowclf.text.formats.table import SEPARATORS, TableWriter

            return TableWriter(out, SEPARATORS[layout.format], classes)
        case _:
            from windowclf.text.formats.shapes.answers import AnswerWriter

            return AnswerWriter(out, layout, classes, version)
