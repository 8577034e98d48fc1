"""Signals before there is anything to save end a command at once; see test_kills for later ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import corpora
import pytest

import windowclf

PROGRAM = [sys.executable, "-m", "windowclf"]
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


def until(happened, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [
        ("train", signal.SIGTERM, 143),
        ("tune", signal.SIGINT, 130),
        pytest.param("train", signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param("tune", signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_one_signal_ends_what_only_reads(tmp_path, command, number, code):
    """A pipe that nobody writes to stands for a text without an end."""
    config = corpora.tagging(tmp_path)
    config["tune"] = {"space": {"training.dropout": [0.1, 0.2]}, "trials": 2, "rungs": [1]}
    os.mkfifo(tmp_path / "pipe.conll")
    stuck = config | {"data": {**config["data"], "train": str(tmp_path / "pipe.conll")}}
    corpora.write(tmp_path / "stuck.yaml", json.dumps(stuck))
    folder = tmp_path / ("run" if command == "train" else "run-tune")
    with subprocess.Popen(
        [*PROGRAM, command, str(tmp_path / "stuck.yaml")], stderr=subprocess.PIPE, text=True
    ) as process:
        until((folder / ".lock").exists)
        time.sleep(0.5)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert err == "Stopped; there was nothing to save yet.\n"
    corpora.write(tmp_path / "c.yaml", json.dumps(config))
    again = [*PROGRAM, command, str(tmp_path / "c.yaml")]
    done = subprocess.run(again, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.slow
def test_a_signal_while_predict_writes_leaves_nothing_behind(tmp_path, number, code):
    config = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))
    subprocess.run([*PROGRAM, "train", config], check=True, capture_output=True)
    before = {path.name for path in tmp_path.iterdir()}
    command = [*PROGRAM, "predict", str(tmp_path / "run"), "-", "-o", str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"The cat\n")  # what the input begins with is looked at first
        process.stdin.flush()
        until(lambda: list(tmp_path.glob(".out.*.tmp")))
        process.send_signal(number)
        process.wait(timeout=20)
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == code
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("delay", [0.4, pytest.param(0.8, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_ctrl_c_is_for_one_of_many_processes(tmp_path, delay):
    """A terminal sends it to all of them, also to those that begin just then."""
    config = corpora.tagging(tmp_path)
    config["training"] |= {"epochs": 1}
    windowclf.train(config)
    large = corpora.write(tmp_path / "large.conll", "the\tX\n\n" * 1_000_000)
    command = [*PROGRAM, "predict", str(tmp_path / "run"), large, "--jobs", "2", "-o"]
    command = [*command, str(tmp_path / "out")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stderr=pipe, stdout=pipe, start_new_session=True) as process:
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    "delay",
    [0.05, 0.2, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.02, 0.1, 0.15, 0.3, 0.4))],
)
def test_no_traceback_while_modules_are_imported(tmp_path, delay):
    """From the moment on at which the command itself begins; its text never comes."""
    code = "from windowclf.commands.entry import main; print(flush=True); main()"
    os.mkfifo(tmp_path / "pipe.conll")
    config = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))
    stuck = ["--set", f"data.train={tmp_path}/pipe.conll"]
    command = [sys.executable, "-c", code, "gradcheck", config, *stuck]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == b""


def test_an_ignored_signal_stays_ignored(tmp_path):
    """As in the background of a script."""
    config = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    command = [*PROGRAM, "train", config]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, preexec_fn=ignore, stdout=pipe, stderr=pipe) as process:
        until((tmp_path / "run" / ".lock").exists)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert Path(tmp_path / "run" / "evaluation.json").exists()
