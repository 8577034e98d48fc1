"""How probable the spans of an answer are, and the words of a segmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.network import members
from windowclf.network.kernels.segments import Grammar, Segments, segment_probabilities
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.model import Model
from windowclf.tagging.spec import Spec
from windowclf.text.legality import continuations
from windowclf.text.spans import Span, to_spans, words_from_segmentation


def spans_of(spec: Spec, labels: Sequence[str]) -> list[Span]:
    """The spans of one sentence from its labels in the files' scheme; words have no type."""
    if spec.layout.task == "segmentation":
        return [Span(start, end, "") for start, end in words_from_segmentation(labels)]
    return to_spans(labels, spec.layout.scheme)


class SpanScorer:
    """Gives spans their probability among the legal label sequences of a model."""

    def __init__(self, model: Model):
        """Only spans and segmentation have what it scores."""
        classes, legal = model.spec.classes, model.spec.legal
        self._model = model
        every, goes_on = np.ones(len(classes), bool), continuations(classes)
        if model.spec.layout.scheme == "IO":  # which has no border between spans of a type
            types = [label[2:] for label in classes]
            goes_on = np.array([[bool(a) and a == b for b in types] for a in types])
        self._free = Grammar(every, every[:, None] & every, every, goes_on)
        self._grammar = self._free if legal is None else Grammar(*legal, goes_on)
        kinds = np.array([label.partition("-")[2] for label in classes])
        outside = np.array([label == "O" for label in classes])
        self._columns = {str(kind): (kinds == kind) & ~outside for kind in kinds}

    def scores(self, theta: Floats, lengths: Ints, spans: Sequence[Sequence[Span]]) -> list[Floats]:
        """The probability of each span of S sentences, calibrated.

        theta (N, K), lengths (S,)  ->  (spans,) for each sentence. Where a sentence has no legal
        sequence all are looked at.
        """
        starts = (np.cumsum(lengths) - lengths).tolist()
        every = [(span, start) for own, start in zip(spans, starts, strict=True) for span in own]
        if not every:
            return [np.zeros(0) for _ in spans]
        segments = Segments(
            np.array([start + span.start for span, start in every], np.intp),
            np.array([start + span.end for span, start in every], np.intp),
            np.stack([self._columns[span.type] for span, _ in every]),
        )
        cool = np.divide(theta, self._model.temperature, dtype=np.float64)
        scores = cool, lengths, *self._chain()
        try:
            found = segment_probabilities(*scores, self._grammar, segments)
        except NoPath:
            found = segment_probabilities(*scores, self._free, segments)
        return np.split(found, np.cumsum([len(own) for own in spans])[:-1])

    def _chain(self) -> tuple[Floats, Floats, Floats]:
        """start (K,), transitions (K, K) and end (K,), calibrated; 0 but for a CRF."""
        a, K = self._model.spec.architecture, len(self._model.spec.classes)
        if a.output != "crf":
            return np.zeros(K), np.zeros((K, K)), np.zeros(K)
        chain = members.chain(a, self._model.parameters)
        temperature = self._model.temperature
        start, transitions, end = (np.divide(s, temperature, dtype=np.float64) for s in chain)
        return start, transitions, end
