"""The command that uses a model: predict."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from windowclf.commands.options import DecodeOption, ModelArgument
from windowclf.commands.quick_predict import OPTIONS, Request, run_predict
from windowclf.system.limits import CACHE_MB
from windowclf.tagging.options import TagOptions


def _option(key: str) -> Any:
    """An option of predict, from quick_predict.OPTIONS, for the parser of all commands."""
    names, text, metavar = OPTIONS[key]
    return typer.Option(*names, metavar=metavar, help=text)


def predict(
    model: ModelArgument,
    input_: Annotated[
        str, typer.Argument(metavar="[INPUT]", help="A file to tag; - is standard input.")
    ] = "-",
    output: Annotated[str, _option("output")] = "-",
    format_: Annotated[str | None, _option("format_")] = None,
    probabilities: Annotated[bool, _option("probabilities")] = False,
    keep_labels: Annotated[bool, _option("keep_labels")] = False,
    cache_mb: Annotated[
        float,
        typer.Option(
            "--cache-mb",
            metavar="MB",
            min=0,
            max=1 << 20,
            help="Memory for what frequent tokens share, for each process.",
        ),
    ] = CACHE_MB,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, max=256, help="Processes that share a large file."
        ),
    ] = 1,
    n_best: Annotated[
        int,
        typer.Option(
            "--n-best",
            metavar="N",
            min=0,
            max=1000,
            show_default=False,
            help="Add the N most probable label sequences of each sentence; jsonl, of a CRF.",
        ),
    ] = 0,
    decode: DecodeOption = "viterbi",
) -> None:
    """Label text: the input comes back with the answer in it.

    Reads what train read, or raw text with one sentence or document a line. Without --keep-labels
    the label field of the input is never looked at.
    """
    options = TagOptions(
        probabilities=probabilities,
        keep_labels=keep_labels,
        n_best=n_best,
        decode=decode,
        cache_mb=cache_mb,
    )
    run_predict(Request(str(model), input_, output, format_, options, jobs))
