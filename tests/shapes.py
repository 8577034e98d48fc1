"""Records of every kind that a shape may hold, and files of them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from windowclf.errors import Faults
from windowclf.text.formats import Format, Layout, Remarks
from windowclf.text.formats.layout import IN_BYTES
from windowclf.text.formats.lines import open_input
from windowclf.text.formats.shapes import shape_of

Json = dict[str, Any]
NEEDS = {"spacy": "spacy", "parquet": "pyarrow", "arrow": "pyarrow"}
TEXTS: tuple[Format, ...] = (
    *("labelstudio", "labelstudio-min", "doccano", "doccano-relations", "prodigy"),
    *("spacy", "spacy-json", "brat", "webanno", "parquet", "arrow", "brackets"),
)
TOKENS: tuple[Format, ...] = ("conll", "conllu", "token-csv", "parquet", "arrow")
SUFFIX = {
    "jsonl": ".jsonl",
    "doccano": ".jsonl",
    "doccano-relations": ".jsonl",
    "prodigy": ".jsonl",
    "brat": "",
    "spacy": ".spacy",
    "brackets": ".txt",
    "token-csv": ".csv",
    "webanno": ".tsv",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "conll": ".conll",
    "conllu": ".conllu",
    "text": ".txt",
}

# Spans at token borders; astral and combining signs, double spaces, brackets, quotes.
RECORDS: list[Json] = [
    {
        "id": "doc-1",
        "text": "Anna Berg met 😀 Bob  in New Town.",
        "spans": [
            {"start": 0, "end": 9, "label": "PER"},
            {"start": 16, "end": 19, "label": "PER"},
            {"start": 24, "end": 32, "label": "LOC"},
        ],
        "meta": {"source": "a", "page": 3},
    },
    {
        "id": "doc-2",
        "text": "Nobody, “nowhere”; a_b [x] *y* | z\\.",
        "spans": [],
        "meta": {"source": "b"},
    },
    {
        "id": "doc-3",
        "text": "👩‍👩‍👧 Zoe\u0301 Ünal’s café 東京",
        "spans": [
            {"start": 6, "end": 15, "label": "PER-X"},
            {"start": 23, "end": 25, "label": "LOC"},
        ],
        "meta": {"nested": {"k": [1, None]}},
    },
]  # fmt: skip
SENTENCES: list[Json] = [
    {"id": "s-1", "tokens": ["Anna", "Berg", "met", "\"", ",", "Bob"],
     "labels": ["B-PER", "I-PER", "O", "O", "O", "B-PER"]},
    {"id": "s-2", "tokens": ["😀", "東京", "’s"], "labels": ["O", "B-LOC", "O"]},
]  # fmt: skip


def skip_unless_there(*formats: str) -> None:
    """Skip a test where an optional package is not installed."""
    for format_ in formats:
        if format_ in NEEDS and importlib.util.find_spec(NEEDS[format_]) is None:
            pytest.skip(f"{format_} needs {NEEDS[format_]}")


def path_for(folder: Path, name: str, format_: str) -> str:
    """A name for a file of a format."""
    return str(folder / f"{name}{SUFFIX.get(format_, '.json')}")


def write_lines(path: Path | str, records: list[Json]) -> str:
    """Put records into a file of jsonl."""
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    Path(path).write_text(text, encoding="utf-8", newline="")
    return str(path)


def read(path: str, format_: Format, remarks: Remarks | None = None, **layout: Any) -> list[Json]:
    """The records of a file, or of the files of a folder; faults are raised."""
    faults, found = Faults(), []
    paths = sorted(Path(path).glob("*.ann")) if Path(path).is_dir() else [Path(path)]
    own = Layout(format_, "spans", **{"label": 1 if format_ == "conll" else None, **layout})
    for file in paths:
        with open_input(file, None, faults, remarks, format_ not in IN_BYTES) as source:
            entries = list(shape_of(format_).read(source, own))
            found += [entry.record for entry in entries if entry.record]
    faults.raise_if_any()
    return found


def essence(record: Json, *keys: str) -> Json:
    """Of a record text or tokens, places and labels of spans, and some more keys."""
    kept = {k: record[k] for k in ("text", "labels", *keys) if k in record}
    if "text" not in record:
        kept["tokens"] = record["tokens"]
    if "spans" in record:
        kept["spans"] = [(s["start"], s["end"], s["label"]) for s in record["spans"]]
    return kept
