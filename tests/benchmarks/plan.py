"""What `windowclf plan` says beside what `windowclf train` then takes, for every config.

    python tests/benchmarks/plan.py CORPORA [--configs ewt slots …] [--epochs 3] [--rounds 3]

Whole commands, in a temporary folder in which `corpora` is a link to CORPORA. A round is a plan, a
run and a plan again, for a shared machine is not the same from one minute to the next: the run is
compared with the mean of the two, at the epochs that it had (early stopping makes it shorter).
`--epochs` is the most that a run gets. `tenfold` is ewt-fast with ten copies of its training text.
Of several rounds each ratio is the median.
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
from pathlib import Path
from typing import Any

from machine import describe

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from windowclf.commands.entry import main; main()"]
TEXT = "corpora/ud_en_ewt/en_ewt-ud-train.conllu"


def settings_of(name: str, folder: Path, epochs: int | None) -> tuple[str, list[str]]:
    """The config of a row and its --set options."""
    settings = []
    if name == "tenfold":
        copies = folder / "tenfold.conllu"
        if not copies.exists():
            copies.write_bytes((folder / TEXT).read_bytes() * 10)
        settings = [f"data.train={copies}", "training.epochs=1"]
        name = "ewt-fast"
    elif epochs is not None:
        configured = json.loads(command(folder, "plan", f"configs/{name}.yaml", "--json")[1])
        settings = [f"training.epochs={min(epochs, configured['epochs'])}"]
    return f"configs/{name}.yaml", [part for each in settings for part in ("--set", each)]


def command(folder: Path, *arguments: str) -> tuple[float, str, int]:
    """Seconds, standard output and peak bytes of a command."""
    out = folder / "out.json"
    began = time.perf_counter()
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*PROGRAM, *arguments], cwd=folder, stdout=file, stderr=subprocess.DEVNULL
        )
        _, code, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
    return seconds, out.read_text(encoding="utf-8"), 1024 * usage.ru_maxrss


def one_round(folder: Path, config: str, options: list[str]) -> dict[str, float]:
    """Planned and measured seconds, bytes of memory and bytes on the disk."""
    run = folder / "runs" / "one"
    for old in [*run.parent.glob("*/*"), *run.parent.glob(".windowclf-corpora/*/*")]:
        old.unlink() if old.is_file() else None
    plans = [_plan(folder, config, options)]
    seconds, _, peak = command(
        folder, "train", config, *options, "--output", str(run), "--overwrite"
    )
    plans.append(_plan(folder, config, options))
    epochs = len((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    planned = [
        plan["seconds"]["total"] - (plan["epochs"] - epochs) * plan["epoch_seconds"]
        for plan in plans
    ]
    files = [path for path in run.parent.rglob("*") if path.is_file()]
    return {
        "epochs": epochs,
        "planned_seconds": statistics.mean(planned),
        "seconds": seconds,
        "planned_bytes": statistics.mean(plan["memory"] for plan in plans),
        "bytes": peak,
        "planned_disk": statistics.mean(plan["disk"]["total"] for plan in plans),
        "disk": sum(path.stat().st_size for path in files),
    }


def _plan(folder: Path, config: str, options: list[str]) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(command(folder, "plan", config, *options, "--json")[1])
    return plan


def row(name: str, rounds: list[dict[str, float]]) -> str:
    """A row of the table: what was measured in the last round, and the median ratios."""
    last = rounds[-1]
    cells = [name, f"{last['epochs']:.0f}"]
    for planned, found, unit, form in (
        ("planned_seconds", "seconds", 1.0, ".1f"),
        ("planned_bytes", "bytes", 1e6, ".0f"),
        ("planned_disk", "disk", 1e6, ".1f"),
    ):
        ratio = statistics.median(each[planned] / each[found] for each in rounds)
        cells += [f"{last[planned] / unit:{form}}", f"{last[found] / unit:{form}}", f"{ratio:.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    names = sorted(path.stem for path in (REPOSITORY / "configs").glob("*.yaml"))
    parser.add_argument("--configs", nargs="+", default=[*names, "tenfold"], metavar="NAME")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(describe(), end="\n\n")
    print("| config | epochs | planned s | s | ratio | planned MB | MB | ratio ", end="")
    print("| planned disk MB | MB | ratio |\n|---|" + "---:|" * 10, flush=True)
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("configs", "data"):
            (folder / name).symlink_to(REPOSITORY / name)
        (folder / "corpora").symlink_to(arguments.corpora.resolve())
        for name in arguments.configs:
            config, options = settings_of(name, folder, arguments.epochs)
            found[name] = [one_round(folder, config, options) for _ in range(arguments.rounds)]
            print(row(name, found[name]), flush=True)
    if arguments.json:
        result = {"machine": describe(), "epochs": arguments.epochs, "rounds": found}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
