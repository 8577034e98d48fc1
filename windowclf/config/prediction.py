"""`prediction`: what tagging may take."""

from __future__ import annotations

from pydantic import Field

from windowclf.config.section import Section
from windowclf.limits import LONGEST_SENTENCE


class Prediction(Section):
    """What tagging may take; not kept in the model, whose users choose for themselves."""

    longest_sentence: int = Field(
        default=LONGEST_SENTENCE,
        ge=1,
        description="tokens of a sentence that a network with recurrence takes; others take any",
    )
