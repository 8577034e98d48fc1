"""evaluate and compare read what predict reads: any format, columns elsewhere, other schemes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import corpora
import pytest
from command_line import run
from heard import Heard

import windowclf
from windowclf.errors import ConfigError, DataError

SENTENCES = corpora.span_sentences(12, 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model that has learnt names, in BIO."""
    config = corpora.spans(tmp_path_factory.mktemp("spans"))
    return windowclf.train(config, ["training.epochs=8"]).model_path


@pytest.fixture(scope="module")
def score(model, tmp_path_factory) -> dict[str, Any]:
    """What it scores on the sentences."""
    folder = tmp_path_factory.mktemp("gold")
    return windowclf.evaluate(model, corpora.write(folder / "gold.conll", corpora.conll(SENTENCES)))


def four_columns(sentences=SENTENCES) -> str:
    """As CoNLL-2003 has them, the label last."""
    rows = (
        ["-DOCSTART- -X- -X- O\n\n"],
        *([f"{t} NN I-NP {tag}\n" for t, tag in s] + ["\n"] for s in sentences),
    )
    return "".join(line for row in rows for line in row)


@pytest.mark.parametrize(
    ("name", "content", "how"),
    [
        ("x", corpora.conll(SENTENCES), {}),
        ("x.bio", corpora.conll(SENTENCES).replace("\t", " "), {}),
        ("x.txt", corpora.conll(SENTENCES), {}),
        ("x.conll", corpora.conll(SENTENCES).replace("\n", "\r\n"), {}),
        ("x.jsonl", corpora.jsonl(SENTENCES), {}),
        ("x.ndjson", corpora.jsonl(SENTENCES), {}),
        ("x.json", corpora.jsonl(SENTENCES), {"format_": "jsonl"}),
        ("x", corpora.jsonl(SENTENCES), {"overrides": ["data.format=jsonl"]}),
        ("x.conll", four_columns(), {"overrides": ["data.label=-1"]}),
        ("x", four_columns(), {"overrides": ["data.label=3"]}),
        (
            "x.conll",
            corpora.conll(corpora.in_scheme(SENTENCES, "BILOU")),
            {"overrides": ["data.scheme=BILOU"]},
        ),
        (
            "x.conll",
            corpora.conll(corpora.in_scheme(SENTENCES, "IOB1")),
            {"overrides": ["data.scheme=IOB1"]},
        ),
        (
            "x.jsonl",
            corpora.jsonl(corpora.in_scheme(SENTENCES, "BIOES")),
            {"overrides": ["data.scheme=IOBES"]},
        ),
        (
            "x.jsonl",
            corpora.jsonl(SENTENCES).replace("labels", "gold"),
            {"overrides": ["data.label=gold"]},
        ),
    ],
)
def test_a_text_scores_the_same_however_it_is_written(model, score, tmp_path, name, content, how):
    path = corpora.write(tmp_path / name, content)
    assert windowclf.evaluate(model, path, **how) == score
    both = windowclf.compare(model, model, path, **how)
    assert both["model"] == both["against"] == score


def test_on_the_command_line(model, score, tmp_path):
    path = corpora.write(tmp_path / "x.conll", four_columns(corpora.in_scheme(SENTENCES, "BILOU")))
    options = ["--set", "data.label=-1", "--set", "data.scheme=BILOU", "--json"]
    code, out, err = run(["evaluate", str(model), path, *options])
    assert (code, err) == (0, "")
    assert json.loads(out) == score
    code, out, err = run(["evaluate", str(model), path, "--against", str(model), *options])
    assert json.loads(out)["model"] == score
    code, _, err = run(["evaluate", str(model), path, "--format", "jsonl"])
    assert code == 1
    assert err.startswith(f"{path}:1: expected a JSON object")


def test_a_named_format_outdoes_that_of_the_overrides(model, score, tmp_path):
    path = corpora.write(tmp_path / "x", corpora.jsonl(SENTENCES))
    how = {"format_": "jsonl", "overrides": ["data.format=conll"]}
    assert windowclf.evaluate(model, path, **how) == score


def test_paths_are_paths_of_any_kind(model, score, tmp_path):
    path = Path(corpora.write(tmp_path / "x.conll", corpora.conll(SENTENCES[:6])))
    more = Path(corpora.write(tmp_path / "y.conll", corpora.conll(SENTENCES[6:])))
    for given in ([path, more], (str(path), more), tmp_path / "*.conll", f"{tmp_path}/[xy].conll"):
        assert windowclf.evaluate(Path(model), given) == score
    windowclf.predict_file(model, path, tmp_path / "out.conll")
    assert windowclf.compress(model, tmp_path / "small", data=path)
    config = {"task": "spans", "output": tmp_path / "run", "data": {"train": path, "dev": [more]}}
    assert windowclf.train(config, ["training.epochs=1"]).model_path.is_file()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_is_read_once(model, score):
    reading, writing = os.pipe()
    os.write(writing, corpora.conll(SENTENCES).encode())
    os.close(writing)
    try:
        assert windowclf.evaluate(model, f"/dev/fd/{reading}") == score
    finally:
        os.close(reading)


def test_files_of_several_formats_are_refused(model, tmp_path):
    corpora.write(tmp_path / "x.conll", corpora.conll(SENTENCES))
    corpora.write(tmp_path / "x.jsonl", corpora.jsonl(SENTENCES))
    with pytest.raises(DataError, match=r"^DATA: expected files of one format, found conll, jsonl"):
        windowclf.evaluate(model, f"{tmp_path}/*")
    with pytest.raises(DataError, match=r"^DATA: no labelled token found"):
        windowclf.evaluate(model, [])


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.lable=2", "--set: data.lable: unknown key; did you mean label?"),
        (
            "data.train=x",
            "--set data.train=x: expected one of the keys that say how a file is read",
        ),
        ("training.epochs=2", "--set training.epochs=2: expected one of the keys"),
        ("data.label", "--set data.label: expected KEY=VALUE"),
        (
            "data.scheme=bilou",
            "--set: data.scheme: expected BIO, IOB1, IO, BIOES, BILOU, BMES or BMEWO, "
            "found 'bilou'; did you mean BILOU?",
        ),
        ("data.format=json", "--set: data.format: expected conll"),
    ],
)
def test_what_is_no_way_of_reading_is_refused(model, tmp_path, override, sentence):
    path = corpora.write(tmp_path / "x.conll", corpora.conll(SENTENCES))
    with pytest.raises(ConfigError) as raised:
        windowclf.evaluate(model, path, overrides=[override])
    assert str(raised.value).startswith(sentence)


def test_another_scheme_than_the_models_is_noticed(model, tmp_path):
    path = corpora.write(tmp_path / "x.conll", corpora.conll(corpora.in_scheme(SENTENCES, "IO")))
    notices: list[str] = []
    windowclf.evaluate(model, path, listener=Heard(notice=notices.append))
    assert notices[0].endswith("but as in IO; give --set data.scheme=IO, or write them in BIO.")
    notices.clear()
    windowclf.evaluate(
        model, path, listener=Heard(notice=notices.append), overrides=["data.scheme=IO"]
    )
    assert notices == []
    path = corpora.write(tmp_path / "y.conll", corpora.conll(corpora.in_scheme(SENTENCES, "BILOU")))
    said = "all labels of the file are BILOU: {}write them in BIO.\n"
    _, _, err = run(["evaluate", str(model), path])
    assert err.splitlines(True)[0].endswith(said.format("give --set data.scheme=BILOU, or "))
    _, _, err = run(["predict", str(model), path, "--keep-labels"])
    assert err.splitlines(True)[0].endswith(said.format(""))


@pytest.mark.parametrize("name", ["x", "x.conll", "x.txt", "x.conllu"])
def test_conllu_of_any_name_for_a_model_of_conllu(tmp_path, name):
    train = corpora.write(
        tmp_path / "train.conllu", corpora.conllu(corpora.tagged_sentences(20, 1))
    )
    model = windowclf.train(corpora.small_config(tmp_path, "tagging", {"train": train})).model_path
    path = corpora.write(tmp_path / name, corpora.conllu(corpora.tagged_sentences(9, 2)))
    assert windowclf.evaluate(model, path)["sentences"] == 9
    # And columns where the label is the second.
    path = corpora.write(tmp_path / "y.bio", corpora.conll(corpora.tagged_sentences(9, 2)))
    assert windowclf.evaluate(model, path)["sentences"] == 9


def test_a_table_of_any_name_for_a_model_of_slots(tmp_path):
    model = windowclf.train(corpora.slots(tmp_path)).model_path
    path = corpora.write(tmp_path / "table", corpora.slots_rows(20, 3))
    assert windowclf.evaluate(model, path)["tokens"] == 20
    code, out, err = run(["predict", str(model), path])
    assert (code, err) == (0, "")
    assert out.startswith("a,b,label,predicted\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "doc.md",
            "# Names\n\nAnna lives in Oslo.\nBen does not.\n",
            "give --format text if it is raw text",
        ),
        ("x.json", '[\n {"tokens": ["Anna"]}\n]\n', "found a JSON array"),
        ("x.txt", corpora.conll(SENTENCES), "found lines of 2 columns; give --format conll"),
        ("x.gz", b"\x1f\x8b\x08", "found a file compressed by gzip"),
    ],
)
def test_predict_answers_no_lines_that_are_no_text(model, tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run(["predict", str(model), str(path)])
    assert (code, out) == (1, "")
    assert err.startswith(f"{path}: expected ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["--format", "conll"]])
def test_standard_input_that_is_no_text_is_refused(model, options):
    code, out, err = run(["predict", str(model), *options], b"\x1f\x8b\x08")
    assert (code, out) == (1, "")
    assert err.startswith("<stdin>: expected text, found a file compressed by gzip")


def test_columns_on_standard_input_are_no_raw_text(model):
    text = corpora.conll(SENTENCES)
    code, out, err = run(["predict", str(model)], text)
    assert (code, out) == (1, "")
    assert "<stdin>: expected raw text, found lines of 2 columns; give --format conll" in err
    assert run(["predict", str(model), "--format", "conll"], text)[0] == 0
    assert run(["predict", str(model), "--format", "text"], text)[0] == 0


@pytest.mark.parametrize("key", ["data.train", "data.dev", "data.test"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Anna lives in Oslo.\nBen does not.\n", "set data.format: conll if these are columns"),
        (
            '{"tokens": ["Anna"], "labels": ["O"]}\n',
            "found JSON Lines, an object a line; set data.format: jsonl",
        ),
    ],
)
def test_files_of_a_config_are_looked_at_too(tmp_path, key, content, said):
    config = corpora.spans(tmp_path)
    path = corpora.write(tmp_path / "data", content)
    with pytest.raises(DataError) as raised:
        windowclf.train(config, [f"{key}={path}"])
    assert str(raised.value).startswith(f"{path}: expected ")
    assert said in str(raised.value)
    if "jsonl" in said and key == "data.train":
        windowclf.train(config, [f"{key}={path}", "data.format=jsonl", "data.dev=null"])
