"""The temperature and the reliability table: by hand, on made-up truth, and through whole runs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import corpora
import numpy as np
import pytest
from heard import Heard
from small import problem

import windowclf
from windowclf.analysis import reliability
from windowclf.analysis.evaluation import evaluate_tagger
from windowclf.analysis.reliability import Reliability
from windowclf.errors import ModelFileError
from windowclf.network import members
from windowclf.network.architecture import Architecture
from windowclf.network.kernels.activations import logistic
from windowclf.network.kernels.output import softmax
from windowclf.pipeline.reading import read_all
from windowclf.pipeline.run import Run
from windowclf.system.limits import TEMPERATURES
from windowclf.tagging.model_file import load_model, model_bytes, save_model
from windowclf.tagging.tagger import Tagger
from windowclf.tagging.temperature import fit_temperature
from windowclf.text.corpus import NO_CLASS
from windowclf.text.sentence import Sentence

N = 20_000


def chance(output: str, K: int = 4) -> tuple[Architecture, dict, np.ndarray]:
    """An architecture, chain scores and theta of N tokens."""
    a = replace(problem(output=output).architecture, classes=K)
    rng = np.random.default_rng(3)
    chain = {name: rng.normal(size=a.shapes()[name]) for name in a.shapes() if "crf" in name}
    return a, chain, rng.normal(scale=2, size=(N, K))


def whole(theta: np.ndarray) -> np.ndarray:
    """Lengths of sentences of five tokens."""
    return np.full(len(theta) // 5, 5)


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_softmax_finds_the_temperature_of_the_truth(truth):
    a, p, theta = chance("softmax")
    rng = np.random.default_rng(4)
    y = (softmax(theta).cumsum(axis=1) < rng.random((N, 1))).sum(axis=1)
    found = fit_temperature(a, p, (theta * truth).astype(np.float32), whole(theta), y)
    assert found == pytest.approx(truth, rel=0.03)


@pytest.mark.parametrize(("output", "K"), [("one", 1), ("many", 3)])
def test_sigmoid_finds_the_temperature_of_the_truth(output, K):
    a, p, theta = chance(output, K)
    y = (logistic(theta) > np.random.default_rng(5).random((N, K))).astype(np.int32)
    y[:100] = NO_CLASS
    assert fit_temperature(a, p, theta * 2, whole(theta), y) == pytest.approx(2, rel=0.03)


def test_a_chain_without_scores_is_a_softmax():
    a, p, theta = chance("crf")
    none = {name: np.zeros_like(scores) for name, scores in p.items()}
    y = np.random.default_rng(6).integers(-1, 4, N)
    plain = replace(a, output="softmax")
    found = fit_temperature(a, none, theta, whole(theta), y)
    assert found == pytest.approx(fit_temperature(plain, {}, theta, whole(theta), y), abs=2e-3)


def test_crf_marginals_of_the_gold_labels_surprise_least():
    """Labels from the marginals themselves: T = 1 is right, and its scores doubled need T = 2."""
    a, p, theta = chance("crf")
    marginals = members.probabilities(a, p, theta, whole(theta))
    rng = np.random.default_rng(7)
    y = (marginals.cumsum(axis=1) < rng.random((N, 1))).sum(axis=1).clip(0, 3)
    doubled = {name: 2 * scores for name, scores in p.items()}
    assert fit_temperature(a, doubled, 2 * theta, whole(theta), y) == pytest.approx(2, rel=0.03)
    np.testing.assert_allclose(
        members.probabilities(a, doubled, 2 * theta, whole(theta), 2.0), marginals
    )


def test_few_tokens_move_little_and_none_nothing():
    """Five tokens, all right: the likelihood alone would take T to its lower bound."""
    a, p, theta = chance("softmax")
    y = theta.argmax(axis=1)
    low, _ = TEMPERATURES
    few = fit_temperature(a, p, theta[:5], whole(theta[:5]), y[:5])
    assert 0.3 < few < 1
    assert fit_temperature(a, p, theta, whole(theta), y) < 2 * low
    assert fit_temperature(a, p, theta, whole(theta), np.full(N, NO_CLASS)) == 1.0


def test_the_least_surprise_with_one_observation_for_none():
    """The least of J(T) + (ln T)²/2N on a fine grid, N = 5, to four decimals."""
    a, p, theta = chance("softmax")
    theta, y = theta[:5], theta[:5].argmax(axis=1)
    grid = np.linspace(-2, 2, 8001)
    surprise = [
        -np.log(softmax(theta / np.exp(x))[np.arange(5), y]).mean() + x * x / 10 for x in grid
    ]
    found = fit_temperature(a, p, theta, whole(theta), y)
    assert found == pytest.approx(np.exp(grid[np.argmin(surprise)]), rel=2e-3)
    assert found == round(found, 4)


def test_scores_without_any_sense_are_bounded_and_finite():
    a, p, theta = chance("crf")
    y = np.random.default_rng(8).integers(0, 4, 50)
    _, high = TEMPERATURES
    assert 1 < fit_temperature(a, p, 1e4 * theta[:50], whole(theta[:50]), y) <= high


def test_reliability_by_hand():
    """Bins with 0.05, with 0.5 and 0.51, with 1, of which 0, 1 and 1 tokens are right.

    The error is (|0 − 0.05| + |1 − 1.01| + |1 − 1|)/4.
    """
    found = Reliability("tokens")
    found.add([0.05, 0.5], [False, True])
    found.add([0.51], [False])
    found.add([1.0], [True])
    report = found.report()
    assert report["error"] == pytest.approx((0.05 + 0.01 + 0.0) / 4)
    assert len(report["bins"]) == 15
    assert [each["tokens"] for each in report["bins"]] == [1, *[0] * 6, 2, *[0] * 6, 1]
    middle = report["bins"][7]
    assert middle == pytest.approx(
        {"from": 7 / 15, "to": 8 / 15, "tokens": 2, "confidence": 0.505, "accuracy": 0.5}
    )
    first, last = report["bins"][0], report["bins"][-1]
    assert (first["confidence"], first["accuracy"]) == (pytest.approx(0.05), 0)
    assert (last["confidence"], last["accuracy"]) == (1, 1)
    assert report["bins"][1] == pytest.approx(
        {"from": 1 / 15, "to": 2 / 15, "tokens": 0, "confidence": 0, "accuracy": 0}
    )


def test_a_bin_begins_with_its_lower_end():
    found = Reliability("tokens")
    found.add([1 / 15, 2 / 15 - 1e-9], [True, True])
    assert found.report()["bins"][1]["tokens"] == 2
    assert Reliability("tokens").report()["error"] == 0.0


def test_counting_in_parts_is_counting_at_once(monkeypatch):
    rng = np.random.default_rng(9)
    certainty, right = rng.random(100).tolist(), (rng.random(100) < 0.5).tolist()
    once, parts = Reliability("tokens"), Reliability("tokens")
    once.add(certainty, right)
    monkeypatch.setattr(reliability, "AT_ONCE", 7)
    for i in range(0, 100, 3):
        parts.add(certainty[i : i + 3], right[i : i + 3])
    assert parts.report()["error"] == pytest.approx(once.report()["error"])
    tokens = [[each["tokens"] for each in kind.report()["bins"]] for kind in (once, parts)]
    assert tokens[0] == tokens[1]


# Whole runs

SETTINGS = {
    "softmax": (corpora.spans, ()),
    "crf": (corpora.spans, ("model.output=crf",)),
    "sigmoid": (corpora.tagging, ("model.output=sigmoid",)),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_temperature_changes_probabilities_and_no_label(tmp_path, name):
    make, settings = SETTINGS[name]
    windowclf.train(make(tmp_path), settings)
    model = load_model(tmp_path / "run" / "model.safetensors")
    assert model.temperature != 1.0
    rng = np.random.default_rng(1)
    words = [*corpora.TAGS, "Anna", "Ben", "Berg", "met", "zebra"]
    text = [Sentence(rng.choice(words, n).tolist()) for n in rng.integers(1, 9, 50)]
    hot = [Tagger(replace(model, temperature=T)) for T in (0.3, 1.0, 7.0)]
    inner = windowclf.TagOptions(probabilities=True, inside=True)  # sums of classes may go up
    sharp, plain, flat = (list(tagger.tag(text, inner)) for tagger in hot)
    assert [a.labels for a in sharp] == [a.labels for a in plain] == [a.labels for a in flat]
    for a, b in itertools.pairwise((sharp, plain, flat)):
        spread = [
            np.concatenate([each.probabilities.ravel() for each in of]).std() for of in (a, b)
        ]
        assert spread[0] > spread[1]
    if name == "softmax":
        np.testing.assert_allclose(
            flat[0].probabilities, softmax(np.log(plain[0].probabilities) / 7), rtol=1e-4
        )


def test_the_certainty_of_several_labels_follows_the_decisions(tmp_path):
    """A threshold of 0.2 and a probability of 0.3, that T = 4 moves to 0.447: the label is given
    with 0.447, and were the threshold of another label 0.8, its lack has 1 − 0.447."""
    windowclf.train(corpora.tagging(tmp_path), ["model.output=sigmoid"])
    model = load_model(tmp_path / "run" / "model.safetensors")
    K = model.spec.architecture.classes
    parameters = {name: np.zeros_like(p) for name, p in model.parameters.items()}
    parameters["b2"] = np.full(K, np.log(0.3 / 0.7), np.float32)
    thresholds = np.full(K, 0.8)
    thresholds[0] = 0.2
    changed = replace(model, parameters=parameters, thresholds=thresholds, temperature=4.0)
    (answer,) = Tagger(changed).tag([Sentence(["cat"])], windowclf.TagOptions(probabilities=True))
    y_hat = 1 / (1 + (0.7 / 0.3) ** 0.25)
    assert answer.labels == [model.spec.vocabulary.labels[0]]
    np.testing.assert_allclose(answer.probabilities, y_hat, rtol=1e-5)
    assert answer.certainty[0] == pytest.approx(y_hat * (1 - y_hat) ** (K - 1), rel=1e-5)


def test_probabilities_fit_dev_better_than_before(tmp_path):
    """A network that has learnt its training text by heart is too sure of what it has not seen."""
    config = corpora.tagging(tmp_path)
    rows = [
        [(t, tag if i % 4 else "X") for i, (t, tag) in enumerate(s)]
        for s in corpora.tagged_sentences(200, 3)
    ]
    dev = corpora.write(tmp_path / "noisy.conll", corpora.conll(rows[:100]))
    train = corpora.write(tmp_path / "noisy-train.conll", corpora.conll(rows[100:]))
    result = windowclf.train(config, [corpora.LEARN, f"data={{train: {train}, dev: {dev}}}"])
    model = load_model(result.model_path)
    assert model.temperature > 1
    after = result.evaluations["dev"]["calibration"]["error"]
    sentences = list(read_all(model.spec.layout, [dev]))
    raw = evaluate_tagger(Tagger(replace(model, temperature=1.0)), sentences)
    assert after < raw["calibration"]["error"]
    assert raw["accuracy"] == result.evaluations["dev"]["accuracy"]
    assert windowclf.info(result.model_path)["temperature"] == model.temperature


def test_without_dev_nothing_is_fitted(tmp_path):
    config = corpora.tagging(tmp_path)
    result = windowclf.train(config, ["data.dev=null"])
    model = load_model(result.model_path)
    assert model.temperature == 1.0
    assert b"temperature" not in model_bytes(model)


@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_anywhere_and_resumed(tmp_path, name, monkeypatch):
    """Before the end, and between the last step and the fit: the same bytes."""
    make, settings = SETTINGS[name]
    config = make(tmp_path)
    windowclf.train(config, [*settings, f"output={tmp_path}/whole"])
    steps = itertools.count(1)
    cut = [*settings, f"output={tmp_path}/cut"]
    windowclf.train(config, cut, listener=Heard(stop=lambda: next(steps) == 4))
    with monkeypatch.context() as patch:
        patch.setattr(Run, "_calibrate_kept", lambda _run: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            windowclf.train(config, cut, resume=True)
    assert corpora.digest(tmp_path / "cut") != corpora.digest(tmp_path / "whole")
    for _ in range(2):  # what is done is not done again
        windowclf.train(config, cut, resume=True)
        assert corpora.digest(tmp_path / "cut") == corpora.digest(tmp_path / "whole")


def test_a_temperature_that_is_none_is_refused(learnt, tmp_path):
    model = load_model(learnt["tagging"])
    save_model(tmp_path / "good", replace(model, temperature=2.5))
    assert load_model(tmp_path / "good").temperature == 2.5
    for bad in (0.0, -1.0, 1e9, float("inf"), 2, "2", None, [2.0]):
        save_model(tmp_path / "bad", replace(model, temperature=bad))
        with pytest.raises(ModelFileError, match="temperature"):
            load_model(tmp_path / "bad")
