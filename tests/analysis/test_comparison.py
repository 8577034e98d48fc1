"""Two models side by side: figures and sentences by hand, then real models of different making."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import corpora
import numpy as np
import pytest
from command_line import run
from heard import Heard
from small import with_spec
from test_evaluation import Answers, sentence, trained

import windowclf
from windowclf.analysis.comparison import compare_taggers, shared_layout
from windowclf.errors import ModelFileError
from windowclf.tagging.model_file import load_model, save_model

TABLE = "features={use: [{kind: column, column: %s}]}"


def split(answers: list[str]) -> list[list[str]]:
    return [answer.split() for answer in answers]


def test_tagging_by_hand(learnt):
    """Of 6 labelled tokens A has 4 right and B 3; they differ in 3 of the labelled tokens.

    `sees`: neither; `zebra`: A; `a`: A; the last word has no gold label and does not count.
    """
    tagger = windowclf.load(learnt["tagging"])
    gold = [
        sentence("the cat sees zebra", "DET NOUN VERB NOUN"),
        sentence("a x", "DET -"),
        sentence("dog", "VERB"),
    ]
    ours = Answers(tagger, split(["DET NOUN NOUN NOUN", "DET DET", "NOUN"]))
    theirs = Answers(tagger, split(["DET NOUN ADJ VERB", "ADJ NOUN", "NOUN"]))
    found = compare_taggers(ours, theirs, gold)
    assert found["model"]["accuracy"] == 4 / 6
    assert found["against"]["accuracy"] == 2 / 6
    assert found["differences"]["accuracy"]["difference"] == pytest.approx(2 / 6)
    assert list(found["differences"]) == ["accuracy"]
    assert found["sentences"] == {"differ": 2, "model_right": 1, "against_right": 0}
    assert found["tokens"] == {"differ": 3, "model_right": 2, "against_right": 0}
    assert found["differing"][1] == {
        "place": "<input>",
        "lines": [],
        "tokens": ["a", "x"],
        "gold": ["DET", None],
        "model": ["DET", "DET"],
        "against": ["ADJ", "NOUN"],
    }
    few = compare_taggers(ours, theirs, gold, most=1)
    assert few == found | {"differing": found["differing"][:1]}


def test_spans_have_a_difference_of_their_own(learnt):
    """A finds both spans (F1 1), B one of two and none wrong: 2·1/(1 + 2) = 2/3."""
    tagger = windowclf.load(learnt["spans"])
    gold = [sentence("Anna met Ben", "B-PER O B-PER")]
    ours = Answers(tagger, split(["B-PER O B-PER"]))
    theirs = Answers(tagger, split(["B-PER O O"]))
    row = compare_taggers(ours, theirs, gold)["differences"]["spans_f1"]
    assert row["difference"] == pytest.approx(1 / 3)
    assert row["interval"] == pytest.approx([1 / 3, 1 / 3])


def test_several_labels_are_compared_as_sets(tmp_path):
    words = list(corpora.TAGS)
    rows = [[(word, ("A|B", "A", "_")[i % 3]) for i, word in enumerate(words)]] * 4
    path = corpora.write(tmp_path / "m.conll", corpora.conll(rows))
    tagger = trained(corpora.tagging(tmp_path), f"data={{train: {path}}}", "model.output=sigmoid")
    gold = [sentence("the a", "B|A _")]
    found = compare_taggers(Answers(tagger, [["A|B", "_"]]), Answers(tagger, [["A", "_"]]), gold)
    assert found["tokens"] == {"differ": 1, "model_right": 1, "against_right": 0}
    assert found["differing"][0]["gold"] == ["A|B", "_"]
    assert found["differences"]["micro_f1"]["difference"] == pytest.approx(1 - 2 / 3)


@pytest.fixture(scope="module")
def entities(learnt, tmp_path_factory):
    """A good and a bad model of one corpus, and its dev file."""
    folder = tmp_path_factory.mktemp("entities")
    config = corpora.spans(folder)
    other = ["data.inside=BIO", "model.output=crf", "features.use=[{kind: shape}]"]
    bad = windowclf.train(config, ["training.epochs=1", f"output={folder}/bad", *other]).model_path
    return learnt["spans"], bad.parent, config["data"]["dev"]


def test_models_of_different_making(entities):
    """Both evaluations are what `evaluate` says alone; every sentence that differs is there."""
    good, bad, dev = entities
    found = windowclf.compare(good, bad, dev)
    assert found["model"] == windowclf.evaluate(good, dev)
    assert found["against"] == windowclf.evaluate(bad, dev)
    row = found["differences"]["spans_f1"]
    spans = found["model"]["spans"]["f1"], found["against"]["spans"]["f1"]
    assert row["difference"] == pytest.approx(spans[0] - spans[1])
    assert row["interval"][0] <= row["difference"] <= row["interval"][1]
    assert row["p"] < 0.01
    assert len(found["differing"]) == found["sentences"]["differ"] > 0
    first = found["differing"][0]
    tagger = windowclf.load(bad)
    assert tagger.predict([first["tokens"]]) == [first["against"]]
    assert first["place"] == f"{dev}:{first['lines'][0]}"


def test_members_against_one_network(tmp_path):
    """What is scored is the mean of the members, with its own temperature, compressed or not."""
    config = corpora.spans(tmp_path)
    config["output"] = str(tmp_path / "one")
    one = windowclf.train(config, ["training.epochs=2", "model.output=crf"]).model_path
    config["output"] = str(tmp_path / "two")
    two = windowclf.train(config, [corpora.LEARN, "model.output=crf", "model.members=2"]).model_path
    windowclf.compress(two, tmp_path / "small")
    dev = config["data"]["dev"]
    for decode in ("viterbi", "posterior"):
        found = windowclf.compare(one, two, dev, options=windowclf.TagOptions(decode=decode))
        assert found["model"] == windowclf.evaluate(
            one, dev, options=windowclf.TagOptions(decode=decode)
        )
        assert found["against"] == windowclf.evaluate(
            two, dev, options=windowclf.TagOptions(decode=decode)
        )
    small = windowclf.compare(two, tmp_path / "small", dev)
    assert small["tokens"]["differ"] == 0
    assert load_model(tmp_path / "small").temperature == load_model(two).temperature != 1


def test_a_model_that_does_not_keep_the_words_it_has_seen(entities, tmp_path):
    """The other's are there, and the table has rows for neither."""
    good, _, dev = entities
    model = load_model(good)
    without = replace(
        with_spec(model, vocabulary=replace(model.spec.vocabulary, seen=None)),
        compressed="float32",
    )
    save_model(tmp_path / "small", without)
    found = windowclf.compare(good, tmp_path / "small", dev)
    assert "seen" in found["model"]
    assert "seen" not in found["against"]
    code, out, err = run(["evaluate", str(good), dev, "--against", str(tmp_path / "small")])
    assert code == 0
    assert "seen words" not in out
    assert "seen and unseen are not split" in err


def test_a_dictionary_in_another_scheme_is_refused(entities, tmp_path):
    good, _, _ = entities
    model = load_model(good)
    listed = replace(model.spec, dictionary={"Oslo": ("B-LOC",)})
    assert shared_layout(model.spec, listed, "A", "B") == model.spec.layout
    other = replace(listed, layout=replace(model.spec.layout, scheme="BIOES"))
    with pytest.raises(ModelFileError, match="B: expected a dictionary of labels in the scheme of"):
        shared_layout(model.spec, other, "A", "B")


def test_on_the_command_line(entities):
    good, bad, dev = map(str, entities)
    code, out, err = run(["evaluate", good, dev, "--against", bad, "--json"])
    assert (code, err) == (0, "")
    assert json.loads(out) == windowclf.compare(good, bad, dev)
    code, out, err = run(["evaluate", good, dev, "--against", bad])
    assert (code, err) == (0, "")
    for part in (f"A  {good}", f"B  {bad}", "A − B", "spans f1", "A right", f"{dev}:"):
        assert part in out
    code, out, _ = run(["evaluate", good, dev, "--against", good])
    assert (code, "1.000" in out) == (0, True)
    assert f"{dev}:" not in out


def test_more_sentences_than_are_shown_are_counted(entities, tmp_path):
    good, bad, dev = map(str, entities)
    text = Path(dev).read_text(encoding="utf-8")
    many = corpora.write(tmp_path / "many.conll", 5 * (text + "\n"))
    _, out, _ = run(["evaluate", good, many, "--against", bad])
    differ = windowclf.compare(good, bad, many)["sentences"]["differ"]
    assert out.count(f"{many}:") == 20 < differ
    assert f"… and {differ - 20} more sentences; --json has all." in out


def test_models_that_read_different_columns(tmp_path):
    """The rows are read once, with the columns of both."""
    config = corpora.slots(tmp_path)
    models = [
        windowclf.train(config, [TABLE % column, f"output={tmp_path}/{column}"]).model_path
        for column in "ab"
    ]
    found = windowclf.compare(*models, config["data"]["dev"])
    assert found["model"] == windowclf.evaluate(models[0], config["data"]["dev"])
    assert found["against"] == windowclf.evaluate(models[1], config["data"]["dev"])
    assert set(found["differing"][0]["columns"]) == {"a", "b"}
    one, other = map(str, models)
    _, out, _ = run(["evaluate", one, config["data"]["dev"], "--against", other])
    assert "a=a" in out


def test_text_is_split_as_the_first_model_does(tmp_path):
    """`met.` is one token of white space, and two for the other tokenizer."""
    text = {"text": "Anna met. Ben", "spans": [{"start": 0, "end": 4, "label": "PER"}]}
    path = corpora.write(tmp_path / "t.jsonl", 8 * (json.dumps(text) + "\n"))
    config = corpora.small_config(tmp_path, "spans", {"train": path})
    models = [
        windowclf.train(config, [f"data.tokenizer={name}", f"output={tmp_path}/{name}"]).model_path
        for name in ("whitespace", "unicode")
    ]
    assert windowclf.compare(*models, path)["against"]["tokens"] == 8 * 3
    assert windowclf.compare(*reversed(models), path)["against"]["tokens"] == 8 * 4


def test_words(tmp_path):
    config = corpora.segmentation(tmp_path)
    models = [
        windowclf.train(config, [f"training.epochs={n}", f"output={tmp_path}/{n}"]).model_path
        for n in (1, 8)
    ]
    found = windowclf.compare(*models, config["data"]["dev"])
    assert set(found["differences"]) == {"accuracy", "words_f1"}


def test_columns_in_other_places_are_refused(learnt):
    one = load_model(learnt["tagging"]).spec
    moved = [replace(one, layout=replace(one.layout, extra={"pos": n})) for n in (2, 3)]
    assert shared_layout(one, moved[0], "A", "B").extra == {"pos": 2}
    with pytest.raises(ModelFileError, match=r"B: expected the column 'pos' at 2 as A does, found"):
        shared_layout(*moved, "A", "B")


def test_a_text_without_gold_labels_and_one_with_unknown_ones(entities, tmp_path):
    good, bad, _ = entities
    bare = corpora.write(tmp_path / "bare.conll", "Anna\t-\n")
    with pytest.raises(windowclf.DataError, match="no labelled token found; nothing to score"):
        windowclf.compare(good, bad, bare)
    odd = corpora.write(tmp_path / "odd.conll", "Anna\tB-ORG\nmet\tO\n")
    notices: list[str] = []
    found = windowclf.compare(good, bad, odd, listener=Heard(notice=notices.append))
    assert len(notices) == 2
    assert f"{odd}, for {good}, has labels that train lacks" in notices[0]
    assert np.isfinite(found["differences"]["spans_f1"]["p"])
