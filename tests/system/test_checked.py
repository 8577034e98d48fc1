"""JSON to dataclasses: what has the right type comes through, everything else is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from windowclf.system.checked import build, in_range


@dataclass(frozen=True)
class Inner:
    n: int = 0


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    size: int
    share: float = 0.5
    place: int | str | None = None
    names: tuple[str, ...] = ()
    extra: Mapping[str, int | str] = field(default_factory=dict)
    flag: bool = False
    free: Any = None


GOOD: dict[str, Any] = {
    "kind": "b",
    "size": 3,
    "share": 1.5,
    "place": "x",
    "names": ["p", "q"],
    "extra": {"x": 1, "y": "z"},
    "flag": True,
    "free": [1, {}],
}


def test_what_is_right_comes_through():
    made = build(Outer, GOOD, "here")
    assert made == Outer(**{**GOOD, "names": ("p", "q")})
    assert build(Outer, {"kind": "a", "size": 1}, "here") == Outer("a", 1)
    assert build(Outer, {"kind": "a"}, "here", size=2) == Outer("a", 2)
    assert build(Inner, {}, "here") == Inner()


BAD = {
    "here.kind cannot be 'c'": {"kind": "c"},
    "here.kind cannot be []": {"kind": []},
    "here.size cannot be True": {"size": True},
    "here.size cannot be 3.0": {"size": 3.0},
    "here.size cannot be None": {"size": None},
    "here.share cannot be 1": {"share": 1},
    "here.place cannot be 1.5": {"place": 1.5},
    "here.place cannot be False": {"place": False},
    "here.names cannot be 'pq'": {"names": "pq"},
    "here.names cannot be {}": {"names": {}},
    "here.names cannot be 1": {"names": ["p", 1]},
    "here.extra cannot be []": {"extra": []},
    "here.extra.x cannot be None": {"extra": {"x": None}},
    "here.flag cannot be 1": {"flag": 1},
    "here has an unknown key 'more'": {"more": 1},
}


@pytest.mark.parametrize(("sentence", "change"), BAD.items(), ids=BAD)
def test_what_is_wrong_is_named(sentence, change):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        build(Outer, GOOD | change, "here")


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="here lacks size"):
        build(Outer, {"kind": "a"}, "here")
    with pytest.raises(ValueError, match="here lacks n"):
        build(Inner, {}, "here", whole=True)
    for given in (None, [], "x", 1):
        with pytest.raises(ValueError, match="here is no object"):
            build(Inner, given, "here")
    with pytest.raises(ValueError, match="unknown key 'size'"):  # it is made, not given
        build(Outer, GOOD, "here", size=1)


def test_ranges_hold_both_ends():
    in_range(1, 1, 3, "n")
    in_range(3, 1, 3, "n")
    for value in (0, 4, 10**400):
        with pytest.raises(ValueError, match=r"^n is .* expected 1 to 3$"):
            in_range(value, 1, 3, "n")
