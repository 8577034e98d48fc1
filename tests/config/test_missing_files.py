"""A file that is missing: where it was looked for, and where there is one of that name."""

from __future__ import annotations

import pickle
from pathlib import Path

import corpora
import pytest

import windowclf
from windowclf.errors import ConfigError, DataError, ModelFileError


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory; below it `configs` with a config and its data."""
    text = "task: tagging\ndata: {train: TRAIN, dev: {holdout: 0.2}}\ntraining: {epochs: 1}\n"
    below = tmp_path / "configs"
    below.mkdir()
    corpora.write(below / "c.yaml", text.replace("TRAIN", "train.conll"))
    corpora.write(below / "glob.yaml", text.replace("TRAIN", "'tr*.conll'"))
    corpora.write(below / "train.conll", corpora.conll(corpora.tagged_sentences(30, 1)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("whole", [False, True])
def test_of_a_relative_path_the_whole_one_is_said(folder, whole):
    name = str(folder / "no.x") if whole else "no.x"
    where = "" if whole else f"; from the working directory that is {folder}/no.x"
    said = f"{name}: no such file{where}."
    for kind, look in (
        (ConfigError, lambda: windowclf.train(name)),
        (ModelFileError, lambda: windowclf.info(name)),
        (DataError, lambda: windowclf.train("configs/c.yaml", [f"data.train={name}"])),
    ):
        with pytest.raises(kind) as caught:
            look()
        assert str(caught.value) == said
        assert str(pickle.loads(pickle.dumps(caught.value))) == said


@pytest.mark.parametrize("command", ["train", "plan", "tune", "gradcheck", "cross_validate"])
def test_one_that_lies_beside_the_config_is_named(folder, command):
    more = {"folds": 2} if command == "cross_validate" else {}
    with pytest.raises(DataError) as caught:
        getattr(windowclf, command)("configs/c.yaml", **more)
    assert str(caught.value) == (
        f"train.conll: no such file; from the working directory that is {folder}/train.conll; "
        "beside the config there is configs/train.conll: name it so, or run the command in configs."
    )
    assert caught.value.faults[0].path == "train.conll"


def test_a_glob_likewise(folder):
    with pytest.raises(DataError) as caught:
        windowclf.train("configs/glob.yaml")
    assert str(caught.value) == (
        f"data.train: no file matches 'tr*.conll'; from the working directory that is {folder}/"
        "tr*.conll; beside the config there is configs/tr*.conll: name it so, or run the command "
        "in configs."
    )


def test_both_pieces_of_advice_work(folder, monkeypatch):
    assert windowclf.train("configs/c.yaml", ["data.train=configs/train.conll"]).best_epoch == 1
    monkeypatch.chdir(folder / "configs")
    assert windowclf.train("c.yaml").best_epoch == 1
