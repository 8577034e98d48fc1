"""The command that changes a model: compress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import windowclf
from windowclf.commands.options import JsonOption, ModelArgument, print_json
from windowclf.system.paths import own_descriptor


def compress(
    model: ModelArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The smaller model file.")
    ],
    dtype: Annotated[
        str, typer.Option(metavar="DTYPE", help="What matrices become: int8, float16 or float32.")
    ] = "int8",
    size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="The most that the file may have, such as 900kB or 1.5MB; rows of the tables "
            "that matter least are left out for it.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A labelled file to score the model on before and after: dev, as test is for the "
            "end.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a smaller model file: coarser numbers, packed words and, with --size, fewer rows.

    The other commands read it as any model; it cannot be trained further or compressed again.
    """
    from windowclf.commands.model_display import print_compression
    from windowclf.commands.progress import Notices

    try:
        facts = windowclf.compress(model, output, dtype, size, data, Notices())
    except BrokenPipeError:  # the reader of --output has gone
        raise SystemExit(0) from None
    if own_descriptor(output) == 1:
        return  # that is where the model is
    print_json(facts) if as_json else print_compression(facts)
