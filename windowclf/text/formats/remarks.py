"""What people should know of a file that was read for its gold labels, and is no fault of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from windowclf.text.schemes import LabelSurvey, remark_on
from windowclf.text.spans import Scheme


@dataclass
class Remarks:
    """Gathers, over any number of files, what a reader comes across."""

    advice: str = "set data.scheme: {}"  # how to read labels that are in another scheme, {}
    passed_over: int = 0  # records that their annotator has rejected or ignored
    survey: LabelSurvey = field(default_factory=LabelSurvey)  # of labels in a scheme

    def sentences(self, scheme: Scheme) -> Iterator[str]:
        """What there is to say of a file whose labels were read in a scheme."""
        if count := self.passed_over:
            records = "record" if count == 1 else "records"
            yield f"passed over {count:,} {records} whose answer is reject or ignore."
        if remark := remark_on(self.survey, scheme, self.advice):
            yield remark
