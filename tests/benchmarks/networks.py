"""Every network of the source notes on the same tags, with the same budget: a table on dev.

    python tests/benchmarks/networks.py CORPORA [--seed N] [--only NAME …]

CORPORA is the folder that holds ud_en_ewt/. Trains on train, scores on dev; test is never read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

# Benchmarks use the BLAS kernels of this machine, whatever the environment says.
os.environ.pop("OPENBLAS_CORETYPE", None)

from heard import Heard

import windowclf
from windowclf.network.reports import EpochReport

CONFIGS = Path(__file__).parents[2] / "configs"
NETWORKS: dict[str, tuple[str, list[str]]] = {
    "none": ("ewt-logistic", []),
    "sigmoid": ("ewt-sigmoid", []),
    "tanh": ("ewt-sigmoid", ["model.hidden.activation=tanh"]),
    "hard_tanh": ("ewt-sigmoid", ["model.hidden.activation=hard_tanh"]),
    "relu": ("ewt-sigmoid", ["model.hidden.activation=relu"]),
    "relu + char_cnn": ("ewt-char-cnn", []),
    "relu, Elman one way": ("ewt-elman", ["model.recurrence.directions=1"]),
    "relu, Elman two ways": ("ewt-elman", []),
    "word + shape": (
        "ewt-sigmoid",
        ["model.hidden.activation=relu", "features.use=[{kind: word}, {kind: shape}]"],
    ),
    "word + shape + char_cnn": (
        "ewt-sigmoid",
        [
            "model.hidden.activation=relu",
            "features.use=[{kind: word}, {kind: shape}, {kind: char_cnn}]",
        ],
    ),
}


def train(name: str, corpora: Path, seed: int, folder: Path) -> dict[str, float]:
    config, settings = NETWORKS[name]
    files = corpora / "ud_en_ewt"
    epochs: list[EpochReport] = []
    result = windowclf.train(
        CONFIGS / f"{config}.yaml",
        [
            *settings,
            f"seed={seed}",
            f"output={json.dumps(str(folder))}",
            f"data.train={files}/en_ewt-ud-train.conllu",
            f"data.dev={files}/en_ewt-ud-dev.conllu",
            "data.test=null",
            "training.epochs=8",
        ],
        listener=Heard(
            report=lambda report: epochs.append(report) if isinstance(report, EpochReport) else None
        ),
    )
    dev = result.evaluations["dev"]
    return {
        "accuracy": 100 * dev["accuracy"],
        "unseen": 100 * dev["unseen"]["accuracy"],
        "seconds": sum(epoch.seconds for epoch in epochs),
        "tokens_per_second": sorted(e.tokens_per_second for e in epochs)[len(epochs) // 2],
    }


def main() -> None:
    """Train every network and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(NETWORKS))
    arguments = parser.parse_args()
    print("| network | accuracy | unseen words | training seconds | tokens a second |")
    print("|---|---|---|---|---|")
    for name in arguments.only or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            row = train(name, arguments.corpora, arguments.seed, Path(folder))
        print(
            f"| {name} | {row['accuracy']:.2f} | {row['unseen']:.2f} | {row['seconds']:.0f} "
            f"| {row['tokens_per_second']:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
