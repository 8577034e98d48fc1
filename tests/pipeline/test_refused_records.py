"""Records that their annotator has rejected or ignored are no gold; predict answers them too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import DataError

KEPT = [
    {"text": "Anna met Ben Berg. Then Oslo.", "spans": [{"start": 0, "end": 4, "label": "PER"}]},
    {"tokens": ["in", "Oslo"], "labels": ["O", "B-LOC"], "answer": "accept"},
]
REFUSED: list[dict[str, Any]] = [
    {"text": "in Oslo", "spans": [{"start": 3, "end": 7, "label": "PER"}], "answer": "reject"},
    {"tokens": ["in", "Oslo"], "labels": ["O", "NONSENSE"], "answer": "ignore"},
    {"text": "Oslo", "spans": [{"start": 0, "end": 99, "label": "LOC"}], "answer": "reject"},
    {"text": "left", "answer": "ignore"},
]
NOTICE = "passed over 4 records whose answer is reject or ignore."


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def config_of(folder: Path, data: dict[str, str]) -> dict[str, Any]:
    return corpora.small_config(folder, "spans", data)


def test_they_are_no_gold_in_train_dev_or_test(tmp_path):
    with_them = corpora.write(tmp_path / "all.jsonl", lines([*REFUSED[:2], *KEPT, *REFUSED[2:]]))
    without = corpora.write(tmp_path / "kept.jsonl", lines(KEPT))
    notices: list[str] = []
    names = ("train", "dev", "test")
    one = windowclf.train(
        config_of(tmp_path, dict.fromkeys(names, with_them)),
        [f"output={tmp_path}/all"],
        listener=Heard(notice=notices.append),
    )
    other = windowclf.train(
        config_of(tmp_path, dict.fromkeys(names, without)), [f"output={tmp_path}/kept"]
    )
    assert {notice for notice in notices if "passed over" in notice} == {
        f"{name}: {NOTICE}" for name in names
    }
    assert one.evaluations == other.evaluations
    assert one.evaluations["test"]["sentences"] == 3


@pytest.mark.parametrize("setting", ["data.cache_above_mb=0", "data.dev={holdout: 0.4}"])
def test_every_way_of_reading_train_counts_them(tmp_path, setting):
    path = corpora.write(tmp_path / "all.jsonl", lines(KEPT * 3 + REFUSED))
    for _again in range(2):  # kept for later runs, and taken from there
        notices: list[str] = []
        windowclf.train(
            config_of(tmp_path, {"train": path}),
            [setting],
            overwrite=True,
            listener=Heard(notice=notices.append),
        )
        assert f"train: {NOTICE}" in notices


def test_evaluate_and_compare_pass_them_over_and_predict_does_not(tmp_path):
    path = corpora.write(tmp_path / "all.jsonl", lines(KEPT + REFUSED))
    model = str(windowclf.train(config_of(tmp_path, {"train": path})).model_path)
    for options in ([], ["--against", model]):
        code, _, err = run(["evaluate", model, path, *options])
        assert code == 0
        assert f"{path}: {NOTICE}" in err
    for options in ([], ["--keep-labels"]):
        code, out, _ = run(["predict", model, path, *options])
        assert code == 0
        answers = [json.loads(line) for line in out.splitlines()]
        assert [answer.get("answer") for answer in answers] == [
            *(record.get("answer") for record in KEPT + REFUSED)
        ]
        assert all("spans" in answer or "labels" in answer for answer in answers)


def test_keeping_labels_does_not_keep_what_was_rejected(tmp_path):
    train = corpora.write(tmp_path / "train.jsonl", lines(KEPT * 5))
    model = str(windowclf.train(config_of(tmp_path, {"train": train})).model_path)
    record = {"tokens": ["in", "Oslo"], "labels": ["B-LOC", "O"]}
    for answer, is_kept in (("accept", True), ("reject", False)):
        text = lines([record | {"answer": answer}])
        _, out, _ = run(["predict", model, "--format", "jsonl", "--keep-labels"], text)
        assert (json.loads(out)["labels"] == record["labels"]) == is_kept


def test_of_records_that_are_all_refused_nothing_is_left(tmp_path):
    path = corpora.write(tmp_path / "all.jsonl", lines(REFUSED))
    with pytest.raises(DataError, match="no sentence found"):
        windowclf.train(config_of(tmp_path, {"train": path}))
