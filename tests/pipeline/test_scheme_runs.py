"""Runs on spans in every scheme: what is learnt is the same, and answers are in the files' own."""

from __future__ import annotations

from pathlib import Path

import corpora
import numpy as np
import pytest

import windowclf
from windowclf.config.reading import make_config
from windowclf.errors import ConfigError
from windowclf.tagging.model_file import load_model
from windowclf.text.spans import is_label, to_spans

ALIASES = {"IOB2": "BIO", "IOBES": "BIOES", "BILUO": "BILOU"}


def run_in(folder: Path, scheme: str, *settings: str) -> windowclf.TrainingResult:
    """A run on the same spans, written in a scheme."""
    data = {"scheme": scheme}
    for seed, (name, count) in enumerate({"train": 40, "dev": 12}.items(), 1):
        sentences = corpora.in_scheme(corpora.span_sentences(count, seed), scheme)
        data[name] = corpora.write(folder / f"{name}-{scheme}.conll", corpora.conll(sentences))
    config = corpora.small_config(folder, "spans", data)
    return windowclf.train(config, ["training.epochs=6", f"output={folder}/{scheme}", *settings])


@pytest.mark.parametrize("output", ["softmax", "crf"])
@pytest.mark.parametrize("scheme", ["BILOU", "BMES", "BMEWO"])
def test_a_model_is_that_of_the_same_file_in_bioes(tmp_path, scheme, output):
    own = run_in(tmp_path, scheme, f"model.output={output}")
    bioes = run_in(tmp_path, "BIOES", f"model.output={output}")
    for name, array in load_model(bioes.model_path).parameters.items():
        np.testing.assert_array_equal(load_model(own.model_path).parameters[name], array)
    assert own.evaluations["dev"]["spans"] == bioes.evaluations["dev"]["spans"]
    assert own.evaluations["dev"]["macro"] == bioes.evaluations["dev"]["macro"]
    ours, theirs = windowclf.load(own.model_path), windowclf.load(bioes.model_path)
    text = [[token for token, _ in sentence] for sentence in corpora.span_sentences(12, 2)]
    answers = ours.predict(text)
    assert any(label.startswith(("U-", "S-", "W-")) for labels in answers for label in labels)
    for labels, same in zip(answers, theirs.predict(text), strict=True):
        assert all(is_label(label, scheme) for label in labels)
        assert to_spans(labels, scheme) == to_spans(same, "BIOES")
    assert windowclf.info(own.model_path)["scheme"] == scheme


@pytest.mark.parametrize("inside", ["BILOU", "BMES", "BMEWO"])
def test_what_is_learnt_inside_may_be_spelt_otherwise(tmp_path, inside):
    learning = "dropout: 0, input_dropout: 0, word_dropout: 0, optimizer: {learning_rate: 0.02}"
    training = f"training={{epochs: 20, batch_tokens: 40, {learning}}}"
    result = run_in(tmp_path, "BIO", f"data.inside={inside}", training)
    assert result.evaluations["dev"]["spans"]["f1"] > 0.9
    answers = windowclf.load(result.model_path).predict([["Ben", "Berg", "met", "Anna"]])
    assert answers == [["B-PER", "I-PER", "O", "B-PER"]]


@pytest.mark.parametrize(("alias", "scheme"), ALIASES.items())
def test_other_names_of_a_scheme(alias, scheme):
    config = make_config(
        {"task": "spans", "data": {"train": "x", "scheme": alias, "inside": alias}}
    )
    assert (config.data.scheme, config.data.inside) == (scheme, scheme)


@pytest.mark.parametrize(
    ("written", "near"), [("bilou", "BILOU"), ("BIOUL", "BILOU"), ("bio", "BIO")]
)
def test_a_scheme_in_small_letters_is_guessed(written, near):
    with pytest.raises(ConfigError, match=f"did you mean {near}"):
        make_config({"task": "spans", "data": {"train": "x", "scheme": written}})
