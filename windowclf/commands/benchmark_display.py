"""What people see of a benchmark: figures, and what they were measured on."""

from __future__ import annotations

from windowclf.commands.tables import megabytes, new_table, plain_console
from windowclf.errors import legible
from windowclf.pipeline.benchmark import Benchmark


def print_benchmark(found: Benchmark) -> None:
    """Print what a model does on a machine."""
    latency, memory, text, machine = (
        found["latency"],
        found["memory"],
        found["text"],
        found["machine"],
    )
    table = new_table("", "")
    table.add_row("tokens a second, in batches on one core", f"{found['tokens_per_second']:,.0f}")
    table.add_row("one sentence, ms: half of them within", f"{1000 * latency['p50']:.3f}")
    table.add_row("one sentence, ms: 99 % within", f"{1000 * latency['p99']:.3f}")
    table.add_row("a fresh Python to its first answer, s", f"{found['start']:.2f}")
    table.add_row("memory for one sentence, MB", megabytes(memory["one_sentence"]))
    table.add_row("memory for the text, MB", megabytes(memory["text"]))
    table.add_row("model file, MB", megabytes(found["bytes"]))
    console = plain_console()
    console.print(table)
    console.print(
        f"text: {text['tokens']:,} tokens in {text['sentences']:,} sentences of "
        f"{legible(text['source'])}"
    )
    console.print(
        f"machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, numpy {machine['numpy']}, {machine['blas']}, "
        f"windowclf {machine['windowclf']}"
    )
