"""Which labels a token may have: those of a dictionary, or the one that it has been given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Bools, Ints
from windowclf.errors import DataError, named, quoted
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.spec import Spec
from windowclf.text.legality import Legal, States
from windowclf.text.sentence import Sentence


class Choices(NamedTuple):
    """Which states each of the N tokens of some sentences may take."""

    of_token: Ints  # (N,) rows of masks; 0 where nothing is said
    masks: Bools  # (different masks, states); row 0 allows all

    def rows(self, tokens: Ints | slice) -> Bools:
        """Which states some of the tokens may take.   tokens (some,)  ->  (some, states)."""
        return self.masks[self.of_token[tokens]]


@dataclass(frozen=True)
class Constraints:
    """What dictionary and given labels say of tokens before they are tagged; the latter come first.

    Both speak of the labels of the files, and a decoder of classes: between them are the states.
    """

    spec: Spec
    keep_labels: bool  # whether the labels that a sentence has are given

    def choices(self, sentences: Sequence[Sentence]) -> Choices:
        """Which states the tokens of the sentences may take.

        Raises DataError for a given label that the model does not give.
        """
        index: dict[tuple[str, ...], int] = {(): 0}
        of_token = [
            index.setdefault(allowed, len(index))
            for sentence in sentences
            for allowed in self._allowed(sentence)
        ]
        labels = self.spec.states.labels
        masks = np.array([[not own or name in own for name in labels] for own in index], bool)
        for own, mask in zip(index, masks, strict=True):
            if not mask.any():
                self._refuse_unknown(own[0], sentences)
        return Choices(np.array(of_token, np.intp), masks)

    def _allowed(self, sentence: Sentence) -> list[tuple[str, ...]]:
        """The labels in the files' scheme that each token of a sentence may have; () for any."""
        dictionary = self.spec.dictionary
        listed = [dictionary.get(token, ()) for token in sentence.tokens]
        if not self.keep_labels or sentence.labels is None:
            return listed
        if len(sentence.labels) != len(listed):
            wanted = f"expected {len(listed)} labels, one a token or None"
            raise DataError(sentence.fault(f"{wanted}, found {len(sentence.labels)}."))
        return [
            own if label is None else (label,)
            for own, label in zip(listed, sentence.labels, strict=True)
        ]

    def _refuse_unknown(self, label: str, sentences: Sequence[Sentence]) -> None:
        """Raise DataError at the first token to which this label was given."""
        fault = (
            f"expected a label that the model gives, to be kept, found {quoted(str(label))}; its "
            f"labels are {named(known_labels(self.spec.states))}."
        )
        raise DataError(
            next(
                sentence.fault(fault, list(sentence.gold).index(label))
                for sentence in sentences
                if label in sentence.gold
            )
        )

    def refuse(self, none: NoPath, sentences: Sequence[Sentence], choices: Choices) -> None:
        """Raise DataError if it is the choices that leave one of the sentences no legal path.

        `none` has the numbers of those that have none.
        """
        starts = np.cumsum([0, *(len(sentence.tokens) for sentence in sentences)])
        for s in none.sentences.tolist():
            rows = slice(starts[s], starts[s + 1])
            if choices.of_token[rows].any():
                at = _dead_end(choices.rows(rows), self.spec.states.legal)
                allowed = self._allowed(sentences[s])[at]
                which = f"may only be {' or '.join(allowed)}" if allowed else "ends it"
                fault = (
                    "expected a legal sequence of labels, found none up to the word "
                    f"{quoted(sentences[s].tokens[at])}, which {which}; mend the "
                    f"{'labels that are given' if self.keep_labels else 'dictionary'}."
                )
                raise DataError(sentences[s].fault(fault, at))


def known_labels(states: States) -> list[str]:
    """The labels of the files that can be given, each once."""
    return list(dict.fromkeys(states.labels))


def _dead_end(allowed: Bools, legal: Legal) -> int:
    """The number of the first token of a sentence that no legal path reaches, or of the last.

    allowed (N, states): which states each token of the sentence may take.
    """
    reached = legal.start & allowed[0]
    for i in range(1, len(allowed)):
        if not reached.any():
            return i - 1
        reached = legal.transitions[reached].any(axis=0) & allowed[i]
    return len(allowed) - 1
