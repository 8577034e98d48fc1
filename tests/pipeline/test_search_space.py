"""The space of a search: what may stand in it, what is refused, what is drawn."""

# ruff: noqa: E501

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowclf.config.plain_yaml import parse_yaml
from windowclf.config.reading import dump_config, make_config
from windowclf.config.tune import Int, LogInt, LogUniform, Uniform
from windowclf.errors import ConfigError
from windowclf.pipeline.search.space import as_overrides, check_space, default_space, draw_trials

MINIMAL = {"task": "tagging", "data": {"train": "t.conll", "dev": "d.conll"}}
SLOTS = {
    "task": "slots",
    "data": {"train": "t.csv"},
    "features": {"use": [{"kind": "column", "column": "a"}]},
}
ANY_RANGE = (
    "expected a list of values, or one of uniform, log_uniform, int, log_int with [LOW, HIGH]."
)
SECTION_FAULTS = [
    ("{trials: 0}", "tune.trials: expected a number of at least 1, found 0."),
    ("{trals: 3}", "tune.trals: unknown key; did you mean trials?"),
    ("{keep: 1}", "tune.keep: expected a number below 1, found 1."),
    ("{rungs: []}", "tune.rungs: expected a list with at least one entry, found an empty list."),
    ("{rungs: [4, 2]}", "tune.rungs: expected epochs that rise, found [4, 2]."),
    ("{rungs: [0]}", "tune.rungs.0: expected a number of at least 1, found 0."),
    ("{space: {a.b: 3}}", f"tune.space.a.b: {ANY_RANGE}"),
    ("{space: {a.b: {log_unifrm: [1, 2]}}}", f"tune.space.a.b: {ANY_RANGE}"),
    ("{space: {a: {int: [1, 2], uniform: [1, 2]}}}", f"tune.space.a: {ANY_RANGE}"),
    ("{space: {a: []}}", "tune.space.a: expected a list with at least one entry, found an empty list."),
    ("{space: {a: {uniform: [2, 1]}}}", "tune.space.a.uniform: expected [LOW, HIGH], two numbers with LOW < HIGH."),
    ("{space: {a: {uniform: [yes, 2]}}}", "tune.space.a.uniform: expected [LOW, HIGH], two numbers with LOW < HIGH."),
    ("{space: {a: {int: [1, 2.5]}}}", "tune.space.a.int.1: expected a whole number, found 2.5."),
    ("{space: {a: {log_int: [0, 9]}}}", "tune.space.a.log_int: expected bounds above 0 on a logarithmic scale, found 0."),
    ("{space: {a: {uniform: [1, .inf]}}}", "tune.space.a.uniform.1: expected a number, found inf."),
]  # fmt: skip
SPACE_FAULTS = [
    ("{training.dropuot: [0.1]}", "training.dropuot: unknown key; did you mean dropout?"),
    ("{training.dropout: {uniform: [0.1, 1.5]}}", "training.dropout: expected a number below 1, found 1.5."),
    ("{model.hidden.units: [64, many]}", "model.hidden.units: expected a whole number, found 'many'."),
    ("{features.window: {uniform: [1, 3]}}", "features.window: expected a whole number, found 1.0."),
    ("{training.epochs: [3]}", "training.epochs: expected a path that a search may change, training.epochs is not one: tune.rungs says how long a trial trains."),
    ("{data: [{}]}", "data: expected a path that a search may change, data.dev is not one: trials are compared on the same sentences."),
    ("{tune.trials: [3]}", "tune.trials: expected a path that a search may change, tune is not one: it is what searches."),
    ("{model.hidden: [{units: 3}], model.hidden.units: [5]}", "model.hidden: model.hidden.units stands in the space too, and one holds the other; keep one."),
    ("{model.hidden.activation: [none]}", "model.hidden.activation: model.hidden.units: unknown key; expected one of activation."),
    ("{a=b: [1]}", "a=b: expected a path as in training.dropout."),
    ("{'': [1]}", ": expected a path as in training.dropout."),
]  # fmt: skip


def config_with(tune: str, base=MINIMAL):
    return make_config({**base, "tune": parse_yaml(tune, "tune")})


def space_of(text: str):
    return config_with(f"{{space: {text}}}").tune.space


@pytest.mark.parametrize(("text", "sentence"), SECTION_FAULTS)
def test_a_fault_of_the_section_is_one_sentence(text, sentence):
    with pytest.raises(ConfigError) as caught:
        config_with(text)
    assert str(caught.value) == f"config: {sentence}"


@pytest.mark.parametrize(("text", "sentence"), SPACE_FAULTS)
def test_a_fault_of_the_space_has_its_path(text, sentence):
    tree = {**MINIMAL, "model": {"hidden": {"units": 100}}}
    with pytest.raises(ConfigError) as caught:
        check_space(tree, (), space_of(text), "c.yaml")
    assert str(caught.value).splitlines()[0] == f"c.yaml: tune.space.{sentence}"


def test_every_fault_is_reported_once():
    space = space_of("{training.l2: [-1, -1, -2], training.dropuot: [1, 2]}")
    with pytest.raises(ConfigError) as caught:
        check_space(MINIMAL, (), space, "c")
    assert str(caught.value).splitlines() == [
        "c: tune.space.training.l2: expected a number of at least 0, found -1.",
        "c: tune.space.training.l2: expected a number of at least 0, found -2.",
        "c: tune.space.training.dropuot: unknown key; did you mean dropout?",
    ]


def test_a_path_goes_through_overrides_and_lists():
    tree = {**MINIMAL, "features": {"use": [{"kind": "word"}]}}
    space = space_of("{features.use.0.dim: [8, 16], training.optimizer.beta1: [0.8]}")
    check_space(tree, (), space, "c")
    with pytest.raises(ConfigError, match=r"optimizer\.beta1: unknown key"):
        check_space(tree, ["training.optimizer={name: sgd}"], space, "c")


def test_a_section_reads_back():
    config = config_with(
        "{keep: 0.5, rungs: [1, 3], space: {a: {log_uniform: [0.1, 2]}, b: [1, x, null, {c: [2]}],"
        " d: {int: [0, 3]}, e: {log_int: [1, 4]}, f: {uniform: [-1, 1]}}}"
    )
    assert make_config(parse_yaml(dump_config(config), "dump")) == config


@pytest.mark.parametrize("tree", [MINIMAL, {**MINIMAL, "task": "segmentation"}, SLOTS])
def test_the_default_space_fits_every_task(tree):
    config = make_config(tree)
    space = default_space(config)
    check_space(tree, (), space, "c")
    low, high = space["training.optimizer.learning_rate"].log_uniform
    assert low < config.training.optimizer.learning_rate < high


def test_the_default_space_leaves_out_what_has_no_effect():
    tree = {**MINIMAL, "model": {"hidden": {"activation": "none"}}}
    space = default_space(make_config(tree))
    check_space(tree, (), space, "c")
    assert not {"model.hidden.units", "training.dropout"} & space.keys()


bounds = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted).filter(lambda b: b[0] < b[1])  # fmt: skip


@given(bounds, st.integers(0, (1 << 32) - 1))
def test_draws_keep_to_their_bounds(ends, seed):
    low, high = ends
    space = {
        "u": Uniform(uniform=(low, high)),
        "v": LogUniform(log_uniform=(low / 7, high / 7)),
        "i": Int(int=(low, high)),
        "j": LogInt(log_int=(low, high)),
        "c": ("x", None, 3),
    }
    first, *others = draw_trials(space, seed, 6)
    assert first == {}
    assert len(others) == 5
    for settings in others:
        assert list(settings) == sorted(space)
        assert low <= settings["u"] <= high
        assert low / 7 <= settings["v"] <= high / 7
        assert settings["c"] in space["c"]
        for name in "ij":
            assert type(settings[name]) is int
            assert low <= settings[name] <= high


def test_a_logarithmic_scale_has_as_many_below_its_middle():
    """√(1·10,000) = 100; and all of 1 … 3 are drawn, the lower ones more often."""
    space = {"v": LogUniform(log_uniform=(1, 10_000)), "j": LogInt(log_int=(1, 3))}
    drawn = draw_trials(space, 3, 2001)[1:]
    below = sum(settings["v"] < 100 for settings in drawn)
    assert abs(below - 1000) < 4 * math.sqrt(2000 / 4)
    ones, twos, threes = (sum(s["j"] == n for s in drawn) for n in (1, 2, 3))
    assert ones > twos > threes > 300


def test_trials_are_drawn_by_the_seed_and_more_begin_with_the_same():
    space = {"b": Uniform(uniform=(0, 1)), "a": (1, 2, 3)}
    again = {"a": (1, 2, 3), "b": Uniform(uniform=(0, 1))}
    assert draw_trials(space, 1, 9)[:5] == draw_trials(again, 1, 5)
    assert draw_trials(space, 1, 5) != draw_trials(space, 2, 5)


def test_no_trial_is_drawn_twice():
    drawn = draw_trials({"a": (1, 2), "b": ({"x": 1}, None)}, 1, 30)
    assert len(drawn) == 5
    assert all(drawn.count(settings) == 1 for settings in drawn)


def test_settings_are_those_of_the_command_line():
    settings = {"training.l2": 1e-05, "model.hidden": {"activation": "tanh"}, "data.label": "名😀"}
    config = make_config(MINIMAL, as_overrides(settings))
    assert config.training.l2 == 1e-05
    assert config.model.hidden.activation == "tanh"
    assert config.data.label == "名😀"
