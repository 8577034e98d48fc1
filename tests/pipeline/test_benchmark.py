"""benchmark: figures of a model on this machine, with text or without."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import DataError, ModelFileError
from windowclf.pipeline import benchmark
from windowclf.pipeline.made_text import made_text
from windowclf.tagging.model_file import load_model

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("model-*.safetensors"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A fraction of the time, and one fresh process."""
    monkeypatch.setattr(benchmark, "SECONDS", 0.05)
    monkeypatch.setattr(benchmark, "STARTS", 1)
    monkeypatch.setattr(benchmark, "MOST_TOKENS", 1000)


@pytest.mark.parametrize("task", corpora.TASKS)
@pytest.mark.slow
def test_every_task_has_figures_without_a_file(learnt, task):
    found = windowclf.benchmark(learnt[task])
    assert found["file"] == str(learnt[task] / "model.safetensors")
    assert found["bytes"] == (learnt[task] / "model.safetensors").stat().st_size
    assert found["tokens_per_second"] > 100
    assert 0 < found["latency"]["p50"] <= found["latency"]["p99"] < 5
    assert found["latency"]["sentences"] >= benchmark.FEWEST
    assert 0.01 < found["start"] < 60
    assert 10e6 < found["memory"]["one_sentence"] < 1e9
    assert 10e6 < found["memory"]["text"] < 1e9
    assert found["text"]["source"] == "the model's words"
    assert found["text"]["tokens"] >= 1000
    assert found["machine"]["windowclf"] == windowclf.__version__


def test_a_file_is_tagged_as_predict_reads_it(learnt):
    dev = learnt.folder / "tagging" / "dev.conll"
    assert learnt["tagging"]
    text = dev.read_text(encoding="utf-8")
    found = windowclf.benchmark(learnt["tagging"], dev)["text"]
    tokens = sum(bool(line) for line in text.splitlines())
    assert found == {"source": str(dev), "sentences": text.count("\n\n"), "tokens": tokens}


def test_of_a_long_file_the_beginning_is_tagged(learnt, tmp_path):
    path = corpora.write(tmp_path / "long.txt", "the cat sees a dog\n" * 2000)
    assert windowclf.benchmark(learnt["tagging"], path)["text"]["tokens"] == 1000


def test_what_cannot_be_measured_is_a_sentence(learnt, tmp_path):
    empty = corpora.write(tmp_path / "empty.txt", "\n")
    with pytest.raises(DataError, match="no sentence found; nothing to tag"):
        windowclf.benchmark(learnt["tagging"], empty)
    with pytest.raises(DataError, match="no such file"):
        windowclf.benchmark(learnt["tagging"], tmp_path / "none.txt")
    with pytest.raises(DataError, match="--format: expected one of"):
        windowclf.benchmark(learnt["tagging"], empty, format_="doc")
    with pytest.raises(ModelFileError, match="no such file"):
        windowclf.benchmark(tmp_path / "none")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_text_is_made_for_every_kind_of_model(path):
    """Also for one that keeps neither the words of its training nor all rows."""
    model = load_model(path)
    sentences = made_text(model.spec, 3000)
    assert 3000 <= sum(len(s.tokens) for s in sentences) < 3100
    assert sentences == made_text(model.spec, 3000)
    assert sentences != made_text(model.spec, 3000, seed=2)
    assert all(token for sentence in sentences for token in sentence.tokens)
    windowclf.Tagger(model).predict(sentences)


def test_frequent_words_are_frequent_and_some_are_new(learnt):
    v = load_model(learnt["tagging"]).spec.vocabulary
    counted = Counter(
        token
        for sentence in made_text(load_model(learnt["tagging"]).spec, 20_000)
        for token in sentence.tokens
    )
    assert counted[v.seen[0]] > 2 * counted[v.seen[-1]] > 0
    new = sum(count for word, count in counted.items() if word not in v.seen_forms)
    assert 0.02 < new / counted.total() < 0.08


def test_columns_have_values_that_the_model_knows(learnt):
    spec = load_model(learnt["slots"]).spec
    row = made_text(spec, 5)[0]
    assert row.tokens == [""]
    assert {name: own[0][0] for name, own in row.columns.items()} == {"a": "a", "b": "b"}


def test_the_listener_hears_every_phase(learnt):
    heard = []
    listener = Heard(working=lambda on, fraction: heard.append((on, fraction)))
    windowclf.benchmark(learnt["tagging"], listener=listener)
    phases = {"starting", "warming up", "batches", "single sentences"}
    assert {on for on, _ in heard} == phases
    assert all(0 <= fraction <= 1 for _, fraction in heard)


def test_the_command_prints_a_table_or_json(learnt):
    code, out, err = run(["benchmark", str(learnt["tagging"])])
    assert (code, err) == (0, "")
    for text in ("tokens a second", "99 % within", "first answer", "memory", "cores", "numpy"):
        assert text in out
    code, out, err = run(["benchmark", str(learnt["tagging"]), "--json"])
    assert (code, err) == (0, "")
    assert json.loads(out).keys() == windowclf.Benchmark.__annotations__.keys()
