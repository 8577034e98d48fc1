"""Arguments and options that several commands have, and JSON as their answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file; configs/ holds one per use.")
]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder, or the model file in it.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of the config, as in `--set training.epochs=5`; VALUE is YAML.",
    ),
]
DecodeOption = Annotated[
    Literal["viterbi", "posterior"],
    typer.Option(
        help="How a CRF chooses: the most probable sequence, or the legal one with the largest "
        "product of the labels' own probabilities."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """Print a result as JSON, for programs."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
