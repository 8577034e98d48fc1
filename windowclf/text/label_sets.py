"""Sets of labels of one token, written `A|B`; `_` is the empty one."""

from __future__ import annotations

from collections.abc import Iterable

NONE = "_"


def parts_of(label: str) -> list[str]:
    """The labels of a set."""
    return [] if label == NONE else label.split("|")


def joined(labels: Iterable[str]) -> str:
    """The set of some labels, in the order given."""
    return "|".join(labels) or NONE


def label_order(label: str) -> tuple[str, str]:
    """Labels are kept in this order, which is also that of CoNLL-U features in one token."""
    return label.lower(), label


def in_order(label: str) -> str:
    """The set with its parts in the order in which a tagger writes them."""
    return "|".join(sorted(label.split("|"), key=label_order))


def all_parts(labels: Iterable[str]) -> list[str]:
    """The labels that some sets are made of, each once, sorted."""
    return sorted({part for label in labels for part in parts_of(label)})


def are_sets(labels: Iterable[str]) -> bool:
    """True unless the labels are two plain classes, which one logit tells apart."""
    names = list(labels)
    return len(names) != 2 or any("|" in name for name in names)
