"""From scores to labels: legal sequences, within what a dictionary and given labels allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.errors import DataError
from windowclf.network import members
from windowclf.network.architecture import Parameters
from windowclf.network.kernels.activations import logistic
from windowclf.network.kernels.crf import path_log_probabilities
from windowclf.network.kernels.decoding import forbid, n_best, viterbi
from windowclf.network.kernels.legal import mended
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.constraints import Choices, Constraints
from windowclf.tagging.model_file import Model
from windowclf.text.sentence import Sentence
from windowclf.text.spans import from_spans, to_spans

Decode: TypeAlias = Literal["viterbi", "posterior"]
Chain: TypeAlias = tuple[Floats, Floats, Floats]  # start, transitions and end


class LabelPath(NamedTuple):
    """One way to label a sentence."""

    labels: list[str]  # one per token, in the scheme of the training files
    probability: float  # of the sequence as a whole


class Decoder:
    """Turns the scores of a model into labels.

    For spans and words every answer is a legal sequence: of a softmax the one with the largest
    product of probabilities, of a CRF the one with the highest score. A sentence to which the
    labels of the training text leave no legal sequence gets the best of all.
    """

    def __init__(self, model: Model, keep_labels: bool = False, decode: Decode = "viterbi"):
        """`keep_labels`: where a sentence has labels, they stay.

        `decode`: for a CRF the best path, or the one with the largest product of marginals.
        Raises DataError for what the model cannot do.
        """
        output = model.architecture.output
        if keep_labels and model.is_multilabel:
            raise DataError("keep_labels: expected one label a token, the model gives several.")
        if decode not in ("viterbi", "posterior"):
            raise DataError(f"decode: expected viterbi or posterior, found {decode!r:.40}.")
        if decode == "posterior" and output != "crf":
            raise DataError(f"decode: posterior needs model.output: crf, found {output}.")
        self.model = model
        self._posterior = decode == "posterior"
        constrained = keep_labels or bool(model.dictionary)
        self._constraints = Constraints(model, keep_labels) if constrained else None
        self._states = model.states if constrained else None
        self._legal = self._states.legal if self._states else model.legal

    def labels(
        self, theta: Floats, sentences: Sequence[Sentence], parameters: Parameters | None = None
    ) -> list[str]:
        """The label of each row of theta (N, K), in the scheme of the classes; several joined by |.

        A CRF scores paths with `parameters`, by default the model's. Raises DataError where given
        labels or the dictionary leave a sentence no legal path.
        """
        a, p = self.model.architecture, parameters or self.model.parameters
        if self.model.is_multilabel:
            return _label_sets(self.model, theta)
        choices = self.choices(sentences)
        if a.output == "crf" and not self._posterior:
            return self.names(self._best_of_chain(theta, sentences, choices, p))
        if self._posterior:
            T = self.model.temperature
            marginals = members.probabilities(a, p, theta, _lengths(sentences), T)
            theta = np.log(np.maximum(marginals, np.finfo(marginals.dtype).tiny))
        x = self.unary(theta, choices, slice(None))
        path = self.best_legal(x.argmax(axis=1), sentences, choices, x.__getitem__)
        return self.names(path)

    def names(self, path: Ints) -> list[str]:
        """The labels of a path of states, in the scheme of the classes."""
        labels: Sequence[str] = self.model.vocabulary.labels
        if self._states is not None:
            labels = [labels[i] for i in self._states.classes]
        return [labels[i] for i in path.tolist()]

    def choices(self, sentences: Sequence[Sentence]) -> Choices | None:
        """What the dictionary and given labels say of the tokens; None where there are none."""
        return self._constraints.choices(sentences) if self._constraints else None

    def unary(self, theta: Floats, choices: Choices | None, tokens: slice | Ints) -> Floats:
        """Scores (n, R) of the states of some tokens from their theta (n, K)."""
        if self.model.architecture.output == "sigmoid":
            assert self.model.thresholds is not None
            given = logistic(theta) > self.model.thresholds
            theta = np.hstack([~given, given]).astype(theta.dtype)
        if choices is None or self._states is None:
            return theta
        x = np.take(theta, self._states.classes, axis=1)
        x[~choices.rows(tokens)] = -np.inf
        return x

    def best_legal(
        self,
        path: Ints,
        sentences: Sequence[Sentence],
        choices: Choices | None,
        scores_of: Callable[[Ints], Floats],
    ) -> Ints:
        """The legal path of the largest sum of scores, from the best state (N,) of each token.

        `scores_of` gives the scores (n, R) of some tokens.
        """
        if self._legal is None:
            return path
        lengths, skipped = _lengths(sentences), np.zeros(0, np.intp)
        while True:
            try:
                return mended(path, lengths, *self._legal, scores_of, skipped)
            except NoPath as none:
                self._refuse(none, sentences, choices)
                skipped = np.union1d(skipped, none.sentences)

    def _best_of_chain(
        self, theta: Floats, sentences: Sequence[Sentence], choices: Choices | None, p: Parameters
    ) -> Ints:
        x, lengths = self.unary(theta, choices, slice(None)), _lengths(sentences)
        try:
            return viterbi(x, lengths, *self._chain(p, legal=True))
        except NoPath as none:
            self._refuse(none, sentences, choices)
            lost = np.isin(np.arange(len(lengths)), none.sentences)
        free = np.repeat(lost, lengths)
        path = np.empty(len(theta), np.intp)
        path[~free] = viterbi(x[~free], lengths[~lost], *self._chain(p, legal=True))
        path[free] = viterbi(x[free], lengths[lost], *self._chain(p, legal=False))
        return path

    def n_best(self, theta: Floats, sentences: Sequence[Sentence], n: int) -> list[list[LabelPath]]:
        """The n most probable legal label sequences of each sentence, of a CRF.

        The probability is that among all sequences, those which are not legal too.
        """
        p, lengths, choices = self.model.parameters, _lengths(sentences), self.choices(sentences)
        x = self.unary(theta, choices, slice(None))
        try:
            found = n_best(x, lengths, *self._chain(p, legal=True), n)
        except NoPath as none:
            self._refuse(none, sentences, choices)
            lost = np.isin(np.arange(len(lengths)), none.sentences)
            free = np.repeat(lost, lengths)
            legal = iter(n_best(x[~free], lengths[~lost], *self._chain(p, legal=True), n))
            others = iter(n_best(x[free], lengths[lost], *self._chain(p, legal=False), n))
            found = [next(others if gone else legal) for gone in lost]
        best = np.concatenate([np.zeros(0, np.intp), *(paths[0][1] for paths in found)])
        classes = best if self._states is None else np.take(self._states.classes, best)
        T = self.model.temperature
        scaled = (part / T for part in members.chain(self.model.architecture, p))
        logs = path_log_probabilities(theta / T, lengths, classes, *scaled).tolist()
        return [
            [
                LabelPath(
                    outside_labels(self.model, self.names(path)),
                    _exp((score - paths[0][0]) / T + log),
                )
                for score, path in paths
            ]
            for paths, log in zip(found, logs, strict=True)
        ]

    def _chain(self, p: Parameters, legal: bool) -> Chain:
        """start, transitions and end of the states, what is illegal forbidden if `legal`."""
        start, transitions, end = members.chain(self.model.architecture, p)
        if self._states is not None:
            own = list(self._states.classes)
            start, transitions, end = start[own], transitions[np.ix_(own, own)], end[own]
        if not legal or self._legal is None:
            return start, transitions, end
        ok = self._legal
        return (
            forbid(ok.start, start),
            forbid(ok.transitions, transitions),
            forbid(ok.end, end),
        )

    def check(self, sentences: Sequence[Sentence]) -> None:
        """Raise DataError where the dictionary leaves a sentence no legal path."""
        if (choices := self.choices(sentences)) is not None:
            theta = np.zeros((len(choices.of_token), self.model.architecture.classes))
            x = self.unary(theta, choices, slice(None))
            self.best_legal(x.argmax(axis=1), sentences, choices, x.__getitem__)

    def _refuse(self, none: NoPath, sentences: Sequence[Sentence], choices: Choices | None) -> None:
        """Raise DataError unless it is the labels of the training text that leave no path."""
        if self._constraints is not None and choices is not None:
            self._constraints.refuse(none, sentences, choices)


def certainty(model: Model, y_hat: Floats, labels: Sequence[str]) -> Floats:
    """(N,) the probability of the label given: of a set of labels, that of all its decisions."""
    if model.is_multilabel:
        of_all: Floats = np.where(_decisions(model, labels), y_hat, 1 - y_hat).prod(axis=1)
        return of_all
    class_of = model.vocabulary.class_of
    classes = np.array([class_of[label] for label in labels], np.intp)
    if model.architecture.output == "sigmoid":
        of_one: Floats = np.where(classes == 1, y_hat[:, 0], 1 - y_hat[:, 0])
        return of_one
    given: Floats = y_hat[np.arange(len(labels)), classes]
    return given


def outside_labels(model: Model, labels: list[str]) -> list[str]:
    """Labels of one sentence in the scheme of the files, from those of the classes."""
    if model.inside is None or model.inside == model.layout.scheme:
        return labels
    if labels.count("O") == len(labels):
        return labels
    return from_spans(to_spans(labels, model.inside), len(labels), model.layout.scheme)


def _label_sets(model: Model, theta: Floats) -> list[str]:
    assert model.thresholds is not None
    names, given = model.vocabulary.labels, logistic(theta) > model.thresholds
    return ["|".join(names[i] for i in np.flatnonzero(row)) or "_" for row in given]


def _decisions(model: Model, labels: Sequence[str]) -> Bools:
    """(N, K) which labels were given; from their names, for y_hat has a temperature."""
    class_of = model.vocabulary.class_of
    given = np.zeros((len(labels), model.architecture.classes), bool)
    for row, label in zip(given, labels, strict=True):
        if label != "_":
            row[[class_of[part] for part in label.split("|")]] = True
    return given


def _lengths(sentences: Sequence[Sentence]) -> Ints:
    """(S,) tokens of each sentence."""
    return np.array([len(sentence.tokens) for sentence in sentences], np.intp)


def _exp(x: float) -> float:
    return min(1.0, float(np.exp(x)))
