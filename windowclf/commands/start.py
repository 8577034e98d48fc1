"""The command with which everything begins: init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

import windowclf


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder to write to, made if need be.")
    ] = Path(),
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A labelled file to learn from.")
    ] = None,
    task: Annotated[
        Literal["spans", "tagging", "segmentation", "slots"] | None,
        typer.Option(help="What is to be learnt; guessed from the file if left out."),
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="To be scored after every epoch; else a part of --data."),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="To be scored once, at the end.")
    ] = None,
) -> None:
    """Write a config to begin with: for your own data, or a quickstart with its data.

    With --data it looks at the file, says what it takes it for and why, and writes a config that
    train takes as it is. Nothing that is there already is overwritten.
    """
    from windowclf.commands.init_display import print_project
    from windowclf.commands.progress import WorkDisplay

    with WorkDisplay() as shown:
        project = windowclf.init(folder, data, task, dev, test, shown)
    print_project(project)
