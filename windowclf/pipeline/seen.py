"""Held-out text that a replay has too: scores of it would be of what the model has seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from windowclf.errors import DataError
from windowclf.pipeline.listener import Listener
from windowclf.text.sentence import Sentence

MOST_SEEN = 0.5  # of the sentences; above it a score is that of a memory


def tell_replayed(scored: Sequence[Sentence], old: Iterable[Sentence], listener: Listener) -> None:
    """Tell of sentences to be scored that replay has too. Raises DataError for most of them."""
    words = {tuple(sentence.tokens) for sentence in old}
    seen = sum(tuple(sentence.tokens) in words for sentence in scored)
    said = (
        f"data.replay: {seen:,} of the {len(scored):,} sentences that are held out stand in it too"
    )
    if seen > MOST_SEEN * len(scored):
        raise DataError(
            f"{said}, so that scores would be of text that the model has seen; replay other text, "
            "or leave data.replay out."
        )
    if seen:
        listener.notice(f"{said}; of them scores are too good.")
