"""One Tagger under load: many threads, forks among them, and memory over a very long stream.

`python tests/hammer.py --threads 32 --requests 10000 --tokens 200000000`: requests are those of
each thread. Every answer must be that of one thread alone; a process that is forked while the
threads are at work must give the same answers; the resident memory at the end may be 5 % more than
after the first million tokens. `--model` takes a model of your own; exit 1 where anything fails.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpora
import numpy as np

import windowclf
from windowclf.text.sentence import Sentence

DISTINCT = 300  # requests that differ
FORKS = 5
FORK_SECONDS = 300
FIRST = 1_000_000  # tokens after which the memory is measured
MOST_GROWTH = 0.05
CACHE_MB = 16  # so that the rows of frequent tokens are thrown away several times before that
SETTINGS = (
    "features.use=[{kind: word, dim: 16}, {kind: lower, dim: 8}, {kind: suffix, length: 3},"
    " {kind: shape}, {kind: ngrams, buckets: 500}, {kind: char_cnn, filters: 8}]",
    "training.epochs=3",
)


def trained(folder: Path) -> windowclf.Tagger:
    """A small model with every kind of feature that text has."""
    model = windowclf.train(corpora.tagging(folder), SETTINGS).model_path
    return windowclf.load(model, options=windowclf.TagOptions(cache_mb=CACHE_MB))


def words(rng: random.Random, count: int) -> list[str]:
    """Known words, with some that no other place has."""
    known = [*corpora.TAGS, "Oslo", "3.5", "\u200d", "猫"]
    return [rng.choice(known) if rng.random() < 0.8 else f"x{rng.random()}" for _ in range(count)]


def request(number: int) -> tuple[str, Any]:
    """The method and the argument of a request; the same for the same number."""
    rng = random.Random(number)
    if number % 4 == 3:
        return "predict_text", " ".join(words(rng, rng.randrange(60)))
    sentences = [words(rng, rng.randrange(30)) for _ in range(rng.randrange(6))]
    return ("predict_proba" if number % 4 == 2 else "predict"), sentences


def answer(tagger: windowclf.Tagger, number: int) -> Any:
    method, given = request(number)
    return getattr(tagger, method)(given)


def is_same(one: Any, other: Any) -> bool:
    """Equal labels and spans; scores to the last digits of float32."""
    if one and isinstance(one[0], np.ndarray):
        pairs = zip(one, other, strict=True)
        return all(np.allclose(a, b, rtol=1e-4, atol=1e-7) for a, b in pairs)
    return bool(one == other)


def hammer(tagger: windowclf.Tagger, threads: int, requests: int) -> list[str]:
    """What went wrong with `requests` requests in each of so many threads, forking meanwhile."""
    alone = [answer(tagger, number) for number in range(DISTINCT)]
    wrong: list[str] = []
    done = [0] * threads
    ready = threading.Barrier(threads + 1)

    def work(own: int) -> None:
        rng = random.Random(own)
        ready.wait()
        for _ in range(requests):
            number = rng.randrange(DISTINCT)
            try:
                if not is_same(answer(tagger, number), alone[number]):
                    wrong.append(f"thread {own}: another answer to request {number}")
            except Exception as error:  # whatever it is, it must not be
                wrong.append(f"thread {own}: {type(error).__name__}: {error}")
            done[own] += 1

    pool = [threading.Thread(target=work, args=(own,)) for own in range(threads)]
    for thread in pool:
        thread.start()
    ready.wait()
    began = shown = time.monotonic()
    total = threads * requests
    for number in range(FORKS):
        while sum(done) < total * number // FORKS and any(thread.is_alive() for thread in pool):
            time.sleep(0.001)
        if fault := fault_of_fork(tagger, alone):
            wrong.append(fault)
    while any(thread.is_alive() for thread in pool):
        time.sleep(0.05)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"  {sum(done):,} of {total:,} requests, {len(wrong)} wrong", flush=True)
    seconds = time.monotonic() - began
    print(
        f"{threads} threads, {sum(done):,} requests in {seconds:.1f} s with {FORKS} forks: "
        f"{len(wrong)} wrong",
        flush=True,
    )
    return wrong


def fault_of_fork(tagger: windowclf.Tagger, alone: list[Any]) -> str | None:
    """What is wrong with the answers of a process forked now; one that hangs is ended."""
    child = os.fork()
    if child == 0:
        signal.alarm(FORK_SECONDS)
        try:
            same = all(is_same(answer(tagger, i), alone[i]) for i in range(0, DISTINCT, 7))
            os._exit(0 if same else 3)
        finally:
            os._exit(4)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"a forked process: exit code {code}" if code else None


def stream(tokens: int) -> Iterator[Sentence]:
    """Sentences with so many tokens together, one in fifty of them never seen before."""
    rng = np.random.default_rng(1)
    known = np.array([*corpora.TAGS, *(f"word{i}" for i in range(20_000))], object)
    left, number = tokens, 0
    while left > 0:
        for row in known[(len(known) * rng.random((100, 25)) ** 3).astype(int)].tolist():
            number += 1
            if number % 2:
                row[7] = f"new{number}"
            yield Sentence(row[:left])
            left -= len(row)
            if left <= 0:
                return


def resident() -> int:
    """VmRSS in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("no VmRSS in /proc/self/status")


def soak(tagger: windowclf.Tagger, tokens: int) -> list[str]:
    """What is wrong with the memory after tagging a stream of so many tokens."""
    first = min(FIRST, tokens // 2)
    before = count = 0
    began = shown = time.monotonic()
    for prediction in tagger.tag(stream(tokens)):
        count += len(prediction.labels)
        if not before and count >= first:
            before = resident()
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            speed = count / (shown - began)
            print(f"  {count:,} tokens, {speed:,.0f}/s, {resident() >> 10:,} KiB", flush=True)
    after = resident()
    growth = after / before - 1
    print(
        f"{count:,} tokens in {time.monotonic() - began:.1f} s: {before >> 10:,} KiB after the "
        f"first {first:,}, {after >> 10:,} KiB at the end ({100 * growth:+.2f} %)",
        flush=True,
    )
    judged = first == FIRST  # caches fill at the beginning
    return [f"memory grew by {100 * growth:.1f} %"] if judged and growth > MOST_GROWTH else []


def main() -> None:
    """Hammer and soak a model, say what was measured and fail where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--tokens", type=int, default=200_000_000)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tagger = windowclf.load(arguments.model) if arguments.model else trained(Path(folder))
        wrong = hammer(tagger, arguments.threads, arguments.requests)
        wrong += soak(tagger, arguments.tokens)
    for fault in wrong[:20]:
        print(fault)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
