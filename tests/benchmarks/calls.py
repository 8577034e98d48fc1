"""What one sentence a call costs: microseconds of Tagger.predict, beside another commit in turn.

    python tests/benchmarks/calls.py MODEL [--against REVISION] [--rounds 7]

A sentence of 13 tokens, one BLAS thread, each round 1,000 calls in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import machine

ROOT = Path(__file__).parents[2]
MEASURE = """
import sys, time, windowclf
tagger = windowclf.load(sys.argv[1])
words = "Dr. Amina Rossi of Northwind Ltd moved to Lisbon on 3 May .".split()
columns = [f.column for f in getattr(tagger.model, "spec", tagger.model).architecture.features]
extra = {name: ["NNP"] * len(words) for name in columns if name}
sentence = windowclf.Sentence(words, columns=extra) if extra else words
for _ in range(200):
    tagger.predict([sentence])
began = time.perf_counter()
for _ in range(1000):
    tagger.predict([sentence])
print(1000 * (time.perf_counter() - began))
"""


def microseconds(package: Path, model: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(package), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", MEASURE, str(Path(model).resolve())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--against", metavar="REVISION")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(machine.describe())
    with tempfile.TemporaryDirectory() as folder:
        packages = {"here": ROOT}
        if arguments.against:
            subprocess.run(
                f"git archive {arguments.against} windowclf | tar -x -C {folder}",
                shell=True,
                check=True,
                cwd=ROOT,
            )
            packages[arguments.against] = Path(folder)
        found: dict[str, list[float]] = {name: [] for name in packages}
        for _ in range(arguments.rounds):
            for name, package in packages.items():
                found[name].append(microseconds(package, arguments.model))
    for name, values in found.items():
        middle = statistics.median(values)
        print(f"{name:>10}  {middle:7.0f} µs a sentence, least {min(values):.0f}")
    if len(found) == 2:
        here, there = found.values()
        ratios = [a / b for a, b in zip(here, there, strict=True)]
        print(f"{'ratio':>10}  {statistics.median(ratios):7.2f}")


if __name__ == "__main__":
    main()
