"""Names of labels: which are new, which are rare, and which look like a slip for a frequent one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import takewhile

from windowclf.analysis.figures import Alike
from windowclf.text.label_sets import all_parts, are_sets

RARE = 5  # times; a label that train has less often is hardly learnt
OFTEN = 10  # times as often is frequent beside a rare one
SHORTEST = 5  # characters of names in which one other is a slip and not another tag
MOST_COMPARED = 500  # names; more are no set of labels


def rare_names(counts: Mapping[str, int]) -> dict[str, int]:
    """The names that stand less than RARE times, the rarest first."""
    return {name: n for name, n in sorted(counts.items(), key=lambda c: c[1]) if n < RARE}


def new_labels(labels: Collection[str], known: Collection[str], spans: bool) -> list[str]:
    """The labels that are not among those known, sorted; of spans, those of other types."""
    if spans:
        types = {_type(label) for label in known}
        return sorted(label for label in labels if label != "O" and _type(label) not in types)
    return sorted(set(labels) - set(known))


def parted(counts: Mapping[str, int]) -> Mapping[str, int]:
    """The counts of labels, where some are sets A|B those of their parts."""
    if not any("|" in name for name in counts) or not are_sets(counts):
        return counts
    found = dict.fromkeys(all_parts(counts), 0)
    for name, n in counts.items():
        for part in all_parts([name]):
            found[part] += n
    return found


def alike(counts: Mapping[str, int]) -> list[Alike]:
    """The rare names that are one slip away from a frequent one, or differ in capitals alone."""
    if len(counts) > MOST_COMPARED:
        return []
    pairs = [
        (name, like)
        for name, n in counts.items()
        for like, times in counts.items()
        if times >= OFTEN * n and name != like and _is_slip(name, like)
    ]
    best = dict(sorted(pairs, key=lambda pair: counts[pair[1]]))
    return [
        {"label": name, "count": counts[name], "like": like, "like_count": counts[like]}
        for name, like in best.items()
    ]


def _is_slip(name: str, like: str) -> bool:
    """Whether a name may be meant as another one."""
    if name[1:2] == "-" == like[1:2] and name[0] != like[0]:
        return False  # B-X and I-X
    if name.casefold() == like.casefold():
        return True
    return min(len(name), len(like)) >= SHORTEST and _one_slip_apart(name, like)


def _one_slip_apart(a: str, b: str) -> bool:
    """Whether texts differ in one letter, more or other, or in two that have changed places."""
    start = _shared(a, b)
    a, b = a[start:], b[start:]
    end = _shared(a[::-1], b[::-1])
    a, b = a[: len(a) - end], b[: len(b) - end]
    if any(sign.isdigit() for sign in a + b):  # Person=1 and Person=2
        return False
    return max(len(a), len(b)) == 1 or (len(a) == 2 and a == b[::-1])


def _shared(a: str, b: str) -> int:
    """How many signs two texts have alike at their beginnings."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _type(label: str) -> str:
    """The type of a label of spans."""
    return label.partition("-")[2]
