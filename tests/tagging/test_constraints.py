"""What is said of tokens beforehand: legal sequences, a dictionary, labels that are given."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from dataclasses import replace

import corpora
import numpy as np
import pytest
from chance import (
    SCHEMES,
    WORDS,
    every_path,
    is_legal,
    models_of_chance,
    scrambled,
    some_sentences,
)
from command_line import run
from heard import Heard
from hypothesis import given, settings
from hypothesis import strategies as st
from small import untrained, with_spec

import windowclf
from windowclf.errors import DataError, ModelFileError
from windowclf.tagging import blocks
from windowclf.tagging.decoding import Decoder
from windowclf.tagging.model_file import load_model, save_model
from windowclf.tagging.scores import WholeScores
from windowclf.tagging.tagger import Tagger
from windowclf.text.legality import span_states
from windowclf.text.sentence import Sentence
from windowclf.text.spans import from_spans, to_spans

CRF = "model.output=crf"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return models_of_chance(tmp_path_factory.mktemp("spans"))


# Legal sequences


def test_no_illegal_sequence_whatever_the_scores(models):
    for (scheme, _, _), model in models.items():
        decoder = Decoder(model)
        sentences = [Sentence(tokens) for tokens in some_sentences(3)]
        sizes = [len(s.tokens) for s in sentences]
        theta = np.random.default_rng(5).normal(size=(sum(sizes), model.spec.architecture.classes))
        for labels in decoder.labels(WholeScores(theta), sentences):
            assert is_legal(labels, scheme)


def test_words_are_legal_whatever_the_scores(tmp_path):
    for output in ("softmax", "crf"):
        config = corpora.segmentation(tmp_path)
        tagger = Tagger(scrambled(untrained(config, f"model.output={output}")))
        for labels in tagger.predict([list("图书馆看见小鸟的") * n for n in range(1, 9)]):
            legal = tagger.model.spec.legal
            path = [tagger.classes.index(label) for label in labels]
            assert legal.start[path[0]]
            assert legal.end[path[-1]]
            assert all(legal.transitions[a, b] for a, b in itertools.pairwise(path))


def test_a_legal_best_label_stays(models):
    """Where the best label of every token makes a legal sequence, that is the answer."""
    seen = 0
    for scheme, seed in itertools.product(SCHEMES, range(5)):
        tagger = Tagger(scrambled(models[scheme, scheme, "softmax"], seed))
        for tokens in filter(None, some_sentences(seed)):
            (y_hat,) = tagger.predict_proba([tokens])
            best = [tagger.classes[k] for k in y_hat.argmax(axis=1)]
            if is_legal(best, scheme):
                seen += 1
                assert tagger.predict([tokens]) == [best]
    assert 30 < seen < 700


@pytest.mark.parametrize("at_once", [1, 3, 7])
@pytest.mark.parametrize("inside", SCHEMES)
def test_a_long_sentence_in_stretches_has_the_same_labels(models, monkeypatch, inside, at_once):
    tagger = Tagger(models["BIO", inside, "softmax"])
    sentences = some_sentences(4, 30)
    given_too = [Sentence(t, [*[None] * (len(t) - 1), "B-PER"]) for t in sentences if t]
    whole = tagger.predict(sentences), tagger.predict(given_too, keep_labels=True)
    proba = tagger.predict_proba(sentences)
    monkeypatch.setattr(blocks, "TOKENS_AT_ONCE", at_once)
    assert (tagger.predict(sentences), tagger.predict(given_too, keep_labels=True)) == whole
    for one, other in zip(tagger.predict_proba(sentences), proba, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_a_long_sentence_of_spans_in_flat_memory(learnt):
    """The labels and their spans grow with it; scores, of 9 classes, and sums of scores do not."""
    tagger = windowclf.load(learnt["spans"])
    tokens = np.random.default_rng(1).choice(WORDS, 60_000).tolist()
    tagger.predict([tokens[:9000]])
    peaks = []
    for length in (20_000, 60_000):
        tracemalloc.start()
        (labels,) = tagger.predict([tokens[:length]])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert is_legal(labels, "BIO")
    assert peaks[1] - peaks[0] < 40_000 * 150


# A dictionary


def dictionary(folder, text, *settings):
    """Train on the spans corpus with a dictionary."""
    config = corpora.spans(folder)
    config["data"]["dictionary"] = corpora.write(folder / "words.tsv", text)
    return windowclf.train(config, ["training.epochs=1", *settings], overwrite=True)


@pytest.mark.parametrize("output", ["softmax", "crf"])
@pytest.mark.parametrize("inside", ["BIO", "BIOES"])
def test_a_dictionary_is_obeyed_and_kept(tmp_path, inside, output):
    settings = (f"data.inside={inside}", f"model.output={output}")
    result = dictionary(tmp_path, "met\tB-LOC\nOslo\tO B-PER\n\n?\tO\n", *settings)
    model = load_model(result.model_path)
    assert model.spec.dictionary == {"?": ("O",), "Oslo": ("B-PER", "O"), "met": ("B-LOC",)}
    tagger = Tagger(scrambled(model))
    sentences = some_sentences(2)
    for tokens, labels in zip(sentences, tagger.predict(sentences), strict=True):
        assert is_legal(labels, "BIO")
        for token, label in zip(tokens, labels, strict=True):
            assert label in model.spec.dictionary.get(token, (label,))
    assert set(itertools.chain(*tagger.predict(sentences))) > {"B-LOC", "I-PER"}


def test_a_model_without_one_has_the_same_bytes_as_before(tmp_path):
    windowclf.train(corpora.spans(tmp_path), ["training.epochs=1"])
    assert b"dictionary" not in (tmp_path / "run/model.safetensors").read_bytes()


def test_a_dictionary_counts_in_dev_scores(tmp_path):
    """With every name outside, dev has an F1 of 0 from the first epoch on."""
    names = {token for name in corpora.NAMES for token in name}
    text = "".join(f"{name}\tO\n" for name in names)
    dictionary(tmp_path, text, *["training.epochs=2"])
    assert [line["f1"] for line in corpora.log(tmp_path / "run")] == [0, 0]


FAULTS = {
    "Anna B-PER\n": "words.tsv:1: expected a word, a tab and its labels with single spaces",
    "Anna\t\n": "words.tsv:1: expected a word, a tab and its labels",
    "\tO\n": "words.tsv:1: expected a word, a tab and its labels",
    "Anna\tO\tO\n": "words.tsv:1: expected a word, a tab and its labels",
    "Anna\tO  B-PER\n": "words.tsv:1: expected a word, a tab and its labels",
    "Anna\tO\nBen\tB-PRE\n": "words.tsv:2: no training token has the label 'B-PRE'; the labels are",
    "Anna\tO\nAnna\tB-PER\n": "words.tsv:2: the word 'Anna' stands at ",
    "Anna\tO O\n": "words.tsv:1: the label 'O' stands twice.",
    "\n": "words.tsv: expected words with their labels, found none.",
    "".join(f"{w}\tO\n" for w in corpora.FILLERS) + "Oslo\tI-LOC\n": "dev.conll:",
}


@pytest.mark.parametrize(("text", "said"), FAULTS.items())
def test_faults_of_a_dictionary(tmp_path, text, said):
    with pytest.raises(DataError) as caught:
        dictionary(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/{said}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run/model.safetensors").exists()


def test_a_sentence_that_a_dictionary_leaves_no_path_is_named(tmp_path):
    result = dictionary(tmp_path, "Berg\tI-LOC\nthen\tO\n")
    path = corpora.write(tmp_path / "x.conll", "near\n\nin\nthen\nBerg\nmet\n")
    code, _, err = run(["predict", str(result.model_path), path])
    assert code == 1
    assert err == (
        f"{path}:5: expected a legal sequence of labels, found none up to the word 'Berg', which "
        "may only be I-LOC; mend the dictionary.\n"
    )


def test_where_a_dictionary_does_not_go(tmp_path):
    config = corpora.slots(tmp_path)
    config["data"]["dictionary"] = "x.tsv"
    with pytest.raises(windowclf.ConfigError, match=r"data\.dictionary: expected null for task: s"):
        windowclf.train(config)
    config = corpora.tagging(tmp_path)
    config["data"]["dictionary"] = corpora.write(tmp_path / "w.tsv", "cat\tNOUN\n")
    with pytest.raises(DataError, match=r"data\.dictionary: expected null for several labels"):
        windowclf.train(config, ["model.output=sigmoid"])


def test_another_dictionary_is_another_run(tmp_path):
    config = corpora.spans(tmp_path)
    config["data"]["dictionary"] = corpora.write(tmp_path / "words.tsv", "Anna\tO\n")
    windowclf.train(config, listener=Heard(stop=lambda: True))
    corpora.write(tmp_path / "words.tsv", "Anna\tB-PER\n")
    with pytest.raises(windowclf.RunFolderError, match=r"data\.dictionary: the files have changed"):
        windowclf.train(config, resume=True)


@pytest.mark.parametrize(
    "forged",
    [
        {"a": ("X",)},
        {"a": ("O", "O")},
        {"a": ()},
        {"a": ("",)},
        {"a": ("O", "")},
    ],
)
def test_a_forged_dictionary_is_refused(tmp_path, forged):
    model = load_model(dictionary(tmp_path, "Anna\tO\n").model_path)
    save_model(tmp_path / "forged", with_spec(model, dictionary=forged))
    with pytest.raises(ModelFileError, match="the dictionary has the labels"):
        load_model(tmp_path / "forged")


def test_equal_dictionaries_give_equal_bytes(tmp_path):
    first = dictionary(tmp_path, "Anna\tO B-PER\nOslo\tO\n").model_path.read_bytes()
    assert dictionary(tmp_path, "Oslo\tO\nAnna\tB-PER O\n").model_path.read_bytes() == first


# Labels that are given


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1), st.data())
def test_given_labels_stay_and_the_rest_is_the_best_around_them(models, length, seed, data):
    """Against all sequences, for every pair of schemes and both outputs."""
    scheme, inside, output = data.draw(st.sampled_from(sorted(models)))
    model = models[scheme, inside, output]
    rng = np.random.default_rng(seed)
    tokens = rng.choice(WORDS, length).tolist()
    known = sorted(set(span_states(model.spec.vocabulary.labels, inside, scheme).labels))
    labels = [str(rng.choice(known)) if rng.random() < 0.4 else None for _ in tokens]
    wanted = sorted(every_path(model, tokens, [la and (la,) for la in labels]), reverse=True)
    sentence = Sentence(tokens, labels)
    tagger = Tagger(model)
    if not wanted:
        with pytest.raises(DataError, match="expected a legal sequence of labels, found none"):
            tagger.predict([sentence], keep_labels=True)
        return
    (found,) = tagger.predict([sentence], keep_labels=True)
    assert [own or la for own, la in zip(labels, found, strict=True)] == found
    assert max(score for score, own in wanted if own == found) == pytest.approx(
        wanted[0][0], abs=1e-4
    )


@pytest.mark.parametrize("form", ["conll", "conllu", "jsonl"])
@pytest.mark.parametrize("task", ["tagging", "spans"])
def test_through_the_command_with_every_format(learnt, tmp_path, task, form):
    tagger = windowclf.load(learnt[task])
    make = corpora.tagged_sentences if task == "tagging" else corpora.span_sentences
    gold = make(20, 5)
    part = [
        [(t, la if i % 3 == 1 else "-") for i, (t, la) in enumerate(sentence)] for sentence in gold
    ]
    wrong = "PUNCT" if task == "tagging" else "B-LOC"
    part[3][0] = (part[3][0][0], wrong)
    text = getattr(corpora, form)(part)
    if form == "conllu":
        rows = [line.split("\t") for line in text.splitlines()]
        text = "".join("\t".join(turned(row, task)) + "\n" for row in rows)
    path = corpora.write(tmp_path / f"x.{form}", text)
    command = ["predict", str(learnt[task]), path, "--keep-labels"]
    code, out, err = run(command)
    assert (code, err) == (0, "")
    sentences = [
        Sentence([t for t, _ in s], [None if la == "-" else la for _, la in s]) for s in part
    ]
    wanted = tagger.predict(sentences, keep_labels=True)
    assert wanted[3][0] == wrong
    assert wanted != tagger.predict(sentences)
    if form == "jsonl":
        assert [json.loads(line)["labels"] for line in out.splitlines()] == wanted
    elif form == "conll":
        rows = [line.split("\t")[-1] for line in out.splitlines() if line]
        assert rows == list(itertools.chain(*wanted))
    else:
        place = (lambda f: f[3]) if task == "tagging" else (lambda f: f[9].split("=")[1])
        fields = [line.split("\t") for line in out.splitlines()]
        found = [place(f) for f in fields if len(f) == 10 and f[0].isdigit()]
        assert found == list(itertools.chain(*wanted))


def turned(row, task):
    """A row of CoNLL-U with its label in MISC for spans, and `_` for none."""
    if len(row) < 10 or not row[0].isdigit():
        return row
    label = row[3].replace("-", "_") if row[3] == "-" else row[3]
    if task == "tagging":
        return [*row[:3], label, *row[4:]]
    return [*row[:3], "_", *row[4:9], "_" if label == "_" else f"Entity={label}"]


def test_a_large_file_by_several_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("windowclf.pipeline.predict.SMALLEST_SHARED", 1)
    windowclf.train(corpora.spans(tmp_path), ["training.epochs=1", CRF])
    text = "Anna\tB-LOC\nmet\t-\nBen\t-\n\n" * 50
    path = corpora.write(tmp_path / "x.conll", text)
    command = ["predict", str(tmp_path / "run"), path, "--keep-labels", "--decode", "posterior"]
    alone = run(command)
    assert alone[0] == 0
    assert alone[1].count("Anna\tB-LOC\tB-LOC\n") == 50
    assert run([*command, "--jobs", "2"]) == alone
    path = corpora.write(tmp_path / "x.conll", f"{text}Anna\tO\nBen\tI-LOC\n")
    code, _, err = run([*command, "--jobs", "2"])
    assert (code, err) == (
        1,
        f"{path}:202: expected a legal sequence of labels, found none up to the word 'Ben', which "
        "may only be I-LOC; mend the labels that are given.\n",
    )


def test_given_labels_that_the_model_does_not_know(learnt, tmp_path):
    path = corpora.write(tmp_path / "x.conll", "Anna\tO\n\nBen\tB-ORG\n")
    command = ["predict", str(learnt["spans"]), path]
    assert run(command)[0] == 0
    code, _, err = run([*command, "--keep-labels"])
    assert code == 1
    assert err.startswith(
        f"{path}:3: expected a label that the model gives, to be kept, found 'B-ORG'; its labels "
    )
    with pytest.raises(DataError, match="sentence 1: expected 2 labels, one a token or None"):
        windowclf.load(learnt["spans"]).predict(
            [Sentence(["a", "b"], ["O"], path="sentence 1")], keep_labels=True
        )


def test_given_labels_outdo_the_dictionary(tmp_path):
    tagger = windowclf.load(dictionary(tmp_path, "Anna\tO\n").model_path)
    sentence = Sentence(["Anna", "Anna"], ["B-PER", None])
    assert tagger.predict([sentence], keep_labels=True) == [["B-PER", "O"]]
    assert tagger.predict([sentence]) == [["O", "O"]]


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_members_are_held_to_both(tmp_path, output):
    words = corpora.write(tmp_path / "words.tsv", "met\tB-PER I-PER\n")
    settings = [f"data.dictionary={words}", f"model.output={output}", "model.members=2"]
    model = windowclf.train(corpora.spans(tmp_path), [*settings, corpora.LEARN]).model_path
    tagger = windowclf.load(model)
    alone = tagger.predict([["Anna", "met", "Oslo"]])
    assert alone[0][1].endswith("-PER")
    sentence = Sentence(["Anna", "met", "Oslo"], [None, None, "I-LOC"])
    with pytest.raises(DataError, match="mend the labels that are given"):
        tagger.predict([sentence], keep_labels=True)
    sentence = Sentence(["Anna", "met", "Oslo"], [None, "B-LOC", "I-LOC"])
    assert tagger.predict([sentence], keep_labels=True)[0][1:] == ["B-LOC", "I-LOC"]
    windowclf.compress(model, tmp_path / "small")
    small = windowclf.load(tmp_path / "small")
    assert small.model.spec.dictionary == tagger.model.spec.dictionary
    assert small.predict([["Anna", "met", "Oslo"]]) == alone


def test_tables_and_two_classes_keep_theirs(learnt, tmp_path):
    path = corpora.write(tmp_path / "x.csv", "a,b,label\na1,b1,\na1,b1,less\n")
    code, out, _ = run(["predict", str(learnt["slots"]), path, "--keep-labels"])
    assert code == 0
    assert [line.rsplit(",", 1)[1] for line in out.splitlines()] == ["predicted", "same", "less"]

    text = "cat\tYES\ndog\tNO\n\n" * 20
    config = corpora.tagging(tmp_path) | {"output": str(tmp_path / "two")}
    config["data"] = {"train": corpora.write(tmp_path / "two.conll", text)}
    model = windowclf.train(config, ["model.output=sigmoid", corpora.LEARN]).model_path
    tagger = windowclf.load(model)
    assert tagger.model.spec.architecture.classes == 1
    sentence = Sentence(["cat", "dog"], ["NO", None])
    (answer,) = tagger.tag([sentence], windowclf.TagOptions(probabilities=True, keep_labels=True))
    assert answer.labels == ["NO", "NO"]
    assert answer.certainty[0] < 0.5 < answer.certainty[1]


def test_where_labels_cannot_be_kept(learnt, tmp_path):
    path = corpora.write(tmp_path / "x.txt", "我们 的\n")
    code, _, err = run(["predict", str(learnt["segmentation"]), path, "--keep-labels"])
    assert (code, err) == (
        1,
        "--keep-labels: expected labels of tokens, segmentation has words.\n",
    )
    tagger = windowclf.load(learnt["segmentation"])
    sentence = Sentence(list("我们的"), ["S", None, None])
    assert tagger.predict([sentence], keep_labels=True)[0][0] == "S"
    config = corpora.tagging(tmp_path) | {"output": str(tmp_path / "several")}
    model = windowclf.train(config, ["training.epochs=1", "model.output=sigmoid"]).model_path
    with pytest.raises(DataError, match="keep_labels: expected one label a token"):
        windowclf.load(model).predict([["cat"]], keep_labels=True)


# The n best, and decoding by marginals


def test_the_n_best_with_their_probabilities(models):
    for (scheme, _, output), model in models.items():
        if output != "crf":
            continue
        tagger = Tagger(model)
        for tokens in (["Anna", "met", "Oslo"], ["New"], []):
            (found,) = tagger.n_best([tokens], 5)
            assert found[0].labels == tagger.predict([tokens])[0]
            assert all(is_legal(path.labels, scheme) for path in found)
            if not tokens:
                assert found == [([], 1.0)]
                continue
            wanted = sorted(every_path(model, tokens, [()] * len(tokens)), reverse=True)[:5]
            assert [path.labels for path in found] == [labels for _, labels in wanted]
            ratios = [path.probability / found[0].probability for path in found]
            assert ratios == pytest.approx([np.exp(s - wanted[0][0]) for s, _ in wanted], rel=1e-3)
        (every,) = tagger.n_best([["Anna"]], 1000)
        assert sum(p for _, p in every) == pytest.approx(1.0, rel=1e-9)
        scores = np.exp([s / model.temperature for s, _ in every_path(model, ["Anna"], [()])])
        assert [p for _, p in every] == pytest.approx(
            sorted(scores / scores.sum(), reverse=True), rel=1e-6
        )


def test_the_n_best_through_the_command(tmp_path):
    windowclf.train(corpora.spans(tmp_path), ["training.epochs=2", CRF])
    rows = [{"tokens": ["Anna", "met"]}, {"tokens": []}, {"tokens": ["Oslo"], "labels": ["O"]}]
    path = corpora.write(tmp_path / "x.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    command = ["predict", str(tmp_path / "run"), path, "--n-best", "3"]
    code, out, err = run(command)
    assert (code, err) == (0, "")
    found = [json.loads(line) for line in out.splitlines()]
    for row in found[::2]:
        assert len(row["n_best"]) == 3
        assert row["n_best"][0]["labels"] == row["labels"]
        falling = [path["probability"] for path in row["n_best"]]
        assert falling == sorted(falling, reverse=True)
        assert 0 < sum(falling) <= 1 + 1e-9
    both = run([*command, "--probabilities"])[1]
    assert json.loads(both.splitlines()[0])["n_best"] == found[0]["n_best"]
    path = corpora.write(tmp_path / "x.jsonl", '{"text": "Anna met Ben."}\n')
    code, _, err = run(command)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f'{path}:1: expected "tokens" for the most probable label sequences')
    code, _, err = run([*command, "--format", "conll"])
    assert err == "--n-best: expected jsonl, which has a place for it, found conll.\n"


def test_the_n_best_with_a_temperature(models):
    """The same sequences; probabilities that are to one another as those before, to the 1/T."""
    for (*_, output), model in models.items():
        if output != "crf":
            continue
        cold, warm = Tagger(model), Tagger(replace(model, temperature=2.0))
        (before,), (after,) = (t.n_best([["Anna", "met", "Oslo"]], 5) for t in (cold, warm))
        assert [path.labels for path in after] == [path.labels for path in before]
        ratios = [path.probability / after[0].probability for path in after]
        assert ratios == pytest.approx(
            [(path.probability / before[0].probability) ** 0.5 for path in before], rel=1e-3
        )
        (every,) = warm.n_best([["Anna"]], 1000)
        assert sum(p for _, p in every) == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_posterior_decoding(models, temperature):
    for (scheme, _, output), same in models.items():
        if output != "crf":
            continue
        model = replace(same, temperature=temperature)
        tagger = Tagger(model, options=windowclf.TagOptions(decode="posterior"))
        sentences = some_sentences(6, 30)
        for tokens, labels in zip(sentences, tagger.predict(sentences), strict=True):
            assert is_legal(labels, scheme)
            if not 0 < len(tokens) < 4:
                continue
            (own,) = tagger.predict_proba([tokens], inside=True)
            best = max(score_of(own, path, model) for path in legal_paths_of(model, len(tokens)))
            found = max(
                score_of(own, path, model)
                for path in legal_paths_of(model, len(tokens))
                if outside(path, model) == labels
            )
            assert found == pytest.approx(best, rel=1e-5)


def legal_paths_of(model, length):
    names = model.spec.vocabulary.labels
    for path in itertools.product(names, repeat=length):
        if is_legal(list(path), model.spec.inside):
            yield list(path)


def outside(path, model):
    return from_spans(to_spans(path, model.spec.inside), len(path), model.spec.layout.scheme)


def score_of(marginals, path, model):
    own = [model.spec.vocabulary.class_of[label] for label in path]
    least = np.finfo(marginals.dtype).tiny
    return float(np.log(np.maximum(marginals, least))[np.arange(len(own)), own].sum())


def test_what_needs_a_crf(learnt):
    model = learnt["spans"]
    with pytest.raises(DataError, match=r"n-best: needs a model with model\.output: crf, found s"):
        windowclf.load(model).n_best([["Anna"]], 3)
    with pytest.raises(DataError, match=r"decode: posterior needs model\.output: crf, found soft"):
        windowclf.load(model, options=windowclf.TagOptions(decode="posterior"))
    code, _, err = run(
        ["evaluate", str(model), str(model.parent / "dev.conll"), "--decode", "posterior"]
    )
    assert (code, err) == (1, "decode: posterior needs model.output: crf, found softmax.\n")
