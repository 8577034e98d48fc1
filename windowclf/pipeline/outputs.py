"""Where answers are written: a file that is whole or not there, or standard output."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, TextIO

from windowclf.errors import DataError, Fault
from windowclf.system.durable import reason, whole_file
from windowclf.system.paths import descriptor_name, is_at, is_of, same_file
from windowclf.system.tensor_file import is_ours


@contextmanager
def text_output(
    path: str,
    source: BinaryIO,
    inputs: Sequence[str],
    model: Path | None = None,
    option: str = "--output",
) -> Iterator[TextIO]:
    """A text stream that leaves line ends alone; a file takes its name when it is whole.

    Raises DataError, which begins with the `option` that gave the path, where that file is the
    `model` or another, one of the `inputs`, or is read from `source` as it grows.
    """
    opened = nullcontext(sys.stdout.buffer) if path == "-" else whole_file(Path(path))
    try:
        if path != "-" and model is not None and is_at(path, model):
            raise DataError(f"{option}: expected another file than the model itself, {path}.")
        if path != "-" and Path(path).is_file() and is_ours(Path(path)):
            raise DataError(f"{option}: expected another file than a model or state, {path}.")
        named = path != "-" and descriptor_name(path) is None
        if named and (is_of(source, path) or any(is_at(path, Path(each)) for each in inputs)):
            raise DataError(f"{option}: expected another file than the input, {path}.")
        with opened as file, _as_text(file) as out:
            if same_file(source, file) or any(is_of(file, each) for each in inputs):
                raise DataError(f"{option}: expected another file than the input, it would grow.")
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        if path == "-":
            raise
        raise DataError(Fault(f"cannot write, {reason(error)}.", str(path))) from error


@contextmanager
def _as_text(stream: BinaryIO) -> Iterator[TextIO]:
    """UTF-8 on a binary stream that stays open."""
    out = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
    try:
        yield out
        out.flush()
    finally:
        with contextlib.suppress(BrokenPipeError, ValueError):
            out.detach()
