"""Label Studio's JSON: trained from, predicted into, its offsets in code points or UTF-16 units."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import corpora
import numpy as np
import pytest
import shapes
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import DataError

PIECES = (
    *("Anna", "Ben Berg", "Oslo", "New Town Bay", "met", "in", "saw", ".", ",", "(", "“"),
    *("😀", "👩‍👩‍👧", "é", "Zoe\u0301", "東京", "𝒳", "🇳🇴", "\u200b", "a\u0308\u0323"),
)
GAPS = (" ", "  ", "\r\n", "\n", "\t", "", " ")
CONFIG = (
    '<View><Labels name="ner" toName="doc"><Label value="PER"/><Label value="LOC"/></Labels>'
    '<Text name="doc" value="$text"/></View>'
)


def units(text: str, point: int) -> int:
    """An offset in code points as one in UTF-16 units."""
    return len(text[:point].encode("utf-16-le")) // 2


def result(text: str, start: int, end: int, label: str, in_units: bool = False, **more: Any) -> Any:
    place = (units(text, start), units(text, end)) if in_units else (start, end)
    value = {"start": place[0], "end": place[1], "text": text[start:end], "labels": [label]}
    names = {"from_name": "ner", "to_name": "doc", "type": "labels"}
    return {"id": f"r{start}", **names, "value": value} | more


def random_tasks(count: int, in_units: bool) -> list[Any]:
    """Texts with names in them that are marked, some of them behind astral signs."""
    rng = np.random.default_rng(3)
    tasks = []
    for number in range(count):
        text, results = "", []
        for _ in range(int(rng.integers(1, 12))):
            piece = PIECES[rng.integers(len(PIECES))]
            start, text = len(text), text + piece
            if piece[0] in "ABON":
                label = "PER" if piece[0] in "AB" else "LOC"
                results.append(result(text, start, len(text), label, in_units))
            text += GAPS[rng.integers(len(GAPS))]
        tasks.append(
            {"id": number, "data": {"text": text, "n": number}, "project": 7,
             "annotations": [{"id": number, "result": results, "was_cancelled": False}]}
        )  # fmt: skip
    return tasks


def write(path: Path, tasks: list[Any]) -> str:
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8", newline="")
    return str(path)


@pytest.mark.parametrize("in_units", [False, True])
def test_predictions_are_where_their_text_is_and_the_rest_is_as_it_was(learnt, tmp_path, in_units):
    tasks = random_tasks(1000, in_units)
    path, out = write(tmp_path / "tasks.json", tasks), tmp_path / "out.json"
    windowclf.predict_file(learnt["spans"], path, str(out))
    answered = json.loads(out.read_text(encoding="utf-8"))
    tagger = windowclf.load(learnt["spans"])
    assert [{k: v for k, v in task.items() if k != "predictions"} for task in answered] == tasks
    marked = 0
    for task in answered:
        text, (prediction,) = task["data"]["text"], task["predictions"]
        own = [r["value"] for r in task["annotations"][0]["result"]]
        counts_units = in_units and any(text[v["start"] : v["end"]] != v["text"] for v in own)
        expected = tagger.predict_text(text)
        marked += len(expected)
        assert prediction["model_version"].startswith("windowclf-")
        assert [r["value"] for r in prediction["result"]] == [
            result(text, s.start, s.end, s.label, counts_units)["value"] for s in expected
        ]
        scores = [r["score"] for r in prediction["result"]]
        assert scores == pytest.approx([s.score for s in expected], abs=1e-6)
        assert prediction.get("score") == min(scores, default=None)
    assert marked > 1000


@pytest.mark.skipif(
    importlib.util.find_spec("label_studio_sdk") is None, reason="needs label_studio_sdk"
)
def test_label_studio_takes_every_prediction(learnt, tmp_path):
    from label_studio_sdk.label_interface import LabelInterface

    path, out = write(tmp_path / "tasks.json", random_tasks(1000, False)), tmp_path / "out.json"
    windowclf.predict_file(learnt["spans"], path, str(out))
    interface = LabelInterface(CONFIG)
    for task in json.loads(out.read_text(encoding="utf-8")):
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction), prediction


def test_spans_are_the_same_however_they_are_counted(tmp_path):
    lines, said = [], []
    for in_units in (False, True):
        path = write(tmp_path / f"{in_units}.json", random_tasks(200, in_units))
        notices: list[str] = []
        out = tmp_path / f"{in_units}.jsonl"
        windowclf.convert(path, out, listener=Heard(notice=notices.append))
        lines.append(out.read_text(encoding="utf-8"))
        said.append("\n".join(notices))
    assert lines[0] == lines[1]
    assert "UTF-16" not in said[0]
    assert "records count UTF-16 units, as JavaScript does, and are read as such." in said[1]


def test_what_is_no_span_is_passed_over_and_counted(tmp_path):
    text = "Anna met Ben Berg"
    tasks = [
        {"id": 1, "data": {"text": text}, "annotations": [
            {"was_cancelled": True, "result": [result(text, 0, 4, "LOC")]},
            {"result": [result(text, 0, 4, "PER"), {"type": "choices", "value": {"choices": ["x"]}},
                        {"type": "relation", "from_id": "a", "to_id": "b"}]},
            {"result": [result(text, 9, 17, "LOC")]},
        ]},
        {"id": 2, "data": {"text": "Oslo"}, "annotations": []},
    ]  # fmt: skip
    notices: list[str] = []
    path, heard = write(tmp_path / "x.json", tasks), Heard(notice=notices.append)
    windowclf.convert(path, tmp_path / "x.jsonl", listener=heard)
    records = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert records == [
        {"id": 1, "text": text, "spans": [{"start": 0, "end": 4, "label": "PER", "id": "r0"}]},
        {"id": 2, "text": "Oslo"},
    ]
    assert notices == [
        "convert: 1 record with several annotations: the first that was not cancelled is taken.",
        "convert: passed over what is no labelled span: 1 result of type choices, "
        "1 result of type relation.",
    ]


def test_tasks_train_a_model_and_those_of_nobody_are_counted(tmp_path):
    tasks = random_tasks(30, True)
    for task in tasks[:3]:
        task["annotations"] = []
    config = corpora.small_config(tmp_path, "spans", {"train": write(tmp_path / "t.json", tasks)})
    notices: list[str] = []
    trained = windowclf.train(
        config, ["data.misaligned=skip"], listener=Heard(notice=notices.append)
    )
    assert "train: passed over 3 records that nobody has annotated." in notices
    assert any("UTF-16" in notice for notice in notices)
    code, out, _ = run(["evaluate", str(trained.model_path), str(tmp_path / "t.json"), "--json"])
    assert code == 0
    assert json.loads(out)["sentences"] >= 27


def test_a_task_of_json_min_without_a_span_is_gold_where_it_was_annotated(tmp_path):
    tasks = [
        {"id": 1, "text": "Anna", "annotation_id": 1, "annotator": 1,
         "label": [{"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}]},
        {"id": 2, "text": "nobody", "annotation_id": 2, "annotator": 1},
        {"id": 3, "text": "no one", "annotator": "a@b.c"},
        {"id": 4, "text": "Oslo", "annotation_id": None},
        {"id": 5, "text": "Oslo"},
    ]  # fmt: skip
    path = write(tmp_path / "x.json", tasks)
    records = shapes.read(path, "labelstudio-min")
    assert [len(r["spans"]) if "spans" in r else None for r in records] == [1, 0, 0, None, None]


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ([{"data": {"text": "Anna"}, "annotations": [{"result": [result("Berg", 0, 4, "X")]}]}],
         ":1: record 1: expected 'Berg' at 0–4, found 'Anna', nor is it there in UTF-16 units; "
         "mend the span."),
        ([{"data": {"a": "b", "c": "d"}}],
         ":1: record 1: expected a text under \"text\" in \"data\", found 'a', 'c'; set data.token "
         "to its key."),
        ([{"data": {"text": "a"}}, 7], ":1: record 2: expected a task, { … }, found the number 7."),
        ([{"data": [], "annotations": []}],
         ':1: record 1: expected "data" to be an object with the text, found a list.'),
        ([{"data": {"text": "a"}, "annotations": [{"result": [{"type": "labels", "value": 1}]}]}],
         ":1: record 1: expected a value with start, end and labels, found '1'."),
    ],
)  # fmt: skip
def test_faults_name_the_record(tmp_path, tasks, sentence):
    path = write(tmp_path / "x.json", tasks)
    with pytest.raises(DataError) as raised:
        windowclf.convert(path, tmp_path / "x.jsonl", "labelstudio")
    assert str(raised.value) == path + sentence
    assert not (tmp_path / "x.jsonl").exists()


def test_spans_that_overlap_are_one_sentence_or_counted(tmp_path):
    text = "Anna Berg Oslo"
    found = [result(text, 0, 9, "PER"), result(text, 5, 14, "LOC")]
    tasks = [{"data": {"text": text}, "annotations": [{"result": found}]}] * 4
    config = corpora.small_config(tmp_path, "spans", {"train": write(tmp_path / "t.json", tasks)})
    with pytest.raises(DataError) as raised:
        windowclf.train(config)
    assert raised.value.faults[0].sentence == (
        "record 1: the span 5–14 'Berg Oslo' (LOC) overlaps the span 0–9 'Anna Berg' (PER); "
        "keep one of them."
    )
    notices: list[str] = []
    windowclf.train(config, ["data.misaligned=skip"], listener=Heard(notice=notices.append))
    assert "train: passed over 4 spans that cut a token or overlap another." in notices
