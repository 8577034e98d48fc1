"""Spec, a model before it has parameters: what it reads, what it may answer, its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from windowclf.network.architecture import Architecture
from windowclf.text.formats import Layout
from windowclf.text.label_sets import label_order
from windowclf.text.legality import Legal, States, legal_transitions, span_states
from windowclf.text.spans import Scheme, from_spans, to_spans
from windowclf.text.vocabulary import Vocabulary

# Prefix of a class -> prefix of a label, for legal sequences of spans.
_DIRECT: dict[tuple[Scheme, Scheme], dict[str, str]] = {
    ("BIOES", "BIO"): {"O": "O", "B": "B", "I": "I", "E": "I", "S": "B"},
    ("BIOES", "IO"): {"O": "O", "B": "I", "I": "I", "E": "I", "S": "I"},
    ("BIO", "IO"): {"O": "O", "B": "I", "I": "I"},
    ("IOB1", "IO"): {"O": "O", "B": "I", "I": "I"},
}


@dataclass(frozen=True)
class Spec:
    """All of a model but its numbers: network, vocabulary, how its files are read, dictionary."""

    architecture: Architecture
    vocabulary: Vocabulary
    layout: Layout
    inside: Scheme | None  # the scheme of the classes, for spans
    dictionary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Word -> the only labels, in the scheme of the files, that it may have."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in their order; for spans in the inside scheme."""
        return self.vocabulary.labels

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels that an answer may have, in the scheme of the files and in label order."""
        if self.inside is None or self.inside == self.layout.scheme:
            return self.classes
        return tuple(sorted(set(self.states.labels), key=label_order))

    @property
    def is_single_logit(self) -> bool:
        """True where one logit tells two classes apart."""
        return self.architecture.output == "sigmoid" and self.architecture.classes == 1

    @property
    def is_multilabel(self) -> bool:
        """True where a token may have several labels at once."""
        return self.architecture.output == "sigmoid" and self.architecture.classes > 1

    @cached_property
    def legal(self) -> Legal | None:
        """Which classes may follow which; None where any may."""
        if self.layout.task == "segmentation":
            return legal_transitions(self.classes, "BMES")
        if self.inside is None or self.inside == "IO":
            return None
        return legal_transitions(self.classes, self.inside)

    @cached_property
    def states(self) -> States:
        """The states that a token may be in between classes and labels of the files; see States."""
        if self.inside is not None:
            return span_states(self.classes, self.inside, self.layout.scheme)
        every = np.ones(len(self.classes), bool)
        legal = self.legal or Legal(every, every[:, None] & every, every)
        return States(tuple(range(len(self.classes))), self.classes, legal)

    @cached_property
    def in_files(self) -> tuple[str, ...] | None:
        """What each class is called in the files, where that does not depend on its neighbours."""
        inside, scheme = self.inside, self.layout.scheme
        if inside is None or inside == scheme:
            return self.classes
        turned = _DIRECT.get((inside, scheme))
        if turned is None:
            return None
        return tuple(turned[label[0]] + label[1:] for label in self.classes)

    def outside(self, labels: list[str]) -> list[str]:
        """Labels of one sentence in the scheme of the files, from those of the classes."""
        if self.inside is None or self.inside == self.layout.scheme:
            return labels
        if labels.count("O") == len(labels):
            return labels
        return from_spans(to_spans(labels, self.inside), len(labels), self.layout.scheme)
