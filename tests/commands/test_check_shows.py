"""The command check: a table a text, then a line for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import corpora
import pytest
from command_line import run

LINES = "".join(f"Anna{i}\tB-PER\nBerg\tI-PER\nmet\tO\n\n" for i in range(30))


@pytest.fixture
def config(tmp_path) -> str:
    train = corpora.write(tmp_path / "train.conll", LINES)
    dev = corpora.write(tmp_path / "dev.conll", "Ben\tB-PER\nleft\tO\n")
    tree = corpora.small_config(tmp_path, "spans", {"train": train, "dev": dev})
    return corpora.write(tmp_path / "c.yaml", json.dumps(tree))


def test_figures_stand_under_the_names_of_their_texts(config):
    code, out, err = run(["check", config])
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["train", "dev"]
    ends = [head.index(name) + len(name) for name in ("train", "dev")]
    found = {row[: ends[0] - 6].strip(): row for row in rows}
    for name, numbers in {"sentences": ("30", "1"), "tokens": ("90", "2")}.items():
        assert [found[name][:end].split()[-1] for end in ends] == list(numbers)
    assert any(row.split() == ["PER", "30", "100.0", "1", "100.0"] for row in rows)
    assert rows[-1] == "no faults, no warnings."


def test_the_number_of_files_is_told_where_there_are_several(config, tmp_path):
    for number in range(11):
        corpora.write(tmp_path / f"part{number}.conll", f"Ben{number}\tB-PER\n")
    assert "files" not in run(["check", config])[1]
    _, out, _ = run(["check", config, "--set", f"data.train={tmp_path}/part*.conll"])
    assert ["files", "11", "1"] in [row.split() for row in out.splitlines()]


def test_faults_are_lines_and_the_exit_code(config, tmp_path):
    Path(tmp_path / "dev.conll").write_text("x\n\ny\n", encoding="utf-8")
    code, out, _ = run(["check", config])
    assert code == 1
    faults = [line for line in out.splitlines() if line.startswith("fault: ")]
    assert [line.split(": ")[1] for line in faults] == [f"{tmp_path}/dev.conll:{n}" for n in (1, 3)]
    assert out.endswith("2 faults, no warnings.\n")


def test_warnings_are_an_exit_code_where_that_is_asked_for(config, tmp_path):
    same = ["--set", f"data.dev={tmp_path}/train.conll"]
    code, out, _ = run(["check", config, *same])
    assert code == 0
    assert "\nwarning: dev: " in out
    assert out.endswith("no faults, 1 warning.\n")
    assert run(["check", config, *same, "--strict"])[0] == 1
    assert run(["check", config, "--strict"])[0] == 0


def test_json_has_the_faults_as_values(config, tmp_path):
    Path(tmp_path / "dev.conll").write_text("x\n", encoding="utf-8")
    code, out, _ = run(["check", config, "--json"])
    found = json.loads(out)
    assert code == 1
    assert found["texts"]["train"]["spans"] == {"PER": 30}
    (fault,) = found["faults"]
    assert (fault["path"], fault["line"]) == (f"{tmp_path}/dev.conll", 1)
    assert fault["sentence"].startswith("expected at least 2 columns")


def test_a_config_that_is_none_is_refused(config):
    code, out, err = run(["check", config, "--set", "nonsense=1"])
    assert (code, out) == (1, "")
    assert "nonsense: unknown key" in err


def test_train_begins_with_what_it_has_read_and_the_check_that_says_more(config, tmp_path):
    settings = ["--set", "training.epochs=1", "--set", f"data.dev={tmp_path}/train.conll"]
    _, _, err = run(["train", config, *settings])
    train, dev, more, warning, *_ = err.splitlines()
    assert train == "train: 30 sentences, 90 tokens, 1 type (PER 100 %)"
    assert dev == "dev: 30 sentences, 90 tokens, 0.0 % of them unseen in train"
    command = more.removeprefix("1 warning; more about these texts: windowclf ")
    code, out, _ = run(command.split(" "))
    assert code == 0
    assert f"\nwarning: {warning.removeprefix('note: ')}\n" in out
