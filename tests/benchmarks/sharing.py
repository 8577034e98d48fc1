"""Two trainings at once on two cores: each must get its share and neither collapse.

    python tests/benchmarks/sharing.py CORPORA [--seconds 8]

The network of training.py at batches of 4,096 tokens: one process with all threads, then two such
processes at the same time. Together they should train as many tokens a second as the one alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from machine import describe
from stream import make_trainer, read_stream
from threadpoolctl import threadpool_limits

from windowclf.system.memory import keep_freed_memory
from windowclf.system.threads import available_cores


def measure(corpora: Path, seconds: float) -> float:
    """Tokens a second over a fixed time, with as many threads as `threads: auto` takes."""
    keep_freed_memory()
    with threadpool_limits(1):
        run = make_trainer(read_stream(corpora, 50_000), 4096, available_cores(), epochs=999).run()
        for _ in range(5):
            next(run)
        began, tokens = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            next(run)
            tokens += 4096
        return tokens / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(measure(arguments.corpora, arguments.seconds))
        return

    def together(count: int) -> list[float]:
        command = [sys.executable, __file__, str(arguments.corpora), "--measure"]
        command += ["--seconds", str(arguments.seconds)]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        return [float(process.communicate()[0]) for process in running]

    (alone,), both = together(1), together(2)
    print(describe(), end="\n\n")
    print(f"one process {alone:,.0f} tokens a second; two at once {both[0]:,.0f} and ", end="")
    print(f"{both[1]:,.0f}, together {sum(both) / alone:.2f} × the one")


if __name__ == "__main__":
    main()
