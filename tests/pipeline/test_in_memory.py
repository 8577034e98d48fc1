"""Sentences in memory in place of files: the same models, the same scores, the same refusals."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf import Sentence
from windowclf.config.reading import make_config, read_config
from windowclf.errors import ConfigError, DataError
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.tagging.model_file import load_model, model_bytes


def in_memory(config: dict, **changes) -> tuple[dict, dict[str, list[Sentence]]]:
    """A config without the paths of its texts, and their sentences."""
    resolved = make_config(config)
    texts = texts_of(resolved)
    layout = layout_of(resolved, texts["train"])
    sentences = {name: list(text.read(layout)) for name, text in texts.items()}
    data = {key: value for key, value in config["data"].items() if key not in texts}
    return {**config, "data": {**data, "format": layout.format, **changes}}, sentences


def trained(config: dict, *overrides: str, **how) -> bytes:
    """The bytes of the model that a config gives, without the digests of what it was made from."""
    result = windowclf.train(config, overrides, **how)
    return model_bytes(replace(load_model(result.model_path), provenance={}))


@pytest.mark.parametrize("task", corpora.TASKS)
def test_sentences_train_the_model_of_their_files(task, tmp_path):
    config = corpora.TASKS[task](tmp_path)
    listed, sentences = in_memory(config)
    from_files = trained(config)
    assert from_files == trained(listed, f"output={tmp_path}/again", data=sentences)
    once = {name: iter(own) for name, own in sentences.items()}
    assert from_files == trained(listed, f"output={tmp_path}/once", data=once)


def test_a_text_in_memory_takes_the_place_of_one_text_of_a_config(tmp_path):
    config = corpora.tagging(tmp_path)
    _, sentences = in_memory(config)
    whole = trained(config)
    assert whole == trained(
        config, "data.dev=no.conll", data={"dev": sentences["dev"]}, overwrite=True
    )
    held_out = ["data.dev={holdout: 0.2}", "data.train=no.conll"]
    data = {"train": sentences["train"]}
    assert trained(config, held_out[0], overwrite=True) == trained(
        config, *held_out, data=data, overwrite=True
    )


def test_a_run_of_sentences_goes_on_with_the_same_sentences_alone(tmp_path):
    config, sentences = in_memory(corpora.spans(tmp_path))
    whole = trained(config, data=sentences)
    count = itertools.count(1)
    stop = Heard(stop=lambda: next(count) > 4)
    assert windowclf.train(config, data=sentences, listener=stop, overwrite=True).stopped
    first, *others = sentences["train"]
    other = replace(first, labels=["O"] * len(first.tokens))
    with pytest.raises(windowclf.RunFolderError, match=r"data\.train: the files have changed"):
        windowclf.train(config, data={**sentences, "train": [other, *others]}, resume=True)
    assert whole == trained(config, data=sentences, resume=True)


@pytest.mark.parametrize("task", corpora.TASKS)
def test_scores_of_sentences_are_those_of_their_file(task, learnt):
    run = learnt[task]
    config = read_config(run / "config.yaml")
    dev = texts_of(config)["dev"]
    tagger = windowclf.load(run)
    sentences = list(dev.read(tagger.model.spec.layout))
    from_file = windowclf.evaluate(run, dev.files)
    assert windowclf.evaluate(tagger, sentences) == from_file
    assert windowclf.evaluate(str(run), iter(sentences)) == from_file
    assert windowclf.evaluate(tagger, dev.files[0]) == from_file
    compared = windowclf.compare(run, tagger, sentences)
    assert compared["model"] == compared["against"] == from_file


def test_labels_in_another_scheme_are_turned(learnt):
    tagger = windowclf.load(learnt["spans"])
    tokens = ["Anna", "Berg", "saw", "Oslo"]
    bio = windowclf.evaluate(tagger, [Sentence(tokens, ["B-X", "I-X", "O", "B-Y"])])
    bilou = [Sentence(tokens, ["B-X", "L-X", "O", "U-Y"])]
    assert windowclf.evaluate(tagger, bilou, overrides=["data.scheme=BILOU"]) == bio
    with pytest.raises(DataError, match=r"^DATA:1: expected a BIO label .*BILOU"):
        windowclf.evaluate(tagger, bilou)


WRONG = {
    "a list": (["a", "b"], "expected a windowclf.Sentence, found list."),
    "too few labels": (Sentence(["a", "b"], ["N"]), "expected a list of 2 in the labels"),
    "a number": (Sentence(["a", 3], ["N", "V"]), "expected text in the tokens, found int."),
    "a string": (Sentence("ab", ["N", "V"]), "expected a list of tokens, found str."),
    "no Unicode": (Sentence(["\ud800"], ["N"]), "expected text that UTF-8 can hold in the tokens"),
    "no label": (Sentence(["a"], ["-"]), "expected None for a token without a label, found '-'."),
    "a tab": (Sentence(["a"], ["N\t"]), "expected a label without tabs and line ends"),
    "a short column": (
        Sentence(["a"], ["N"], {"pos": []}),
        "expected a list of 1 in the column 'pos', one a token, found 0.",
    ),
}


@pytest.mark.parametrize(("sentence", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_sentence_is_named_by_its_number(sentence, said, tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {"extra": {"pos": 1}})
    if isinstance(sentence, Sentence) and not sentence.columns:
        sentence = replace(sentence, columns={"pos": ["x"] * len(sentence.tokens)})
    good = Sentence(["a"], ["N"], {"pos": ["x"]})
    with pytest.raises(DataError) as caught:
        windowclf.train(config, data={"train": [good, sentence, good, 3]})
    faults = caught.value.faults
    assert (faults[0].path, faults[0].line) == ("<train>", 2)
    assert str(faults[0]).startswith(f"<train>:2: {said}")
    assert str(faults[-1]) == "<train>:4: expected a windowclf.Sentence, found int."
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_characters_and_slots_are_held_to_their_shape(tmp_path):
    config = corpora.small_config(tmp_path, "segmentation", {})
    with pytest.raises(DataError, match="expected B, M, E or S for each character, found 'X'"):
        windowclf.train(config, data={"train": [Sentence(["a"], ["X"])]})
    config = corpora.small_config(tmp_path, "slots", {})
    with pytest.raises(DataError, match="expected one token, '', whose slots are columns, found 2"):
        windowclf.train(config, data={"train": [Sentence(["", ""], ["x", "y"])]})


def test_what_is_missing_or_has_another_name(tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {})
    with pytest.raises(
        TypeError, match="data: expected the keys train, dev, replay, test, found 'tset'"
    ):
        windowclf.train(config, data={"tset": []})
    with pytest.raises(ConfigError, match=r"data.train"):
        windowclf.train(config, data={"dev": [Sentence(["a"], ["N"])]})
    with pytest.raises(DataError, match="<train>: no sentence found"):
        windowclf.train(config, data={"train": []})
    with pytest.raises(DataError, match="<train>: no token has a label; are those the labels"):
        windowclf.train(config, data={"train": [Sentence(["a"])]})


def test_documents_in_memory_are_held_out_whole(tmp_path):
    config = corpora.small_config(tmp_path, "tagging", {"dev": {"holdout": 0.2}})
    sentences = [Sentence(["a", "b"], ["N", "V"], document=i // 4) for i in range(20)]
    notices: list[str] = []
    windowclf.train(config, data={"train": sentences}, listener=Heard(notice=notices.append))
    assert any("the last 1 of the 5 documents of train are held out, 4 of 20" in n for n in notices)


def test_the_config_of_the_run_says_that_its_texts_were_in_memory(tmp_path):
    config, sentences = in_memory(corpora.tagging(tmp_path))
    windowclf.train(config, data=sentences)
    saved = read_config(tmp_path / "run" / "config.yaml")
    assert (saved.data.train, saved.data.dev) == (("<train>",), ("<dev>",))
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["dev"]["tokens"] > 0


def test_arrays_are_lists(tmp_path):
    given = [windowclf.Sentence(np.array(["a", "b"]), np.array(["O", "B-X"]))] * 4
    lists = [windowclf.Sentence(["a", "b"], ["O", "B-X"])] * 4
    config = {"task": "spans", "training": {"epochs": 1}}
    found = []
    for name, train in (("arrays", given), ("lists", lists)):
        own = {**config, "output": f"{tmp_path}/{name}"}
        found.append(windowclf.train(own, data={"train": train, "dev": train}).model_path)
    assert found[0].read_bytes() == found[1].read_bytes()
    tagger = windowclf.load(found[0])
    assert tagger.predict(given) == tagger.predict(lists)
    assert windowclf.evaluate(tagger, given) == windowclf.evaluate(tagger, lists)


@pytest.mark.parametrize(
    "columns",
    [
        {"x": ["\ud800"]},
        {"x": [object()]},
        {"x": [b"a"]},
        {"x": np.array([1])},
        {1: ["a"]},
        {"x": ["a", "b"]},
    ],
)
def test_a_column_is_a_text_a_token_though_nobody_reads_it(tmp_path, columns):
    train = [windowclf.Sentence(["a"], ["A"], columns)] * 3
    with pytest.raises(DataError, match=r"<train>:1: expected .*column"):
        windowclf.train({"task": "tagging", "output": f"{tmp_path}/run"}, data={"train": train})


def test_data_of_a_wrong_kind_is_shown(tmp_path):
    with pytest.raises(TypeError, match=r"data: expected a mapping to .*found a mapping with"):
        windowclf.train({"task": "tagging"}, data={"train": 3})


def test_one_label_is_too_few_for_a_sigmoid(tmp_path):
    train = [windowclf.Sentence(["a", "b"], ["A", "A"])] * 3
    config = {"task": "tagging", "output": f"{tmp_path}/run", "model": {"output": "sigmoid"}}
    with pytest.raises(DataError, match=r"expected at least two labels for model.output: sigmoid"):
        windowclf.train(config, data={"train": train})
