"""Searches: the same winner however they ran, nothing lost when they stop, a sentence per fault."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.commands import tuning_display
from windowclf.config.reading import make_config, read_config
from windowclf.errors import ConfigError, DataError, RunFolderError
from windowclf.pipeline.search.folder import SearchFolder, Trial
from windowclf.pipeline.search.tune import TuningResult, _ranked
from windowclf.pipeline.worker import Outcome, RunProcesses, RunStopped
from windowclf.tagging.model_file import load_model

TUNE = {
    "trials": 4,
    "keep": 0.5,
    "rungs": [1, 2],
    "space": {
        "training.optimizer.learning_rate": {"log_uniform": [0.01, 0.2]},
        "model.hidden.units": {"log_int": [4, 16]},
    },
}
WITHOUT_CLOCK = re.compile(r'"seconds": [0-9.e-]+')


def tree_in(folder: Path, **tune: object) -> dict:
    """A search whose test file is not there: it must never be looked for."""
    tree = corpora.tagging(folder)
    tree["data"]["test"] = str(folder / "no such file")
    return {**tree, "tune": {**TUNE, **tune}}


def lines_of(folder: Path) -> list[str]:
    text = (folder / "trials.jsonl").read_text(encoding="utf-8")
    return [WITHOUT_CLOCK.sub("", line) for line in text.splitlines()]


def rows_of(folder: Path) -> list[dict]:
    text = (folder / "trials.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search by the command, with two processes: (folder, its config's path, out, err)."""
    folder = tmp_path_factory.mktemp("whole")
    config = corpora.write(folder / "c.yaml", json.dumps(tree_in(folder)))
    code, out, err = run(["tune", config, "--jobs", "2"])
    assert code == 0, err
    return folder, config, out, err


def test_it_shows_every_trial_and_how_to_train_the_best(whole):
    folder, _, out, err = whole
    head, *rows, legend, best, command = out.splitlines()
    names = ["trial", "epochs", "dev", "score", "seconds", "units", "learning_rate"]
    assert head.split() == names
    assert len(rows) == 4
    assert [row.split()[1] for row in rows] == ["2", "2", "1", "1"]  # half go on
    assert "*" in rows[0]
    assert legend == (
        "* the best of the trials with the most epochs; as is: the config's own setting"
    )
    assert best == f"best: trial {rows[0].split()[0]}; train it with"
    assert command == f"windowclf train {folder}/run-tune/best.yaml"
    assert err.splitlines()[0].split() == ["epochs", "trial", "dev", "score", "seconds"]
    assert len(err.splitlines()) == 1 + 6
    assert "\x1b" not in out + err


def test_the_folder_holds_what_a_program_needs_and_no_more(whole):
    folder, *_ = whole
    kept = {".lock", "search.json", "trials.jsonl", "best.yaml"}
    assert {path.name for path in (folder / "run-tune").iterdir()} == kept
    rows = rows_of(folder / "run-tune")
    assert [row["epochs"] for row in rows] == [1, 1, 1, 1, 2, 2]
    assert rows[0]["settings"] == {}  # the config as it is
    assert all(0 <= row["score"] <= 1 and row["lost"] is None for row in rows)
    ranked = sorted(rows[:4], key=lambda row: (-row["score"], row["trial"]))
    assert sorted(row["trial"] for row in ranked[:2]) == [row["trial"] for row in rows[4:]]


def test_train_takes_the_best_config_and_reaches_its_score(whole, tmp_path):
    folder, *_ = whole
    best = folder / "run-tune" / "best.yaml"
    text = best.read_text(encoding="utf-8")
    row = max(
        rows_of(folder / "run-tune"),
        key=lambda row: (row["epochs"], row["score"], -row["trial"]),
    )
    assert text.startswith(f"# Found by windowclf tune: trial {row['trial']}, the best of 4 on dev")
    config = read_config(best)
    assert config.data.test == (f"{folder}/no such file",)
    assert (config.output, config.training.epochs) == (f"{folder}/run-best", 2)
    settings = ["data.test=null", "training.threads=1", f"output={tmp_path}/trained"]
    assert windowclf.train(best, settings).best_score == row["score"]


@pytest.mark.slow
def test_one_process_stopped_and_gone_on_with_finds_the_same(whole, tmp_path):
    """Neither the number of processes nor a stop, nor the door, changes a trial or the winner."""
    _, config, *_ = whole
    output = [f"tune.output={tmp_path}/again"]
    ended: list[Trial] = []
    stopped = windowclf.tune(
        config, output, jobs=1, listener=Heard(trial=ended.append, stop=lambda: bool(ended))
    )
    assert stopped.stopped
    assert stopped.best is None
    assert stopped.trials == tuple(ended)
    assert (tmp_path / "again" / "trials" / ".windowclf-corpora").is_dir()  # shared, and kept
    said: list[str] = []
    fractions: list[float] = []
    result = windowclf.tune(
        config,
        output,
        jobs=3,
        resume=True,
        listener=Heard(notice=said.append, searched=fractions.append),
    )
    assert said == [f"trials that had ended before and are kept: {len(ended)}."]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(result.trials) == 6
    first = Path(whole[0]) / "run-tune"
    assert lines_of(tmp_path / "again") == lines_of(first)
    again = (tmp_path / "again" / "best.yaml").read_text(encoding="utf-8")
    assert again == (first / "best.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_killed_search_leaves_no_process_and_goes_on(whole, tmp_path):
    _, config, *_ = whole
    folder = tmp_path / "killed"
    command = [str(Path(sys.executable).with_name("windowclf")), "tune", config, "--jobs", "2"]
    process = subprocess.Popen(
        [*command, "--output", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr
    process.stderr.readline(), process.stderr.readline()  # the first trial has ended
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    others = children.read_text().split() if children.exists() else []
    process.kill()
    process.communicate()
    limit = time.monotonic() + 20
    while any(Path(f"/proc/{other}").exists() for other in others):
        assert time.monotonic() < limit
        time.sleep(0.02)
    with (folder / "trials.jsonl").open("a") as file:
        file.write('{"epochs": 1, "tri')  # and a line that the crash has torn
    code, _, err = run(["tune", config, "--output", str(folder), "--resume"])
    assert code == 0
    assert "trials that had ended before and are kept: " in err
    assert lines_of(folder) == lines_of(whole[0] / "run-tune")


@pytest.mark.slow
def test_the_words_after_ctrl_c_are_a_command_that_works(whole, tmp_path, monkeypatch):
    _, config, *_ = whole

    class Signalling(tuning_display.TuningDisplay):
        def trial(self, trial):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(tuning_display, "TuningDisplay", Signalling)
        command = ["tune", config, "--jobs", "1", "--output", f"{tmp_path}/it's here"]
        code, out, err = run([*command, "--trials", "2", "--set", "tune.rungs=[1]"])
    assert (code, out) == (130, "")
    *_, said, last = err.splitlines()
    assert said == "Ending the trials; those that have ended are kept."
    assert last.startswith("Stopped; trials that are kept: 1. Go on with: windowclf tune ")
    _, *arguments = shlex.split(last.partition("Go on with: ")[2])
    code, out, err = run(arguments)
    assert code == 0
    assert "note: trials that had ended before and are kept: 1." in err


@pytest.mark.slow
def test_a_trial_that_fails_is_lost_and_the_search_goes_on(tmp_path):
    """A rate that diverges, and settings that are right alone but not together."""
    space = {
        "training.optimizer.learning_rate": [1e30],
        "model.recurrence": [None, {"directions": 1}],
        "model.hidden": [{"activation": "none"}],
    }
    tree = tree_in(tmp_path, trials=9, rungs=[1], space=space)
    code, out, err = run(["tune", corpora.write(tmp_path / "c.yaml", json.dumps(tree))])
    assert code == 0
    rows = rows_of(tmp_path / "run-tune")
    assert "note: the space has only 3 different trials." in err
    assert [row["lost"] is None for row in rows] == [True, False, False]
    together = [row for row in rows if "expected a hidden layer for recurrence" in str(row["lost"])]
    diverged = [row for row in rows if "training diverged at step" in str(row["lost"])]
    assert (len(together), len(diverged)) == (1, 1)
    assert out.count("was lost: ") == 2
    assert "best: trial 1" in out
    assert "nothing but the epochs." in (tmp_path / "run-tune" / "best.yaml").read_text()


@pytest.mark.parametrize("score", [0.0, 0.875])
def test_where_all_trials_score_the_same_none_is_best(tmp_path, monkeypatch, score):
    monkeypatch.setattr(RunProcesses, "run", lambda *_: Outcome(score, 1, 1.0, None))
    config = corpora.write(tmp_path / "c.yaml", json.dumps(tree_in(tmp_path)))
    code, out, err = run(["tune", config])
    assert (code, err.count("lost")) == (0, 0)
    assert "*" not in out
    *_, said = out.splitlines()
    advice = {
        0.0: "every trial scored 0.00 on dev; best.yaml is not written. Give the trials more "
        "epochs, with --overwrite --set 'tune.rungs=[4, 8]', or train on more text.",
        0.875: "every trial scored 87.50 on dev; best.yaml is not written. Train the config as "
        "it stands, or search a wider tune.space.",
    }
    assert said == f"best: none, since {advice[score]}"
    assert not (tmp_path / "run-tune" / "best.yaml").exists()
    again = ["tune", config, "--overwrite", "--set", "tune.rungs=[4, 8]"]
    assert run(again)[0] == 0  # as it was advised


def test_a_difference_at_an_early_rung_is_one(tmp_path, monkeypatch):
    """Of trials that are alike in the end the one that led on the way there is the best."""
    scores = iter([0.2, 0.4, 0.3, 0.1, 0.5, 0.5])
    monkeypatch.setattr(RunProcesses, "run", lambda *_: Outcome(next(scores), 1, 1.0, None))
    result = windowclf.tune(tree_in(tmp_path), jobs=1)
    assert result.best is not None
    assert (result.best.trial, result.best.epochs) == (2, 2)
    assert result.best_path.exists()


def test_a_single_trial_with_a_score_is_the_best(tmp_path, monkeypatch):
    monkeypatch.setattr(RunProcesses, "run", lambda *_: Outcome(0.5, 1, 1.0, None))
    assert windowclf.tune(tree_in(tmp_path, trials=1)).best.trial == 1


def test_where_every_trial_is_lost_there_is_one_sentence(tmp_path):
    tree = tree_in(tmp_path, trials=1, rungs=[1])
    tree["training"]["optimizer"] = {"learning_rate": 1e30}
    with pytest.raises(ConfigError, match="config: tune: every trial was lost; the first one's"):
        windowclf.tune(tree)


@pytest.mark.slow
def test_no_rung_begins_once_the_time_is_up(tmp_path):
    said: list[str] = []
    tree = tree_in(tmp_path, trials=1)
    result = windowclf.tune(tree, time_budget=0, listener=Heard(notice=said.append))
    assert not result.stopped
    assert [trial.epochs for trial in result.trials] == [1]
    assert said == ["the time is up before the rung of 2 epochs."]
    assert read_config(result.best_path).training.epochs == 1
    more = windowclf.tune(tree, ["tune.trials=2"], resume=True)  # more trials begin with the same
    assert more.trials[:1] == result.trials
    assert [trial.epochs for trial in more.trials] == [1, 1, 2]


def test_faults_of_the_data_are_known_before_the_first_trial(tmp_path):
    tree = tree_in(tmp_path)
    ended: list[Trial] = []
    with pytest.raises(DataError, match="no such file"):
        windowclf.tune(tree, [f"data.train={tmp_path}/none"], listener=Heard(trial=ended.append))
    corpora.write(tmp_path / "dev.conll", "one-column\n\n")
    with pytest.raises(DataError, match=r"dev\.conll:1: "):
        windowclf.tune(tree, resume=True, listener=Heard(trial=ended.append))
    assert ended == []


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ("data.dev=null", [], "data.dev: missing; tune compares by the score on dev: give a path"),
        ("tune.space={training.dropuot: [1]}", [], "tune.space.training.dropuot: unknown key"),
        ("training.l2=0.1", ["--resume"], "another config or other data (training.l2: 0.0 before"),
        (
            "tune.space={training.l2: {uniform: [0, 1]}}",
            ["--resume"],
            "another config or other data (tune.space",
        ),
        ("seed=2", ["--resume"], "(seed: 1 before, 2 now)"),
        ("data.dev={holdout: 0.1}", ["--resume"], "another config or other data (data.dev"),
        ("seed=1", [], "run-tune: not empty (it holds search.json); continue that search with"),
        ("tune.output=/proc/x", [], "/proc/x: cannot be the search folder, no such file"),
    ],
)
def test_a_search_that_cannot_begin_says_why(whole, change, options, said):
    folder, config, *_ = whole
    before = lines_of(folder / "run-tune")
    code, out, err = run(["tune", config, "--set", change, *options])
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert said in err
    assert lines_of(folder / "run-tune") == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time-budget", "soon"], "expected a time as in 90s, 20m or 2h, found 'soon'"),
        (["--time-budget", "-3"], "expected a time as in 90s"),
        (["--jobs", "0"], "greater than or equal to 1"),
    ],
)
def test_an_unusable_command_line(whole, options, said):
    code, out, err = run(["tune", whole[1], *options])
    assert (code, out) == (2, "")
    assert said in " ".join(err.replace("│", "").split())


@pytest.mark.slow
def test_members_in_the_default_space(tmp_path):
    """Two networks a trial, with lists and a dictionary that may not change on the way."""
    listed = corpora.write(tmp_path / "verbs.txt", "sleeps\nsees\n")
    words = corpora.write(tmp_path / "words.tsv", "the\tDET\n")
    tree = corpora.tagging(tmp_path) | {"tune": {"trials": 2, "rungs": [1]}}
    tree["features"]["use"] = [{"kind": "gazetteer", "path": listed}, {"kind": "word"}]
    tree["data"]["dictionary"] = words
    found = windowclf.tune(tree, ["model.members=2"], jobs=2)
    assert [trial.lost for trial in found.trials] == [None, None]
    assert "model.hidden.units" in found.trials[1].settings
    own = ["training.threads=1", f"output={tmp_path}/trained"]
    again = windowclf.train(found.best_path, own)
    assert again.best_score == found.best.score
    assert load_model(again.model_path).spec.architecture.members == 2
    corpora.write(tmp_path / "verbs.txt", "sleeps\n")
    corpora.write(tmp_path / "words.tsv", "the\tNOUN\n")
    said = r"features\.use\.0: the files have changed; data\.dictionary: the files have changed"
    with pytest.raises(RunFolderError, match=said):
        windowclf.tune(tree, ["model.members=2"], resume=True)


def test_times_of_the_command_line():
    from windowclf.commands.train import _seconds

    assert [_seconds(text) for text in ("90", "90s", "20m", "2h")] == [90, 90, 1200, 7200]


def test_train_passes_the_section_by(tmp_path):
    """Also a run that began without it can be gone on with."""
    tree = tree_in(tmp_path)
    del tree["data"]["test"]
    windowclf.train(tree, [f"output={tmp_path}/a"])
    del tree["tune"]
    windowclf.train(tree, [f"output={tmp_path}/b"])
    assert corpora.digest(tmp_path / "a") == corpora.digest(tmp_path / "b")
    windowclf.train(tree, [f"output={tmp_path}/b", "tune.trials=3"], resume=True)


def trial(epochs=1, number=1, score=0.5, **settings):
    return Trial(epochs, number, settings, score, 1, 0.1, None if score is not None else "why")


def test_of_equal_scores_the_first_trial_goes_first():
    trials = [trial(number=n, score=s) for n, s in [(1, 0.5), (2, None), (3, 0.7), (4, 0.5)]]
    assert [each.trial for each in _ranked(trials[::-1])] == [3, 1, 4]


def test_the_table_has_names_that_tell_paths_apart(capsys):
    settings = {"features.use.0.dim": 3, "features.use.1.dim": "x" * 99, "a.units": 1}
    first, second = trial(number=1), trial(number=2, score=None, **settings)
    tuning_display.print_tuning_result(TuningResult(None, None, (first, second), False))
    head, one, two, legend, lost, why = capsys.readouterr().out.splitlines()
    assert legend == "as is: the config's own setting"
    assert why.startswith("best: none, since every trial scored ")
    assert head.split()[-3:] == ["units", "0.dim", "1.dim"]
    assert one.split()[-6:] == ["as", "is"] * 3
    assert two.split()[-1] == "x" * 39 + "…"
    assert lost == "trial 2 was lost: why"
    assert len(head) == len(one) == len(two)


class TestFolder:
    CONFIG = make_config({"task": "tagging", "data": {"train": "t"}}).model_dump(mode="json")

    def begun(self, path: Path, **options: bool) -> SearchFolder:
        folder = SearchFolder(path, options.get("resume", False), options.get("overwrite", False))
        folder.begin(self.CONFIG, {"train": "x"})
        return folder

    def test_two_searches_never_write_to_one_folder(self, tmp_path):
        first = self.begun(tmp_path / "s")
        with pytest.raises(RunFolderError, match="another search is writing to this folder"):
            SearchFolder(tmp_path / "s", True, False)
        first.close()
        SearchFolder(tmp_path / "s", True, False).close()

    @pytest.mark.parametrize("option", ["resume", "overwrite"])
    def test_what_is_no_search_is_left_alone(self, tmp_path, option):
        (tmp_path / "best.yaml").write_text("mine")
        with pytest.raises(RunFolderError, match=r"holds best\.yaml and no search\.json"):
            self.begun(tmp_path, **{option: True})
        assert (tmp_path / "best.yaml").read_text() == "mine"

    def test_a_stop_while_the_data_are_read_leaves_the_folder_free(self, tmp_path):
        (tmp_path / "trials" / ".windowclf-corpora").mkdir(parents=True)
        self.begun(tmp_path).close()
        corpora.remove(tmp_path / "trials")
        (tmp_path / "search.json").unlink()
        (tmp_path / "trials.jsonl").unlink()
        (tmp_path / "trials" / "mine").mkdir(parents=True)
        with pytest.raises(RunFolderError, match=r"holds trials and no search\.json"):
            self.begun(tmp_path)

    def test_overwrite_removes_what_a_search_wrote_and_nothing_else(self, tmp_path):
        folder = self.begun(tmp_path)
        folder.append(trial())
        folder.write_best("x")
        (folder.run_folder(1, 2)).mkdir(parents=True)
        (tmp_path / "notes.txt").write_text("mine")
        folder.close()
        again = SearchFolder(tmp_path, False, True)
        assert (tmp_path / "best.yaml").exists()  # the new search may yet find a fault in its data
        assert again.begin(self.CONFIG, {}) == {}
        again.close()
        kept = {".lock", "notes.txt", "search.json", "trials.jsonl", "trials"}
        assert {path.name for path in tmp_path.iterdir()} == kept
        assert list((tmp_path / "trials").iterdir()) == []
        assert (tmp_path / "trials.jsonl").read_text() == ""

    def test_runs_that_are_a_link_are_not_followed(self, tmp_path):
        (tmp_path / "mine" / "1-2").mkdir(parents=True)
        (tmp_path / "search").mkdir()
        (tmp_path / "search" / "trials").symlink_to("../mine")
        for resume, overwrite in ((True, False), (False, True)):
            with pytest.raises(RunFolderError, match="trials: expected a directory, found a link"):
                SearchFolder(tmp_path / "search", resume, overwrite)
        assert (tmp_path / "mine" / "1-2").is_dir()

    def test_beside_the_runs_nothing_is_removed(self, tmp_path):
        folder = self.begun(tmp_path)
        for name in ("1-2", "12-34", "2024-data", "1-2.old", "mine", ".windowclf-corpora"):
            (tmp_path / "trials" / name).mkdir(parents=True)
        folder.remove_runs()
        folder.close()
        left = {path.name for path in (tmp_path / "trials").iterdir()}
        assert left == {"2024-data", "1-2.old", "mine"}

    def test_what_a_crash_left_of_its_own_does_not_block_a_search(self, tmp_path):
        (tmp_path / f".search.json.{'0' * 16}.tmp").touch()
        self.begun(tmp_path).close()

    def test_changed_data_are_refused(self, tmp_path):
        self.begun(tmp_path).close()
        folder = SearchFolder(tmp_path, True, False)
        with pytest.raises(RunFolderError, match=r"data\.train: the files have changed"):
            folder.begin(self.CONFIG, {"train": "y"})
        folder.close()

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("search.json", "{", r"search\.json: damaged, or not from a search"),
            ("search.json", '{"config": {}, "data": {}}', "damaged, or not from a search"),
            ("search.json", "[]", "damaged, or not from a search"),
            ("trials.jsonl", "{}\n", r"trials\.jsonl:1: expected a trial, found something else"),
            ("trials.jsonl", "nonsense\n", r"trials\.jsonl:1: expected a trial"),
        ],
    )
    def test_damage_is_one_sentence(self, tmp_path, name, content, said):
        self.begun(tmp_path).close()
        (tmp_path / name).write_text(content)
        with (
            pytest.raises(RunFolderError, match=said),
            contextlib.closing(SearchFolder(tmp_path, True, False)) as folder,
        ):
            folder.begin(self.CONFIG, {"train": "x"})

    def test_trials_come_back_as_they_were(self, tmp_path):
        folder = self.begun(tmp_path)
        trials = [trial(2, 1, 0.25, a=[1, {"b": None}]), trial(1, 2, None, c="é")]
        for each in trials:
            folder.append(each)
        folder.close()
        folder = SearchFolder(tmp_path, True, False)
        assert folder.begin(self.CONFIG, {"train": "x"}) == {each.key: each for each in trials}
        folder.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -9 $$", "its process was ended by signal 9; perhaps the memory was too small."),
        ("exit 3", "its process ended with code 3 and without an answer."),
    ],
)
def test_a_process_that_dies_is_a_lost_trial(tmp_path, monkeypatch, script, words):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    config = make_config({"task": "tagging", "data": {"train": "t"}})
    processes = RunProcesses()
    assert processes.run(config, print).lost == words
    processes.close()
    with pytest.raises(RunStopped):
        processes.run(config, print)


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_ends_the_search(tmp_path):
    """It is no fault of the trial: nothing is lost, and --resume goes on."""
    tree = tree_in(tmp_path)
    blocked = tmp_path / "s" / "trials"
    result = windowclf.tune(
        tree, [f"tune.output={tmp_path}/s"], jobs=1, listener=Heard(stop=lambda: blocked.exists())
    )
    assert result.stopped
    corpora.remove(blocked / "1-1")
    (blocked / "1-1").write_text("a file where the run folder should be")
    with pytest.raises(RunFolderError, match="1-1: cannot be the run folder"):
        windowclf.tune(tree, [f"tune.output={tmp_path}/s"], jobs=1, resume=True)
    assert (tmp_path / "s" / "trials.jsonl").read_text() == ""


@pytest.mark.slow
def test_what_others_keep_in_a_trial_stays(tmp_path):
    config = {**corpora.tagging(tmp_path), "tune": {"trials": 1, "rungs": [1]}}
    windowclf.tune(config)
    runs = tmp_path / "run-tune" / "trials"
    for name in ("7-7", ".windowclf-corpora"):
        (runs / name).mkdir(parents=True)
        (runs / name / "notes.txt").write_text("mine")
    (runs / "9-9").symlink_to(tmp_path)
    windowclf.tune(config, overwrite=True)
    for name in ("7-7", ".windowclf-corpora"):
        assert (runs / name / "notes.txt").read_text() == "mine"
    assert (runs / "9-9").is_symlink()
