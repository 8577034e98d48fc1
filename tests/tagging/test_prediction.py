"""Laws of prediction: what the answer may depend on, and that the input comes back with it."""

from __future__ import annotations

import csv
import io
import json
import random

import corpora
import numpy as np
import pytest
from command_line import run

import windowclf
from windowclf.errors import DataError
from windowclf.network import members
from windowclf.tagging import blocks
from windowclf.tagging.decoding import Decoder
from windowclf.tagging.scores import WholeScores
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence

STRANGE = ["zebra", "🙂", "Ünseen", "e\u0301", "\u200d", "x" * 3000]
NETWORKS = {
    "float32": ("training.dtype=float32", 1e-4),
    "float64": ("training.dtype=float64", 1e-12),
    "no hidden layer": ("model.hidden={activation: none}", 1e-4),
    "no window": ("features.window=0", 1e-4),
    "recurrence": ("model.recurrence={directions: 2, truncate: 3}", 1e-4),
    "characters": ("features.use=[{kind: char_cnn, filters: 4}, {kind: ngrams, buckets: 9}]", 1e-4),
}


def some_sentences() -> list[list[str]]:
    rng = random.Random(7)
    pool = [*corpora.TAGS, *STRANGE]
    return [rng.choices(pool, k=n) for n in (1, 4, 60, 2, 9, 1, 33)]


@pytest.mark.parametrize(("setting", "tolerance"), NETWORKS.values(), ids=NETWORKS)
def test_alone_together_or_in_another_order(tmp_path, setting, tolerance):
    tagger = windowclf.load(windowclf.train(corpora.tagging(tmp_path), [setting]).model_path)
    sentences = some_sentences()
    labels, scores = tagger.predict(sentences), tagger.predict_proba(sentences)
    backwards = tagger.predict_proba(sentences[::-1])[::-1]
    for given, label, score, other in zip(sentences, labels, scores, backwards, strict=True):
        (alone,) = tagger.predict_proba([given])
        np.testing.assert_allclose(alone, score, rtol=tolerance)
        np.testing.assert_allclose(other, score, rtol=tolerance)
        assert tagger.predict([given]) == [label]
        assert score.shape == (len(given), len(tagger.classes))
        assert score.dtype == ("float64" if setting.endswith("float64") else "float32")
        np.testing.assert_allclose(score.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("block", [1, 2, 7, 40])
@pytest.mark.parametrize("directions", [0, 1])
def test_a_sentence_longer_than_a_block_is_cut_exactly(tmp_path, monkeypatch, block, directions):
    recurrence = f"{{directions: {directions}}}" if directions else "null"
    config = corpora.tagging(tmp_path)
    result = windowclf.train(
        config, ["training.dtype=float64", f"model.recurrence={recurrence}", "training.epochs=1"]
    )
    tagger = windowclf.load(result.model_path)
    sentences = some_sentences()
    whole = tagger.predict_proba(sentences)
    monkeypatch.setattr(blocks, "TOKENS_AT_ONCE", block)
    for cut, expected in zip(tagger.predict_proba(sentences), whole, strict=True):
        np.testing.assert_allclose(cut, expected, rtol=1e-12)


def test_a_token_sees_its_window_and_nothing_else(learnt):
    """Two tokens on either side: a change three tokens away changes nothing."""
    tagger = windowclf.load(learnt["tagging"])
    words = ["the", "cat", "sees", "a", "small", "dog", "."]
    (before,) = tagger.predict_proba([words])
    (after,) = tagger.predict_proba([[*words[:6], "zebra"]])
    changed = (before != after).any(axis=1)
    assert not changed[:4].any()
    assert changed[4:].all()


def test_no_sentence_sees_its_neighbour(learnt):
    tagger = windowclf.load(learnt["tagging"])
    (alone,) = tagger.predict_proba([["cat"]])
    beside = tagger.predict_proba([["eats", "the"], ["cat"], ["the", "zebra"]])[1]
    np.testing.assert_allclose(beside, alone, rtol=1e-5)


def test_empty_inputs(learnt):
    for task in ("tagging", "spans", "segmentation"):
        tagger = windowclf.load(learnt[task])
        assert tagger.predict([]) == []
        assert tagger.predict_proba([[]])[0].shape == (0, len(tagger.classes))
        assert tagger.predict_text("") == tagger.predict_text(" \n\t\n") == []
        for format_ in ("conll", "conllu", "jsonl", "text"):
            assert run(["predict", str(learnt[task]), "--format", format_]) == (0, "", "")


def test_predict_text_of_every_task(learnt):
    text = "the  cat\nsees 🙂."
    spans = windowclf.load(learnt["tagging"]).predict_text(text)
    assert [text[s.start : s.end] for s in spans] == ["the", "cat", "sees", "🙂", "."]
    assert [s.label for s in spans[:3]] == ["DET", "NOUN", "VERB"]

    text = "🙂 met Ben Berg in New Town Bay"
    found = windowclf.load(learnt["spans"]).predict_text(text)
    shown = [(s.start, s.end, s.label, s.text) for s in found]
    assert (6, 14, "PER", "Ben Berg") in shown
    assert (18, 30, "LOC", "New Town Bay") in shown
    assert all(0 < s.score <= 1 for s in found)

    text = "我们看见猫\n小鸟"
    words = windowclf.load(learnt["segmentation"]).predict_text(text)
    assert [text[s.start : s.end] for s in words] == ["我们", "看见", "猫", "小鸟"]
    assert {s.label for s in words} == {""}


def test_slots_take_mappings(learnt):
    tagger = windowclf.load(learnt["slots"])
    rows = [{"a": "a1", "b": "b1"}, {"b": "b2", "a": "a0"}, {"a": "a2", "b": "b0", "c": "?"}]
    assert tagger.predict(rows) == [["same"], ["less"], ["more"]]
    assert len(tagger.predict([{"a": "new", "b": ""}])[0]) == 1
    with pytest.raises(
        DataError, match="sentence 2: expected the column 'b', which the model reads"
    ):
        tagger.predict([rows[0], {"a": "a1"}])


@pytest.mark.parametrize("odd", [None, 3, 2.5, b"cat", ["cat"], float("nan")])
def test_what_is_no_text_is_no_token(learnt, odd):
    message = f"^sentence 2: expected text for each token, found {type(odd).__name__}[.]$"
    with pytest.raises(DataError, match=message):
        windowclf.load(learnt["tagging"]).predict([["cat"], ["the", odd]])
    with pytest.raises(DataError, match=message):
        windowclf.load(learnt["slots"]).predict([{"a": "", "b": ""}, {"a": odd, "b": "b1"}])
    assert windowclf.load(learnt["tagging"]).predict([[np.str_("cat")]]) == [["NOUN"]]


def test_a_string_is_no_sentence(learnt):
    with pytest.raises(DataError, match="sentence 1: expected a list of tokens, found a string"):
        windowclf.load(learnt["tagging"]).predict(["the cat"])


@pytest.mark.parametrize("format_", ["conll", "conllu", "jsonl"])
@pytest.mark.parametrize("task", ["tagging", "spans"])
def test_gold_labels_change_nothing(learnt, tmp_path, task, format_):
    """Garbage in the label field gives the same answers as the right labels."""
    make = corpora.tagged_sentences if task == "tagging" else corpora.span_sentences
    gold = make(8, 3)
    garbage = [[(token, "17") for token, _ in sentence] for sentence in gold]
    answers = []
    for name, sentences in (("gold", gold), ("garbage", garbage)):
        path = corpora.write(tmp_path / name, getattr(corpora, format_)(sentences))
        code, out, err = run(["predict", str(learnt[task]), path, "--format", format_])
        assert (code, err) == (0, "")
        answers.append([answer_of(line, format_) for line in out.splitlines()])
    assert answers[0] == answers[1]
    assert any(answers[0])


def answer_of(line: str, format_: str) -> object:
    """The answer in an output line, in the field of the task or in MISC for spans."""
    if format_ == "jsonl":
        return json.loads(line)["labels"]
    fields = line.split("\t")
    if format_ == "conll":
        return fields[-1]
    if len(fields) < 10:
        return ""
    return fields[9] if "Entity" in fields[9] else fields[3]


def test_conll_gets_a_column(learnt, tmp_path):
    lines = corpora.conll(corpora.tagged_sentences(6, 4))
    path = corpora.write(tmp_path / "x.conll", lines)
    _, out, _ = run(["predict", str(learnt["tagging"]), path])
    assert [row.rpartition("\t")[0] for row in out.splitlines()] == lines.splitlines()
    _, scored, _ = run(["predict", str(learnt["tagging"]), path, "--probabilities"])
    assert [row.rpartition("\t")[0] for row in scored.splitlines()] == out.splitlines()
    certainties = [float(row.rpartition("\t")[2]) for row in scored.splitlines() if row]
    assert all(1 / 5 < p <= 1 for p in certainties)


def test_conllu_differs_in_the_trained_field_alone(learnt, tmp_path):
    sentences = [[(t, "X") for t, _ in s] for s in corpora.tagged_sentences(6, 4)]
    before = corpora.conllu(sentences)
    path = corpora.write(tmp_path / "x.conllu", before)
    code, out, _ = run(["predict", str(learnt["tagging"]), path])
    assert code == 0
    answers = windowclf.load(learnt["tagging"]).predict([[t for t, _ in s] for s in sentences])
    labels = (label for answer in answers for label in answer)
    expected = []
    for line in before.splitlines():
        fields = line.split("\t")
        if len(fields) == 10 and fields[0].isdigit():
            fields[3] = next(labels)
        expected.append("\t".join(fields))
    assert out.splitlines() == expected


def test_jsonl_keeps_what_it_had(learnt, tmp_path):
    row = {"id": 7, "tokens": ["the", "cat"], "labels": ["X", "Y"], "note": "é"}
    path = corpora.write(tmp_path / "x.jsonl", json.dumps(row) + "\n")
    _, out, _ = run(["predict", str(learnt["tagging"]), path, "--probabilities"])
    found = json.loads(out)
    assert found.pop("labels") == ["DET", "NOUN"]
    assert found.pop("gold_labels") == ["X", "Y"]
    for row_of_token in found.pop("probabilities"):
        assert set(row_of_token) == {"DET", "NOUN", "VERB", "ADJ", "PUNCT"}
        assert sum(row_of_token.values()) == pytest.approx(1, abs=1e-5)
    assert found == {"id": 7, "tokens": ["the", "cat"], "note": "é"}


@pytest.mark.parametrize("separator", [",", "\t"])
def test_tables_keep_order_and_columns(learnt, tmp_path, separator):
    rows = ["note,b,a,label", '"x, y",b0,a2,?', ",b1,a1,", '"say ""hi""",b2,a0,9']
    name = {",": "x.csv", "\t": "x.tsv"}[separator]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(csv.reader(rows))
    path = corpora.write(tmp_path / name, buffer.getvalue())
    code, out, err = run(["predict", str(learnt["slots"]), path, "--probabilities"])
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out), delimiter=separator))
    assert [row["note"] for row in found] == ["x, y", "", 'say "hi"']
    assert [row["label"] for row in found] == ["?", "", "9"]
    assert [row["predicted"] for row in found] == ["more", "same", "less"]
    assert all(float(row[f"p_{row['predicted']}"]) > 1 / 3 for row in found)


def test_standard_input_and_output(learnt, tmp_path):
    model, text = str(learnt["tagging"]), "the cat\n\nsees\n"
    expected = "the/DET cat/NOUN\n\nsees/VERB\n"
    assert run(["predict", model], text) == (0, expected, "")
    assert run(["predict", model, "-", "--output", "-"], text) == (0, expected, "")
    target = tmp_path / "out.txt"
    assert run(["predict", model, "-", "-o", str(target)], text) == (0, "", "")
    assert target.read_text(encoding="utf-8") == expected
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]
    assert run(["predict", str(learnt["slots"])], "a,b\na1,b1\n")[1].splitlines() == [
        "a,b,predicted",
        "a1,b1,same",
    ]


def test_a_faulty_input_leaves_the_old_output(learnt, tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old", encoding="utf-8")
    code, _, err = run(["predict", str(learnt["tagging"]), "-o", str(target)], b"the cat\n\xff\n")
    assert (code, err.count("\n")) == (1, 1)
    assert target.read_text(encoding="utf-8") == "old"


def test_a_tagger_changes_nothing_in_its_model(learnt):
    tagger = windowclf.load(learnt["tagging"])
    before = {name: p.copy() for name, p in tagger.model.parameters.items()}
    tagger.predict(some_sentences())
    for name, p in tagger.model.parameters.items():
        np.testing.assert_array_equal(p, before[name])


def test_a_loaded_model_scores_as_the_network_does(learnt):
    """Prediction goes by distinct tokens and blocks; the softmax of its scores is the answer."""
    tagger = windowclf.load(learnt["tagging"])
    sentence = Sentence(["the", "cat", "sees"])
    (answer,) = tagger.tag([sentence], windowclf.TagOptions(probabilities=True))
    assert answer.probabilities is not None
    assert answer.certainty is not None
    best = answer.probabilities.argmax(axis=1)
    assert answer.labels == [tagger.classes[i] for i in best]
    np.testing.assert_array_equal(answer.certainty, answer.probabilities.max(axis=1))
    assert next(iter(tagger.tag([sentence]))).probabilities is None


def test_one_logit_for_two_classes(tmp_path):
    sentences = [[(t, "NO" if tag == "NOUN" else "YES") for t, tag in s] for s in CLASSIC]
    config = corpora.tagging(tmp_path)
    config["data"] = {"train": corpora.write(tmp_path / "t.conll", corpora.conll(sentences))}
    config["data"]["dev"] = config["data"]["train"]
    result = windowclf.train(config, ["model.output=sigmoid", corpora.LEARN])
    tagger = windowclf.load(result.model_path)
    assert (tagger.classes, tagger.model.spec.architecture.classes) == (("NO", "YES"), 1)
    assert result.evaluations["dev"]["accuracy"] == 1.0
    theta = np.array([[-3.0], [3.0]])
    (labels,) = Decoder(tagger.model).labels(WholeScores(theta), [Sentence(["a", "b"])])
    assert labels == ["NO", "YES"]
    certainty = next(
        tagger.tag([Sentence(["cat"])], windowclf.TagOptions(probabilities=True))
    ).certainty
    assert certainty is not None
    assert certainty[0] > 0.5


def test_several_labels_a_token(tmp_path):
    sets = {"NOUN": "A|B", "DET": "_", "VERB": "A", "ADJ": "B", "PUNCT": "C"}
    sentences = [[(t, sets[tag]) for t, tag in s] for s in CLASSIC]
    config = corpora.tagging(tmp_path)
    config["data"] = {"train": corpora.write(tmp_path / "t.conll", corpora.conll(sentences))}
    config["data"]["dev"] = config["data"]["train"]
    result = windowclf.train(config, ["model.output=sigmoid", corpora.LEARN])
    assert result.evaluations["dev"]["exact"] == 1.0
    tagger: Tagger = windowclf.load(result.model_path)
    assert tagger.classes == ("A", "B", "C")
    words = list(corpora.TAGS)
    (answer,) = tagger.tag([Sentence(words)], windowclf.TagOptions(probabilities=True))
    assert answer.labels == [sets[corpora.TAGS[word]] for word in words]
    assert answer.probabilities is not None
    assert answer.probabilities.shape == (len(words), 3)
    probabilities = members.probabilities(
        tagger.model.spec.architecture, tagger.model.parameters, np.zeros((1, 3)), np.array([1])
    )
    np.testing.assert_allclose(probabilities, 0.5)
    path = corpora.write(tmp_path / "x.conll", corpora.conll(sentences[:3]))
    assert run(["predict", str(result.model_path), path])[0] == 0


CLASSIC = corpora.tagged_sentences(60, 11)
