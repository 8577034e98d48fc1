"""The template language of data/sources: rules with alternatives, slots, columns and ranges.

    place:                      a rule; its alternatives stand indented below, one a line or
      {city} | {country}        separated by " | "
    city*:                      an open list: dev and test draw half from entries of their own
    sentence!:                  templates: dev and test have entries of their own and no others
    verb (base, past):          an entry has columns, separated by ", ": {verb.past}

A slot `{city}` is a new draw; a numbered slot `{city1}` is one draw for the whole sentence, so
that `{verb1.base}` and `{verb1.past}` belong together. `{1-28}`, `{01-12}` and `{A-Z}` are ranges.
`{city.plain}` is the text in lower-case ASCII without spaces, `{city.letters}` without the change
of case, and `{city.proper}` has the tag PROPN after every word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from generator.draws import Draws

Portion = Literal["train", "dev", "test"]
PORTIONS: tuple[Portion, ...] = ("train", "dev", "test")

HEADING = re.compile(r"(?P<name>[a-z_]+)(?: \((?P<columns>[a-z, ]+)\))?(?P<kind>[*!]?):")
SLOT = re.compile(r"\{(?P<name>[a-z_]+)(?P<number>\d*)(?:\.(?P<part>[a-z]+))?\}")
RANGE = re.compile(r"\{(?P<low>\d+|[A-Z])-(?P<high>\d+|[A-Z])(?:\.(?P<part>[a-z]+))?\}")

WITHOUT_MARKS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "ı": "i"}
)


@dataclass(frozen=True)
class Rule:
    """A named list of alternatives."""

    name: str
    columns: tuple[str, ...]
    kind: str  # "" for all, "*" for an open list, "!" for templates
    entries: tuple[str, ...]


def portion_of(index: int) -> Portion:
    """Where the entry or hand-written sentence at `index` belongs: of eight, six go to train."""
    match index % 8:
        case 6:
            return "dev"
        case 7:
            return "test"
        case _:
            return "train"


def read_rules(text: str) -> dict[str, Rule]:
    """The rules of one or more source files, joined."""
    blocks: dict[str, tuple[re.Match[str], list[str]]] = {}
    entries: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            entries.extend(entry.strip() for entry in line.split(" | "))
            continue
        heading = HEADING.fullmatch(line)
        assert heading, f"no heading of a rule: {line!r}"
        assert heading["name"] not in blocks, f"a second rule {heading['name']!r}"
        blocks[heading["name"]] = heading, entries = heading, []
    return {name: _rule(heading, entries) for name, (heading, entries) in blocks.items()}


def _rule(heading: re.Match[str], entries: list[str]) -> Rule:
    name, columns = heading["name"], tuple((heading["columns"] or "").replace(" ", "").split(","))
    assert entries, f"rule {name!r} has no entries"
    assert len(set(entries)) == len(entries) or not heading["kind"], f"{name!r} repeats an entry"
    return Rule(name, columns if columns != ("",) else (), heading["kind"], tuple(entries))


class Expander:
    """Turns slots into text for one portion of a corpus.

    Every list is a shuffled pack of cards that is dealt to its end before it is mixed again, so
    that all entries come up about equally often.
    """

    def __init__(self, rules: Mapping[str, Rule], portion: Portion, draws: Draws) -> None:
        self._rules = rules
        self._portion = portion
        self._draws = draws
        self._packs: dict[tuple[str, Portion], list[str]] = {}

    def sentence(self, rule: str) -> str:
        """One alternative of a rule with all its slots filled."""
        return self._expand(self._entry(self._rules[rule]), {})

    def _expand(self, text: str, drawn: dict[str, str]) -> str:
        return SLOT.sub(lambda slot: self._fill(slot, drawn), RANGE.sub(self._number, text))

    def _fill(self, slot: re.Match[str], drawn: dict[str, str]) -> str:
        rule = self._rules[slot["name"]]
        key = slot["name"] + slot["number"]
        entry = drawn.get(key)
        if entry is None:
            entry = self._entry(rule) if rule.columns else self._expand(self._entry(rule), drawn)
        if slot["number"]:
            drawn[key] = entry
        if not rule.columns:
            return _modified(entry, slot["part"])
        cells = entry.split(", ")
        assert len(cells) == len(rule.columns), f"{rule.name}: {entry!r}"
        return self._expand(cells[rule.columns.index(slot["part"])], drawn)

    def _number(self, found: re.Match[str]) -> str:
        low, high = found["low"], found["high"]
        if low.isdigit():
            width = len(low) if low.startswith("0") else 0
            drawn = str(int(low) + self._draws.below(int(high) - int(low) + 1)).zfill(width)
        else:
            drawn = chr(ord(low) + self._draws.below(ord(high) - ord(low) + 1))
        return _modified(drawn, found["part"])

    def _entry(self, rule: Rule) -> str:
        source = self._portion
        if rule.kind == "*" and source != "train" and self._draws.chance(0.5):
            source = "train"
        pack = self._packs.setdefault((rule.name, source), [])
        if not pack:
            pack.extend(self._draws.shuffled(_entries_of(rule, source)))
        return pack.pop()


def _entries_of(rule: Rule, portion: Portion) -> list[str]:
    if not rule.kind:
        return list(rule.entries)
    chosen = [e for i, e in enumerate(rule.entries) if portion_of(i) == portion]
    assert chosen, f"the list {rule.name!r} is too short to be shared out"
    return chosen


def _modified(text: str, part: str | None) -> str:
    match part:
        case None:
            return text
        case "plain":
            return _ascii(text).lower()
        case "letters":
            return _ascii(text)
        case "proper":
            return " ".join(f"{word}/PROPN" for word in text.split())
        case _:
            raise AssertionError(f"unknown modification {part!r}")


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(WITHOUT_MARKS))
    return "".join(c for c in decomposed if c.isascii() and c.isalnum())
