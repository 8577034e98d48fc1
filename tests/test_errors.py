"""Errors are values too: each fault with its place, on either side of a process border."""

from __future__ import annotations

import pickle

import corpora
import pytest

import windowclf
from windowclf import ConfigError, DataError, Fault
from windowclf.config.reading import make_config
from windowclf.errors import Faults


def test_faults_of_a_file_come_with_path_and_line(tmp_path):
    config = corpora.tagging(tmp_path)
    path = corpora.write(tmp_path / "train.conll", "a\tX\nb\n\nc\n")
    with pytest.raises(DataError) as caught:
        windowclf.train(config)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [(path, 2), (path, 4)]
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    assert caught.value.faults[0].sentence.startswith("expected at least 2 columns")


def test_faults_of_a_config_come_with_their_keys():
    with pytest.raises(ConfigError) as caught:
        make_config({"task": "tagging", "data": {"train": 3}, "training": {"epoch": 2}}, name="c")
    assert {(fault.path, fault.key) for fault in caught.value.faults} == {
        ("c", "data.train"),
        ("c", "training.epoch"),
    }


def test_a_message_shows_twenty_and_keeps_a_thousand():
    faults = Faults()
    for line in range(1, 1235):
        faults.add("f", line, "odd.")
    with pytest.raises(DataError) as caught:
        faults.raise_if_any()
    *shown, last = str(caught.value).splitlines()
    assert (len(shown), last) == (20, "… and 1214 more faults.")
    assert (len(caught.value.faults), caught.value.more) == (1000, 234)


@pytest.mark.parametrize("kind", [DataError, ConfigError, windowclf.ModelFileError])
def test_an_error_crosses_a_process_border(kind):
    error = kind(Fault("odd.", "f", 3, "a.b"), "whole", more=2)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.faults, again.more, str(again)) == (error.faults, 2, str(error))
