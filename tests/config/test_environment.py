"""Variables of the environment as keys of a config: below --set, above the file, never unknown."""

from __future__ import annotations

import json
import os

import corpora
import pytest
from command_line import run

import windowclf
from windowclf.config.environment import variables_in
from windowclf.config.reading import make_config
from windowclf.config.schema import known_paths, spelled
from windowclf.errors import ConfigError

MINIMAL = {"task": "spans", "data": {"train": "t.conll"}, "training": {"epochs": 7}}


def test_variables_are_overrides_in_any_case():
    environ = {
        "WINDOWCLF_TRAINING__EPOCHS": "3",
        "WINDOWCLF_training__Optimizer": "{name: sgd}",
        "WINDOWCLF_TRAINING__OPTIMIZER__LEARNING_RATE": "0.5",
        "WINDOWCLF_DATA__EXTRA__Pos": "1",
        "WINDOWCLF_FEATURES__USE": "[{kind: word}, {kind: column, column: Pos}]",
        "WINDOWCLF_FEATURES__USE__0__DIM": "12",
        "WINDOWCLF_MODEL__HIDDEN__UNITS": "9",
        "windowclf_seed": "5",
        "PATH": "/bin",
    }
    config = make_config(MINIMAL, windowclf.overrides_from_environment(environ))
    assert config.training.epochs == 3
    assert (config.training.optimizer.name, config.training.optimizer.learning_rate) == ("sgd", 0.5)
    assert config.data.extra == {"Pos": 1}
    assert config.features.use[0].dim == 12
    assert config.model.hidden.units == 9
    assert config.seed == 1


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WINDOWCLF_EPOCHS", "WINDOWCLF_TRAINING__EPOCHS"),
        ("WINDOWCLF_TRAINING_EPOCHS", "WINDOWCLF_TRAINING__EPOCHS"),
        ("WINDOWCLF_TRAINING__EPOCS", "WINDOWCLF_TRAINING__EPOCHS"),
        ("WINDOWCLF_LEARNING_RATE", "WINDOWCLF_TRAINING__OPTIMIZER__LEARNING_RATE"),
        ("WINDOWCLF_SEED__X", "WINDOWCLF_SEED"),
        ("WINDOWCLF_TSK", "WINDOWCLF_TASK"),
    ],
)
def test_an_unknown_variable_is_named_with_the_nearest(name, nearest):
    with pytest.raises(ConfigError) as raised:
        variables_in({name: "3"})
    assert str(raised.value) == f"{name}: no key of the config; did you mean {nearest}?"


@pytest.mark.parametrize("name", ["WINDOWCLF_", "WINDOWCLF_ZZZZ", "WINDOWCLF_\n", "WINDOWCLF___"])
def test_one_that_is_like_none_is_to_be_unset(name):
    with pytest.raises(ConfigError, match=r"no key of the config, as .* unset it\.$"):
        variables_in({name: "3"})


def test_all_faults_come_together():
    environ = {
        "WINDOWCLF_A": "",
        "WINDOWCLF_SEED": "1",
        "WINDOWCLF_Seed": "2",
        "WINDOWCLF_TASKS": "",
    }
    with pytest.raises(ConfigError) as raised:
        variables_in(environ)
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        "WINDOWCLF_A",
        "WINDOWCLF_SEED and WINDOWCLF_Seed both set seed; unset one of them.",
        "WINDOWCLF_TASKS",
    ]


@pytest.mark.parametrize("value", ["[1", "!!python/x 3", "\udcff", "a: b: c"])
def test_what_is_no_yaml_names_the_variable(value):
    with pytest.raises(ConfigError, match=r"^WINDOWCLF_SEED:.*not YAML"):
        variables_in({"WINDOWCLF_SEED": value})


def test_every_key_of_the_config_has_a_variable():
    paths = list(known_paths())
    assert {"seed", "training.optimizer.beta1", "model.hidden.units", "data.dev.holdout"} <= set(
        paths
    )
    for path in paths:
        assert spelled(path.upper().split(".")) == path.split(".")


def test_other_variables_are_left_alone():
    assert variables_in({"WINDOWCLF_CORPORA": "/x", "WINDOWCLFX": "1", "HOME": "/"}) == []


@pytest.fixture
def config(tmp_path) -> str:
    return corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))


def test_a_command_takes_them_below_set_and_says_so(config, tmp_path, monkeypatch):
    monkeypatch.setenv("WINDOWCLF_TRAINING__EPOCHS", "2")
    monkeypatch.setenv("WINDOWCLF_SEED", "4")
    code, _, err = run(["train", config, "--set", "seed=9"])
    assert code == 0
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: seed is from WINDOWCLF_SEED.",
        "note: training.epochs is from WINDOWCLF_TRAINING__EPOCHS.",
    ]
    assert len(corpora.log(tmp_path / "run")) == 2
    assert windowclf.info(tmp_path / "run")["config"]["seed"] == 9


@pytest.mark.parametrize("command", ["train", "plan", "tune", "gradcheck"])
def test_an_unknown_one_stops_every_command_with_a_config(config, tmp_path, monkeypatch, command):
    monkeypatch.setenv("WINDOWCLF_EPOCHS", "2")
    code, out, err = run([command, config])
    assert (code, out) == (1, "")
    assert err == (
        "WINDOWCLF_EPOCHS: no key of the config; did you mean WINDOWCLF_TRAINING__EPOCHS?\n"
    )
    assert not (tmp_path / "run").exists()


def test_functions_do_not_read_them(config, tmp_path, monkeypatch):
    monkeypatch.setenv("WINDOWCLF_TRAINING__EPOCHS", "2")
    monkeypatch.setenv("WINDOWCLF_NONSENSE", "2")
    windowclf.train(config)
    assert len(corpora.log(tmp_path / "run")) == 3
    monkeypatch.delenv("WINDOWCLF_NONSENSE")
    assert windowclf.overrides_from_environment() == ["training.epochs=2"]
    assert windowclf.overrides_from_environment(os.environ) == ["training.epochs=2"]


@pytest.mark.parametrize("command", ["train", "plan", "tune", "gradcheck"])
def test_help_names_them(command):
    assert "WINDOWCLF_TRAINING__EPOCHS" in "".join(run([command, "--help"])[1].split())


def test_an_entry_of_a_list_that_is_not_there_is_named():
    environ = {"WINDOWCLF_FEATURES__USE__0__DIM": "8"}
    with pytest.raises(ConfigError, match=r"expected a list use in the config, .*`windowclf plan`"):
        make_config(MINIMAL, windowclf.overrides_from_environment(environ))
