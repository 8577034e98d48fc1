"""From scores to labels: legal sequences, within what a dictionary and given labels allow.

There are three ways: sets of labels token by token; the best path of a CRF; and where tokens are
scored one by one, the legal path with the largest sum of scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from windowclf.arrays import Bools, Floats, Ints
from windowclf.errors import DataError
from windowclf.network import members
from windowclf.network.kernels.activations import logistic
from windowclf.network.kernels.crf import path_log_probabilities
from windowclf.network.kernels.decoding import forbid, n_best, viterbi
from windowclf.network.kernels.legal import mended
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.constraints import Choices, Constraints
from windowclf.tagging.model import Model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.scores import Scores, WholeScores
from windowclf.text.label_sets import parts_of, set_of
from windowclf.text.sentence import Sentence

Chain: TypeAlias = tuple[Floats, Floats, Floats]  # start, transitions and end
Answer = TypeVar("Answer")


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

    def __init__(self, model: Model, options: TagOptions = TagOptions()):
        """Of the options, `keep_labels` and `decode`. Raises DataError for what cannot be done."""
        spec, output = model.spec, model.spec.architecture.output
        if options.keep_labels and spec.is_multilabel:
            raise DataError("keep_labels: expected one label a token, the model gives several.")
        if options.decode not in ("viterbi", "posterior"):
            raise DataError(f"decode: expected viterbi or posterior, found {options.decode!r:.40}.")
        if options.decode == "posterior" and output != "crf":
            raise DataError(f"decode: posterior needs model.output: crf, found {output}.")
        self.model, self._spec = model, spec
        self._posterior = options.decode == "posterior"
        constrained = options.keep_labels or bool(spec.dictionary)
        self._constraints = Constraints(spec, options.keep_labels) if constrained else None
        self._states = spec.states if constrained else None
        self._legal = self._states.legal if self._states else spec.legal

    def labels(self, scores: Scores, sentences: Sequence[Sentence]) -> list[str]:
        """The label of each token in the scheme of the classes; several are joined by |.

        Raises DataError where given labels or the dictionary leave a sentence no legal path.
        """
        if self._spec.is_multilabel:
            parts = (scores.of(stretch) for stretch in scores.stretches())
            return [label for theta in parts for label in _label_sets(self.model, theta)]
        choices = self._choices(sentences)
        if self._spec.architecture.output == "crf":
            (whole,) = scores.stretches()
            theta = scores.of(whole)
            if not self._posterior:
                return self._names(self._best_of_chain(theta, sentences, choices))
            scores = WholeScores(self._log_marginals(theta, sentences))

        def unary(tokens: slice | Ints) -> Floats:
            return self._unary(scores.of(tokens), choices, tokens)

        best = [unary(stretch).argmax(axis=1) for stretch in scores.stretches()]
        return self._names(self._best_legal(np.concatenate(best), sentences, choices, unary))

    def n_best(self, theta: Floats, sentences: Sequence[Sentence], n: int) -> list[list[LabelPath]]:
        """The n most probable legal label sequences of each sentence, of a CRF; theta (N, K).

        The probability is that among all sequences, those which are not legal too.
        """
        choices = self._choices(sentences)
        x = self._unary(theta, choices, slice(None))
        found = self._legal_or_free(
            lambda x, lengths, chain: n_best(x, lengths, *chain, n), x, sentences, choices
        )
        best = np.concatenate([np.zeros(0, np.intp), *(paths[0][1] for paths in found)])
        classes = best if self._states is None else np.take(self._states.classes, best)
        temperature = self.model.temperature
        chain = members.chain(self._spec.architecture, self.model.parameters)
        cooled = (scores / temperature for scores in (*chain, theta))
        start, transitions, end, cool = cooled
        logs = path_log_probabilities(
            cool, _lengths(sentences), classes, start, transitions, end
        ).tolist()
        return [
            [
                LabelPath(
                    self._spec.outside(self._names(path)),
                    min(1.0, float(np.exp((score - paths[0][0]) / temperature + log))),
                )
                for score, path in paths
            ]
            for paths, log in zip(found, logs, strict=True)
        ]

    def check(self, sentences: Sequence[Sentence]) -> None:
        """Raise DataError where the dictionary leaves a sentence no legal path."""
        if (choices := self._choices(sentences)) is not None:
            theta = np.zeros((len(choices.of_token), self._spec.architecture.classes))
            x = self._unary(theta, choices, slice(None))
            self._best_legal(x.argmax(axis=1), sentences, choices, x.__getitem__)

    def _names(self, path: Ints) -> list[str]:
        """The labels of a path (N,) of states, in the scheme of the classes."""
        labels: Sequence[str] = self._spec.classes
        if self._states is not None:
            labels = [labels[i] for i in self._states.classes]
        return [labels[i] for i in path.tolist()]

    def _choices(self, sentences: Sequence[Sentence]) -> Choices | None:
        """What the dictionary and given labels say of the tokens; None where there are none."""
        return self._constraints.choices(sentences) if self._constraints else None

    def _unary(self, theta: Floats, choices: Choices | None, tokens: slice | Ints) -> Floats:
        """Scores (n, states) of some tokens from their theta (n, K)."""
        if self._spec.architecture.output == "sigmoid":
            given = logistic(theta) > _thresholds(self.model)
            theta = np.hstack([~given, given]).astype(theta.dtype)
        if choices is None or self._states is None:
            return theta
        x = np.take(theta, self._states.classes, axis=1)
        x[~choices.rows(tokens)] = -np.inf
        return x

    def _best_legal(
        self,
        path: Ints,
        sentences: Sequence[Sentence],
        choices: Choices | None,
        scores_of: Callable[[Ints], Floats],
    ) -> Ints:
        """The legal path (N,) of the largest sum of scores, from the best state (N,) of each token.

        `scores_of` gives the scores (n, states) of some tokens (n,).
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
        self, theta: Floats, sentences: Sequence[Sentence], choices: Choices | None
    ) -> Ints:
        """The best path (N,) of a CRF with theta (N, K)."""

        def by_sentence(x: Floats, lengths: Ints, chain: Chain) -> list[Ints]:
            return np.split(viterbi(x, lengths, *chain), np.cumsum(lengths)[:-1])

        x = self._unary(theta, choices, slice(None))
        return np.concatenate(self._legal_or_free(by_sentence, x, sentences, choices))

    def _legal_or_free(
        self,
        decode: Callable[[Floats, Ints, Chain], list[Answer]],
        x: Floats,
        sentences: Sequence[Sentence],
        choices: Choices | None,
    ) -> list[Answer]:
        """What `decode` makes of each sentence with x (N, states): legal, or free where none is."""
        lengths = _lengths(sentences)
        try:
            return decode(x, lengths, self._chain(legal=True))
        except NoPath as none:
            self._refuse(none, sentences, choices)
            lost = np.isin(np.arange(len(lengths)), none.sentences)
        free = np.repeat(lost, lengths)
        legal = iter(decode(x[~free], lengths[~lost], self._chain(legal=True)))
        others = iter(decode(x[free], lengths[lost], self._chain(legal=False)))
        return [next(others if gone else legal) for gone in lost]

    def _chain(self, legal: bool) -> Chain:
        """start, transitions and end of the states, what is illegal forbidden if `legal`."""
        start, transitions, end = members.chain(self._spec.architecture, self.model.parameters)
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

    def _log_marginals(self, theta: Floats, sentences: Sequence[Sentence]) -> Floats:
        """ln p(y_t | x) (N, K) of a CRF; of 0 that of the smallest normal number."""
        marginals = probabilities(self.model, theta, _lengths(sentences))
        return np.log(np.maximum(marginals, np.finfo(marginals.dtype).tiny))

    def _refuse(self, none: NoPath, sentences: Sequence[Sentence], choices: Choices | None) -> None:
        """Raise DataError unless it is the labels of the training text that leave no path."""
        if self._constraints is not None and choices is not None:
            self._constraints.refuse(none, sentences, choices)


def probabilities(model: Model, theta: Floats, lengths: Ints) -> Floats:
    """y_hat (N, K) of theta (N, K), calibrated; lengths (S,) of the sentences."""
    return members.probabilities(
        model.spec.architecture, model.parameters, theta, lengths, model.temperature
    )


def certainty(model: Model, y_hat: Floats, labels: Sequence[str]) -> Floats:
    """(N,) the probability of the label given: of a set of labels, that of all its decisions.

    y_hat (N, K), labels (N,) in the scheme of the classes.
    """
    if model.spec.is_multilabel:
        of_all: Floats = np.where(_decisions(model, labels), y_hat, 1 - y_hat).prod(axis=1)
        return of_all
    class_of = model.spec.vocabulary.class_of
    classes = np.array([class_of[label] for label in labels], np.intp)
    if model.spec.architecture.output == "sigmoid":
        of_one: Floats = np.where(classes == 1, y_hat[:, 0], 1 - y_hat[:, 0])
        return of_one
    given: Floats = y_hat[np.arange(len(labels)), classes]
    return given


def _label_sets(model: Model, theta: Floats) -> list[str]:
    """The set of labels of each token from theta (n, K)."""
    names, given = model.spec.classes, logistic(theta) > _thresholds(model)
    return [set_of(names[i] for i in np.flatnonzero(row)) for row in given]


def _decisions(model: Model, labels: Sequence[str]) -> Bools:
    """(N, K) which labels were given; from their names, for y_hat has a temperature."""
    class_of = model.spec.vocabulary.class_of
    given = np.zeros((len(labels), model.spec.architecture.classes), bool)
    for row, label in zip(given, labels, strict=True):
        row[[class_of[part] for part in parts_of(label)]] = True
    return given


def _thresholds(model: Model) -> Floats:
    """(K,) of a sigmoid output."""
    assert model.thresholds is not None
    return model.thresholds


def _lengths(sentences: Sequence[Sentence]) -> Ints:
    """(S,) tokens of each sentence."""
    return np.array([len(sentence.tokens) for sentence in sentences], np.intp)
