"""Runs that start from a trained model: what they keep, what they add, what they refuse."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf import Sentence
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError, DataError, ModelFileError, RunFolderError
from windowclf.network.reports import StepReport
from windowclf.pipeline.run import _config_digest
from windowclf.tagging.model_file import load_model

FROZEN = "training.optimizer={name: sgd, learning_rate: 1e-30}"  # so small that no number moves
PLAIN = "training={epochs: 1, word_dropout: 0}"


def after(steps: int):
    count = itertools.count(1)
    return lambda: next(count) >= steps


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def newer(folder: Path) -> str:
    """Text with a word, a name and a label that the tiny corpora lack, and without a DET."""
    sentences = [
        [("zebra", "NOUN"), ("eats", "VERB"), ("oh", "INTJ")],
        [("zebra", "NOUN"), ("hears", "VERB"), ("oh", "INTJ"), (".", "PUNCT")],
    ] * 6
    path = folder / "new.conll"
    return str(path) if path.exists() else corpora.write(path, corpora.conll(sentences))


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> tuple[dict, Path]:
    """(a config, the run folder of its model)."""
    folder = tmp_path_factory.mktemp("old")
    config = corpora.tagging(folder)
    windowclf.train(config)
    return config, folder / "run"


def continued(old, folder: Path, *settings: str, **how) -> tuple[windowclf.TrainingResult, Path]:
    config, run = old
    own = [
        f"data.train={newer(folder)}",
        f"output={folder / 'on'}",
        f"training.start_from={run}",
        *settings,
    ]
    return windowclf.train(config, own, **how), folder / "on"


def test_what_was_known_keeps_its_numbers_and_new_things_get_their_own(old, tmp_path):
    _, on = continued(old, tmp_path, FROZEN)
    before, now = load_model(old[1]), load_model(on)
    words, new = before.spec.vocabulary.values["word"], now.spec.vocabulary.values["word"]
    assert new == (*words, "oh", "zebra")
    assert "zebra" in now.spec.vocabulary.seen_forms >= before.spec.vocabulary.seen_forms
    assert now.spec.classes == ("ADJ", "DET", "INTJ", "NOUN", "PUNCT", "VERB")
    p, q = before.parameters, now.parameters
    np.testing.assert_array_equal(q["L.word"][: len(p["L.word"])], p["L.word"])
    assert 0.01 < q["L.word"][len(p["L.word"]) :].std() < 0.4
    for name in ("W", "b1"):
        np.testing.assert_array_equal(q[name], p[name])
    for name in ("U", "b2"):
        for i, label in enumerate(before.spec.classes):
            own = now.spec.vocabulary.class_of[label]
            np.testing.assert_array_equal(q[name][..., own], p[name][..., i])
    assert abs(q["b2"][2]) < 1e-9
    assert q["U"][:, 2].std() > 0


def test_it_learns_the_new_and_says_what_it_began_with(old, tmp_path):
    said: list[str] = []
    learn = corpora.LEARN.replace("{", f"{{start_from: {old[1]}, ", 1)
    no_dev = "data.dev=null"
    _, on = continued(old, tmp_path, learn, no_dev, listener=Heard(notice=said.append))
    tagger = windowclf.load(on)
    assert tagger.predict([["zebra", "eats", "oh"]]) == [["NOUN", "VERB", "INTJ"]]
    assert "DET" in tagger.classes
    (first,) = [each for each in said if each.startswith("starting from")]
    assert f"starting from {old[1]}/model.safetensors: values known: " in first
    assert "; labels added: INTJ. The optimizer starts afresh" in first


def test_of_the_same_data_nothing_is_added(old, tmp_path):
    config, run = old
    said: list[str] = []
    result = windowclf.train(
        config,
        [f"output={tmp_path}/on", f"training.start_from={run}/model.safetensors", FROZEN],
        listener=Heard(notice=said.append),
    )
    before, now = load_model(run), load_model(result.model_path)
    assert before.spec == now.spec
    for name, array in before.parameters.items():
        np.testing.assert_array_equal(now.parameters[name], array)
    assert "new: 0; no label added" in said[0]


NETWORKS = [
    *(("model.members=2", task) for task in corpora.TASKS),
    *(("model.output=crf", task) for task in ("tagging", "spans", "segmentation")),
    ("model.recurrence={directions: 2}", "tagging"),
    ("model.hidden={activation: none}", "slots"),
]


@pytest.mark.parametrize(("more", "task"), NETWORKS)
def test_every_task_and_output(tmp_path, task, more):
    config = corpora.TASKS[task](tmp_path)
    windowclf.train(config, [more, PLAIN])
    own = [more, PLAIN, f"output={tmp_path}/on", f"training.start_from={tmp_path}/run"]
    own += [f"data.replay={config['data']['train']}", "training.epochs=2"]
    windowclf.train(config, own, listener=Heard(stop=after(2)))
    windowclf.train(config, own, resume=True)
    whole = [*own, f"output={tmp_path}/whole"]
    windowclf.train(config, whole)
    assert corpora.digest(tmp_path / "on") == corpora.digest(tmp_path / "whole")
    assert corpora.log(tmp_path / "on") == corpora.log(tmp_path / "whole")


def test_an_entity_type_is_added(tmp_path):
    config = corpora.spans(tmp_path)
    windowclf.train(config, ["model.output=crf"])
    new = [Sentence(["near", "Acme", "Corp"], ["O", "B-ORG", "I-ORG"])] * 12
    windowclf.train(
        config,
        ["model.output=crf", f"output={tmp_path}/on", f"training.start_from={tmp_path}/run"],
        data={"train": new},
    )
    tagger = windowclf.load(tmp_path / "on")
    assert {"B-ORG", "B-PER", "B-LOC"} <= set(tagger.classes)


def test_labels_at_once(tmp_path):
    """Sets of labels grow; two classes in one logit do not."""
    config = corpora.small_config(tmp_path, "tagging", {})
    config["model"]["output"] = "sigmoid"

    def train(name: str, labels: list[str], *settings: str) -> Path:
        text = [Sentence(["a", "b", "c"], labels)] * 9
        own = [f"output={tmp_path / name}", *settings]
        return windowclf.train(config, own, data={"train": text}).model_path

    train("sets", ["X|Y", "Y", "_"])
    start = f"training.start_from={tmp_path}/sets"
    assert load_model(train("more", ["Z", "X", "Z"], start)).spec.classes == ("X", "Y", "Z")
    train("two", ["X", "Y", "Y"])
    start = f"training.start_from={tmp_path}/two"
    assert load_model(train("same", ["X", "X", "X"], start)).spec.classes == ("X", "Y")
    with pytest.raises(DataError, match=r"has one logit for two classes and .* \(X, Y, Z\)"):
        train("third", ["X", "Y", "Z"], start)


CHANGED = {
    "features.window=1": ("features.window", 2, 1),
    "model.hidden.units=9": ("model.hidden.units", 8, 9),
    "model.hidden={activation: none}": ("model.hidden.activation", "relu", "none"),
    "model.recurrence={directions: 2}": ("model.recurrence.directions", "none", 2),
    "model.output=crf": ("model.output", "softmax", "crf"),
    "model.members=2": ("model.members", 1, 2),
    "training.dtype=float64": ("training.dtype", "float32", "float64"),
    "features.use.0.dim=7": ("features.use.0.dim", 6, 7),
    "features.use.1.length=3": ("features.use.1.table", "suffix2", "suffix3"),
    "task=spans": ("task", "tagging", "spans"),
}


@pytest.mark.parametrize("setting", CHANGED)
def test_what_cannot_be_carried_on_is_named(old, tmp_path, setting):
    with pytest.raises(ConfigError) as raised:
        continued(old, tmp_path, setting)
    key, before, now = CHANGED[setting]
    assert str(raised.value) == (
        f"{key}: expected {before} as in {old[1]}/model.safetensors (training.start_from), found "
        f"{now}."
    )
    assert not (tmp_path / "on" / "config.yaml").exists()


def test_another_number_of_features_is_named(old, tmp_path):
    file = rf"{old[1]}/model\.safetensors"
    said = rf"features\.use: expected the 2 that {file} has .*: word, suffix2\), found 1\."
    with pytest.raises(ConfigError, match=said):
        continued(old, tmp_path, "features.use=[{kind: word, dim: 6}]")


def test_the_inside_scheme_is_named(tmp_path):
    config = corpora.spans(tmp_path)
    windowclf.train(config, [PLAIN])
    with pytest.raises(ConfigError, match=r"data\.inside: expected BIOES as in .*, found BIO\."):
        windowclf.train(
            config,
            ["data.inside=BIO", f"output={tmp_path}/on", f"training.start_from={tmp_path}/run"],
        )


def test_a_rarer_word_may_have_a_row_than_before(old, tmp_path):
    _, on = continued(old, tmp_path, "features.use.0.min_count=7")
    assert "zebra" in load_model(on).spec.vocabulary.values["word"]
    _, on = continued(old, tmp_path, "features.use.0.min_count=99", overwrite=True)
    assert "zebra" not in load_model(on).spec.vocabulary.values["word"]


def test_models_that_are_compressed_missing_or_its_own_are_refused(old, tmp_path):
    small = tmp_path / "small.safetensors"
    windowclf.compress(old[1], small)
    with pytest.raises(ModelFileError, match="is compressed; name the model that it was made from"):
        continued(old, tmp_path, f"training.start_from={small}")
    with pytest.raises(
        ModelFileError, match=r"^training\.start_from: .*: no model\.safetensors in"
    ):
        continued(old, tmp_path, f"training.start_from={tmp_path}")
    with pytest.raises(ModelFileError) as caught:
        continued(old, tmp_path, "training.start_from=nowhere")
    place = f"from the working directory that is {Path.cwd()}/nowhere."
    assert str(caught.value) == f"training.start_from: nowhere: no such file; {place}"
    before = sha256(old[1] / "model.safetensors")
    for output in (old[1], tmp_path / "link"):
        if not output.exists():
            output.symlink_to(old[1])
        with pytest.raises(ConfigError, match="is the model that this run would write"):
            continued(old, tmp_path, f"output={output}", overwrite=True)
    assert sha256(old[1] / "model.safetensors") == before


def test_the_model_says_what_it_was_made_from_and_the_first_is_left_alone(old, tmp_path):
    before = sha256(old[1] / "model.safetensors")
    _, on = continued(old, tmp_path, f"data.replay={old[0]['data']['train']}")
    facts = windowclf.info(on)
    assert facts["provenance"]["training.start_from"] == before
    assert facts["provenance"]["replay"] == sha256(Path(old[0]["data"]["train"]))
    assert sha256(old[1] / "model.safetensors") == before


def test_the_digest_of_a_config_is_as_it_was():
    tree = {"task": "tagging", "data": {"train": "t"}}
    plain = _config_digest(make_config(tree))
    assert plain == _config_digest(make_config(tree, ["training.start_from=a"]))
    assert plain == _config_digest(make_config(tree, ["training.replay_share=2"]))
    replay = ["training.start_from=a", "data.replay=b"]
    one, two = (make_config(tree, [*replay, f"training.replay_share={n}"]) for n in (1, 2))
    assert len({plain, _config_digest(one), _config_digest(two)}) == 3


def test_resuming_is_refused_once_the_first_model_has_changed(old, tmp_path):
    config, run = old
    first = tmp_path / "first.safetensors"
    first.write_bytes((run / "model.safetensors").read_bytes())
    own = [f"output={tmp_path}/on", f"training.start_from={first}"]
    windowclf.train(config, own, listener=Heard(stop=after(2)))
    other = windowclf.train(config, ["seed=5", f"output={tmp_path}/other"]).model_path
    first.write_bytes(other.read_bytes())
    with pytest.raises(RunFolderError, match=r"training\.start_from: the files have changed"):
        windowclf.train(config, own, resume=True)
    first.write_bytes((run / "model.safetensors").read_bytes())
    said: list[str] = []
    assert not windowclf.train(config, own, resume=True, listener=Heard(notice=said.append)).stopped
    assert not any("starting from" in each for each in said)


def test_new_text_without_labels_is_refused_whatever_is_known(old, tmp_path):
    config, run = old
    own = [f"output={tmp_path}/on", f"training.start_from={run}"]
    with pytest.raises(DataError, match="<train>: no token has a label"):
        windowclf.train(config, own, data={"train": [Sentence(["a"])]})
    old_text = {"replay": [Sentence(["a"], ["DET"])]}
    with pytest.raises(DataError, match="<train>: no token has a label"):
        windowclf.train(config, own, data={"train": [Sentence(["a"])], **old_text})
    with pytest.raises(DataError, match="<train>: no sentence found"):
        windowclf.train(config, own, data={"train": [], **old_text})
    with pytest.raises(DataError, match="<replay>: no sentence found"):
        windowclf.train(config, own, data={"train": [Sentence(["a"], ["DET"])], "replay": []})
    with pytest.raises(DataError, match="<train>: every label is a number with decimals"):
        windowclf.train(config, own, data={"train": [Sentence(["a"], ["0.5"])], **old_text})


def steps_of(old, folder: Path, *settings: str, **how) -> list[StepReport]:
    found: list[StepReport] = []
    listener = Heard(report=lambda r: found.append(r) if isinstance(r, StepReport) else None)
    continued(old, folder, *settings, listener=listener, **how)
    return found


@pytest.mark.parametrize("share", [None, 0.5, 2])
def test_replay_adds_its_share_of_tokens(old, tmp_path, share):
    replay = [f"data.replay={old[0]['data']['train']}"]
    replay += [f"training.replay_share={share}"] if share else []
    plain = steps_of(old, tmp_path)[-1]
    last = steps_of(old, tmp_path, *replay, overwrite=True)[-1]
    assert last.tokens == pytest.approx(last.total_tokens, rel=0.05)
    assert last.tokens <= last.total_tokens
    assert last.tokens == pytest.approx((1 + (share or 1)) * plain.tokens, rel=0.15)


def test_replayed_words_are_learnt_and_replay_in_memory_is_that_of_the_file(old, tmp_path):
    config, run = old
    own = [f"training.start_from={run}", f"data.train={newer(tmp_path)}"]
    text = [Sentence(["yak", "eats"], ["NOUN", "VERB"])] * 4
    file = corpora.write(
        tmp_path / "r.conll", corpora.conll([[("yak", "NOUN"), ("eats", "VERB")]] * 4)
    )
    a, b = [*own, f"output={tmp_path}/a"], [*own, f"output={tmp_path}/b"]
    windowclf.train(config, [*a, f"data.replay={file}"])
    windowclf.train(config, b, data={"replay": text})
    one, other = load_model(tmp_path / "a"), load_model(tmp_path / "b")
    assert "yak" in one.spec.vocabulary.seen_forms
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], array)
    with pytest.raises(RunFolderError, match=r"data\.replay: the files have changed"):
        windowclf.train(config, b, data={"replay": text[1:]}, resume=True)


def test_the_text_kept_on_the_disk_trains_the_same_model(old, tmp_path):
    replay = f"data.replay={old[0]['data']['train']}"
    _, memory = continued(old, tmp_path, replay)
    digest = corpora.digest(memory)
    said: list[str] = []
    for known in ("kept for later runs in", "taken from"):
        _, disk = continued(
            old, tmp_path, replay, "data.cache_above_mb=0", overwrite=True,
            listener=Heard(notice=said.append),
        )  # fmt: skip
        assert corpora.digest(disk) == digest
        assert any(known in each for each in said)
    _, disk = continued(old, tmp_path, "data.cache_above_mb=0", overwrite=True)
    assert corpora.digest(disk) != digest  # not what was kept with replay


def test_replay_without_a_model_to_start_from_is_refused(old, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.replay: expected null without training\.start_f"):
        windowclf.train(old[0], [f"data.replay={newer(tmp_path)}"])


def test_vectors_and_lists_go_on(tmp_path):
    """Vectors of words that the new file lacks stay; of a list that is another one hears."""
    vectors = corpora.write(tmp_path / "v.txt", "the 1 2\ncat 3 4\n")
    names = corpora.write(tmp_path / "names.txt", "cat\n")
    config = corpora.tagging(tmp_path)
    config["features"]["use"] += [
        {"kind": "vectors", "path": vectors},
        {"kind": "gazetteer", "path": names},
    ]
    windowclf.train(config, [PLAIN])
    own = [f"output={tmp_path}/on", f"training.start_from={tmp_path}/run"]
    other = corpora.write(tmp_path / "w.txt", "dog 5 6\nthe 9 9\n")
    more = corpora.write(tmp_path / "more.txt", "cat\ndog\n")
    said: list[str] = []
    windowclf.train(
        config,
        [*own, f"features.use.2.path={other}", f"features.use.3.path={more}"],
        listener=Heard(notice=said.append),
    )
    model = load_model(tmp_path / "on")
    rows, row_of = model.parameters["L.vectors"], model.spec.vocabulary.row_of["vectors"]
    shown = {word: rows[row_of[word]].tolist() for word in ("the", "cat", "dog")}
    assert shown == {"the": [1, 2], "cat": [3, 4], "dog": [5, 6]}
    assert any("the lists of the table gazetteer are not those of" in each for each in said)
    wide = corpora.write(tmp_path / "wide.txt", "the 1 2 3\n")
    with pytest.raises(ConfigError, match=r"features\.use\.2\.path: expected vectors of 2 numbers"):
        windowclf.train(config, [*own, f"features.use.2.path={wide}"], overwrite=True)
    with pytest.raises(ConfigError, match=r"features\.use\.2\.trained: expected false as in"):
        windowclf.train(config, [*own, "features.use.2.trained=true"], overwrite=True)


@pytest.mark.slow
def test_gradcheck_and_tune_take_such_a_config(old, tmp_path):
    config, run = old
    own = [f"training.start_from={run}", f"data.replay={config['data']['train']}"]
    assert all(check.passed for check in windowclf.gradcheck(config, own))
    tune = {"trials": 1, "rungs": [1], "space": {"training.l2": [0.1]}}
    own += [f"tune.output={tmp_path}/tune", f"output={tmp_path}/x"]
    result = windowclf.tune({**config, "tune": tune}, own, jobs=1)
    assert result.best is not None
    assert json.loads((tmp_path / "tune" / "search.json").read_text())["data"].keys() == {
        "train", "dev", "replay", "training.start_from"
    }  # fmt: skip


def test_a_replay_without_labels_is_refused(old, tmp_path):
    path = corpora.write(tmp_path / "bare.conll", "a\t-\nb\t-\n\n" * 3)
    with pytest.raises(DataError, match=r"bare\.conll: no token has a label"):
        continued(old, tmp_path, f"data.replay={path}")


def test_held_out_sentences_are_not_replayed(old, tmp_path):
    more = ["data.dev={holdout: 0.3}", f"data.replay={newer(tmp_path)}"]
    with pytest.raises(DataError, match=r"data\.replay: .* sentences that are held out stand in"):
        continued(old, tmp_path, *more)
