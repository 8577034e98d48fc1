"""`gradcheck` on a user's network and data: right gradients pass, a wrong one is found."""

from __future__ import annotations

import json
import sys

import corpora
import numpy as np
import pytest

import windowclf
from windowclf.commands import entry as command
from windowclf.network import gradients, members
from windowclf.network.gradient_check import ArrayCheck

LIMIT = 1e-7
SHARED = (
    "[{kind: word, dim: 5, min_count: 1, table: t}, {kind: lower, dim: 5, min_count: 1, table: t},"
    " {kind: suffix, length: 1, dim: 3, min_count: 1}]"
)
NETWORKS = {
    "dropout, weights and L2": [
        "training={dropout: 0.5, word_dropout: 0.3, class_weights: balanced, l2: 0.01}"
    ],
    "weights of some labels": ["training.class_weights={DET: 3.0, NOUN: 0.25}"],
    "bags": ["features.use=[{kind: ngrams, buckets: 40, dim: 3}, {kind: word, dim: 4}]"],
    "shared table and unequal widths": [f"features.use={SHARED}"],
    "characters": [
        "features.use=[{kind: char_cnn, dim: 3, filters: 4, min_count: 1}, {kind: word, dim: 5}]",
        "training.l2=0.1",
    ],
    "recurrence": ["model.recurrence={directions: 1}", "training.l2=0.1"],
    "recurrence from both ends": [
        "model.recurrence={directions: 2}",
        "model.hidden.activation=tanh",
    ],
    "truncated recurrence": ["model.recurrence={directions: 2, truncate: 2}"],
    "hard tanh": ["model.hidden.activation=hard_tanh"],
    "no hidden layer": ["model.hidden={activation: none}"],
    "no window": ["features.window=0"],
}


def assert_right(checks: list[ArrayCheck]) -> None:
    for check in checks:
        assert check.passed, check
        assert check.error < LIMIT, check
        assert check.checked > 0, check


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_right_gradients(tmp_path, settings):
    checks = windowclf.gradcheck(corpora.tagging(tmp_path), settings)
    assert_right(checks)
    names = {check.name for check in checks}
    assert {"U", "b2"} <= names
    assert any(name.startswith("L.") for name in names)


@pytest.mark.parametrize("task", ["spans", "segmentation", "slots"])
def test_right_gradients_of_every_task(tmp_path, task):
    assert_right(windowclf.gradcheck(corpora.TASKS[task](tmp_path)))


@pytest.mark.parametrize(("labels", "columns"), [(("A", "B"), 1), (("A|B", "A", "_"), 2)])
def test_right_gradients_of_a_sigmoid_output(tmp_path, labels, columns):
    words = list(corpora.TAGS)
    sentences = [[(word, labels[i % len(labels)]) for i, word in enumerate(words)]] * 3
    corpora.write(tmp_path / "s.conll", corpora.conll(sentences))
    checks = windowclf.gradcheck(
        corpora.tagging(tmp_path),
        [f"data={{train: {tmp_path}/s.conll}}", "model.output=sigmoid"],
    )
    assert_right(checks)
    assert {check.name: check.shape for check in checks}["U"] == (8, columns)


def test_wanted_and_checked_are_counted(tmp_path):
    checks = windowclf.gradcheck(
        corpora.tagging(tmp_path), ["model.hidden={activation: sigmoid, units: 30}"]
    )
    by_name = {check.name: check for check in checks}
    assert by_name["W"].wanted == 200  # of 5·9·30 entries
    assert by_name["b2"].wanted == by_name["b2"].checked == 5
    assert all(check.kinks == 0 for check in checks)  # a sigmoid has none


def test_kinks_are_counted_and_drawn_anew(tmp_path, monkeypatch):
    """With ends one apart, nearly every entry moves some relu to its other side."""
    monkeypatch.setattr("windowclf.network.gradient_check.STEP", 1.0)
    checks = windowclf.gradcheck(corpora.tagging(tmp_path), ["training.dropout=0"])
    by_name = {check.name: check for check in checks}
    assert by_name["b1"].kinks == 8
    assert by_name["b1"].checked == 0
    assert not by_name["b1"].passed  # too little could be checked
    assert by_name["U"].kinks == 0  # above the relu


def test_the_data_and_the_parameters_come_back_as_they_were(tmp_path):
    config = corpora.tagging(tmp_path)
    first, again = windowclf.gradcheck(config), windowclf.gradcheck(config)
    assert first == again


WRONG = {
    "sign of db2": ("b2", lambda g: -g),
    "1/B taken twice in W": ("W", lambda g: g / 40),
    "one entry of b1": ("b1", lambda g: g + np.eye(len(g))[0] * 1e-4),
}


@pytest.mark.parametrize(("name", "change"), WRONG.values(), ids=WRONG)
def test_a_wrong_gradient_is_found(tmp_path, monkeypatch, capsys, name, change):
    right = members.loss_and_gradients

    def wrong(*arguments):
        J, found = right(*arguments)
        return J, {**found, name: change(found[name])}

    monkeypatch.setattr(members, "loss_and_gradients", wrong)
    config = corpora.tagging(tmp_path)
    checks = windowclf.gradcheck(config)
    assert [check.name for check in checks if not check.passed] == [name]

    path = corpora.write(tmp_path / "c.yaml", json.dumps(config))  # JSON is YAML
    monkeypatch.setattr(sys, "argv", ["windowclf", "gradcheck", path])
    with pytest.raises(SystemExit, match="1"):
        command.main()
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split()[0] for line in out.splitlines() if "FAILED" in line] == [name]


def test_a_wrong_kernel_is_found(tmp_path, monkeypatch):
    """An error deep in the backward pass shows in every array below it."""
    right = gradients.window_backward

    def wrong(*arguments):
        found = right(*arguments)
        return type(found)(part * 1.01 for part in found)

    monkeypatch.setattr(gradients, "window_backward", wrong)
    failed = {c.name for c in windowclf.gradcheck(corpora.tagging(tmp_path)) if not c.passed}
    assert {"W", "L.word"} <= failed
    assert "U" not in failed


def test_the_command_passes(tmp_path, monkeypatch, capsys):
    path = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))
    monkeypatch.setattr(sys, "argv", ["windowclf", "gradcheck", path, "--set", "training.l2=0.1"])
    with pytest.raises(SystemExit, match="0"):
        command.main()
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count(" ok") == 6
    assert "FAILED" not in out
