"""TrainingText: the training text before it is numbers, and how it becomes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

from windowclf import config as cfg
from windowclf.errors import DataError
from windowclf.pipeline.feature_files import FeatureFiles
from windowclf.pipeline.listener import Listener
from windowclf.pipeline.reading import (
    LIKE_TRAIN,
    guessed,
    inside_scheme,
    learnt_labels,
    longest_sentence,
    tell,
)
from windowclf.pipeline.seen import tell_replayed
from windowclf.pipeline.texts import Text
from windowclf.text.corpus import encode_corpus
from windowclf.text.corpus_cache import FOLDER_NAME, Encoded, Source, find_or_make
from windowclf.text.derived import derived_columns, with_derived
from windowclf.text.features import columns_of
from windowclf.text.formats import Layout, Remarks
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.units import held_out, units_of


class TrainingText:
    """The texts train and replay before they are numbers: `encoded`, `kept` or `without_holdout`.

    Each of these reads the texts once.
    """

    def __init__(
        self,
        config: cfg.Config,
        layout: Layout,
        texts: Mapping[str, Text],
        read: FeatureFiles,
        known: Iterable[str],
        listener: Listener,
    ):
        """Texts by name; `known` are labels that the corpus has, found in them or not."""
        self._config, self._layout, self._listener = config, layout, listener
        self._text, self._replay, self._known = texts["train"], texts.get("replay"), list(known)
        self._columns = columns_of(read.features)
        self._derived = derived_columns(read.features, read.lexicons)
        self._labels_of = learnt_labels(layout, inside_scheme(config))
        self._source = Source(self._files(), self._how(read))
        self._digest = hashlib.sha256()
        self._remarks = Remarks()
        self._on_bytes = listener.reading_of(self.megabytes() * (1 << 20))

    def _how(self, read: FeatureFiles) -> dict[str, Any]:
        """What besides the files decides what the corpus is, so that it is kept under both."""
        how: dict[str, Any] = {
            "layout": asdict(self._layout),
            "inside": inside_scheme(self._config),
            "columns": self._columns,
        }
        if self._derived:
            derived = (f for f in read.features if f.reads in self._derived)
            how["derived"] = [[f.reads, f.lower] for f in derived]
            how["lists"] = dict(read.digests)
        if self._replay:
            how["replay"] = len(self._replay.files)
        if self._known:
            how["known"] = self._known
        longest, most = longest_sentence(self._config), self._config.data.distinct_tokens
        return {**how, "longest": longest, "most": most}

    def _files(self) -> list[str]:
        """The files of both texts; none where one of them is in memory."""
        texts = [self._text, *([self._replay] if self._replay else [])]
        in_memory = any(text.given is not None for text in texts)
        return [] if in_memory else [file for text in texts for file in text.files]

    def megabytes(self) -> float:
        """Size of the files; 0 where that cannot be known, for reading them says what is wrong."""
        try:
            return self._source.megabytes()
        except OSError:
            return 0.0

    def encoded(self, folder: Path | None = None) -> Encoded:
        """The text as numbers, in memory or as files in a folder."""
        return self._encode(self._sentences(), folder)

    def kept(self, beside: Path) -> Encoded:
        """The text as files in a folder in `beside`, for later runs too.

        Taken from there if an earlier run has left it.
        """
        encoded, known = find_or_make(beside, self._source, self.encoded)
        corpus = encoded.corpus
        done = "taken from" if known else "kept for later runs in"
        self._listener.notice(
            f"train: {len(corpus.tokens):,} tokens, {len(corpus.keys):,} of them distinct, "
            f"{done} {beside / FOLDER_NAME}."
        )
        return encoded

    def without_holdout(self, share: float) -> tuple[Encoded, list[Sentence]]:
        """The text without its last documents, or sentences where none are marked, and these.

        `share` says how many of all sentences they have at least.
        """
        every = [sentence.without_source() for sentence in self._sentences()]
        units = units_of(every)
        if len(units) == 1:
            raise DataError(
                f"{self._text.name}: expected at least two sentences, as data.dev holds out some "
                "of them, found one; add some, or give data.dev a file, or null for none."
            )
        count = held_out(units, share)
        dev = [sentence for unit in units[len(units) - count :] for sentence in unit]
        if self._replay:
            tell_replayed(dev, self._replay.read(self._layout), self._listener)
        if len(units) < len(every):
            self._listener.notice(
                f"dev: the last {count:,} of the {len(units):,} documents of train are held out, "
                f"{len(dev):,} of {len(every):,} sentences."
            )
        return self._encode(every[: len(every) - len(dev)]), dev

    def _encode(self, sentences: Iterable[Sentence], folder: Path | None = None) -> Encoded:
        """Some sentences, and those of replay, as numbers in memory or as files in a folder."""
        most, replayed = self._config.data.distinct_tokens, _Counted(self._replayed())
        corpus = encode_corpus(
            chain(sentences, replayed), self._columns, self._labels_of, most, folder, self._known
        )
        corpus = replace(corpus, replayed=replayed.count)
        remarks = list(self._remarks.sentences(self._layout.scheme))
        return Encoded(corpus, self._digest.hexdigest(), remarks)

    def _sentences(self) -> Iterable[Sentence]:
        """The sentences of train with derived columns; the listener is told how far it is."""
        return self._read(self._text, self._digest, self._remarks)

    def _replayed(self) -> Iterator[Sentence]:
        """The sentences of replay, likewise. Raises DataError where there is none."""
        if self._replay is None:
            return
        name, remarks = self._replay.name, Remarks(LIKE_TRAIN)
        count = labelled = 0
        for sentence in self._read(self._replay, hashlib.sha256(), remarks):
            count += 1
            labelled += any(label is not None for label in sentence.gold)
            yield sentence
        if not count:
            raise DataError(f"{name}: no sentence found; expected at least one.")
        if not labelled:
            raise DataError(f"{name}: no token has a label; {self._replay.advice}")
        tell("replay", remarks, self._layout.scheme, self._listener)

    def _read(self, text: Text, digest: Any, remarks: Remarks) -> Iterable[Sentence]:
        """The sentences of a text with derived columns; see Text.read."""
        say, longest = guessed(self._config), longest_sentence(self._config)
        sentences = text.read(self._layout, digest, self._on_bytes, remarks, say)
        return with_derived(none_longer(sentences, longest), self._derived)


class _Counted:
    """Sentences that are counted as they go by."""

    def __init__(self, sentences: Iterable[Sentence]):
        self._sentences, self.count = sentences, 0

    def __iter__(self) -> Iterator[Sentence]:
        for sentence in self._sentences:
            self.count += 1
            yield sentence
