"""Bad input through the real command line: one sentence per fault, no traceback, the right exit.

`python tests/test_bad_input.py` prints every command with its answer.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import corpora
import pytest
from command_line import run

import windowclf


@dataclass(frozen=True)
class World:
    """A folder with good files, a config, and a trained tagging model."""

    folder: Path
    config: Path
    model: Path

    def file(self, name: str, content: str | bytes) -> str:
        """A file with this content."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def train(self, *settings: str) -> list[str]:
        """A training command with --set for each setting."""
        options = [part for setting in settings for part in ("--set", setting)]
        new = ["--output", str(self.folder / "new")]
        return ["train", str(self.config), *new, *options]


def make_world(folder: Path) -> World:
    config = corpora.tagging(folder) | {"output": str(folder / "run")}
    config["training"]["epochs"] = 1
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    model = windowclf.train(path).model_path
    return World(folder, path, model)


@dataclass(frozen=True)
class Case:
    """A command and its answer: `said` are parts of standard error, in order."""

    command: Callable[[World], list[str]]
    said: tuple[str, ...]
    exit: int = 1
    lines: int = 1  # on standard error, one per fault


def config_text(text: str) -> Callable[[World], list[str]]:
    """`train` with a config of this text."""
    return lambda w: ["train", w.file("bad.yaml", text)]


def train_on(name: str, content: str | bytes, *settings: str) -> Callable[[World], list[str]]:
    """`train` on a file of this content."""
    return lambda w: w.train(f"data.train={w.file(name, content)}", *settings)


def feature_of(kind: str, name: str, content: str | bytes) -> Callable[[World], list[str]]:
    """`train` with a feature that reads a file of this content."""
    return lambda w: w.train(f"features.use=[{{kind: {kind}, path: {w.file(name, content)}}}]")


def damaged(w: World, change: Callable[[bytearray], object]) -> list[str]:
    """`predict` with a changed copy of the model."""
    data = bytearray(w.model.read_bytes())
    change(data)
    return ["predict", w.file("damaged.safetensors", bytes(data)), str(w.folder / "dev.conll")]


def flip_last(data: bytearray) -> None:
    data[-1] ^= 1


def evaluate_dev(w: World) -> list[str]:
    """`evaluate --against`, the second model to follow."""
    return ["evaluate", str(w.model), str(w.folder / "dev.conll"), "--against"]


def other_model(w: World, make: Callable[[Path], dict[str, object]]) -> Path:
    """A model trained from another corpus."""
    folder = w.folder / make.__name__
    folder.mkdir(exist_ok=True)
    return windowclf.train(make(folder), ["training.epochs=1"], overwrite=True).model_path


def renamed_tags(folder: Path) -> dict[str, object]:
    """A tagging corpus none of whose labels is the usual one."""
    rows = [[(t, f"x{tag}") for t, tag in s] for s in corpora.tagged_sentences(20, 1)]
    train = corpora.write(folder / "train.conll", corpora.conll(rows))
    return corpora.small_config(folder, "tagging", {"train": train})


def compress(w: World) -> list[str]:
    """`compress` into a file beside the model."""
    return ["compress", str(w.model), "--output", str(w.folder / "small")]


def small_model(w: World) -> str:
    """A model that is compressed."""
    path = w.folder / "small"
    windowclf.compress(w.model, path)
    return str(path)


MINIMAL = "task: tagging\ndata:\n  train: x.conll\n"
SPAN_TEXT = '{"text": "Anna Berg left", "spans": [{"start": 0, "end": 6, "label": "PER"}]}\n'

BESIDE = ("note: ", "train: ", "dev: ", "more about these texts: ")  # what is no fault

CASES = {
    "config missing": Case(
        lambda w: ["train", "nowhere/config.yaml"],
        ("nowhere/config.yaml: no such file; from the working directory that is /",),
    ),
    "config is a folder": Case(
        lambda w: ["train", str(w.folder)], ("expected a YAML file, found a directory.",)
    ),
    "config is not YAML": Case(
        config_text("task: [tagging\n"), ("bad.yaml:2:1: not YAML, expected ',' or ']'",)
    ),
    "config is text": Case(config_text("just words\n"), ("expected keys such as task and data",)),
    "config is empty": Case(config_text(""), ("expected keys such as task and data",)),
    "config in Latin-1": Case(
        lambda w: ["train", w.file("bad.yaml", "task: tägging".encode("latin-1"))],
        ("bad.yaml:1: expected UTF-8",),
    ),
    "key twice": Case(
        config_text(MINIMAL + "task: spans\n"), ("bad.yaml:4:1: not YAML, the key 'task' stands",)
    ),
    "typo of a key": Case(
        lambda w: w.train("training.epoch=3"),
        ("training.epoch: unknown key; did you mean epochs?",),
    ),
    "typo of a value": Case(
        lambda w: w.train("model.hidden.activation=relo"),
        ("model.hidden.activation: expected", "did you mean relu?"),
    ),
    "three faults at once": Case(
        lambda w: w.train("training.epochs=0", "training.l2=-1", "seed=many"),
        (
            "seed: expected a whole number, found 'many'.",
            "training.epochs: expected a number of at least 1, found 0.",
            "training.l2: expected a number of at least 0, found -1.",
        ),
        lines=3,
    ),
    "task missing": Case(config_text("data: {train: x.conll}\n"), ("task: missing",)),
    "override without a value": Case(
        lambda w: w.train("training.epochs"),
        ("--set training.epochs: expected KEY=VALUE, as in training.epochs=5.",),
    ),
    "override that is not YAML": Case(
        lambda w: w.train("training.epochs=[1"), ("--set training.epochs:", "not YAML")
    ),
    "train file missing": Case(
        lambda w: w.train("data.train=nowhere.conll"),
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "train on one sentence and hold out some": Case(
        train_on("one.conll", "Anna\tNAME\n", "data.dev={holdout: 0.1}"),
        (
            "one.conll: expected at least two sentences, as data.dev holds out some of them, "
            "found one; add some, or give data.dev a file, or null for none.",
        ),
    ),
    "glob without a match": Case(
        lambda w: w.train("data.train=nowhere/*.conll"),
        ("data.train: no file matches 'nowhere/*.conll'; from the working directory that is /",),
    ),
    "phrase list with a line that is none": Case(
        feature_of("gazetteer", "phrases.txt", "a b\n\tX"),
        ("phrases.txt:2: expected a phrase, or a phrase, a tab and its type, found '\\tX'.",),
    ),
    "clusters that disagree": Case(
        feature_of("cluster", "c.tsv", "0\ta\n1\ta"),
        ("c.tsv:2: the word 'a' is in the cluster '0' already; remove one of the lines.",),
    ),
    "vectors of several widths": Case(
        feature_of("vectors", "v.vec", "a 1 2\nb 1"),
        ("v.vec:2: expected a word and 2 numbers, separated by single spaces, found 'b 1'.",),
    ),
    "vectors in fastText's own format": Case(
        feature_of("vectors", "v.bin", bytes(range(200, 240))),
        ("v.bin: expected word2vec's binary format", "use the .vec that comes with it."),
    ),
    "train file is a folder": Case(
        lambda w: w.train(f"data.train={w.folder}"), ("expected a file, found a directory",)
    ),
    "train file empty": Case(
        train_on("empty.conll", ""), ("empty.conll: no sentence found; expected at least one",)
    ),
    "dev without a sentence": Case(
        lambda w: w.train(f"data.dev={w.file('blank.conll', chr(10) * 3)}"),
        ("blank.conll: no sentence found; dev must hold at least one.",),
    ),
    "test file missing": Case(
        lambda w: w.train("data.test=nowhere.conll"),
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "column out of range": Case(
        train_on("narrow.conll", "the\tDET\ncat\tNOUN\n", "data.label=2", "data.dev=null"),
        ("narrow.conll:1: expected", "narrow.conll:2: expected"),
        lines=2,
    ),
    "broken UTF-8": Case(
        train_on("latin.conll", b"the\tDET\n\xe4pfel\tNOUN\n"), ("latin.conll:2: ",)
    ),
    "no token has a label": Case(
        train_on("bare.conll", "the\t-\ncat\t-\n"), ("no token has a label; is data.label",)
    ),
    "span labels that are numbers": Case(
        train_on("numbers.conll", "the\t12\ncat\t13\n", "task=spans", "data.dev=null"),
        (
            "numbers.conll:1: expected a BIO label (O, B-TYPE, I-TYPE), found '12'",
            "numbers.conll:2: expected a BIO label (O, B-TYPE, I-TYPE), found '13'",
        ),
        lines=2,
    ),
    "labels that are decimals": Case(
        train_on("decimals.conll", "the\t0.5\ncat\t1.25\n"),
        ("decimals.conll: every label is a number with decimals (such as '0.5')",),
    ),
    "more than twenty faults": Case(
        train_on("many.conll", "word\n" * 50),
        (*(f"many.conll:{i}: expected" for i in range(1, 21)), "… and 30 more faults."),
        lines=21,
    ),
    "misaligned span": Case(
        train_on("texts.jsonl", SPAN_TEXT, "task=spans", "data.dev=null"), ("texts.jsonl:1: ",)
    ),
    "csv without the column": Case(
        train_on(
            "table.csv",
            "a,label\nx,1\n",
            "task=slots",
            "data.dev=null",
            "features={use: [{kind: column, column: b}]}",
        ),
        ("table.csv:1: ",),
    ),
    "class weight of no label": Case(
        lambda w: w.train("training.class_weights={NUON: 2.0}"),
        ("training.class_weights.NUON: no training token has this label; the labels are ADJ,",),
    ),
    "run folder is a file": Case(
        lambda w: ["train", str(w.config), "--output", w.file("taken", "")],
        ("taken: cannot be the run folder, ",),
    ),
    "run folder not empty": Case(
        lambda w: ["train", str(w.config)],
        ("run: not empty (it holds config.yaml); continue that run with --resume",),
    ),
    "resume with another config": Case(
        lambda w: ["train", str(w.config), "--resume", "--set", "training.dropout=0.25"],
        ("cannot continue this run with another config or other data (training.dropout: 0.2",),
    ),
    "learning rate far too high": Case(
        lambda w: w.train(
            "training.optimizer={name: sgd, learning_rate: 1e30}", "training.clip_norm=null"
        ),
        ("training diverged at step ", "with learning rate"),
    ),
    "model missing": Case(
        lambda w: ["predict", "nowhere/model", "-"],
        ("nowhere/model: no such file; from the working directory that is /",),
    ),
    "model folder without a model": Case(
        lambda w: ["info", str(w.folder)], ("no model.safetensors in this folder",)
    ),
    "model of one flipped bit": Case(
        lambda w: damaged(w, flip_last), ("damaged.safetensors: damaged, its content",)
    ),
    "model cut short": Case(
        lambda w: damaged(w, lambda data: data.__delitem__(slice(100, None))),
        ("damaged.safetensors: cut short or not a windowclf file.",),
    ),
    "model is a text file": Case(
        lambda w: ["info", str(w.folder / "train.conll")], ("train.conll: ",)
    ),
    "model is a state": Case(
        lambda w: ["info", str(w.model.with_name("state.safetensors"))],
        ("state.safetensors: expected a model file, found a state file.",),
    ),
    "input missing": Case(
        lambda w: ["predict", str(w.model), "nowhere.conll"],
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "input is a folder": Case(
        lambda w: ["predict", str(w.model), str(w.folder)],
        ("expected a file, found a directory.",),
    ),
    "input in Latin-1": Case(
        lambda w: ["predict", str(w.model), w.file("latin.txt", b"\xe4pfel\n")], ("latin.txt:1: ",)
    ),
    "output folder missing": Case(
        lambda w: [*["predict", str(w.model), str(w.folder / "dev.conll")], "-o", "no/where.conll"],
        ("no/where.conll: cannot write, no such file or directory.",),
    ),
    "unknown format": Case(
        lambda w: ["predict", str(w.model), str(w.folder / "dev.conll"), "--format", "conl"],
        (
            "--format: expected one of conll, conllu, jsonl, csv, tsv, text, labelstudio, ",
            ", arrow, brackets, found 'conl'.",
        ),
    ),
    "format that cannot hold the answer": Case(
        lambda w: ["predict", str(w.model), str(w.folder / "dev.conll"), "--format", "csv"],
        ("data.format: csv holds rows of slots and not running text",),
    ),
    "probabilities without a place": Case(
        lambda w: ["predict", str(w.model), w.file("raw.txt", "a cat\n"), "--probabilities"],
        ("probabilities have no place in the text",),
    ),
    "evaluate on a missing file": Case(
        lambda w: ["evaluate", str(w.model), "nowhere.conll"],
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "evaluate on unlabelled text": Case(
        lambda w: ["evaluate", str(w.model), w.file("bare.conll", "the\t-\n")],
        ("bare.conll: no labelled token found; nothing to score.",),
    ),
    "compared with a model for another task": Case(
        lambda w: [*evaluate_dev(w), str(other_model(w, corpora.spans))],
        ("expected a model for tagging as", "found one for spans;"),
    ),
    "compared with a model of other labels": Case(
        lambda w: [*evaluate_dev(w), str(other_model(w, renamed_tags))],
        ("expected labels such as those of", "(ADJ, DET,", "found xADJ, xDET,"),
    ),
    "compared with nothing": Case(
        lambda w: [*evaluate_dev(w), "nowhere"],
        ("nowhere: no such file; from the working directory that is /",),
    ),
    "gradcheck without data": Case(
        lambda w: ["gradcheck", str(w.config), "--set", "data.train=nowhere.conll"],
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "compress to another type": Case(
        lambda w: [*compress(w), "--dtype", "int4"],
        ("--dtype: expected one of int8, float16, float32, found 'int4'.",),
    ),
    "compress to a size that is none": Case(
        lambda w: [*compress(w), "--size", "small"],
        ("--size: expected bytes such as 900kB or 1.5MB, found 'small'.",),
    ),
    "compress to nearly nothing": Case(
        lambda w: [*compress(w), "--size", "1kB"],
        ("--size: expected at least", "without any listed value, found 1,000; ask"),
    ),
    "compress onto the model itself": Case(
        lambda w: ["compress", str(w.model), "-o", str(w.model)],
        ("--output: expected another file than the model itself, ",),
    ),
    "compress into no folder": Case(
        lambda w: ["compress", str(w.model), "-o", "no/where"],
        ("no/where: cannot write, no such file or directory",),
    ),
    "compress with data that is missing": Case(
        lambda w: [*compress(w), "--data", "nowhere.conll"],
        ("nowhere.conll: no such file; from the working directory that is /",),
    ),
    "compress twice": Case(
        lambda w: ["compress", small_model(w), "-o", str(w.folder / "smaller")],
        ("small: expected a model as train wrote it, found one that is compressed already",),
    ),
    "unknown command": Case(lambda w: ["tain", "x.yaml"], (), exit=2),
    "unknown option": Case(lambda w: ["train", "x.yaml", "--epochs", "3"], (), exit=2),
    "argument missing": Case(lambda w: ["train"], (), exit=2),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_sentence_and_an_exit_code(world, case):
    kept = world.model.read_bytes()
    code, out, err = run(case.command(world))
    assert code == case.exit, err
    assert out == ""
    assert "Traceback" not in err
    assert world.model.read_bytes() == kept
    if code == 2:
        assert "Usage: windowclf" in err
        return
    lines = err.splitlines()
    sentences = [line for line in lines if not line.startswith(BESIDE)]
    place = -1
    for part in case.said:
        place = err.find(part, place + 1)
        assert place >= 0, (part, err)
    assert len(sentences) == case.lines, err
    assert all(line.endswith((".", "?")) for line in sentences), err


def process(command: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    program = [sys.executable, "-c", "from windowclf.commands.entry import main; main()"]
    return subprocess.run([*program, *command], text=True, stderr=subprocess.PIPE, **how)


@pytest.mark.slow
def test_a_real_process_says_the_same(world):
    for command in (["train", "nowhere.yaml"], ["predict", "nowhere"], ["tain"]):
        done = process(command, stdout=subprocess.PIPE)
        assert (done.returncode, done.stdout) == run(command)[:2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", [["predict"], ["evaluate"], ["evaluate", "--json"], ["info"]])
@pytest.mark.slow
def test_standard_output_on_a_full_disk(world, command):
    data = [str(world.folder / "dev.conll")] if command != ["info"] else ["--json"]
    with Path("/dev/full").open("w") as full:
        done = process([*command, str(world.model), *data], stdout=full)
    assert done.returncode == 1
    assert done.stderr == "standard output: no space left on device.\n"


def test_training_on_a_full_disk_keeps_the_old_model(world):
    """A limit on the size of files stands for the disk: a model fits into it, a state does not."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    kept = world.model.read_bytes()
    done = process(
        ["train", str(world.config), "--overwrite"], stdout=subprocess.PIPE, preexec_fn=limit
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "state.safetensors: cannot write, file too large; nothing was lost, "
        "mend that and try again.\n"
    )
    assert "Traceback" not in done.stderr
    assert world.model.read_bytes() == kept
    assert not list(world.model.parent.glob("*.tmp")) + list(world.model.parent.glob(".*.tmp"))


def main() -> None:
    """Print every command, its answer and its exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.chdir(folder)
        world = make_world(folder)
        for title, case in CASES.items():
            command = case.command(world)
            code, out, err = run(command)
            print(f"## {title}\n$ windowclf {' '.join(command)}\n{out}{err}exit {code}\n")


if __name__ == "__main__":
    main()
