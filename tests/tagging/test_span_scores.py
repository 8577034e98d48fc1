"""How probable a span is, and a label in the files' scheme: against all sequences, one by one."""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import replace

import corpora
import numpy as np
import pytest
from chance import every_path, models_of_chance, some_sentences
from command_line import run

import windowclf
from windowclf.network.kernels.segments import Grammar, Segments, segment_probabilities
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence
from windowclf.text.spans import to_spans

SCORED = windowclf.TagOptions(span_scores=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return models_of_chance(tmp_path_factory.mktemp("spans"))


@pytest.fixture(scope="module")
def in_io(tmp_path_factory):
    """Models for files in IO, in which spans of a type that adjoin are one."""
    return models_of_chance(tmp_path_factory.mktemp("io"), ("IO",))


def test_n_best_in_io_needs_a_network_that_learns_io(in_io):
    for (_, inside, output), model in in_io.items():
        if output == "crf" and inside == "IO":
            (paths,) = Tagger(model).n_best([["Anna", "met"]], 30)
            assert len({tuple(path.labels) for path in paths}) == len(paths) > 1
        elif output == "crf":
            with pytest.raises(windowclf.DataError, match=r"train with data\.inside: IO\.$"):
                Tagger(model).n_best([["Anna", "met"]], 3)


def test_scores_equal_enumeration(models, in_io):
    """Σ over the legal sequences with the span / Σ over all legal ones, whatever the schemes."""
    checked = 0
    for (scheme, *_), model in {**models, **in_io}.items():
        tagger = Tagger(model)
        sentences = [tokens for tokens in some_sentences(7, 60) if 0 < len(tokens) < 4]
        for answer in tagger.tag(map(Sentence, sentences), SCORED):
            tokens = answer.sentence.tokens
            paths = [
                (np.exp(score / model.temperature), set(to_spans(labels, scheme)))
                for score, labels in every_path(model, tokens, [()] * len(tokens))
            ]
            total = sum(weight for weight, _ in paths)
            spans = to_spans(answer.labels, scheme)
            wanted = [sum(w for w, own in paths if span in own) / total for span in spans]
            np.testing.assert_allclose(answer.span_scores, wanted, rtol=1e-6)
            checked += len(spans)
    assert checked > 200


def grammar(K: int) -> Grammar:
    """Labels O, B, I: I goes on after B and I."""
    follows = np.ones((K, K), bool)
    goes_on = np.zeros((K, K), bool)
    follows[0, 2] = False
    goes_on[1, 2] = goes_on[2, 2] = True
    every = np.ones(K, bool)
    return Grammar(np.array([True, True, False]), follows, every, goes_on)


def test_float64_to_nine_digits():
    rng = np.random.default_rng(2)
    lengths, g = np.array([4, 0, 1, 3]), grammar(3)
    theta, start, A, end = (rng.normal(size=s) * 3 for s in ((8, 3), 3, (3, 3), 3))
    columns = np.array([False, True, True])
    found, wanted = [], []
    for first, n in ((0, 4), (4, 1), (5, 3)):
        weights: dict[tuple[int, int], float] = {}
        total = 0.0
        for y in itertools.product(range(3), repeat=n):
            if not g.start[y[0]] or not all(g.follows[a, b] for a, b in itertools.pairwise(y)):
                continue
            weight = np.exp(
                start[y[0]]
                + end[y[-1]]
                + sum(theta[first + t, k] for t, k in enumerate(y))
                + sum(A[a, b] for a, b in itertools.pairwise(y))
            )
            total += weight
            for a, b, _ in to_spans(["O" if k == 0 else f"{'OBI'[k]}-X" for k in y], "BIO"):
                weights[a, b] = weights.get((a, b), 0.0) + weight
        for a, b in itertools.combinations(range(n + 1), 2):
            found.append((first + a, first + b, columns))
            wanted.append(weights.get((a, b), 0.0) / total)
    segments = Segments(*(np.array(part) for part in zip(*found, strict=True)))
    got = segment_probabilities(theta, lengths, start, A, end, g, segments)
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-15)


def test_scores_of_any_size_and_empty_sentences_at_the_end():
    """What is added to all scores of a token changes no probability."""
    rng, g = np.random.default_rng(4), grammar(3)
    lengths, zero = np.array([3, 2, 0]), np.zeros(3)
    theta, A = rng.normal(size=(5, 3)), rng.normal(size=(3, 3))
    columns = np.array([[False, True, True]] * 2)
    segments = Segments(np.array([0, 3]), np.array([2, 5]), columns)
    found = segment_probabilities(theta, lengths, zero, A, zero, g, segments)
    assert (found > 0).all()
    for much in (5000, -5000):
        moved = segment_probabilities(theta + much, lengths, zero, A, zero, g, segments)
        np.testing.assert_allclose(moved, found, rtol=1e-9)


def test_only_the_sentence_without_a_legal_sequence_is_named():
    g = grammar(3)._replace(
        start=np.array([False, True, False]), end=np.array([False, False, True])
    )
    segments = Segments(np.array([1]), np.array([3]), np.ones((1, 3), bool))
    zero, how = np.zeros(3), (np.zeros((3, 3)), np.array([1, 2]))
    with pytest.raises(NoPath) as none:
        segment_probabilities(*how, zero, np.zeros((3, 3)), zero, g, segments)
    assert none.value.sentences.tolist() == [0]


def test_a_sentence_without_a_legal_sequence_is_named():
    g = grammar(3)._replace(start=np.zeros(3, bool))
    segments = Segments(np.array([0]), np.array([1]), np.ones((1, 3), bool))
    zero = np.zeros(3)
    with pytest.raises(NoPath):
        segment_probabilities(
            np.zeros((2, 3)), np.array([2]), zero, np.zeros((3, 3)), zero, g, segments
        )


def test_texts_get_text_and_score(learnt):
    tagger = windowclf.load(learnt["spans"])
    texts = ["Anna met Ben Berg in Oslo saw New Town Bay", "", "met"]
    found = tagger.predict_texts(texts)
    assert found == [tagger.predict_text(text) for text in texts]
    for text, spans in zip(texts, found, strict=True):
        assert all(
            span.text == text[span.start : span.end] and 0 < span.score <= 1 for span in spans
        )
    assert {"Anna", "Ben Berg", "New Town Bay"} <= {span.text for span in found[0]}
    (word, *_) = windowclf.load(learnt["segmentation"]).predict_text("小鸟看见")
    assert (word.text, word.label) == ("小鸟", "")
    assert 0.5 < word.score <= 1
    (token,) = windowclf.load(learnt["tagging"]).predict_text("cat")
    ((own,),) = windowclf.load(learnt["tagging"]).predict_proba([["cat"]])
    assert token.score == pytest.approx(own.max())


def test_jsonl_gives_the_score(learnt, tmp_path):
    path = corpora.write(tmp_path / "x.jsonl", '{"text": "Anna met Ben Berg"}\n')
    code, out, _ = run(["predict", str(learnt["spans"]), path])
    spans = json.loads(out)["spans"]
    (wanted,) = windowclf.load(learnt["spans"]).predict_texts(["Anna met Ben Berg"])
    assert code == 0
    assert [span["score"] for span in spans] == [round(span.score, 6) for span in wanted]


def test_probabilities_are_of_the_labels_that_answers_have(models):
    for (scheme, inside, _), model in models.items():
        tagger = Tagger(model)
        sentences = [tokens for tokens in some_sentences(3) if tokens]
        shown = tagger.predict_proba(sentences)
        inner = tagger.predict_proba(sentences, inside=True)
        assert {la for labels in tagger.predict(sentences) for la in labels} <= set(tagger.classes)
        outside = tagger.inside_classes.index("O")
        for y_hat, own in zip(shown, inner, strict=True):
            assert y_hat.shape == (len(own), len(tagger.classes))
            np.testing.assert_allclose(y_hat.sum(axis=1), own.sum(axis=1), rtol=1e-5)
            np.testing.assert_allclose(y_hat[:, tagger.classes.index("O")], own[:, outside])
            assert (y_hat >= -1e-6).all()
        if (scheme, inside) == ("BIO", "BIOES"):
            column = {la: i for i, la in enumerate(tagger.inside_classes)}
            begins = own[:, column["B-PER"]] + own[:, column["S-PER"]]
            np.testing.assert_allclose(y_hat[:, tagger.classes.index("B-PER")], begins, rtol=1e-6)


@pytest.mark.parametrize("task", ["tagging", "spans", "slots"])
def test_the_largest_probability_is_the_answer(learnt, task):
    """But where that is no legal sequence, which is rare for a model that is sure."""
    tagger = windowclf.load(learnt[task])
    given = {
        "tagging": [[t for t, _ in s] for s in corpora.tagged_sentences(30, 2)],
        "spans": [[t for t, _ in s] for s in corpora.span_sentences(40, 1)],
        "slots": [{"a": "a1", "b": "b1"}],
    }[task]
    answers = zip(tagger.predict(given), tagger.predict_proba(given), strict=True)
    same = [
        tagger.classes[k] == label
        for labels, y_hat in answers
        for label, k in zip(labels, y_hat.argmax(axis=1), strict=True)
    ]
    assert np.mean(same) > 0.9


def test_one_logit_has_a_column_for_each_label(tmp_path):
    text = corpora.write(tmp_path / "t.conll", "cat\tYES\ndog\tNO\n\n" * 20)
    config = corpora.small_config(tmp_path, "tagging", {"train": text})
    tagger = windowclf.load(windowclf.train(config, ["model.output=sigmoid"]).model_path)
    (y_hat,) = tagger.predict_proba([["cat", "dog"]])
    assert (tagger.classes, y_hat.shape) == (("NO", "YES"), (2, 2))
    np.testing.assert_allclose(y_hat.sum(axis=1), 1, rtol=1e-6)
    code, _, err = run(["predict", str(tmp_path / "run"), text, "--probabilities"])
    assert (code, err) == (0, "")


def test_evaluation_says_how_far_span_scores_can_be_trusted(learnt):
    run_folder = learnt["spans"]
    found = windowclf.evaluate(run_folder, str(run_folder.parent / "dev.conll"))
    assert found["span_calibration"]["error"] < 0.05
    assert sum(each["spans"] for each in found["span_calibration"]["bins"]) > 10
    _, out, _ = run(["evaluate", str(run_folder), str(run_folder.parent / "dev.conll")])
    assert "calibration error of spans" in out


def test_scores_without_any_sense_give_no_warning(models):
    model = next(iter(models.values()))
    model.parameters["W"][...] = 3e38
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tagger = Tagger(model)
        tagger.predict([["Anna", "met"]])
        tagger.predict_proba([["Anna", "met"]])
        tagger.predict_text("Anna met")


SPELT = {"BILOU": str.maketrans("ES", "LU"), "BMEWO": str.maketrans("IS", "MW")}


def respelt(labels, scheme: str) -> list[str]:
    return [label[0].translate(SPELT.get(scheme, {})) + label[1:] for label in labels]


def test_bioes_in_other_letters_is_bioes(models):
    sentences = [tokens for tokens in some_sentences(3) if tokens]
    for (scheme, inside, _), model in models.items():
        if "BIOES" not in (scheme, inside):
            continue
        spec = model.spec
        within, files = ("BILOU" if inside == "BIOES" else inside), scheme
        if scheme == "BIOES":
            files = "BMEWO"
        names = tuple(respelt(spec.classes, within))
        other = replace(
            spec,
            inside=within,
            layout=replace(spec.layout, scheme=files),
            vocabulary=replace(spec.vocabulary, labels=names),
        )
        one, its = Tagger(model, SCORED), Tagger(replace(model, spec=other), SCORED)
        assert its.predict(sentences) == [respelt(own, files) for own in one.predict(sentences)]
        order = [its.classes.index(name) for name in respelt(one.classes, files)]
        for wanted, found in zip(
            one.predict_proba(sentences), its.predict_proba(sentences), strict=True
        ):
            np.testing.assert_array_equal(wanted, found[:, order])
        answers = zip(
            one.tag(map(Sentence, sentences)), its.tag(map(Sentence, sentences)), strict=True
        )
        for wanted, found in answers:
            np.testing.assert_array_equal(wanted.span_scores, found.span_scores)
