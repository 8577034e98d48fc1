"""SIGKILL of server, of child, of both, at every step at which the disk is changed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import corpora
import pytest
from long_jobs import config_in, digest_of
from steps import MARK

from windowclf.service.home import DATABASE, JOBS
from windowclf.service.submitting import training_threads
from windowclf.system.claimed_folder import is_claimed

STEPS = Path(__file__).with_name("steps.py")
TESTS = Path(__file__).parents[1]
MOST = 1000  # steps; there are fewer


class Experiment:
    """A config, and the model that it must come to."""

    def __init__(self, folder: Path):
        training = {"epochs": 2, "batch_tokens": 100, "checkpoint": {"steps": 1}}
        config = config_in(folder, **training)
        self.config = corpora.write(folder / "config.json", json.dumps(config))
        self.digest = digest_of(config, folder / "here", training_threads())

    def do(self, service: Path, *options: str) -> int:
        """The exit code of a server that does the job."""
        command = [sys.executable, str(STEPS), str(service), self.config, *options]
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{STEPS.parent}"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode

    def check(self, service: Path) -> None:
        """The job is there once, and done once, with the model that it must come to."""
        rows = sqlite3.connect(service / DATABASE)
        states = [state for (state,) in rows.execute("SELECT state FROM jobs")]
        versions = rows.execute("SELECT version, digest, job FROM versions").fetchall()
        ends = rows.execute("SELECT count(*) FROM events WHERE what = 'succeeded'").fetchone()
        named = {digest for (digest,) in rows.execute("SELECT digest FROM blobs")}
        rows.close()
        assert states == ["succeeded"]
        assert versions == [(1, self.digest, 1)]
        assert ends == (1,)
        assert named <= {path.name for path in (service / "blobs").glob("??/*")}
        assert not is_claimed(service / JOBS / "1" / "run")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("kills"))


def kill_and_go_on(experiment: Experiment, service: Path, *options: str) -> bool:
    """Do the job with a kill, then without; whether there was a kill."""
    was_killed = experiment.do(service, *options) != 0
    if was_killed:
        assert experiment.do(service) == 0
    experiment.check(service)
    return was_killed


@pytest.mark.parametrize("step", [21])
@pytest.mark.slow
def test_a_server_killed_at_a_step(experiment, tmp_path, step):
    assert kill_and_go_on(experiment, tmp_path / "s", "--server", str(step), "--both")


@pytest.mark.parametrize("step", [30])
def test_a_child_killed_at_a_step(experiment, tmp_path, step):
    assert not kill_and_go_on(experiment, tmp_path / "s", "--child", str(step))
    assert (tmp_path / "s" / JOBS / "1" / MARK).exists()


@pytest.mark.slow
@pytest.mark.parametrize("both", [(), ("--both",)])
def test_a_server_killed_at_every_step(experiment, tmp_path, both):
    for step in range(1, MOST):
        if not kill_and_go_on(experiment, tmp_path / f"{step}", "--server", str(step), *both):
            break
        corpora.remove(tmp_path / f"{step}")
    assert step > 40
    print(f"{step - 1} steps")


@pytest.mark.slow
def test_a_child_killed_at_every_step(experiment, tmp_path):
    for step in range(1, MOST):
        service = tmp_path / f"{step}"
        kill_and_go_on(experiment, service, "--child", str(step))
        was_killed = (service / JOBS / "1" / MARK).exists()
        corpora.remove(service)
        if not was_killed:
            break
    assert step > 40
    print(f"{step - 1} steps")
