"""Tagging: sentences in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from windowclf.arrays import Floats, Ints
from windowclf.errors import DataError
from windowclf.network import members
from windowclf.network.architecture import Architecture, Parameters
from windowclf.system.limits import CACHE_MB, LONGEST_SENTENCE
from windowclf.system.threads import ALONE, Workers
from windowclf.tagging.decoding import Decode, Decoder, LabelPath, certainty, outside_labels
from windowclf.tagging.model_file import Model, load_model
from windowclf.tagging.row_cache import RowCache
from windowclf.text.batches import Pieces, lay_out, make_batch, pack, pieces_of
from windowclf.text.corpus import Corpus, encode_corpus
from windowclf.text.derived import with_derived
from windowclf.text.features import keys_of
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.spans import to_spans, words_from_segmentation
from windowclf.text.tokenizer import split_sentences, tokenize
from windowclf.text.vocabulary import SlotRows

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
    n_best: list[LabelPath] | None = None  # the most probable sequences, where they were asked for


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
        theta[places.corpus] = members.scores(architecture, parameters, batch)

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
        theta[places.corpus] = members.scores_of_windows(
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
        decode: Decode = "viterbi",
    ):
        """`longest_sentence`: the most tokens of a sentence for a model with recurrence or a CRF.

        Longer ones are a DataError. Other models take sentences of any length. `cache_mb`: memory
        for rows of frequent tokens, in megabytes and for each thread that tags. `decode`: of a CRF
        the best path, or `posterior`: that with the largest product of marginals.
        """
        self.model = model
        self._decode: Decode = decode
        self._decoder = Decoder(model, decode=decode)
        self._longest = longest_sentence if model.architecture.needs_whole_sentences else None
        self._cache = RowCache(model, cache_mb)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of probability columns; for spans in the inside scheme."""
        return self.model.vocabulary.labels

    def predict(self, sentences: Iterable[Input], *, keep_labels: bool = False) -> list[list[str]]:
        """One list of labels per sentence.

        A sentence is a list of tokens, a Sentence (for models that read further columns), or for
        `task: slots` a mapping of column to value, whose answer is a list of one class.

        With `keep_labels` the labels that a Sentence has stay, and those that are None are chosen
        around them; not for several labels a token. Raises DataError.

        >>> tagger.predict([["Anna", "lives", "in", "Oslo"]])
        [['B-PERSON', 'O', 'O', 'B-PLACE']]
        """
        answers = self.tag(self._sentences(sentences), keep_labels=keep_labels)
        return [list(answer.labels) for answer in answers]

    def predict_proba(self, sentences: Iterable[Input]) -> list[Floats]:
        """One (tokens, classes) array per sentence, columns in the order of `classes`."""
        answers = self.tag(self._sentences(sentences), probabilities=True)
        return [a.probabilities for a in answers if a.probabilities is not None]

    def n_best(self, sentences: Iterable[Input], n: int) -> list[list[LabelPath]]:
        """The n most probable label sequences of each sentence, with their probabilities; of a CRF.

        Fewer where a sentence has fewer legal ones. Raises DataError.
        """
        answers = self.tag(self._sentences(sentences), n_best=n)
        return [answer.n_best for answer in answers if answer.n_best is not None]

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
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        keep_labels: bool = False,
        n_best: int = 0,
    ) -> Iterator[Prediction]:
        """Answers in the order of the sentences, streamed: a block of sentences at a time."""
        if n_best and self.model.architecture.output != "crf":
            found = self.model.architecture.output
            raise DataError(f"n-best: needs a model with model.output: crf, found {found}.")
        decoder = Decoder(self.model, True, self._decode) if keep_labels else self._decoder
        tokens = max(1, TOKENS_AT_ONCE // max(1, n_best))
        for block in _blocks(none_longer(sentences, self._longest), tokens):
            for group in [block] if self._is_light(block) else [[s] for s in block]:
                if self._is_light(group):
                    yield from self._tag_group(decoder, group, probabilities, n_best)
                else:
                    yield self._tag_long(decoder, group[0], probabilities)

    def _is_light(self, group: list[Sentence]) -> bool:
        """Whether sentences are tagged at once: they are few, or need to be seen as wholes."""
        a = self.model.architecture
        spells = any(feature.is_bag for feature in a.features)
        return a.needs_whole_sentences or _is_light(group, spells)

    def _tag_group(
        self, decoder: Decoder, group: list[Sentence], probabilities: bool, n_best: int
    ) -> Iterator[Prediction]:
        theta = self._scores(list(with_derived(group, self.model.vocabulary.derived)))
        labels = decoder.labels(theta, group)
        sizes = [len(sentence.tokens) for sentence in group]
        y_hat = self._probabilities(theta, sizes) if probabilities else None
        paths = decoder.n_best(theta, group, n_best) if n_best else None
        for i, (start, end) in enumerate(pairwise(accumulate(sizes, initial=0))):
            own = None if y_hat is None else y_hat[start:end]
            answer = self._prediction(group[i], labels[start:end], own)
            yield answer if paths is None else answer._replace(n_best=paths[i])

    def _tag_long(self, decoder: Decoder, sentence: Sentence, probabilities: bool) -> Prediction:
        """Tag a sentence a stretch at a time; stretches are scored again where that is needed."""
        stretches, several = list(_stretches(sentence.tokens)), self.model.is_multilabel
        (seen,) = with_derived([sentence], self.model.vocabulary.derived)
        choices = None if several else decoder.choices([sentence])
        labels: list[str] = []
        best, parts = [], []
        for first, end in stretches:
            theta = self._scores_of_stretch(seen, first, end)
            if several:
                labels += decoder.labels(theta, [])
            else:
                best.append(decoder.unary(theta, choices, slice(first, end)).argmax(axis=1))
            if probabilities:
                parts.append(self._probabilities(theta, [len(theta)]))

        def scores_of(tokens: Ints) -> Floats:
            cuts = np.searchsorted(tokens, [first for first, _ in stretches[1:]])
            return np.concatenate(
                [
                    decoder.unary(
                        self._scores_of_stretch(seen, first, end)[own - first], choices, own
                    )
                    for (first, end), own in zip(stretches, np.split(tokens, cuts), strict=True)
                    if len(own)
                ]
            )

        if not several:
            path = decoder.best_legal(np.concatenate(best), [sentence], choices, scores_of)
            labels = decoder.names(path)
        return self._prediction(sentence, labels, np.concatenate(parts) if probabilities else None)

    def _prediction(
        self, sentence: Sentence, labels: list[str], y_hat: Floats | None
    ) -> Prediction:
        given = outside_labels(self.model, labels)
        if y_hat is None:
            return Prediction(sentence, given)
        return Prediction(sentence, given, y_hat, certainty(self.model, y_hat, labels))

    def _probabilities(self, theta: Floats, lengths: Sequence[int]) -> Floats:
        """y_hat (N, K), calibrated; lengths (S,) of the sentences."""
        a, p, T = self.model.architecture, self.model.parameters, self.model.temperature
        return members.probabilities(a, p, theta, np.array(lengths), T)

    def _scores_of_stretch(self, sentence: Sentence, first: int, end: int) -> Floats:
        """theta of the tokens first … end − 1, from those and the k on both sides."""
        k = self.model.architecture.window
        begin = max(first - k, 0)
        seen = slice(begin, end + k)
        columns = {name: column[seen] for name, column in sentence.columns.items()}
        theta = self._scores([Sentence(sentence.tokens[seen], columns=columns)])
        return theta[first - begin : end - begin]

    def _scores(self, sentences: list[Sentence]) -> Floats:
        """theta of all tokens of the sentences, in order."""
        a, p, v = self.model.architecture, self.model.parameters, self.model.vocabulary
        keys = list(chain.from_iterable(keys_of(sentence, v.columns) for sentence in sentences))
        if cached := self._cache.rows_of(keys):
            lengths = [len(sentence.tokens) for sentence in sentences]
            starts = np.concatenate([[0], np.cumsum(lengths)])
            return windows_scores(a, p, *cached, starts)
        corpus = encode_corpus(sentences, v.columns, lambda s: [None] * len(s.tokens))
        return corpus_scores(a, p, corpus, v.encode(corpus.keys))

    def _sentences(self, inputs: Iterable[Input]) -> Iterator[Sentence]:
        columns = [f.column for f in self.model.architecture.features if f.column]
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
    path: str | Path,
    longest_sentence: int = LONGEST_SENTENCE,
    cache_mb: float = CACHE_MB,
    decode: Decode = "viterbi",
) -> Tagger:
    """The tagger of a run folder or model file. Raises ModelFileError.

    `longest_sentence` bounds what a model with recurrence or a CRF takes, in tokens; others take
    any.
    `cache_mb` is the memory for rows of frequent tokens, in megabytes and for each thread.
    `decode` is how a CRF chooses: `viterbi` or `posterior`.
    """
    return Tagger(load_model(Path(path)), longest_sentence, cache_mb, decode)


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


def _stretches(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(first, end) of runs of tokens that can be tagged at once."""
    first = characters = 0
    for end, token in enumerate(tokens, 1):
        characters += len(token)
        if end - first == TOKENS_AT_ONCE or characters >= CHARACTERS_AT_ONCE or end == len(tokens):
            yield first, end
            first, characters = end, 0


def _blocks(sentences: Iterable[Sentence], tokens: int) -> Iterator[list[Sentence]]:
    """Lists of sentences with about so many tokens each."""
    iterator = iter(sentences)
    while block := list(islice(iterator, 1)):
        size = len(block[0].tokens)
        while size < tokens and (more := list(islice(iterator, 16))):
            block += more
            size += sum(len(sentence.tokens) for sentence in more)
        yield block
