"""The labels as they stand in a file: which of them say that there is none, and which are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from windowclf.errors import KEPT_FAULTS, SHOWN_FAULTS, quoted
from windowclf.text.formats.label_columns import columns_in, like_labels, named_columns
from windowclf.text.formats.layout import Layout
from windowclf.text.formats.lines import Input
from windowclf.text.schemes import LabelSurvey, advice_on
from windowclf.text.sentence import NO_LABEL
from windowclf.text.spans import fault_in_label


def with_gaps(labels: Sequence[str], nothing: frozenset[str] = NO_LABEL) -> Sequence[str | None]:
    """The labels of tokens, None for those that are one of `nothing`: the token has no label."""
    if nothing.isdisjoint(labels):
        return labels
    return [None if label in nothing else label for label in labels]


LOOKED_AT = 1000  # lines beside wrong labels, for a column that has the right ones


@dataclass
class LabelCheck:
    """Notes the labels that no line can hold, or for `task: spans` the scheme does not know.

    What to do about the latter depends on all labels of the file, and is said by `finish`; of more
    than are shown, with the same to do, one fault is left.
    """

    source: Input
    layout: Layout
    good: set[str | None] = field(default_factory=lambda: {None})  # those that were seen so far
    survey: LabelSurvey = field(default_factory=LabelSurvey)
    unknown: dict[int, str] = field(default_factory=dict)  # number of a fault -> the label in it
    strange: int = 0  # faults of that kind, kept or not
    around: list[str] = field(default_factory=list)  # lines with such labels, for their columns

    def check(
        self, labels: Sequence[str | None], lines: Sequence[int], texts: Sequence[str] = ()
    ) -> None:
        """Note a fault at the line of every wrong label; `texts` are the lines of all columns."""
        if self.layout.task == "spans":
            self.survey.add(labels)
        if self.good.issuperset(labels):
            return
        for label, line in zip(labels, lines, strict=True):
            if label is None or label in self.good:
                continue
            if fault := fault_in_line_ends(label):
                self.source.fault(line, fault)
            elif self.layout.task == "spans" and (
                fault := fault_in_label(label, self.layout.scheme)
            ):
                if (number := self.source.faults.count) < KEPT_FAULTS:
                    self.unknown[number] = label
                self.strange += 1
                self.source.fault(line, fault)
            else:
                self.good.add(label)
        if self.strange and len(self.around) < LOOKED_AT:
            self.around += texts[: LOOKED_AT - len(self.around)]

    def finish(self) -> None:
        """Add to the faults what to do about them, and to the remarks what the labels were."""
        kept, remarks = self.source.faults.kept, self.source.remarks
        say = remarks.advice if remarks is not None else None  # predict has no key to set
        if self.unknown:
            advice = advice_on(self.survey, self.layout.scheme, say)
            columns = self._other_columns()
            said = {
                label: _ended(advice(label), columns)
                for label in dict.fromkeys(self.unknown.values())
            }
            if self.strange > SHOWN_FAULTS and len(set(said.values())) == 1:
                self._leave_one()
            for number, label in self.unknown.items():
                sentence = f"{kept[number].sentence}; {said[label]}"
                kept[number] = replace(kept[number], sentence=sentence)
        if remarks is not None:
            remarks.survey.update(self.survey)

    def _leave_one(self) -> None:
        """Put the first of the faults about labels in the place of all."""
        kept = self.source.faults.kept
        first, *others = self.unknown
        more = f"{kept[first].sentence} and {self.strange - 1:,} more in this file that are none"
        kept[first] = replace(kept[first], sentence=more)
        for number in reversed(others):
            del kept[number]
        self.source.faults.count -= self.strange - 1
        self.unknown = {first: self.unknown[first]}

    def _other_columns(self) -> str:
        """A sentence about other columns that look like labels; empty where none does."""
        columns = columns_in(self.around, self.layout.format)
        return named_columns(like_labels(columns, self.layout.task, [self.layout.label]))


def _ended(advice: str, columns: str) -> str:
    """What to do about a label, as a sentence; where the column is asked for, with `columns`."""
    return f"{advice} {columns}".strip() if advice.endswith("?") else f"{advice.rstrip('.')}."


def fault_in_line_ends(label: str) -> str | None:
    """A sentence about a label with a tab or line end in it, which no column holds; else None."""
    if any(end in label for end in "\t\r\n"):
        return f"expected a label without tabs and line ends, found {quoted(label)}."
    return None
