"""Groups: what phrase lists and clusters are to a model, names with the entries of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

Groups: TypeAlias = Mapping[str, tuple[str, ...]]
"""Name -> its entries, both in code point order; an entry has one name."""


def grouped(name_of: Mapping[str, str]) -> Groups:
    """The groups of entries, from a mapping of each entry to its name."""
    groups: dict[str, list[str]] = {}
    for entry in sorted(name_of):
        groups.setdefault(name_of[entry], []).append(entry)
    return {name: tuple(groups[name]) for name in sorted(groups)}


def packed(groups: Groups) -> list[str]:
    """One string for each group: lines with its name and then its entries."""
    return ["\n".join((name, *entries)) for name, entries in groups.items()]


def unpacked(strings: Sequence[str]) -> Groups:
    """The groups that `packed` packed. Raises ValueError where they are none."""
    groups = {}
    for string in strings:
        name, *entries = string.split("\n")
        groups[name] = tuple(entries)
    every = sorted(entry for entries in groups.values() for entry in entries)
    ordered = all(list(entries) == sorted(entries) for entries in groups.values())
    if len(groups) != len(strings) or list(groups) != sorted(groups) or not ordered:
        raise ValueError("its names or entries are not in order")
    if not every or not all(groups) or not all(groups.values()) or not every[0]:
        raise ValueError("a name or an entry is empty")
    if any(one == other for one, other in pairwise(every)):
        raise ValueError("an entry stands twice")
    return groups
