"""Which scheme the labels of a file are in, by their letters and by which label follows which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import get_args

from windowclf.errors import quoted
from windowclf.text.legality import may_follow
from windowclf.text.spans import Scheme, begins_span, is_label

UNUSUAL = 0.1  # of the spans; more that a scheme would write otherwise are in another one
MOST_PAIRS = 20_000  # different ones; a column with more has no labels in it
MOST_TYPES = 100
ORDER: tuple[Scheme, ...] = ("BIO", "IO", *get_args(Scheme))  # of those that fit, the first
_BEFORE = re.compile(r"([A-Za-z])[-_:/.+](.+)", re.DOTALL)  # b-PER, B_PER
_AFTER = re.compile(r"(.+)[-_:/.+]([A-Za-z])", re.DOTALL)  # PER-B


class LabelSurvey:
    """How often which label follows which in some sentences; the ends of a sentence count as O."""

    def __init__(self) -> None:
        self.labels: set[str] = set()
        self._pairs: Counter[tuple[str, str]] = Counter()

    def add(self, labels: Sequence[str | None]) -> None:
        """Count a sentence; what stands beside a token without a label is not looked at."""
        if len(self._pairs) <= MOST_PAIRS:
            pairs = pairwise(["O", *labels, "O"])
            self._pairs.update((a, b) for a, b in pairs if a is not None and b is not None)
            self.labels.update(label for label in labels if label is not None)

    def update(self, other: LabelSurvey) -> None:
        """Count the sentences that another has counted."""
        self._pairs.update(other._pairs)
        self.labels |= other.labels

    def spans(self) -> int:
        """How many spans the labels mark."""
        return sum(n for pair, n in self._pairs.items() if begins_span(*pair))

    def types(self) -> dict[str, int]:
        """Type -> how many spans of it the labels mark, the most frequent first."""
        found: Counter[str] = Counter()
        for (before, label), n in self._pairs.items():
            if begins_span(before, label):
                found[label.partition("-")[2]] += n
        return dict(found.most_common())

    def unlike(self, scheme: Scheme) -> int:
        """How often a label follows another as it never does where a scheme writes them."""
        return sum(n for pair, n in self._pairs.items() if not may_follow(*pair, scheme))

    def example(self, scheme: Scheme) -> tuple[str, str]:
        """The most frequent of the pairs that `unlike` counts."""
        wrong = [(-n, pair) for pair, n in self._pairs.items() if not may_follow(*pair, scheme)]
        return min(wrong)[1]

    def scheme(self) -> Scheme | None:
        """The scheme that has all of the labels and would write the most of them so."""
        if len(self._pairs) > MOST_PAIRS:
            return None
        fit = [one for one in ORDER if all(is_label(label, one) for label in self.labels)]
        return min(fit, key=self.unlike, default=None)

    def respelt(self, spell: Callable[[str], str]) -> LabelSurvey:
        """The same with every label written otherwise."""
        other = LabelSurvey()
        other.labels = set(map(spell, self.labels))
        for (a, b), n in self._pairs.items():
            other._pairs[spell(a), spell(b)] += n
        return other


def remark_on(survey: LabelSurvey, scheme: Scheme, advice: str) -> str | None:
    """A sentence about labels that are read in a scheme and seem to be written in another.

    `advice` is how to have them read so, with {} for the other scheme. None unless, for more than
    one span in ten, a label follows another as it never does in the scheme: I-PER after O in BIO.
    """
    unlike, usual = survey.unlike(scheme), UNUSUAL * survey.spans()
    if unlike <= usual:
        return None
    before, label = survey.example(scheme)
    said = (
        f"{unlike:,} labels of {survey.spans():,} spans do not follow one another as in {scheme} "
        f"(such as {quoted(label)} after {quoted(before)})"
    )
    best = survey.scheme()
    if best is None or survey.unlike(best) > usual:
        return f"{said}, nor as in another scheme."
    return f"{said} but as in {best}; {advice.format(best)}, or write them in {scheme}."


def advice_on(survey: LabelSurvey, scheme: Scheme, say: str | None = None) -> Callable[[str], str]:
    """From a label that is none of the scheme to what to do, given all labels of its file.

    `say` is how to have labels read in another scheme, {}; None where they cannot be.
    """
    best = survey.scheme()
    spellings: list[Callable[[str], str]] = [str.strip, _hyphenated, _turned]
    if _are_types(survey.labels):
        spellings += [_typed, _as_inside]
    fitting = ((spell, found) for spell in spellings if (found := survey.respelt(spell).scheme()))
    spell, other = next(fitting, (None, None)) if best is None else (None, None)

    def advice(label: str) -> str:
        """What to do about one label."""
        if best is not None:
            line = f"{say.format(best)}, or " if say else ""
            return f"all labels of the file are {best}: {line}write them in {scheme}"
        if spell is None:
            return "is data.label the right column?"
        if other == scheme:
            return f"write it as {quoted(spell(label))}"
        if say is None:
            return f"write it in {scheme}"
        return f"write it as {quoted(spell(label))}, and {say.format(other)}"

    return advice


def _hyphenated(label: str) -> str:
    """b-PER or B_PER as B-PER, o as O."""
    found = _BEFORE.fullmatch(label)
    return f"{found[1].upper()}-{found[2]}" if found else _outside(label)


def _turned(label: str) -> str:
    """PER-B or PER_b as B-PER."""
    found = _AFTER.fullmatch(label)
    return f"{found[2].upper()}-{found[1]}" if found else _outside(label)


def _outside(label: str) -> str:
    """The label of no span, however it is written."""
    return "O" if label in ("o", "0") else label


def _as_inside(label: str) -> str:
    """PER as I-PER."""
    return label if label == "O" else f"I-{label}"


def _typed(label: str) -> str:
    """B as B-TYPE."""
    return label if label == "O" else f"{label}-TYPE"


def _are_types(labels: set[str]) -> bool:
    """Whether labels seem to be O and types of spans, as PER, or the letters B and I, alone."""
    few = len(labels) <= MOST_TYPES
    return few and "O" in labels and not any("-" in label for label in labels)
