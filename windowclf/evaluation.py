"""Scores of a model on labelled sentences: predictions and gold labels into one Tally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from windowclf.architecture import Parameters
from windowclf.arrays import Floats
from windowclf.kernels.activations import logistic
from windowclf.metrics import Tally, best_threshold
from windowclf.model_file import Model
from windowclf.prediction import Tagger, class_labels, corpus_scores, outside_labels
from windowclf.text.corpus import encode_corpus, label_order
from windowclf.text.derived import with_derived
from windowclf.text.sentence import Sentence
from windowclf.text.spans import to_spans, words_from_segmentation
from windowclf.threads import ALONE, Workers

Evaluation: TypeAlias = dict[str, Any]


def evaluate_tagger(tagger: Tagger, sentences: Iterable[Sentence]) -> Evaluation:
    """The figures of design section 6 for labelled sentences, streamed."""
    tally = Tally()
    for answer in tagger.tag(sentences):
        _add(tally, tagger.model, answer.sentence, answer.labels)
    return tally.report(is_multilabel(tagger.model))


class DevSet:
    """Dev sentences as ids, made once, to be scored again and again while the parameters change."""

    def __init__(self, model: Model, sentences: Sequence[Sentence], workers: Workers = ALONE):
        self.model = model
        self.sentences = sentences
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
        if not is_multilabel(self.model):
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

    def _scores(self, parameters: Parameters) -> Floats:
        a = self.model.architecture
        return corpus_scores(a, parameters, self._corpus, self._slots, self._workers)

    def labels(self) -> set[str]:
        """Every gold label."""
        return {label for s in self.sentences for label in s.labels or () if label is not None}

    def evaluate(self, parameters: Parameters) -> tuple[float, Mapping[str, float]]:
        """The task's metric, and the figures that a log shows beside it."""
        theta = self._scores(parameters)
        lengths = np.diff(self._corpus.starts)
        labels = class_labels(self.model, theta, lengths, parameters)
        tally, starts = Tally(), self._corpus.starts.tolist()
        for i, sentence in enumerate(self.sentences):
            own = labels[starts[i] : starts[i + 1]]
            _add(tally, self.model, sentence, outside_labels(self.model, own))
        report = tally.report(is_multilabel(self.model))
        return main_score(self.model, report), _log_figures(self.model, report)


def main_score(model: Model, evaluation: Evaluation) -> float:
    """The task's metric: span F1, word F1, micro F1 of several labels a token, or accuracy."""
    if "spans" in evaluation:
        return float(evaluation["spans"]["f1"])
    if "words" in evaluation:
        return float(evaluation["words"]["f1"])
    return float(evaluation["micro"]["f1"] if is_multilabel(model) else evaluation["accuracy"])


def labels_unknown(model: Model, labels: Iterable[str]) -> list[str]:
    """Those of the labels that the model cannot give, sorted; for spans by their types."""
    known = set(model.vocabulary.labels)
    if model.inside is not None:
        types = {label[2:] for label in known}
        return sorted(label for label in labels if label != "O" and label[2:] not in types)
    if is_multilabel(model):
        labels = {part for label in labels for part in label.split("|")} - {"_"}
    return sorted(set(labels) - known)


def is_multilabel(model: Model) -> bool:
    """True where a token may have several labels at once."""
    return model.architecture.output == "sigmoid" and model.architecture.classes > 1


def _add(tally: Tally, model: Model, sentence: Sentence, predicted: Sequence[str]) -> None:
    """Count one sentence; a token without a label is left out of every figure."""
    gold = sentence.labels or [None] * len(predicted)
    if is_multilabel(model):
        gold = [None if label is None else in_order(label) for label in gold]
    seen_forms = model.vocabulary.seen_forms
    tally.add_tokens(gold, predicted, [token in seen_forms for token in sentence.tokens])
    known = [label or "O" for label in gold]
    match model.layout.task:
        case "spans":
            scheme = model.layout.scheme
            given = ["O" if g is None else p for g, p in zip(gold, predicted, strict=True)]
            tally.add_spans(to_spans(known, scheme), to_spans(given, scheme))
        case "segmentation":
            tally.add_words(words_from_segmentation(known), words_from_segmentation(predicted))


def in_order(label: str) -> str:
    """The parts of `A|B` in the order in which a tagger writes them."""
    return "|".join(sorted(label.split("|"), key=label_order))


def _log_figures(model: Model, report: Evaluation) -> dict[str, float]:
    """The figures of an evaluation that go into the log, the task's metric first."""
    if "spans" in report:
        figures = {"f1": report["spans"]["f1"]}
    elif "words" in report:
        figures = {"word f1": report["words"]["f1"]}
    elif is_multilabel(model):
        figures = {"micro f1": report["micro"]["f1"]}
    else:
        figures = {}
    figures["exact" if is_multilabel(model) else "accuracy"] = report["accuracy"]
    if report["unseen"]["tokens"] and model.layout.task != "slots":
        figures["unseen"] = report["unseen"]["accuracy"]
    return figures
