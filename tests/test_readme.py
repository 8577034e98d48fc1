"""The README tells the truth: its commands and its Python run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import command_line
import pytest

from windowclf.commands.app import FIRST
from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import make_config
from windowclf.pipeline.search.space import check_space

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")  # for slow tests: the gate's first command trains it too
def quickstart(tmp_path_factory) -> tuple[Path, dict[str, object]]:
    """A folder with what a clone has where the Python ran, and the names that it left."""
    path = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(REPOSITORY / "configs", path / "configs")
    shutil.copytree(REPOSITORY / "data", path / "data")
    names: dict[str, object] = {}
    with contextlib.chdir(path), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(blocks("python")[0], "README.md", "exec"), names)
    return path, names


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    """A reader's folder: the first config, of a small network, and the head of each data file."""
    path = tmp_path_factory.mktemp("reader")
    shutil.copytree(REPOSITORY / "configs", path / "configs")
    (path / "data" / "spans").mkdir(parents=True)
    for name, most in (("train", 60), ("dev", 20), ("test", 20)):
        text = (REPOSITORY / "data" / "spans" / f"{name}.conll").read_text(encoding="utf-8")
        head = "\n\n".join(text.split("\n\n")[:most]) + "\n\n"
        for file in (path / "data" / "spans" / f"{name}.conll", path / f"{name}.conll"):
            file.write_text(head, encoding="utf-8")
    config = blocks("yaml")[0] + "model: {hidden: {units: 8}}\n"
    (path / "my.yaml").write_text(config, encoding="utf-8")
    shutil.copy(path / "dev.conll", path / "more.conll")
    (path / "old.txt").write_text("Anna NNP I-PERSON\nlives VBZ O\n\n" * 4, encoding="utf-8")
    (path / "raw.txt").write_text("Anna Berg lives in Oslo.\n", encoding="utf-8")
    return path


def run(folder: Path, command: str) -> str:
    """What a command prints; one of windowclf alone needs no process of its own."""
    name, *arguments = shlex.split(command)
    if name == "windowclf" and not {"|", ">"} & set(arguments):
        with contextlib.chdir(folder):
            code, out, err = command_line.run(arguments)
        assert code == 0, f"{command}\n{err}"
        return out
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", f'PATH="{bin_folder}:$PATH"; {command}'],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_first_block_holds_the_two_commands(reader):
    first, second = blocks("console")[0].splitlines()
    assert "pip install" in first
    *_, train = first.split(" && .venv/bin/")
    assert train == "windowclf train configs/quickstart.yaml --overwrite"
    assert "test" in run(reader, train)
    assert "[dev]" in second
    assert second.endswith(".venv/bin/pytest -q")


@pytest.mark.slow
def test_the_sentence_of_the_quickstart(quickstart):
    """By the model that the Python trained: the same config, under another name."""
    folder, _ = quickstart
    shutil.copytree(folder / "runs" / "py", folder / "runs" / "quickstart")
    command, expected = next(b for b in blocks("console") if b.startswith("$ echo")).splitlines()
    assert run(folder, command.removeprefix("$ ")).strip() == expected


def test_the_way_in_without_a_clone():
    """The commands that `windowclf --help` shows too, tried by the tests of those."""
    assert next(b for b in blocks("console") if b.startswith("windowclf init")) == "".join(
        f"{command}\n" for command in FIRST
    )


def test_commands(reader):
    listed = next(b for b in blocks("console") if b.startswith("windowclf check my.yaml"))
    for line in listed.splitlines():
        run(reader, line.split(" #")[0])
    assert (reader / "tagged.txt").read_text(encoding="utf-8").count("\n") == 1


def test_conversions(reader):
    """The tokens come back, for they have spaces between them."""
    listed = next(b for b in blocks("console") if b.startswith("windowclf convert"))
    run(reader, "windowclf train my.yaml --overwrite --set training.epochs=1")
    for line in listed.splitlines():
        run(reader, line.split(" #")[0])
    first, back = (
        [line.split()[:2] for line in (reader / name).read_text().splitlines() if line]
        for name in ("dev.conll", "back.conll")
    )
    assert first == back


def test_going_on_with_other_text(reader):
    """Its config is a whole one; the network is that of the model it starts from."""
    config = next(b for b in blocks("yaml") if "start_from" in b)
    small = "model: {hidden: {units: 8}}\n"
    (reader / "more.yaml").write_text(config + small, encoding="utf-8")
    shutil.copy(reader / "dev.conll", reader / "new.conll")
    run(reader, "windowclf train my.yaml --overwrite --set training.epochs=1")
    run(reader, "windowclf train more.yaml --set training.epochs=1")
    assert "training.start_from: " in run(reader, "windowclf info runs/more")


@pytest.mark.slow
def test_the_search(reader):
    """Its section is a whole one that fits the config before it, and its commands run."""
    first = next(b for b in blocks("yaml") if b.startswith("task:"))
    section = next(b for b in blocks("yaml") if b.startswith("tune:"))
    tree = parse_yaml(first + section, "README.md")
    check_space(tree, (), make_config(tree).tune.space, "README.md")
    search, resume, train = next(
        b for b in blocks("console") if b.startswith("windowclf tune")
    ).splitlines()
    small = "--trials 2 --set tune.rungs=[1]"
    assert "best: trial" in run(reader, f"{search.split(' #')[0]} {small}")
    run(reader, f"{resume.split(' #')[0]} {small}")
    run(reader, f"{train.split(' #')[0]} --output runs/tuned")


@pytest.mark.slow
def test_python(quickstart):
    _, names = quickstart
    tagger = names["tagger"]
    shown = tagger.predict([["Anna", "Berg", "lives", "in", "Oslo"]])
    assert f"# {shown}" in README
    assert tagger.predict_text("Anna Berg lives in Oslo.")[0].text == "Anna Berg"


def test_every_file_that_it_names_is_there():
    named = set(re.findall(r"\b(?:tests|windowclf|configs|data)/[\w./*-]*\w", README))
    assert len(named) > 40
    for path in named - {"configs/NAME.yaml"}:
        assert list(REPOSITORY.glob(path)), path


def test_every_config_is_named_and_read():
    from windowclf.config.reading import read_config

    for path in sorted((REPOSITORY / "configs").glob("*.yaml")):
        assert path.name in README, f"{path.name} is not in the README"
        read_config(path)
