"""Several processes label a file as one does, and say what is wrong with it in the same words."""

from __future__ import annotations

import io
import multiprocessing
import re

import pytest
from command_line import run
from heard import Heard
from hypothesis import given
from hypothesis import strategies as st

import windowclf
from windowclf.pipeline import predict as streaming
from windowclf.pipeline import processes
from windowclf.pipeline.processes import BETWEEN, chunks_of


@pytest.fixture
def model(learnt):
    return learnt["tagging"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(streaming, "SMALLEST_SHARED", 0)


TEXTS = {
    "conll": "-DOCSTART- O\n\n"
    + "".join(f"w{i % 50} X\n\t\n" * 2 + "a X\nb X\n\n\n" for i in range(9)),
    "conllu": "".join(
        f"# sent_id = {i}\n1\tw{i}\t_\tX\t_\t_\t0\troot\t_\t_\n\n" for i in range(40)
    ),
    "jsonl": "".join(f'{{"tokens": ["w{i}", "b"], "id": {i}}}\n' for i in range(60)),
    "text": "".join(f"one w{i} two.\r\n" for i in range(60)) + "no line end",
    "csv": "token\n" + "w\n" * 40,
}


@pytest.mark.parametrize("format_", ["conll", "conllu", "jsonl", "text"])
@pytest.mark.parametrize("chunk", [1, 300])
@pytest.mark.slow
def test_the_same_output(model, tmp_path, monkeypatch, format_, chunk):
    monkeypatch.setattr(processes, "CHUNK", chunk * 40)
    source, one, many = (tmp_path / name for name in ("in", "one", "many"))
    source.write_bytes(b"\xef\xbb\xbf" + TEXTS[format_].encode())
    fractions: list[float] = []
    windowclf.predict_file(model, str(source), str(one), format_)
    windowclf.predict_file(
        model,
        str(source),
        str(many),
        format_,
        jobs=2,
        listener=Heard(predicted=lambda _tokens, done: fractions.append(done)),
    )
    assert many.read_bytes() == one.read_bytes()
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_fault_has_its_line_and_leaves_no_output(model, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "CHUNK", 64)
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(TEXTS["jsonl"] + "{oops\n" + TEXTS["jsonl"])
    with pytest.raises(windowclf.DataError, match=rf"{re.escape(str(source))}:61: "):
        windowclf.predict_file(model, str(source), str(out), jobs=2)
    assert not out.exists()


def test_the_command(model, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "CHUNK", 1 << 16)
    source = tmp_path / "in.conll"
    source.write_text("a\nb\n\n" * 30_000)
    code, out, err = run(["predict", str(model), str(source), "-o", str(tmp_path / "o"), "-j", "2"])
    assert (code, out, err) == (0, "", "")
    lines = (tmp_path / "o").read_text().split("\n")
    assert [line.split(" ")[0] for line in lines[:3]] == ["a", "b", ""]
    assert len(lines) == 90_001


@given(st.lists(st.sampled_from(["a\n", "\n", " \t\r\n", "b b\r\n", "c"]), max_size=30))
def test_chunks_are_the_file_and_end_between_sentences(lines):
    text = "".join(lines).encode()
    before = processes.CHUNK
    try:
        processes.CHUNK = 5
        chunks = list(chunks_of(io.BytesIO(text), BETWEEN["conll"]))
    finally:
        processes.CHUNK = before
    assert b"".join(chunks) == text
    for chunk in chunks[:-1]:
        assert re.search(rb"\n[ \t\r]*\n\Z", chunk)


def test_a_process_that_somebody_ends_is_one_sentence(model, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "CHUNK", 40)
    (tmp_path / "in").write_text("one two three.\n" * 200)

    def end_all(_tokens: int, _done: float | None) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(windowclf.DataError, match="one of the processes was ended from outside"):
        windowclf.predict_file(
            model,
            str(tmp_path / "in"),
            str(tmp_path / "out"),
            "text",
            jobs=2,
            listener=Heard(predicted=end_all),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_no_part_begins_with_a_byte_order_mark(monkeypatch):
    monkeypatch.setattr(processes, "CHUNK", 8)
    text = "a\tX\n\n\ufeffb\tX\n\nc\tX\n\n".encode() * 9
    parts = list(processes.chunks_of(io.BytesIO(text), processes.BETWEEN["conll"]))
    assert b"".join(parts) == text
    assert len(parts) > 5
    assert not any(part.startswith("\ufeff".encode()) for part in parts)
