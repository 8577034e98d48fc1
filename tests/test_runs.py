"""Whole runs: the same bytes from the same seed, stopped and resumed or not; laws of prediction."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import windowclf
from windowclf.errors import DataError, RunFolderError, TrainingDiverged
from windowclf.prediction import Tagger
from windowclf.text.features import BOUNDARY
from windowclf.text.sentence import Sentence
from windowclf.training import EpochReport, StepReport

TAGS = {"anna": "N", "ben": "N", "carla": "N", "went": "V", "ran": "V", "to": "P", "from": "P"}
TAGS |= {"oslo": "N", "rome": "N", "paris": "N", "quickly": "A", "and": "C", "then": "A", "so": "A"}
WORDS = list(TAGS)


def conll(sentences: int, seed: int, length: int = 9) -> str:
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(sentences):
        for word in rng.choice(WORDS, rng.integers(1, length)):
            lines.append(f"{word}\t{TAGS[word]}")
        lines.append("")
    return "\n".join(lines)


@pytest.fixture
def data(tmp_path) -> dict:
    (tmp_path / "train.conll").write_text(conll(60, 1), encoding="utf-8")
    (tmp_path / "dev.conll").write_text(conll(15, 2), encoding="utf-8")
    return {
        "task": "tagging",
        "output": str(tmp_path / "run"),
        "data": {"train": str(tmp_path / "train.conll"), "dev": str(tmp_path / "dev.conll")},
        "features": {
            "use": [{"kind": "word", "dim": 6}, {"kind": "suffix", "length": 2, "dim": 3}]
        },
        "model": {"hidden": {"units": 8}},
        "training": {"epochs": 3, "batch_tokens": 40},
    }


def digest(folder: str | Path) -> str:
    return hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()


def log(folder: str | Path) -> list[dict]:
    text = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        del line["seconds"], line["tokens_per_second"]
    return lines


def train(config, *settings, **how):
    return windowclf.train(config, list(settings), **how)


VARIANTS = {
    "default": [],
    "dense": ["training.optimizer.rows=dense"],
    "momentum": ["training.optimizer={name: momentum}", "training.average=null"],
    "no dev": ["data.dev=null", "training.dtype=float64"],
    "recurrent": ["model.recurrence={directions: 2, truncate: 3}", "training.epochs=2"],
    "characters": ["features.use=[{kind: char_cnn, filters: 4}, {kind: ngrams, buckets: 50}]"],
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_stopped_anywhere_and_resumed_is_never_stopped(data, tmp_path, settings):
    whole = train(data, f"output={tmp_path}/whole", *settings)
    steps = len(list(log(tmp_path / "whole")))
    assert steps >= 2
    for stop_after in (1, 4, 9, 10, 11):
        folder = tmp_path / f"stop{stop_after}"
        seen = []

        def note(report, seen=seen):
            if isinstance(report, StepReport):
                seen.append(report.step)

        stopped = train(
            data,
            f"output={folder}",
            *settings,
            on_report=note,
            should_stop=lambda seen=seen, n=stop_after: len(seen) >= n,
        )
        assert stopped.stopped
        finished = train(data, f"output={folder}", *settings, resume=True)
        assert not finished.stopped
        assert digest(folder) == digest(tmp_path / "whole")
        assert log(folder) == log(tmp_path / "whole")
        assert finished.best_score == whole.best_score


def test_resuming_before_any_state_starts_afresh_and_says_so(data, tmp_path):
    train(data, f"output={tmp_path}/whole")
    notices = []
    train(data, f"output={tmp_path}/other", resume=True, on_notice=notices.append)
    assert digest(tmp_path / "other") == digest(tmp_path / "whole")
    assert notices == [f"{tmp_path}/other: no saved state yet; starting afresh."]


def test_resuming_a_finished_run_scores_it_again(data):
    first = train(data)
    before = digest(data["output"])
    again = train(data, resume=True)
    assert digest(data["output"]) == before
    assert again.evaluations == first.evaluations


def test_resuming_another_config_or_other_data_is_refused(data):
    train(data)
    with pytest.raises(RunFolderError, match=r"training\.epochs: 3 before, 4 now"):
        train(data, "training.epochs=4", resume=True)
    train(data, "training.checkpoint.seconds=7", resume=True)  # how a run is kept may change
    path = Path(data["data"]["train"])
    path.write_text(path.read_text(encoding="utf-8") + "\nben\tN\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"data\.train: the files have changed"):
        train(data, resume=True)


def test_two_processes_with_other_hash_seeds_give_the_same_bytes(data, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
    for seed in ("0", "1"):
        code = f"import windowclf; windowclf.train({str(path)!r}, ['output={tmp_path}/r{seed}'])"
        environment = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert digest(tmp_path / "r0") == digest(tmp_path / "r1")


def test_another_seed_gives_another_model(data, tmp_path):
    train(data, f"output={tmp_path}/a")
    train(data, f"output={tmp_path}/b", "seed=2")
    assert digest(tmp_path / "a") != digest(tmp_path / "b")


def test_an_existing_run_needs_resume_or_overwrite(data):
    train(data)
    with pytest.raises(RunFolderError, match="--overwrite"):
        train(data)
    strange = Path(data["output"]) / "notes.txt"
    strange.write_text("mine", encoding="utf-8")
    train(data, "training.epochs=1", overwrite=True)
    assert strange.read_text(encoding="utf-8") == "mine"
    assert len(log(data["output"])) == 1


def test_two_runs_at_once_in_one_folder_are_refused(data):
    def second(_report):
        with pytest.raises(RunFolderError, match="another run is writing"):
            train(data, overwrite=True)

    train(data, "training.epochs=1", on_report=second)


def test_overfits_twenty_sentences(data, tmp_path):
    rng = np.random.default_rng(5)
    lines = []
    for _ in range(20):
        lines += [f"{rng.choice(WORDS)}{i}\t{rng.choice(list('NVPA'))}" for i in range(6)] + [""]
    (tmp_path / "few.conll").write_text("\n".join(lines), encoding="utf-8")
    few = str(tmp_path / "few.conll")
    result = train(
        data,
        f"data.train={few}",
        f"data.dev={few}",
        "training={epochs: 60, batch_tokens: 40, dropout: 0, word_dropout: 0, "
        "optimizer: {learning_rate: 0.01}, early_stopping: null}",
        "features.use=[{kind: word, dim: 16, min_count: 1}]",
        "model.hidden.units=64",
    )
    assert result.best_score == 1.0


def test_no_dev_keeps_the_final_averages_and_says_so(data):
    notices = []
    result = train(data, "data.dev=null", on_notice=notices.append)
    assert result.best_score is None
    assert notices == ["no dev data: the final averaged model is kept and early stopping is off."]
    assert result.evaluations == {}


def test_holdout_is_the_last_tenth(data):
    reports = []
    result = train(data, "data.dev={holdout: 0.1}", on_report=reports.append)
    assert result.evaluations["dev"]["sentences"] == 6
    per_epoch = {r.tokens for r in reports if isinstance(r, EpochReport) and r.epoch == 1}
    lengths = [len(block.split("\n")) for block in conll(60, 1).strip().split("\n\n")]
    assert per_epoch == {sum(lengths[:54])}


def test_early_stopping_keeps_the_best(data):
    result = train(
        data,
        "training.epochs=30",
        "training.early_stopping.patience=2",
        "training.optimizer.learning_rate=0.02",
    )
    lines = log(data["output"])
    assert len(lines) < 30
    best = max(lines, key=lambda line: line["score"])
    assert result.best_epoch == best["epoch"]
    assert lines[-1]["epoch"] == best["epoch"] + 2
    assert result.evaluations["dev"]["accuracy"] == best["score"]


@pytest.mark.parametrize(
    "features", ["[{kind: word}]", "[{kind: word}, {kind: char_cnn}]"], ids=["words", "char_cnn"]
)
def test_divergence_is_a_sentence_and_keeps_the_folder_whole(data, features):
    with pytest.raises(
        TrainingDiverged, match=r"step \d+ .*learning rate [\d.e+]+:.* no longer finite"
    ):
        train(
            data,
            f"features.use={features}",
            "training.optimizer={name: sgd, learning_rate: 1.0e+30}",
            "training.clip_norm=null",
        )
    train(data, overwrite=True)


def test_one_sgd_step_moves_the_touched_rows_only(data, tmp_path):
    (tmp_path / "one.conll").write_text("anna\tN\nran\tV\n\nben\tN\n", encoding="utf-8")
    settings = [
        f"data.train={tmp_path}/one.conll",
        "data.dev=null",
        "features={window: 1, use: [{kind: word, dim: 4, min_count: 1}]}",
        "training={epochs: 1, dropout: 0, word_dropout: 0, average: null, "
        "optimizer: {name: sgd}, schedule: {name: constant}}",
    ]
    result = train(data, *settings)
    model = windowclf.load(result.model_path).model
    from windowclf.network import initialize

    before = initialize(model.architecture, 1, "float32")["L.word"]
    moved = np.abs(model.parameters["L.word"] - before).max(axis=1) > 0
    assert moved.tolist() == [True, False, True, True, True]  # unknown (row 1) was never read
    assert moved[BOUNDARY]


def sentences_of(seed: int) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    pool = [*WORDS, "unseen", "🙂", "Ünseen"]
    return [list(rng.choice(pool, n)) for n in (1, 5, 2, 30, 7, 1)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
def test_one_sentence_or_all_in_any_order(data, dtype, tolerance):
    tagger = windowclf.load(train(data, f"training.dtype={dtype}").model_path)
    sentences = sentences_of(1)
    labels, scores = tagger.predict(sentences), tagger.predict_proba(sentences)
    order = [3, 0, 5, 1, 4, 2]
    shuffled = tagger.predict([sentences[i] for i in order])
    for place, i in enumerate(order):
        assert shuffled[place] == labels[i]
        assert tagger.predict([sentences[i]]) == [labels[i]]
        np.testing.assert_allclose(
            tagger.predict_proba([sentences[i]])[0], scores[i], rtol=tolerance
        )


def test_a_very_long_sentence_is_cut_exactly(data, monkeypatch):
    tagger = windowclf.load(train(data).model_path)
    long = list(np.random.default_rng(3).choice(WORDS, 500))
    whole = tagger.predict([long])
    monkeypatch.setattr("windowclf.prediction.TOKENS_AT_ONCE", 7)
    assert tagger.predict([long]) == whole


def test_nothing_and_next_to_nothing(data):
    tagger = windowclf.load(train(data).model_path)
    assert tagger.predict([]) == []
    assert tagger.predict([[]]) == [[]]
    assert tagger.predict_text("") == []
    assert tagger.predict_text("  \n ") == []
    assert [len(labels) for labels in tagger.predict([[], ["anna"], []])] == [0, 1, 0]
    with pytest.raises(DataError, match="found a string; use predict_text"):
        tagger.predict(["anna went"])


def test_a_column_that_is_missing_is_named(data, tmp_path):
    text = "\n".join(f"{word}\tx\t{tag}" for word, tag in TAGS.items())
    (tmp_path / "c.conll").write_text(text, encoding="utf-8")
    tagger = windowclf.load(
        train(
            data,
            f"data={{train: {tmp_path}/c.conll, label: 2, extra: {{pos: 1}}}}",
            "features.use=[{kind: word}, {kind: column, column: pos}]",
        ).model_path
    )
    with pytest.raises(DataError, match="sentence 1: the model reads the column 'pos'"):
        tagger.predict([["anna"]])
    assert len(tagger.predict([Sentence(["anna"], columns={"pos": ["x"]})])[0]) == 1


@pytest.mark.parametrize(
    ("labels", "multilabel"), [(("A", "B"), False), (("A|B", "A", "_"), True)], ids=["one", "many"]
)
def test_sigmoid_outputs(data, tmp_path, labels, multilabel):
    given = {word: labels[i % len(labels)] for i, word in enumerate(WORDS)}
    lines = [f"{word} {given[word]}" for word in WORDS * 6]
    (tmp_path / "s.conll").write_text("\n".join(lines), encoding="utf-8")
    result = train(
        data,
        f"data={{train: {tmp_path}/s.conll, dev: {tmp_path}/s.conll}}",
        "model.output=sigmoid",
        "training={epochs: 40, batch_tokens: 40, optimizer: {learning_rate: 0.02}, dropout: 0, "
        "early_stopping: null}",
    )
    tagger = windowclf.load(result.model_path)
    assert tagger.predict([WORDS]) == [list(given.values())]
    assert tagger.model.architecture.classes == (2 if multilabel else 1)
    assert ("exact" in result.evaluations["dev"]) == multilabel


def test_unlabelled_tokens_and_a_label_that_train_lacks(data, tmp_path):
    (tmp_path / "dev2.conll").write_text("anna\tNEW\nran\tV\nben\t-\n", encoding="utf-8")
    notices = []
    result = train(data, f"data.dev={tmp_path}/dev2.conll", on_notice=notices.append)
    assert notices == ["dev has labels that train lacks, counted as errors: NEW."]
    assert result.evaluations["dev"]["tokens"] == 2
    assert result.evaluations["dev"]["accuracy"] <= 0.5


def test_class_weights(data):
    train(data, "training.class_weights=balanced")
    with pytest.raises(
        DataError, match=r"training\.class_weights\.Z: no training token has this label"
    ):
        train(data, "training.class_weights={Z: 2.0}", overwrite=True)


def test_one_tagger_serves_many_threads(data):
    from concurrent.futures import ThreadPoolExecutor

    tagger: Tagger = windowclf.load(train(data).model_path)
    sentences = sentences_of(4)
    alone = tagger.predict(sentences)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(tagger.predict, [sentences] * 50))
