"""What no reader of a shape can take is one sentence, whoever reads it; nothing is torn."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import corpora
import pytest
import shapes
from command_line import run

import windowclf
from windowclf.errors import DataError, Faults
from windowclf.text.formats import Remarks
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.json_array import _Window

ROWS = [{"tokens": ["Anna", "met", "Oslo"], "ner_tags": [1, 0, 2]}] * 20
NAMES = ["O", "B-PER", "B-LOC"]


def json_lines(path: Path) -> list[shapes.Json]:
    """The objects of a file that a strict reader of JSON takes."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


@pytest.mark.parametrize("form", ["yaml", "--set", "list"])
@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_names_of_integers_are_set_in_every_form(tmp_path, form, format_):
    shapes.skip_unless_there(format_)
    path = shapes.write_lines(tmp_path / "x.jsonl", ROWS)
    if format_ == "parquet":
        path = str(tmp_path / "x.parquet")
        table(path, tokens=[row["tokens"] for row in ROWS], ner_tags=[r["ner_tags"] for r in ROWS])
    data: dict[str, Any] = {"train": path, "dev": path, "label": "ner_tags"}
    if form != "--set":
        data["names"] = NAMES
    config: Any = corpora.small_config(tmp_path, "spans", data)
    if form == "yaml":
        config = corpora.write(tmp_path / "c.yaml", json.dumps(config))
    set_ = [f"data.names={json.dumps(NAMES)}"] if form == "--set" else []
    trained = windowclf.train(config, [corpora.LEARN, *set_], overwrite=True)
    assert trained.evaluations["dev"]["spans"]["f1"] == 1


def table(path: str | Path, metadata: dict[str, Any] | None = None, **columns: Any) -> str:
    """Write a table of Parquet."""
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    made = arrow.table(columns).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(made, path)
    return str(path)


@pytest.mark.parametrize("to", ["conll", "conllu", "token-csv", "spacy-json"])
def test_integers_of_lines_are_converted_by_their_names_or_refused(tmp_path, to):
    path = shapes.write_lines(tmp_path / "x.jsonl", ROWS[:1])
    set_ = ["data.label=ner_tags"]
    out = shapes.path_for(tmp_path, "y", to)
    with pytest.raises(DataError, match=r"x.jsonl:1: .*the integer 1; set data\.names"):
        windowclf.convert(path, out, to=to, overrides=set_)
    with pytest.raises(DataError, match=r"x.jsonl:1: expected integers below 2"):
        windowclf.convert(path, out, to=to, overrides=[*set_, "data.names=[O,B-PER]"])
    names = [*set_, "data.names=[O,B-PER,B-LOC]"]
    windowclf.convert(path, out, to=to, overrides=names)
    assert "PER" in Path(out).read_text()
    bare = shapes.write_lines(tmp_path / "z.jsonl", [{"tokens": ["a"], "labels": [0]}])
    windowclf.convert(bare, out, to=to, overrides=names[1:], overwrite=True)


@pytest.mark.parametrize(
    "labels", [3, "O", [1.5], [["O"]], [{}], ["O", "O"], [True]], ids=lambda value: str(value)
)
@pytest.mark.parametrize("to", ["conll", "conllu", "token-csv", "spacy-json"])
def test_labels_that_are_no_list_of_texts_are_refused(tmp_path, to, labels):
    path = shapes.write_lines(tmp_path / "x.jsonl", [{"tokens": ["a"], "labels": labels}])
    with pytest.raises(DataError, match=r"x.jsonl:1: expected "):
        windowclf.convert(path, shapes.path_for(tmp_path, "y", to), to=to)


def test_values_that_json_has_not_are_text_in_lines_and_the_rest_is_counted(tmp_path):
    pytest.importorskip("pyarrow")
    odd = {
        "when": [datetime(2020, 1, 2, 3, 4)],
        "day": [date(2020, 1, 2)],
        "price": [Decimal("1.50")],
        "known": [b"abc"],
        "raw": [b"\xff"],
        "rate": [float("nan")],
        "deep": [[{"x": float("inf"), "at": time(1, 2)}]],
    }
    path = table(tmp_path / "x.parquet", text=["a b"], spans=[SPAN], **odd)
    done = windowclf.convert(path, tmp_path / "y.jsonl")
    assert done["left_out"] == {
        "NaN or Infinity of a record": 2,
        "bytes that are no UTF-8 of a record": 1,
    }
    (record,) = json_lines(tmp_path / "y.jsonl")
    assert record == {
        "text": "a b",
        "spans": SPAN,
        "when": "2020-01-02T03:04:00",
        "day": "2020-01-02",
        "price": "1.50",
        "known": "abc",
        "deep": [{"x": None, "at": "01:02:00"}],
    }
    for to in ("labelstudio", "spacy", "token-csv", "conllu", "prodigy"):
        shapes.skip_unless_there(to)
        windowclf.convert(path, shapes.path_for(tmp_path, "z", to), to=to)
    with pytest.raises(DataError, match="JSON can hold in 'deep', found NaN or Infinity"):
        windowclf.convert(path, tmp_path / "y.arrow")


SPAN = [{"start": 0, "end": 1, "label": "X"}]
BAD_JSON = ["{", "[]", "5", '"a"', '{"info": 3}', '{"info": {"features": []}}', "[" * 99_999]
TAGGED = {"tokens": [["a"]], "ner_tags": [[1]]}


def of_names(names: Any) -> str:
    feature = {"feature": {"names": names}}
    return json.dumps({"info": {"features": {"ner_tags": feature}}})


def bad_tables(path: Path) -> Iterator[tuple[str, str]]:
    """Tables that cannot be read, and what is said of each."""
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    for metadata in [*BAD_JSON, of_names([1, 2]), of_names({}), of_names([None])]:
        yield table(path, {"huggingface": metadata}, **TAGGED), "set data.names"
    for spans in ([3], ["x"], [[3]], [["x"]], [[date(2020, 1, 1)]]):
        yield table(path, text=["a"], spans=spans), "expected "
    for labels in ([3], ["x"], [b"x"], [date(2020, 1, 1)]):
        yield table(path, tokens=[["a"]], labels=labels), 'expected "labels" to be a list'
    for value in ("{", "NaN", "[" * 9999):
        fields = [
            arrow.field("text", arrow.string()),
            arrow.field("meta", arrow.string(), metadata={"windowclf": "json"}),
        ]
        made = arrow.table([["a"], [value]], schema=arrow.schema(fields))
        pyarrow.parquet.write_table(made, path)
        yield str(path), "JSON in 'meta'"
    twice = arrow.Table.from_arrays([arrow.array(["a"])] * 2, names=["text", "text"])
    pyarrow.parquet.write_table(twice, path)
    yield str(path), "expected columns of different names, found 'text' twice"
    bad = arrow.array([b"\xff"]).view(arrow.string())
    pyarrow.parquet.write_table(arrow.table({"text": bad}), path)
    yield str(path), "pyarrow says"


@pytest.mark.slow
def test_tables_that_cannot_be_read_are_one_sentence_in_every_command(learnt, tmp_path):
    path = tmp_path / "x.parquet"
    model, out = str(learnt["spans"]), tmp_path / "out"
    for number, (file, sentence) in enumerate(bad_tables(path)):
        commands = [["convert", file, str(out), "--to", to] for to in ("jsonl", "conll")]
        commands += [["predict", model, file, "-o", str(out)], ["evaluate", model, file]]
        config = corpora.small_config(tmp_path, "spans", {"train": file, "dev": file})
        commands.append(["check", corpora.write(tmp_path / "c.yaml", json.dumps(config))])
        commands.append(["init", str(tmp_path / "new.yaml"), "--data", file])
        for command in commands if number % 3 == 0 else commands[:2]:
            code, shown, told = run(command)
            told += shown
            where = (number, command, told)
            assert "Traceback" not in told, where
            if command[0] in ("evaluate", "check") or command[-1] == "conll":
                assert code, where
                assert sentence in told, where
            out.unlink(missing_ok=True)
            (tmp_path / "new.yaml").unlink(missing_ok=True)


def test_an_array_after_a_long_element_is_not_copied_for_each_sign():
    long = json.dumps("a" * 300_000)
    elements = ["1"] * 4000
    source = Input("x", "", iter(()), Faults(), None, io.BytesIO(b""))
    window = _Window(source)
    window._text = _Counted("[" + ",".join([long, *elements]) + "]")
    assert window.takes("[")
    for _ in range(500):
        window.value()
        assert window.takes(",")
    assert _Counted.copied < 1_000_000


class _Counted(str):
    """A text that counts what is copied of it."""

    copied = 0

    def __getitem__(self, at: Any) -> str:
        part = super().__getitem__(at)
        _Counted.copied += len(part)
        return part


def docbin(path: Path, **parts: Any) -> str:
    """Write a DocBin with other parts than spaCy gives it."""
    tokens = pytest.importorskip("spacy.tokens")
    srsly = pytest.importorskip("srsly")
    vocab = pytest.importorskip("spacy.vocab").Vocab()
    doc = tokens.Doc(vocab, words=["a", "b"])
    doc.cats = {"x": 1.0}
    doc.spans["g"] = [tokens.Span(doc, 0, 1, "X")]
    doc.set_ents([tokens.Span(doc, 0, 1, "X", kb_id="Q1")])
    doc.user_data.update({"meta": {"raw": b"\xff", "pair": (1, 2)}, ("k", 1): 2})
    whole = tokens.DocBin(store_user_data=True, docs=[doc]).to_bytes()
    made = srsly.msgpack_loads(zlib.decompress(whole))
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(made | parts)))
    return str(path)


@pytest.mark.parametrize(
    "parts",
    [{"flags": [[1]]}, {"flags": [1]}, {"attrs": []}, {"user_data": [3]}, {"cats": 3}],
    ids=str,
)
def test_a_bin_with_odd_parts_is_one_sentence(tmp_path, parts):
    with pytest.raises(DataError, match=r"x\.spacy: expected a DocBin of spaCy"):
        shapes.read(docbin(tmp_path / "x.spacy", **parts), "spacy")


def test_what_else_a_bin_says_is_counted(tmp_path):
    remarks = Remarks()
    (record,) = shapes.read(docbin(tmp_path / "x.spacy"), "spacy", remarks)
    assert record["meta"] == {"raw": None, "pair": [1, 2]}
    for what in ("cats", "span groups", "other user_data"):
        assert remarks.no_spans[f"text with {what}"] == 1
    assert remarks.no_spans["kb_id of an entity"] == 1
    assert remarks.no_spans["value of bytes that are no UTF-8"] == 1


def test_a_bin_that_unpacks_to_far_more_is_refused_before_it_is(tmp_path):
    pytest.importorskip("spacy")
    path = tmp_path / "x.spacy"
    path.write_bytes(zlib.compress(bytes(80 << 20)))
    with pytest.raises(DataError, match=r"x\.spacy: expected a DocBin of at most 65 MiB unpacked"):
        shapes.read(str(path), "spacy")


@pytest.mark.parametrize("value", [3, "x", ["a", "b"], [1], ["a\tb"], ["a\nb"], [""], {"a": 1}])
@pytest.mark.parametrize("key", ["lemma", "head", "misc", "comments"])
def test_what_is_no_column_of_conllu_is_refused(tmp_path, key, value):
    path = shapes.write_lines(tmp_path / "x.jsonl", [{"tokens": ["a"], key: value}])
    with pytest.raises(DataError, match=r"x\.jsonl:1: expected "):
        windowclf.convert(path, tmp_path / "y.conllu")
