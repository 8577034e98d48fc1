"""Texts of brat: each a document, named by its .ann, its .txt or its folder."""

from __future__ import annotations

from pathlib import Path

import corpora
import pytest
import shapes
from command_line import run

import windowclf
from windowclf.errors import DataError

TEXT = "Anna met Ben Berg near Oslo."
MARKS = "T1\tPER 0 4\tAnna\nT2\tPER 9 17\tBen Berg\nT3\tLOC 23 27\tOslo\n"


def text_of_brat(folder: Path, name: str = "a") -> str:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.ann").write_text(MARKS)
    return corpora.write(folder / f"{name}.txt", TEXT)


def test_a_text_brings_its_marks_along(learnt, tmp_path):
    text = text_of_brat(tmp_path / "b")
    model = str(learnt["spans"])
    answers = [
        run(["predict", model, text.replace(".txt", suffix), "--format", "brat"])
        for suffix in (".txt", ".ann")
    ]
    assert answers[0] == answers[1]
    assert answers[0][1].startswith("T1\t")
    for taken in (text, f"{text[:-4]}.ann"):
        with pytest.raises(DataError, match="expected another file than the input"):
            windowclf.predict_file(model, text, taken, "brat")
    assert Path(text).read_text() == TEXT
    scored = [
        windowclf.evaluate(model, path, format_="brat") for path in (text, f"{text[:-4]}.ann")
    ]
    assert scored[0] == scored[1]
    windowclf.convert(text, tmp_path / "x.jsonl", from_="brat")
    assert len(shapes.read(str(tmp_path / "x.jsonl"), "jsonl")[0]["spans"]) == 3
    config = corpora.spans(tmp_path)
    found = windowclf.check(config, [f"data.train={text}", "data.format=brat", "data.dev=null"])
    assert found["texts"]["train"]["spans"] == {"PER": 2, "LOC": 1}


def test_what_to_do_with_a_folder_is_said_and_works(learnt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text_of_brat(tmp_path / "my texts", "a")
    text_of_brat(tmp_path / "my texts", "b")
    model = str(learnt["spans"])
    code, out, err = run(["predict", model, "my texts"])
    assert (code, out) == (1, "")
    assert err == (
        "my texts: expected a file, found a folder of brat's; make one of its texts, windowclf "
        "convert 'my texts' x.jsonl, and of the answers in y.jsonl a folder, windowclf convert "
        "y.jsonl NEW --to brat.\n"
    )
    for command in (
        ["convert", "my texts", "x.jsonl"],
        ["predict", model, "x.jsonl", "-o", "y.jsonl"],
        ["convert", "y.jsonl", "NEW", "--to", "brat"],
    ):
        assert run(command)[0] == 0
    assert sorted(path.name for path in Path("NEW").iterdir()) == [
        "a.ann", "a.txt", "b.ann", "b.txt",
    ]  # fmt: skip
    answer = run(["predict", model, "my texts/a.ann"])[1]
    assert Path("NEW/a.ann").read_text() == answer != ""


def test_a_text_is_a_document(learnt, tmp_path):
    folder = tmp_path / "b"
    for number in range(60):
        text_of_brat(folder, f"t{number:02}")
        (folder / f"t{number:02}.txt").write_text(f"{TEXT} It rains.")
    config = corpora.spans(tmp_path)
    set_ = [f"data.train={folder}", "data.dev=null"]
    found = windowclf.check(config, set_)["texts"]["train"]
    assert (found["documents"], found["sentences"]) == (60, 120)
    assert found["files"] == [str(folder / f"t{number:02}.ann") for number in range(60)]
    divided = windowclf.check(config, [*set_, "data.dev.holdout=0.04"])["texts"]
    assert divided["dev"]["sentences"] == 6  # of the five that are wanted
    assert divided["train"]["documents"] == 57
    assert windowclf.evaluate(learnt["spans"], folder)["documents"] == 60


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        ("T4\tPER 13 17\tBerg", "overlaps the span"),
        ("T4\tLOC 18 21\tnea", "cuts the token 18–22 'near'"),
    ],
)
def test_faults_in_spans_name_their_own_line(learnt, tmp_path, mark, sentence):
    text_of_brat(tmp_path / "b")
    path = tmp_path / "b" / "a.ann"
    path.write_text(f"{MARKS}{mark}\n")
    with pytest.raises(DataError, match=sentence) as raised:
        windowclf.evaluate(learnt["spans"], path)
    assert [(fault.path, fault.line) for fault in raised.value.faults] == [(str(path), 4)]
    if "overlaps" in sentence:
        with pytest.raises(DataError, match=sentence) as raised:
            windowclf.convert(path, tmp_path / "x.txt", to="brackets")
        assert raised.value.faults[0].line == 4
