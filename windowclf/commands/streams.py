"""Standard streams as commands find them: closed from the start, or pipes whose reader goes.

Neither is a fault. What is written to a closed stream goes nowhere; a command whose output nobody
reads any more ends, and one whose messages nobody reads goes on without them.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any, TextIO

_STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}  # in the order of their descriptors


def prepare_streams() -> None:
    """Have sys.stdin, sys.stdout and sys.stderr there, and nobody fail who writes to a pipe."""
    for number, (name, mode) in enumerate(_STREAMS.items()):
        if getattr(sys, name) is None:
            lead_nowhere(number)  # or the next file that is opened would be the stream
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")  # for what the locale has no bytes
    sys.stdout = _patient(sys.stdout, _Output)
    sys.stderr = _patient(sys.stderr, _Messages)


def lead_nowhere(descriptor: int) -> None:
    """Have all that is written to a descriptor vanish from now on, what is in buffers too."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


class _Output(io.FileIO):
    """A pipe for results: there is nothing more to do for a reader that has gone."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            lead_nowhere(self.fileno())
            raise SystemExit(0) from None  # no library on the way takes it for its own


class _Messages(io.FileIO):
    """A pipe for messages: the work goes on where nobody reads them."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            lead_nowhere(self.fileno())
            return memoryview(data).nbytes


def _patient(stream: TextIO, kind: type[io.FileIO]) -> TextIO:
    """A stream of the same descriptor that writes as `kind` does where it is a pipe."""
    if not (isinstance(stream, io.TextIOWrapper) and _is_pipe(stream)):
        return stream
    raw: Any = kind(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),  # as `python -u` has it
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _is_pipe(stream: TextIO) -> bool:
    """Whether a stream leads to a pipe or a socket."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # in memory
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
