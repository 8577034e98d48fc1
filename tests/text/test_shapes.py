"""The shapes one by one: what readers make of files, which faults they name, what is guessed."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import corpora
import pytest
import shapes
from hypothesis import given, settings
from hypothesis import strategies as st

import windowclf
from windowclf.errors import DataError, Faults
from windowclf.pipeline.input_files import files_of
from windowclf.text.formats import Layout, Remarks, make_writer, read_sentences
from windowclf.text.formats.beginnings import fault_in_beginning
from windowclf.text.formats.guess import _by_beginning, guess_shape
from windowclf.text.formats.lines import Input
from windowclf.text.formats.shapes.json_array import elements_of

WEBANNO = (
    "#FORMAT=WebAnno TSV 3.3\n"
    "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"
    "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n"
    "#T_RL=custom.Relation|label|BT_de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity\n\n\n"
    "#Sentence.id=s1\n"
    "#Text=😀 Anna Berg\\\\met A_B .\n"
    "1-1\t0-2\t😀\tSYM\t_\t_\t_\t_\t\n"
    "1-2\t3-7\tAnna\tN\t*[1]\tPER\\_X[1]\t_\t_\t\n"
    "1-3\t8-12\tBerg\tN\t*[1]\tPER\\_X[1]\t_\t_\t\n"
    "1-4\t12-13\t\\\\\t_\t_\t_\t_\t_\t\n"
    "1-5\t13-16\tmet\tV\t_\t_\t_\t_\t\n"
    "1-6\t17-20\tA_B\tN\t_\t_\t_\t_\t\n"
    "1-6.1\t17-18\tA\t_\t*\tORG\t_\t_\t\n"
    "1-7\t21-22\t.\t_\t*\t*\t_\t_\t\n"
    "\n"
    "#Text=Oslo\n"
    "2-1\t23-27\tOslo\tN\t*\tLOC\tof\t1-2[0_1]\t\n"
)


def told(tmp_path: Path, name: str, text: str | bytes, format_: Any, **layout: Any) -> str:
    """What is said of a file that cannot be read, without its folder."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as raised:
        shapes.read(str(path), format_, **layout)
    return str(raised.value).replace(f"{tmp_path}/", "")


def test_webanno_is_read_with_its_escapes_units_and_parts(tmp_path):
    path = corpora.write(tmp_path / "x.tsv", WEBANNO)
    remarks = Remarks()
    one, two = shapes.read(path, "webanno", remarks)
    assert one["id"] == "s1"
    assert one["text"] == "😀 Anna Berg\\met A_B ."
    assert [t["text"] for t in one["tokens"]] == ["😀", "Anna", "Berg", "\\", "met", "A_B", "."]
    marked = [(one["text"][s["start"] : s["end"]], s["label"]) for s in one["spans"]]
    assert marked == [("Anna Berg", "PER_X"), ("A", "ORG")]
    assert shapes.essence(two) == {"text": "Oslo", "spans": [(0, 4, "LOC")]}
    assert remarks.no_spans == {"value of another layer": 8, "span without a label": 1}
    pos = shapes.read(path, "webanno", label="PosValue")
    assert [s["label"] for s in pos[0]["spans"]] == ["SYM", "N", "N", "V", "N"]


def test_faults_of_webanno(tmp_path):
    stacked = WEBANNO.replace("LOC\tof", "LOC[2]|PER[3]\tof")
    assert told(tmp_path, "x.tsv", stacked, "webanno") == (
        "x.tsv:19: expected one label a token, found 'LOC[2]|PER[3]'; keep one of them."
    )
    other = WEBANNO.replace("#Text=Oslo", "#Text=Lima")
    assert told(tmp_path, "x.tsv", other, "webanno").startswith(
        "x.tsv:19: expected tokens of the text 'Lima', found others: '2-1\\t23-27\\tOslo"
    )
    assert "set data.label" in told(tmp_path, "x.tsv", WEBANNO, "webanno", label="no")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("T1\tPER 0 3;5 9\tAnn Berg",
         "expected one stretch of text, found several, 0 3;5 9; join them, or leave it out."),
        ("T1\tPER 0 4\tBerg", "expected 'Berg' at 0–4 of the text, found 'Anna'."),
        ("T1\tPER 0 99\tAnna", "expected 'Anna' at 0–99 of the text, found 'Anna\\nBerg'."),
        ("T1 PER 0 4 Anna",
         "expected T1, a tab, LABEL START END, a tab, text; found 'T1 PER 0 4 Anna'."),
        ("Xnna", "expected an annotation, T1 and so on, found 'Xnna'."),
    ],
)  # fmt: skip
def test_faults_of_brat_name_the_line(tmp_path, line, sentence):
    (tmp_path / "x.txt").write_text("Anna\nBerg")
    said = told(tmp_path, "x.ann", f"T2\tPER 0 9\tAnna Berg\n{line}\n", "brat")
    if "99" not in line:
        assert said == f"x.ann:2: {sentence}"
    else:
        assert said.startswith("x.ann:2: expected 'Anna' at 0–99")


def test_what_else_brat_has_is_counted_and_a_text_must_be_there(tmp_path):
    (tmp_path / "x.txt").write_text("Anna Berg")
    lines = "T1\tPER 0 4\tAnna\nR1\tof Arg1:T1 Arg2:T1\nA1\tsure T1\n#1\tAnnotatorNotes T1\thm\n"
    remarks = Remarks()
    shapes.read(corpora.write(tmp_path / "x.ann", lines), "brat", remarks)
    assert remarks.no_spans == {"relation": 1, "attribute": 1, "note": 1}
    (tmp_path / "x.txt").unlink()
    said = told(tmp_path, "x.ann", lines, "brat")
    assert said == "x.ann: expected its text in x.txt, no such file or directory."


def test_token_tables_of_any_separator_quotes_and_ways_to_count(tmp_path):
    kaggle = 'Sentence #,Word,POS,Tag\nSentence: 1,Anna,NNP,B-PER\n,"""",X,O\n,",",X,-\nSentence: 2,Oslo,NNP,B-LOC\n'  # noqa: E501
    counted = 'tok;sentence_id;ner\nAnna;1;B-PER\n"""";1;O\n,;1;\n\nOslo;2;B-LOC\n'
    expected = [
        ("1", ["Anna", '"', ","], ["B-PER", "O", None]),
        ("2", ["Oslo"], ["B-LOC"]),
    ]
    for text, token in ((kaggle, 0), (counted, "tok"), (counted, 0)):
        path = corpora.write(tmp_path / "x.csv", text)
        found = shapes.read(path, "token-csv", token=token)
        ids = [r["id"].removeprefix("Sentence: ") for r in found]
        assert [(i, r["tokens"], r["labels"]) for i, r in zip(ids, found, strict=True)] == expected
    layout = Layout("token-csv", "spans", label=None, extra={"pos": "POS"})
    path = corpora.write(tmp_path / "x.csv", kaggle)
    sentences = [s for s in read_sentences(path, layout) if s.tokens]
    assert sentences[0].columns == {"pos": ["NNP", "X", "X"]}
    assert sentences[0].document == sentences[1].document
    assert list(sentences[1].lines) == [5]


def test_faults_of_token_tables(tmp_path):
    assert told(tmp_path, "x.csv", "a,b,c\n1,2,3\n", "token-csv") == (
        "x.csv:1: expected a column one such as 'sentence #', found 'a', 'b', 'c'; "
        "set data.sentence."
    )
    assert told(tmp_path, "x.csv", "sentence,word,tag\n1,a\n", "token-csv") == (
        "x.csv:2: expected 3 fields, as many as the header has, found 2: '1,a'."
    )
    assert "x.csv:2: expected a token, found an empty field" in told(
        tmp_path, "x.csv", "sentence,word,tag\n1,,O\n", "token-csv"
    )


HUGGING_FACE = {
    "info": {
        "features": {
            "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
            "ner_tags": {
                "feature": {"names": ["O", "B-PER", "I-PER"], "_type": "ClassLabel"},
                "_type": "List",
            },
        }
    }
}


def parquet(path: Path, metadata: Any = HUGGING_FACE) -> str:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = arrow.table(
        {"id": ["a", "b"], "tokens": [["Anna", "Berg"], ["met"]], "ner_tags": [[1, 2], [-100]]}
    )
    if metadata is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    pyarrow.parquet.write_table(table, path, row_group_size=1)
    return str(path)


def test_integers_of_a_table_are_named_by_its_schema_or_the_config(tmp_path):
    expected = [["B-PER", "I-PER"], [None]]
    found = shapes.read(parquet(tmp_path / "x.parquet"), "parquet", label=None)
    assert [r["labels"] for r in found] == expected
    assert [r["id"] for r in found] == ["a", "b"]
    bare = parquet(tmp_path / "y.parquet", None)
    with pytest.raises(DataError, match=r":1: expected names for the integers in 'ner_tags'"):
        shapes.read(bare, "parquet", label=None)
    found = shapes.read(bare, "parquet", label=None, names=("O", "B-PER", "I-PER"))
    assert [r["labels"] for r in found] == expected
    with pytest.raises(DataError, match="expected integers below 2, as there are so many names"):
        shapes.read(bare, "parquet", label=None, names=("O", "B-PER"))


def test_integers_of_lines_are_named_by_the_config(tmp_path):
    path = shapes.write_lines(tmp_path / "x.jsonl", [{"tokens": ["a", "b"], "ner_tags": [1, -100]}])
    layout = Layout("jsonl", "spans", label="ner_tags", names=("O", "B-PER"))
    (sentence,) = read_sentences(path, layout)
    assert sentence.labels == ["B-PER", None]
    with pytest.raises(DataError, match=r"expected integers below 1, as data\.names has"):
        list(read_sentences(path, Layout("jsonl", "spans", label="ner_tags", names=("O",))))


def test_a_file_that_datasets_wrote_trains_as_it_is(tmp_path):
    datasets = pytest.importorskip("datasets")
    names = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER", "B-LOC"])),
        }
    )
    rows = {"tokens": [["Anna", "met", "Oslo"]] * 20, "ner_tags": [[1, 0, 2]] * 20}
    made = datasets.Dataset.from_dict(rows, names)
    made.to_parquet(str(tmp_path / "x.parquet"))
    made.save_to_disk(str(tmp_path / "saved"))
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    for path in (tmp_path / "x.parquet", arrow):
        config = corpora.small_config(tmp_path, "spans", {"train": str(path), "dev": str(path)})
        trained = windowclf.train(config, [corpora.LEARN], overwrite=True)
        assert trained.evaluations["dev"]["spans"]["f1"] == 1


def test_what_is_no_table_or_bin_is_one_sentence(tmp_path):
    shapes.skip_unless_there("parquet", "spacy")
    whole = Path(parquet(tmp_path / "x.parquet")).read_bytes()
    for name, format_ in (("y.parquet", "parquet"), ("y.arrow", "arrow"), ("y.spacy", "spacy")):
        for damaged in (b"", b"PAR1nonsense", whole[:-9], b"x\x9cnonsense", b"x" * 100):
            said = told(tmp_path, name, damaged, format_)
            assert said.startswith(f"{name}: ")
            assert said.count("\n") == 0


def test_spacy_reads_what_we_write_and_we_what_it_writes(tmp_path):
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin, Span

    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.RECORDS)
    windowclf.convert(source, tmp_path / "x.spacy")
    docs = list(DocBin().from_disk(tmp_path / "x.spacy").get_docs(spacy.blank("xx").vocab))
    for doc, record in zip(docs, shapes.RECORDS, strict=True):
        found = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        assert doc.text == record["text"]
        assert found == [(s["start"], s["end"], s["label"]) for s in record["spans"]]
        assert json.loads(json.dumps(doc.user_data["meta"])) == record["meta"]

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    doc = nlp("Anna  Berg left. \n She didn't\tsee U.S. forces.")
    at = doc.text.index("U.S.")
    doc.set_ents([Span(doc, 0, 3, "PERSON"), doc.char_span(at, at + 4, "GPE")])
    unmarked = nlp("Nobody looked.")
    DocBin(docs=[doc, unmarked]).to_disk(tmp_path / "y.spacy")
    remarks = Remarks()
    layout = Layout("spacy", "spans", label=None)
    sentences = list(read_sentences(tmp_path / "y.spacy", layout, remarks=remarks))
    assert [s.tokens for s in sentences] == [
        ["Anna", "Berg", "left", "."],
        ["She", "did", "n't", "see", "U.S.", "forces", "."],
    ]
    assert sentences[0].labels == ["B-PERSON", "I-PERSON", "O", "O"]
    assert sentences[1].labels == ["O", "O", "O", "O", "B-GPE", "O", "O"]
    assert "passed over 1 record that nobody has annotated." in list(remarks.sentences("BIO"))


def test_the_package_conllu_reads_what_we_write(tmp_path):
    conllu = pytest.importorskip("conllu")
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.SENTENCES)
    windowclf.convert(source, tmp_path / "x.conllu")
    found = conllu.parse((tmp_path / "x.conllu").read_text(encoding="utf-8"))
    for sentence, record in zip(found, shapes.SENTENCES, strict=True):
        assert sentence.metadata["sent_id"] == record["id"]
        assert [token["form"] for token in sentence] == record["tokens"]
        assert [token["misc"]["Entity"] for token in sentence] == record["labels"]


def test_prodigy_says_which_tokens_a_span_has(tmp_path):
    source = shapes.write_lines(tmp_path / "x.jsonl", shapes.SENTENCES)
    windowclf.convert(source, tmp_path / "p.jsonl", to="prodigy")
    one, two = map(json.loads, (tmp_path / "p.jsonl").read_text().splitlines())
    assert one["tokens"][1] == {"text": "Berg", "start": 5, "end": 9, "id": 1, "ws": True}
    assert one["spans"][0] == {
        "start": 0, "end": 9, "label": "PER", "token_start": 0, "token_end": 1
    }  # fmt: skip
    assert (one["answer"], two["spans"][0]["token_start"]) == ("accept", 1)


ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\u2028", "😀", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def array(data: bytes) -> tuple[list[Any], list[str]]:
    faults = Faults()
    source = Input("x.json", "", iter(()), faults, None, io.BytesIO(data))
    return [(e.value, e.line) for e in elements_of(source, "a value")], list(map(str, faults.kept))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.lists(ENTRIES) | st.dictionaries(st.text(), ENTRIES)), st.integers(0, 2))
def test_an_array_is_read_as_json_reads_it(values, indent):
    for ascii_ in (False, True):
        text = json.dumps(values, ensure_ascii=ascii_, indent=indent or None)
        try:
            data = b"\xef\xbb\xbf" * (indent == 1) + text.encode()
        except UnicodeEncodeError:
            continue
        found, faults = array(data)
        assert faults == []
        assert [value for value, _ in found] == values


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=6), st.integers(0, 80), st.integers(0, 3))
def test_a_damaged_array_is_read_or_refused_in_sentences(damage, at, cut):
    whole = '[{"text": "Anné 😀"}, [1, {"a": "b"}], {"c": []}]'.encode()
    found, faults = array(whole[:at] + damage + whole[at + cut :])
    assert all("\n" not in fault and fault.startswith("x.json:") for fault in faults)
    assert len(found) <= 8


def test_faults_of_an_array_name_the_record_and_its_line():
    assert array(b"[1]")[1] == []
    assert array(b"") == (
        [],
        ["x.json:1: expected a JSON array, [ … ], found the end of the file."],
    )
    _, (fault,) = array(b'[\n{"a": 1},\n{"a":\n tru}\n]')
    assert fault == (
        "x.json:3: record 2: expected a value, found an error (expecting value in line 4): "
        "'{\"a\":\\n tru}\\n]'."
    )
    _, (fault,) = array(b'[{"a": 1} {"a": 2}]')
    assert fault == "x.json:1: record 1: expected , or ] after it, found '{\"a\": 2}]'."
    _, (fault,) = array(b'[{"a": 1, "a": 2}]')
    assert fault == "x.json:1: record 1: expected a value, found the key 'a' twice."
    _, (fault,) = array(b'[{"a": "\xff"}]')
    assert fault == "x.json:1: record 1: expected a value, found the byte 0xff, which is no UTF-8."
    _, (fault,) = array(b"[[[" + b"[" * 100_000)
    assert "nested too deeply" in fault
    _, (fault,) = array(b"[1] 2")
    assert fault == "x.json:1: expected nothing after the array, found '2'."


def test_an_array_takes_no_more_memory_the_longer_it_is():
    def peak(count: int) -> int:
        data = io.BytesIO(b"[" + b",".join([b'{"text": "' + b"a" * 1000 + b'"}'] * count) + b"]")
        source = Input("x", "", iter(()), Faults(), None, data)
        tracemalloc.start()
        assert sum(1 for _ in elements_of(source, "a value")) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(4000) < 1.2 * peak(1000)


@pytest.mark.parametrize(
    ("name", "text", "format_"),
    [
        ("x.json", '[{"id": 1, "data": {"text": "a"}, "annotations": []}]', "labelstudio"),
        ("x.json", '[{"data": {"text": "a"}}]', "labelstudio"),
        ("x.json", '[{"text": "a", "label": [{"start": 0, "end": 1, "labels": ["X"]}]}]',
         "labelstudio-min"),
        ("x.json", '[["a", {"entities": [[0, 1, "X"]]}]]', "spacy-json"),
        ("x.json", '[{"tokens": ["a"]}]', None),
        ("x.json", "[1, 2", None),
        ("x.jsonl", '{"text": "a", "label": [[0, 1, "X"]]}\n', "doccano"),
        ("x.jsonl", '{"text": "a", "entities": [], "relations": []}\n', "doccano-relations"),
        ("x.jsonl", '{"text": "a", "_input_hash": 1, "spans": []}\n', "prodigy"),
        ("x.jsonl", '{"text": "a", "spans": []}\n', "jsonl"),
        ("x.jsonl", '{"tokens": ["a"], "labels": ["O"]}\n', "jsonl"),
        ("x.tsv", WEBANNO, "webanno"),
        ("x", WEBANNO, "webanno"),
        ("x.csv", "Sentence #,Word,POS,Tag\n1,a,X,O\n", "token-csv"),
        ("x.csv", '"sentence_id";"token";"label"\n1;a;O\n', "token-csv"),
        ("x.csv", "color,size,label\n1,2,3\n", "csv"),
        ("x.tsv", "word\tlabel\na\tb\n", "tsv"),
        ("x.txt", "[Anna Berg](PERSON) lives.\n", "brackets"),
        ("x.txt", "See [this](http://a.b) page.\n", "text"),
        ("x.txt", "[Anna] (PERSON)\n", "text"),
        ("x.conll", "a O\n", "conll"),
        ("x.ann", "T1\tX 0 1\ta\n", "brat"),
        ("x", "1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n", "conllu"),
        ("x", "PAR1\x15", "parquet"),
        ("x.spacy", "", "spacy"),
        ("x.data", "a O\n", None),
    ],
)  # fmt: skip
def test_the_shape_of_a_file_is_guessed(tmp_path, name, text, format_):
    assert guess_shape(corpora.write(tmp_path / name, text)) == format_


def test_the_shape_of_a_long_record_a_folder_and_of_nothing(tmp_path):
    task = {"data": {"text": "a" * (1 << 17)}, "annotations": []}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{**task, "annotations": [], "data": task["data"]}]))
    assert guess_shape(path) in ("labelstudio", None)
    assert guess_shape(tmp_path) is None
    (tmp_path / "a.ann").write_text("")
    assert guess_shape(tmp_path) == "brat"
    assert guess_shape(tmp_path / "none.jsonl") == "jsonl"
    assert guess_shape(tmp_path / "none") is None


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b"\t", b" ", b"a", b"O", b"B-X", b"#", b"_", b"*", b"[", b"]", b"("),
        *(b"{", b"}", b'"', b",", b";", b":", b"0", b"9", b"-1", b"1-1", b"null", b"\\", b"|"),
        *("é😀".encode(), b"\xff", b"\x00", b"\xef\xbb\xbf", b"T1\tX 0 1\ta\n", b'"labels": ["X"]'),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """A file of every shape that is text."""
    folder = tmp_path_factory.mktemp("whole")
    texts = shapes.write_lines(folder / "x.jsonl", shapes.RECORDS)
    tokens = shapes.write_lines(folder / "y.jsonl", shapes.SENTENCES)
    found = {"webanno": WEBANNO.encode()}
    for format_ in (*shapes.TEXTS, "token-csv"):
        if format_ not in ("brat", "webanno", *shapes.NEEDS):
            path = shapes.path_for(folder, f"of-{format_}", format_)
            windowclf.convert(tokens if format_ == "token-csv" else texts, path, to=format_)
            found[format_] = Path(path).read_bytes()
    return found


@pytest.mark.parametrize(
    "format_",
    ["labelstudio", "labelstudio-min", "doccano", "doccano-relations", "prodigy", "spacy-json",
     "webanno", "token-csv", "brackets"],
)  # fmt: skip
@settings(derandomize=True, deadline=None, max_examples=150)
@given(data=st.data())
def test_damaged_files_are_read_and_given_back_or_refused(whole, format_, data):
    content = whole[format_]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 4))
        content = content[:at] + data.draw(PIECES) + content[at + cut :]
    for read_labels in (True, False):
        layout = Layout(format_, "spans", label=None, read_labels=read_labels, misaligned="skip")
        try:
            sentences = list(read_sentences(io.BytesIO(content), layout, "x"))
        except DataError as error:
            told = str(error)
        else:
            told = give_back(sentences, layout)
        assert all(line.startswith(("x:", "…")) for line in told.split("\n") if line)
    guessed = _by_beginning(content, None)
    assert guessed is None or isinstance(guessed, str)


def give_back(sentences: list[Any], layout: Layout) -> str:
    """Nothing, when the sentences are all there and have been written with an answer."""
    out = io.StringIO(newline="")
    writer = make_writer(layout, out)
    for sentence in sentences:
        assert "" not in sentence.tokens
        assert len(sentence.lines) == len(sentence.tokens) == len(sentence.gold)
        writer.write(sentence, ["O"] * len(sentence.tokens))
    writer.close()
    return ""


def exchanged(value: Any, other: Any, at: int) -> tuple[Any, int]:
    """A JSON value with the value number `at` in it exchanged, and how many there were before."""
    if at == 0:
        return other, -1
    at -= 1
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        each = value[key]
        found, at = exchanged(each, other, at)
        if at < 0:
            value[key] = found
            return value, -1
    return value, at


ODD = [None, 7, -1.5, "", "x", [], {}, [7], {"a": 1}, [{"labels": []}]]


@pytest.mark.parametrize("other", ODD, ids=json.dumps)
@pytest.mark.parametrize(
    "format_",
    ["labelstudio", "labelstudio-min", "doccano", "doccano-relations", "prodigy", "spacy-json"],
)
def test_values_of_another_kind_are_read_or_refused(whole, format_, other, tmp_path):
    lines = format_ in ("doccano", "doccano-relations", "prodigy")
    text = whole[format_].decode()
    first = json.loads(text.split("\n")[0]) if lines else json.loads(text)[:1]
    for read_labels in (True, False):
        for at in range(200):
            value, left = exchanged(copy.deepcopy(first), other, at)
            if left >= 0:
                break
            layout = Layout(format_, "spans", label=None, read_labels=read_labels)
            content = json.dumps(value).encode()
            try:
                sentences = list(read_sentences(io.BytesIO(content), layout, "x", Remarks()))
            except DataError as error:
                told = str(error)
            else:
                told = give_back(sentences, layout)
            assert all(line.startswith(("x:", "…")) for line in told.split("\n") if line)
            if read_labels:
                (tmp_path / "x").write_bytes(content)
                with contextlib.suppress(DataError):
                    to = {"to": "labelstudio", "overwrite": True}
                    windowclf.convert(tmp_path / "x", tmp_path / "out", format_, **to)


def test_json_of_a_tool_is_named_with_the_format_to_give():
    text = b'[{"id": 1, "data": {"text": "a"}, "annotations": []}]'
    for layout in (Layout("text", "spans", read_labels=False), Layout("conll", "spans")):
        said = fault_in_beginning(text, layout, False, "give --format {}")
        assert str(said).endswith("JSON of the kind labelstudio; give --format labelstudio.")


def test_brackets_are_read_back_as_they_are_written(tmp_path):
    text = "\n[Anna Berg](PER) met [x] (y).\r\n\n in [New\tTown](LOC)[!](P-1)\n"
    path = corpora.write(tmp_path / "x.txt", text)
    found = shapes.read(path, "brackets")
    assert [r["text"] for r in found] == ["Anna Berg met [x] (y).", " in New\tTown!"]
    assert found[1]["spans"] == [
        {"start": 4, "end": 12, "label": "LOC"},
        {"start": 12, "end": 13, "label": "P-1"},
    ]


def test_a_text_of_brat_must_be_a_file(tmp_path):
    """A pipe would wait for ever, and a device may never end."""
    marks = tmp_path / "x.ann"
    marks.write_text("T1\tPER 0 4\tAnna\n")
    for name, make in {
        "pipe": os.mkfifo,
        "character device": device,
        "directory": Path.mkdir,
    }.items():
        make(tmp_path / "x.txt")
        said = told(tmp_path, "x.ann", marks.read_text(), "brat")
        assert said == f"x.ann: expected its text in x.txt, found a {name}."
        with pytest.raises(DataError) as raised:
            files_of(str(tmp_path), "IN")
        assert str(raised.value) == f"{tmp_path / 'x.txt'}: expected a file, found a {name}."
        if name == "directory":
            (tmp_path / "x.txt").rmdir()
        else:
            (tmp_path / "x.txt").unlink()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")
