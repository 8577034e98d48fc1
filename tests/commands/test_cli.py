"""The commands: results on standard output, the rest on standard error, the same as from Python."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import corpora
import pytest
from command_line import run

import windowclf
from windowclf.commands import training_display, use
from windowclf.commands.again import line_to_go_on
from windowclf.commands.app import app
from windowclf.commands.quick_predict import Request, quick_predict
from windowclf.tagging.options import TagOptions

COMMANDS = [
    *("init", "check", "train", "plan", "tune", "gradcheck", "predict"),
    *("evaluate", "info", "benchmark", "compress", "convert"),
]


@pytest.fixture
def config(tmp_path) -> str:
    """The path of a tagging config whose run folder is tmp_path/run."""
    return corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))


def test_training_prints_scores_and_where_the_model_is(config, tmp_path):
    code, out, err = run(["train", config])
    assert code == 0
    assert out.splitlines()[-1] == f"model: {tmp_path}/run/model.safetensors"
    assert out.startswith("dev")
    *lines, legend = err.splitlines()
    heads = [line.split()[0] for line in lines]
    assert heads == ["train:", "dev:", "more", "epoch", "1", "2", "3"]
    assert legend == "* the best on dev so far, which is kept"
    assert "\x1b" not in out + err  # no colours into files


def test_the_table_of_epochs_says_what_its_signs_mean(config, tmp_path):
    """Once, under it; `dev unseen` where dev has such tokens."""
    corpora.write(tmp_path / "dev.conll", "the\tDET\nzebra\tNOUN\n")
    _, _, err = run(["train", config])
    head = next(line for line in err.splitlines() if line.split()[:1] == ["epoch"])
    assert "dev unseen" in head
    assert err.splitlines()[-1] == (
        "* the best on dev so far, which is kept; dev unseen: accuracy on the tokens of dev that "
        "train lacks"
    )
    assert err.count("* the best") == 1


def test_a_command_and_its_function_make_the_same_model(config, tmp_path):
    settings = ["training.epochs=2", "model.hidden={activation: tanh, units: 5}"]
    options = [part for setting in settings for part in ("--set", setting)]
    assert run(["train", config, *options, "--output", f"{tmp_path}/a: b"])[0] == 0
    windowclf.train(config, [*settings, f"output={tmp_path}/python"])
    assert corpora.digest(tmp_path / "a: b") == corpora.digest(tmp_path / "python")
    assert corpora.log(tmp_path / "a: b") == corpora.log(tmp_path / "python")


def test_the_last_override_holds(config, tmp_path):
    assert (
        run(["train", config, "--set", "training.epochs=9", "--set", "training.epochs=1"])[0] == 0
    )
    assert len(corpora.log(tmp_path / "run")) == 1


def test_notices_go_to_standard_error(config):
    code, out, err = run(["train", config, "--set", "data.dev=null"])
    assert code == 0
    assert "note: no dev data: the final averaged model is kept and early stopping is off." in err
    assert "*" not in err  # nor what it would mean
    assert "note" not in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_words_after_a_signal_are_a_command_that_works(
    config, tmp_path, monkeypatch, number, code
):
    """Settings with spaces and quotes survive being pasted into a shell."""
    sent = []

    class Signalling(training_display.TrainingDisplay):
        def report(self, report):
            if not sent:
                sent.append(report)
                os.kill(os.getpid(), number)

    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with monkeypatch.context() as patched:
        patched.setattr(training_display, "TrainingDisplay", Signalling)
        command = ["train", config, "--set", "training.optimizer={name: adam, beta1: 0.8}"]
        found, out, err = run([*command, "--output", f"{tmp_path}/it's here"])
    assert (found, out) == (code, "")
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    again = err.splitlines()[-1].partition("Go on with: ")[2]
    program, *arguments = shlex.split(again)
    assert program == "windowclf"
    code, out, err = run(arguments)
    assert code == 0
    assert "note: continuing after step 1." in err
    whole = [*command, "--output", f"{tmp_path}/whole"]
    assert run(whole)[0] == 0
    assert corpora.digest(tmp_path / "it's here") == corpora.digest(tmp_path / "whole")


def test_the_words_after_a_signal_are_what_was_typed(config, monkeypatch):
    """What the environment set stands before it, and what was there is not written over again."""

    class Signalling(training_display.TrainingDisplay):
        def report(self, report):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(training_display, "TrainingDisplay", Signalling)
    monkeypatch.setenv("WINDOWCLF_TRAINING__OPTIMIZER", "{name: adam}")
    monkeypatch.setenv("WINDOWCLF_SEED", "7")
    found, _, err = run(["train", "--overwrite", "--set=training.epochs=2", config])
    assert found == 130
    assert err.splitlines()[-1] == (
        "Stopped; the run is saved. Go on with: WINDOWCLF_SEED=7 "
        "WINDOWCLF_TRAINING__OPTIMIZER='{name: adam}' "
        f"windowclf train --set=training.epochs=2 {config} --resume"
    )


@pytest.mark.parametrize(
    ("called", "on_path", "again"),
    [
        ("HERE/bin/windowclf", True, ["windowclf"]),
        ("HERE/bin/windowclf", False, ["HERE/bin/windowclf"]),
        ("HERE/windowclf/__main__.py", True, [sys.executable, "-m", "windowclf"]),
        ("-c", False, ["windowclf"]),
    ],
)
def test_the_program_is_called_as_it_was(tmp_path, monkeypatch, called, on_path, again):
    script = tmp_path / "bin" / "windowclf"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent) if on_path else str(tmp_path))
    monkeypatch.setattr(sys, "argv", [called.replace("HERE", str(tmp_path)), "tune", "a b"])
    words = shlex.split(line_to_go_on())
    program = [word.replace("HERE", str(tmp_path)) for word in again]
    assert words == [*program, "tune", "a b", "--resume"]


@pytest.mark.parametrize("more", [["--probabilities"], ["--n-best", "2"]])
def test_raw_text_for_what_it_has_no_place_for(tmp_path, more):
    """The advice leads there: the command in it is run as it stands."""
    tree = corpora.spans(tmp_path)
    windowclf.train(tree, ["training.epochs=1", "model.output=crf"])
    raw = corpora.write(tmp_path / "raw.txt", "Anna met Ben Berg\nin “Oslo”\n")
    code, out, err = run(["predict", f"{tmp_path}/run", raw, *more])
    assert (code, out) == (1, "")
    advice = re.search(r"\(of lines of [a-z ]+: (.*)\)\.$", err)[1]
    assert advice.startswith("python3 -c ")
    line = advice.replace("python3", shlex.quote(sys.executable)).replace("FILE", "raw.txt")
    subprocess.run(line, shell=True, check=True, cwd=tmp_path)
    code, out, _ = run(["predict", f"{tmp_path}/run", f"{tmp_path}/x.jsonl", *more])
    assert code == 0
    records = [json.loads(row) for row in out.splitlines()]
    texts = [row["text"] if "text" in row else " ".join(row["tokens"]) for row in records]
    assert texts == ["Anna met Ben Berg", "in “Oslo”"]


def test_an_asterisk_that_yaml_takes_for_an_alias(config, tmp_path, monkeypatch):
    """The advice leads there too, quoted for the shell."""
    monkeypatch.chdir(tmp_path)
    code, _, err = run(["train", config, "--set", "data.train=*ain.conll"])
    assert code == 1
    advice = err.partition("has to be given in quotes (")[2].removesuffix(").\n")
    assert advice == """--set 'data.train="*ain.conll"'"""
    assert run(["train", config, *shlex.split(advice)])[0] == 0
    _, _, err = run(["train", config, "--set", "data.train=[x, *ain.conll]"])
    assert err.endswith("; a text that begins with * has to be given in quotes.\n")
    bad = corpora.write(tmp_path / "bad.yaml", "task: tagging\ndata:\n  train: *.conll\n")
    _, _, err = run(["train", bad])
    assert err.startswith(f"{bad}:3:11: not YAML, ")
    assert err.endswith("; a text that begins with * has to be given in quotes.\n")


def test_resume_and_overwrite_together_are_unusable(config):
    for command in ("train", "tune"):
        code, out, err = run([command, config, "--resume", "--overwrite"])
        assert (code, out) == (1, "")
        assert "expected --resume or --overwrite, found both." in err


def test_info_and_evaluate_as_json(config, tmp_path):
    run(["train", config])
    code, out, err = run(["info", str(tmp_path / "run"), "--json"])
    assert (code, err) == (0, "")
    assert json.loads(out) == windowclf.info(tmp_path / "run")
    dev = str(tmp_path / "dev.conll")
    code, out, err = run(["evaluate", str(tmp_path / "run" / "model.safetensors"), dev, "--json"])
    assert (code, err) == (0, "")
    assert json.loads(out) == windowclf.evaluate(tmp_path / "run", dev)


def test_info_as_text_has_every_fact(config, tmp_path):
    run(["train", config])
    code, out, _ = run(["info", str(tmp_path / "run")])
    assert code == 0
    facts = windowclf.info(tmp_path / "run")
    for fact in ("sha256", "task", "window", "activation", "output", "tokenizer", "temperature"):
        assert f": {facts[fact]}" in out
    assert f": {facts['numbers']:,}\n" in out
    assert ", ".join(facts["labels"]) in out
    for name, shape in facts["parameters"].items():
        assert f"  {name}: {'×'.join(map(str, shape))}\n" in out


def test_evaluate_tells_unknown_labels_beside_the_json(config, tmp_path):
    run(["train", config])
    data = corpora.write(tmp_path / "odd.conll", "the\tDET\ncat\t[bold]\ndog\t:cat:\n")
    code, out, err = run(["evaluate", str(tmp_path / "run"), data, "--json"])
    assert code == 0
    assert json.loads(out)["tokens"] == 3
    assert err.endswith("has labels that train lacks, counted as errors: :cat:, [bold].\n")
    code, out, _ = run(["evaluate", str(tmp_path / "run"), data])
    assert code == 0
    assert out.count("[bold]") == out.count(":cat:") == 2  # neither markup nor a picture


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    code, out, err = run([command, "--help"])
    assert (code, err) == (0, "")
    assert f"Usage: windowclf {command}" in out
    assert run([command, "-h"])[1] == out


def test_without_a_command_there_is_help():
    code, out, err = run([])
    for command in COMMANDS:
        assert command in out + err
    assert code in (0, 2)


@pytest.mark.parametrize("task", corpora.TASKS)
def test_the_whole_way_of_every_task(tmp_path, task):
    """config → gradcheck → train → info → evaluate → predict, as a user would go it."""
    tree = corpora.TASKS[task](tmp_path)
    path = corpora.write(tmp_path / "c.yaml", json.dumps(tree))
    model, dev = tree["output"], tree["data"]["dev"]
    for command in (
        ["gradcheck", path],
        ["train", path],
        ["info", model],
        ["evaluate", model, dev],
        ["predict", model, dev],
    ):
        code, out, err = run(command)
        assert code == 0, err
        assert out
        assert "Traceback" not in err
    assert len(out.splitlines()) == len(Path(dev).read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        (["predict", "m"], Request("m")),
        (["predict", "m", "-"], Request("m", "-")),
        (
            ["predict", "m", "in", "-o", "-", "--format", "conll", "--probabilities"],
            Request("m", "in", "-", "conll", TagOptions(probabilities=True)),
        ),
        (["predict"], None),
        (["predict", "--help"], None),
        (["predict", "m", "a", "b"], None),
        (["predict", "m", "-o"], None),
        (["predict", "m", "-o", "--format"], None),
        (["predict", "m", "--jobs", "2"], None),
        (["predict", "m", "--output=x"], None),
        (["train", "m"], None),
        ([], None),
    ],
)
def test_only_plain_arguments_pass_by_the_parser(arguments, plain):
    assert quick_predict(arguments) == plain


@pytest.mark.parametrize("arguments", [["m"], ["m", "in", "-o", "x", "--keep-labels"]])
def test_both_parsers_ask_for_the_same(monkeypatch, arguments):
    asked = []
    monkeypatch.setattr(use, "run_predict", asked.append)
    app(["predict", *arguments], standalone_mode=False)
    assert asked == [quick_predict(["predict", *arguments])]
