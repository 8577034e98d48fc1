"""A run that is resumed for more epochs than it had."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import corpora
import pytest
from heard import Heard

import windowclf
from windowclf.errors import RunFolderError
from windowclf.network.reports import EpochReport, StepReport
from windowclf.pipeline.run_folder import RunFolder

CONSTANT = "training.schedule={name: constant}"


def after(steps: int):
    """Says True from the given number of steps on."""
    count = itertools.count(1)
    return lambda: next(count) >= steps


def test_a_finished_run_goes_on_and_the_rate_follows_the_new_total(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, ["training.early_stopping=null"])
    said, steps = [], []
    result = windowclf.train(
        config,
        ["training.epochs=6", "training.early_stopping=null"],
        resume=True,
        listener=Heard(notice=said.append, report=steps.append),
    )
    assert said[0] == (
        "training.epochs: 3 before, 6 now: the learning rate follows the new total from here on, "
        "and the bytes of the model will differ from those of one run of 6."
    )
    first = next(each for each in steps if isinstance(each, StepReport))
    assert (first.epoch, first.learning_rate) == (4, pytest.approx(0.004 / 2))
    assert [row["epoch"] for row in corpora.log(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    assert result.best_epoch in range(1, 7)
    assert "epochs: 6\n" in (tmp_path / "run" / "config.yaml").read_text()
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["dev"]


def test_with_a_constant_rate_the_steps_are_those_of_one_run(tmp_path):
    config = corpora.tagging(tmp_path)
    how = [CONSTANT, "training.early_stopping=null"]
    windowclf.train(config, [*how, "training.epochs=5", f"output={tmp_path}/long"])
    windowclf.train(config, how)
    windowclf.train(config, [*how, "training.epochs=5"], resume=True)
    for longer, whole in zip(
        corpora.log(tmp_path / "run"), corpora.log(tmp_path / "long"), strict=True
    ):
        assert longer | {"last": None} == whole | {"last": None}


@pytest.mark.parametrize("first", [4, 100])  # stopped on the way, or finished
@pytest.mark.parametrize("dev", [True, False])
def test_a_longer_run_may_be_stopped_anywhere_and_ends_with_the_same_bytes(tmp_path, first, dev):
    config = corpora.tagging(tmp_path)
    how = [] if dev else ["data.dev=null"]

    def begun(name: str) -> list[str]:
        own = [*how, f"output={tmp_path}/{name}"]
        windowclf.train(config, own, listener=Heard(stop=after(first)))
        return [*own, "training.epochs=5"]

    windowclf.train(config, begun("whole"), resume=True)
    for stop in (1, 3, 6):
        own = begun(f"at{stop}")
        windowclf.train(config, own, resume=True, listener=Heard(stop=after(stop)))
        said: list[str] = []
        windowclf.train(config, own, resume=True, listener=Heard(notice=said.append))
        assert not any("training.epochs" in each for each in said)  # it is that long already
        assert corpora.digest(tmp_path / f"at{stop}") == corpora.digest(tmp_path / "whole")
        assert corpora.log(tmp_path / f"at{stop}") == corpora.log(tmp_path / "whole")


def test_early_stopping_has_its_patience_again(tmp_path):
    """A rate of almost nothing: no epoch is better than the first one."""
    config = corpora.tagging(tmp_path)
    how = ["training.optimizer.learning_rate=1e-12", "training.early_stopping={patience: 2}"]
    epochs: list[int] = []

    def note(report):
        if isinstance(report, EpochReport):
            epochs.append(report.epoch)

    windowclf.train(config, [*how, "training.epochs=9"], listener=Heard(report=note))
    assert epochs == [1, 2, 3]
    windowclf.train(config, [*how, "training.epochs=20"], resume=True, listener=Heard(report=note))
    assert epochs == [1, 2, 3, 4, 5]


def test_a_run_gets_no_shorter(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    before = corpora.digest(tmp_path / "run")
    windowclf.train(config, ["training.epochs=4"], resume=True)
    with pytest.raises(RunFolderError) as raised:
        windowclf.train(config, resume=True)
    assert str(raised.value) == (
        f"{tmp_path}/run: training.epochs: expected at least the 4 that this run has, found 3; a "
        "run can be made longer and not shorter: undo that, or start again with --overwrite."
    )
    windowclf.train(config, overwrite=True)  # the advice
    assert corpora.digest(tmp_path / "run") == before


def test_other_changes_are_refused_beside_it(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    with pytest.raises(RunFolderError, match=r"another config or other data \(seed: 1 before"):
        windowclf.train(config, ["training.epochs=4", "seed=2"], resume=True)


@pytest.mark.parametrize("moment", ["save_state", "remove_evaluation", "write_config"])
def test_killed_while_it_is_made_longer(tmp_path, monkeypatch, moment):
    config = corpora.tagging(tmp_path)
    more = ["training.epochs=5"]
    for name in ("whole", "killed"):
        windowclf.train(config, [f"output={tmp_path}/{name}"])
    windowclf.train(config, [*more, f"output={tmp_path}/whole"], resume=True)
    own = [*more, f"output={tmp_path}/killed"]

    def dying(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, moment, dying)
        with pytest.raises(KeyboardInterrupt):
            windowclf.train(config, own, resume=True)
    windowclf.train(config, own, resume=True)
    assert corpora.digest(tmp_path / "killed") == corpora.digest(tmp_path / "whole")
    assert corpora.log(tmp_path / "killed") == corpora.log(tmp_path / "whole")


def test_a_state_from_before_there_was_the_number_is_read(tmp_path, monkeypatch):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, [f"output={tmp_path}/whole"])
    real = RunFolder.save_state

    def older(self, header, arrays):
        progress = {name: n for name, n in header["progress"].items() if name != "waits_from"}
        real(self, {**header, "progress": progress}, arrays)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "save_state", older)
        windowclf.train(config, listener=Heard(stop=after(4)))
    windowclf.train(config, resume=True)
    assert corpora.digest(Path(tmp_path / "run")) == corpora.digest(tmp_path / "whole")
