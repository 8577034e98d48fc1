"""Bad input through the real commands: one sentence a fault, the exit code, nothing else.

python tests/test_bad_input_cli.py        prints the transcript
"""

# ruff: noqa: E501

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from windowclf import cli

CONLL = "Anna\tB-PER\nran\tO\n\nBen\tB-PER\nran\tO\n"
SMALL = ["--set", "training.epochs=1", "--set", "model.hidden.units=4"]


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["windowclf", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    out.flush()
    return code, out.buffer.getvalue().decode(), err.getvalue()


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def config(folder: Path, train: str, **more: object) -> str:
    tree = {"task": "spans", "data": {"train": train}, "output": str(folder / "run"), **more}
    return write(folder, "c.yaml", json.dumps(tree))


def trained(folder: Path) -> str:
    path = config(folder, write(folder, "t.conll", CONLL))
    assert run("train", path, *SMALL)[0] == 0
    return str(folder / "run")


def bad_data(name: str, content: str | bytes, **data: object):
    """A case that trains on a file with this content."""

    def case(folder: Path) -> list[str]:
        train = write(folder, name, content)
        return ["train", config(folder, train, data={"train": train, **data}), *SMALL]

    return case


def sets(*settings: str):
    """A case that trains on good data with some settings."""

    def case(folder: Path) -> list[str]:
        path = config(folder, write(folder, "t.conll", CONLL))
        return ["train", path, *SMALL, *(x for s in settings for x in ("--set", s))]

    return case


def damaged_model(folder: Path) -> list[str]:
    model = Path(trained(folder)) / "model.safetensors"
    data = bytearray(model.read_bytes())
    data[-3] ^= 1
    model.write_bytes(data)
    return ["predict", str(model), write(folder, "x.txt", "Anna ran.\n")]


def model_of_another_kind(folder: Path) -> list[str]:
    return ["info", str(Path(trained(folder)) / "state.safetensors")]


def run_again(folder: Path) -> list[str]:
    trained(folder)
    return ["train", str(folder / "c.yaml"), *SMALL]


def file_as_run_folder(folder: Path) -> list[str]:
    taken = write(folder, "taken", "x")
    path = config(folder, write(folder, "t.conll", CONLL))
    return ["train", path, "--output", taken]


def predict(content: str, name: str, *options: str):
    def case(folder: Path) -> list[str]:
        return ["predict", trained(folder), write(folder, name, content), *options]

    return case


def csv_case(folder: Path) -> list[str]:
    train = write(folder, "t.csv", "from,to,label\na,b,X\n")
    tree = {
        "task": "slots",
        "data": {"train": train},
        "output": str(folder / "run"),
        "features": {"use": [{"kind": "column", "column": "form"}]},
    }
    return ["train", write(folder, "c.yaml", json.dumps(tree))]


CASES = {
    "missing config": (lambda f: ["train", str(f / "no.yaml")], 1, "no.yaml: no such file."),
    "missing data": (sets("data.train=no.conll"), 1, "no.conll: no such file."),
    "no glob match": (sets("data.train=no/*.conll"), 1, "data.train: no file matches 'no/*.conll'."),
    "a folder as data": (sets("data.train=."), 1, ".: expected a file, found a directory."),
    "wrong column": (
        bad_data("t.conll", "Anna\tB-PER\nran\n", label=1), 1, "t.conll:2: expected at least 2 columns",
    ),
    "broken UTF-8": (bad_data("t.conll", b"Anna\tB-PER\nr\xffn\tO\n"), 1, "t.conll:2: expected UTF-8"),
    "numbers as labels": (
        bad_data("t.conll", "Anna\t12\nran\t7\n"), 1, "expected a BIO label (O, B-TYPE, I-TYPE), found '12'",
    ),
    "another scheme": (bad_data("t.conll", "Anna\tS-PER\n"), 1, "found 'S-PER'"),
    "empty file": (bad_data("t.conll", ""), 1, "no sentence found"),
    "no labels": (bad_data("t.conll", "Anna\t-\n"), 1, "no token has a label"),
    "dev without sentences": (
        sets("data.dev=/dev/null"), 1, "/dev/null: no sentence found; dev must hold at least one.",
    ),
    "typo in a key": (sets("training.epoch=3"), 1, "training.epoch: unknown key; did you mean epochs?"),
    "typo in a value": (
        sets("training.optimizer.name=adm"), 1, "expected sgd, momentum, adagrad, rmsprop or adam, found 'adm'",
    ),
    "not YAML": (
        lambda f: ["train", write(f, "c.yaml", "task: [spans")], 1, "c.yaml:1:13: not YAML",
    ),
    "a key twice": (
        lambda f: ["train", write(f, "c.yaml", "task: spans\ntask: tagging\n")], 1, "stands twice",
    ),
    "malformed override": (sets("training.epochs"), 1, "expected KEY=VALUE"),
    "existing run": (run_again, 1, "--overwrite"),
    "a file as run folder": (file_as_run_folder, 1, "cannot be the run folder"),
    "missing model": (lambda f: ["info", str(f / "no")], 1, "no such file."),
    "folder without a model": (lambda f: ["info", str(f)], 1, "expected a run folder or a model file"),
    "damaged model": (damaged_model, 1, "does not match its digest"),
    "model of another kind": (model_of_another_kind, 1, "expected a model file, found a state file"),
    "text as a model": (
        lambda f: ["info", write(f, "m", "this is no model file at all")], 1, "windowclf file",
    ),
    "missing input": (lambda f: ["predict", trained(f), str(f / "no.txt")], 1, "no.txt: no such file."),
    "unknown format": (
        predict("x\n", "x.txt", "--format", "connl"), 1, "--format: expected one of conll, conllu",
    ),
    "probabilities in text": (predict("x\n", "x.txt", "--probabilities"), 1, "probabilities have no place"),
    "not JSON": (predict("{\n", "x.jsonl"), 1, "x.jsonl:1:"),
    "overlapping spans": (
        bad_data(
            "t.jsonl",
            '{"text": "Anna ran", "spans": [{"start": 0, "end": 4, "label": "A"}, '
            '{"start": 2, "end": 4, "label": "B"}]}\n',
        ), 1, "t.jsonl:1:",
    ),
    "a span that cuts a token": (
        bad_data("t.jsonl", '{"text": "Anna ran", "spans": [{"start": 0, "end": 2, "label": "A"}]}\n'),
        1, "t.jsonl:1:",
    ),
    "csv without the column": (csv_case, 1, "t.csv:1:"),
    "unknown command": (lambda _f: ["trian"], 2, "No such command"),
    "unknown option": (lambda f: ["info", str(f), "--jason"], 2, "No such option"),
    "missing argument": (lambda _f: ["train"], 2, "Missing argument"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "code", "sentence"), CASES.values(), ids=CASES)
def test_bad_input(case, code, sentence, tmp_path):
    arguments = case(tmp_path)
    found, out, err = run(*arguments)
    assert found == code, err
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err
    if code == 1:
        faults = [line for line in err.splitlines() if not line.startswith(("note: ", " "))]
        assert len(faults) == (2 if "numbers" in sentence or "'12'" in sentence else 1), err


def test_twenty_faults_are_shown_and_the_others_counted(tmp_path):
    path = config(tmp_path, write(tmp_path, "t.conll", "Anna\tx\n" * 50))
    _, _, err = run("train", path)
    lines = err.splitlines()
    assert len(lines) == 21
    assert lines[0].startswith(f"{tmp_path}/t.conll:1: ")
    assert lines[-1] == "… and 30 more faults."


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "evaluation.json"])
def test_a_full_disk_is_a_sentence_and_loses_nothing(name, tmp_path):
    folder = Path(trained(tmp_path))
    before = (folder / "model.safetensors").read_bytes()
    real = os.fsync

    def full(descriptor: int) -> None:
        if name in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with mock.patch("os.fsync", full):
        code, out, err = run("train", str(tmp_path / "c.yaml"), *SMALL, "--overwrite")
    assert code == 1
    assert out == ""
    assert f"{folder}/{name}: cannot write, no space left on device; nothing was lost.\n" in err
    assert not list(folder.glob(".*.tmp"))
    if name == "state.safetensors":  # nothing of the old run goes before the new state is whole
        assert (folder / "model.safetensors").read_bytes() == before
    assert run("train", str(tmp_path / "c.yaml"), *SMALL, "--overwrite")[0] == 0


@pytest.mark.parametrize(("signal_name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_saves_and_says_how_to_go_on(signal_name, code, tmp_path):
    import signal

    train = write(tmp_path, "t.conll", CONLL * 60)
    path = config(tmp_path, train, training={"epochs": 80, "batch_tokens": 50})
    process = subprocess.Popen(
        [sys.executable, "-c", "from windowclf.cli import main; main()", "train", path],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    while "tokens/s" not in process.stderr.readline():
        pass  # the head of the table comes after the first epoch
    process.send_signal(getattr(signal, signal_name))
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert f"Go on with: windowclf train {path} --resume" in err
    code, _, err = run("train", path, "--resume", "--set", "training.epochs=80")
    assert code == 0
    assert "continuing after step" in err


def test_a_reader_that_goes_away_is_no_fault(tmp_path):
    model = trained(tmp_path)
    text = write(tmp_path, "x.txt", "Anna ran.\n" * 20000)
    command = f"{sys.executable} -c 'from windowclf.cli import main; main()' predict {model} {text}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


if __name__ == "__main__":
    for title, (make, _code, _sentence) in CASES.items():
        with tempfile.TemporaryDirectory() as temporary:
            words = make(Path(temporary))
            found_code, _out, message = run(*words)
            shown = " ".join(words).replace(temporary, "").replace(" ".join(SMALL), "").strip()
            print(
                f"# {title}\n$ windowclf {shown}\n{message.replace(temporary, '')}[{found_code}]\n"
            )
