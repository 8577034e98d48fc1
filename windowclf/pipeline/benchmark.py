"""benchmark: how fast a model tags on this machine, how soon it answers, in how much memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TypedDict

import numpy as np

from windowclf.errors import DataError
from windowclf.pipeline.layouts import layout_for, refuse_strange
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.made_text import made_text
from windowclf.system.arguments import checked_arguments
from windowclf.system.machine import Machine, run_python, this_machine
from windowclf.tagging.model_file import find_model, load_model
from windowclf.tagging.tagger import Tagger
from windowclf.text.formats import BINARY, open_bytes, read_sentences
from windowclf.text.sentence import Sentence

MOST_TOKENS, MOST_SENTENCES = 50_000, 5_000  # of the text
BATCH_TOKENS = 5_000  # that are asked for at a time
SECONDS = 1.2  # of each of warming up, batches and single sentences
FEWEST = 20  # single sentences
STARTS = 5  # fresh processes
FRESH = """
import json, os, sys
import windowclf
tagger = windowclf.load(sys.argv[1])
for line in sys.stdin:
    tagger.predict([windowclf.Sentence(tokens, columns=own) for tokens, own in json.loads(line)])
from windowclf.system.memory import peak_memory
print(peak_memory(), flush=True)
os._exit(0)
"""


class BenchmarkText(TypedDict):
    """What was tagged."""

    source: str  # the file, or "the model's words"
    sentences: int
    tokens: int


class Latency(TypedDict):
    """Seconds from one sentence to its labels."""

    p50: float
    p99: float
    sentences: int  # that were timed, one at a time


class BenchmarkMemory(TypedDict):
    """Peak bytes of a fresh process."""

    one_sentence: int
    text: int  # that tags all of the text


class Benchmark(TypedDict):
    """What a model does on a machine."""

    file: str
    bytes: int
    text: BenchmarkText
    tokens_per_second: float  # of batches, on one core
    latency: Latency
    start: float  # seconds of a fresh Python to its first answer, the median
    memory: BenchmarkMemory
    machine: Machine


@checked_arguments
def benchmark(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    listener: Listener = SILENT,
    *,
    format_: str | None = None,
) -> Benchmark:
    """Measure a model on this machine: tokens a second, latency, start and memory.

    `data` is a file that predict takes, of which the first MOST_TOKENS tokens are tagged; without
    it a text is made of the model's own words. A few seconds in all. Raises ModelFileError or
    DataError.
    """
    path = find_model(Path(model))
    tagger = Tagger(load_model(path))
    sentences = _sentences(tagger, data, format_)
    tokens = sum(len(sentence.tokens) for sentence in sentences)
    starts = [_fresh(path, sentences[:1], listener, i / (STARTS + 1)) for i in range(STARTS)]
    whole = _fresh(path, sentences, listener, STARTS / (STARTS + 1))
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "text": {
            "source": "the model's words" if data is None else os.fspath(data),
            "sentences": len(sentences),
            "tokens": tokens,
        },
        "tokens_per_second": _speed(tagger, sentences, listener),
        "latency": _latency(tagger, sentences, listener),
        "start": median(seconds for seconds, _ in starts),
        "memory": {"one_sentence": max(peak for _, peak in starts), "text": whole[1]},
        "machine": this_machine(),
    }


def _sentences(
    tagger: Tagger, data: str | os.PathLike[str] | None, format_: str | None
) -> list[Sentence]:
    """The text to tag, without empty sentences. Raises DataError where there is none."""
    if data is None:
        return made_text(tagger.model.spec, MOST_TOKENS)[:MOST_SENTENCES]
    name = os.fspath(data)
    layout = layout_for(tagger.model.spec.layout, name, format_)
    found: list[Sentence] = []
    tokens = 0
    with open_bytes(name, layout.format not in BINARY) as file:
        if format_ is None:
            refuse_strange(file, name, layout)
        for sentence in read_sentences(file, layout, name):
            if sentence.tokens:
                found.append(sentence.without_source())
                tokens += len(sentence.tokens)
            if tokens >= MOST_TOKENS or len(found) == MOST_SENTENCES:
                break
    if not found:
        raise DataError(f"{name}: no sentence found; nothing to tag.")
    return found


def _fresh(
    path: Path, sentences: Sequence[Sentence], listener: Listener, done: float
) -> tuple[float, int]:
    """Seconds and peak bytes of a fresh Python that tags some sentences."""
    listener.working("starting", done)
    batches = (
        [(list(s.tokens), {name: list(own) for name, own in s.columns.items()}) for s in batch]
        for batch in _batches(sentences)
    )
    lines = "".join(json.dumps(batch) + "\n" for batch in batches)
    ended = run_python(FRESH, str(path), given=lines)
    return ended.seconds, int(ended.output)


def _speed(tagger: Tagger, sentences: Sequence[Sentence], listener: Listener) -> float:
    """Tokens a second of a batch, the median, once the tagger is warm."""
    batches = cycle(list(_batches(sentences)))
    speeds: list[float] = []
    for phase in ("warming up", "batches"):
        began, speeds = time.perf_counter(), []
        while (before := time.perf_counter()) - began < SECONDS or not speeds:
            listener.working(phase, min(1.0, (before - began) / SECONDS))
            tokens = sum(map(len, tagger.predict(next(batches))))
            speeds.append(tokens / (time.perf_counter() - before))
    return median(speeds)


def _batches(sentences: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    """The sentences in batches of BATCH_TOKENS or more."""
    batch: list[Sentence] = []
    tokens = 0
    for sentence in sentences:
        batch.append(sentence)
        tokens += len(sentence.tokens)
        if tokens >= BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def _latency(tagger: Tagger, sentences: Sequence[Sentence], listener: Listener) -> Latency:
    """How long single sentences take."""
    seconds: list[float] = []
    began = time.perf_counter()
    for sentence in cycle(sentences):
        before = time.perf_counter()
        if before - began > SECONDS and len(seconds) >= FEWEST:
            break
        tagger.predict([sentence])
        seconds.append(time.perf_counter() - before)
        if len(seconds) % FEWEST == 0:
            listener.working("single sentences", min(1.0, (before - began) / SECONDS))
    middle, slow = np.percentile(seconds, [50, 99]).tolist()
    return {"p50": middle, "p99": slow, "sentences": len(seconds)}
