"""The figures of an evaluation on cases counted by hand, for every task."""

from __future__ import annotations

import json
import sys

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf.analysis.evaluation import evaluate_tagger, labels_unknown
from windowclf.commands import entry
from windowclf.system.machine import this_kind_of_machine
from windowclf.tagging.tagger import Prediction, Tagger
from windowclf.text.sentence import Sentence


class Answers:
    """A tagger that gives the labels it was told, nine times in ten sure of them."""

    def __init__(self, tagger: Tagger, labels: list[list[str]]):
        self.model, self.options = tagger.model, tagger.options
        self.labels = labels

    def tag(self, sentences, options):
        assert options.probabilities
        for sentence, labels in zip(sentences, self.labels, strict=True):
            yield Prediction(sentence, labels, certainty=np.full(len(labels), 0.9))


def evaluated(tagger: Tagger, gold: list[Sentence], answers: list[str]) -> dict:
    return evaluate_tagger(Answers(tagger, [answer.split() for answer in answers]), gold)


def sentence(tokens: str, labels: str) -> Sentence:
    """`-` stands for a token without a label."""
    return Sentence(tokens.split(), [None if la == "-" else la for la in labels.split()])


def trained(config: dict, *settings: str) -> Tagger:
    return windowclf.load(windowclf.train(config, ["training.epochs=1", *settings]).model_path)


def test_tagging(learnt):
    """5 labelled tokens, 3 right; `zebra` is unseen and wrong. Sentences: 2 of 4 and 1 of 1."""
    gold = [sentence("the cat sees zebra", "DET NOUN VERB NOUN"), sentence("a x", "DET -")]
    found = evaluated(windowclf.load(learnt["tagging"]), gold, ["DET NOUN NOUN VERB", "DET DET"])
    assert found == {
        "tokens": 5,
        "sentences": 2,
        "accuracy": 3 / 5,
        "seen": {"tokens": 4, "accuracy": 3 / 4},
        "unseen": {"tokens": 1, "accuracy": 0.0},
        "labels": {
            "DET": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2},
            "NOUN": {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2},
            "VERB": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        },
        "micro": {"precision": 3 / 5, "recall": 3 / 5, "f1": 3 / 5},
        "macro": {"precision": 1.5 / 3, "recall": 1.5 / 3, "f1": 1.5 / 3},
        "confusion": {
            "DET": {"DET": 2},
            "NOUN": {"NOUN": 1, "VERB": 1},
            "VERB": {"NOUN": 1},
        },
        "intervals": {"accuracy": [1 / 2, 1.0]},
        "calibration": found["calibration"],
    }
    assert found["calibration"]["error"] == pytest.approx(0.9 - 3 / 5)
    assert [each["tokens"] for each in found["calibration"]["bins"]] == [*[0] * 13, 5, 0]


def test_spans(learnt):
    """Gold PER 0–1, LOC 2–5, PER 0–2; found PER 0–1, LOC 2–4 (too short), PER 0–2, LOC 3–4."""
    gold = [
        sentence("Anna in New Town Bay", "B-PER O B-LOC I-LOC I-LOC"),
        sentence("Ben Berg left Oslo", "B-PER I-PER O O"),
    ]
    answers = ["B-PER O B-LOC I-LOC O", "B-PER I-PER O B-LOC"]
    found = evaluated(windowclf.load(learnt["spans"]), gold, answers)
    assert found["accuracy"] == 7 / 9
    assert found["spans"] == {
        "precision": 2 / 4,
        "recall": 2 / 3,
        "f1": 4 / 7,
        "support": 3,
        "types": {
            "LOC": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
            "PER": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2},
        },
    }
    assert "words" not in found
    low, high = found["intervals"]["spans_f1"]  # of the sentences: 1/2 and 2/3·…, one or both
    assert (low, high) == (pytest.approx(1 / 2), pytest.approx(2 / 3))
    assert low < 4 / 7 < high


def test_a_span_found_where_nobody_looked_is_no_error(learnt):
    """Tokens without a label are left out: gold PER 0–1 is found, LOC 1–2 does not count."""
    gold = [sentence("Anna Oslo left", "B-PER - O")]
    found = evaluated(windowclf.load(learnt["spans"]), gold, ["B-PER B-LOC O"])
    assert found["tokens"] == 2
    assert (found["spans"]["precision"], found["spans"]["recall"]) == (1.0, 1.0)
    assert list(found["spans"]["types"]) == ["PER"]


def test_segmentation(learnt):
    """Gold 我们|看见|猫, found 我们|看|见猫: one of three words, and one right of three found."""
    gold = [Sentence(list("我们看见猫"), ["B", "E", "B", "E", "S"])]
    found = evaluated(windowclf.load(learnt["segmentation"]), gold, ["B E S B E"])
    assert found["words"] == {"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3, "support": 3}
    assert found["accuracy"] == 2 / 5
    assert found["intervals"]["words_f1"] == pytest.approx([1 / 3, 1 / 3])
    assert "spans" not in found


def test_slots(learnt):
    tagger = windowclf.load(learnt["slots"])
    gold = [Sentence([""], ["same"]), Sentence([""], ["less"]), Sentence([""], [None])]
    found = evaluated(tagger, gold, ["same", "more", "less"])
    assert (found["tokens"], found["accuracy"]) == (2, 1 / 2)
    assert found["confusion"] == {"less": {"more": 1}, "same": {"same": 1}}


def test_several_labels_a_token(tmp_path):
    """Gold {A, B}, {}, {A}; found {A}, {}, {B}: of 2 found 1 is right, of 3 wanted 1 is found."""
    words = list(corpora.TAGS)
    labels = ("A|B", "A", "_", "B")
    rows = [[(word, labels[i % 4]) for i, word in enumerate(words)]] * 4
    corpora.write(tmp_path / "m.conll", corpora.conll(rows))
    config = corpora.tagging(tmp_path)
    tagger = trained(config, f"data={{train: {tmp_path}/m.conll}}", "model.output=sigmoid")
    found = evaluated(tagger, [sentence("the a cat", "B|A _ A")], ["A _ B"])
    assert found["exact"] == found["accuracy"] == 1 / 3
    assert found["micro"] == {"precision": 1 / 2, "recall": 1 / 3, "f1": 2 / 5}
    assert found["intervals"]["micro_f1"] == pytest.approx([2 / 5, 2 / 5])
    assert found["labels"]["A"] == {
        "precision": 1.0,
        "recall": 1 / 2,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "IO", "BIOES"])
def test_what_the_network_learns_inside_changes_no_gold(tmp_path, scheme):
    """Labels go to the inside scheme and back; the figures are of the files' own labels."""
    config = corpora.spans(tmp_path)
    result = windowclf.train(config, [corpora.LEARN, f"data.inside={scheme}"])
    found = result.evaluations["dev"]
    assert set(found["labels"]) == {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}
    assert found["spans"]["f1"] == 1.0
    assert windowclf.load(result.model_path).predict([["met", "Anna"]]) == [["O", "B-PER"]]


def test_evaluating_the_dev_file_again_gives_what_training_said(tmp_path):
    for task in corpora.TASKS:
        folder = tmp_path / task
        folder.mkdir()
        config = corpora.TASKS[task](folder)
        result = windowclf.train(config)
        again = windowclf.evaluate(result.model_path.parent, config["data"]["dev"])
        assert again == result.evaluations["dev"], task
        kept = json.loads((folder / "run" / "evaluation.json").read_text(encoding="utf-8"))
        assert kept.pop("machine") == this_kind_of_machine()
        assert kept == {"dev": json.loads(json.dumps(again))}


def test_a_label_that_train_lacks_is_said_and_counted_as_an_error(tmp_path):
    config = corpora.tagging(tmp_path)
    test = corpora.write(tmp_path / "test.conll", "the\tDET\ncat\tNEW\ndog\tNOVEL\n")
    notices: list[str] = []
    result = windowclf.train(config, [f"data.test={test}"], listener=Heard(notice=notices.append))
    sentence = "has labels that train lacks, counted as errors: NEW, NOVEL."
    assert notices == [f"test {sentence}"]
    found = result.evaluations["test"]
    assert (found["tokens"], found["labels"]["NEW"]["recall"]) == (3, 0.0)
    windowclf.evaluate(result.model_path, test, listener=Heard(notice=notices.append))
    assert notices[1:] == [f"{test} {sentence}"]


def test_a_label_in_another_half_of_the_scheme_is_known(learnt):
    """Spans are known by their type: I-PER at a start is strange but not unknown."""
    spec = windowclf.load(learnt["spans"]).model.spec
    assert labels_unknown(spec, ["O", "I-PER", "B-LOC"]) == []
    assert labels_unknown(spec, ["B-ORG", "O", "I-PER"]) == ["B-ORG"]


def test_json_on_the_command_line(learnt, monkeypatch, capsys):
    model = learnt["spans"]
    dev = str(model.parent / "dev.conll")
    command = ["windowclf", "evaluate", str(model), dev]
    monkeypatch.setattr(sys, "argv", [*command, "--json"])
    with pytest.raises(SystemExit, match="0"):
        entry.main()
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == windowclf.evaluate(model, dev)
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match="0"):
        entry.main()
    table = capsys.readouterr().out
    assert "spans f1" in table
    assert "95 % interval" in table
    assert "calibration error" in table
    assert "certainty" not in table
    assert "PER" in table
    monkeypatch.setattr(sys, "argv", [*command, "--calibration"])
    with pytest.raises(SystemExit, match="0"):
        entry.main()
    with_bins = capsys.readouterr().out.splitlines()
    (head,) = [line for line in with_bins if line.startswith("certainty")]
    assert head.split() == ["certainty", "tokens", "mean", "accuracy"]
    assert [line for line in with_bins if line in table.splitlines()] == table.splitlines()
