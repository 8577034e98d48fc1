"""A model compressed to smaller and smaller files, each with its score: a table on dev.

    python tests/benchmarks/sizes.py MODEL DEV [--sizes 2MB 1MB …]

MODEL is a run folder or a model file as train wrote it, DEV a labelled file, not the test file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

# Benchmarks use the BLAS kernels of this machine, whatever the environment says.
os.environ.pop("OPENBLAS_CORETYPE", None)

import windowclf
from windowclf.analysis.evaluation import evaluate_tagger, main_figures
from windowclf.pipeline.texts import text_of_files
from windowclf.tagging.model_file import find_model, load_model
from windowclf.tagging.tagger import Tagger

SIZES = ("2MB", "1.75MB", "1.5MB", "1.25MB", "1MB", "800kB", "600kB")


def figures(file: Path, original: Path, dev: str) -> dict[str, float]:
    """Scores in percent; seen and unseen words are those of the original."""
    model, seen = load_model(file), load_model(original).spec.vocabulary.seen
    tagger = Tagger(
        replace(
            model, spec=replace(model.spec, vocabulary=replace(model.spec.vocabulary, seen=seen))
        )
    )
    sentences = text_of_files([dev]).read(model.spec.layout)
    scores = main_figures(model.spec, evaluate_tagger(tagger, sentences))
    return {name: 100 * score for name, score in scores.items()}


def rows(model: Path, dev: str, sizes: list[str]) -> Iterator[tuple[str, int, dict[str, float]]]:
    """(what was asked for, bytes, scores), the model as it is first."""
    yield "as trained", model.stat().st_size, figures(model, model, dev)
    asked = [("float16", None), ("int8", None), *(("int8", size) for size in sizes)]
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.safetensors"
        for dtype, size in asked:
            windowclf.compress(model, small, dtype, size)
            name = f"--dtype {dtype}" if size is None else f"--size {size}"
            yield name, small.stat().st_size, figures(small, model, dev)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dev")
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    arguments = parser.parse_args()
    model = find_model(arguments.model)
    headed = False
    for name, size, scores in rows(model, arguments.dev, arguments.sizes):
        if not headed:
            print(f"| compress | bytes | {' | '.join(scores)} |\n|---|---:|{'---:|' * len(scores)}")
            headed = True
        cells = " | ".join(f"{score:.2f}" for score in scores.values())
        print(f"| {name} | {size:,} | {cells} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
