"""The README tells the truth: its commands and its Python run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import make_config
from windowclf.pipeline.search.space import check_space

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An empty folder with what a clone has, and the quickstart trained in it."""
    path = tmp_path_factory.mktemp("readme")
    shutil.copytree(REPOSITORY / "configs", path / "configs")
    shutil.copytree(REPOSITORY / "data", path / "data")
    shutil.copy(path / "configs" / "quickstart.yaml", path / "my.yaml")
    run(path, "windowclf train configs/quickstart.yaml --overwrite")
    run(path, "windowclf train my.yaml --output runs/spans")
    shutil.copy(path / "data" / "spans" / "dev.conll", path / "more.conll")
    (path / "raw.txt").write_text("Anna Berg lives in Oslo.\n", encoding="utf-8")
    return path


def run(folder: Path, command: str) -> str:
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", f'PATH="{bin_folder}:$PATH"; {command}'],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_first_block_holds_the_two_commands():
    first, second = blocks("console")[0].splitlines()
    assert "pip install" in first
    assert "windowclf train configs/quickstart.yaml" in first
    assert "[dev]" in second
    assert second.endswith("pytest -q")


def test_the_sentence_of_the_quickstart(folder):
    command, expected = next(b for b in blocks("console") if b.startswith("$ echo")).splitlines()
    assert run(folder, command.removeprefix("$ ")).strip() == expected


def test_commands(folder):
    listed = next(b for b in blocks("console") if b.startswith("windowclf train my.yaml"))
    for line in listed.splitlines():
        command = line.split(" #")[0].strip()
        run(
            folder,
            f"{command} --overwrite"
            if command.endswith("my.yaml") and " train " in command
            else command,
        )
    assert (folder / "tagged.txt").read_text(encoding="utf-8").count("\n") == 1


def test_the_search(folder):
    """Its section is a whole one that fits the config before it, and its commands run."""
    first = next(b for b in blocks("yaml") if b.startswith("task:"))
    section = next(b for b in blocks("yaml") if b.startswith("tune:"))
    tree = parse_yaml(first + section, "README.md")
    check_space(tree, (), make_config(tree).tune.space, "README.md")
    search, resume, train = next(
        b for b in blocks("console") if b.startswith("windowclf tune")
    ).splitlines()
    small = "--trials 2 --set tune.rungs=[1] --set output=runs/spans"
    assert "best: trial" in run(folder, f"{search.split(' #')[0]} {small}")
    run(folder, f"{resume.split(' #')[0]} {small}")
    run(folder, f"{train.split(' #')[0]} --output runs/tuned")


def test_python(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(blocks("python")[0], "README.md", "exec"), names)
    tagger = names["tagger"]
    shown = tagger.predict([["Anna", "Berg", "lives", "in", "Oslo"]])
    assert f"# {shown}" in README
    assert tagger.predict_text("Anna Berg lives in Oslo.")[0] == (0, 9, "PERSON")


def test_every_config_is_named_and_read():
    from windowclf.config.reading import read_config

    for path in sorted((REPOSITORY / "configs").glob("*.yaml")):
        assert path.name in README, f"{path.name} is not in the README"
        read_config(path)
