"""A process that does one job, and what it does where it is to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import corpora
import pytest

import windowclf
from windowclf.pipeline import child
from windowclf.pipeline.worker import Worker

COMMAND = [sys.executable, "-P", "-m", "windowclf.pipeline.child"]
STUCK = """
import time
from windowclf.network import trainer as training
from windowclf.pipeline import child
step = training.Trainer._step
def stuck(self, *arguments):
    if self.progress.step == 5:
        child.say({"stuck": True})
        time.sleep(60)
    return step(self, *arguments)
training.Trainer._step = stuck
child.SECONDS_TO_SAVE = 0.5
child.main()
"""


def long_config(folder):
    config = corpora.tagging(folder)
    config["training"] |= {"epochs": 5000, "early_stopping": None, "threads": 1}
    return config


@contextmanager
def started(config, command=COMMAND):
    """A process that has its job, and trains."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        order = {"kind": "train", "config": config}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("how", ["line", "SIGTERM", "end of input"])
def test_it_saves_and_stops_when_it_is_told_to(tmp_path, how):
    config = long_config(tmp_path)
    with started(config) as process:
        if how == "line":
            process.stdin.write(b"stop\n")
            process.stdin.flush()
        elif how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        *_, last = process.stdout.read().splitlines()
        assert json.loads(last) == {"stopped": True}
        assert process.wait(10) == 0
    state = windowclf.pipeline.run_folder.RunFolder(tmp_path / "run", True, False)
    assert state.load_state().progress["step"] > 0
    state.close()


@pytest.mark.slow
def test_a_server_that_is_gone_hears_nothing_and_the_run_is_saved(tmp_path):
    """Both ends of the pipes are gone at a time, as when the one that waits is killed."""
    with started(long_config(tmp_path)) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.wait(10) == 0
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_a_step_that_takes_too_long_is_not_waited_for(tmp_path):
    with started(long_config(tmp_path), [sys.executable, "-c", STUCK]) as process:
        while b"stuck" not in process.stdout.readline():
            pass
        process.stdin.close()
        began = time.monotonic()
        assert process.wait(10) == 1
        assert time.monotonic() - began < 3


def test_before_anything_can_be_saved_it_ends_at_once(monkeypatch, tmp_path, capfd):
    ended = []
    monkeypatch.setattr(child.os, "_exit", ended.append)
    work = child._Work(False)
    work.stop()
    assert ended == [0]
    assert capfd.readouterr().out == '{"stopped": true}\n'
    work.prepared()  # it was told to stop just before
    assert ended == [0, 0]


def test_what_went_wrong_comes_back_with_its_place(tmp_path):
    config = corpora.tagging(tmp_path)
    path = corpora.write(tmp_path / "train.conll", "the\tD\ncat\n\n")
    for kind in ("train", "check"):
        worker = Worker()
        *_, answer = worker.work({"kind": kind, "config": config})
        assert worker.end() == 0
        (fault,) = answer["fault"]["faults"]
        assert (answer["fault"]["kind"], fault["path"], fault["line"]) == ("DataError", path, 2)


@pytest.mark.parametrize("notices", [True, False])
@pytest.mark.slow
def test_notices_are_for_whoever_asks_for_them(tmp_path, notices):
    """Those of the trials of a search are nobody's."""
    with (tmp_path / "log").open("wb") as log:
        worker = Worker(log=log)
        order = {"kind": "train", "config": corpora.tagging(tmp_path), "notices": notices}
        *_, answer = worker.work(order)
        worker.end()
    assert "result" in answer
    assert ("starting afresh" in (tmp_path / "log").read_text()) == notices


def test_a_check_says_what_is_in_a_text(tmp_path):
    worker = Worker()
    *_, answer = worker.work({"kind": "check", "config": corpora.tagging(tmp_path)})
    worker.end()
    found = answer["result"]
    assert (found["format"], found["sentences"]) == ("conll", 40)
    assert sum(found["labels"].values()) == found["tokens"]


@pytest.mark.parametrize("every", [0.02, 0.3])
def test_the_log_has_a_line_for_every_share_of_a_run_stopped_or_not(tmp_path, every):
    config = corpora.tagging(tmp_path)
    config["training"] |= {"checkpoint": {"log_every": every}, "early_stopping": None}
    windowclf.train(config)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    points = [line for line in map(json.loads, lines) if "total_tokens" in line]
    shares = [int(line["tokens"] / line["total_tokens"] / every) for line in points]
    assert shares == sorted(set(shares))
    assert max(shares) == int(1 / every)
    assert len([line for line in map(json.loads, lines) if "score" in line]) == 3

    class Stop(windowclf.Listener):
        def report(self, report):
            self.step = report.step

        def should_stop(self):
            return self.step == 7

    broken = {**config, "output": str(tmp_path / "broken")}
    assert windowclf.train(broken, listener=Stop()).stopped
    windowclf.train(broken, resume=True)
    assert corpora.digest(tmp_path / "broken") == corpora.digest(tmp_path / "run")
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("run", "broken")]
    kept = [[_without_clock(json.loads(line)) for line in log.splitlines()] for log in logs]
    assert kept[0] == kept[1]
    plain = {**config, "output": str(tmp_path / "plain")}
    plain["training"] = {**plain["training"], "checkpoint": {}}
    windowclf.train(plain)
    assert corpora.digest(tmp_path / "plain") == corpora.digest(tmp_path / "run")


def _without_clock(line):
    return {k: v for k, v in line.items() if k not in ("seconds", "tokens_per_second")}
