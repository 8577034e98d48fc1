"""Tagger, a loaded model: sentences or raw text in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from windowclf.arrays import Floats
from windowclf.errors import DataError
from windowclf.tagging import blocks
from windowclf.tagging.decoding import Decoder, LabelPath, certainty, probabilities
from windowclf.tagging.inputs import SentenceLike, as_sentences
from windowclf.tagging.model import Model
from windowclf.tagging.model_file import load_model
from windowclf.tagging.options import TagOptions
from windowclf.tagging.row_cache import RowCache
from windowclf.tagging.scores import (
    StretchedScores,
    WholeScores,
    corpus_scores,
    windows_scores,
)
from windowclf.text.corpus import encode_corpus
from windowclf.text.derived import with_derived
from windowclf.text.features import keys_of
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import to_spans, words_from_segmentation
from windowclf.text.tokenizer import split_sentences, tokenize


class TextSpan(NamedTuple):
    """A labelled stretch of a text: text[start:end], offsets in code points."""

    start: int
    end: int
    label: str


class Prediction(NamedTuple):
    """The answer for one sentence."""

    sentence: Sentence
    labels: list[str]  # one per token, in the scheme of the training files
    probabilities: Floats | None = None  # (tokens, classes) in the order of Tagger.classes
    certainty: Floats | None = None  # (tokens,) probability of the label that was given
    n_best: list[LabelPath] | None = None  # the most probable sequences, where they were asked for


class Tagger:
    """A loaded model. Threads and forks may share one: what is kept is kept for each thread."""

    def __init__(self, model: Model, options: TagOptions = TagOptions()):
        """`options` are those of every call that names none of its own."""
        self.model, self.options = model, options
        self._decoder = Decoder(model, options)
        self._cache = RowCache(model, options.cache_mb)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of probability columns; for spans in the inside scheme."""
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
        options = replace(self.options, keep_labels=True) if keep_labels else self.options
        return [list(answer.labels) for answer in self.tag(self._sentences(sentences), options)]

    def predict_proba(self, sentences: Iterable[SentenceLike]) -> list[Floats]:
        """y_hat (N, K) of each sentence of N tokens, its columns in the order of `classes`."""
        options = replace(self.options, probabilities=True)
        answers = self.tag(self._sentences(sentences), options)
        return [answer.probabilities for answer in answers if answer.probabilities is not None]

    def n_best(self, sentences: Iterable[SentenceLike], n: int) -> list[list[LabelPath]]:
        """The n most probable label sequences of each sentence, with their probabilities; of a CRF.

        Fewer where a sentence has fewer legal ones. Raises DataError.
        """
        answers = self.tag(self._sentences(sentences), replace(self.options, n_best=n))
        return [answer.n_best for answer in answers if answer.n_best is not None]

    def predict_text(self, text: str) -> list[TextSpan]:
        """Tokenise raw text as the model's tokenizer does, and label it.

        Spans for `task: spans`; one entry per token for tagging; one per word, with an empty
        label, for segmentation.
        """
        spans: list[TextSpan] = []
        layout = self.model.spec.layout
        characters = layout.task == "segmentation"
        tokens = tokenize(text, "character" if characters else layout.tokenizer)
        starts = [*split_sentences(text, tokens), len(tokens)]
        groups = [tokens[first:end] for first, end in pairwise(starts)]
        sentences = [Sentence([text[begin:end] for begin, end in group]) for group in groups]
        for group, answer in zip(groups, self.tag(sentences), strict=True):
            spans += self._text_spans(group, answer.labels)
        return spans

    def tag(
        self, sentences: Iterable[Sentence], options: TagOptions | None = None
    ) -> Iterator[Prediction]:
        """The answers for sentences, in their order, streamed: a block of sentences at a time.

        With `options` in place of the tagger's own. Raises DataError.
        """
        how = options or self.options
        a = self.model.spec.architecture
        if how.n_best and a.output != "crf":
            raise DataError(f"n-best: needs a model with model.output: crf, found {a.output}.")
        decoder = self._decoder if how == self.options else Decoder(self.model, how)
        longest = how.longest_sentence if a.needs_whole_sentences else None
        tokens = max(1, blocks.TOKENS_AT_ONCE // max(1, how.n_best))
        for block in blocks.blocks_of(none_longer(sentences, longest), tokens):
            for group in [block] if self._is_light(block) else [[s] for s in block]:
                if self._is_light(group):
                    yield from self._tag_group(decoder, group, how)
                else:
                    yield self._tag_long(decoder, group[0], how)

    def _is_light(self, group: list[Sentence]) -> bool:
        """Whether sentences are tagged at once: they are small, or must be seen as wholes."""
        a = self.model.spec.architecture
        spells = any(feature.is_bag for feature in a.features)
        return a.needs_whole_sentences or blocks.is_light(group, spells)

    def _tag_group(
        self, decoder: Decoder, group: list[Sentence], how: TagOptions
    ) -> Iterator[Prediction]:
        """The answers for sentences that are tagged at once."""
        theta = self._scores(list(with_derived(group, self.model.spec.vocabulary.derived)))
        labels = decoder.labels(WholeScores(theta), group)
        sizes = [len(sentence.tokens) for sentence in group]
        y_hat = probabilities(self.model, theta, np.array(sizes)) if how.probabilities else None
        paths = decoder.n_best(theta, group, how.n_best) if how.n_best else None
        for i, (start, end) in enumerate(pairwise(accumulate(sizes, initial=0))):
            own = None if y_hat is None else y_hat[start:end]
            answer = self._prediction(group[i], labels[start:end], own)
            yield answer if paths is None else answer._replace(n_best=paths[i])

    def _tag_long(self, decoder: Decoder, sentence: Sentence, how: TagOptions) -> Prediction:
        """The answer for a sentence that is tagged a stretch at a time.

        A stretch is scored whenever its scores are asked for, which may be more than once.
        """
        (seen,) = with_derived([sentence], self.model.spec.vocabulary.derived)
        scores = StretchedScores(
            blocks.cuts_of(sentence.tokens),
            lambda first, end: self._scores_of_stretch(seen, first, end),
        )
        labels = decoder.labels(scores, [sentence])
        if not how.probabilities:
            return self._prediction(sentence, labels, None)
        parts = (scores.of(stretch) for stretch in scores.stretches())
        y_hat = [probabilities(self.model, theta, np.array([len(theta)])) for theta in parts]
        return self._prediction(sentence, labels, np.concatenate(y_hat))

    def _prediction(
        self, sentence: Sentence, labels: list[str], y_hat: Floats | None
    ) -> Prediction:
        """The answer for one sentence from its labels in the scheme of the classes.

        y_hat (tokens, K) where probabilities are asked for.
        """
        given = self.model.spec.outside(labels)
        if y_hat is None:
            return Prediction(sentence, given)
        return Prediction(sentence, given, y_hat, certainty(self.model, y_hat, labels))

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
            lengths = [len(sentence.tokens) for sentence in sentences]
            starts = np.concatenate([[0], np.cumsum(lengths)])
            return windows_scores(a, p, *cached, starts)
        corpus = encode_corpus(sentences, v.columns, lambda one: [None] * len(one.tokens))
        return corpus_scores(a, p, corpus, v.encode(corpus.keys))

    def _sentences(self, inputs: Iterable[SentenceLike]) -> Iterator[Sentence]:
        """The inputs as Sentences, which must have the columns that the model reads."""
        features = self.model.spec.architecture.features
        return as_sentences(inputs, [f.column for f in features if f.column])

    def _text_spans(self, tokens: list[tuple[int, int]], labels: list[str]) -> list[TextSpan]:
        """What `predict_text` says of a sentence whose tokens stand at these offsets."""
        match self.model.spec.layout.task:
            case "spans":
                found = to_spans(labels, self.model.spec.layout.scheme)
                return [
                    TextSpan(tokens[first][0], tokens[end - 1][1], label)
                    for first, end, label in found
                ]
            case "segmentation":
                words = words_from_segmentation(labels)
                return [TextSpan(tokens[first][0], tokens[end - 1][1], "") for first, end in words]
            case _:
                return [
                    TextSpan(*token, label) for token, label in zip(tokens, labels, strict=True)
                ]


def load(path: str | Path, options: TagOptions = TagOptions()) -> Tagger:
    """The tagger of a run folder or model file. Raises ModelFileError."""
    return Tagger(load_model(Path(path)), options)
