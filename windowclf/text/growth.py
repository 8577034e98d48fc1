"""The vocabulary of a model that goes on learning: what it knew, and what new text adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from windowclf.text.vocabulary import Vocabulary


def grown(before: Vocabulary, now: Vocabulary) -> Vocabulary:
    """The vocabulary `now` of new text, with all values and forms that `before` has.

    Values of before keep their rows, new ones follow them. The labels are those of `now`.
    """
    values = {table: _joined(before.values[table], own) for table, own in now.values.items()}
    return replace(now, values=values, seen=_joined(before.seen or (), now.seen or ()))


def _joined(before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """The strings of both lists, each once: those of `before` in their order, then the others."""
    return tuple(dict.fromkeys([*before, *now]))
