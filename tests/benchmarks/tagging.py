"""Tagging speed, starting time and memory of a trained model.

    windowclf train configs/ewt-fast.yaml
    python tests/benchmarks/tagging.py CORPORA runs/ewt-fast [--million 10] [--json FILE]

One core: strings in and labels out in Python; a CoNLL file in and out as a command (EWT's training
text, 20 times, so that the command's start counts for little); the time from nothing to the first
tagged sentence as a command and in Python, median of 15; and the memory of a process that tags
`--million` million tokens, after the first million and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine import describe

import windowclf
from windowclf.text.formats import Layout, read_sentences

COPIES = 20
STARTS = 15
START_IN_PYTHON = (
    "import sys, windowclf; windowclf.load(sys.argv[1]).predict([['Anna', 'lives', 'in', 'Oslo']])"
)


def sentences(corpora: Path) -> list[list[str]]:
    path = corpora / "ud_en_ewt" / "en_ewt-ud-train.conllu"
    with path.open("rb") as file:
        layout = Layout(format="conllu", task="tagging", label="upos")
        return [list(sentence.tokens) for sentence in read_sentences(file, layout, "")]


def in_python(model: str, texts: list[list[str]], rounds: int = 7) -> list[float]:
    """Tokens a second of whole passes; the first one, which fills the cache, on its own."""
    tagger = windowclf.load(model)
    tokens = sum(map(len, texts))
    speeds = []
    for _ in range(rounds):
        began = time.perf_counter()
        tagger.predict(texts)
        speeds.append(tokens / (time.perf_counter() - began))
    return speeds


def as_command(command: list[str], text: str | None = None) -> float:
    """Seconds of a whole process."""
    began = time.perf_counter()
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def file_to_file(model: str, texts: list[list[str]], folder: Path, jobs: int) -> float:
    """Tokens a second of the whole command."""
    source = folder / "in.conll"
    one = "".join("".join(f"{token} X\n" for token in text) + "\n" for text in texts)
    source.write_text(one * COPIES)
    predict = [windowclf_command(), "predict", model, str(source), "-o", str(folder / "out.conll")]
    seconds = as_command([*predict, "--jobs", str(jobs)])
    return COPIES * sum(map(len, texts)) / seconds


def windowclf_command() -> str:
    return str(Path(sys.executable).with_name("windowclf"))


def starting(model: str) -> tuple[float, float, float]:
    """Seconds as a command, in Python, and of Python with numpy alone."""
    command = [windowclf_command(), "predict", model]
    python = [sys.executable, "-c", START_IN_PYTHON, model]
    bare = [sys.executable, "-c", "import numpy"]
    times = [
        (as_command(command, "Anna lives in Oslo.\n"), as_command(python), as_command(bare))
        for _ in range(STARTS)
    ]
    return tuple(map(statistics.median, zip(*times, strict=True)))


def resident() -> float:
    """Megabytes that the process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def memory(model: str, texts: list[list[str]], million: int) -> tuple[float, float, float, float]:
    """Megabytes after the first million tokens, at the end and at most; tokens a second."""
    tagger = windowclf.load(model)

    def stream() -> Iterator[list[str]]:
        sent, copy = 0, 0
        while sent < million * 1_000_000:
            for text in texts:
                # One word in twenty is new in every copy.
                yield [f"{token}{copy}" if hash(token) % 20 == 0 else token for token in text]
                sent += len(text)
            copy += 1

    seen, first, most, began = 0, 0.0, 0.0, time.perf_counter()
    chunk: list[list[str]] = []
    for text in stream():
        chunk.append(text)
        if len(chunk) == 5000:
            seen += sum(map(len, tagger.predict(chunk)))
            chunk.clear()
            most = max(most, resident())
            if not first and seen >= 1_000_000:
                first = resident()
    return first, resident(), most, seen / (time.perf_counter() - began)


@contextmanager
def one_core() -> Iterator[None]:
    """This process and those it starts, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("model")
    parser.add_argument("--million", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model, texts = arguments.model, sentences(arguments.corpora)
    commands, python, numpy_alone = starting(model)
    with tempfile.TemporaryDirectory() as folder:
        shared = file_to_file(model, texts, Path(folder), jobs=2)
        with one_core():
            first, *others = in_python(model, texts)
            alone = file_to_file(model, texts, Path(folder), jobs=1)
            first_million, end, most, speed = memory(model, texts, arguments.million)
    rows = {
        "strings in, labels out, one core, tokens a second": statistics.median(others),
        "the same, first pass": first,
        "file to file, one core, tokens a second": alone,
        "file to file, two processes, tokens a second": shared,
        "start to first sentence, command, s": commands,
        "start to first sentence, Python, s": python,
        "of that, Python and numpy, s": numpy_alone,
        "memory after 1 million tokens, MB": first_million,
        f"memory after {arguments.million} million tokens, MB": end,
        "most memory, MB": most,
        "tokens a second of that stream, one word in twenty new": speed,
    }
    print(describe(), end="\n\n")
    for name, value in rows.items():
        print(f"| {name} | {value:,.3f} |" if value < 10 else f"| {name} | {value:,.0f} |")
    if arguments.json:
        result = {"machine": describe(), "model": model, **rows}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
