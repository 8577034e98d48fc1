"""Runs on text whose documents are marked: what is held out, and what a bootstrap draws."""

from __future__ import annotations

from pathlib import Path

import corpora
import pytest
from heard import Heard

import windowclf

MARK = "-DOCSTART- O\n\n"


def text_of(sizes: list[int]) -> str:
    """Documents of so many sentences."""
    sentences = iter(corpora.tagged_sentences(sum(sizes), 1))
    documents = (corpora.conll([next(sentences) for _ in range(size)]) for size in sizes)
    return "".join(MARK + document for document in documents)


def held_out(folder: Path, sizes: list[int], share: float) -> tuple[int, list[str]]:
    """How many sentences are held out of such documents, and what is said of it."""
    train = corpora.write(folder / "x.conll", text_of(sizes))
    notices: list[str] = []
    result = windowclf.train(
        corpora.small_config(folder, "tagging", {"train": train}),
        [f"data.dev={{holdout: {share}}}", "training.epochs=1"],
        listener=Heard(notice=notices.append),
    )
    return result.evaluations["dev"]["sentences"], notices


@pytest.mark.parametrize(
    ("sizes", "share", "sentences", "documents"),
    [
        ([10, 10, 10, 10], 0.1, 10, "the last 1 of the 4 documents"),
        ([10, 10, 5, 5], 0.25, 10, "the last 2 of the 4 documents"),
        ([10, 30], 0.1, 30, "the last 1 of the 2 documents"),
        ([30, 10], 0.9, 10, "the last 1 of the 2 documents"),
    ],
)
def test_whole_documents_are_held_out(tmp_path, sizes, share, sentences, documents):
    found, notices = held_out(tmp_path, sizes, share)
    assert found == sentences
    assert notices[0] == (
        f"dev: {documents} of train are held out, {sentences} of {sum(sizes)} sentences."
    )


@pytest.mark.parametrize("sizes", [[40], [1] * 40])
def test_of_one_document_sentences_are_held_out(tmp_path, sizes):
    found, notices = held_out(tmp_path, sizes, 0.1)
    assert found == 4
    assert not any("documents" in notice for notice in notices)


@pytest.mark.parametrize(("sizes", "documents"), [([2] * 31, 31), ([2] * 30, None), ([62], None)])
def test_intervals_are_of_documents_where_there_are_many(tmp_path, sizes, documents):
    text = text_of(sizes)
    model = windowclf.train(corpora.tagging(tmp_path)).model_path
    path = corpora.write(tmp_path / "x.conll", text)
    found = windowclf.evaluate(model, path)
    assert found.get("documents") == documents
    plain = windowclf.evaluate(model, corpora.write(tmp_path / "y.conll", text.replace(MARK, "")))
    assert (found["intervals"] == plain["intervals"]) == (documents is None)
    assert found["accuracy"] == plain["accuracy"]
    compared = windowclf.compare(model, model, path)
    assert compared["model"].get("documents") == documents
