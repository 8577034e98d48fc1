"""A dictionary of words and the only labels that they may have, from plain text.

A word a line, a tab, and its labels in the scheme of the training files with spaces between them.
Empty lines are passed over; nothing is a comment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from windowclf.errors import Faults, named, quoted
from windowclf.text.formats.lines import Input, open_input

Dictionary = Mapping[str, tuple[str, ...]]
"""Word -> the only labels that it may have, sorted."""


def read_dictionary(paths: Sequence[str], labels: Collection[str]) -> Dictionary:
    """The words of some files and their labels, sorted by word.

    Raises DataError where a line is none, a word stands twice, or a label is not among `labels`.
    """
    faults = Faults()
    found: dict[str, tuple[str, ...]] = {}
    where: dict[str, str] = {}
    for path in paths:
        with open_input(path, None, faults) as source:
            before = len(found)
            for line, text, _ in source.lines:
                if not text.strip():
                    continue
                word, own = _entry(text, line, labels, source)
                if word in found:
                    source.fault(line, f"the word {quoted(word)} stands at {where[word]} already.")
                elif word:
                    found[word], where[word] = own, f"{path}:{line}"
            if len(found) == before and not faults:
                source.fault(None, "expected words with their labels, found none.")
    faults.raise_if_any()
    return {word: found[word] for word in sorted(found)}


def _entry(
    text: str, line: int, labels: Collection[str], source: Input
) -> tuple[str, tuple[str, ...]]:
    """The word of a line and its labels; an empty word, and a fault noted, where it has none."""
    word, *rest = text.split("\t")
    own = rest[0].split(" ") if len(rest) == 1 else []
    if not word or not all(own) or not own:
        source.fault(
            line,
            "expected a word, a tab and its labels with single spaces between them, found "
            f"{quoted(text)}.",
        )
        return "", ()
    for i, label in enumerate(own):
        if label not in labels:
            source.fault(
                line,
                f"no training token has the label {quoted(label)}; the labels are "
                f"{named(list(labels))}.",
            )
        elif label in own[:i]:
            source.fault(line, f"the label {quoted(label)} stands twice.")
    return word, tuple(sorted(own))
