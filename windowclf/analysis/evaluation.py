"""Scores of a model on labelled sentences: predictions and gold labels into one Tally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from windowclf.analysis.bootstrap import Counts, intervals
from windowclf.analysis.metrics import Found, Tally, labels_found
from windowclf.analysis.reliability import Reliability
from windowclf.analysis.resampling import Resampling
from windowclf.analysis.results import Counted, Evaluation
from windowclf.analysis.wrong import WrongAnswers
from windowclf.tagging.answers import Prediction
from windowclf.tagging.options import TagOptions
from windowclf.tagging.span_scores import spans_of
from windowclf.tagging.spec import Spec
from windowclf.tagging.tagger import Tagger
from windowclf.text.label_sets import all_parts, in_order
from windowclf.text.sentence import Sentence
from windowclf.text.spans import to_spans, words_from_segmentation


def evaluate_tagger(
    tagger: Tagger, sentences: Iterable[Sentence], errors: int | None = None
) -> Evaluation:
    """The figures of labelled sentences, streamed.

    Those of seen and unseen words are left out where the model does not tell them apart. `errors`
    is how many sentences with a wrong label are kept; without it nothing is said of them.
    """
    scorer = Scorer(tagger.model.spec, None if errors is None else WrongAnswers(errors))
    for answer in tagger.tag(sentences, scoring(tagger)):
        scorer.add(answer)
    return scorer.report()


def scoring(tagger: Tagger) -> TagOptions:
    """The tagger's options with all that a Scorer needs."""
    whole = tagger.model.spec.layout.task in ("spans", "segmentation")
    return replace(tagger.options, probabilities=True, span_scores=whole)


class Scorer:
    """Takes a model's answers, with probabilities, and reports every figure at the end."""

    def __init__(self, spec: Spec, wrong: WrongAnswers | None = None):
        """`wrong` takes the sentences with a wrong label, where somebody asks for them."""
        self._spec = spec
        self._wrong = wrong
        self._tally = Tally()
        self._resampling = Resampling()
        self._reliability = Reliability("tokens")
        self._of_spans = Reliability("spans")

    def add(self, answer: Prediction) -> Counts:
        """Count one sentence, and say what it adds."""
        assert answer.certainty is not None
        sentence = answer.sentence
        right, found = count(self._tally, self._spec, sentence, answer.labels)
        if self._spec.is_multilabel:
            found = labels_found(sentence.gold, answer.labels)
        counts = Counts(len(right), sum(right), *found)
        self._resampling.add(sentence, counts)
        if right:
            sure = zip(answer.certainty.tolist(), sentence.gold, strict=True)
            self._reliability.add([each for each, label in sure if label is not None], right)
        if answer.span_scores is not None:
            self._add_spans(sentence, answer)
        if self._wrong is not None:
            self._wrong.add(sentence, gold_of(self._spec, sentence), answer.labels)
        return counts

    def _add_spans(self, sentence: Sentence, answer: Prediction) -> None:
        """Note how sure the model was of its spans, but for those on a token without a label."""
        gold = set(spans_of(self._spec, [label or "O" for label in sentence.gold]))
        scores = answer.span_scores
        assert scores is not None
        found = zip(spans_of(self._spec, answer.labels), scores.tolist(), strict=True)
        known = [
            (score, span in gold)
            for span, score in found
            if None not in sentence.gold[span.start : span.end]
        ]
        self._of_spans.add([score for score, _ in known], [right for _, right in known])

    def report(self) -> Evaluation:
        """The figures, with their intervals and the reliability of the probabilities."""
        figures = self._tally.report(self._spec.is_multilabel)
        if self._spec.vocabulary.seen is None:
            del figures["seen"], figures["unseen"]
        report = cast(Evaluation, figures)
        report["intervals"] = intervals(self._resampling.rows(), f1_name(self._spec))
        report["calibration"] = self._reliability.report()
        if (documents := self._resampling.documents()) is not None:
            report["documents"] = documents
        if self._of_spans.used:
            report["span_calibration"] = self._of_spans.report()
        if self._wrong is not None:
            report["wrong"] = self._wrong.report()
        return report


def count(
    tally: Tally, spec: Spec, sentence: Sentence, predicted: Sequence[str]
) -> tuple[list[bool], Found]:
    """Count one sentence; a token without a label is left out of every figure.

    Returns which labelled tokens are right, and how many spans or words were found.
    """
    gold = gold_of(spec, sentence)
    seen_forms = spec.vocabulary.seen_forms
    right = tally.add_tokens(gold, predicted, [token in seen_forms for token in sentence.tokens])
    known = [label or "O" for label in gold]
    match spec.layout.task:
        case "spans":
            scheme = spec.layout.scheme
            pairs = zip(gold, predicted, strict=True)
            given = ["O" if wanted is None else label for wanted, label in pairs]
            found = tally.add_spans(to_spans(known, scheme), to_spans(given, scheme))
        case "segmentation":
            words = words_from_segmentation
            found = tally.add_words(words(known), words(predicted))
        case _:
            found = Found()
    return right, found


def gold_of(spec: Spec, sentence: Sentence) -> Sequence[str | None]:
    """The gold labels of a sentence, sets of labels in the order in which a tagger writes them."""
    if not spec.is_multilabel:
        return sentence.gold
    return [None if label is None else in_order(label) for label in sentence.gold]


def labels_unknown(spec: Spec, labels: Iterable[str]) -> list[str]:
    """Which of some labels a model cannot give, sorted; for spans those of types it cannot give."""
    known = set(spec.classes)
    if spec.inside is not None:
        types = {label[2:] for label in known}
        return sorted(label for label in labels if label != "O" and label[2:] not in types)
    return sorted(set(all_parts(labels) if spec.is_multilabel else labels) - known)


def main_score(spec: Spec, evaluation: Counted) -> float:
    """The task's metric: span F1, word F1, micro F1 of several labels a token, or accuracy."""
    if "spans" in evaluation:
        return float(evaluation["spans"]["f1"])
    if "words" in evaluation:
        return float(evaluation["words"]["f1"])
    return float(evaluation["micro"]["f1"] if spec.is_multilabel else evaluation["accuracy"])


def f1_name(spec: Spec) -> str | None:
    """The name of the F1 that has an interval; None where accuracy is all."""
    names = {"spans": "spans_f1", "segmentation": "words_f1"}
    return "micro_f1" if spec.is_multilabel else names.get(spec.layout.task)


def main_figures(spec: Spec, evaluation: Counted) -> dict[str, float]:
    """The figures of an evaluation that go into the log, the task's metric first."""
    if "spans" in evaluation:
        figures = {"f1": evaluation["spans"]["f1"]}
    elif "words" in evaluation:
        figures = {"word f1": evaluation["words"]["f1"]}
    elif spec.is_multilabel:
        figures = {"micro f1": evaluation["micro"]["f1"]}
    else:
        figures = {}
    figures["exact" if spec.is_multilabel else "accuracy"] = evaluation["accuracy"]
    if "unseen" in evaluation and evaluation["unseen"]["tokens"] and spec.layout.task != "slots":
        figures["unseen"] = evaluation["unseen"]["accuracy"]
    return figures
