"""Which tool's JSON a text is, by how it begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from windowclf.text.formats.layout import Format


def of_array(text: str) -> Format | None:
    """The format of a JSON array that begins so, by its first element."""
    first: Any = next(_values(text.lstrip()[1:]), None)
    match first:
        case [str(), {**inner}] if "entities" in inner or not inner:
            return "spacy-json"
        case {"data": {}} if first.keys() & {"annotations", "predictions", "completions", "id"}:
            return "labelstudio"
        case {"data": {}} if len(first) == 1:
            return "labelstudio"
        case {}:
            marks = (v for v in first.values() if isinstance(v, list))
            found = any(v and isinstance(v[0], dict) and "labels" in v[0] for v in marks)
            return "labelstudio-min" if found or "annotation_id" in first else None
    if first is None and re.search(r'"(annotations|predictions)"\s*:', text) and '"data"' in text:
        return "labelstudio"
    return None


def of_lines(text: str) -> Format | None:
    """Which kind of lines of objects a file has that begins so; None for another kind of JSON."""
    lines = text.split("\n")
    first: Any = next(_values(lines[0]), None)
    match first:
        case {"_task_hash": _} | {"_input_hash": _}:
            return "prodigy"
        case {"text": str(), "spans": [{"token_start": _}, *_]}:
            return "prodigy"
        case {"text": str(), "tokens": [{"start": _, "end": _, "ws": _}, *_]}:
            return "prodigy"
        case {"text": str(), "entities": [*_], "relations": [*_]}:
            return "doccano-relations"
        case {"text": str(), "label": [*_]} | {"text": str(), "labels": [*_]} if (
            "spans" not in first
        ):
            return "doccano"
        case {}:
            return "jsonl" if "tokens" in first or "text" in first else None
    return None


def _values(text: str) -> Iterator[Any]:
    """The JSON value that a text begins with, if it is whole."""
    try:
        yield json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return
