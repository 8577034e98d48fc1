"""A few hundred damaged inputs of every kind; `python tests/fuzz_text.py` tries many more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fuzz_targets import TARGETS, refused_well
from fuzz_text import SPECIALS, fuzz, mutant
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_damaged_input_is_read_and_given_back_or_refused_well(target):
    result = fuzz(target, seed=2, first=0, inputs=300)
    assert not result.findings
    assert result.read > 20
    assert result.refused > 20


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_few_thousand_damaged_inputs(target):
    assert not fuzz(target, seed=3, first=0, inputs=5000).findings


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@given(data=st.data())
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_row_of_meaningful_pieces_is_too(target, data):
    lines = [line for seed in target.seeds for line in seed.splitlines(keepends=True)]
    part = st.sampled_from([*lines, *target.pieces, *SPECIALS])
    target.check(b"".join(data.draw(st.lists(part, max_size=10))))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_seeds_themselves_are_read(target):
    assert all(target.check(seed) for seed in target.seeds)


def test_what_is_wrong_is_found_and_comes_again():
    def check(data: bytes) -> bool:
        assert b"\x00" not in data
        return True

    target = replace(TARGETS["conll"], check=check)
    result = fuzz(target, seed=1, first=0, inputs=300)
    assert 0 < result.wrong < 300
    assert result.read == 300 - result.wrong
    (message,) = result.findings.values()
    number = int(message.partition(":")[0].removeprefix("--first "))
    assert b"\x00" in mutant(target, 1, number)
    assert fuzz(target, seed=1, first=number, inputs=1).wrong == 1


@pytest.mark.parametrize(
    "told",
    [
        "",
        "expected a label.",
        "other.file:1: expected a label.",
        "x.file:0: expected a label.",
        "x.file:1: expected a label",
        "x.file:1: expected a label.\nfound 3.",
        "x.file:1: expected a \u202elabel.",
        "x.file:1: " + "x" * 3000 + ".",
    ],
)
def test_what_a_good_refusal_is(told):
    refused_well("x.file:12: expected a label, found 'x'.\n… and 3 more faults.")
    with pytest.raises(AssertionError):
        refused_well(told)
