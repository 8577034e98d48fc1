"""Runs whose features name files of their own: lists of phrases and clusters."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import corpora
import numpy as np
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import ConfigError, DataError, ModelFileError, RunFolderError
from windowclf.system.tensor_file import pack_strings, read, to_bytes
from windowclf.tagging import blocks
from windowclf.tagging.model_file import load_model

LISTS = {"lists/PER.txt": "ben berg\nAnna\n", "lists/LOC.txt": "New Town Bay\nOslo\nBerg\n"}
CLUSTERS = "00\tmet\t9\n00\tleft\n01\tsaw\n01\tthen\n1\tin\n1\tnear\n"


def write_lists(folder: Path) -> None:
    (folder / "lists").mkdir()
    for name, text in LISTS.items():
        corpora.write(folder / name, text)
    corpora.write(folder / "clusters.tsv", CLUSTERS)


def listed(folder: Path) -> dict:
    """A spans run with every feature that is derived or looked up."""
    write_lists(folder)
    config = corpora.spans(folder)
    config["features"] = {
        "window": 1,
        "use": [
            {"kind": "gazetteer", "path": f"{folder}/lists/*.txt", "dim": 4},
            {"kind": "shape", "position": True, "dim": 3, "min_count": 1},
            {"kind": "cluster", "path": f"{folder}/clusters.tsv", "prefixes": [1, 0], "dim": 2},
        ],
    }
    config["training"] |= {"threads": 1}
    return config


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("listed")
    config = listed(folder)
    result = windowclf.train(config, [corpora.LEARN])
    assert result.best_score == 1.0
    return folder, config


def test_the_model_holds_what_it_looks_tokens_up_in(learnt, tmp_path):
    shutil.copytree(learnt[0] / "run", tmp_path / "run")
    tagger = windowclf.load(tmp_path / "run")
    text = ["saw", "NEW", "TOWN", "BAY", "near", "Ben", "Berg"]
    assert tagger.predict([text]) == [["O", "B-LOC", "I-LOC", "I-LOC", "O", "B-PER", "I-PER"]]
    assert "features.use.0" in windowclf.info(tmp_path / "run")["provenance"]
    corpora.write(tmp_path / "raw.txt", "met Oslo\nthen Ben Berg\n")
    code, out, err = run(["predict", str(tmp_path / "run"), str(tmp_path / "raw.txt")])
    assert (code, out, err) == (0, "met [Oslo](LOC)\nthen [Ben Berg](PER)\n", "")


def test_long_sentences_are_looked_at_as_wholes(learnt, monkeypatch):
    """A phrase across a cut, and the first and last token of a sentence in pieces."""
    tagger = windowclf.load(learnt[0] / "run")
    text = ("met New Town Bay in " * 7).split()
    whole = tagger.predict_proba([text])[0]
    for size in (2, 3, 8):
        monkeypatch.setattr(blocks, "TOKENS_AT_ONCE", size)
        np.testing.assert_allclose(tagger.predict_proba([text])[0], whole, atol=1e-6)


def test_the_cached_rows_give_the_same_answers(learnt):
    path = learnt[0] / "run"
    texts = [["Berg", "met", "Ben", "Berg"], ["Berg"], ["Oslo", "saw", "Berg"]]
    fast, slow = (
        windowclf.load(path),
        windowclf.load(path, options=windowclf.TagOptions(cache_mb=0)),
    )
    for one, other in zip(fast.predict_proba(texts), slow.predict_proba(texts), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("members", [1, 2])
def test_compressed_with_its_lists(tmp_path, members):
    """The lists are packed with the words, and kept whole where rows are left out."""
    config = listed(tmp_path)
    settings = [corpora.LEARN, f"model.members={members}"]
    model = windowclf.train(config, settings).model_path
    text = [["saw", "NEW", "TOWN", "BAY", "near", "Ben", "Berg"], ["x", "Oslo"]]
    windowclf.compress(model, tmp_path / "small")
    wanted, found = (windowclf.load(path) for path in (model, tmp_path / "small"))
    assert found.model.spec.vocabulary.lexicons == wanted.model.spec.vocabulary.lexicons
    assert found.predict(text) == wanted.predict(text)
    for one, other in zip(found.predict_proba(text), wanted.predict_proba(text), strict=True):
        np.testing.assert_allclose(one, other, atol=0.1)
    most = (tmp_path / "small").stat().st_size - 200
    windowclf.compress(model, tmp_path / "smaller", size=most)
    rest = load_model(tmp_path / "smaller")
    assert rest.spec.vocabulary.lexicons == wanted.model.spec.vocabulary.lexicons
    assert rest.spec.vocabulary.seen is None


def test_gradients(learnt):
    checks = windowclf.gradcheck(learnt[1])
    assert all(check.passed and check.error < 1e-7 for check in checks)
    assert {"L.gazetteer", "L.shape", "L.cluster1", "L.cluster.all"} <= {c.name for c in checks}


@pytest.mark.parametrize("setting", ["model.members=1", "model={members: 2, output: crf}"])
def test_stopped_and_resumed_anywhere(tmp_path, setting):
    config = listed(tmp_path)
    windowclf.train(config, [setting])
    own = [setting, f"output={tmp_path}/pieces"]
    for stop in itertools.cycle([1, 3]):
        calls = itertools.count(1)
        result = windowclf.train(
            config,
            own,
            resume=True,
            listener=Heard(stop=lambda calls=calls, stop=stop: next(calls) >= stop),
        )
        if not result.stopped:
            break
    assert corpora.digest(tmp_path / "pieces") == corpora.digest(tmp_path / "run")


def test_the_same_lists_in_another_place_give_the_same_bytes(tmp_path):
    config = listed(tmp_path)
    windowclf.train(config)
    (tmp_path / "lists").rename(tmp_path / "elsewhere")
    own = [f"features.use.0.path={tmp_path}/elsewhere/*.txt", f"output={tmp_path}/two"]
    config["features"]["use"][0]["path"] = f"{tmp_path}/elsewhere/*.txt"
    windowclf.train(config, own[1:])
    assert corpora.digest(tmp_path / "two") == corpora.digest(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "place"), [("lists/LOC.txt", "features.use.0"), ("clusters.tsv", "features.use.2")]
)
def test_a_run_is_not_continued_with_another_list(tmp_path, name, place):
    config = listed(tmp_path)
    windowclf.train(config, listener=Heard(stop=lambda: True))
    with (tmp_path / name).open("a") as file:
        file.write("new\tword\n")
    with pytest.raises(RunFolderError, match=f"{place}: the files have changed"):
        windowclf.train(config, resume=True)


def test_an_encoded_text_knows_its_lists(tmp_path):
    """The same text with another list is encoded anew; with the same lists it is not."""
    config = listed(tmp_path)
    said: list[str] = []

    def train(output):
        settings = [f"output={tmp_path}/{output}", "data.cache_above_mb=0", "training.epochs=1"]
        windowclf.train(config, settings, listener=Heard(notice=said.append), overwrite=True)

    for output in ("one", "two"):
        train(output)
    (tmp_path / "lists" / "PER.txt").write_text("Anna\n")
    train("three")
    kept = ["kept" if "kept for" in notice else "taken" for notice in said]
    assert kept == ["kept", "taken", "kept"]
    windowclf.train(config, [f"output={tmp_path}/memory", "training.epochs=1"])
    assert corpora.digest(tmp_path / "three") == corpora.digest(tmp_path / "memory")


def test_characters_in_a_segmentation(tmp_path):
    corpora.write(tmp_path / "words.txt", "\n".join(corpora.LEXICON) + "\n")
    config = corpora.segmentation(tmp_path)
    path = str(tmp_path / "words.txt")
    config["features"] = {"window": 1, "use": [{"kind": "gazetteer", "path": path}]}
    assert windowclf.train(config, [corpora.LEARN]).best_score == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"path": "nowhere/*.txt"},
            "features.use.0.path: no file matches 'nowhere/*.txt'; from the working directory",
        ),
        (
            {"path": "nowhere.txt"},
            "nowhere.txt: no such file; from the working directory that is /",
        ),
        ({"path": os.devnull}, f"{os.devnull}: no phrase found; expected at least one."),
        ({"kind": "cluster", "path": os.devnull}, f"{os.devnull}: no cluster found"),
    ],
)
def test_files_that_are_not_there(tmp_path, change, said):
    config = corpora.spans(tmp_path)
    config["features"] = {"use": [{"kind": "gazetteer", **change}]}
    with pytest.raises(DataError) as raised:
        windowclf.train(config)
    assert str(raised.value).startswith(said)


GAZETTEER = {"kind": "gazetteer", "path": "x"}
CLUSTER = {"kind": "cluster", "path": "x"}


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ([{"kind": "gazetteer"}], "features.use.0.path: missing"),
        ([GAZETTEER, GAZETTEER | {"path": "y"}], "use.1: shares the table 'gazetteer'"),
        ([GAZETTEER | {"table": "word"}, {"kind": "word"}], "use.1: shares the table 'word'"),
        ([CLUSTER, {"kind": "word", "table": "cluster4"}], "use.1: shares the table 'cluster4'"),
        ([CLUSTER, CLUSTER | {"prefixes": [9]}], "use.1: shares the table 'cluster'"),
        ([CLUSTER | {"prefixes": [4, 4]}], "use.0.prefixes: a length stands twice"),
        ([CLUSTER | {"prefixes": [-1]}], "prefixes.0: expected a number of at least 0, found -1"),
        (
            [GAZETTEER, {"kind": "column", "column": "@x"}],
            "use.1.column: names that begin with @ are kept",
        ),
    ],
)
def test_configs_that_do_not_fit(tmp_path, use, said):
    config = corpora.spans(tmp_path) | {"features": {"use": use}}
    config["data"] = config["data"] | {"extra": {"@x": 1}}
    with pytest.raises(ConfigError) as raised:
        windowclf.train(config)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("arrays", "change", "said"),
    [
        (pack_strings("lexicon.gazetteer", ["LOC\nb\na"]), None, "not in order"),
        (pack_strings("lexicon.cluster", []), None, "lexicon.cluster: a name or an entry is empty"),
        (pack_strings("lexicon.other", ["A\nb"]), None, "lexicon.other.ends is not expected"),
        ({}, lambda h: h["features"][2].pop("source"), "source does not go with"),
        ({}, lambda h: h["features"][1].pop("position"), "columns are not"),
        ({}, lambda h: h["features"][2].update(lower=True), "settings of another kind"),
        ({}, lambda h: h["features"][3].update(source="gazetteer"), "do not agree on what they"),
        ({}, lambda h: h["features"][3].update(length=-1), "length is -1"),
    ],
)
def test_models_whose_lists_do_not_fit(learnt, tmp_path, arrays, change, said):
    header, old, _ = read(learnt[0] / "run" / "model.safetensors", "model")
    if change:
        change(header)
    path = tmp_path / "m.safetensors"
    path.write_bytes(to_bytes("model", header, {**old, **arrays}))
    with pytest.raises(ModelFileError, match=said):
        load_model(path)


def test_a_model_without_lists_says_nothing_of_them(tmp_path):
    windowclf.train(corpora.tagging(tmp_path), ["training.epochs=1"])
    header, arrays, _ = read(tmp_path / "run" / "model.safetensors", "model")
    later = {"source", "lower", "position", "frozen"}
    assert not any(later & feature.keys() for feature in header["features"])
    assert not any(name.startswith("lexicon") for name in arrays)
    assert set(header["provenance"]) == {"train", "config"}
