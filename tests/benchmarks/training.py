"""Training speed: windowclf, PyTorch and JAX on the same network, tokens and optimizer.

    python tests/benchmarks/training.py CORPORA [--rows 50000] [--batches 256 1024 4096 8192]
                                        [--rounds 3] [--sides …] [--json FILE]

Every side trains one epoch of EWT's 204,577 tokens from the same initial parameters, each time in a
process of its own, the sides in turn. First every batch size once, then the best one of each side
`--rounds` times. The roofline is the time of an ideal GEMM, at this machine's measured peak, for
the 6·m·d·H + 6·H·K operations a token of the arithmetic without our sharing among equal tokens.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import describe, peak_flops
from stream import HIDDEN, SLOTS, WIDTH, make_trainer, read_stream
from threadpoolctl import threadpool_limits

from windowclf.network.reports import StepReport
from windowclf.network.settings import Purpose, generator
from windowclf.system.memory import keep_freed_memory

SIDES = ("windowclf", "torch-dense", "torch-sparse", "torch-compiled", "torch-distinct", "jax")
WARM_UP_STEPS = 3


def measure(side: str, corpora: Path, rows: int, batch: int, threads: int) -> dict[str, float]:
    """Tokens a second over one epoch, and the mean loss of its last fifth."""
    stream = read_stream(corpora, rows)
    trainer = make_trainer(stream, batch, threads)
    if side == "windowclf":
        return _ours(stream, batch, threads)
    order = generator(1, Purpose.SHUFFLE, 0).permutation(len(stream.corpus.starts) - 1)
    starts = stream.corpus.starts
    tokens = np.concatenate([np.arange(starts[s], starts[s + 1]) for s in order])
    tokens = tokens[: len(tokens) // batch * batch]  # equal batches, so that nothing is recompiled
    windows, around = stream.windows()[tokens], stream.tokens_around()[tokens]
    labels = stream.corpus.labels[tokens].astype(np.int64)
    by_token = np.stack([slot.ids for slot in stream.slots], axis=1).astype(np.int64)

    def fresh() -> Callable[[int], float]:
        if side == "jax":
            from twin_jax import make_step as jax_step

            return jax_step(trainer.parameters, windows, labels, batch)
        from twin_torch import make_step as torch_step

        return torch_step(
            side, trainer.parameters, windows, around, by_token, labels, batch, threads
        )

    step = fresh()
    for i in range(WARM_UP_STEPS):
        step(i)
    step = fresh() if side != "torch-compiled" else step  # compiling again would take the epoch
    began = time.perf_counter()
    losses = [step(i) for i in range(len(tokens) // batch)]
    return _figures(len(tokens), time.perf_counter() - began, losses)


def _ours(stream, batch: int, threads: int) -> dict[str, float]:
    keep_freed_memory()
    with threadpool_limits(1):
        warm = make_trainer(stream, batch, threads)
        run = warm.run()
        for _ in range(WARM_UP_STEPS):
            next(run)
        warm.workers.close()
        trainer = make_trainer(stream, batch, threads)
        began = time.perf_counter()
        losses = [report.loss for report in trainer.run() if isinstance(report, StepReport)]
        seconds = time.perf_counter() - began
    return _figures(len(stream.corpus.tokens), seconds, losses)


def _figures(tokens: int, seconds: float, losses: list[float]) -> dict[str, float]:
    last = losses[-max(1, len(losses) // 5) :]
    return {"tokens_per_second": tokens / seconds, "loss": statistics.fmean(last)}


def in_process(side: str, batch: int, arguments: argparse.Namespace) -> dict[str, float] | None:
    """The figures of a fresh process; None where the side is not installed or fails."""
    command = [sys.executable, __file__, str(arguments.corpora), "--measure", side]
    command += ["--rows", str(arguments.rows), "--batches", str(batch)]
    command += ["--threads", str(arguments.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  {side} left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def compare(arguments: argparse.Namespace) -> dict[str, object]:
    """The sweep, then the rounds; a table of medians and ratios."""
    sweep: dict[str, dict[int, dict[str, float]]] = {}
    for batch in arguments.batches:
        for side in arguments.sides:
            figures = in_process(side, batch, arguments)
            if figures:
                sweep.setdefault(side, {})[batch] = figures
                speed, loss = figures["tokens_per_second"], figures["loss"]
                print(f"  {side:15} {batch:6,} {speed:10,.0f} {loss:7.4f}", file=sys.stderr)
    best = {side: max(f, key=lambda b: f[b]["tokens_per_second"]) for side, f in sweep.items()}
    rounds: dict[str, list[float]] = {side: [] for side in best}
    for _ in range(arguments.rounds):
        for side, batch in best.items():
            figures = in_process(side, batch, arguments)
            if figures:
                rounds[side].append(figures["tokens_per_second"])
    return {
        "machine": describe(),
        "rows": arguments.rows,
        "threads": arguments.threads,
        "roofline": roofline(arguments.threads),
        "sweep": sweep,
        "best_batch": best,
        "medians": {side: statistics.median(speeds) for side, speeds in rounds.items()},
        "rounds": rounds,
    }


def roofline(threads: int, classes: int = 17) -> float:
    """Tokens a second of an ideal GEMM for the arithmetic that shares nothing."""
    operations = 6 * SLOTS * WIDTH * HIDDEN + 6 * HIDDEN * classes
    return peak_flops(threads) / operations


def show(result: dict) -> None:
    """A Markdown table."""
    ours = result["medians"].get("windowclf", float("nan"))
    print(f"{result['machine']}; V = {result['rows']:,}; {result['threads']} threads\n")
    print("| side | best batch | tokens a second | loss | windowclf is faster by |")
    print("|---|---:|---:|---:|---:|")
    for side, median in result["medians"].items():
        batch = result["best_batch"][side]
        loss = result["sweep"][side][batch]["loss"]
        print(f"| {side} | {batch:,} | {median:,.0f} | {loss:.3f} | {ours / median:.2f} × |")
    print(f"| roofline | | {result['roofline']:,.0f} | | {ours / result['roofline']:.2f} × |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--rows", type=int, default=50_000, help="V")
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 4096, 8192])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        figures = measure(
            arguments.measure,
            arguments.corpora,
            arguments.rows,
            arguments.batches[0],
            arguments.threads,
        )
        print(json.dumps(figures))
        return
    result = compare(arguments)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
