"""convert: what goes into a shape comes out again, what has no place is listed, nothing is torn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapes
from shapes import RECORDS, SENTENCES, essence

import windowclf

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


def json_lines(path: str) -> list[shapes.Json]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
