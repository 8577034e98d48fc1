"""The commands of the training service: serve, submit and jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from windowclf.commands.options import (
    ConfigArgument,
    JsonOption,
    SetOption,
    overrides_of,
    print_json,
)
from windowclf.errors import WindowclfError

if TYPE_CHECKING:
    from windowclf.client import Client

NEEDED = {"fastapi", "starlette", "uvicorn", "prometheus_client"}
ServerOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="WINDOWCLF_SERVER", help="The server; http://127.0.0.1:8311."
    ),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Holds the token, as DIR/token of the server does. Without it the variable "
        "WINDOWCLF_TOKEN holds the token itself.",
    ),
]


def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where it keeps everything; made if missing.")
    ] = Path("windowclf-service"),
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8311,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which it may be called, as in a URL."),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Ask for no token; only on this machine's address.")
    ] = False,
    upload_mb: Annotated[int, typer.Option(min=1, help="The largest upload, in MiB.")] = 1024,
    models: Annotated[
        int, typer.Option(min=2, help="The most models that are in memory at a time.")
    ] = 4,
) -> None:
    """Train for a team: an HTTP API in front of a queue of trainings.

    DIR holds a database, the uploads and models, and the first token. A server that was killed goes
    on where it was. SIGTERM and Ctrl-C save what runs and put it back into the queue.
    """
    try:
        from windowclf.service.server import Settings
        from windowclf.service.server import serve as serve_until_signalled
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        raise WindowclfError(
            f"serve: {error.name} is not installed; pip install 'windowclf[serve]'."
        ) from error
    settings = Settings(folder, host, port, allow_host or (), no_token, upload_mb << 20, models)
    number = serve_until_signalled(settings)
    if number == 2:  # Ctrl-C
        raise typer.Exit(130)


def submit(
    config: ConfigArgument,
    set_: SetOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    tagger: Annotated[
        str | None, typer.Option(metavar="NAME", help="The config's file name by default.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the training as `train` does, to its end.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --wait: put the model there.")
    ] = None,
    promote_if_better: Annotated[
        bool,
        typer.Option(
            "--promote-if-better",
            help="With --wait: have it serve as `production` where a comparison on the config's "
            "test or dev files finds it better than what serves now, or nothing does.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train also where the server did the same before.")
    ] = False,
) -> None:
    """Have a server train what `train` would train here.

    Sends the files that the config names, but for those that the server knows, and the config.
    With --wait the exit code is that of `train`; Ctrl-C then leaves the job running.
    """
    from windowclf.commands.promotion import promote_if_it_is_better
    from windowclf.commands.submission import follow, print_job_result, submitted, tagger_name

    client = client_of(server, token_file)
    if output is not None and not wait:
        raise typer.BadParameter("--output: there is a model only after --wait.")
    if promote_if_better and not wait:
        raise typer.BadParameter("--promote-if-better: there is a version only after --wait.")
    name = tagger or tagger_name(config)
    job = submitted(client, name, config, overrides_of(set_), force)
    if not wait:
        print(f"job {job['id']} of {name}: {job['state']}")
        return
    done = follow(client, job)
    print_job_result(client, done, output)
    if promote_if_better:
        promote_if_it_is_better(client, done)


def jobs(
    action: Annotated[
        Literal["list", "show", "log", "cancel", "retry"],
        typer.Argument(metavar="[list|show|log|cancel|retry]"),
    ] = "list",
    number: Annotated[int | None, typer.Argument(metavar="[JOB]", min=1)] = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at the jobs of a server, or at one; cancel it, or try it again."""
    from windowclf.commands.submission import print_job, print_jobs

    client = client_of(server, token_file)
    if action == "list":
        found = client.jobs()
        print_json(found) if as_json else print_jobs(found)
        return
    if number is None:
        raise typer.BadParameter(f"{action}: expected the number of a job.")
    if action == "log":
        print(client.log(number), end="")
        return
    act = {"show": client.job, "cancel": client.cancel, "retry": client.retry}[action]
    job = act(number)
    print_json(job) if as_json else print_job(job)


def client_of(server: str | None, token_file: Path | None) -> Client:
    """The client of a server, with the token that was given. Raises WindowclfError."""
    from windowclf.client import DEFAULT_SERVER, Client

    server = server or DEFAULT_SERVER
    if token_file is None:
        return Client(server, os.environ.get("WINDOWCLF_TOKEN"))
    try:
        return Client(server, token_file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeError) as error:
        raise WindowclfError(f"{token_file}: cannot be read as a token, {error}.") from error
