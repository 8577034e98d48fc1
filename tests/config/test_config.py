"""The config: defaults, overrides, round trips, and a sentence for every mistake."""

# ruff: noqa: E501

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windowclf.config.plain_yaml import parse_yaml, write_yaml
from windowclf.config.reading import differences, dump_config, make_config, read_config
from windowclf.errors import ConfigError

MINIMAL = {"task": "spans", "data": {"train": "t.conll"}}
FAULTS = [
    ("task: span\ndata: {train: x}", "task: expected tagging, spans, segmentation or slots, found 'span'; did you mean spans?"),
    ("data: {train: x}", "task: missing; every config needs it."),
    ("task: spans", "data: missing; every config needs it."),
    ("task: spans\ndata: {}", "data.train: missing; expected a path, a glob or a list of them."),
    ("task: spans\ndata: {train: []}", "data.train: expected a path, a glob or a list of them, found an empty list."),
    ("task: spans\ndata: {train: x, dictionary: []}", "data.dictionary: expected a path, a glob or a list of them, found an empty list."),
    ("task: slots\ndata: {train: x.csv, dictionary: w}\nfeatures: {window: 0, use: [{kind: column, column: a}]}", "data.dictionary: expected null for task: slots, whose rows have no words."),
    ("task: spans\ndata: {train: 3}", "data.train: expected a path, a glob or a list of them, found 3."),
    ("task: spans\ndata: x", "data: expected keys and values, found 'x'."),
    ("task: spans\ndata: {train: x, dev: {holdout: 2}}", "data.dev.holdout: expected a number below 1, found 2."),
    ("task: spans\ndata: {train: x, scheme: BIOE}", "data.scheme: expected BIO, IOB1, IO, BIOES, BILOU, BMES or BMEWO, found 'BIOE'; did you mean BIOES?"),
    ("task: spans\ndata: {train: x, frmat: conll}", "data.frmat: unknown key; did you mean format?"),
    ("task: spans\ndata: {train: x, label: yes}", "data.label: expected a whole number or text, found true; YAML reads a bare yes, no, on or off as that, so quote it where you mean text."),
    ("task: spans\ndata: {train: x}\ntraning: {}", "traning: unknown key; did you mean training?"),
    ("task: spans\ndata: {train: x}\ntraining: {epochs: 1.5}", "training.epochs: expected a whole number, found 1.5."),
    ("task: spans\ndata: {train: x}\ntraining: {epochs: '3'}", "training.epochs: expected a whole number, found '3'."),
    ("task: spans\ndata: {train: x}\ntraining: {epochs: 0}", "training.epochs: expected a number of at least 1, found 0."),
    ("task: spans\ndata: {train: x}\ntraining: {dropout: 1.0}", "training.dropout: expected a number below 1, found 1.0."),
    ("task: spans\ndata: {train: x}\ntraining: {dropout: .nan}", "training.dropout: expected a number, found nan."),
    ("task: spans\ndata: {train: x}\ntraining: {threads: many}", "training.threads: expected a whole number or auto, found 'many'."),
    ("task: spans\ndata: {train: x}\ntraining: {optimizer: {name: adm}}", "training.optimizer.name: expected sgd, momentum, adagrad, rmsprop or adam, found 'adm'; did you mean adam?"),
    ("task: spans\ndata: {train: x}\ntraining: {optimizer: {name: rmsprop, beta1: 0.9}}", "training.optimizer.beta1: unknown key; expected one of decay, epsilon, learning_rate, name, rows."),
    ("task: spans\ndata: {train: x}\ntraining: {optimizer: {learning_rate: -1}}", "training.optimizer.learning_rate: expected a number above 0, found -1."),
    ("task: spans\ndata: {train: x}\ntraining: {class_weights: {A: -1}}", "training.class_weights.A: expected a number above 0, found -1."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: wrd}]}", "features.use.0.kind: expected word, lower, prefix, suffix, shape, ngrams, column, char_cnn, gazetteer, cluster or vectors, found 'wrd'; did you mean word?"),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{dim: 3}]}", "features.use.0: missing the key kind, which says what the others mean."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word}, {kind: word}]}", "features.use.1: the same as features.use.0; remove one of them."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word, table: a, dim: 3}, {kind: lower, table: a}]}", "features.use.1: shares the table 'a' with features.use.0, which needs the same dim and rows of values; give one of them another table."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word, table: a, dim: 32}, {kind: lower, table: a, min_count: 5}]}", "features.use.1.min_count: expected 2 as in features.use.0, whose table it shares, found 5."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: column, column: pos}]}", "features.use.0.column: 'pos' is no name of data.extra; add it there."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: ngrams, min: 4, max: 2}]}", "features.use.0: expected min <= max, found min 4 and max 2."),
    ("task: spans\ndata: {train: x}\nfeatures: {window: -1}", "features.window: expected a number of at least 0, found -1."),
    ("task: slots\ndata: {train: x.csv}", "features.use: missing; task: slots needs a feature of kind column for each slot."),
    ("task: spans\ndata: {train: x}\nmodel: {output: hmm}", "model.output: expected softmax, sigmoid or crf, found 'hmm'."),
    ("task: spans\ndata: {train: x}\nmodel: {output: sigmoid}", "model.output: expected softmax for task: spans, found sigmoid."),
    ("task: spans\ndata: {train: x}\nmodel: {hidden: {activation: none, units: 3}}", "model.hidden.units: unknown key; expected one of activation."),
    ("task: spans\ndata: {train: x}\nmodel: {hidden: {activation: none}, recurrence: {directions: 1}}", "model: expected a hidden layer for recurrence, found hidden: none."),
    ("task: spans\ndata: {train: x}\nmodel: {recurrence: {directions: 3}}", "model.recurrence.directions: expected 1 or 2, found 3."),
    ("- a", "expected keys such as task and data at the top, found a list."),
    ("", "expected keys such as task and data at the top, found nothing."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), FAULTS)
def test_one_sentence_for_a_mistake(text, sentence, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_all_mistakes_are_reported_together(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("task: x\ndata: {trian: 1}\nseed: -1", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert {line.split(": ")[1] for line in lines} == {"task", "data.trian", "data.train", "seed"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"task: spans\ntask: tagging", ":2:1: not YAML, the key 'task' stands twice."),
        (b"task: [spans", ":1:13: not YAML, expected ',' or ']', but got '<stream end>'."),
        (b"seed: 1\ntask: \xff", ":2: expected UTF-8; save the file as UTF-8."),
        (b"a: " + b"[" * 40 + b"]" * 40, ": not YAML, the config is too large or too deep."),
        (b"x" * (1 << 20) + b"y", ": expected a config of at most 1 MiB, found 1,048,577 bytes."),
    ],
)
def test_files_that_are_no_config(content, sentence, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    found = str(caught.value)
    assert found.startswith(str(path))
    assert found.endswith(sentence.split(":", 2)[-1])


NESTED = "".join(f"{n}: &{n} [*{p}, *{p}, *{p}]\n" for p, n in pairwise("abcdefghijkl"))
MERGED = "".join(f"{n}: &{n} {{<<: [*{p}, *{p}, *{p}]}}\n" for p, n in pairwise("abcdefghijkl"))
TOO_LARGE = "the config is too large or too deep."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &a [x]\n" + NESTED, f"9:16: not YAML, {TOO_LARGE}"),
        ("a: &a {x: 1}\n" + MERGED, f"9:13: not YAML, {TOO_LARGE}"),
        ("[" * 40 + "]" * 40, f"1:33: not YAML, {TOO_LARGE}"),
        ("- x\n" * 20_000, f"20000:3: not YAML, {TOO_LARGE}"),
        ("data: &a {train: *a}", "1:18: not YAML, the alias *a stands within its own value."),
        ("data: &a {<<: *a}", "1:15: not YAML, the alias *a stands within its own value."),
        ("data: {<<: *a}", "1:12: not YAML, found undefined alias 'a'."),
        ("a: {x: 1}\nb: {y: 1, y: 2}", "2:11: not YAML, the key 'y' stands twice."),
        ("a: 1\n\"a\": 2", "2:1: not YAML, the key 'a' stands twice."),
        ("? [a]\n: b", "1:3: not YAML, expected text as a key, found a list or mapping."),
        ("1: b", "1:1: not YAML, expected text as a key, found a number; quote it."),
        (
            "NO: b",
            "1:1: not YAML, expected text as a key, found a yes, no, on or off that YAML reads as "
            "true or false; quote it.",
        ),
        (
            "a: !!python/object/apply:os.system [ls]",
            "1:4: not YAML, expected a plain value, found the tag "
            "'tag:yaml.org,2002:python/object/apply:os.system'; remove it.",
        ),
        ("a: !!int ''", "1:4: not YAML, expected a plain value, found the tag 'tag:yaml.org,2002:int'; remove it."),
        ("a: !!bool x", "1:4: not YAML, expected a plain value, found the tag 'tag:yaml.org,2002:bool'; remove it."),
        ("a: !x y", "1:4: not YAML, expected a plain value, found the tag '!x'; remove it."),
        ('a: "\\ud800"', "1:4: not YAML, found \\0 or half a surrogate pair, which no text holds."),
        ('a: "\\0"', "1:4: not YAML, found \\0 or half a surrogate pair, which no text holds."),
        ("a: 1\nb: \x00", "2: not YAML, found the character U+0000; remove it."),
        ("a: 1\n---\nb: 2", "2:1: not YAML, but found another document."),
    ],
)  # fmt: skip
def test_yaml_that_configs_do_not_use(text, sentence, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path}:{sentence}"


def test_an_escape_beyond_unicode_is_a_sentence(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(r'a: "\UFFFFFFFF"', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.yaml: not YAML, .*\.$"):
        read_config(path)


def test_aliases_and_merge_keys_within_bounds(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "task: tagging\n"
        "data: {train: &t [a, b], dev: *t}\n"
        "features: {use: [&w {kind: word, dim: 5}, {<<: *w, kind: lower, table: low}]}",
        encoding="utf-8",
    )
    config = read_config(path)
    assert config.data.dev == config.data.train == ("a", "b")
    assert [(f.kind, f.dim) for f in config.features.use] == [("word", 5), ("lower", 5)]


def test_values_that_other_readers_take_for_something_else_are_text():
    for text in ("2024-01-01", "2024-13-45", "1:30", "0x1F", "=", "._", "1.2.3"):
        config = make_config(MINIMAL, [f"data.label={text}"])
        assert config.data.label == text
    assert make_config(MINIMAL, ["data.label=-1"]).data.label == -1
    assert make_config(MINIMAL, ["seed=1_000"]).seed == 1000


@given(text=st.text(alphabet="019.eE+-_:~ =#x\u2028\u0085\ufeff\n\t'\"yn<é😀", max_size=9))
@settings(derandomize=True, deadline=None, max_examples=400)
@example("1e3")
@example("1E-2")
@example("NO")
@example("2024-01-01")
@example("<<")
def test_any_text_is_written_as_text(text: str):
    assert parse_yaml(write_yaml({text: [text]}), "x") == {text: [text]}


SCALAR = (
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
)  # fmt: skip
KEY = st.sampled_from(
    ["task", "data", "train", "dev", "holdout", "features", "use", "kind", "model", "hidden",
     "optimizer", "name", "training", "seed", "extra", "class_weights", "recurrence", "x", "é\n"]
)  # fmt: skip
TREE = st.recursive(
    SCALAR | st.sampled_from(["spans", "slots", "word", "column", "relu", "adam", "balanced"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4),
    max_leaves=12,
)


@given(tree=st.dictionaries(KEY, TREE, max_size=5))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_tree_is_written_and_read_and_is_a_config_or_sentences(tree: dict[str, object]):
    assert parse_yaml(write_yaml(tree), "x") == tree
    try:
        config = make_config(tree)
    except ConfigError as fault:
        told = str(fault).split("\n")
        assert all(line.startswith("config: ") for line in told)
        assert all(line.endswith((".", "?")) for line in told)
    else:
        assert make_config(parse_yaml(dump_config(config), "x")) == config


def test_faults_by_the_hundred_are_counted_and_shown_short():
    tree = {**MINIMAL, **{f"k{i}": 1 for i in range(5000)}, "z" * 100_000: 1}
    with pytest.raises(ConfigError) as caught:
        make_config(tree)
    lines = str(caught.value).split("\n")
    assert len(lines) == 21
    assert lines[-1] == "… and 4981 more faults."
    with pytest.raises(ConfigError) as caught:
        make_config({**MINIMAL, "z" * 100_000: 1, "a\n\u202e": 2})
    assert [line.split(": unknown")[0] for line in str(caught.value).split("\n")] == [
        "config: '" + "z" * 59 + "…'",
        r"config: 'a\n\u202e'",
    ]


def test_features_by_the_thousand_take_no_time():
    use = [{"kind": "column", "column": f"c{i}"} for i in range(4000)]
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        make_config({**MINIMAL, "features": {"use": [*use, use[0]]}})
    assert str(caught.value).endswith("\n… and 3982 more faults.")
    assert time.process_time() - began < 1


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no file without an end")
def test_a_file_without_an_end_is_not_read_to_it():
    with pytest.raises(ConfigError, match="expected a config of at most 1 MiB"):
        read_config("/dev/zero")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="found a directory"):
        read_config(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read, embedded null byte"):
        read_config("a\0b")


def test_numbers_with_an_exponent_are_numbers(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "task: tagging\ndata: {train: x}\ntraining: {l2: 1e-3, optimizer: {learning_rate: 1E-2}}",
        encoding="utf-8",
    )
    config = read_config(path)
    assert config.training.l2 == 0.001
    assert config.training.optimizer.learning_rate == 0.01


def test_defaults_of_the_tasks():
    spans = make_config(MINIMAL)
    assert spans.output == "runs/spans"
    assert spans.features.window == 2
    assert spans.training.optimizer.name == "adam"
    words = make_config({**MINIMAL, "task": "segmentation"})
    assert words.features.window == 3
    assert {feature.kind for feature in words.features.use} == {"word", "shape"}
    given = make_config({**MINIMAL, "task": "segmentation", "features": {"window": 1}})
    assert given.features.window == 1


def test_overrides():
    config = make_config(
        {**MINIMAL, "features": {"use": [{"kind": "word"}, {"kind": "shape"}]}},
        [
            "training.epochs=3",
            "training.optimizer.learning_rate=1e-2",
            "features.use.0.dim=7",
            "data.dev={holdout: 0.2}",
            "model.recurrence={directions: 2}",
        ],
    )
    assert config.training.epochs == 3
    assert config.training.optimizer.learning_rate == 0.01
    assert config.features.use[0].dim == 7
    assert config.data.dev.holdout == 0.2
    assert config.model.recurrence.directions == 2


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.epochs", "--set training.epochs: expected KEY=VALUE, as in training.epochs=5."),
        ("=3", "--set =3: expected KEY=VALUE, as in training.epochs=5."),
        (
            "features.use.9.dim=3",
            "--set features.use.9.dim: expected a number from 0 to 0, found '9'.",
        ),
        (
            "features.use.².dim=3",
            "--set features.use.².dim: expected a number from 0 to 0, found '²'.",
        ),
        (
            "a." * 2000 + "b=1",
            "--set '" + ("a." * 30)[:59] + "…': expected at most 32 keys.",
        ),
        (
            "seed=[",
            "--set seed:1:2: not YAML, expected the node content, but found '<stream end>'.",
        ),
    ],
)
def test_malformed_overrides(override, sentence):
    with pytest.raises(ConfigError) as caught:
        make_config({**MINIMAL, "features": {"use": [{"kind": "word"}]}}, [override])
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["data.dev={holdout: 0.1}", "training.class_weights={A: 2.0}", "training.threads=2"],
        ["data.dev=[a, b]", "model.hidden={activation: none}", "training.average=null"],
        ["task=tagging", "model.output=sigmoid", "training.optimizer={name: rmsprop}"],
        ["features.use=[{kind: char_cnn}, {kind: ngrams}]", "model.recurrence={directions: 1}"],
    ],
)
def test_written_configs_read_back(settings, tmp_path):
    config = make_config(MINIMAL, settings)
    path = tmp_path / "c.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert read_config(path) == config
    assert differences(config, read_config(path)) == []


def test_differences_name_the_key():
    before, now = make_config(MINIMAL), make_config(MINIMAL, ["training.epochs=3", "seed=2"])
    assert differences(before, now) == [
        "seed: 1 before, 2 now",
        "training.epochs: 10 before, 3 now",
    ]


def test_a_config_cannot_be_changed():
    config = make_config(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 2
