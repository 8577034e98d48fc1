"""Every shipped config is valid, and those on our own corpora train end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import windowclf
from windowclf.config.reading import read_config

REPOSITORY = Path(__file__).parents[2]
CONFIGS = sorted((REPOSITORY / "configs").glob("*.yaml"))


def on_own_data(path: Path) -> bool:
    return read_config(path).data.train[0].startswith("data/")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_it_is_valid_and_says_what_it_is(path):
    read_config(path)
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    "path", [path for path in CONFIGS if on_own_data(path)], ids=lambda path: path.stem
)
def test_it_trains(path, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    settings = [f"output={tmp_path}/run", "training.epochs=1", "model.hidden.units=16"]
    if read_config(path).model.hidden.activation == "none":
        settings.pop()
    if read_config(path).training.start_from:
        first = [*settings, f"output={tmp_path}/first"]
        windowclf.train("configs/quickstart.yaml", first)
        settings.append(f"training.start_from={tmp_path}/first")
    result = windowclf.train(path, settings)
    written = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    assert set(written) == {"dev", "test", "machine"}
    assert written["test"]["tokens"] > 0
    assert 0 < result.best_score <= 1
