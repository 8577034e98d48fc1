"""Files in, the same files with the answers out, in every format; labels are never looked at."""

# ruff: noqa: E501

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

import windowclf
from windowclf.errors import DataError

SPANS = "\n\n".join(
    f"{name}\tB-PER\nlives\tO\nin\tO\n{place}\tB-LOC\n.\tO"
    for name in ("Anna", "Ben", "Carla")
    for place in ("Oslo", "Rome", "Paris")
)
QUICK = ["training={epochs: 40, batch_tokens: 20, dropout: 0, word_dropout: 0}", "data.dev=null"]


def trained(folder: Path, task: str, name: str, content: str, *settings: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    tree = {"task": task, "output": str(folder / "run"), "data": {"train": str(path)}}
    return windowclf.train(tree, [*QUICK, *settings]).model_path


@pytest.fixture(scope="module")
def spans_model(tmp_path_factory) -> Path:
    return trained(
        tmp_path_factory.mktemp("spans"), "spans", "t.conll", SPANS,
        "features.use=[{kind: word, min_count: 1, dim: 16}, {kind: shape, dim: 4}]",
    )  # fmt: skip


def predict(model: Path, folder: Path, name: str, content: str, **options) -> str:
    (folder / name).write_bytes(content.encode())
    out = folder / f"out-{name}"
    windowclf.predict_file(model, str(folder / name), str(out), **options)
    return out.read_bytes().decode()


def test_conll(spans_model, tmp_path):
    given = "-DOCSTART-\tO\n\nAnna\tx\nlives\ty\n \t\nin Rome\tz\r\n"
    found = predict(spans_model, tmp_path, "x.conll", given)
    assert found == "-DOCSTART-\tO\n\nAnna\tx\tB-PER\nlives\ty\tO\n \t\nin Rome\tz\tO\r\n"
    sure = predict(spans_model, tmp_path, "x.conll", "Anna\tx\nlives\ty\n", probabilities=True)
    token, gold, label, probability = sure.splitlines()[0].split("\t")
    assert (token, gold, label) == ("Anna", "x", "B-PER")
    assert 0 < float(probability) <= 1


def test_labels_are_never_looked_at(spans_model, tmp_path):
    right = predict(spans_model, tmp_path, "a.conll", "Anna\tB-PER\nlives\tO\n")
    wrong = predict(spans_model, tmp_path, "b.conll", "Anna\t12\nlives\t\n")
    assert [line.split("\t")[-1] for line in right.splitlines()] == [
        line.split("\t")[-1] for line in wrong.splitlines()
    ]


def test_jsonl(spans_model, tmp_path):
    lines = [
        {"id": 7, "tokens": ["Anna", "lives"], "labels": ["O", "O"]},
        {"text": "Anna lives in Oslo. Ben lives in Rome.", "spans": [], "note": "é"},
    ]
    given = "".join(json.dumps(line) + "\n" for line in lines)
    first, second = map(json.loads, predict(spans_model, tmp_path, "x.jsonl", given).splitlines())
    assert first == {
        "id": 7,
        "tokens": ["Anna", "lives"],
        "labels": ["B-PER", "O"],
        "gold_labels": ["O", "O"],
    }
    assert second["note"] == "é"
    assert second["gold_spans"] == []
    found = [(lines[1]["text"][s["start"] : s["end"]], s["label"]) for s in second["spans"]]
    assert found == [("Anna", "PER"), ("Oslo", "LOC"), ("Ben", "PER"), ("Rome", "LOC")]


def test_text_from_standard_input(spans_model, monkeypatch, capfdbinary):
    text = "Anna lives in Oslo .\n\nBen lives in Rome.\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    windowclf.predict_file(spans_model)
    assert out.buffer.getvalue().decode() == (
        "[Anna](PER) lives in [Oslo](LOC) .\n\n[Ben](PER) lives in [Rome](LOC).\n"
    )


def test_predict_text(spans_model):
    tagger = windowclf.load(spans_model)
    text = "  Anna lives in Oslo."
    assert [(text[s:e], label) for s, e, label in tagger.predict_text(text)] == [
        ("Anna", "PER"),
        ("Oslo", "LOC"),
    ]


def test_an_output_file_appears_only_when_it_is_whole(spans_model, tmp_path):
    (tmp_path / "x.conll").write_bytes(b"Anna\nlives\n\n\xff\n")
    out = tmp_path / "out.conll"
    out.write_text("old", encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.conll:4: expected UTF-8"):
        windowclf.predict_file(spans_model, str(tmp_path / "x.conll"), str(out))
    assert out.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_the_input_may_be_the_output(spans_model, tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("Anna\nlives\n", encoding="utf-8")
    windowclf.predict_file(spans_model, str(path), str(path))
    assert path.read_text(encoding="utf-8") == "Anna B-PER\nlives O\n"


def test_conllu_replaces_the_trained_field(tmp_path):
    def row(number, form, tag, misc="_"):
        return f"{number}\t{form}\tx\t{tag}\t_\t_\t0\troot\t_\t{misc}\n"

    train = "".join(row(1, "a", "X") + row(2, "b", "Y") + "\n" for _ in range(20))
    model = trained(
        tmp_path, "tagging", "t.conllu", train, "features.use=[{kind: word, min_count: 1}]"
    )
    given = (
        "# text = a b\n" + row("1-2", "ab", "_") + row(1, "a", "Q", "k=v") + row(2, "b", "_")
        + row("2.1", "e", "_") + "\n# end\n"
    )  # fmt: skip
    found = predict(model, tmp_path, "x.conllu", given)
    assert found == given.replace(row(1, "a", "Q", "k=v"), row(1, "a", "X", "k=v")).replace(
        row(2, "b", "_"), row(2, "b", "Y")
    )
    text = predict(model, tmp_path, "x.txt", "a b\n")
    assert text == "a/X b/Y\n"


def test_segmentation(tmp_path):
    model = trained(tmp_path, "segmentation", "t.txt", "ab c ab\nc ab c\n" * 20)
    assert predict(model, tmp_path, "x.txt", "abcab\n\na b c\n") == "ab c ab\n\nab c\n"
    tagger = windowclf.load(model)
    assert tagger.predict_text("abcab") == [(0, 2, ""), (2, 3, ""), (3, 5, "")]


def test_slots(tmp_path):
    rows = [("x", "y", "same"), ("x", "x", "other"), ("y", "y", "other"), ("y", "x", "same")]
    train = "from,to,class\n" + "".join(",".join(row) + "\n" for row in rows * 20)
    model = trained(
        tmp_path, "slots", "t.csv", train, "data.label=class",
        "features.use=[{kind: column, column: from, table: t}, {kind: column, column: to, table: t}]",
    )  # fmt: skip
    found = predict(
        model, tmp_path, "x.csv", 'to,note,from\ny,"a, b",x\nx,,x\n', probabilities=True
    )
    table = list(csv.DictReader(io.StringIO(found)))
    assert [row["predicted"] for row in table] == ["same", "other"]
    assert table[0]["note"] == "a, b"
    assert float(table[0]["p_same"]) + float(table[0]["p_other"]) == pytest.approx(1, abs=1e-5)
    tagger = windowclf.load(model)
    assert tagger.predict([{"from": "x", "to": "y"}, {"from": "y", "to": "y"}]) == [
        ["same"],
        ["other"],
    ]
    with pytest.raises(DataError, match="sentence 2: the model reads the column 'to'"):
        tagger.predict([{"from": "x", "to": "y"}, {"from": "y"}])


def test_evaluation_has_the_documented_keys(spans_model, tmp_path):
    (tmp_path / "e.conll").write_text(
        "Anna\tB-PER\nlives\tO\nNew\tB-LOC\nRome\tI-LOC\n", encoding="utf-8"
    )
    report = windowclf.evaluate(spans_model, str(tmp_path / "e.conll"))
    assert list(report) == [
        "tokens", "sentences", "accuracy", "seen", "unseen", "labels", "micro", "macro", "spans", "confusion",
    ]  # fmt: skip
    assert report["tokens"] == 4
    assert report["seen"]["tokens"] == 3
    assert report["unseen"]["tokens"] == 1
    assert set(report["spans"]) == {"precision", "recall", "f1", "support", "types"}
    assert report["spans"]["types"]["LOC"]["support"] == 1
    json.dumps(report, allow_nan=False)
