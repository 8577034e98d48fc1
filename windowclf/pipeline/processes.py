"""A large file labelled by several processes: cut between sentences, answered in order."""

from __future__ import annotations

import io
import multiprocessing
import re
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from windowclf.errors import DataError
from windowclf.pipeline.labelling import label_stream
from windowclf.pipeline.listener import Listener
from windowclf.tagging.options import TagOptions
from windowclf.tagging.tagger import Tagger, load
from windowclf.text.formats import Format, Layout
from windowclf.text.formats.lines import UTF8_MARK

CHUNK = 1 << 20  # bytes that a process takes at a time
_EMPTY_LINE = re.compile(rb"\n[ \t\r]*\n")
_ANY_LINE = re.compile(rb"\n")
BETWEEN: dict[Format, re.Pattern[bytes]] = {  # what ends with a place where a file can be cut
    "conll": _EMPTY_LINE,
    "conllu": _EMPTY_LINE,
    "jsonl": _ANY_LINE,
    "text": _ANY_LINE,
}


class ChunkFault(Exception):
    """A part of the file has faults; only who reads the whole file can say in which line."""


def label_in_processes(
    model: str,
    layout: Layout,
    options: TagOptions,
    source: BinaryIO,
    size: int,
    out: TextIO,
    jobs: int,
    listener: Listener,
) -> None:
    """Label all of `source` into `out`. Raises ChunkFault where a part cannot be read.

    And DataError where somebody has ended one of the processes.
    """
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _begin, (model, layout, options)
    )
    answers: deque[tuple[int, Future[tuple[str, int]]]] = deque()
    written = tokens = 0

    def write_next() -> None:
        nonlocal written, tokens
        length, answer = answers.popleft()
        text, count = answer.result()
        out.write(text)
        tokens += count
        written += length
        listener.predicted(tokens, written / size)

    with pool:
        try:
            for chunk in chunks_of(source, BETWEEN[layout.format]):
                with _without_interrupts():
                    answers.append((len(chunk), pool.submit(_label, chunk)))
                if len(answers) > 2 * jobs:
                    write_next()
            while answers:
                write_next()
        except BrokenProcessPool as error:
            raise DataError(
                "--jobs: one of the processes was ended from outside; perhaps the memory was too "
                "small, ask for fewer."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have processes that begin meanwhile not hear of Ctrl-C, which is for the one that waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def chunks_of(source: BinaryIO, between: re.Pattern[bytes]) -> Iterator[bytes]:
    """The bytes of a file in parts of about CHUNK or more, cut where `between` has matched.

    Never before a byte order mark, which would be taken for that of a file.
    """
    pending = b""
    while data := source.read(CHUNK):
        pending += data
        searched = between.finditer(pending, max(0, len(pending) - len(data) - 1))
        inside = (m for m in searched if m.end() + len(UTF8_MARK) <= len(pending))
        cuts = (m for m in inside if not pending.startswith(UTF8_MARK, m.end()))
        for last in deque(cuts, maxlen=1):
            yield pending[: last.end()]
            pending = pending[last.end() :]
    if pending:
        yield pending


_own: tuple[Tagger, Layout]  # of a process of the pool


def _begin(model: str, layout: Layout, options: TagOptions) -> None:
    """What a process of the pool does first: load the model."""
    from threadpoolctl import threadpool_limits

    global _own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # also where it could not be blocked
    _own = load(model, options), layout
    threadpool_limits(1)  # the processes share the cores


def _label(chunk: bytes) -> tuple[str, int]:
    """In a process of the pool: a part of the file with the answers in it, and how many tokens."""
    tagger, layout = _own
    out = io.StringIO(newline="")
    try:
        tokens = label_stream(tagger, layout, io.BytesIO(chunk), "", out)
    except DataError as error:
        raise ChunkFault from error
    return out.getvalue(), tokens
