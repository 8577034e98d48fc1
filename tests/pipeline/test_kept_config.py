"""The config that a model keeps: enough to train it again, and nothing of where a run was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import corpora
import pytest
from command_line import run

import windowclf
from windowclf.config import Config
from windowclf.config.kept import LEFT_OUT, kept_config, kept_yaml
from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import make_config, read_config

GOLDEN = Path(__file__).parents[1] / "golden"
KEPT = {  # each key that there is stays in or is left out on purpose
    "data": "dev distinct_tokens extra format inside label misaligned names scheme sentence token "
    "tokenizer",
    "features": "use window",
    "model": "hidden members output recurrence",
    "training": "average batch_tokens class_weights clip_norm dropout dtype early_stopping epochs "
    "input_dropout l2 label_smoothing optimizer schedule word_dropout",
}


def test_every_key_is_kept_or_left_out():
    assert {*KEPT, "seed", "task"} | {k for k, v in LEFT_OUT.items() if v is True} == {
        *Config.model_fields
    }
    for section, kept in KEPT.items():
        left_out = LEFT_OUT.get(section, set())
        left_out = left_out if section in ("data", "training") else set()
        fields = Config.model_fields[section].annotation.model_fields
        added = {"add"} if section == "features" else set()  # they are in `use` by then
        assert {name for name, field in fields.items() if field.exclude} == added
        assert set(kept.split()) | left_out | added == set(fields), section


def test_no_path_is_kept_and_a_holdout_is():
    lists = [{"kind": "gazetteer", "path": "/secret/a"}, {"kind": "cluster", "path": "/secret/b"}]
    paths = {name: f"/secret/{name}" for name in ("train", "dev", "test", "dictionary")}
    tree = {"task": "spans", "output": "/secret/run", "data": paths, "features": {"use": lists}}
    tuned = {**tree, "tune": {"output": "/secret/tune"}}
    kept = kept_config(make_config(tuned), "conll", 1)
    assert "secret" not in json.dumps(kept)
    assert "dev" not in kept["data"]
    assert (kept["data"]["format"], kept["data"]["label"]) == ("conll", 1)
    held_out = make_config({**tree, "data": {**paths, "dev": {"holdout": 0.2}}})
    assert kept_config(held_out, "conll", 1)["data"]["dev"] == {"holdout": 0.2}


def test_a_model_is_trained_again_from_its_own_config(learnt, tmp_path):
    """To the byte, in another folder, with other threads and checkpoints."""
    before = learnt["spans"]
    code, out, _ = run(["info", str(before), "--config"])
    assert code == 0
    path = corpora.write(tmp_path / "again.yaml", out)
    data = read_config(before / "config.yaml").data
    settings = [f"data.train={data.train[0]}", f"data.dev={data.dev[0]}", f"output={tmp_path}/run"]
    more = ["training.checkpoint.seconds=0", "prediction.cache_mb=1", "training.threads=1"]
    windowclf.train(path, [*settings, *more])
    assert corpora.digest(tmp_path / "run") == corpora.digest(before)


def test_what_is_missing_from_a_kept_config_is_named(tmp_path):
    code, out, _ = run(["info", str(GOLDEN / "model-v2.safetensors"), "--config"])
    assert code == 0
    path = corpora.write(tmp_path / "c.yaml", out)
    code, _, err = run(["train", path, "--set", "data.train=x.conll"])
    assert code == 1
    assert [line.split(": ")[1:] for line in err.splitlines()] == [
        [f"features.use.{i}.path", "missing; give it a value."] for i in (3, 4)
    ]


def test_the_yaml_reads_back(learnt):
    kept = windowclf.info(learnt["tagging"])["config"]
    assert parse_yaml(kept_yaml(kept), "x") == kept
    assert kept_yaml(kept).splitlines()[3:5] == ["seed: 1", "task: tagging"]


def test_other_files_that_a_model_was_made_with_are_named(tmp_path):
    config = corpora.tagging(tmp_path)
    words = corpora.write(tmp_path / "words.tsv", "the\tDET\n")
    first = windowclf.train(config, ["training.epochs=1"]).model_path
    more = [f"training.start_from={first}", f"data.replay={config['data']['train']}"]
    more += [f"data.dictionary={words}", f"output={tmp_path}/more", "training.epochs=1"]
    second = windowclf.train(config, more).model_path
    said = "# It was made with files of training.start_from, data.replay, data.dictionary too; "
    for model, expected in ((first, []), (second, [f"{said}name them again."])):
        lines = run(["info", str(model), "--config"])[1].splitlines()
        assert [line for line in lines if "made with" in line] == expected


def test_info_shows_it_or_says_that_there_is_none(learnt):
    code, out, _ = run(["info", str(learnt["tagging"])])
    assert code == 0
    assert "config: seed 1, training.epochs 40, training.batch_tokens 40, " in out
    old = str(GOLDEN / "model-v1.safetensors")
    assert windowclf.info(old)["config"] is None
    assert "config: not kept\n" in run(["info", old])[1]
    code, out, err = run(["info", old, "--config"])
    assert (code, out) == (1, "")
    assert err.startswith(f"{old}: keeps no config")


def test_a_compressed_model_keeps_it(learnt, tmp_path):
    windowclf.compress(learnt["tagging"], tmp_path / "small")
    assert (
        windowclf.info(tmp_path / "small")["config"] == windowclf.info(learnt["tagging"])["config"]
    )


@pytest.mark.parametrize("library", ["yaml", "pydantic"])
def test_loading_it_needs_no_reader_of_configs(learnt, library):
    code = (
        "import sys, windowclf; m = windowclf.load(sys.argv[1]).model; "
        f"assert m.config['seed'] == 1; assert '{library}' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(learnt["tagging"])], check=True)
