"""Tagger, a loaded model: sentences or raw text in, labels and probabilities out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.errors import DataError
from windowclf.system.arguments import checked_arguments
from windowclf.system.blas import one_blas_thread
from windowclf.tagging import blocks
from windowclf.tagging.answers import Prediction, TextSpan
from windowclf.tagging.decoding import Decoder, LabelPath, probabilities
from windowclf.tagging.inputs import SentenceLike, as_sentences, with_columns
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import load_model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.outward import certainty, outward
from windowclf.tagging.raw_text import split_text
from windowclf.tagging.row_cache import RowCache
from windowclf.tagging.scores import (
    StretchedScores,
    WholeScores,
    corpus_scores,
    windows_scores,
)
from windowclf.tagging.span_scores import SpanScorer, spans_of
from windowclf.text.corpus import encode_corpus
from windowclf.text.derived import with_derived
from windowclf.text.features import keys_of
from windowclf.text.sentence import Sentence, none_longer


class Tagger:
    """A loaded model. Threads, forks and, pickled, other processes may use one.

    What is kept of frequent tokens is kept for each thread, and does not travel.
    """

    @checked_arguments
    def __init__(self, model: Model, options: TagOptions = TagOptions()):
        """`options` are those of every call that names none of its own. Raises DataError."""
        self.model, self.options = model, options
        a = model.spec.architecture
        self._columns = [feature.column for feature in a.features if feature.column]
        self._spells = any(feature.is_bag for feature in a.features)
        self._decoder = Decoder(model, options)
        self._cache = RowCache(model, options.cache_mb)

    def __repr__(self) -> str:
        spec, labels = self.model.spec, self.model.spec.labels
        shown = ", ".join(labels[:5]) + (", …" if len(labels) > 5 else "")
        return f"<windowclf.Tagger for {spec.layout.task}, {len(labels)} labels: {shown}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self.options)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of probability columns, as answers have them."""
        return self.model.spec.labels

    @property
    def inside_classes(self) -> tuple[str, ...]:
        """The classes that the network learns; for spans by default those of BIOES."""
        return self.model.spec.classes

    def predict(
        self, sentences: Iterable[SentenceLike], *, keep_labels: bool = False
    ) -> list[list[str]]:
        """One list of labels per sentence.

        A sentence is a list of tokens, a Sentence (for models that read further columns), or for
        `task: slots` a mapping of column to value, whose answer is a list of one class.

        With `keep_labels` the labels that a Sentence has stay, and those that are None are chosen
        around them; not for several labels a token. Raises DataError.

        >>> tagger.predict([["Anna", "lives", "in", "Oslo"]])
        [['B-PERSON', 'O', 'O', 'B-PLACE']]
        """
        options = self.options
        if keep_labels is not False:
            options = replace(options, keep_labels=keep_labels)
        return [answer.labels for answer in self.tag(as_sentences(sentences), options)]

    def predict_proba(
        self, sentences: Iterable[SentenceLike], *, inside: bool = False
    ) -> list[Floats]:
        """Probabilities (N, labels) of each sentence of N tokens, columns as in `classes`.

        With `inside` (N, K), columns as in `inside_classes`.
        """
        options = replace(self.options, probabilities=True, inside=inside)
        answers = self.tag(as_sentences(sentences), options)
        return [a.probabilities for a in answers if a.probabilities is not None]

    def n_best(self, sentences: Iterable[SentenceLike], n: int) -> list[list[LabelPath]]:
        """The n most probable label sequences of each sentence, with their probabilities; of a CRF.

        Fewer where a sentence has fewer legal ones. Raises DataError.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise DataError(f"n-best: expected a number of sequences from 1 on, found {n!r:.40}.")
        answers = self.tag(as_sentences(sentences), replace(self.options, n_best=n))
        return [answer.n_best for answer in answers if answer.n_best is not None]

    def predict_text(self, text: str) -> list[TextSpan]:
        """Tokenise raw text as the model's tokenizer does, and label it.

        Spans for `task: spans`; one entry per token for tagging; one per word, with an empty
        label, for segmentation. Raises DataError for a model that reads further columns.
        """
        return self.predict_texts([text])[0]

    def predict_texts(self, texts: Iterable[str]) -> list[list[TextSpan]]:
        """predict_text of every text, faster than one by one."""
        if isinstance(texts, str) or not isinstance(texts, Iterable):
            raise TypeError(f"texts: expected a list of texts, found {type(texts).__name__}.")
        layout = self.model.spec.layout
        documents = [split_text(text, layout, number) for number, text in enumerate(texts, 1)]
        of_whole = layout.task in ("spans", "segmentation")
        options = replace(self.options, probabilities=not of_whole, span_scores=of_whole)
        sentences = chain.from_iterable(document.sentences() for document in documents)
        answers = self.tag(sentences, options)
        return [document.spans(answers, self.model.spec) for document in documents]

    def tag(
        self, sentences: Iterable[Sentence], options: TagOptions | None = None
    ) -> Iterator[Prediction]:
        """The answers for sentences, in their order, streamed: a block of sentences at a time.

        With `options` in place of the tagger's own. Raises DataError.
        """
        how = self.options if options is None else options
        if not isinstance(how, TagOptions):
            raise TypeError(f"options: expected TagOptions, found {type(how).__name__}.")
        a = self.model.spec.architecture
        if how.n_best and a.output != "crf":
            raise DataError(f"n-best: needs a model with model.output: crf, found {a.output}.")
        spec = self.model.spec
        if how.n_best and spec.layout.scheme == "IO" and spec.inside != "IO":
            raise DataError(
                "n-best: several label sequences of the network are one in the scheme IO; train "
                "with data.inside: IO."
            )
        decoder = self._decoder
        if (how.keep_labels, how.decode) != (self.options.keep_labels, self.options.decode):
            decoder = Decoder(self.model, how)
        longest = how.longest_sentence if a.needs_whole_sentences else None
        tokens = max(1, blocks.TOKENS_AT_ONCE // max(1, how.n_best))
        checked = none_longer(with_columns(sentences, self._columns), longest)
        for block in blocks.blocks_of(checked, tokens):
            if self._is_light(block):
                yield from self._tag_group(decoder, block, how)
                continue
            for sentence in block:
                if self._is_light([sentence]):
                    yield from self._tag_group(decoder, [sentence], how)
                else:
                    yield self._tag_long(decoder, sentence, how)

    def _is_light(self, group: Sequence[Sentence]) -> bool:
        """Whether sentences are tagged at once: they are small, or must be seen as wholes."""
        whole = self.model.spec.architecture.needs_whole_sentences
        return whole or blocks.is_light(group, self._spells)

    def _tag_group(
        self, decoder: Decoder, group: Sequence[Sentence], how: TagOptions
    ) -> list[Prediction]:
        """The answers for sentences that are tagged at once."""
        with one_blas_thread, np.errstate(over="ignore", invalid="ignore"):
            theta = self._scores(list(with_derived(group, self.model.spec.vocabulary.derived)))
            labels = decoder.labels(WholeScores(theta), group)
            sizes = [len(sentence.tokens) for sentence in group]
            answers = [Prediction(*each) for each in zip(group, labels, strict=True)]
            if how.probabilities:
                answers = self._with_probabilities(answers, theta, np.array(sizes), how)
            if how.span_scores:
                answers = self._with_span_scores(answers, theta, np.array(sizes))
            if how.n_best:
                paths = decoder.n_best(theta, group, how.n_best)
                answers = [a._replace(n_best=p) for a, p in zip(answers, paths, strict=True)]
        return answers

    def _with_probabilities(
        self, answers: list[Prediction], theta: Floats, lengths: Ints, how: TagOptions
    ) -> list[Prediction]:
        """The answers with probabilities and certainty; theta (N, K), lengths (S,)."""
        spec, inner = self.model.spec, probabilities(self.model, theta, lengths)
        y_hat = outward(spec, inner, lengths)
        sure = certainty(spec, y_hat, [label for answer in answers for label in answer.labels])
        cuts = np.cumsum(lengths)[:-1]
        shown = np.split(inner if how.inside else y_hat, cuts)
        each = zip(answers, shown, np.split(sure, cuts), strict=True)
        return [a._replace(probabilities=p, certainty=c) for a, p, c in each]

    def _with_span_scores(
        self, answers: list[Prediction], theta: Floats, lengths: Ints
    ) -> list[Prediction]:
        """The answers with the probabilities of their spans; theta (N, K), lengths (S,)."""
        spans = [spans_of(self.model.spec, answer.labels) for answer in answers]
        scores = self._span_scorer.scores(theta, lengths, spans)
        return [a._replace(span_scores=own) for a, own in zip(answers, scores, strict=True)]

    @cached_property
    def _span_scorer(self) -> SpanScorer:
        return SpanScorer(self.model)

    def _tag_long(self, decoder: Decoder, sentence: Sentence, how: TagOptions) -> Prediction:
        """The answer for a sentence that is tagged a stretch at a time.

        A stretch is scored whenever its scores are asked for, which may be more than once.
        """
        (seen,) = with_derived([sentence], self.model.spec.vocabulary.derived)
        scores = StretchedScores(
            blocks.cuts_of(sentence.tokens),
            lambda first, end: self._scores_of_stretch(seen, first, end),
        )
        with one_blas_thread, np.errstate(over="ignore", invalid="ignore"):
            (labels,) = decoder.labels(scores, [sentence])
            answers = [Prediction(sentence, labels)]
            if how.probabilities or how.span_scores:
                theta = np.concatenate([scores.of(stretch) for stretch in scores.stretches()])
                if how.probabilities:
                    answers = self._with_probabilities(answers, theta, np.array([len(theta)]), how)
                if how.span_scores:
                    answers = self._with_span_scores(answers, theta, np.array([len(theta)]))
        return answers[0]

    def _scores_of_stretch(self, sentence: Sentence, first: int, end: int) -> Floats:
        """theta of the tokens first … end − 1 of a sentence.   ->  (end − first, K).

        From these tokens and k on both sides.
        """
        k = self.model.spec.architecture.window
        begin = max(first - k, 0)
        seen = slice(begin, end + k)
        columns = {name: column[seen] for name, column in sentence.columns.items()}
        theta = self._scores([Sentence(sentence.tokens[seen], columns=columns)])
        return theta[first - begin : end - begin]

    def _scores(self, sentences: list[Sentence]) -> Floats:
        """theta of all tokens of the sentences, in order.   ->  (N, K)."""
        spec, p = self.model.spec, self.model.parameters
        a, v = spec.architecture, spec.vocabulary
        keys = list(chain.from_iterable(keys_of(sentence, v.columns) for sentence in sentences))
        if cached := self._cache.rows_of(keys):
            lengths = np.array([len(sentence.tokens) for sentence in sentences])
            return windows_scores(a, p, *cached, lengths)
        corpus = encode_corpus(sentences, v.columns, lambda one: [None] * len(one.tokens))
        return corpus_scores(a, p, corpus, v.encode(corpus.keys))


@checked_arguments
def load(path: str | os.PathLike[str], options: TagOptions = TagOptions()) -> Tagger:
    """The tagger of a run folder or model file. Raises ModelFileError."""
    return Tagger(load_model(Path(path)), options)
