"""The command check."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import windowclf
from windowclf.commands.options import (
    ConfigArgument,
    JsonOption,
    SetOption,
    overrides_of,
    print_json,
)


def check_line(config: Path, set_: Sequence[str]) -> str:
    """The command line that checks a config with some overrides."""
    settings = [part for item in set_ for part in ("--set", item)]
    return shlex.join(["windowclf", "check", str(config), *settings])


def check(
    config: ConfigArgument,
    set_: SetOption = None,
    as_json: JsonOption = False,
    test: Annotated[
        bool, typer.Option("--test", help="Show how often each label stands in the test files too.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where there are warnings, too.")
    ] = False,
) -> None:
    """Look at the texts of a config: figures, warnings and every fault of every file.

    All files are read to their ends, whatever is wrong with them; nothing
    is written. Test files are read for their sizes, their faults and what
    they share with train; they are never scored. Of a file with faults the
    sentences without any are counted. Exits with 1 where there are faults.
    """
    from windowclf.commands.check_display import print_check, tree_of
    from windowclf.commands.progress import WorkDisplay

    overrides = overrides_of(set_)
    with WorkDisplay() as shown:
        found = windowclf.check(config, overrides, test=test, listener=shown)
    print_json(tree_of(found)) if as_json else print_check(found)
    if found["faults"] or (strict and found["warnings"]):
        raise typer.Exit(1)
