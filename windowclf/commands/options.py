"""Arguments and options that several commands have, and JSON as their answer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from windowclf.errors import legible

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file, as `windowclf init` writes one.")
]
ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder, or the model file in it.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of the config, as in `--set training.epochs=5`; VALUE is YAML. "
        "Variables of the environment do so too, below --set: WINDOWCLF_TRAINING__EPOCHS=5.",
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


def overrides_of(set_: list[str] | None, *more: str) -> list[str]:
    """The overrides of a command line: from the environment, then --set, then further ones.

    Says on standard error which variables were applied. Raises ConfigError for one that is no key.
    """
    from windowclf.config.environment import variables_in

    variables = variables_in(os.environ)
    for variable in variables:
        print(f"note: {variable.key} is from {legible(variable.name)}.", file=sys.stderr)
    return [*(variable.override for variable in variables), *(set_ or []), *more]


def print_json(value: Any) -> None:
    """Print a result as JSON, for programs."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
