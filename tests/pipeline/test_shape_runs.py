"""Every shape is trained from, evaluated and predicted into, as the same text in columns is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import corpora
import pytest
import shapes
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import DataError

OF_DOCUMENTS = ("documents", "intervals", "calibration")
KEEP_TOKENS = ("prodigy", "spacy", "webanno", "token-csv", "parquet", "arrow", "conllu")
KEEP_TEXT = (
    *("labelstudio", "labelstudio-min", "doccano", "doccano-relations", "spacy-json", "brat"),
    "brackets",
)


def turned(source: str, format_: str, name: str) -> str:
    target = shapes.path_for(Path(source).parent, name, format_)
    windowclf.convert(source, target, to=format_)
    return target


def config_for(format_: str, train: str, dev: str, *more: str) -> list[str]:
    named = format_ in ("doccano", "doccano-relations", "prodigy")
    return [
        f"data.train={train}",
        f"data.dev={dev}",
        *([f"data.format={format_}"] if named and format_ == "prodigy" else []),
        *(["data.label=misc.Entity"] if format_ == "conllu" else []),
        *(["data.tokenizer=whitespace"] if format_ in KEEP_TEXT else []),
        *more,
    ]


@pytest.mark.parametrize("format_", [*KEEP_TOKENS, *KEEP_TEXT])
def test_a_run_from_any_shape_scores_as_the_run_from_columns(tmp_path, format_):
    shapes.skip_unless_there(format_)
    config = corpora.spans(tmp_path)
    train, dev = config["data"]["train"], config["data"]["dev"]
    kept = ["data.tokenizer=whitespace"] if format_ in KEEP_TEXT else []
    one = windowclf.train(config, [f"output={tmp_path}/one", *kept])
    made = turned(train, format_, "t"), turned(dev, format_, "d")
    notices: list[str] = []
    other = windowclf.train(
        config,
        config_for(format_, *made, f"output={tmp_path}/other"),
        listener=Heard(notice=notices.append),
    )
    assert notices == []
    assert without_documents(other.evaluations) == without_documents(one.evaluations)
    again = ["--format", format_] if format_ == "prodigy" else []
    code, out, err = run(["evaluate", str(other.model_path), made[1], "--json", *again])
    assert (code, err) == (0, "")
    assert json.loads(out)["spans"] == other.evaluations["dev"]["spans"]


def without_documents(evaluations: Any) -> Any:
    """Scores without what depends on where documents begin."""
    return {
        name: {key: value for key, value in figures.items() if key not in OF_DOCUMENTS}
        for name, figures in evaluations.items()
    }


def answers(path: Path, model: Path, source: str, *more: str) -> str:
    code, _, err = run(["predict", str(model), source, "-o", str(path), *more])
    assert (code, err) == (0, "")
    return str(path)


@pytest.mark.parametrize("format_", shapes.TEXTS)
def test_predict_answers_a_text_in_its_own_shape(learnt, tmp_path, format_):
    shapes.skip_unless_there(format_)
    if format_ == "brat":
        pytest.skip("a folder is no one file; see below")
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.RECORDS)
    path = shapes.path_for(tmp_path, "x" if format_ in shapes.NEEDS else "in", format_)
    windowclf.convert(source, path, to=format_)
    suffix = Path(path).suffix
    out = answers(tmp_path / f"out{suffix}", learnt["spans"], path, "--format", format_)
    found = shapes.read(out, format_, label=None)
    given = shapes.read(path, format_)
    if format_ == "labelstudio":
        tasks = json.loads(Path(out).read_text(encoding="utf-8"))
        for record, task in zip(found, tasks, strict=True):
            values = [result["value"] for result in task["predictions"][0]["result"]]
            record["spans"] = [v | {"label": v["labels"][0]} for v in values]
    tagger = windowclf.load(learnt["spans"])
    for record, before in zip(found, given, strict=True):
        assert record["text"] == before["text"]
        assert record.get("id") == before.get("id")
        offsets = [(t["start"], t["end"]) for t in before.get("tokens", ())]
        if offsets and format_ not in ("doccano", "doccano-relations", "labelstudio-min"):
            words = [record["text"][start:end] for start, end in offsets]
            (labels,) = tagger.predict([words])
            expected = [
                (offsets[s.start][0], offsets[s.end - 1][1], s.type)
                for s in windowclf_spans(labels)
            ]
        else:
            expected = [(s.start, s.end, s.label) for s in tagger.predict_text(record["text"])]
        assert [(s["start"], s["end"], s["label"]) for s in record["spans"]] == expected
    assert sum(len(record["spans"]) for record in found) > 2


def windowclf_spans(labels: list[str]) -> Any:
    from windowclf.text.spans import to_spans

    return to_spans(labels, "BIO")


def test_predict_answers_a_token_table_in_one_more_column(learnt, tmp_path):
    text = (
        "Sentence #;Word;POS;Tag\r\n"
        "Sentence: 1;Anna;X;B-PER\r\n;met;X;O\r\n;\";\";X;O\r\n\r\n"
        "Sentence: 2;Oslo;X;B-LOC\r\n\r\n"
    )  # fmt: skip
    path = corpora.write(tmp_path / "x.csv", text)
    answers(tmp_path / "out.csv", learnt["spans"], path)
    tagger = windowclf.load(learnt["spans"])
    labels = [x for each in tagger.predict([["Anna", "met", ";"], ["Oslo"]]) for x in each]
    rows = (tmp_path / "out.csv").read_bytes().decode().split("\r\n")
    assert [row.rpartition(";")[2] for row in rows if row] == ["predicted", *labels]
    assert "\r\n".join(row.rpartition(";")[0] for row in rows) == text


def test_predict_answers_a_text_of_brat_with_its_marks(learnt, tmp_path):
    text = "Anna met\r\nBen Berg near Oslo"
    (tmp_path / "a.txt").write_bytes(text.encode())
    (tmp_path / "a.ann").write_text("")
    out = answers(tmp_path / "out.ann", learnt["spans"], str(tmp_path / "a.ann"))
    spans = windowclf.load(learnt["spans"]).predict_text(text)
    lines = [f"{s.label} {s.start} {s.end}\t{s.text}\n" for s in spans]
    assert len(lines) > 1
    assert Path(out).read_text() == "".join(f"T{n}\t{line}" for n, line in enumerate(lines, 1))


def test_predict_keeps_the_other_layers_of_webanno(learnt, tmp_path):
    text = (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.Pos|PosValue\n"
        "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n\n\n"
        "#Text=😀 Ben Berg\n"
        "1-1\t0-2\t😀\tSYM\t_\t_\t\n"
        "1-2\t3-6\tBen\tN\t_\t_\t\n"
        "1-3\t7-11\tBerg\tN\tx[7]\tLOC[7]\t\n"
    )
    path = corpora.write(tmp_path / "x.tsv", text)
    out = answers(tmp_path / "out.tsv", learnt["spans"], path)
    head, rows = text.split("1-1", 1)[0], Path(out).read_text().splitlines()[-3:]
    assert Path(out).read_text().startswith(head)
    assert rows == [
        "1-1\t0-2\t😀\tSYM\t_\t_\t",
        "1-2\t3-6\tBen\tN\t*[1000001]\tPER[1000001]\t",
        "1-3\t7-11\tBerg\tN\t*[1000001]\tPER[1000001]\t",
    ]


def test_probabilities_go_where_there_is_a_place_for_them(learnt, tmp_path):
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.RECORDS)
    path = turned(source, "labelstudio-min", "min")
    out = answers(tmp_path / "out.json", learnt["spans"], path, "--probabilities")
    assert "probabilities" in json.loads(Path(out).read_text())[0]
    path = turned(source, "labelstudio", "tasks")
    code, _, err = run(["predict", str(learnt["spans"]), path, "--probabilities"])
    assert (code, err) == (1, "probabilities have no place in labelstudio; give jsonl.\n")


def test_a_folder_of_brat_is_read_with_its_texts(tmp_path):
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.RECORDS * 4)
    folder = turned(source, "brat", "folder")
    config = corpora.small_config(tmp_path, "spans", {"train": folder})
    assert windowclf.train(config, ["data.misaligned=skip"]).model_path.exists()
    (Path(folder) / "doc-1.txt").write_text("other")
    with pytest.raises(DataError, match=r"doc-1.ann:1: expected 'Anna Berg' at 0–9 of the text"):
        windowclf.train(config, ["data.misaligned=skip"], overwrite=True)


def test_no_shape_is_for_segmentation(tmp_path):
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.RECORDS)
    config = corpora.small_config(
        tmp_path, "segmentation", {"train": turned(source, "labelstudio", "x")}
    )
    with pytest.raises(DataError, match="labelstudio holds labelled tokens or spans; expected"):
        windowclf.train(config, ["data.format=labelstudio"])


@pytest.mark.parametrize("format_", ["doccano", "doccano-relations", "prodigy"])
def test_lines_as_in_training_are_answered_so_and_columns_by_their_name(tmp_path, format_):
    config = corpora.spans(tmp_path)
    columns = config["data"]["train"]
    text = shapes.write_lines(tmp_path / "t.jsonl", shapes.RECORDS)
    source = columns if format_ == "prodigy" else text  # which is known by its tokens
    windowclf.convert(source, path := shapes.path_for(tmp_path, "in", format_), to=format_)
    set_ = [f"data.train={path}", "data.dev=null", f"data.format={format_}"]
    model = windowclf.train(config, [*set_, "data.misaligned=skip"]).model_path
    answer = run(["predict", str(model), path])
    assert answer == run(["predict", str(model), path, "--format", format_])
    key = {"doccano": "label", "doccano-relations": "entities", "prodigy": "spans"}[format_]
    assert key in json.loads(answer[1].split("\n")[0])
    plain = run(["predict", str(model), text])[1].split("\n")[0]
    assert "gold_spans" in json.loads(plain)
    assert windowclf.evaluate(model, columns) == windowclf.evaluate(model, columns, format_="conll")
    found = windowclf.evaluate(model, path)
    assert found == windowclf.evaluate(model, path, format_=format_)


def test_predict_never_writes_over_the_text_beside_the_marks(learnt, tmp_path):
    text, marks = tmp_path / "a.txt", tmp_path / "a.ann"
    text.write_text("Anna met Ben")
    marks.write_text("")
    code, _, err = run(["predict", str(learnt["spans"]), str(marks), "-o", str(text)])
    assert (code, err) == (1, f"--output: expected another file than the input, {text}.\n")
    assert text.read_text() == "Anna met Ben"
