"""What `evaluate` shows of errors: the most frequent ones, and sentences with their place."""

from __future__ import annotations

import json

import corpora
import pytest
from command_line import run

import windowclf

GOLD = "the\tDET\ncat\tVERB\n.\tPUNCT\n\na\tDET\nfish\tNOUN\n\nthe\tADJ\ncat\tVERB\ndog\t-\n"


@pytest.fixture
def data(tmp_path) -> str:
    """Three sentences for a model that knows every word; of two of them the gold is not its own."""
    return corpora.write(tmp_path / "gold.conll", GOLD)


def test_the_most_frequent_errors_have_a_heading_and_a_word(learnt, data):
    code, out, _ = run(["evaluate", str(learnt["tagging"]), data])
    lines = out.splitlines()
    at = lines.index("most frequent errors")
    assert code == 0
    assert lines[at - 1] == ""
    assert [line.rstrip() for line in lines[at + 1 :]] == [
        "gold  predicted  tokens  first of them",
        "VERB  NOUN            2  cat",
        "ADJ   DET             1  the",
    ]


def test_wrong_sentences_are_shown_where_they_stand(learnt, data):
    code, out, _ = run(["evaluate", str(learnt["tagging"]), data, "--errors", "1"])
    assert code == 0
    shown = out[out.index("sentences with an error") :]
    assert [line.rstrip() for line in shown.splitlines()] == [
        "sentences with an error: 2 of 3; the first 1:",
        "",
        f"{data}:1: the cat .",
        "       gold  predicted",
        "  cat  VERB       NOUN",
    ]
    everything = run(["evaluate", str(learnt["tagging"]), data, "--errors", "9"])[1]
    assert f"{data}:8: the cat dog" in everything
    assert "a fish" not in everything


def test_wrong_sentences_for_programs(learnt, data):
    _, out, _ = run(["evaluate", str(learnt["tagging"]), data, "--errors", "9", "--json"])
    found = windowclf.evaluate(learnt["tagging"], data, errors=9)
    assert json.loads(out) == found
    assert found["wrong"]["sentences"] == 2
    assert found["wrong"]["examples"] == {"ADJ": {"DET": "the"}, "VERB": {"NOUN": "cat"}}
    assert found["wrong"]["first"][1] == {
        "place": f"{data}:8",
        "lines": [8, 9, 10],
        "tokens": ["the", "cat", "dog"],
        "gold": ["ADJ", "VERB", None],
        "predicted": ["DET", "NOUN", "NOUN"],
    }
    assert "wrong" not in windowclf.evaluate(learnt["tagging"], data)
    assert windowclf.evaluate(learnt["tagging"], data, errors=0)["wrong"]["first"] == []
    with pytest.raises(windowclf.WindowclfError, match="errors: expected a number from 0 on"):
        windowclf.evaluate(learnt["tagging"], data, errors=-1)


def test_a_row_of_slots_is_shown_with_its_values(learnt, tmp_path):
    table = corpora.write(tmp_path / "gold.csv", "a,b,label\na1,a1,more\n")
    _, out, _ = run(["evaluate", str(learnt["slots"]), table, "--errors", "3"])
    assert f"{table}:2: a=a1 b=a1" in out
    assert "first of them" not in out  # its token is empty


def test_what_is_of_one_model_does_not_go_with_two(learnt, data):
    model = str(learnt["tagging"])
    for more in (["--errors", "1"], ["--calibration"]):
        code, _, err = run(["evaluate", model, data, "--against", model, *more])
        assert code == 2
        assert "of one model" in err
