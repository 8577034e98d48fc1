"""Writer, what the writers of all formats do: give the input back with the answer in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from windowclf.text.sentence import Sentence


class Probabilities(NamedTuple):
    """How sure the answer for one sentence is."""

    of_label: Sequence[float]  # per token, the probability of the label that it was given
    of_class: Sequence[Sequence[float]]  # per token, one per class in the writer's order
    n_best: Sequence[tuple[Sequence[str], float]] | None = None  # label sequences of the sentence
    of_span: Sequence[float] | None = None  # per span, its probability as a whole


class Writer(Protocol):
    """Takes the sentences of one reader in its order, all of them, those without tokens too."""

    def write(
        self, sentence: Sentence, labels: Sequence[str], probabilities: Probabilities | None = None
    ) -> None:
        """Give a sentence back with one label per token."""

    def close(self) -> None:
        """Say that all sentences were given; the file itself stays open."""
