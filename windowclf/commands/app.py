"""app, the parser of all commands, in the groups that --help shows.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from windowclf.commands.change import compress
from windowclf.commands.look import benchmark, evaluate, info
from windowclf.commands.service import jobs, serve, submit
from windowclf.commands.train import gradcheck, plan, train, tune
from windowclf.commands.use import predict

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "train": (train, plan, tune, gradcheck),
    "use": (predict,),
    "look": (evaluate, info, benchmark),
    "change": (compress,),
    "serve": (serve, submit, jobs),
}

app = typer.Typer(
    name="windowclf",
    help="Train and run small window classifiers: tagging, spans, segmentation, slots.",
    epilog="Start with `windowclf train configs/quickstart.yaml`; the README shows every command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group, commands in GROUPS.items():
    for command in commands:
        app.command(rich_help_panel=group)(command)
