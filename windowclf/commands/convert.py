"""The command that turns a file of one format into one of another: convert."""

from __future__ import annotations

from typing import Annotated

import typer

import windowclf


def convert(
    input_: Annotated[
        str, typer.Argument(metavar="IN", help="A file, a glob, a folder of brat's, or -.")
    ],
    output: Annotated[
        str, typer.Argument(metavar="OUT", help="A new file, for brat a new folder, or -.")
    ],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FORMAT", help="That of IN; by its suffix and beginning if left out."
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="That of OUT; by its suffix if left out."),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEME", help="The scheme of the labels in OUT; as in IN if left out."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="How IN is read, as in `--set data.label=-1` or `--set data.scheme=IOB1`.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there already.")
    ] = False,
) -> None:
    """Turn labelled text from one format into another.

    Formats: conll, conllu, jsonl, text, labelstudio, labelstudio-min,
    doccano, doccano-relations, prodigy, spacy, spacy-json, brat, webanno,
    token-csv, parquet, arrow, brackets.

    What has no place in OUT is listed with its number. OUT appears only
    once it is whole.
    """
    from windowclf.commands.progress import WorkDisplay

    with WorkDisplay() as shown:
        try:
            done = windowclf.convert(
                input_,
                output,
                from_,
                to,
                scheme=scheme,
                overrides=set_ or [],
                overwrite=overwrite,
                listener=shown,
            )
        except BrokenPipeError:  # the reader of OUT has gone
            raise SystemExit(0) from None
    if output != "-":
        records = f"{done['records']:,} record{'' if done['records'] == 1 else 's'}"
        print(f"{records}, {done['read_as']} to {done['written_as']}")
