"""convert: the records of a file of one format, written as those of another."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

from windowclf.config.data import SAME_SCHEMES
from windowclf.config.reading import given_of_data
from windowclf.errors import DataError, Faults
from windowclf.pipeline.converted_folder import BratFolder
from windowclf.pipeline.input_files import files_of, files_read, with_marks
from windowclf.pipeline.layouts import format_of
from windowclf.pipeline.left_out import LeftOut, told
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.outputs import text_output
from windowclf.system.arguments import checked_arguments
from windowclf.text.formats import BINARY, Format, Layout, Remarks, format_by_suffix, open_bytes
from windowclf.text.formats.containers import beginning_of
from windowclf.text.formats.guess import guess_shape
from windowclf.text.formats.json_values import Json, in_json
from windowclf.text.formats.jsonl import is_refused
from windowclf.text.formats.layout import IN_BYTES
from windowclf.text.formats.lines import open_input
from windowclf.text.formats.shapes import shape_of
from windowclf.text.formats.shapes.records import (
    apart,
    as_document,
    has_good_spans,
    in_words,
    relabelled,
    with_text,
)
from windowclf.text.formats.shapes.shape import Entry, RecordWriter, Shape

BETWEEN_REPORTS = 500  # records
_BY_SUFFIX: dict[str, Format] = {".csv": "token-csv", ".tsv": "webanno", ".txt": "brackets"}


class Conversion(TypedDict):
    """What a conversion has read and written."""

    records: int
    read_as: Format
    written_as: Format
    left_out: dict[str, int]  # what had no place in the output -> how often


@checked_arguments
def convert(
    input_: str | os.PathLike[str],
    output: str | os.PathLike[str],
    from_: str | None = None,
    to: str | None = None,
    *,
    scheme: str | None = None,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    listener: Listener = SILENT,
) -> Conversion:
    """Write the records of a file, a glob, a folder of brat's or `-` in another format.

    The formats are those of the names where they are not given: `from_` by suffix and beginning,
    `to` by suffix. `overrides` are "data.label=-1" and the like, for what the input has elsewhere
    or in another scheme; `scheme` is that of the labels written. What has no place in the output
    is counted, in a notice too. Raises DataError, also for an output that is there already, unless
    `overwrite`; and ConfigError.
    """
    source, target = os.fspath(input_), os.fspath(output)
    files = [source] if source == "-" else files_of(source, "IN")
    read_as = format_of(from_, "--from") if from_ else _format_read(source)
    files = with_marks(files) if read_as == "brat" else files
    write_as = format_of(to, "--to") if to else _format_written(target)
    for option, format_ in (("--from", read_as), ("--to", write_as)):
        if format_ in ("csv", "tsv"):
            raise DataError(f"{option}: {format_} holds rows of slots; expected another format.")
    layout = _layout(read_as, files[0], overrides)
    written = replace(layout, format=write_as, scheme=_scheme(scheme) or layout.scheme)
    if write_as != "brat" and not overwrite:
        _refuse_taken(target)
    work = _Work(layout, written, listener, shape_of(write_as))
    remarks = Remarks()
    work.run(files, target, remarks)
    for sentence in remarks.sentences(layout.scheme):
        listener.notice(f"convert: {sentence}")
    left_out = work.left_out.counts
    if left_out:
        listener.notice(f"convert: {told(left_out, write_as)}")
    return {
        "records": work.records,
        "read_as": read_as,
        "written_as": write_as,
        "left_out": dict(left_out),
    }


def _format_read(source: str) -> Format:
    """The format of an input that nobody names. Raises DataError."""
    found = None if source == "-" else guess_shape(source)
    if found is None:
        raise DataError(f"--from: expected the name of a format, as {source} does not say which.")
    return found


def _format_written(target: str) -> Format:
    """The format of an output that nobody names. Raises DataError."""
    found = _BY_SUFFIX.get(Path(target).suffix.lower()) or format_by_suffix(target)
    if found is None or target == "-":
        said = "; for .json it is labelstudio, labelstudio-min or spacy-json"
        more = said if target.lower().endswith(".json") else ""
        raise DataError(f"--to: expected a format, as {target} does not say which{more}.")
    return found


def _layout(format_: Format, first: str, overrides: Sequence[str]) -> Layout:
    """How an input is read. Raises ConfigError."""
    given = given_of_data(overrides)
    usual: dict[Format, Any] = {"conll": 1, "conllu": _conllu_label(first, format_)}
    label = given.pop("label", usual.get(format_))
    given.pop("format", None)
    return Layout(format_, "spans", label=label, **given)


def _conllu_label(path: str, format_: Format) -> str:
    """Where the labels of CoNLL-U are: in MISC where that has entities, as we write them."""
    if format_ != "conllu" or not Path(path).is_file():
        return "upos"
    with open_bytes(path) as file:
        head = beginning_of(file)
    return "misc.Entity" if b"\tEntity=" in head or b"|Entity=" in head else "upos"


def _scheme(name: str | None) -> Any:
    """The scheme of this name. Raises DataError where there is none."""
    known = ("BIO", "IOB1", "IO", "BIOES", "BILOU", "BMES", "BMEWO")
    found = SAME_SCHEMES.get(name, name) if name else None
    if found is not None and found not in known:
        raise DataError(f"--scheme: expected one of {', '.join(known)}, found {name!r}.")
    return found


def _refuse_taken(target: str) -> None:
    """Raise DataError where an output is a file with something in it already."""
    path = Path(target)
    if target != "-" and path.is_file() and path.stat().st_size:
        raise DataError(
            f"{target}: there is a file already; choose another name, or give --overwrite."
        )


@dataclass
class _Work:
    """One conversion: what is read, what is written, and how far it is."""

    layout: Layout
    written: Layout
    listener: Listener
    shape: Shape
    records: int = 0
    is_split: bool = (
        False  # whether a record was several sentences: from then on each is a document
    )

    def __post_init__(self) -> None:
        self.left_out = LeftOut(self.shape)

    def run(self, files: Sequence[str], target: str, remarks: Remarks) -> None:
        """Write the records of all files to the target. Raises DataError."""
        faults = Faults()
        sizes = [Path(path).stat().st_size if Path(path).is_file() else 0 for path in files]
        total, done = sum(sizes), 0
        with ExitStack() as stack:
            streams = self._streams(files)
            first = next(streams)
            writer = self._writer(target, first[1], files, stack)
            for (path, stream), size in zip(_chained(first, streams), sizes, strict=True):
                in_lines = self.layout.format not in IN_BYTES
                name = "<stdin>" if path == "-" else path
                with open_input(stream, name, faults, remarks, in_lines) as source:
                    for entry in shape_of(self.layout.format).read(source, self.layout):
                        self._put(entry, writer, faults)
                        if total and self.records % BETWEEN_REPORTS == 0:
                            at = min(1.0, (done + stream.tell()) / total)
                            self.listener.working("converting", at)
                done += size
            faults.raise_if_any()
            if not self.records:
                raise DataError(f"{files[0]}: no record found; nothing to convert.")
            writer.close()

    def _streams(self, files: Sequence[str]) -> Iterator[tuple[str, BinaryIO]]:
        """The files one after the other, each open as long as it is looked at."""
        for path in files:
            if path == "-":
                if self.layout.format in BINARY:
                    raise DataError("expected a file for a format that is no text, found -.")
                yield path, sys.stdin.buffer
                continue
            with open_bytes(path, self.layout.format not in BINARY) as stream:
                yield path, stream

    def _writer(
        self, target: str, source: BinaryIO, files: Sequence[str], stack: ExitStack
    ) -> RecordWriter:
        """What writes to the target, which takes its name when all is written."""
        if self.written.format == "brat":
            return stack.enter_context(BratFolder(target, self.left_out.counts))
        inputs = files_read(files, self.layout.format)
        out = stack.enter_context(text_output(target, source, inputs, option="OUT"))
        return self.shape.writer(out, self.written)

    def _put(self, entry: Entry, writer: RecordWriter, faults: Faults) -> None:
        """Write a record, or note what is wrong with it."""
        if not entry.record:
            return
        self.records += 1
        kept = self._kept(self._in_json(entry))
        made = self._made(kept)
        if faults:
            return
        self.left_out.count(kept.record, made)
        for record in made:
            try:
                writer.put(record)
            except DataError as error:
                entry.source.fault(entry.line, str(error))

    def _in_json(self, entry: Entry) -> Entry:
        """A record of values that JSON has, unless the output has those that a table has."""
        if self.shape.any_value or not shape_of(self.layout.format).any_value:
            return entry
        lost = Counter[str]()
        record = in_json(entry.record, lost)
        self.left_out.counts.update({f"{what} of a record": count for what, count in lost.items()})
        return entry._replace(record={k: v for k, v in record.items() if v is not None})

    def _kept(self, entry: Entry) -> Entry:
        """A record without the labels that its annotator rejected, where nothing else says so."""
        held, record = self.shape.held, entry.record
        if held is None or "answer" in held or not is_refused(record):
            return entry
        if {"spans", "labels"} & record.keys():
            self.left_out.counts["labels of a record that was rejected or ignored"] += 1
        bare = {k: v for k, v in record.items() if k not in ("spans", "labels", "answer")}
        return entry._replace(record=bare, is_gold=False)

    def _made(self, entry: Entry) -> list[Json]:
        """The records that are written for one that was read; none, and a fault, for none."""
        if not has_good_spans(entry):
            return []
        if self.shape.takes == "any":
            return [relabelled(entry.record, entry, self.layout, self.written.scheme)]
        if self.shape.takes == "tokens":
            made = in_words(entry, self.layout, self.records)
            self.is_split = self.is_split or len(made) > 1
            if self.is_split:
                made = as_document(made, self.records)
            return [relabelled(one, entry, self.layout, self.written.scheme) for one in made]
        record = with_text(entry, self.layout, self.shape.takes == "words")
        if record is None or (not self.shape.overlaps and apart(record, entry) is None):
            return []
        return [record]


def _chained(
    first: tuple[str, BinaryIO], rest: Iterator[tuple[str, BinaryIO]]
) -> Iterator[tuple[str, BinaryIO]]:
    """The first of some streams, and those that follow."""
    yield first
    yield from rest
