"""The benchmark of what is forgotten: the whole command on made-up files of two genres."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import corpora
import pytest

FORGETTING = Path(__file__).parent / "benchmarks" / "forgetting.py"


def documents(genre: str, seed: int) -> str:
    """Sentences as CoNLL-U, three documents of a genre."""
    texts = (corpora.conllu(corpora.tagged_sentences(10, seed + i)) for i in range(3))
    return "".join(f"# newdoc id = {genre}-{i}\n{text}" for i, text in enumerate(texts))


@pytest.mark.slow
def test_the_command_scores_both_genres_before_and_after(tmp_path):
    folder = tmp_path / "ud_en_ewt"
    folder.mkdir()
    for part, seed in (("train", 1), ("dev", 10), ("test", 20)):
        text = documents("weblog", seed) + documents("email", 30) + documents("reviews", seed + 5)
        corpora.write(folder / f"en_ewt-ud-{part}.conllu", text)
    found = tmp_path / "found.json"
    command = [sys.executable, str(FORGETTING), str(tmp_path), "--test", "--seeds", "1"]
    command += ["--only", "windowclf", "--json", str(found)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n| windowclf ") == 3
    rows = json.loads(found.read_text(encoding="utf-8"))["rows"]["windowclf"]
    assert [row[:2] for row in rows[2:]] == [
        ["after, without replay", "weblog"],
        ["after, without replay", "reviews"],
        ["after, with replay", "weblog"],
        ["after, with replay", "reviews"],
    ]
    by = {(name, genre): accuracy for name, genre, accuracy, _ in rows}
    for name, genre, accuracy, difference in rows:
        assert 50 < accuracy <= 100
        before = by["before", genre]
        assert abs(100 * difference["difference"] - (accuracy - before)) < 1e-9, name
