"""Tagging by kept rows of P gives what the plain path gives, whatever the size of the cache."""

from __future__ import annotations

import functools
import os
import threading
import warnings

import corpora
import numpy as np
import pytest

import windowclf
from windowclf.tagging.row_cache import KEY_BYTES
from windowclf.tagging.tagger import Tagger
from windowclf.text.sentence import Sentence

NETWORKS = {
    "window": [],
    "logistic": ["model.hidden={activation: none}", "training.dropout=0"],
    "elman": ["model.recurrence={directions: 2}"],
    "crf": ["model.output=crf"],
    "float64": ["training.dtype=float64"],
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    windowclf.train(corpora.tagging(folder), [*NETWORKS[request.param], "training.epochs=2"])
    return windowclf.load(folder / "run").model


@functools.cache
def texts(count=300) -> list[list[str]]:
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(400)] + ["", "Ä", "x" * 300]
    return [[words[i] for i in rng.integers(0, len(words), n)] for n in rng.integers(0, 30, count)]


def close(found, wanted):
    tolerance = {"rtol": 1e-4, "atol": 1e-6}
    if found and found[0].dtype == np.float64:
        tolerance = {"rtol": 1e-12, "atol": 1e-14}
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


@pytest.mark.parametrize("megabytes", [0.02, 0.2, 64])
def test_equal_to_the_plain_path(model, megabytes):
    plain, cached = (
        Tagger(model, options=windowclf.TagOptions(cache_mb=0)),
        Tagger(model, options=windowclf.TagOptions(cache_mb=megabytes)),
    )
    wanted = plain.predict_proba(texts())
    for _again in range(2):
        close(cached.predict_proba(texts()), wanted)
    one_by_one = [p for text in texts() for p in cached.predict_proba([text])]
    close(one_by_one, wanted)


def test_a_full_cache_is_emptied_and_filled_again(model):
    width = (2 * model.spec.architecture.window + 1) * (
        model.spec.architecture.hidden_width or model.spec.architecture.classes
    )
    rows = 40
    megabytes = rows * (width * model.parameters["U"].itemsize + KEY_BYTES) / (1 << 20)
    tagger = Tagger(model, options=windowclf.TagOptions(cache_mb=megabytes))
    plain = Tagger(model, options=windowclf.TagOptions(cache_mb=0))
    for start in (0, 30, 60, 0, 90):
        text = [f"w{i}" for i in range(start, start + 30)]
        close(tagger.predict_proba([text]), plain.predict_proba([text]))
        assert len(tagger._cache._row_of) < rows


def test_threads_and_forks_have_rows_of_their_own(model):
    tagger = Tagger(model, options=windowclf.TagOptions(cache_mb=0.2))
    wanted = tagger.predict(texts())
    answers: list[list[list[str]]] = []
    running = [
        threading.Thread(target=lambda: answers.append(tagger.predict(texts()))) for _ in range(6)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert answers == [wanted] * 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which have ended
        child = os.fork()
    if child == 0:
        os._exit(0 if tagger.predict(texts()) == wanted else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_further_columns_are_part_of_what_a_row_stands_for(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("".join(f"a {c} {c}\n\n" for c in "XY" * 40))
    config = {
        "task": "tagging",
        "output": str(tmp_path / "run"),
        "data": {"train": str(path), "label": 2, "extra": {"pos": 1}},
        "features": {"use": [{"kind": "word"}, {"kind": "column", "column": "pos"}]},
        "training": {"epochs": 5},
    }
    tagger = windowclf.load(windowclf.train(config).model_path)
    given = [Sentence(["a"], columns={"pos": [c]}) for c in "XYYX"]
    assert tagger.predict(given) == [["X"], ["Y"], ["Y"], ["X"]]
