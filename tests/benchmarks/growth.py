"""What ten times the tokens and ten times the vocabulary cost.

    python tests/benchmarks/growth.py CORPORA [--copies 1 10 100] [--json FILE]

Tokens: EWT's training text, repeated with one word in ten replaced by a new one in every copy,
written to a file and trained on for one epoch by the command, reading and all. Vocabulary: the
network of training.py at 50,000 and 500,000 rows and batches of 1,024 tokens, a step of each in
turn.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe
from stream import make_trainer, read_stream
from threadpoolctl import threadpool_limits

from windowclf.system.memory import keep_freed_memory
from windowclf.text.formats import Layout, read_sentences

STEPS = 300


def write_copies(corpora: Path, target: Path, copies: int) -> int:
    """A conll file of `copies` variants of the text, and its number of tokens."""
    path = corpora / "ud_en_ewt" / "en_ewt-ud-train.conllu"
    layout = Layout(format="conllu", task="tagging", label="upos")
    with path.open("rb") as file:
        text = [
            (s.tokens, [label or "X" for label in s.labels or ()])
            for s in read_sentences(file, layout, str(path))
        ]
    tokens = 0
    with target.open("w") as out:
        for copy in range(copies):
            for words, labels in text:
                for word, label in zip(words, labels, strict=True):
                    new = copy and sum(word.encode()) % 10 == copy % 10
                    out.write(f"{word.replace(' ', '_')}{copy if new else ''}\t{label}\n")
                out.write("\n")
                tokens += len(words)
    return tokens


def train(file: Path, folder: Path) -> tuple[float, float]:
    """Seconds of the whole command, and megabytes at its peak."""
    command = [str(Path(sys.executable).with_name("windowclf")), "train", str(folder / "c.yaml")]
    (folder / "c.yaml").write_text(
        f"{{task: tagging, data: {{train: {json.dumps(str(file))}}}, training: {{epochs: 1}}}}"
    )
    began = time.perf_counter()
    command += ["--output", str(folder / file.stem)]
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def steps(corpora: Path, sizes: list[int], threads: int) -> dict[int, float]:
    """Median seconds of a step at each number of rows, taken in turn."""
    keep_freed_memory()
    runs = {
        rows: make_trainer(read_stream(corpora, rows), 1024, threads, epochs=99).run()
        for rows in sizes
    }
    times: dict[int, list[float]] = {rows: [] for rows in sizes}
    with threadpool_limits(1):
        for _ in range(STEPS):
            for rows, run in runs.items():
                began = time.perf_counter()
                next(run)
                times[rows].append(time.perf_counter() - began)
    return {rows: statistics.median(own[10:]) for rows, own in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result: dict[str, object] = {"machine": describe(), "tokens": [], "rows": {}}
    print(describe(), end="\n\n")
    print("| tokens | whole command, s | of the row above | peak MB |\n|---:|---:|---:|---:|")
    before = None
    grown: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for copies in arguments.copies:
            file = Path(folder) / f"copies{copies}.conll"
            tokens = write_copies(arguments.corpora, file, copies)
            seconds, peak = train(file, Path(folder))
            ratio = f"{seconds / before:.1f} ×" if before else ""
            print(f"| {tokens:,} | {seconds:.1f} | {ratio} | {peak:,.0f} |", flush=True)
            grown.append({"tokens": tokens, "seconds": seconds, "peak_mb": peak})
            before = seconds
            file.unlink()
    found = steps(arguments.corpora, [50_000, 500_000], arguments.threads)
    small, large = found.values()
    print(
        f"\nstep at 50,000 rows {1000 * small:.2f} ms, at 500,000 {1000 * large:.2f} ms: ", end=""
    )
    print(f"{large / small:.2f} ×")
    result |= {"tokens": grown, "rows": found}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
