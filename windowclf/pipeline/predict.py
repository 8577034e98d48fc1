"""predict: files in, the same files with the answers out, streamed: memory does not grow."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from windowclf.errors import DataError, Fault
from windowclf.pipeline.input_files import files_read, with_marks
from windowclf.pipeline.labelling import label_stream
from windowclf.pipeline.layouts import format_seen, layout_for, refuse_strange
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.outputs import text_output
from windowclf.system.arguments import checked_arguments
from windowclf.system.paths import is_at
from windowclf.tagging.model_file import find_model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.tagger import Tagger, load
from windowclf.text.formats import BINARY, Layout, open_bytes, refuse_container
from windowclf.text.formats.layout import as_jsonl

SHARED = ("conll", "conllu", "jsonl", "text")  # formats that can be cut between lines
SMALLEST_SHARED = 2 << 20  # bytes; starting processes takes longer than labelling less


@checked_arguments
def predict_file(
    model: str | os.PathLike[str],
    input_: str | os.PathLike[str] = "-",
    output: str | os.PathLike[str] = "-",
    format_: str | None = None,
    options: TagOptions = TagOptions(),
    jobs: int = 1,
    listener: Listener = SILENT,
) -> None:
    """Label a file or standard input (`-`), and write it with the answers to a file or `-`.

    `format_` is that of the input; by its suffix if left out, and text for standard input. An input
    that then begins as none of that format is refused. An output file appears only once it is
    whole. `jobs` processes share a large file of a format with a sentence a line or empty lines
    between sentences; the output is the same. Of the options, `n_best` is for jsonl. Raises
    ModelFileError or DataError.
    """
    input_, output = os.fspath(input_), os.fspath(output)
    if jobs < 1:
        raise DataError(f"--jobs: expected a number from 1 on, found {jobs}.")
    tagger = load(model, options)
    _refuse_folder(input_)
    layout = layout_for(tagger.model.spec.layout, input_, format_, options.keep_labels)
    if layout.format == "brat" and input_ != "-":
        input_ = _marks_of(input_, output)
    if options.n_best and layout.format != "jsonl":
        made = as_jsonl('"tokens": line.split()')
        how = f" (of lines of tokens between spaces: {made})" if layout.format == "text" else ""
        raise DataError(
            f"--n-best: expected jsonl, which has a place for it, found {layout.format}{how}."
        )
    name = "<stdin>" if input_ == "-" else input_
    with _input(input_, layout.format not in BINARY) as (source, size):
        if format_ is None:
            refuse_strange(source, name, layout)
        inputs = files_read([input_], layout.format)
        with text_output(output, source, inputs, find_model(Path(model))) as out:
            if jobs > 1 and size > SMALLEST_SHARED and layout.format in SHARED:
                path = os.fspath(model)
                _label_shared(path, tagger, layout, source, name, size, out, jobs, listener)
            else:
                label_stream(tagger, layout, source, name, out, size, listener)


def _refuse_folder(path: str) -> None:
    """Raise DataError for a folder of brat's, with how its texts come into one file and back."""
    if not Path(path).is_dir() or format_seen(path, "spans", False) != "brat":
        return
    raise DataError(
        Fault(
            "expected a file, found a folder of brat's; make one of its texts, windowclf convert "
            f"{shlex.quote(path)} x.jsonl, and of the answers in y.jsonl a folder, "
            "windowclf convert y.jsonl NEW --to brat.",
            path,
        )
    )


def _marks_of(input_: str, output: str) -> str:
    """The .ann of a text of brat's, where it has one. Raises DataError for an output that is it."""
    parts = with_marks([input_])
    if output != "-" and any(is_at(output, Path(part)) for part in parts):
        raise DataError(f"--output: expected another file than the input, {output}.")
    return parts[0]


def _label_shared(
    model: str,
    tagger: Tagger,
    layout: Layout,
    source: BinaryIO,
    name: str,
    size: int,
    out: TextIO,
    jobs: int,
    listener: Listener,
) -> None:
    """Label a file in several processes; a fault in it is raised with its line in the whole."""
    from windowclf.pipeline.processes import ChunkFault, label_in_processes

    try:
        label_in_processes(model, layout, tagger.options, source, size, out, jobs, listener)
    except ChunkFault:
        source.seek(0)
        with Path(os.devnull).open("w") as nowhere:
            label_stream(tagger, layout, source, name, nowhere)
        raise


@contextmanager
def _input(path: str, is_text: bool) -> Iterator[tuple[BinaryIO, int]]:
    """The bytes of a file or of standard input, and how many there are (0 where unknown)."""
    if path == "-" and not is_text:
        raise DataError("expected a file for a format that is no text, found standard input.")
    if path == "-":
        refuse_container(sys.stdin.buffer, "<stdin>")
        yield sys.stdin.buffer, 0
        return
    with open_bytes(path, is_text) as file:
        yield file, os.fstat(file.fileno()).st_size
