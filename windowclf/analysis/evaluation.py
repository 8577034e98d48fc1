"""Scores of a model on labelled sentences: predictions and gold labels into one Tally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from windowclf.analysis.bootstrap import Counts, intervals
from windowclf.analysis.metrics import Found, Tally, best_threshold, labels_found
from windowclf.analysis.reliability import Reliability
from windowclf.arrays import Floats, Ints
from windowclf.network.architecture import Parameters
from windowclf.network.kernels.activations import logistic
from windowclf.system.threads import ALONE, Workers
from windowclf.tagging.decoding import Decoder, outside_labels
from windowclf.tagging.model_file import Model
from windowclf.tagging.tagger import Prediction, Tagger, corpus_scores
from windowclf.tagging.temperature import fit_temperature
from windowclf.text.corpus import NO_CLASS, encode_corpus, label_order
from windowclf.text.derived import with_derived
from windowclf.text.sentence import Sentence
from windowclf.text.spans import to_spans, words_from_segmentation

Evaluation: TypeAlias = dict[str, Any]


def evaluate_tagger(tagger: Tagger, sentences: Iterable[Sentence]) -> Evaluation:
    """The figures of design section 6 for labelled sentences, streamed.

    Those of seen and unseen words are left out where the model does not tell them apart.
    """
    scorer = Scorer(tagger.model)
    for answer in tagger.tag(sentences, probabilities=True):
        scorer.add(answer)
    return scorer.report()


class Scorer:
    """Takes a model's answers, with probabilities, and reports every figure at the end."""

    def __init__(self, model: Model):
        self.model = model
        self._tally = Tally()
        self._rows: Counter[Counts] = Counter()
        self._reliability = Reliability()

    def add(self, answer: Prediction) -> Counts:
        """Count one sentence, and say what it adds."""
        assert answer.certainty is not None
        sentence = answer.sentence
        right, found = _add(self._tally, self.model, sentence, answer.labels)
        if self.model.is_multilabel and sentence.labels is not None:
            found = labels_found(sentence.labels, answer.labels)
        counts = Counts(len(right), sum(right), *found)
        self._rows[counts] += 1
        if right:
            labels = sentence.labels or ()
            sure = zip(answer.certainty.tolist(), labels, strict=True)
            self._reliability.add([c for c, label in sure if label is not None], right)
        return counts

    def report(self) -> Evaluation:
        """The figures, with their intervals and the reliability of the probabilities."""
        figures = self._tally.report(self.model.is_multilabel)
        if self.model.vocabulary.seen is None:
            del figures["seen"], figures["unseen"]
        return figures | {
            "intervals": intervals(self._rows, f1_name(self.model)),
            "calibration": self._reliability.report(),
        }


class DevSet:
    """Dev sentences as ids, made once, to be scored again and again while the parameters change."""

    def __init__(self, model: Model, sentences: Sequence[Sentence], workers: Workers = ALONE):
        self.model = model
        self.sentences = sentences
        self._decoder = Decoder(model)
        vocabulary = model.vocabulary
        self._corpus = encode_corpus(
            with_derived(sentences, vocabulary.derived),
            vocabulary.columns,
            lambda sentence: [None] * len(sentence.tokens),
        )
        self._slots = vocabulary.encode(self._corpus.keys)
        self._workers = workers

    def thresholds(self, parameters: Parameters) -> Floats | None:
        """(K,) the best threshold of each label; None unless a token may have several labels."""
        if not self.model.is_multilabel:
            return None
        theta = self._scores(parameters)
        y_hat = logistic(theta)
        gold = [label for s in self.sentences for label in s.labels or [None] * len(s.tokens)]
        known = np.array([label is not None for label in gold])
        parts = [set(label.split("|")) for label in gold if label is not None]
        return np.array(
            [
                best_threshold(y_hat[known, k], np.array([name in own for own in parts], bool))
                for k, name in enumerate(self.model.vocabulary.labels)
            ]
        )

    def temperature(
        self, parameters: Parameters, labels_of: Callable[[Sentence], Sequence[str | None]]
    ) -> float:
        """The temperature that fits best; `labels_of` gives the labels as the network learns them.

        Labels that the model cannot give are left out.
        """
        y = _class_indices(self.model, [label for s in self.sentences for label in labels_of(s)])
        lengths = np.diff(self._corpus.starts)
        theta = self._scores(parameters)
        return fit_temperature(self.model.architecture, parameters, theta, lengths, y)

    def _scores(self, parameters: Parameters) -> Floats:
        a = self.model.architecture
        return corpus_scores(a, parameters, self._corpus, self._slots, self._workers)

    def labels(self) -> set[str]:
        """Every gold label."""
        return {label for s in self.sentences for label in s.labels or () if label is not None}

    def evaluate(self, parameters: Parameters) -> tuple[float, Mapping[str, float]]:
        """The task's metric, and the figures that a log shows beside it."""
        theta = self._scores(parameters)
        labels = self._decoder.labels(theta, self.sentences, parameters)
        tally, starts = Tally(), self._corpus.starts.tolist()
        for i, sentence in enumerate(self.sentences):
            own = labels[starts[i] : starts[i + 1]]
            _add(tally, self.model, sentence, outside_labels(self.model, own))
        report = tally.report(self.model.is_multilabel)
        return main_score(self.model, report), main_figures(self.model, report)


def main_score(model: Model, evaluation: Evaluation) -> float:
    """The task's metric: span F1, word F1, micro F1 of several labels a token, or accuracy."""
    if "spans" in evaluation:
        return float(evaluation["spans"]["f1"])
    if "words" in evaluation:
        return float(evaluation["words"]["f1"])
    return float(evaluation["micro"]["f1"] if model.is_multilabel else evaluation["accuracy"])


def f1_name(model: Model) -> str | None:
    """The name of the F1 that has an interval; None where accuracy is all."""
    names = {"spans": "spans_f1", "segmentation": "words_f1"}
    return "micro_f1" if model.is_multilabel else names.get(model.layout.task)


def labels_unknown(model: Model, labels: Iterable[str]) -> list[str]:
    """Those of the labels that the model cannot give, sorted; for spans by their types."""
    known = set(model.vocabulary.labels)
    if model.inside is not None:
        types = {label[2:] for label in known}
        return sorted(label for label in labels if label != "O" and label[2:] not in types)
    if model.is_multilabel:
        labels = {part for label in labels for part in label.split("|")} - {"_"}
    return sorted(set(labels) - known)


def _class_indices(model: Model, labels: Sequence[str | None]) -> Ints:
    """(N,) the class of each label, NO_CLASS for none; of a sigmoid output (N, K) its 0 and 1."""
    class_of = model.vocabulary.class_of
    if model.architecture.output != "sigmoid":
        return np.array([class_of.get(label or "", NO_CLASS) for label in labels], np.int32)
    if not model.is_multilabel:
        return np.array([[class_of.get(label or "", NO_CLASS)] for label in labels], np.int32)
    y = np.zeros((len(labels), model.architecture.classes), np.int32)
    for row, label in zip(y, labels, strict=True):
        if label is None:
            row[:] = NO_CLASS
        else:
            row[[class_of[part] for part in label.split("|") if part in class_of]] = 1
    return y


def _add(
    tally: Tally, model: Model, sentence: Sentence, predicted: Sequence[str]
) -> tuple[list[bool], Found]:
    """Count one sentence; a token without a label is left out of every figure.

    Returns which labelled tokens are right, and how many spans or words were found.
    """
    gold = sentence.labels or [None] * len(predicted)
    if model.is_multilabel:
        gold = [None if label is None else in_order(label) for label in gold]
    seen_forms = model.vocabulary.seen_forms
    right = tally.add_tokens(gold, predicted, [token in seen_forms for token in sentence.tokens])
    known = [label or "O" for label in gold]
    match model.layout.task:
        case "spans":
            scheme = model.layout.scheme
            given = ["O" if g is None else p for g, p in zip(gold, predicted, strict=True)]
            found = tally.add_spans(to_spans(known, scheme), to_spans(given, scheme))
        case "segmentation":
            words = words_from_segmentation
            found = tally.add_words(words(known), words(predicted))
        case _:
            found = Found()
    return right, found


def in_order(label: str) -> str:
    """The parts of `A|B` in the order in which a tagger writes them."""
    return "|".join(sorted(label.split("|"), key=label_order))


def main_figures(model: Model, report: Evaluation) -> dict[str, float]:
    """The figures of an evaluation that go into the log, the task's metric first."""
    if "spans" in report:
        figures = {"f1": report["spans"]["f1"]}
    elif "words" in report:
        figures = {"word f1": report["words"]["f1"]}
    elif model.is_multilabel:
        figures = {"micro f1": report["micro"]["f1"]}
    else:
        figures = {}
    figures["exact" if model.is_multilabel else "accuracy"] = report["accuracy"]
    if "unseen" in report and report["unseen"]["tokens"] and model.layout.task != "slots":
        figures["unseen"] = report["unseen"]["accuracy"]
    return figures
