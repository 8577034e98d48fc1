"""Whole runs with a CRF: legal answers, marginals as probabilities, the same bytes after a stop."""

from __future__ import annotations

import itertools

import corpora
import numpy as np
import pytest
from heard import Heard

import windowclf
from windowclf.errors import ConfigError, DataError
from windowclf.text.legality import legal_transitions
from windowclf.text.sentence import Sentence

CRF = "model.output=crf"


def is_legal(labels: list[str], scheme: str) -> bool:
    names = tuple(dict.fromkeys(labels))
    legal = legal_transitions(names, scheme)
    path = [names.index(label) for label in labels]
    pairs = all(legal.transitions[a, b] for a, b in itertools.pairwise(path))
    return bool(not path or (legal.start[path[0]] and pairs and legal.end[path[-1]]))


@pytest.mark.parametrize("inside", ["BIO", "BIOES", "IO"])
def test_answers_are_legal_even_from_scores_of_chance(tmp_path, inside):
    config = corpora.spans(tmp_path)
    windowclf.train(config, [CRF, "training.epochs=1", f"data.inside={inside}"])
    tagger = windowclf.load(tmp_path / "run")
    p = tagger.model.parameters
    rng = np.random.default_rng(1)
    for name in ("U", "crf.start", "crf.transitions", "crf.end"):
        p[name] = rng.normal(scale=5, size=p[name].shape).astype(p[name].dtype)
    words = ["Anna", "Ben", "Berg", "met", "Oslo", "New", "Town", "?"]
    sentences = [rng.choice(words, n).tolist() for n in rng.integers(0, 12, 300)]
    for labels in tagger.predict(sentences):
        assert is_legal(labels, "BIO")


def test_probabilities_are_marginals_and_certainty_that_of_the_answer(tmp_path):
    windowclf.train(corpora.spans(tmp_path), [CRF, "training.epochs=2", "data.inside=BIO"])
    tagger = windowclf.load(tmp_path / "run")
    text = [["Anna", "met", "Ben", "Berg"], ["Oslo"]]
    for answer in tagger.tag(map(Sentence, text), windowclf.TagOptions(probabilities=True)):
        y_hat = answer.probabilities
        np.testing.assert_allclose(y_hat.sum(axis=1), 1, rtol=1e-5)
        own = [tagger.classes.index(label) for label in answer.labels]
        np.testing.assert_array_equal(answer.certainty, y_hat[np.arange(len(own)), own])


def test_words_of_a_segmentation(tmp_path):
    config = corpora.segmentation(tmp_path)
    result = windowclf.train(config, [CRF, corpora.LEARN])
    tagger = windowclf.load(result.model_path)
    assert result.evaluations["dev"]["words"]["f1"] > 0.9
    for labels in tagger.predict([list("图书馆看见小鸟"), list("猫"), []]):
        assert is_legal(labels, "BMES")


def test_stopped_and_resumed(tmp_path):
    config = corpora.spans(tmp_path)
    settings = [CRF, "model.recurrence={directions: 2}", "training.epochs=3"]
    windowclf.train(config, [*settings, f"output={tmp_path}/whole"])
    steps = itertools.count(1)
    windowclf.train(
        config, [*settings, f"output={tmp_path}/cut"], listener=Heard(stop=lambda: next(steps) == 4)
    )
    windowclf.train(config, [*settings, f"output={tmp_path}/cut"], resume=True)
    assert corpora.digest(tmp_path / "cut") == corpora.digest(tmp_path / "whole")


def test_what_a_crf_refuses(tmp_path):
    config = corpora.spans(tmp_path)
    with pytest.raises(ConfigError, match="class_weights: expected null"):
        windowclf.train(config, [CRF, "training.class_weights=balanced"])
    with pytest.raises(ConfigError, match="expected softmax or sigmoid for task: slots, found crf"):
        windowclf.train(corpora.slots(tmp_path), [CRF])
    with pytest.raises(DataError, match="at most 3 tokens for a network with recurrence or a CRF"):
        windowclf.train(config, [CRF, "prediction.longest_sentence=3"])
