"""plan: what it says is what train then makes, and it leaves no trace."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.config.open_keys import open_keys
from windowclf.config.plain_yaml import parse_yaml, write_yaml
from windowclf.config.reading import given_tree, make_config, read_config
from windowclf.errors import ConfigError, DataError
from windowclf.pipeline import plan as plans
from windowclf.pipeline import rehearsal
from windowclf.pipeline.rehearsal import Tried
from windowclf.system.machine import Ended, run_python, this_machine

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
PROGRAM = [sys.executable, "-c", "from windowclf.commands.entry import main; main()"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer steps, and no process that is started only to be timed."""
    monkeypatch.setattr(rehearsal, "STEP_SECONDS", 0.05)
    monkeypatch.setattr(plans, "run_python", lambda _: Ended(0.5, ""))


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    """What a folder holds, and when each of it was last changed."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@pytest.mark.parametrize("task", corpora.TASKS)
def test_what_is_planned_is_what_train_makes(tmp_path, task):
    config = corpora.TASKS[task](tmp_path)
    config["data"]["test"] = config["data"]["dev"]
    before = files_in(tmp_path)
    plan = windowclf.plan(config, ["training.epochs=2"])
    assert files_in(tmp_path) == before
    result = windowclf.train(config, ["training.epochs=2"])
    facts = windowclf.info(result.model_path)
    assert plan["parameters"] == facts["parameters"]
    assert plan["numbers"] == facts["numbers"]
    assert plan["epochs"] == len(corpora.log(tmp_path / "run")) == 2
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "run").iterdir()}
    assert plan["disk"]["model"] == pytest.approx(sizes.pop("model.safetensors"), rel=0.1)
    assert plan["disk"]["state"] == pytest.approx(sizes.pop("state.safetensors"), rel=0.1)
    assert plan["disk"]["logs"] == pytest.approx(sum(sizes.values()), rel=0.25)
    assert plan["disk"]["corpus"] == 0
    assert plan["dev_tokens"] == result.evaluations["dev"]["tokens"]
    parts = dict(plan["seconds"])
    assert parts.pop("total") == pytest.approx(sum(parts.values()))
    assert min(parts.values()) > 0


@pytest.mark.parametrize(
    "setting",
    [
        "model.output=crf",
        "model.recurrence={directions: 2}",
        "model.members=2",
        "model.hidden={activation: none}",
        "training.optimizer={name: sgd}",
        "training.average=null",
        "training.dtype=float64",
        "data.dev={holdout: 0.2}",
        "training.threads=2",
        "training.checkpoint={seconds: 0, steps: 3}",
    ],
)
def test_every_kind_of_run_can_be_planned(tmp_path, setting):
    config = corpora.spans(tmp_path)
    plan = windowclf.plan(config, [setting])
    windowclf.train(config, [setting])
    state = (tmp_path / "run" / "state.safetensors").stat().st_size
    assert plan["disk"]["state"] == pytest.approx(state, rel=0.1)


def test_several_labels_a_token_have_thresholds_to_choose(tmp_path):
    text = corpora.conll([[("the", "A|B"), ("cat", "B")]] * 30)
    train = corpora.write(tmp_path / "t.conll", text)
    tree = corpora.small_config(tmp_path, "tagging", {"train": train, "dev": train})
    plan = windowclf.plan(tree, ["model.output=sigmoid"])
    assert plan["parameters"]["U"] == [8, 2]


def test_without_dev_nothing_is_evaluated(tmp_path):
    config = corpora.tagging(tmp_path)
    plan = windowclf.plan(config, ["data.dev=null"])
    assert plan["dev_tokens"] == 0
    assert plan["seconds"]["evaluating"] == plan["seconds"]["calibrating"] == 0
    assert plan["seconds"]["scoring"] == 0
    again = windowclf.plan(config, ["data.dev=null", f"data.test={config['data']['dev']}"])
    assert again["seconds"]["scoring"] > 0


def test_a_text_that_is_kept_on_the_disk_is_counted(tmp_path):
    config = corpora.tagging(tmp_path)
    settings = ["data.cache_above_mb=0", "training.epochs=1"]
    plan = windowclf.plan(config, settings)
    assert not (tmp_path / ".windowclf-corpora").exists()
    windowclf.train(config, settings)
    kept = [path for path in (tmp_path / ".windowclf-corpora").rglob("*") if path.is_file()]
    found = sum(path.stat().st_size for path in kept)
    assert plan["disk"]["corpus"] == pytest.approx(found, abs=2000)  # its header
    assert plan["disk"]["corpus"] > 0.5 * found


def test_the_test_files_are_not_opened(tmp_path):
    config = corpora.tagging(tmp_path)
    secret = Path(corpora.write(tmp_path / "secret.conll", "no\tTAG\tof\tmine\x00\n" * 30))
    opened = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    plan = windowclf.plan(config, [f"data.test={secret}"])
    assert str(secret) not in opened
    assert str(config["data"]["train"]) in opened
    assert plan["seconds"]["scoring"] > 0
    with pytest.raises(DataError, match=r"nowhere\.conll: no such file"):
        windowclf.plan(config, [f"data.test={tmp_path}/nowhere.conll"])
    with pytest.raises(DataError, match="expected a file, found a directory"):
        windowclf.plan(config, [f"data.test={tmp_path}"])


def test_faults_of_config_and_data_are_those_of_train(tmp_path):
    config = corpora.tagging(tmp_path)
    with pytest.raises(ConfigError, match=r"training\.epochs: expected a whole number"):
        windowclf.plan(config, ["training.epochs=x"])
    with pytest.raises(DataError, match="no such file"):
        windowclf.plan(config, ["data.train=nowhere"])
    with pytest.raises(windowclf.TrainingDiverged):
        windowclf.plan(config, ["training.optimizer={name: sgd, learning_rate: 1.0e+30}"])


def test_a_pipe_is_left_full(tmp_path):
    os.mkfifo(tmp_path / "pipe.conll")
    with pytest.raises(DataError, match=r"pipe\.conll: expected a file, found a pipe"):
        windowclf.plan(corpora.tagging(tmp_path), [f"data.train={tmp_path}/pipe.conll"])


def test_a_run_of_one_step_can_be_planned(tmp_path):
    train = corpora.write(tmp_path / "t.conll", "the\tDET\n\n")
    tree = corpora.small_config(tmp_path, "tagging", {"train": train, "dev": train})
    plan = windowclf.plan(tree, ["training.epochs=1"])
    assert plan["tried"]["steps"] == plan["tried"]["tokens"] == 1
    assert plan["tokens_per_second"] > 0


def test_the_listener_hears_how_far_it_is(tmp_path):
    heard = []
    listener = Heard(working=lambda on, fraction: heard.append((on, fraction)))
    windowclf.plan(corpora.tagging(tmp_path), (), listener)
    assert {on for on, _ in heard} == {"trying steps", "trying the rest"}
    assert all(0 <= fraction <= 1 for _, fraction in heard)


def test_the_first_steps_count_once():
    tried = Tried(cold_tokens=100, cold_seconds=5.0, steps=10, tokens=1000, seconds=2.0)
    assert tried.of(100) == 5.0
    assert tried.of(10_100) == 5.0 + 20.0


def merged(given: object, more: object) -> object:
    """A config with the keys that it left open pasted in."""
    if not isinstance(given, Mapping) or not isinstance(more, Mapping):
        return more
    both = {key: merged(given[key], more[key]) for key in given.keys() & more.keys()}
    return {**given, **more, **both}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_defaults_that_are_pasted_change_nothing(path):
    resolved, tree = read_config(path), given_tree(path, ())
    found = parse_yaml(write_yaml(open_keys(tree, resolved)), "pasted")
    whole = merged(tree, found)
    assert make_config(whole) == resolved
    assert open_keys(whole, resolved) == {}
    assert "epochs" in {**tree.get("training", {}), **found["training"]}


def test_open_are_the_keys_that_neither_the_file_nor_an_override_has():
    given = {
        "task": "spans",
        "data": {"train": "a", "extra": {"pos": 1}},
        "features": {"use": [{"kind": "word"}, {"kind": "column", "column": "pos", "dim": 3}]},
        "model": {"hidden": {"units": 5}},
    }
    settings = ["training.optimizer.name=sgd", "training.epochs=3"]
    found = open_keys(given_tree(given, settings), make_config(given, settings))
    assert found["output"] == "runs/spans"
    assert found["model"]["hidden"] == {"activation": "relu"}
    assert found["training"]["optimizer"] == {"learning_rate": 0.1, "rows": "lazy"}
    assert "epochs" not in found["training"]
    assert not {"train", "extra"} & found["data"].keys()
    assert [feature["dim"] for feature in found["features"]["use"]] == [64, 3]
    assert (
        open_keys(copy.deepcopy(make_config(given).model_dump(mode="json")), make_config(given))
        == {}
    )


def test_the_command_prints_a_table_or_json(tmp_path):
    path = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.spans(tmp_path)))
    code, out, err = run(["plan", path])
    assert (code, err) == (0, "")
    for text in ("memory at its peak", "state, for --resume", "training, 3 epochs", "total"):
        assert text in out
    pasted = parse_yaml(out.partition("# What the config leaves open:\n")[2], "out")
    assert pasted["data"]["scheme"] == "BIO"
    code, out, err = run(["plan", path, "--json", "--set", "training.epochs=9"])
    assert (code, err) == (0, "")
    assert json.loads(out)["epochs"] == 9
    assert json.loads(out)["defaults"] == pasted


@pytest.mark.slow
def test_the_memory_is_that_of_the_run(tmp_path):
    """Both as commands; the process that has trained has no more in memory than was planned."""
    config = corpora.spans(tmp_path)
    config["features"] = {"use": [{"kind": "ngrams", "buckets": 40_000, "dim": 32}]}
    config["training"]["threads"] = 1  # several find their memory in another order each time
    path = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    planned = subprocess.run([*PROGRAM, "plan", path, "--json"], capture_output=True, check=True)
    # Started by a small process: a child is counted with what its parent held when it forked.
    small = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "capture_output=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", small, *PROGRAM, "train", path]
    peak = int(subprocess.run(command, capture_output=True, check=True).stdout)
    unit = 1 if sys.platform == "darwin" else 1024
    assert json.loads(planned.stdout)["memory"] == pytest.approx(peak * unit, rel=0.25)


def test_a_fresh_python_runs_and_its_last_words_are_told():
    assert run_python("import sys; print(input() + sys.argv[1])", "b", given="a").output == "ab\n"
    with pytest.raises(OSError, match="gone"):
        run_python("raise ValueError('gone')")
    machine = this_machine()
    assert machine["cores"] >= 1
    assert all(machine.values())


def test_a_replay_counts_as_it_is_drawn(tmp_path):
    """A small text and a replay of twenty times its size: an epoch has both in equal parts."""
    config = corpora.tagging(tmp_path)
    small = corpora.conll(corpora.tagged_sentences(20, seed=3))
    large = corpora.conll(corpora.tagged_sentences(400, seed=4))
    texts = {
        "data.train": corpora.write(tmp_path / "small.conll", small),
        "data.replay": corpora.write(tmp_path / "large.conll", large),
        "data.test": corpora.write(tmp_path / "test.conll", large),
    }
    start = windowclf.train(config, ["training.epochs=1", f"output={tmp_path}/old"]).model_path
    own = [f"{name}={path}" for name, path in texts.items()] + [f"training.start_from={start}"]
    alone = windowclf.plan(config, [f"data.train={texts['data.train']}"])
    plan = windowclf.plan(config, own)
    assert plan["train_tokens"] == pytest.approx(2 * alone["train_tokens"], rel=0.1)
    kept = [*own, f"data.cache_above_mb={len(small) / 1e6}"]
    assert plan["disk"]["corpus"] == 0
    assert windowclf.plan(config, kept)["disk"]["corpus"] > 0


def test_a_start_in_its_own_folder_is_refused_as_by_train(tmp_path):
    config = corpora.tagging(tmp_path)
    model = windowclf.train(config, ["training.epochs=1"]).model_path
    with pytest.raises(ConfigError, match="is the model that this run would write"):
        windowclf.plan(config, [f"training.start_from={model}"])
