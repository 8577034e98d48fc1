"""Sets of labels of one token, written `A|B`; `_` is the empty one."""

from __future__ import annotations

from collections.abc import Iterable

NONE = "_"


def parts_of(label: str) -> list[str]:
    """The labels of a set from how it is written: A|B has A and B, _ has none."""
    return [] if label == NONE else label.split("|")


def set_of(labels: Iterable[str]) -> str:
    """How the set of these labels is written, in the order given: A|B, or _ for none."""
    return "|".join(labels) or NONE


def label_order(label: str) -> tuple[str, str]:
    """The key by which labels are sorted, as CoNLL-U sorts the features of a token."""
    return label.lower(), label


def in_order(label: str) -> str:
    """A set B|A with its labels in the order in which a tagger writes them: A|B."""
    return "|".join(sorted(label.split("|"), key=label_order))


def all_parts(labels: Iterable[str]) -> list[str]:
    """The labels that some sets are made of, each once, sorted."""
    return sorted({part for label in labels for part in parts_of(label)})


def are_sets(labels: Iterable[str]) -> bool:
    """True unless the labels are two plain classes, which one logit tells apart."""
    names = list(labels)
    return len(names) != 2 or any("|" in name for name in names)
