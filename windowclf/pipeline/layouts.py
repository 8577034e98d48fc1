"""How a file is read that a model is used on: its format need not be that of the training files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast, get_args

from windowclf.errors import DataError, Fault
from windowclf.pipeline.input_files import without_texts
from windowclf.text.formats import BINARY, Format, Layout, format_by_suffix, open_bytes
from windowclf.text.formats.beginnings import fault_in_beginning, fits
from windowclf.text.formats.containers import beginning_of
from windowclf.text.formats.layout import OWN, Task

SAY = "give --format {}"
TABLES = ("csv", "tsv")
KINDS_OF_JSONL = ("doccano", "doccano-relations", "prodigy")


def layout_for(
    trained: Layout, input_: str, format_: str | None, keep_labels: bool = False
) -> Layout:
    """How to read an input whose format need not be that of the training files.

    `trained` is the layout of those; `format_` None for the one that the name of the input says.
    Raises DataError.
    """
    if format_ is None:
        is_table, suffixed = trained.format in TABLES, _seen_after(trained, input_, False)
        else_ = trained.format if is_table else "text" if input_ == "-" else "conll"
        format_ = suffixed or else_
    if keep_labels and trained.task == "segmentation":
        raise DataError("--keep-labels: expected labels of tokens, segmentation has words.")
    return layout_in(trained, format_of(format_), keep_labels)


def format_of(name: str, option: str = "--format") -> Format:
    """The format of this name. Raises DataError where there is none."""
    if name not in get_args(Format):
        known = ", ".join(get_args(Format))
        raise DataError(f"{option}: expected one of {known}, found {name!r}.")
    return cast(Format, name)


def format_seen(path: str, task: Task, is_labelled: bool) -> Format | None:
    """The format of a file by its suffix, and by its beginning where the suffix leaves that open.

    None where neither says it. Brackets in raw text are spans where it is to be labelled.
    """
    from windowclf.text.formats.guess import guess_shape

    named = format_by_suffix(path)
    if path == "-" or task in ("slots", "segmentation"):
        return named
    match named:
        case "csv" | "tsv":
            return _if_one_of(guess_shape(path), ("token-csv", "webanno")) or named
        case "text":
            is_open = is_labelled and task == "spans"
            return (_if_one_of(guess_shape(path), ("brackets",)) if is_open else None) or named
        case None if Path(path).suffix.lower() == ".json" or Path(path).is_dir():
            shapes: tuple[Format, ...] = ("labelstudio", "labelstudio-min", "spacy-json", "brat")
            return _if_one_of(guess_shape(path), shapes)
    return named


def _seen_after(trained: Layout, path: str, is_labelled: bool) -> Format | None:
    """The format of a file as `format_seen` has it; of kinds of jsonl that of the training files.

    Where the file begins as of that kind.
    """
    from windowclf.text.formats.guess import guess_shape

    named = format_seen(path, trained.task, is_labelled)
    if named != "jsonl" or trained.format not in KINDS_OF_JSONL:
        return named
    return _if_one_of(guess_shape(path), (trained.format,)) or named


def _if_one_of(format_: Format | None, expected: tuple[Format, ...]) -> Format | None:
    """The format where it is one of the expected ones."""
    return format_ if format_ in expected else None


def layout_in(trained: Layout, format_: Format, read_labels: bool) -> Layout:
    """The layout of the training files as far as it goes with a format; the usual places else."""
    if format_ == trained.format:
        return replace(trained, read_labels=read_labels)
    conllu = "upos" if trained.task == "tagging" else "misc.Entity"
    labels = {"conllu": conllu, "conll": 1 if read_labels else None}
    return Layout(
        format=format_,
        task=trained.task,
        label=labels.get(format_),
        extra={name: name for name in trained.extra} if format_ in ("conllu", "jsonl") else {},
        scheme=trained.scheme,
        tokenizer=trained.tokenizer,
        misaligned=trained.misaligned,
        slots=trained.slots,
        names=trained.names,
        sentence=trained.sentence,
        read_labels=read_labels,
    )


def labelled_format(trained: Layout, files: Sequence[str]) -> Format:
    """The format of labelled files by their names, or else, as for none, of the training files.

    Of names that say nothing, and of those of a format that has no labels for the task; columns
    where a file does not begin as the training files' format does. Raises DataError for files of
    several formats.
    """
    formats = {path: _labelled_format(trained, path) for path in without_texts(files)}
    if len(set(formats.values())) > 1:
        found = ", ".join(sorted(set(formats.values())))
        raise DataError(f"DATA: expected files of one format, found {found}; score each by itself.")
    return formats[files[0]] if files else trained.format


def _labelled_format(trained: Layout, path: str) -> Format:
    """The format of one labelled file; see `labelled_format`."""
    named = _seen_after(trained, path, True)
    is_slots = trained.task == "slots"
    if named == "text" and trained.task != "segmentation":
        return trained.format
    if named not in (None, "conll"):  # what is named .conll may be CoNLL-U
        return named if (named in TABLES) == is_slots else trained.format
    if named and trained.format not in OWN:
        return named
    if not Path(path).is_file():  # what is taken from a pipe cannot be read again
        return trained.format
    with open_bytes(path, trained.format not in BINARY) as file:
        return trained.format if fits(beginning_of(file), trained.format) else "conll"


def refuse_strange(stream: BinaryIO, name: str, layout: Layout, say: str = SAY) -> None:
    """Raise DataError where a file, read in a format that nobody named, begins as another kind.

    `say` is how its format is named, with {} for it. Nothing is taken from the stream.
    """
    if layout.format not in OWN:
        return  # what its reader says is more to the point
    known = format_by_suffix(name) == layout.format
    if fault := fault_in_beginning(beginning_of(stream), layout, known, say):
        raise DataError(Fault(fault, name))
