"""What tests/mutation.py breaks is there, and some of its mutants; the command runs them all."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import mutation
import pytest
from equivalent_mutants import EQUIVALENT


@pytest.mark.parametrize("module", mutation.TESTS)
def test_modules_and_their_tests_are_there(module):
    assert (mutation.PACKAGE / module).is_file()
    for path in mutation.TESTS[module]:
        assert (mutation.REPOSITORY / path).is_file()
    mutants = list(mutation.mutants_of(module))
    assert mutants
    for mutant in mutants[:: len(mutants) // 5 + 1]:
        ast.parse(mutant.source)
        assert mutant.source != (mutation.PACKAGE / module).read_bytes()


def test_what_is_argued_equivalent_is_one_mutant():
    times = Counter(mutant.name for mutant in mutation.every_mutant())
    assert {name: times[name] for name in EQUIVALENT} == dict.fromkeys(EQUIVALENT, 1)


ANY = "return a and not (b.all)()"


def mutants_of(tmp_path: Path, code: str, monkeypatch) -> list[str]:
    (tmp_path / "m.py").write_text(f"def f(a, b):\n    {code}\n", encoding="utf-8")
    monkeypatch.setattr(mutation, "PACKAGE", tmp_path)
    return [mutant.after for mutant in mutation.mutants_of("m.py")]


@pytest.mark.parametrize(
    ("code", "mutants"),
    [
        ("return a * b", ["return (a)", "return (b)"]),
        ("return a @ b.T", ["return (b.T @ a)", "return a @ (b)"]),
        ("return -a / 'é'", ["return (-a)", "return (a) / 'é'"]),
        ("a += b", ["without a += b", "a -= b"]),
        ("a[b] = 7", ["without a[b] = 7", "a[b] = (8)"]),
        ("return a and not b.any()", ["return (a or not b.any())", "return a and (b.any())", ANY]),
        ("if a: b.clear()", ["if (not a): b.clear()", "without b.clear()"]),
        ("return b > f'{1 + 2}'", ["return (b >= f'{1 + 2}')"]),
    ],
)
def test_mutants(tmp_path, monkeypatch, code, mutants):
    assert mutants_of(tmp_path, code, monkeypatch) == mutants


@pytest.mark.slow
def test_a_sample_of_mutants_is_killed():
    command = [sys.executable, mutation.__file__, "--sample", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
