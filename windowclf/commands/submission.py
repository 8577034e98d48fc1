"""A config and its files on their way to a server, and what people see of jobs there."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import typer

from windowclf.analysis.results import Evaluation
from windowclf.client import Client, Json
from windowclf.commands.evaluation_display import print_evaluation
from windowclf.commands.progress import Bar
from windowclf.commands.signals import Signalled
from windowclf.commands.tables import new_table, plain_console
from windowclf.commands.training_display import TrainingDisplay
from windowclf.config.reading import as_config, given_tree
from windowclf.network.reports import EpochReport, StepReport
from windowclf.pipeline.input_files import files_of

_TEXTS = ("train", "dev", "test", "replay", "dictionary")
_LONGEST_NAME = 64


def tagger_name(config: Path) -> str:
    """What the tagger of a config is called that nobody has named."""
    return re.sub(r"[^a-z0-9._-]+", "-", config.stem.lower()).strip("-._")[:_LONGEST_NAME] or "main"


def submitted(
    client: Client, tagger: str, config: Path, overrides: Sequence[str], force: bool
) -> Json:
    """The job of a config on a server, with the files that it names. Raises WindowclfError."""
    resolved = as_config(config, overrides)
    tree: dict[str, Any] = dict(given_tree(config, overrides))
    tree.pop("output", None)
    tree.pop("tune", None)
    client.make_tagger(tagger)
    with closing(_Uploads(client, tagger)) as uploads:
        data = tree["data"] = dict(tree["data"])
        for name in _TEXTS:
            where = getattr(resolved.data, name)
            if isinstance(where, str | tuple):
                data[name] = uploads.names(files_of(where, f"data.{name}"))
        for feature, checked in zip(
            (tree.get("features") or {}).get("use") or (), resolved.features.use, strict=False
        ):
            if path := getattr(checked, "path", None):
                key = f"features.use.{checked.kind}"
                several = uploads.names(files_of(path, key))
                feature["path"] = several[0] if isinstance(path, str) else several
    return client.submit(tagger, tree, force=force)


class _Uploads:
    """Sends files, each once, and shows how many are sent."""

    def __init__(self, client: Client, tagger: str):
        self._client, self._tagger = client, tagger
        self._names: dict[str, str] = {}
        self._bar = Bar()

    def names(self, paths: Sequence[str]) -> list[str]:
        """What stands in a config for some files."""
        for i, path in enumerate(paths):
            self._bar.show("sending", i / len(paths), path)
            if path not in self._names:
                found = self._client.upload(self._tagger, path)
                self._names[path] = f"dataset:{found['id']}"
        return [self._names[path] for path in paths]

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def follow(client: Client, job: Json) -> Json:
    """Show a job to its end, as `train` shows a training. Raises ServerError where it failed."""
    number = job["id"]
    try:
        with TrainingDisplay(Signalled()) as shown:
            return client.wait(number, _teller(shown))
    except (KeyboardInterrupt, SystemExit):
        print(f"Job {number} goes on; see `windowclf jobs show {number}`.", file=sys.stderr)
        raise


def _teller(shown: TrainingDisplay) -> Callable[[str, Json], None]:
    """What tells a display of the events of a job."""

    def tell(event: str, data: Json) -> None:
        """Show one event."""
        if event == "job":
            if data["state"] == "queued":
                shown.notice(f"job {data['id']} is queued.")
        elif "total_tokens" in data:
            shown.report(StepReport(**data))
        else:
            own = {field.name for field in fields(EpochReport)}
            figures = {name: value for name, value in data.items() if name not in own}
            known = {name: value for name, value in data.items() if name in own}
            shown.report(EpochReport(**known, metrics=figures))

    return tell


def print_job_result(client: Client, job: Json, output: Path | None) -> None:
    """Print what `train` prints of a training, and put the model where it is wanted."""
    if job["state"] == "cancelled":
        print(f"job {job['id']} was cancelled.", file=sys.stderr)
        raise typer.Exit(1)
    result = job["result"]
    for name, evaluation in result["evaluations"].items():
        print_evaluation(cast(Evaluation, evaluation), title=name, details=name == "test")
    if output is not None:
        client.fetch(job["tagger"], result["version"], output)
        print(f"model: {output}")
    print(f"version: {result['version']} of {job['tagger']} ({result['digest']})")


def print_jobs(jobs: Sequence[Json]) -> None:
    """Print a table of jobs."""
    rows = [
        [str(job["id"]), job["tagger"], job["kind"], _state(job), _time(job["created"])]
        for job in jobs
    ]
    table = new_table("job", "tagger", "kind", "state", "submitted")
    for row in rows:
        table.add_row(*row)
    plain_console().print(table)


def print_job(job: Json) -> None:
    """Print one job: a line for each thing that is known of it."""
    lines = {"job": job["id"], "tagger": job["tagger"], "kind": job["kind"], "state": _state(job)}
    lines |= {"submitted": f"{_time(job['created'])} by {job['creator']}"}
    if job["result"] and "version" in job["result"]:
        lines["version"] = f"{job['result']['version']} ({job['result']['digest']})"
    if job["retry_of"]:
        lines["retry of"] = job["retry_of"]
    for name, value in lines.items():
        print(f"{name}: {value}")
    for fault in (job["error"] or {}).get("faults", ()):
        place = f"{fault['file']}:{fault['line']}: " if "line" in fault and "file" in fault else ""
        print(f"fault: {place}{fault['sentence']}")


def _state(job: Json) -> str:
    """The state of a job in words."""
    if job["saving"]:
        return "queued (its last process is saving)"
    if job["state"] == "running" and job["cancel"]:
        return "running (to be cancelled)"
    return f"running, {job['done']:.0%}" if job["done"] is not None else str(job["state"])


def _time(seconds: float) -> str:
    """A time as people here write it."""
    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")
