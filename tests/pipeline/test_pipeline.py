"""Whole runs: equal seeds give equal bytes, and a run that stopped goes on as if it had not."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import corpora
import pytest
from heard import Heard

import windowclf
from windowclf.config.reading import as_config
from windowclf.errors import ConfigError, DataError, ModelFileError, RunFolderError
from windowclf.network.reports import EpochReport, Report, StepReport
from windowclf.pipeline.run_folder import RunFolder
from windowclf.tagging.model_file import load_model

STEPS = {  # what a state has to hold; every variant has several steps per epoch
    "average and lazy rows": ["training.optimizer={name: adam, rows: lazy}"],
    "dense rows": ["training.optimizer={name: adam, rows: dense}"],
    "no average": ["training.average=null", "training.optimizer={name: rmsprop}"],
    "word dropout alone": ["training.word_dropout=0.5", "training.dropout=0"],
    "early stopping": [
        "training.early_stopping={patience: 1}",
        "training.optimizer.learning_rate=0.05",
        "training.epochs=12",
    ],
    "warmup and cosine": ["training.schedule={name: cosine, warmup: 0.3}"],
    "momentum, dense": ["training.optimizer={name: momentum, rows: dense}"],
    "adagrad": ["training.optimizer={name: adagrad}"],
    "no dev": ["data.dev=null"],
    "labels at once": ["model.output=sigmoid"],
}


def after(steps: int) -> Callable[[], bool]:
    """Says True from the given number of steps on; it is asked once after every report."""
    count = itertools.count(1)
    return lambda: next(count) >= steps


def reports_until_stop(config, settings, stop: int) -> tuple[list[Report], bool]:
    found: list[Report] = []
    result = windowclf.train(
        config, settings, listener=Heard(report=found.append, stop=after(stop)), resume=True
    )
    return found, result.stopped


@pytest.mark.parametrize("settings", STEPS.values(), ids=STEPS)
def test_stopped_after_every_report_and_resumed(tmp_path, settings):
    """Stop after each few reports, in the middle and at the end of epochs, until it is finished."""
    config = corpora.tagging(tmp_path)
    settings = ["training.batch_tokens=70", *settings]
    whole: list[Report] = []
    windowclf.train(config, settings, listener=Heard(report=whole.append))
    other = [*settings, f"output={tmp_path}/pieces"]
    pieces: list[Report] = []
    for stop in itertools.cycle([1, 2, 3]):
        found, stopped = reports_until_stop(config, other, stop)
        pieces += found
        if not stopped:
            break
    assert corpora.digest(tmp_path / "pieces") == corpora.digest(tmp_path / "run")
    assert corpora.log(tmp_path / "pieces") == corpora.log(tmp_path / "run")
    assert [r for r in pieces if isinstance(r, StepReport)] == [
        r for r in whole if isinstance(r, StepReport)
    ]


def test_stopped_at_each_single_report(tmp_path):
    """Every place where a run can be stopped, each once: first step, last step, end of epoch."""
    config = corpora.tagging(tmp_path)
    settings = ["training.batch_tokens=70", "training.epochs=2"]
    whole: list[Report] = []
    windowclf.train(config, settings, listener=Heard(report=whole.append))
    kinds = [isinstance(report, EpochReport) for report in whole]
    assert kinds.count(True) == 2
    for stop in range(1, len(whole)):
        own = [*settings, f"output={tmp_path}/at{stop}"]
        found, stopped = reports_until_stop(config, own, stop)
        assert stopped
        assert len(found) == stop
        again = windowclf.train(config, own, resume=True)
        assert not again.stopped
        assert corpora.digest(tmp_path / f"at{stop}") == corpora.digest(tmp_path / "run")
        assert corpora.log(tmp_path / f"at{stop}") == corpora.log(tmp_path / "run")


def test_killed_between_model_and_state(tmp_path, monkeypatch):
    """A model and a log that are newer than the state: resuming makes both again, the same."""
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    own = [f"output={tmp_path}/killed", "training.checkpoint={seconds: 1e-9}"]

    class Killed(BaseException):
        pass

    for moment in ("save_model", "append_metrics"):
        real = getattr(RunFolder, moment)
        calls = itertools.count(1)

        def dying(self, *arguments, real=real, calls=calls):
            real(self, *arguments)
            if next(calls) == 2:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(RunFolder, moment, dying)
            with pytest.raises(Killed):
                windowclf.train(config, own, overwrite=True)
        windowclf.train(config, own, resume=True)
        assert corpora.digest(tmp_path / "killed") == corpora.digest(tmp_path / "run")
        assert corpora.log(tmp_path / "killed") == corpora.log(tmp_path / "run")


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        ("{steps: 2}", [0, 2, 4, 6, 8, 9]),
        ("{steps: 3}", [0, 3, 6, 9, 9]),
        ("{steps: 100}", [0, 9]),
        ("{steps: 5, seconds: 0}", [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9]),
        ("{seconds: 3600}", [0, 9]),
    ],
)
def test_states_are_saved_by_steps_and_by_seconds(tmp_path, monkeypatch, checkpoint, expected):
    """At the start, at multiples of `steps` of the 9, and at the end; resumed runs at the same."""
    saved: list[int] = []
    real = RunFolder.save_state

    def noted(self, header, arrays):
        saved.append(header["progress"]["step"])
        real(self, header, arrays)

    monkeypatch.setattr(RunFolder, "save_state", noted)
    config = corpora.tagging(tmp_path)
    settings = [f"training.checkpoint={checkpoint}", "training.batch_tokens=70"]
    windowclf.train(config, settings)
    assert saved == expected
    saved.clear()
    windowclf.train(config, [*settings, f"output={tmp_path}/b"], listener=Heard(stop=after(5)))
    assert saved[-1] == 4
    saved.clear()
    windowclf.train(config, [*settings, f"output={tmp_path}/b"], resume=True)
    assert saved == [step for step in expected if step > 4]
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "b")


@pytest.mark.parametrize("moment", ["remove_old_run", "write_config"])
def test_killed_while_overwriting(tmp_path, monkeypatch, moment):
    """The new state comes before anything else of the new run; --resume does the rest."""
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    windowclf.train(config, ["seed=5", f"output={tmp_path}/whole"])

    def dying(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, moment, dying)
        with pytest.raises(KeyboardInterrupt):
            windowclf.train(config, ["seed=5"], overwrite=True)
    windowclf.train(config, ["seed=5"], resume=True)
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "whole")
    assert corpora.log(tmp_path / "run") == corpora.log(tmp_path / "whole")
    kept = as_config(tmp_path / "run" / "config.yaml", [])
    assert kept == as_config(config, ["seed=5"])


@pytest.fixture(scope="module")
def twice(tmp_path_factory) -> Path:
    """A folder with `1/TASK` and `2/TASK`: runs in two processes with hash seeds of their own."""
    folder = tmp_path_factory.mktemp("twice")
    for task, make in corpora.TASKS.items():
        (folder / task).mkdir()
        corpora.write(folder / f"{task}.json", json.dumps(make(folder / task)))
    code = (
        "import sys, windowclf\n"
        "for task in sys.argv[2:]:\n"
        "    windowclf.train(f'{task}.json', [f'output={sys.argv[1]}/deep/{task}'])"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, seed, *corpora.TASKS]
        subprocess.run(command, env=environment, cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("task", corpora.TASKS)
def test_two_processes_and_two_folders_give_the_same_bytes(twice, task):
    first, second = twice / "1" / "deep" / task, twice / "2" / "deep" / task
    assert corpora.digest(first) == corpora.digest(second)
    assert corpora.log(first) == corpora.log(second)
    names = ("config.yaml", "evaluation.json", "metrics.jsonl", "model.safetensors")
    assert {p.name for p in first.iterdir()} == {*names, "state.safetensors", ".lock"}
    assert (first / "evaluation.json").read_bytes() == (second / "evaluation.json").read_bytes()


def test_a_model_says_nothing_of_paths_or_threads(tmp_path):
    """The same data under another name, read with other threads: the same model bytes."""
    config = corpora.tagging(tmp_path)
    windowclf.train(config, ["training.threads=1"])
    data = Path(config["data"]["train"]).read_text(encoding="utf-8")
    other = corpora.write(tmp_path / "elsewhere.conll", data)
    settings = [f"data.train={other}", f"output={tmp_path}/b", "training.threads=1"]
    windowclf.train(config, [*settings, "training.checkpoint={seconds: 1}"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "b")
    assert str(tmp_path).encode() not in (tmp_path / "run" / "model.safetensors").read_bytes()


def test_another_seed_is_another_model(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    windowclf.train(config, ["seed=2", f"output={tmp_path}/b"])
    assert corpora.digest(tmp_path / "run") != corpora.digest(tmp_path / "b")


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_stops_a_run_that_then_goes_on_to_the_same_bytes(tmp_path, name, code):
    config = corpora.tagging(tmp_path)
    config["training"] |= {"epochs": 60, "early_stopping": None}
    path = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    program = [
        sys.executable,
        "-c",
        "from windowclf.commands.entry import main; main()",
        "train",
        path,
    ]
    with subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert p.stderr
        # The head of the table comes after the first epoch.
        assert any(line.split()[0] == "epoch" for line in p.stderr)
        p.send_signal(getattr(signal, name))
        out, err = p.communicate(timeout=60)
    assert (p.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert "Finishing the step and saving; once more to stop at once." in err.splitlines()
    assert err.splitlines()[-1] == (
        f"Stopped; the run is saved. Go on with: windowclf train {path} --resume"
    )
    assert 1 <= len(corpora.log(tmp_path / "run")) < 60
    windowclf.train(config, resume=True)
    windowclf.train(config, [f"output={tmp_path}/whole"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "whole")
    assert corpora.log(tmp_path / "run") == corpora.log(tmp_path / "whole")


def test_resuming_where_nothing_is_saved_starts_afresh(tmp_path):
    config = corpora.tagging(tmp_path)
    notices: list[str] = []
    windowclf.train(config, resume=True, listener=Heard(notice=notices.append))
    assert notices == [f"{tmp_path}/run: no saved state yet; starting afresh."]
    windowclf.train(config, [f"output={tmp_path}/b"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "b")


def test_resuming_a_finished_run_scores_it_again(tmp_path):
    config = corpora.tagging(tmp_path)
    first = windowclf.train(config)
    (tmp_path / "run" / "evaluation.json").unlink()
    log = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    found: list[Report] = []
    again = windowclf.train(config, resume=True, listener=Heard(report=found.append))
    assert found == []
    assert again == first
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == log
    assert (tmp_path / "run" / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("setting", "change"),
    [
        ("seed=2", "seed: 1 before, 2 now"),
        (
            "training.epochs=2",
            "training.epochs: expected at least the 3 that this run has, found 2",
        ),
        ("training.optimizer.name=sgd", "training.optimizer.name: adam before, sgd now"),
        ("model.hidden.units=9", "model.hidden.units: 8 before, 9 now"),
        ("features.window=1", "features.window: 2 before, 1 now"),
        ("features.use=[{kind: shape}]", "…"),  # a long list by its beginning
    ],
)
def test_resuming_with_another_config_is_refused(tmp_path, setting, change):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, listener=Heard(stop=after(2)))
    with pytest.raises(RunFolderError) as raised:
        windowclf.train(config, [setting], resume=True)
    assert change in str(raised.value)
    assert str(raised.value).endswith("undo that, or start again with --overwrite.")
    assert len(str(raised.value)) < 600
    assert not windowclf.train(config, resume=True).stopped  # the refusal changed nothing


@pytest.mark.parametrize("name", ["train", "dev"])
def test_resuming_with_other_data_is_refused(tmp_path, name):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, listener=Heard(stop=after(2)))
    path = Path(config["data"][name])
    text = path.read_text(encoding="utf-8")
    corpora.write(path, text.replace("cat\tNOUN", "cat\tVERB", 1))
    with pytest.raises(RunFolderError, match=rf"data\.{name}: the files have changed"):
        windowclf.train(config, resume=True)
    corpora.write(path, text)
    assert not windowclf.train(config, resume=True).stopped


def test_resuming_with_a_damaged_state_is_refused(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, listener=Heard(stop=after(2)))
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-9])
    with pytest.raises(ModelFileError, match=r"state\.safetensors: damaged"):
        windowclf.train(config, resume=True)


def test_overwriting_is_a_fresh_run_and_faults_come_before_it(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config)
    before = corpora.digest(tmp_path / "run")
    with pytest.raises(DataError):
        windowclf.train(config, ["data.test=nowhere.conll"], overwrite=True)
    assert corpora.digest(tmp_path / "run") == before  # nothing went for a run that cannot be
    windowclf.train(config, ["seed=5"], overwrite=True)
    windowclf.train(config, ["seed=5", f"output={tmp_path}/fresh"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "fresh") != before
    assert corpora.log(tmp_path / "run") == corpora.log(tmp_path / "fresh")


def test_the_resolved_config_trains_the_same_model(tmp_path):
    config = corpora.tagging(tmp_path)
    windowclf.train(config, ["training.dropout=0.2"])
    kept = tmp_path / "run" / "config.yaml"
    windowclf.train(kept, [f"output={tmp_path}/again"])
    assert corpora.digest(tmp_path / "run") == corpora.digest(tmp_path / "again")


def test_every_door_takes_a_path_a_mapping_or_a_config(tmp_path):
    config = corpora.tagging(tmp_path)
    path = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    resolved = as_config(path, [])
    assert resolved == as_config(config, []) == as_config(resolved, [])
    assert as_config(resolved, ["seed=9"]).seed == 9
    with pytest.raises(ConfigError, match="did you mean epochs"):
        as_config(resolved, ["training.epoch=9"])


def test_info_says_what_is_in_the_file(tmp_path):
    result = windowclf.train(corpora.tagging(tmp_path))
    facts = windowclf.info(result.model_path.parent)
    model = load_model(result.model_path)
    assert facts["task"] == "tagging"
    assert facts["labels"] == list(model.spec.vocabulary.labels)
    assert facts["bytes"] == result.model_path.stat().st_size
    assert facts["numbers"] == sum(p.size for p in model.parameters.values())
    assert facts["parameters"]["W"] == [5 * 9, 8]
    assert set(facts["provenance"]) == {"train", "config"}
    json.dumps(facts)


def test_reading_says_how_far_it_is(tmp_path):
    seen: list[float] = []
    windowclf.train(
        corpora.tagging(tmp_path),
        ["training.epochs=1"],
        listener=Heard(reading=lambda done: seen.append(done)),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
