"""The command that looks at the public corpora, and what docs/corpora.md says of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from benchmarks import public_corpora
from benchmarks.public_corpora import DERIVED, WIKIGOLD, expected, part_of_wikigold

REPOSITORY = Path(__file__).parents[1]
SCRIPT = REPOSITORY / "tests" / "benchmarks" / "public_corpora.py"
SOURCE = "".join(f"a{i} O\n\nb{i} I-PER\n\n-DOCSTART- O\n\n" for i in range(21))


def look(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_real_ones_are_those_of_the_results(corpora):
    code, out, _ = look(str(corpora))
    assert code == 0
    assert out.endswith("15 of 15 files are those of the README's results\n")


def test_the_split_of_the_real_one_follows_from_its_source(corpora):
    text = (corpora / WIKIGOLD).read_text(encoding="utf-8")
    for path, part in DERIVED.items():
        assert part_of_wikigold(text, part).encode() == (corpora / path).read_bytes()


def test_documents_go_by_their_number():
    assert part_of_wikigold(SOURCE, "dev") == "a8 O\n\nb8 I-PER\n\na18 O\n\nb18 I-PER\n\n"
    assert part_of_wikigold(SOURCE, "test").startswith("a9 O\n\nb9 I-PER\n\na19 O\n")
    assert re.findall(r"a(\d+)", part_of_wikigold(SOURCE, "train")) == [
        str(i) for i in range(21) if i % 10 < 8
    ]


def test_what_is_missing_or_another_is_said_with_what_to_do(tmp_path):
    (tmp_path / "wnut17").mkdir()
    (tmp_path / "wnut17" / "emerging.dev.conll").write_text("another\n")
    code, out, _ = look(str(tmp_path))
    assert code == 1
    lines = out.splitlines()
    at = lines.index(f"differs  {tmp_path}/wnut17/emerging.dev.conll")
    assert lines[at + 1].strip() == "move it away, then"
    assert lines[at + 2].startswith(
        f"         curl -fL --create-dirs -o {tmp_path}/wnut17/emerging."
    )
    assert lines.count(f"missing  {tmp_path}/wikigold/wikigold.dev.conll") == 1
    assert lines[-1] == "0 of 15 files are those of the README's results"


def test_deriving_writes_over_nothing_and_only_from_the_source(tmp_path, monkeypatch, capsys):
    (tmp_path / "wikigold").mkdir()
    (tmp_path / WIKIGOLD).write_text(SOURCE)
    code, _, err = look(str(tmp_path), "--derive")
    assert code == 1
    assert "another file than docs/corpora.sha256 says" in err
    digest = public_corpora.digest_of(tmp_path / WIKIGOLD)
    monkeypatch.setattr(public_corpora, "expected", lambda: {**expected(), WIKIGOLD: digest})
    mine = tmp_path / "wikigold" / "wikigold.dev.conll"
    mine.write_text("mine")
    public_corpora.derive(tmp_path)
    assert mine.read_text() == "mine"
    test = (tmp_path / "wikigold" / "wikigold.test.conll").read_text()
    assert test == part_of_wikigold(SOURCE, "test")
    mine.unlink()
    public_corpora.derive(tmp_path)
    assert mine.read_text() == part_of_wikigold(SOURCE, "dev")


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_file_that_a_config_reads_has_a_checksum_and_stands_in_the_docs(path):
    text = (REPOSITORY / "docs" / "corpora.md").read_text(encoding="utf-8")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
    names = [str(data[key]) for key in ("train", "dev", "test") if key in data]
    for name in names:
        if name.startswith("corpora/"):
            file = name.removeprefix("corpora/")
            assert file in expected()
            assert f"`{file.split('/')[1]}`" in text


def test_commits_of_the_docs_are_those_of_the_command():
    text = (REPOSITORY / "docs" / "corpora.md").read_text(encoding="utf-8")
    for folder, source in public_corpora.SOURCES.items():
        (row,) = [
            line
            for line in text.splitlines()
            if line.startswith(f"| `{folder}` |") and "github" in line
        ]
        owner_and_name, commit = re.search(r"github\.com/([^)]+)\) `([0-9a-f]{40})`", row).groups()
        assert f"/{owner_and_name}/{commit}" in source
