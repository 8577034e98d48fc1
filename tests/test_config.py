"""The config: defaults, overrides, round trips, and a sentence for every mistake."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from windowclf.config.reading import differences, dump_config, make_config, read_config
from windowclf.errors import ConfigError

MINIMAL = {"task": "spans", "data": {"train": "t.conll"}}
FAULTS = [
    ("task: span\ndata: {train: x}", "task: expected tagging, spans, segmentation or slots, found 'span'; did you mean spans?"),
    ("data: {train: x}", "task: missing; every config needs it."),
    ("task: spans", "data: missing; every config needs it."),
    ("task: spans\ndata: {}", "data.train: missing; expected a path, a glob or a list of them."),
    ("task: spans\ndata: {train: []}", "data.train: expected a path, a glob or a list of them, found an empty list."),
    ("task: spans\ndata: {train: 3}", "data.train: expected a path, a glob or a list of them, found 3."),
    ("task: spans\ndata: x", "data: expected keys and values, found 'x'."),
    ("task: spans\ndata: {train: x, dev: {holdout: 2}}", "data.dev.holdout: expected a number below 1, found 2."),
    ("task: spans\ndata: {train: x, scheme: BIOE}", "data.scheme: expected BIO, IOB1, IO or BIOES, found 'BIOE'; did you mean BIOES?"),
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
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: wrd}]}", "features.use.0.kind: expected word, lower, prefix, suffix, shape, ngrams, column or char_cnn, found 'wrd'; did you mean word?"),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{dim: 3}]}", "features.use.0: missing the key kind, which says what the others mean."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word}, {kind: word}]}", "features.use.1: the same as features.use.0; remove one of them."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word, table: a, dim: 3}, {kind: lower, table: a}]}", "features.use.1: shares the table 'a' with features.use.0, which needs the same dim and rows of values; give one of them another table."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: word, table: a, dim: 32}, {kind: lower, table: a, min_count: 5}]}", "features.use.1.min_count: expected 2 as in features.use.0, whose table it shares, found 5."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: column, column: pos}]}", "features.use.0.column: 'pos' is no name of data.extra; add it there."),
    ("task: spans\ndata: {train: x}\nfeatures: {use: [{kind: ngrams, min: 4, max: 2}]}", "features.use.0: expected min <= max, found min 4 and max 2."),
    ("task: spans\ndata: {train: x}\nfeatures: {window: -1}", "features.window: expected a number of at least 0, found -1."),
    ("task: slots\ndata: {train: x.csv}", "features.use: missing; task: slots needs a feature of kind column for each slot."),
    ("task: spans\ndata: {train: x}\nmodel: {output: crf}", "model.output: expected softmax or sigmoid, found 'crf'."),
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


def test_many_aliases_do_not_run_away(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "a: &a [x]\n"
        + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcd", "bcde", strict=True)),
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="unknown key"):
        read_config(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="found a directory"):
        read_config(tmp_path)


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
