"""From scores to labels: legal sequences, within what a dictionary and given labels allow.

There are three ways: sets of labels token by token; the best path of a CRF; and where tokens are
scored one by one, the legal path with the largest sum of scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.errors import DataError
from windowclf.network import members
from windowclf.network.kernels.activations import logistic
from windowclf.network.kernels.decoding import n_best, viterbi
from windowclf.network.kernels.mending import mended
from windowclf.network.kernels.trellis import NoPath
from windowclf.tagging.chains import Chain, Chains
from windowclf.tagging.constraints import Choices, Constraints
from windowclf.tagging.model import Model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.scores import Scores, WholeScores
from windowclf.text.label_sets import set_of
from windowclf.text.sentence import Sentence

RankedPaths: TypeAlias = list[tuple[float, Ints]]
"""The best paths (tokens,) of a sentence, each with its score, in falling order."""
Answer = TypeVar("Answer")
SHORT = 64  # tokens, for which lists are faster than arrays


class LabelPath(NamedTuple):
    """One way to label a sentence."""

    labels: list[str]  # one per token, in the scheme of the training files
    probability: float  # of the sequence as a whole


class Decoded(NamedTuple):
    """The best path of the sentences of a group."""

    path: Ints  # (N,) states
    lost: frozenset[int]  # sentences to which the training text's labels leave no legal path


class Decoder:
    """Turns the scores of a model into labels.

    For spans and words every answer is a legal sequence: of a softmax the one with the largest
    product of probabilities, of a CRF the one with the highest score. A sentence to which the
    labels of the training text leave no legal sequence gets the best of all.
    """

    def __init__(self, model: Model, options: TagOptions = TagOptions()):
        """A decoder for a model, as `keep_labels` and `decode` of the options say.

        Raises DataError where the model cannot do so.
        """
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
        self._chains = Chains(model, self._states, self._legal)
        self._lists = [each.tolist() for each in self._legal or ()]
        # What each state is called in the files, where a legal path needs no look at neighbours.
        self._in_files = self._states.labels if self._states else spec.in_files

    def labels(self, scores: Scores, sentences: Sequence[Sentence]) -> list[list[str]]:
        """The label of each token of each sentence, in the scheme of the files.

        `scores` are those of all their N tokens; several labels of a token are joined by |. Raises
        DataError where given labels or the dictionary leave a sentence no legal path.
        """
        ends = list(accumulate((len(sentence.tokens) for sentence in sentences), initial=0))
        if self._spec.is_multilabel:
            parts = (scores.of(stretch) for stretch in scores.stretches())
            sets = [label for theta in parts for label in _label_sets(self.model, theta)]
            return [sets[first:end] for first, end in pairwise(ends)]
        path, lost = self._decoded(scores, sentences)
        states = path.tolist()
        return [
            self._names(states[first:end], i in lost)
            for i, (first, end) in enumerate(pairwise(ends))
        ]

    def _decoded(self, scores: Scores, sentences: Sequence[Sentence]) -> Decoded:
        """The best path of states of the sentences."""
        choices = self._choices(sentences)
        if self._spec.architecture.output == "crf":
            (whole,) = scores.stretches()
            theta = scores.of(whole)
            if not self._posterior:
                return self._best_of_chain(theta, sentences, choices)
            scores = WholeScores(self._log_marginals(theta, sentences))

        def unary_of(tokens: slice | Ints) -> Floats:
            """The scores of the states of some tokens.   tokens (some,)  ->  (some, states)."""
            return self._unary(scores.of(tokens), choices, tokens)

        best = [unary_of(stretch).argmax(axis=1) for stretch in scores.stretches()]
        path = best[0] if len(best) == 1 else np.concatenate(best)
        return self._best_legal(path, sentences, choices, unary_of)

    def n_best(self, theta: Floats, sentences: Sequence[Sentence], n: int) -> list[list[LabelPath]]:
        """The n most probable legal label sequences of each sentence, of a CRF with theta (N, K).

        The probability is that among all legal sequences, as the scores of spans are.
        """
        choices = self._choices(sentences)

        def best_of_each(unary: Floats, lengths: Ints, chain: Chain) -> list[RankedPaths]:
            """The n best paths of sentences.   unary (N, states), lengths (S,)."""
            return n_best(unary, lengths, *chain, n)

        unary = self._unary(theta, choices, slice(None))
        found, lost = self._legal_or_free(best_of_each, unary, sentences, choices)
        best = np.concatenate([np.zeros(0, np.intp), *(paths[0][1] for paths in found)])
        classes = best if self._states is None else np.take(self._states.classes, best)
        logs = self._chains.log_probabilities(theta, _lengths(sentences), classes)
        temperature = self.model.temperature
        return [
            [
                LabelPath(
                    self._names(path.tolist(), i in lost),
                    min(1.0, float(np.exp((score - paths[0][0]) / temperature + log))),
                )
                for score, path in paths
            ]
            for i, (paths, log) in enumerate(zip(found, logs.tolist(), strict=True))
        ]

    def check(self, sentences: Sequence[Sentence]) -> None:
        """Raise DataError where the dictionary leaves a sentence no legal path."""
        if (choices := self._choices(sentences)) is not None:
            theta = np.zeros((len(choices.of_token), self._spec.architecture.classes))
            unary = self._unary(theta, choices, slice(None))
            self._best_legal(unary.argmax(axis=1), sentences, choices, unary.__getitem__)

    def _names(self, states: Sequence[int], lost: bool = False) -> list[str]:
        """The labels of a sentence in the scheme of the files; `lost` if its path is not legal."""
        if self._in_files is not None and not lost:
            return [self._in_files[state] for state in states]
        classes = self._states.classes if self._states else range(len(self._spec.classes))
        return self._spec.outside([self._spec.classes[classes[state]] for state in states])

    def _choices(self, sentences: Sequence[Sentence]) -> Choices | None:
        """What the dictionary and given labels say of the tokens; None where there are neither."""
        return self._constraints.choices(sentences) if self._constraints else None

    def _unary(self, theta: Floats, choices: Choices | None, tokens: slice | Ints) -> Floats:
        """The scores of the states of some tokens, −inf for those that the choices exclude.

        theta (some, K), tokens (some,) or a slice for all of them  ->  (some, states).
        """
        if self._spec.architecture.output == "sigmoid":
            given = logistic(theta) > _thresholds(self.model)
            theta = np.hstack([~given, given]).astype(theta.dtype)
        if choices is None or self._states is None:
            return theta
        unary = np.take(theta, self._states.classes, axis=1)
        unary[~choices.rows(tokens)] = -np.inf
        return unary

    def _best_legal(
        self,
        path: Ints,
        sentences: Sequence[Sentence],
        choices: Choices | None,
        unary_of: Callable[[Ints], Floats],
    ) -> Decoded:
        """The legal path of the largest sum of scores of every sentence, free where there is none.

        path (N,), the best state of each token; `unary_of` gives the scores (some, states) of some
        tokens (some,).
        """
        if self._legal is None or self._is_quickly_legal(path, sentences):
            return Decoded(path, frozenset())
        lengths, skipped = _lengths(sentences), np.zeros(0, np.intp)
        while True:
            try:
                path = mended(path, lengths, *self._legal, unary_of, skipped)
                return Decoded(path, frozenset(skipped.tolist()))
            except NoPath as none:
                self._refuse(none, sentences, choices)
                skipped = np.union1d(skipped, none.sentences)

    def _is_quickly_legal(self, path: Ints, sentences: Sequence[Sentence]) -> bool:
        """Whether the path (N,) of one short sentence is seen to be legal without an array."""
        if len(sentences) > 1 or not 0 < len(path) <= SHORT:
            return False
        start, follows, end = self._lists
        states = path.tolist()
        ends = start[states[0]] and end[states[-1]]
        return ends and all(follows[one][next_] for one, next_ in pairwise(states))

    def _best_of_chain(
        self, theta: Floats, sentences: Sequence[Sentence], choices: Choices | None
    ) -> Decoded:
        """The best path of states of every sentence, of a CRF with theta (N, K)."""

        def by_sentence(unary: Floats, lengths: Ints, chain: Chain) -> list[Ints]:
            """The best path of each sentence.   unary (N, states), lengths (S,)."""
            path = viterbi(unary, lengths, *chain)
            return np.split(path, np.cumsum(lengths)[:-1]) if len(lengths) > 1 else [path]

        unary = self._unary(theta, choices, slice(None))
        paths, lost = self._legal_or_free(by_sentence, unary, sentences, choices)
        return Decoded(paths[0] if len(paths) == 1 else np.concatenate(paths), lost)

    def _legal_or_free(
        self,
        decode: Callable[[Floats, Ints, Chain], list[Answer]],
        unary: Floats,
        sentences: Sequence[Sentence],
        choices: Choices | None,
    ) -> tuple[list[Answer], frozenset[int]]:
        """What `decode` makes of each sentence: among legal paths, among all where none is legal.

        unary (N, states), the scores of all tokens. Beside it the numbers of the latter sentences.
        """
        lengths = _lengths(sentences)
        try:
            return decode(unary, lengths, self._chains.legal), frozenset()
        except NoPath as none:
            self._refuse(none, sentences, choices)
            lost = np.isin(np.arange(len(lengths)), none.sentences)
        free = np.repeat(lost, lengths)
        legal = iter(decode(unary[~free], lengths[~lost], self._chains.legal))
        others = iter(decode(unary[free], lengths[lost], self._chains.free))
        found = [next(others if gone else legal) for gone in lost]
        return found, frozenset(np.flatnonzero(lost).tolist())

    def _log_marginals(self, theta: Floats, sentences: Sequence[Sentence]) -> Floats:
        """ln of the marginals of a CRF, each token's own probabilities; never −inf.

        theta (N, K)  ->  (N, K). The least is ln of the smallest normal number.
        """
        marginals = probabilities(self.model, theta, _lengths(sentences))
        return np.log(np.maximum(marginals, np.finfo(marginals.dtype).tiny))

    def _refuse(self, none: NoPath, sentences: Sequence[Sentence], choices: Choices | None) -> None:
        """Raise DataError if it is the choices that leave a sentence no legal path.

        Otherwise the labels of the training text do, and nothing is raised.
        """
        if self._constraints is not None and choices is not None:
            self._constraints.refuse(none, sentences, choices)


def probabilities(model: Model, theta: Floats, lengths: Ints) -> Floats:
    """y_hat of the tokens of some sentences, with the model's temperature.

    theta (N, K), lengths (S,) of the sentences  ->  (N, K).
    """
    return members.probabilities(
        model.spec.architecture, model.parameters, theta, lengths, model.temperature
    )


def _label_sets(model: Model, theta: Floats) -> list[str]:
    """The set of labels of each token, joined by |.   theta (tokens, K)."""
    names, given = model.spec.classes, logistic(theta) > _thresholds(model)
    return [set_of(names[i] for i in np.flatnonzero(row)) for row in given]


def _thresholds(model: Model) -> Floats:
    """The probability above which each class is given, of a sigmoid output.   ->  (K,)."""
    assert model.thresholds is not None
    return model.thresholds


def _lengths(sentences: Sequence[Sentence]) -> Ints:
    """How many tokens each sentence has.   ->  (S,)."""
    return np.array([len(sentence.tokens) for sentence in sentences], np.intp)
