"""The commands of a service that serves: promote, token, backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from windowclf.commands.options import JsonOption, print_json
from windowclf.commands.service import ServerOption, TokenOption, client_of


def promote(
    tagger: Annotated[str, typer.Argument(metavar="TAGGER")],
    version: Annotated[int | None, typer.Argument(metavar="[VERSION]", min=1)] = None,
    alias: Annotated[
        str, typer.Option(metavar="NAME", help="What clients ask for.")
    ] = "production",
    comparison: Annotated[
        int | None,
        typer.Option(metavar="JOB", min=1, help="The compare job that the tagger's gate asks for."),
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Back to the version that served before.")
    ] = False,
    why: Annotated[str, typer.Option(metavar="TEXT", help="For the alias's log.")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a version serve; it does once this command ends. No request is lost meanwhile."""
    from windowclf.commands.promotion import print_promotion

    if rollback == (version is not None):
        raise typer.BadParameter("expected a VERSION, or --rollback.")
    client = client_of(server, token_file)
    if version is None:
        found = client.rollback(tagger, alias, why=why)
    else:
        found = client.promote(tagger, version, alias, comparison=comparison, why=why)
    print_json(found) if as_json else print_promotion(found)


def token(
    action: Annotated[
        Literal["list", "make", "remove"], typer.Argument(metavar="[list|make|remove]")
    ] = "list",
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    role: Annotated[
        Literal["predict", "annotate", "train", "admin"],
        typer.Option(help="What it may; each may what those before it may."),
    ] = "predict",
    days: Annotated[
        float | None, typer.Option(help="After which it ends; without this it does not.")
    ] = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """The tokens of a server: who may use it. A new one is printed once, and never again."""
    client = client_of(server, token_file)
    if action == "list":
        found = client.tokens()
        if as_json:
            print_json(found)
        else:
            print("".join(f"{each['name']}\t{each['role']}\n" for each in found), end="")
        return
    if name is None:
        raise typer.BadParameter(f"{action}: expected the NAME of a token.")
    if action == "remove":
        client.remove_token(name)
        return
    made = client.make_token(name, role, days)
    print_json(made) if as_json else print(made["token"])


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy, a tar.")],
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Copy all that a server keeps into one file, while it works. No token's text is in it."""
    client_of(server, token_file).backup(file)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `windowclf backup`.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Not there yet; what `serve` then is given.")
    ],
) -> None:
    """Make the folder of a server from a copy: the same models, aliases and answers.

    It gets a new first token; the other tokens stay good.
    """
    from windowclf.service.backup import restore as restored

    count = restored(file, folder)
    print(f"{folder}: a database and {count} files; begin with `windowclf serve {folder}`.")
