"""Kill a training service at random moments, start it again, and count what is left.

    python tests/service_kills.py --kills 500 [--seed 1]

A real `windowclf serve` has a queue of small trainings that save their state after every step. At
random moments it is killed by SIGKILL, or the process of its job is, or both. Every time it is
started again and must answer within 3 s, and a job must go on within 12 s. At the end no job may be
lost, none be recorded twice, and every model must have the bytes of an undisturbed training. Prints
the longest times. Exit 1 where a promise was not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpora

import windowclf
from windowclf import Client, ServerError
from windowclf.system.threads import available_cores

ANSWERS, GOES_ON = 3.0, 12.0  # seconds
SEEDS = 5  # different trainings
WAITING = 3  # jobs that the queue has at least
KINDS = ("server", "child", "both")
SERVE = (sys.executable, "-m", "windowclf", "serve")


def until(happened: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, f"did not happen within {seconds:.0f} s"
        time.sleep(0.005)
    return found


@dataclass
class Times:
    """How long things took, and how often."""

    answers: list[float] = field(default_factory=list)
    goes_on: list[float] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


class Service:
    """A server that is started again and again in one folder, at one port."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self.process: subprocess.Popen[bytes] | None = None
        self.log = (folder.parent / "serve.log").open("ab")

    def start(self) -> float:
        """Start it; seconds until it answers."""
        began = time.monotonic()
        command = [*SERVE, str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log)
        until(self._answers)
        return time.monotonic() - began

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, "the server ended by itself; see serve.log"
        try:
            return bool(self.client._ask("GET", "/health/ready"))
        except (ServerError, OSError):
            return False

    @property
    def client(self) -> Client:
        token = (self.folder / "token").read_text().strip()
        return Client(f"http://127.0.0.1:{self.port}", token)

    def children(self) -> list[int]:
        assert self.process
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def kill(self, kind: str) -> None:
        assert self.process
        if kind != "server":
            for pid in self.children():
                os.kill(pid, signal.SIGKILL)
        if kind != "child":
            self.process.kill()
            self.process.wait()

    def end(self) -> int:
        assert self.process
        self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        return code


def config_in(folder: Path, seed: int) -> dict[str, Any]:
    """A training of about a second."""
    config = corpora.tagging(folder)
    config["seed"] = seed
    config["training"] |= {
        "epochs": 30,
        "batch_tokens": 40,
        "early_stopping": None,
        "checkpoint": {"steps": 1},
    }
    return config


def undisturbed(folder: Path, seed: int) -> str:
    """sha256 of the model that a training in this process gives."""
    config = config_in(folder, seed)
    config["output"] = str(folder / f"whole{seed}")
    config["training"]["threads"] = max(1, available_cores() - 1)
    windowclf.train(config)
    return corpora.digest(config["output"])


class Queue:
    """Keeps jobs waiting, and knows which training each of them is."""

    def __init__(self, client: Client, folder: Path):
        self.seeds: dict[int, int] = {}
        client.make_tagger("t")
        config = config_in(folder, 0)
        self._uploads = {
            name: client.upload("t", config["data"][name]) for name in ("train", "dev")
        }

    def fill(self, client: Client, folder: Path) -> None:
        """Submit until enough jobs wait."""
        open_ = [job for job in client.jobs() if job["state"] in ("queued", "running")]
        for _ in range(WAITING - len(open_)):
            seed = len(self.seeds) % SEEDS
            config = config_in(folder, seed)
            del config["output"], config["data"]
            job = client.submit("t", config, **self._uploads, force=True)
            self.seeds[job["id"]] = seed


def progress(client: Client) -> tuple[int, float] | None:
    """(number of the job that runs, share of it that is done); None while none does."""
    for job in client.jobs(most=20):
        if job["state"] == "running" and job["done"] is not None:
            return job["id"], job["done"]
    return None


def further(client: Client, before: tuple[int, float]) -> tuple[int, float] | None:
    """Where the job that runs is, once that is beyond where another one was."""
    now = progress(client)
    return now if now is not None and now > before else None


def kill_often(folder: Path, kills: int, rng: random.Random) -> Iterator[tuple[str, Times]]:
    """Kill that many times, yielding after each; then let the queue end, and check it."""
    models = {seed: undisturbed(folder, seed) for seed in range(SEEDS)}
    service, times = Service(folder / "service", 20_000 + os.getpid() % 20_000), Times()
    service.start()
    queue = Queue(service.client, folder)
    last: tuple[int, float] = (0, 0.0)  # where a job was whose process was killed
    for _ in range(kills):
        queue.fill(service.client, folder)
        kind = rng.choice(KINDS)
        time.sleep(rng.uniform(0, 1.5))
        if kind == "child" and not service.children():
            kind = "both"
        if kind == "child":  # a job that gets no further three times has failed, and rightly
            last = until(lambda before=last: further(service.client, before))
        service.kill(kind)
        times.kills[kind] += 1
        began = time.monotonic()
        if kind != "child":
            times.answers.append(service.start())
        until(lambda: progress(service.client), 60)
        times.goes_on.append(time.monotonic() - began)
        yield kind, times
    client = service.client
    open_ = ("queued", "running")
    until(lambda: not any(job["state"] in open_ for job in client.jobs()), 300)
    assert service.end() == 0, "SIGTERM did not end the server with 0"
    check(service.folder, queue.seeds, models)


def check(folder: Path, seeds: dict[int, int], models: dict[int, str]) -> None:
    """Every job has succeeded once, with the model of its training."""
    rows = sqlite3.connect(folder / "service.sqlite")
    states = dict(rows.execute("SELECT id, state FROM jobs WHERE kind = 'train'").fetchall())
    errors = rows.execute("SELECT id, error FROM jobs WHERE error IS NOT NULL").fetchall()
    versions = rows.execute("SELECT job, digest FROM versions").fetchall()
    ends = rows.execute("SELECT subject FROM events WHERE what = 'succeeded'").fetchall()
    rows.close()
    assert states == dict.fromkeys(seeds, "succeeded"), f"lost or failed: {states} {errors}"
    assert sorted(job for job, _ in versions) == sorted(seeds), "a job without one version"
    assert len(ends) == len(set(ends)) == len(seeds), "a job that ended twice"
    wrong = [job for job, digest in versions if digest != models[seeds[job]]]
    assert not wrong, f"other models: jobs {wrong}"


def run(folder: Path, kills: int, seed: int) -> tuple[str, bool]:
    """(what came of so many kills, whether it was in time). Raises AssertionError."""
    times = Times()
    for number, (kind, times) in enumerate(kill_often(folder, kills, random.Random(seed)), 1):
        print(f"kill {number} of {kills}: {kind}, {json.dumps(times.kills)}", file=sys.stderr)
    jobs = len(list((folder / "service" / "jobs").iterdir()))
    answers, goes_on = max(times.answers, default=0.0), max(times.goes_on)
    said = (
        f"{kills} of {kills} kills ({json.dumps(times.kills)}) over {jobs} jobs: none lost, none "
        f"recorded twice, every model as undisturbed; answers again after at most {answers:.1f} s "
        f"(limit {ANSWERS:.0f}, median {_median(times.answers):.1f}), a job went on after at most "
        f"{goes_on:.1f} s (limit {GOES_ON:.0f}, median {_median(times.goes_on):.1f}), under a load "
        f"of {os.getloadavg()[1]:.1f}"
    )
    return said, answers <= ANSWERS and goes_on <= GOES_ON


def _median(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) // 2] if seconds else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            said, in_time = run(Path(folder), arguments.kills, arguments.seed)
        except AssertionError as error:
            print(error)
            return 1
    print(said)
    return 0 if in_time else 1


if __name__ == "__main__":
    sys.exit(main())
