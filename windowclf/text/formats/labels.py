"""The labels of a file: which stand for none, and which are no labels of the scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.sentence import NO_LABEL
from windowclf.text.spans import fault_in_label


def with_gaps(labels: Sequence[str], nothing: frozenset[str] = NO_LABEL) -> Sequence[str | None]:
    """Labels with None where the file says that there is none."""
    if nothing.isdisjoint(labels):
        return labels
    return [None if label in nothing else label for label in labels]


@dataclass
class LabelCheck:
    """Notes the labels of `task: spans` that the scheme does not know."""

    source: Input
    layout: Layout
    good: set[str | None] = field(default_factory=lambda: {None})

    def check(self, labels: Sequence[str | None], lines: Sequence[int]) -> None:
        """Note a fault at the line of every wrong label."""
        if self.layout.task != "spans" or self.good.issuperset(labels):
            return
        for label, line in zip(labels, lines, strict=True):
            if label is None or label in self.good:
                continue
            if fault := fault_in_label(label, self.layout.scheme):
                self.source.fault(line, f"{fault}; is data.label the right column?")
            else:
                self.good.add(label)
