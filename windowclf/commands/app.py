"""app, the parser of all commands, in the groups that --help shows.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

import windowclf
from windowclf.commands.change import compress
from windowclf.commands.check import check
from windowclf.commands.convert import convert
from windowclf.commands.look import benchmark, evaluate, info
from windowclf.commands.service import jobs, serve, submit
from windowclf.commands.serving import backup, promote, restore, token
from windowclf.commands.start import init
from windowclf.commands.train import gradcheck, plan, train, tune
from windowclf.commands.use import predict

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "start": (init, check),
    "train": (train, plan, tune, gradcheck),
    "use": (predict,),
    "look": (evaluate, info, benchmark),
    "change": (compress, convert),
    "serve": (serve, submit, jobs, promote, token, backup, restore),
}
# One after the other they work in an empty folder.
EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    init: ("windowclf init", "windowclf init mine --data data/spans/train.conll"),
    check: ("windowclf check quickstart.yaml",),
    train: ("windowclf train quickstart.yaml",),
    plan: ("windowclf plan quickstart.yaml",),
    tune: ("windowclf tune quickstart.yaml --trials 4 --jobs 2",),
    gradcheck: ("windowclf gradcheck quickstart.yaml",),
    predict: (
        'echo "Anna Berg lives in Oslo." | windowclf predict runs/quickstart',
        "windowclf predict runs/quickstart data/spans/dev.conll -o tagged.conll",
    ),
    evaluate: ("windowclf evaluate runs/quickstart data/spans/dev.conll",),
    info: ("windowclf info runs/quickstart",),
    benchmark: ("windowclf benchmark runs/quickstart",),
    compress: ("windowclf compress runs/quickstart -o small.safetensors",),
    convert: ("windowclf convert data/spans/dev.conll dev.jsonl",),
    serve: ("windowclf serve",),
    submit: ("windowclf submit quickstart.yaml --wait",),
    jobs: ("windowclf jobs",),
    promote: ("windowclf promote quickstart 1",),
    token: ("windowclf token make website --role predict",),
    backup: ("windowclf backup copy.tar",),
    restore: ("windowclf restore copy.tar again",),
}
FIRST = (EXAMPLES[init][0], EXAMPLES[train][0], EXAMPLES[predict][0])


def _as_epilog(head: str, commands: tuple[str, ...]) -> str:
    """What stands below a help: commands, a line each."""
    return "\n\n".join([head, *commands])


app = typer.Typer(
    name="windowclf",
    help="Train and run small window classifiers: tagging, spans, segmentation, slots.",
    epilog=_as_epilog("Begin in an empty folder with", FIRST),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _windowclf(
    version: Annotated[  # done in commands.entry, where it takes no parser
        bool, typer.Option("--version", is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if version:
        print(f"windowclf {windowclf.__version__}")
        raise typer.Exit


for group, commands in GROUPS.items():
    for command in commands:
        below = _as_epilog("For example:", EXAMPLES[command])
        app.command(rich_help_panel=group, epilog=below)(command)
