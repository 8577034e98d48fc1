"""Scores of whole `windowclf train` commands, mean and spread over seeds.

    python tests/benchmarks/scores.py configs/ewt.yaml configs/wnut17.yaml --seeds 1 2 3

Run it where the configs find their corpora. Each run is a process of its own; its seconds are those
of the command, from the shell to its end. The spread is half of what lies between the best and the
worst seed. `--dev-only` leaves the test file unread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe

PROGRAM = [sys.executable, "-c", "from windowclf.commands.entry import main; main()", "train"]


def main_score(evaluation: dict[str, Any]) -> float:
    """Span F1, word F1, or accuracy, in per cent."""
    for part in ("spans", "words"):
        if part in evaluation:
            return 100 * float(evaluation[part]["f1"])
    return 100 * float(evaluation["accuracy"])


def one_run(config: str, seed: int, settings: list[str], folder: Path) -> dict[str, float]:
    """The scores by data file, and the seconds of the command."""
    command = [*PROGRAM, config, "--output", str(folder / "run"), "--overwrite"]
    for setting in [f"seed={seed}", *settings]:
        command += ["--set", setting]
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    began = time.perf_counter()
    subprocess.run(command, check=True, env=environment, capture_output=True)
    seconds = time.perf_counter() - began
    evaluations = json.loads((folder / "run/evaluation.json").read_text(encoding="utf-8"))
    scores = {name: main_score(one) for name, one in evaluations.items() if "accuracy" in one}
    return {**scores, "seconds": seconds}


def mean_and_spread(values: list[float]) -> str:
    """As `95.12 ± 0.07`."""
    spread = (max(values) - min(values)) / 2
    return f"{sum(values) / len(values):.2f} ± {spread:.2f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="+", metavar="CONFIG")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="K=V")
    parser.add_argument("--dev-only", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    settings = [*args.settings, *(["data.test=null"] if args.dev_only else [])]
    print(describe())
    print("\n| config | dev | test | seconds |\n|---|---:|---:|---:|", flush=True)
    rows: dict[str, list[dict[str, float]]] = {}
    for config in args.configs:
        with tempfile.TemporaryDirectory() as folder:
            runs = [one_run(config, seed, settings, Path(folder)) for seed in args.seeds]
        rows[config] = runs
        columns = [[run[key] for run in runs if key in run] for key in ("dev", "test", "seconds")]
        cells = [mean_and_spread(values) if values else "–" for values in columns]
        print(f"| {Path(config).stem} | {' | '.join(cells)} |", flush=True)
    if args.json:
        found = {"machine": describe(), "settings": settings, "seeds": args.seeds, "rows": rows}
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
