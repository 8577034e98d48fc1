"""convert: what goes into a shape comes out again, what has no place is listed, nothing is torn."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import shapes
from command_line import run
from heard import Heard
from shapes import RECORDS, SENTENCES, essence

import windowclf
from windowclf.errors import DataError
from windowclf.pipeline.converted_folder import BratFolder
from windowclf.text.formats import Layout, read_sentences

HELD = {  # which keys besides text and spans a shape gives back
    "labelstudio": ("id", "meta"),
    "labelstudio-min": ("id", "meta"),
    "doccano": ("id", "meta"),
    "doccano-relations": ("id", "meta"),
    "prodigy": ("id", "meta"),
    "spacy": ("id", "meta"),
    "parquet": ("id", "meta"),
    "arrow": ("id", "meta"),
    "brat": ("id",),
    "webanno": ("id",),
    "conllu": ("id",),
    "token-csv": ("id",),
    "spacy-json": (),
    "brackets": (),
    "conll": (),
}


def converted(source: str, folder: Path, name: str, to: str, read_as: str | None = None) -> str:
    path = shapes.path_for(folder, name, to)
    windowclf.convert(source, path, read_as, to)
    return path


@pytest.mark.parametrize("other", shapes.TEXTS)
@pytest.mark.parametrize("one", shapes.TEXTS)
def test_texts_go_through_every_pair_of_shapes_and_come_back(tmp_path, one, other):
    """From one to the other and back, and in and out by our own lines."""
    shapes.skip_unless_there(one, other)
    source = shapes.write_lines(tmp_path / "x.jsonl", RECORDS)
    first = converted(source, tmp_path, "first", one)
    second = converted(first, tmp_path, "second", other, one)
    third = converted(second, tmp_path, "third", one, other)
    keys = [key for key in HELD[one] if key in HELD[other]]
    before, after = shapes.read(first, one), shapes.read(third, one)
    assert [essence(r, *keys) for r in after] == [essence(r, *keys) for r in before]
    back = json_lines(converted(third, tmp_path, "back", "jsonl", one))
    assert [essence(r, *keys) for r in back] == [essence(r, *keys) for r in RECORDS]


@pytest.mark.parametrize("other", shapes.TOKENS)
@pytest.mark.parametrize("one", shapes.TOKENS)
def test_tokens_go_through_every_pair_of_shapes_and_come_back(tmp_path, one, other):
    shapes.skip_unless_there(one, other)
    source = shapes.write_lines(tmp_path / "x.jsonl", SENTENCES)
    first = converted(source, tmp_path, "first", one)
    second = converted(first, tmp_path, "second", other, one)
    third = converted(second, tmp_path, "third", one, other)
    keys = [key for key in HELD[one] if key in HELD[other]]
    back = json_lines(converted(third, tmp_path, "back", "jsonl", one))
    assert [essence(r, *keys) for r in back] == [essence(r, *keys) for r in SENTENCES]


@pytest.mark.parametrize("other", shapes.TEXTS)
def test_tokens_become_a_text_and_tokens_again(tmp_path, other):
    """Cut at spaces, where the shape does not keep the tokens."""
    shapes.skip_unless_there(other)
    source = shapes.write_lines(tmp_path / "x.jsonl", SENTENCES)
    middle = converted(source, tmp_path, "middle", other)
    end = shapes.path_for(tmp_path, "end", "conll")
    windowclf.convert(middle, end, other, overrides=["data.tokenizer=whitespace"])
    back = json_lines(converted(end, tmp_path, "back", "jsonl"))
    assert [essence(r) for r in back] == [essence(r) for r in SENTENCES]


def test_tokens_beside_a_text_are_those_of_columns(tmp_path):
    record = {"tokens": ["can", "not", ".5"], "labels": ["O"] * 3}
    source = shapes.write_lines(tmp_path / "x.jsonl", [record])
    middle = converted(source, tmp_path, "middle", "prodigy")
    for read_as in (None, "jsonl"):
        end = converted(middle, tmp_path, f"end-{read_as}", "conll", read_as)
        assert Path(end).read_text() == "can\tO\nnot\tO\n.5\tO\n\n"


def json_lines(path: str) -> list[shapes.Json]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def of_records(*keys: str) -> dict[str, int]:
    return {f"{key} of a record": 3 for key in keys}


def test_what_has_no_place_is_listed_with_its_number(tmp_path):
    records = [r | {"note": "n", "empty": []} for r in RECORDS]
    records[0]["spans"][0]["score"] = 0.5
    source = shapes.write_lines(tmp_path / "x.jsonl", records)
    for to, left_out in {
        "jsonl": {},
        "doccano": {"score of a span": 1},
        "labelstudio": of_records("note"),
        "brackets": {**of_records("id", "meta", "note"), "score of a span": 1},
        "conll": {**of_records("id", "meta", "note", "text"), "score of a span": 1},
    }.items():
        notices: list[str] = []
        path = shapes.path_for(tmp_path, to, to)
        heard, skip = Heard(notice=notices.append), ["data.misaligned=skip"]
        done = windowclf.convert(source, path, to=to, overrides=skip, listener=heard)
        assert done["left_out"] == left_out
        assert done["records"] == 3
        assert len([n for n in notices if "left out" in n]) == bool(left_out)
        if to == "brackets":
            assert notices == [
                "convert: left out, as brackets has no place for it: id of 3 records, "
                "meta of 3 records, note of 3 records, score of 1 span."
            ]


def test_columns_and_documents_of_columns_come_along_where_they_can(tmp_path):
    text = "a X B-PER\nb Y I-PER\n\n-DOCSTART- X O\n\nc X O\n\n"
    source = tmp_path / "x.conll"
    source.write_text(text)
    set_ = ["data.label=2"]
    windowclf.convert(source, tmp_path / "x.jsonl", overrides=set_)
    assert json_lines(str(tmp_path / "x.jsonl")) == [
        {"tokens": ["a", "b"], "labels": ["B-PER", "I-PER"], "column_1": ["X", "Y"]},
        {"tokens": ["c"], "labels": ["O"], "document": 1, "column_1": ["X"]},
    ]
    done = windowclf.convert(source, tmp_path / "y.conll", overrides=set_, scheme="BIOES")
    assert done["left_out"] == {"column_1 of a record": 2}
    assert (tmp_path / "y.conll").read_text() == ("a\tB-PER\nb\tE-PER\n\n-DOCSTART-\tO\n\nc\tO\n\n")
    windowclf.convert(source, tmp_path / "x.csv", overrides=set_)
    assert (tmp_path / "x.csv").read_text().splitlines()[:2] == [
        "Sentence #,Word,Tag,column_1",
        "Sentence: 1,a,B-PER,X",
    ]


def test_universal_dependencies_come_back_with_their_columns(tmp_path, corpora):
    text = (corpora / "ud_en_ewt" / "en_ewt-ud-dev.conllu").read_text(encoding="utf-8")
    lines = [
        line
        for line in text.split("\n")[:5000]
        if "\t" not in line or line.partition("\t")[0].isdigit()
    ]
    (tmp_path / "x.conllu").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    windowclf.convert(tmp_path / "x.conllu", tmp_path / "x.jsonl")
    windowclf.convert(tmp_path / "x.jsonl", tmp_path / "y.conllu")

    def rows(name: str) -> list[str]:
        lines = (tmp_path / name).read_text(encoding="utf-8").split("\n")
        return [line for line in lines if "\t" in line]

    assert rows("x.conllu") == rows("y.conllu")


def test_rejected_records_do_not_become_gold(tmp_path):
    records = [RECORDS[0] | {"answer": "reject"}, RECORDS[1] | {"answer": "accept"}]
    source = shapes.write_lines(tmp_path / "x.jsonl", records)
    done = windowclf.convert(source, tmp_path / "x.json", to="labelstudio")
    assert done["left_out"] == {"labels of a record that was rejected or ignored": 1}
    one, two = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert "annotations" not in one
    assert "annotations" in two
    windowclf.convert(source, tmp_path / "p.jsonl", to="prodigy")
    assert [r["answer"] for r in json_lines(str(tmp_path / "p.jsonl"))] == ["reject", "accept"]


def test_an_output_is_whole_or_not_there_and_never_over_another_file(tmp_path):
    source = shapes.write_lines(tmp_path / "x.jsonl", RECORDS)
    out = tmp_path / "out.json"
    out.write_text("mine")
    code, _, err = run(["convert", source, str(out), "--to", "labelstudio"])
    assert (code, out.read_text()) == (1, "mine")
    assert err == f"{out}: there is a file already; choose another name, or give --overwrite.\n"
    code, said, _ = run(["convert", source, str(out), "--to", "labelstudio", "--overwrite"])
    assert (code, said) == (0, "3 records, jsonl to labelstudio\n")
    outside = {"text": "a", "spans": [{"start": 0, "end": 9, "label": "X"}]}
    bad = shapes.write_lines(tmp_path / "bad.jsonl", [*RECORDS, outside])
    old = out.read_bytes()
    code, _, err = run(["convert", bad, str(out), "--to", "labelstudio", "--overwrite"])
    assert (code, out.read_bytes()) == (1, old)
    assert err.startswith(f"{bad}:4: expected spans in the text, found ")
    code, _, err = run(["convert", source, source, "--overwrite"])
    assert (code, err) == (1, f"OUT: expected another file than the input, {source}.\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    windowclf.convert(source, folder, to="brat")
    assert sorted(p.name for p in folder.iterdir())[0] == "doc-1.ann"
    with pytest.raises(DataError, match="expected a new or empty folder for brat's files"):
        windowclf.convert(source, folder, to="brat", overwrite=True)
    with pytest.raises(DataError, match="expected spans in the text"):
        windowclf.convert(bad, tmp_path / "other", to="brat")
    assert not [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp") or p.name == "other"]


def test_spans_that_overlap_go_where_they_may(tmp_path):
    spans = [{"start": 0, "end": 9, "label": "A"}, {"start": 5, "end": 9, "label": "B"}]
    source = shapes.write_lines(tmp_path / "x.jsonl", [{"text": "Anna Berg", "spans": spans}])
    for to in ("labelstudio", "doccano", "brat", "spacy-json"):
        path = converted(source, tmp_path, to, to)
        assert essence(shapes.read(path, to)[0])["spans"] == [(0, 9, "A"), (5, 9, "B")]
    for to in ("webanno", "brackets", "conll"):
        with pytest.raises(DataError, match="'Berg' \\(B\\) overlaps the span 0–9"):
            converted(source, tmp_path, to, to)


@pytest.mark.parametrize(
    ("record", "to", "sentence"),
    [
        ({"text": "a\nb", "spans": []}, "brackets",
         "expected a text without line ends, found 'a\\nb'; convert to jsonl."),
        ({"text": "see [a](b) c", "spans": []}, "brackets",
         "expected a text that brackets leave clear, found 'see [a](b) c'; convert to jsonl."),
        ({"tokens": ["a\tb"], "labels": ["O"]}, "conll",
         "expected a text without tabs and line ends, found 'a\\tb'."),
        ({"text": "ab", "spans": [{"start": 0, "end": 2, "label": "A B"}]}, "brat",
         "expected labels without white space, found 'A B'."),
        ({"tokens": ["a"], "labels": ["NOUN"]}, "labelstudio",
         "expected a BIO label (O, B-TYPE, I-TYPE), found 'NOUN'; a text holds spans, so set "
         "data.scheme, or convert to a file of tokens."),
        ({"a": 1}, "labelstudio", 'expected "text" or a list of words as "tokens", found none.'),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_held_is_refused_with_its_line(tmp_path, record, to, sentence):
    source = shapes.write_lines(tmp_path / "x.jsonl", [record])
    with pytest.raises(DataError) as raised:
        converted(source, tmp_path, "out", to)
    assert str(raised.value) == f"{source}:1: {sentence}"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["x.jsonl", "y.json"], "--to: expected a format, as y.json does not say which; for .json "
         "it is labelstudio, labelstudio-min or spacy-json."),
        (["-", "y.conll"], "--from: expected the name of a format, as - does not say which."),
        (["x.jsonl", "y.conll", "--from", "no"], "--from: expected one of conll, conllu,"),
        (["x.jsonl", "y.csv", "--to", "csv"], "--to: csv holds rows of slots; expected another"),
        (["x.jsonl", "y.conll", "--scheme", "no"], "--scheme: expected one of BIO,"),
        (["none.jsonl", "y.conll"], "none.jsonl: no such file; from the working directory"),
        (["empty.jsonl", "y.conll"], "empty.jsonl: no record found; nothing to convert."),
    ],
)  # fmt: skip
def test_commands_that_cannot_be_followed(tmp_path, monkeypatch, command, sentence):
    monkeypatch.chdir(tmp_path)
    shapes.write_lines("x.jsonl", RECORDS)
    shapes.write_lines("empty.jsonl", [])
    code, out, err = run(["convert", *command])
    assert (code, out) == (1, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_standard_input_and_output(tmp_path):
    text = "".join(json.dumps(record) + "\n" for record in SENTENCES)
    code, out, err = run(["convert", "-", "-", "--from", "jsonl", "--to", "conll"], text)
    assert (code, err) == (
        0,
        "note: convert: left out, as conll has no place for it: id of 2 records.\n",
    )
    assert out.startswith("Anna\tB-PER\nBerg\tI-PER\n")


def test_what_needs_a_package_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    source = shapes.write_lines(tmp_path / "x.jsonl", RECORDS)
    with pytest.raises(DataError, match=r"pip install 'windowclf\[parquet\]'"):
        windowclf.convert(source, tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_columns_that_only_some_sentences_have_are_left_out_of_a_table_and_counted(tmp_path):
    first = "# sent_id = a\n# one\n# two\n1\tAnna\tanna\tPROPN\t_\t_\t_\t_\t_\t_\n2\tran\trun\tVERB"
    text = (
        f"{first}\t_\t_\t_\t_\t_\t_\n\n# three\n1\tBen\t_\tPROPN\t_\t_\t_\t_\t_\tSpaceAfter=No\n\n"
    )
    (tmp_path / "x.conllu").write_text(text)
    done = windowclf.convert(tmp_path / "x.conllu", tmp_path / "x.csv", to="token-csv")
    assert done["left_out"] == {"comments of a record": 2, "misc of a record": 1}
    assert (tmp_path / "x.csv").read_text().splitlines() == [
        "Sentence #,Word,Tag,lemma",
        "a,Anna,PROPN,anna",
        "a,ran,VERB,run",
        "Sentence: 2,Ben,PROPN,",
    ]


def test_no_file_that_is_read_is_written_over(tmp_path, monkeypatch):
    """The second file of a glob, and the text beside an .ann, by any name."""
    monkeypatch.chdir(tmp_path)
    for name in ("g1.jsonl", "g2.jsonl"):
        shapes.write_lines(name, RECORDS[:1])
    converted("g1.jsonl", Path(), "a", "brat")
    Path("link.txt").symlink_to("a/doc-1.txt")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for source, output in (
        ("g*.jsonl", "g2.jsonl"),
        ("a/doc-1.ann", "a/doc-1.txt"),
        ("a/doc-1.ann", "link.txt"),
        ("a", "a/doc-1.txt"),
    ):
        code, _, err = run(["convert", source, output, "--to", "doccano", "--overwrite"])
        assert (code, err) == (1, f"OUT: expected another file than the input, {output}.\n")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("to", ["jsonl", "parquet", "arrow", "doccano", "conll"])
@pytest.mark.parametrize(
    ("start", "end"), [(-4, 4), (0, 5), (2, 2), (3, 1), (True, 4), (0, True), (0.0, 4)]
)
def test_spans_outside_their_text_are_faults_of_every_reader(tmp_path, to, start, end):
    shapes.skip_unless_there(to)
    place = {"start": start, "end": end}
    result = {"type": "labels", "value": {**place, "labels": ["X"]}}
    task = {"data": {"text": "Anna"}, "annotations": [{"result": [result]}]}
    for read_as, content in {
        "jsonl": {"text": "Anna", "spans": [{**place, "label": "X"}]},
        "doccano": {"text": "Anna", "label": [[start, end, "X"]]},
        "labelstudio": [task],
        "labelstudio-min": [{"text": "Anna", "label": [{**place, "labels": ["X"]}]}],
        "spacy-json": [["Anna", {"entities": [[start, end, "X"]]}]],
    }.items():
        source = tmp_path / read_as
        source.write_text(json.dumps(content))
        with pytest.raises(DataError, match=f"^{source}:1: .*expected "):
            converted(str(source), tmp_path, "out", to, read_as)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("labels", [[None], [{"x": 1}, 5], ["X", None]])
def test_labels_of_label_studio_are_texts(tmp_path, labels):
    value = {"start": 0, "end": 4, "labels": labels}
    task = {
        "data": {"text": "Anna"},
        "annotations": [{"result": [{"type": "labels", "value": value}]}],
    }
    for read_as, content in {
        "labelstudio": task,
        "labelstudio-min": {"text": "Anna", "label": [value]},
    }.items():
        source = tmp_path / read_as
        source.write_text(json.dumps([content]))
        with pytest.raises(
            DataError, match="1: record 1: expected a value with start, end and lab"
        ):
            converted(str(source), tmp_path, "out", "jsonl", read_as)


def test_texts_of_several_sentences_stay_documents(tmp_path):
    texts = ["One here.", "Anna ran. Ben sat.", "Oslo.", "A dog ran. It sat."]
    records: list[shapes.Json] = [{"text": text, "spans": []} for text in texts]
    source = shapes.write_lines(tmp_path / "x.jsonl", records)
    read_as = {to: Layout(to, "spans", read_labels=False) for to in ("conll", "conllu")}
    for to, mark in {"conll": "-DOCSTART-\tO\n\n", "conllu": "# newdoc\n"}.items():
        path = tmp_path / f"x.{to}"
        assert windowclf.convert(source, path)["left_out"] == {"text of a record": 4}
        documents = path.read_text().split(mark)
        assert [text.count("\n\n") for text in documents] == [1, 2, 1, 2]
        sentences = [s for s in read_sentences(path, read_as[to]) if s.tokens]
        assert [s.document for s in sentences] == [0, 1, 1, 2, 3, 3]
    done = windowclf.convert(source, tmp_path / "x.csv", to="token-csv")
    assert done["left_out"] == {"text of a record": 4, "document of a record": 3}
    source = shapes.write_lines(tmp_path / "y.jsonl", [records[0], records[2]])
    windowclf.convert(source, tmp_path / "y.conll")
    assert "-DOCSTART-" not in (tmp_path / "y.conll").read_text()


def test_an_empty_folder_is_filled_where_it_is(tmp_path):
    """It stays the same one, with its permissions, for who stands in it; through a link too."""
    source = shapes.write_lines(tmp_path / "x.jsonl", RECORDS)
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    before = folder.stat()
    bad = shapes.write_lines(tmp_path / "bad.jsonl", [*RECORDS, {"a": 1}])
    with pytest.raises(DataError, match=r"bad\.jsonl:4: "):
        windowclf.convert(bad, link, to="brat")
    assert not list(folder.iterdir())
    windowclf.convert(source, link, to="brat")
    after = folder.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert link.is_symlink()
    names = [f"doc-{n}.{suffix}" for n in (1, 2, 3) for suffix in ("ann", "txt")]
    assert sorted(path.name for path in folder.iterdir()) == names


@pytest.mark.parametrize("is_there", [True, False])
def test_what_others_put_into_a_folder_meanwhile_stays(tmp_path, is_there):
    folder = tmp_path / "folder"
    if is_there:
        folder.mkdir()
    with (  # noqa: PT012 — what closing finds, and not what comes before
        pytest.raises(DataError, match="somebody has put something"),
        BratFolder(str(folder), Counter()) as out,
    ):
        out.put({"id": "a", "text": "Anna", "spans": []})
        folder.mkdir(exist_ok=True)
        (folder / "a.txt").write_text("mine")
        out.close()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_cannot_be_filled_is_left_empty(tmp_path, monkeypatch):
    def refused(self: Path, target: Path) -> Path:
        if target.suffix == ".txt":
            raise OSError(28, "No space left on device")
        os.rename(self, target)  # noqa: PTH104 — the method itself is the one exchanged
        return target

    monkeypatch.setattr(Path, "rename", refused)
    source = shapes.write_lines(tmp_path / "x.jsonl", RECORDS)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot write, no space left"):
        windowclf.convert(source, tmp_path / "folder", to="brat")
    assert not list((tmp_path / "folder").iterdir())


def test_two_spans_of_one_id_get_two_in_brat(tmp_path):
    spans = [
        {"start": n, "end": n + 1, "label": "X", "id": i} for n, i in enumerate(["T1", "T1", []])
    ]
    source = shapes.write_lines(tmp_path / "x.jsonl", [{"id": "a", "text": "abc", "spans": spans}])
    folder = converted(source, tmp_path, "out", "brat")
    lines = (Path(folder) / "a.ann").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["T1", "T2", "T3"]


def test_ids_that_are_no_names_become_numbers_and_are_counted(tmp_path):
    """Of another sign, longer than a name may be in bytes, and of a file that is there already."""
    ids = ["a/b", "東" * 90, "c", "C", "東" * 83, None, ""]
    source = shapes.write_lines(tmp_path / "x.jsonl", [{"id": i, "text": "a"} for i in ids])
    notices: list[str] = []
    heard = Heard(notice=notices.append)
    windowclf.convert(source, tmp_path / "out", to="brat", listener=heard)
    names = ["000001", "000002", "000004", "000006", "000007", "c", "東" * 83]
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == names
    assert notices == [
        "convert: left out, as brat has no place for it: id of 3 records (a number names "
        "its files)."
    ]


def test_sentences_of_a_table_stay_apart_whatever_their_ids(tmp_path):
    ids = ["", "", "a", "", "a", "a", None, "Sentence: 8", ""]
    records = [{"id": i, "tokens": [str(n)], "labels": ["O"]} for n, i in enumerate(ids)]
    source = shapes.write_lines(tmp_path / "x.jsonl", records)
    table = converted(source, tmp_path, "out", "token-csv")
    assert [r["tokens"] for r in shapes.read(table, "token-csv")] == [r["tokens"] for r in records]
