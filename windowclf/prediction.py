"""Tagging: sentences in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from windowclf import ensemble
from windowclf.architecture import Architecture, Parameters
from windowclf.arrays import Bools, Floats, Ints
from windowclf.errors import DataError
from windowclf.kernels.activations import logistic
from windowclf.kernels.decoding import forbid, viterbi
from windowclf.kernels.trellis import NoPath
from windowclf.limits import CACHE_MB, LONGEST_SENTENCE
from windowclf.model_file import Model, load_model
from windowclf.row_cache import RowCache
from windowclf.text.batches import Pieces, lay_out, make_batch, pack, pieces_of
from windowclf.text.corpus import Corpus, encode_corpus
from windowclf.text.features import keys_of
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import (
    Legal,
    from_spans,
    legal_transitions,
    to_spans,
    words_from_segmentation,
)
from windowclf.text.tokenizer import split_sentences, tokenize
from windowclf.text.vocabulary import SlotRows
from windowclf.threads import ALONE, Workers

TOKENS_AT_ONCE = 8192
CHARACTERS_AT_ONCE = 1 << 18  # n-grams take some 300 bytes for each

Input: TypeAlias = "Sentence | Sequence[str] | Mapping[str, str]"


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


def corpus_scores(
    architecture: Architecture,
    parameters: Parameters,
    corpus: Corpus,
    slots: Sequence[SlotRows],
    workers: Workers = ALONE,
) -> Floats:
    """theta (N, K) for every token of a corpus, in its order. Memory grows with N·K alone."""
    theta = np.empty((len(corpus.tokens), architecture.classes), parameters["U"].dtype)
    k = architecture.window
    pieces: Pieces = pieces_of(corpus.starts, k, _longest(architecture))

    def one_batch(chosen: Ints) -> None:
        places = lay_out(corpus.tokens, pieces, chosen, k)
        batch = make_batch(places, corpus.labels, slots, k)
        theta[places.corpus] = ensemble.scores(architecture, parameters, batch)

    batches = pack(pieces.sizes(), np.arange(len(pieces.begin)), TOKENS_AT_ONCE)
    workers.map(one_batch, batches)
    return theta


def windows_scores(
    architecture: Architecture,
    parameters: Parameters,
    rows: Ints,
    P: Floats,
    starts: Ints,
) -> Floats:
    """The same for tokens given as rows (N,) of P, sentences beginning at starts (S + 1,)."""
    theta = np.empty((len(rows), architecture.classes), P.dtype)
    k = architecture.window
    pieces: Pieces = pieces_of(starts, k, _longest(architecture))
    for chosen in pack(pieces.sizes(), np.arange(len(pieces.begin)), TOKENS_AT_ONCE):
        places = lay_out(rows, pieces, chosen, k)
        theta[places.corpus] = ensemble.scores_of_windows(
            architecture, parameters, P, places.neighbours(k), places.lengths
        )
    return theta


def _longest(architecture: Architecture) -> int | None:
    """Tokens after which a sentence is cut, where that can be done exactly."""
    return None if architecture.needs_whole_sentences else TOKENS_AT_ONCE


class Tagger:
    """A loaded model. Threads and forks may share one: what is kept is kept for each thread."""

    def __init__(
        self,
        model: Model,
        longest_sentence: int = LONGEST_SENTENCE,
        cache_mb: float = CACHE_MB,
    ):
        """`longest_sentence`: the most tokens of a sentence for a model with recurrence or a CRF.

        Longer ones are a DataError. Other models take sentences of any length. `cache_mb`: memory
        for rows of frequent tokens, in megabytes and for each thread that tags.
        """
        self.model = model
        self._longest = longest_sentence if model.architecture.needs_whole_sentences else None
        self._cache = RowCache(model, cache_mb)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of probability columns; for spans in the inside scheme."""
        return self.model.vocabulary.labels

    def predict(self, sentences: Iterable[Input]) -> list[list[str]]:
        """One list of labels per sentence.

        A sentence is a list of tokens, a Sentence (for models that read further columns), or for
        `task: slots` a mapping of column to value, whose answer is a list of one class.

        >>> tagger.predict([["Anna", "lives", "in", "Oslo"]])
        [['B-PERSON', 'O', 'O', 'B-PLACE']]
        """
        return [list(answer.labels) for answer in self.tag(self._sentences(sentences))]

    def predict_proba(self, sentences: Iterable[Input]) -> list[Floats]:
        """One (tokens, classes) array per sentence, columns in the order of `classes`."""
        answers = self.tag(self._sentences(sentences), probabilities=True)
        return [a.probabilities for a in answers if a.probabilities is not None]

    def predict_text(self, text: str) -> list[TextSpan]:
        """Tokenise raw text as the model's tokenizer does, and label it.

        Spans for `task: spans`; one entry per token for tagging; one per word, with an empty
        label, for segmentation.
        """
        spans: list[TextSpan] = []
        layout = self.model.layout
        characters = layout.task == "segmentation"
        tokens = tokenize(text, "character" if characters else layout.tokenizer)
        starts = [*split_sentences(text, tokens), len(tokens)]
        groups = [tokens[a:b] for a, b in pairwise(starts)]
        sentences = [Sentence([text[a:b] for a, b in group]) for group in groups]
        for group, answer in zip(groups, self.tag(sentences), strict=True):
            spans += self._text_spans(group, answer.labels)
        return spans

    def tag(
        self, sentences: Iterable[Sentence], probabilities: bool = False
    ) -> Iterator[Prediction]:
        """Answers in the order of the sentences, streamed: a block of sentences at a time."""
        for block in _blocks(none_longer(sentences, self._longest)):
            yield from self._tag_block(block, probabilities)

    def _tag_block(self, block: list[Sentence], probabilities: bool) -> Iterator[Prediction]:
        a, p = self.model.architecture, self.model.parameters
        labels: list[str] = []
        parts: list[tuple[Floats, Floats]] = []
        whole = np.array([len(sentence.tokens) for sentence in block])
        for theta in self._scores(block):
            lengths = whole if a.needs_whole_sentences else np.array([len(theta)])
            own = class_labels(self.model, theta, lengths)
            labels += own
            if probabilities:
                scaled = ensemble.probabilities(a, p, theta, lengths, self.model.temperature)
                parts.append((scaled, _certainty(self.model, theta, scaled, own)))
        y_hat = np.concatenate([part for part, _ in parts]) if probabilities else None
        certainty = np.concatenate([part for _, part in parts]) if probabilities else None
        starts = accumulate((len(sentence.tokens) for sentence in block), initial=0)
        for sentence, (start, end) in zip(block, pairwise(starts), strict=True):
            given = outside_labels(self.model, labels[start:end])
            if y_hat is None or certainty is None:
                yield Prediction(sentence, given)
            else:
                yield Prediction(sentence, given, y_hat[start:end], certainty[start:end])

    def _scores(self, block: list[Sentence]) -> Iterator[Floats]:
        """theta of all tokens of a block, in order, a part of about TOKENS_AT_ONCE at a time."""
        a = self.model.architecture
        spells = any(feature.is_bag for feature in a.features)
        if a.needs_whole_sentences or _is_light(block, spells):
            yield self._scores_at_once(block)
            return
        for sentences, core in _cut(block, a.window):
            yield self._scores_at_once(sentences)[core]

    def _scores_at_once(self, sentences: list[Sentence]) -> Floats:
        a, p, v = self.model.architecture, self.model.parameters, self.model.vocabulary
        keys = list(chain.from_iterable(keys_of(sentence, v.columns) for sentence in sentences))
        if cached := self._cache.rows_of(keys):
            lengths = [len(sentence.tokens) for sentence in sentences]
            starts = np.concatenate([[0], np.cumsum(lengths)])
            return windows_scores(a, p, *cached, starts)
        corpus = encode_corpus(sentences, v.columns, lambda s: [None] * len(s.tokens))
        return corpus_scores(a, p, corpus, v.encode(corpus.keys))

    def _sentences(self, inputs: Iterable[Input]) -> Iterator[Sentence]:
        columns = self.model.vocabulary.columns
        for number, given in enumerate(inputs, 1):
            sentence = _as_sentence(given, number)
            missing = [name for name in columns if name not in sentence.columns]
            if missing:
                raise DataError(
                    f"sentence {number}: the model reads the column {missing[0]!r}; "
                    "give a Sentence with that column, or a mapping with that key."
                )
            yield sentence

    def _text_spans(self, tokens: list[tuple[int, int]], labels: list[str]) -> list[TextSpan]:
        match self.model.layout.task:
            case "spans":
                found = to_spans(labels, self.model.layout.scheme)
                return [TextSpan(tokens[s][0], tokens[e - 1][1], label) for s, e, label in found]
            case "segmentation":
                words = words_from_segmentation(labels)
                return [TextSpan(tokens[s][0], tokens[e - 1][1], "") for s, e in words]
            case _:
                return [
                    TextSpan(*token, label) for token, label in zip(tokens, labels, strict=True)
                ]


def load(
    path: str | Path, longest_sentence: int = LONGEST_SENTENCE, cache_mb: float = CACHE_MB
) -> Tagger:
    """The tagger of a run folder or model file. Raises ModelFileError.

    `longest_sentence` bounds what a model with recurrence or a CRF takes, in tokens; others take
    any.
    `cache_mb` is the memory for rows of frequent tokens, in megabytes and for each thread.
    """
    return Tagger(load_model(Path(path)), longest_sentence, cache_mb)


def class_labels(
    model: Model, theta: Floats, lengths: Ints, parameters: Parameters | None = None
) -> list[str]:
    """The label that each row of theta (N, K) chooses; several labels are joined by `|`.

    lengths (S,) of the sentences, which a CRF decodes as wholes; its scores are those of
    `parameters`, by default the model's.
    """
    names = model.vocabulary.labels
    output = model.architecture.output
    if output != "sigmoid":
        p = model.parameters if parameters is None else parameters
        best = theta.argmax(axis=1) if output == "softmax" else best_paths(model, p, theta, lengths)
        return [names[i] for i in best.tolist()]
    given = _decisions(model, theta)
    if theta.shape[1] == 1 and len(names) == 2:
        return [names[i] for i in given[:, 0].astype(int).tolist()]
    return ["|".join(names[i] for i in np.flatnonzero(row)) or "_" for row in given]


def _decisions(model: Model, theta: Floats) -> Bools:
    """(N, K) which labels are given; thresholds are on the scale without a temperature."""
    assert model.thresholds is not None
    given: Bools = logistic(theta) > model.thresholds
    return given


def best_paths(model: Model, parameters: Parameters, theta: Floats, lengths: Ints) -> Ints:
    """(N,) the classes of each sentence's best path, of spans and words that of the legal ones.

    Where the labels of the training text leave a sentence no legal path, all paths count.
    """
    start, transitions, end = ensemble.chain(model.architecture, parameters)
    legal = legal_paths(model)
    if legal is not None:
        with suppress(NoPath):
            return viterbi(
                theta,
                lengths,
                forbid(legal.start, start),
                forbid(legal.transitions, transitions),
                forbid(legal.end, end),
            )
    return viterbi(theta, lengths, start, transitions, end)


def legal_paths(model: Model) -> Legal | None:
    """Which labels may follow which; None where any may."""
    labels = model.vocabulary.labels
    if model.layout.task == "segmentation":
        return legal_transitions(labels, "BMES")
    return None if model.inside is None else legal_transitions(labels, model.inside)


def _certainty(model: Model, theta: Floats, y_hat: Floats, labels: Sequence[str]) -> Floats:
    """(N,) the probability of the label given: of a set of labels, that of all its decisions."""
    if model.architecture.output == "crf":
        class_of = model.vocabulary.class_of
        given: Floats = y_hat[np.arange(len(labels)), [class_of[label] for label in labels]]
        return given
    if model.architecture.output == "softmax":
        best: Floats = y_hat.max(axis=1)
        return best
    of_all: Floats = np.where(_decisions(model, theta), y_hat, 1 - y_hat).prod(axis=1)
    return of_all


def outside_labels(model: Model, labels: list[str]) -> list[str]:
    """Labels of one sentence in the scheme of the files, from those of the classes."""
    if model.inside is None or model.inside == model.layout.scheme:
        return labels
    return from_spans(to_spans(labels, model.inside), len(labels), model.layout.scheme)


def _as_sentence(given: Input, number: int) -> Sentence:
    match given:
        case list() | tuple():  # first, for these are the many
            return _sentence_of(given, number)
        case Sentence():
            return given
        case Mapping():
            columns = {name: [_text(value, number)] for name, value in given.items()}
            return Sentence([""], columns=columns, path=f"sentence {number}")
        case str():
            raise DataError(
                f"sentence {number}: expected a list of tokens, found a string; "
                "use predict_text for raw text."
            )
        case _:
            return _sentence_of(given, number)


def _sentence_of(given: Sequence[str], number: int) -> Sentence:
    tokens = list(given)
    try:
        "".join(tokens)  # the fastest way to see that all of them are text
    except TypeError:
        tokens = [_text(token, number) for token in tokens]
    return Sentence(tokens, path=f"sentence {number}")


def _text(value: object, number: int) -> str:
    if not isinstance(value, str):
        found = type(value).__name__
        raise DataError(f"sentence {number}: expected text for each token, found {found}.")
    return value


def _is_light(block: list[Sentence], spells: bool) -> bool:
    """Whether a block is small enough to be tagged at once; `spells`: characters matter."""
    if max(len(sentence.tokens) for sentence in block) > TOKENS_AT_ONCE:
        return False
    if not spells:
        return True
    return sum(sum(map(len, sentence.tokens)) for sentence in block) <= CHARACTERS_AT_ONCE


def _cut(block: list[Sentence], k: int) -> Iterator[tuple[list[Sentence], slice]]:
    """Each sentence, or its pieces with k tokens more at both ends, and which of them count."""
    for sentence in block:
        for first, last in _stretches(sentence.tokens):
            begin = max(first - k, 0)
            seen = slice(begin, last + k)
            columns = {name: column[seen] for name, column in sentence.columns.items()}
            piece = Sentence(sentence.tokens[seen], columns=columns)
            yield [piece], slice(first - begin, last - begin)


def _stretches(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(first, end) of runs of tokens that can be tagged at once."""
    first = characters = 0
    for end, token in enumerate(tokens, 1):
        characters += len(token)
        if end - first == TOKENS_AT_ONCE or characters >= CHARACTERS_AT_ONCE or end == len(tokens):
            yield first, end
            first, characters = end, 0


def _blocks(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Lists of sentences with about TOKENS_AT_ONCE tokens each."""
    iterator = iter(sentences)
    while block := list(islice(iterator, 1)):
        size = len(block[0].tokens)
        while size < TOKENS_AT_ONCE and (more := list(islice(iterator, 16))):
            block += more
            size += sum(len(sentence.tokens) for sentence in more)
        yield block
