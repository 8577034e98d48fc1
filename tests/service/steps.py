"""A server without HTTP, and a process of a job, that end themselves by SIGKILL at a chosen step.

    python steps.py FOLDER CONFIG [--server N] [--child N] [--both]

A step is a moment before or after the disk is changed: a commit, an fsync, a rename, a link, a new
folder. FOLDER is that of a service; one job with the JSON of CONFIG is submitted unless there is
one, and done to its end, then exit 0. With `--server N` the server ends at its N-th step, and with
`--both` its child at the same moment; with `--child N` the child of the first attempt ends at its
own.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = ("fsync", "replace", "rename", "symlink", "mkdir", "unlink")
MARK = "child-was-killed"  # in the folder of the job


def counted(at: int, end: Callable[[], None]) -> Callable[[], None]:
    """What is called at every step, and calls `end` at one of them."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            end()

    return step


def watch(owner: Any, name: str, step: Callable[[], None]) -> None:
    """Have a function call `step` before and after it does what it does."""
    real = getattr(owner, name)

    def watched(*arguments: Any, **more: Any) -> Any:
        step()
        found = real(*arguments, **more)
        step()
        return found

    setattr(owner, name, watched)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def child(at: int) -> None:
    """The process of a job, as the server starts it here."""
    if not Path(MARK).exists():

        def end() -> None:
            Path(MARK).touch()
            kill_self()

        step = counted(at, end)
        for name in CALLS:
            watch(os, name, step)
    from windowclf.pipeline.child import main

    main()


def server(folder: Path, config: Path, at: int, child_at: int, both: bool) -> None:
    """Submit the job if it is not there, and do it."""
    from windowclf.pipeline import worker
    from windowclf.service import jobs, records
    from windowclf.service.database import Database
    from windowclf.service.home import Home
    from windowclf.service.runner import Runner

    runners: list[Runner] = []

    def end() -> None:
        if both and runners:
            for each in list(runners[0]._workers.values()):
                os.kill(each.pid, signal.SIGKILL)
        kill_self()

    step = counted(at, end)
    for name in CALLS:
        watch(os, name, step)
    watch(Database, "_commit", step)
    if child_at:
        worker.PROGRAM = (__file__, "--as-child", str(child_at))
    home = Home(folder)

    def begin(rows: Any) -> None:
        """All that a client asks for, in one transaction."""
        if rows.execute("SELECT 1 FROM jobs").fetchone():
            return
        given = json.loads(config.read_text())
        inputs = {}
        for i, name in enumerate(("train", "dev")):
            digest, size = home.blobs.copy(Path(given["data"][name]))
            records.add_blob(rows, digest, size)
            given["data"][name] = f"dataset:{i + 1}"
            inputs[f"dataset:{i + 1}"] = {"digest": digest, "file": f"{name}.conll"}
        del given["output"]
        records.put_tagger(rows, "t", {}, "me")
        jobs.submit(rows, jobs.NewJob("t", "train", given, inputs, "me", "training"))

    home.database.write(begin).result()
    runner = Runner(home)
    runners.append(runner)
    runner.start()
    from long_jobs import until

    ended = f"SELECT 1 FROM jobs WHERE state IN {jobs.ENDED!r}"
    until(lambda: home.database.read(lambda rows: rows.execute(ended).fetchone()), 60)
    runner.stop()
    home.close()


def main() -> None:
    if sys.argv[1] == "--as-child":
        child(int(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--server", type=int, default=0)
    parser.add_argument("--child", type=int, default=0)
    parser.add_argument("--both", action="store_true")
    given = parser.parse_args()
    server(given.folder, given.config, given.server, given.child, given.both)


if __name__ == "__main__":
    main()
