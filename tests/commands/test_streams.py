"""A reader that goes, or a stream that is closed, is no fault: no traceback, no noise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import corpora
import pytest

import windowclf

PROGRAM = f"{sys.executable} -m windowclf"
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no shell to make pipes")


class Place(NamedTuple):
    folder: Path
    model: str
    data: str
    large: str  # a file that processes share

    def shell(self, script: str) -> tuple[list[int], str]:
        """(the exit codes of the first pipe, standard error) of what `w` stands for in a script."""
        words = {"MODEL": self.model, "DATA": self.data, "LARGE": self.large}
        words["CONFIG"] = str(self.folder / "c.yaml")
        for name, value in words.items():
            script = script.replace(name, value)
        script = f'w() {{ {PROGRAM} "$@"; }}\n{script}\necho "${{PIPESTATUS[@]}}" > codes'
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, stderr=subprocess.PIPE, text=True, timeout=120
        )
        return [int(code) for code in (self.folder / "codes").read_text().split()], done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("streams")
    config = corpora.tagging(folder)
    corpora.write(folder / "c.yaml", json.dumps(config))
    windowclf.train(config)
    text = Path(config["data"]["dev"]).read_text(encoding="utf-8").strip() + "\n\n"
    large = corpora.write(folder / "large.conll", text * (3 * 2**20 // len(text)))
    return Place(folder, config["output"], config["data"]["dev"], large)


def slow(*values: object) -> Any:
    """Values of a parameter that few people will meet, for the slow tests."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "command",
    [
        "w predict MODEL LARGE",
        slow("w predict MODEL LARGE --jobs 2"),
        "w evaluate MODEL DATA",
        slow("w evaluate MODEL DATA --json"),
        "w info MODEL",
        "w --help",
        slow("w train --help"),
        slow("w gradcheck CONFIG"),
    ],
)
@pytest.mark.slow
def test_a_reader_that_goes(place, command):
    for reader in ("head -1 > line", "true"):
        assert place.shell(f"{command} | {reader}") == ([0, 0], "")


@pytest.mark.parametrize(
    "command",
    [
        "w predict MODEL LARGE -o",
        "w predict MODEL LARGE --jobs 2 -o",
        "w compress MODEL -o",
    ],
)
@pytest.mark.slow
def test_the_reader_of_an_output_that_goes(place, command):
    codes, err = place.shell(f"{command} >(head -c 1 > byte) > nothing")
    assert (codes, err) == ([0], "")


@pytest.mark.parametrize("command", ["w predict nowhere", "w tain"])
def test_a_fault_keeps_its_exit_code_when_nobody_hears_of_it(place, command):
    (code, _), err = place.shell(f"{command} 2>&1 | true")
    assert (code, err) == (1 if "nowhere" in command else 2, "")


@pytest.mark.slow
def test_training_goes_on_when_nobody_reads_its_messages(place):
    """And leaves the model that it leaves otherwise."""
    codes, _ = place.shell("w train CONFIG --output unheard 2>&1 | true")
    assert codes == [0, 0]
    assert corpora.digest(place.folder / "unheard") == corpora.digest(Path(place.model))


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("w info MODEL", 0),
        ("w predict MODEL DATA", 0),
        slow("w predict MODEL LARGE --jobs 2", 0),
        ("w predict MODEL DATA -o labelled", 0),
        ("w evaluate MODEL DATA", 0),
        ("w predict nowhere", 1),
        ("w tain", 2),
    ],
)
@pytest.mark.slow
def test_closed_streams(place, command, code, closed):
    codes, err = place.shell(f"{{ {command}; }} > result {closed}")
    assert codes == [code]
    assert "Traceback" not in err
    assert "Exception" not in err
    assert bool(err) == (code > 0 and "2>" not in closed)
    if "labelled" in command:
        assert len((place.folder / "labelled").read_text().splitlines()) == len(
            Path(place.data).read_text().splitlines()
        )


def test_a_closed_input_is_an_empty_one(place):
    assert place.shell("w predict MODEL <&- > result") == ([0], "")
    assert (place.folder / "result").read_text() == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_messages_come_at_once(unbuffered):
    """With `python -u` too; nothing is flushed at such an end."""
    code = (
        "import os, sys; from windowclf.commands.streams import prepare_streams\n"
        "prepare_streams(); print('now', file=sys.stderr); os._exit(0)"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.stderr == b"now\n"


@pytest.mark.slow
def test_a_locale_without_the_signs_is_no_fault(place):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for command in ("info", "evaluate"):
        words = [sys.executable, "-m", "windowclf", command, place.model]
        words += [place.data] if command == "evaluate" else []
        done = subprocess.run(words, capture_output=True, env=environment)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\\u" in done.stdout or b"\\x" in done.stdout or command == "evaluate"
