"""The options of `predict`, and a reader of plain ones without the parser of all commands.

Setting that parser up takes longer than loading a model and tagging a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from windowclf.tagging.options import TagOptions


class Option(NamedTuple):
    """An option as it is typed, and what `--help` says of it."""

    names: tuple[str, ...]
    help: str
    metavar: str | None = None  # of its value; None for a flag


OPTIONS = {
    "output": Option(("--output", "-o"), "Where to write; - is standard output.", "FILE"),
    "format_": Option(
        ("--format",),
        "conll, conllu, jsonl, text, labelstudio and others, see the README; by the input's suffix "
        "if left out, and text for standard input.",
        "FORMAT",
    ),
    "probabilities": Option(("--probabilities",), "Add the probabilities of the labels."),
    "keep_labels": Option(
        ("--keep-labels",),
        "Keep the labels that the input has, and choose the missing ones (- or empty, _ in conllu, "
        "null in jsonl) around them; not for several labels a token.",
    ),
}
_BY_NAME = {name: key for key, option in OPTIONS.items() for name in option.names}


class Request(NamedTuple):
    """What `predict_file` is asked for."""

    model: str
    input_: str = "-"
    output: str = "-"
    format_: str | None = None
    options: TagOptions = TagOptions()
    jobs: int = 1


def quick_predict(arguments: Sequence[str]) -> Request | None:
    """The request of a plain command line of predict; None for what the full parser must see."""
    if not arguments or arguments[0] != "predict":
        return None
    values: dict[str, Any] = {}
    flags: dict[str, Any] = {}
    unnamed, rest = ["model", "input_"], list(arguments[1:])
    while rest:
        argument = rest.pop(0)
        key = _BY_NAME.get(argument)
        if key is None and unnamed and (argument == "-" or not argument.startswith("-")):
            values[unnamed.pop(0)] = argument
        elif key is not None and OPTIONS[key].metavar is None:
            flags[key] = True
        elif key is not None and rest and (rest[0] == "-" or not rest[0].startswith("-")):
            values[key] = rest.pop(0)
        else:
            return None
    return Request(**values, options=TagOptions(**flags)) if "model" in values else None


def run_predict(request: Request) -> None:
    """Do what a request asks for: predict_file, with a display of how far it is."""
    from windowclf.commands.progress import PredictionDisplay
    from windowclf.pipeline.predict import predict_file

    shown = PredictionDisplay()
    try:
        predict_file(*request, listener=shown)
    except BrokenPipeError:  # the reader of --output has gone
        raise SystemExit(0) from None
    finally:
        shown.close()
