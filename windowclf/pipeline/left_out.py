"""LeftOut: what of records has no place in the file that a conversion writes, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from windowclf.text.formats import Format
from windowclf.text.formats.json_values import Json
from windowclf.text.formats.jsonl import is_refused
from windowclf.text.formats.remarks import counted
from windowclf.text.formats.shapes.records import DERIVED, NAMED, is_of_tokens
from windowclf.text.formats.shapes.shape import Shape
from windowclf.text.formats.shapes.token_table import columns_of

_SAYING_THE_SAME = frozenset({"tokens", "labels", "spans"})  # of which one is made of the others


class LeftOut:
    """Counts what has no place in a shape; `counts` is what -> how often."""

    def __init__(self, shape: Shape):
        self.counts: Counter[str] = Counter()
        self._shape = shape
        self._columns: Sequence[str] | None = None  # those of a table: the first sentence's

    def count(self, record: Json, made: Sequence[Json]) -> None:
        """Note what of a record has no place in the output; `made` is what is written of it."""
        shape, of_tokens = self._shape, is_of_tokens(record)
        if shape.columns and self._columns is None and made:
            self._columns = columns_of(made[0])
        begins = {"document": 1} if any("document" in one for one in made) else {}
        for key, value in {**begins, **record}.items():
            if value in (None, "", [], {}) or (key == "answer" and not is_refused(record)):
                continue
            if key == "spans":
                self._count_in_spans(value)
            turned = key in _SAYING_THE_SAME and shape.takes != "any"
            if key == "tokens" and not of_tokens:
                turned = shape.takes == "tokens"
            if key == "spans" and shape.held == frozenset({"text"}):
                turned = False
            is_column = of_tokens and key in (self._columns or ())
            if shape.held is not None and key not in shape.held and not turned and not is_column:
                self.counts[f"{key} of a record"] += 1

    def _count_in_spans(self, spans: list[Json]) -> None:
        """Note what spans say besides their place and label."""
        held = self._shape.held_of_spans
        if held is None:
            return
        for each in spans:
            for key in each.keys() - NAMED - DERIVED - held:
                self.counts[f"{key} of a span"] += 1


def told(left_out: Counter[str], format_: Format) -> str:
    """What had no place, and how often, as a sentence."""
    each = []
    for what, count in sorted(left_out.items()):
        key, _, owner = what.partition(" of a ")
        noun, space, more = owner.partition(" ")
        each.append(f"{key} of {counted(count, noun)}{space}{more}")
    return f"left out, as {format_} has no place for it: {', '.join(each)}."
