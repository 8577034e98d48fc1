"""Processes that are killed, by nobody's leave or by a second signal, lose nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import corpora
import pytest
from kills import check_whole, kill_runs

import windowclf

STUCK = """
import time
from windowclf.network import trainer as training
from windowclf.commands.entry import main
step = training.Trainer._step
def stuck(self, *arguments):
    if self.progress.step == 5:
        print("stuck", flush=True)
        time.sleep(60)
    return step(self, *arguments)
training.Trainer._step = stuck
main()
"""


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_in_the_same_bytes(tmp_path):
    assert kill_runs(tmp_path, kills=20, seed=1) >= 1


@pytest.mark.parametrize(("first", "second"), [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGTERM")])
def test_a_second_signal_ends_a_step_that_takes_too_long(tmp_path, first, second):
    config = corpora.tagging(tmp_path)
    config["training"] |= {"checkpoint": {"steps": 1}}
    path = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    command = [sys.executable, "-c", STUCK, "train", path]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdout
        assert p.stderr
        assert p.stdout.readline() == "stuck\n"
        p.send_signal(getattr(signal, first))
        while "once more to stop at once" not in p.stderr.readline():
            pass
        assert p.poll() is None  # it waits for its step
        p.send_signal(getattr(signal, second))
        began = time.monotonic()
        p.wait(timeout=30)
        assert time.monotonic() - began < 5
    assert p.returncode == -getattr(signal, second)
    check_whole(tmp_path / "run")
    windowclf.train(config, resume=True)
    windowclf.train(config, [f"output={tmp_path}/whole"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "whole")
    assert corpora.log(tmp_path / "run") == corpora.log(tmp_path / "whole")
