"""What people should know of a file that was read for its gold labels, and is no fault of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from windowclf.text.schemes import LabelSurvey, remark_on
from windowclf.text.spans import Scheme


def counted(count: int, noun: str) -> str:
    """So many of a noun, as a sentence has it."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass
class Remarks:
    """Gathers, over any number of files, what a reader comes across."""

    advice: str = "set data.scheme: {}"  # how to read labels that are in another scheme, {}
    passed_over: int = 0  # records that their annotator has rejected or ignored
    no_spans: Counter[str] = field(default_factory=Counter)  # what else there is in a file, by kind
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of nouns in sentences
    survey: LabelSurvey = field(default_factory=LabelSurvey)  # of labels in a scheme

    def sentences(self, scheme: Scheme) -> Iterator[str]:
        """What there is to say of a file whose labels were read in a scheme."""
        yield from self.of_records()
        if remark := remark_on(self.survey, scheme, self.advice):
            yield remark

    def of_records(self) -> Iterator[str]:
        """What there is to say besides the scheme of the labels."""
        if count := self.passed_over:
            yield f"passed over {counted(count, 'record')} whose answer is reject or ignore."
        for (noun, sentence), count in self.counts.items():
            yield sentence.format(counted(count, noun))
        if self.no_spans:
            each = ", ".join(counted(count, kind) for kind, count in sorted(self.no_spans.items()))
            yield f"passed over what is no labelled span: {each}."
