"""Dev sentences as ids, made once, to be scored again and again while the parameters change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from windowclf.analysis.evaluation import count, main_figures, main_score
from windowclf.analysis.metrics import Tally, best_threshold
from windowclf.arrays import Floats, Ints
from windowclf.network.architecture import Parameters
from windowclf.network.kernels.activations import logistic
from windowclf.system.threads import ALONE, Workers
from windowclf.tagging.decoding import Decoder
from windowclf.tagging.model import Model
from windowclf.tagging.scores import WholeScores, corpus_scores
from windowclf.tagging.spec import Spec
from windowclf.tagging.temperature import fit_temperature
from windowclf.text.corpus import NO_CLASS, encode_corpus
from windowclf.text.derived import with_derived
from windowclf.text.label_sets import parts_of
from windowclf.text.sentence import Sentence


class DevSet:
    """The dev sentences of a run."""

    def __init__(self, spec: Spec, sentences: Sequence[Sentence], workers: Workers = ALONE):
        self.spec = spec
        self.sentences = sentences
        vocabulary = spec.vocabulary
        self._corpus = encode_corpus(
            with_derived(sentences, vocabulary.derived),
            vocabulary.columns,
            lambda sentence: [None] * len(sentence.tokens),
        )
        self._slots = vocabulary.encode(self._corpus.keys)
        self._workers = workers

    def evaluate(self, model: Model) -> tuple[float, Mapping[str, float]]:
        """The task's metric, and the figures that a log shows beside it."""
        scores = WholeScores(self._scores(model.parameters))
        labels = Decoder(model).labels(scores, self.sentences)
        tally = Tally()
        for sentence, own in zip(self.sentences, labels, strict=True):
            count(tally, self.spec, sentence, own)
        report = tally.report(self.spec.is_multilabel)
        return main_score(self.spec, report), main_figures(self.spec, report)

    def thresholds(self, parameters: Parameters) -> Floats | None:
        """The best threshold of each label (K,); None unless a token may have several labels."""
        if not self.spec.is_multilabel:
            return None
        y_hat = logistic(self._scores(parameters))
        gold = [label for sentence in self.sentences for label in sentence.gold]
        known = np.array([label is not None for label in gold])
        parts = [set(parts_of(label)) for label in gold if label is not None]
        return np.array(
            [
                best_threshold(y_hat[known, j], np.array([name in own for own in parts], bool))
                for j, name in enumerate(self.spec.classes)
            ]
        )

    def temperature(
        self, parameters: Parameters, labels_of: Callable[[Sentence], Sequence[str | None]]
    ) -> float:
        """The temperature that fits best; `labels_of` gives the labels as the network learns them.

        Labels that the model cannot give are left out.
        """
        labels = [label for sentence in self.sentences for label in labels_of(sentence)]
        y = _class_indices(self.spec, labels)
        lengths = np.diff(self._corpus.starts)
        theta = self._scores(parameters)
        return fit_temperature(self.spec.architecture, parameters, theta, lengths, y)

    def labels(self) -> set[str]:
        """Every gold label."""
        return {
            label for sentence in self.sentences for label in sentence.gold if label is not None
        }

    def _scores(self, parameters: Parameters) -> Floats:
        """theta (N, K) of all tokens of the dev sentences."""
        a = self.spec.architecture
        return corpus_scores(a, parameters, self._corpus, self._slots, self._workers)


def _class_indices(spec: Spec, labels: Sequence[str | None]) -> Ints:
    """The class of each label  ->  (N,) int32; of a sigmoid output (N, K) 0 and 1.

    NO_CLASS stands for a label that is missing or that the model cannot give; among several labels
    of a token those which it cannot give are left out.
    """
    class_of = spec.vocabulary.class_of
    if spec.architecture.output != "sigmoid":
        return np.array([class_of.get(label or "", NO_CLASS) for label in labels], np.int32)
    if not spec.is_multilabel:
        return np.array([[class_of.get(label or "", NO_CLASS)] for label in labels], np.int32)
    y = np.zeros((len(labels), spec.architecture.classes), np.int32)
    for row, label in zip(y, labels, strict=True):
        if label is None:
            row[:] = NO_CLASS
        else:
            row[[class_of[part] for part in parts_of(label) if part in class_of]] = 1
    return y
