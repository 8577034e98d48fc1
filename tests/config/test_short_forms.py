"""Short forms of a config: what they stand for, also where overrides reach into them."""

from __future__ import annotations

import json

import corpora
import pytest
from command_line import run

import windowclf
from windowclf.config.features import FeaturesSection
from windowclf.config.open_keys import open_keys
from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import dump_config, given_tree, make_config
from windowclf.errors import ConfigError

BASE = {"task": "spans", "data": {"train": "x", "extra": {"pos": 1}}}
DEFAULT = FeaturesSection().use


def made(*overrides: str, **more: object):
    return make_config({**BASE, **more}, overrides)


def fault(*overrides: str, **more: object) -> str:
    with pytest.raises(ConfigError) as caught:
        made(*overrides, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("model.hidden=tanh", "model.hidden={activation: tanh}"),
        ("model={hidden: none}", "model.hidden={activation: none}"),
        ("features.use=[word]", "features.use=[{kind: word}]"),
        (
            "features.use=[suffix3, prefix12, {kind: shape, position: true}, column.pos]",
            "features.use=[{kind: suffix, length: 3}, {kind: prefix, length: 12}, "
            "{kind: shape, position: true}, {kind: column, column: pos}]",
        ),
    ],
)
def test_a_short_form_is_the_long_one(short, long):
    assert made(short) == made(long)
    key, _, value = short.partition("=")
    first, _, second = key.partition(".")
    tree = parse_yaml(value, "")
    assert made(**{first: {second: tree} if second else tree}) == made(long)


def test_what_stands_below_a_short_form_can_be_changed():
    hidden = made("model.hidden.units=3", model={"hidden": "tanh"}).model.hidden
    assert (hidden.activation, hidden.units) == ("tanh", 3)
    use = made("features.use.1.dim=9", features={"use": ["word", "suffix3"]}).features.use
    assert (use[1].kind, use[1].length, use[1].dim) == ("suffix", 3, 9)


def test_added_features_stand_behind_those_of_the_task():
    config = made("features.add=[suffix5]")
    assert config.features.use[:-1] == DEFAULT
    assert config.features.use[-1].table_name == "suffix5"
    assert config == made(features={"use": [each.model_dump() for each in DEFAULT] + ["suffix5"]})
    characters = made("task=segmentation", "features.add=[lower]").features
    assert [each.kind for each in characters.use] == ["word", "shape", "lower"]
    assert characters.window == 3
    own = made("features.add=[column.pos]", features={"use": ["word"]}).features
    assert [each.kind for each in own.use] == ["word", "column"]


def test_a_whole_config_has_all_features_in_use():
    config = made("features.add=[suffix5]")
    assert "add" not in dump_config(config)
    assert make_config(parse_yaml(dump_config(config), "")) == config
    more = make_config(parse_yaml(dump_config(config), ""), ["features.add=[suffix6]"])
    assert [each.table_name for each in more.features.use[-2:]] == ["suffix5", "suffix6"]


def test_the_open_keys_make_the_same_config():
    for tree in (
        {"features": {"add": ["suffix5"]}, "model": {"hidden": "tanh"}},
        {"features": {"add": ["column.pos"], "use": ["word"]}},
        {"model": {"hidden": "none"}},
    ):
        config = made(**tree)
        given = given_tree({**BASE, **tree}, [])
        found = open_keys(given, config)
        assert len(found["features"].get("use", DEFAULT)) == len(config.features.use) - len(
            tree.get("features", {}).get("add", [])
        )
        merged = {**given}
        for section, keys in found.items():
            merged[section] = _under(given.get(section), keys)
        assert make_config(merged) == config


def _under(given: object, more: object) -> object:
    """`more` with what `given` has in its place; lists as `more` has them."""
    if not isinstance(given, dict) or not isinstance(more, dict):
        return more
    both = {key: _under(given[key], more[key]) for key in given if key in more}
    return {**more, **given, **both}


@pytest.mark.parametrize(
    ("add", "said"),
    [
        ("[word]", "features.add.0: the same as the default feature word; remove one of them."),
        (
            "[suffix5, {kind: word, dim: 3}]",
            "features.add.1: shares the table 'word' with the default feature word, which needs "
            "the same dim and rows of values; give one of them another table.",
        ),
        ("[suffix5, suffix5]", "features.add.1: the same as features.add.0; remove one of them."),
        ("[column.p]", "features.add.0.column: 'p' is no name of data.extra; add it there."),
        ("[{kind: shape, dm: 1}]", "features.add.0.dm: unknown key; did you mean dim?"),
        ("[gazetteer]", "features.add.0.path: missing; give it a value."),
        ("word", "features.add: expected a list with at least one entry, found 'word'."),
    ],
)
def test_a_fault_of_an_added_feature_names_it_as_it_was_written(add, said):
    assert fault(f"features.add={add}") == f"config: {said}"


def test_other_faults():
    assert fault("features.add=[word]", features={"use": ["word"]}) == (
        "config: features.add.0: the same as features.use.0; remove one of them."
    )
    missing = "config: features.use: missing; task: slots needs a feature of kind column for each"
    assert fault("features.add=[column.a]", "task=slots").startswith(missing)
    assert "did you mean relu?" in fault("model.hidden=reluu")
    assert fault("model.hidden=3") == "config: model.hidden: expected keys and values, found 3."
    wrong = fault("features.use=[wrod]")
    assert wrong.startswith("config: features.use.0.kind: expected word, ")
    assert wrong.endswith("found 'wrod'; did you mean word?")


def test_a_model_keeps_the_long_forms(tmp_path):
    """And trains to the same bytes from what it keeps."""
    tree = corpora.tagging(tmp_path)
    tree["features"] = {"window": 1, "use": [{"kind": "word", "dim": 8}], "add": ["suffix2"]}
    tree["model"] = {"hidden": "tanh"}
    path = corpora.write(tmp_path / "c.yaml", json.dumps(tree))
    assert run(["train", path])[0] == 0
    code, kept, _ = run(["info", f"{tmp_path}/run", "--config"])
    assert code == 0
    features = parse_yaml(kept, "")["features"]
    assert [each["kind"] for each in features["use"]] == ["word", "suffix"]
    assert set(features) == {"window", "use"}
    again = corpora.write(tmp_path / "again.yaml", kept)
    more = [f"data.{name}={tmp_path}/{name}.conll" for name in ("train", "dev")]
    windowclf.train(again, [*more, f"output={tmp_path}/again"])
    assert corpora.digest(tmp_path / "again") == corpora.digest(tmp_path / "run")
    assert windowclf.train(path, resume=True).stopped is False  # the config is still the run's


@pytest.mark.slow
def test_in_the_environment_and_in_a_search(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDOWCLF_MODEL__HIDDEN", "tanh")
    monkeypatch.setenv("WINDOWCLF_FEATURES__ADD", "[suffix5]")
    tree = corpora.tagging(tmp_path)
    overrides = windowclf.overrides_from_environment()
    assert overrides == ["features.add=[suffix5]", "model.hidden=tanh"]
    space = {"model.hidden": ["tanh", "none"], "features.add": [["suffix5"], ["prefix4"]]}
    tree["tune"] = {"trials": 4, "rungs": [1], "space": space}
    result = windowclf.tune(tree, jobs=2)
    assert [trial.lost for trial in result.trials] == [None] * 4
