"""What no reader of a shape can take is one sentence, whoever reads it; nothing is torn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import corpora
import pytest
import shapes

import windowclf

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
