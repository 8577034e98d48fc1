"""A small part of the mutants of tests/fuzz_model_files.py, and that it would notice."""

from __future__ import annotations

import pytest
from fuzz_model_files import BYTES, PARTS, fuzz

from windowclf.system import tensor_file
from windowclf.tagging import model_file


def test_no_mutant_gets_past_the_checks(tmp_path):
    counts, findings = fuzz(tmp_path, mutants=600, seed=2)
    assert findings == []
    assert counts.total() == 600
    done = {kind.split(", ")[1] for kind, _ in counts}
    assert done == {damage.__name__ for damage in (*BYTES, *PARTS)}
    refused = sum(count for (_, outcome), count in counts.items() if outcome == "refused")
    assert refused > 400


@pytest.mark.slow
def test_ten_thousand_mutants(tmp_path):
    assert fuzz(tmp_path, mutants=10_000, seed=3)[1] == []


def test_a_check_left_out_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(tensor_file, "_check_digest", lambda *_: None)
    monkeypatch.setattr(model_file, "_check_parameters", lambda *_: None)
    _, findings = fuzz(tmp_path, mutants=300, seed=2, states=0)
    assert findings
