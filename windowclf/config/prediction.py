"""`prediction`: how long a sentence tagging may take, and how much memory."""

from __future__ import annotations

from pydantic import Field

from windowclf.config.section import Section
from windowclf.system.limits import CACHE_MB, LONGEST_SENTENCE


class PredictionSection(Section):
    """What tagging may take; not kept in the model, whose users choose for themselves."""

    longest_sentence: int = Field(
        default=LONGEST_SENTENCE,
        ge=1,
        description="tokens of a sentence that a network with recurrence or a CRF takes; others "
        "take any",
    )
    cache_mb: float = Field(
        default=CACHE_MB,
        ge=0,
        le=1 << 20,
        description="megabytes for rows of frequent tokens, for each thread that tags",
    )
