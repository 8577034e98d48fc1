"""TrainingData: the training text as numbers, the vocabulary made from it, the dev sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from windowclf import config as cfg
from windowclf.arrays import Bytes, Floats
from windowclf.errors import DataError, quoted
from windowclf.pipeline.feature_files import FeatureFiles, read_feature_files, read_vector_files
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import (
    dev_sentences,
    guessed,
    inside_scheme,
    learnt_labels,
    longest_sentence,
)
from windowclf.pipeline.texts import Text
from windowclf.text.corpus import Corpus, encode_corpus
from windowclf.text.corpus_cache import FOLDER_NAME, Encoded, Source, find_or_make
from windowclf.text.derived import derived_columns, with_derived
from windowclf.text.features import columns_of
from windowclf.text.formats import Layout, Remarks
from windowclf.text.label_sets import all_parts, are_sets, parts_of
from windowclf.text.sentence import Sentence, none_longer
from windowclf.text.units import held_out, units_of
from windowclf.text.vocabulary import SlotRows, Vocabulary, build_vocabulary

MOST_LABELS = 5000  # more distinct labels than this is a wrong column, not a task


@dataclass(frozen=True)
class TrainingData:
    """The training corpus as numbers, with the vocabulary made from it, and the dev sentences."""

    corpus: Corpus  # labels are class indices, or rows of `targets`
    vocabulary: Vocabulary
    slots: tuple[SlotRows, ...]  # of the corpus's distinct tokens
    targets: Bytes | None  # (strings, K) for a sigmoid output
    dev: list[Sentence] | None
    digest: str  # sha256 of the training files
    feature_digests: Mapping[str, str]  # key of the config -> sha256 of the files it names
    given: Mapping[str, Floats]  # (V, d) initial values of tables that come from files


def training_data(
    config: cfg.Config,
    layout: Layout,
    texts: Mapping[str, Text],
    beside: Path | None = None,
    listener: Listener = SILENT,
) -> TrainingData:
    """Read the texts train and dev once, and make the vocabulary.

    With `beside`, a text above data.cache_above_mb is kept there as numbers, for later runs too.
    """
    read = read_feature_files(config)
    train = texts["train"]
    text = _TrainingText(config, layout, train, read, listener)
    dev = dev_sentences(config, layout, texts.get("dev"), listener)
    if isinstance(config.data.dev, cfg.Holdout):
        encoded, dev = text.without_holdout(config.data.dev.holdout)
    elif beside is not None and text.megabytes() > config.data.cache_above_mb:
        encoded = text.kept(beside)
    else:
        encoded = text.encoded()
    for remark in encoded.remarks:
        listener.notice(f"train: {remark}")
    corpus = encoded.corpus
    _refuse_unusable(corpus, train, layout)
    if corpus.rare:
        listener.notice(
            f"{corpus.rare:,} tokens are beyond the first {config.data.distinct_tokens:,} distinct "
            "ones (data.distinct_tokens) and share one entry."
        )
    names, sigmoid = corpus.label_names, config.model.output == "sigmoid"
    vectors, vector_digests = read_vector_files(config, corpus.keys)
    vocabulary = build_vocabulary(
        read.features,
        columns_of(read.features),
        corpus.counts(),
        all_parts(names) if sigmoid and are_sets(names) else names,
        read.lexicons,
        {table: found.words for table, found in vectors.items()},
    )
    return TrainingData(
        corpus=corpus,
        vocabulary=vocabulary,
        slots=vocabulary.encode(corpus.keys),
        targets=_targets(names, vocabulary) if sigmoid else None,
        dev=dev,
        digest=encoded.digest,
        feature_digests={**read.digests, **vector_digests},
        given={f"L.{table}": found.rows for table, found in vectors.items()},
    )


class _TrainingText:
    """The training files before they are numbers: `encoded`, `kept` or `without_holdout`.

    Each of these reads the files once.
    """

    def __init__(
        self,
        config: cfg.Config,
        layout: Layout,
        text: Text,
        read: FeatureFiles,
        listener: Listener,
    ):
        self._config, self._layout, self._text, self._listener = config, layout, text, listener
        self._columns = columns_of(read.features)
        self._derived = derived_columns(read.features, read.lexicons)
        self._labels_of = learnt_labels(layout, inside_scheme(config))
        self._source = Source(text.files, self._how(read))
        self._digest = hashlib.sha256()
        self._remarks = Remarks()

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
        longest, most = longest_sentence(self._config), self._config.data.distinct_tokens
        return {**how, "longest": longest, "most": most}

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
        count = held_out(units, share)
        dev = [sentence for unit in units[len(units) - count :] for sentence in unit]
        if len(units) < len(every):
            self._listener.notice(
                f"dev: the last {count:,} of the {len(units):,} documents of train are held out, "
                f"{len(dev):,} of {len(every):,} sentences."
            )
        return self._encode(every[: len(every) - len(dev)]), dev

    def _encode(self, sentences: Iterable[Sentence], folder: Path | None = None) -> Encoded:
        """Some sentences as numbers, in memory or as files in a folder."""
        most = self._config.data.distinct_tokens
        corpus = encode_corpus(sentences, self._columns, self._labels_of, most, folder)
        remarks = list(self._remarks.sentences(self._layout.scheme))
        return Encoded(corpus, self._digest.hexdigest(), remarks)

    def _sentences(self) -> Iterable[Sentence]:
        """The sentences of the files with derived columns; the listener is told how far it is."""
        size, done = max(1.0, self.megabytes() * (1 << 20)), 0

        def on_bytes(count: int) -> None:
            """Tell the listener that so many bytes more are read."""
            nonlocal done
            done += count
            self._listener.reading(min(1.0, done / size))

        config, noted = self._config, self._remarks
        how = self._digest, on_bytes, noted, guessed(config)
        sentences = self._text.read(self._layout, *how)
        return with_derived(none_longer(sentences, longest_sentence(config)), self._derived)


def _refuse_unusable(corpus: Corpus, text: Text, layout: Layout) -> None:
    """Raise DataError where a corpus has no tokens, no labels, or labels that are no classes."""
    where, advice = text.name, text.advice
    if not len(corpus.tokens):
        raise DataError(f"{where}: no sentence found; expected at least one labelled sentence.")
    names = corpus.label_names
    if not names:
        raise DataError(f"{where}: no token has a label; {advice}")
    if len(names) > MOST_LABELS:
        raise DataError(
            f"{where}: {len(names):,} different labels in {len(corpus.tokens):,} tokens "
            f"(such as {quoted(names[0])}); {advice}"
        )
    if layout.task == "tagging" and all(_is_decimal(name) for name in names):
        raise DataError(
            f"{where}: every label is a number with decimals (such as {quoted(names[0])}); "
            f"expected classes; {advice}"
        )


def _is_decimal(text: str) -> bool:
    """Whether a text is a number, and not a whole one."""
    try:
        float(text)
    except ValueError:
        return False
    return not text.lstrip("+-").isdigit()


def _targets(label_names: Sequence[str], vocabulary: Vocabulary) -> Bytes:
    """Which classes each label string of the corpus means; one column for two plain classes.

    ->  (strings, K) of 0 and 1.
    """
    class_of = vocabulary.class_of
    if not are_sets(label_names):
        return np.array([[class_of[name]] for name in label_names], np.uint8)
    rows = np.zeros((len(label_names), len(vocabulary.labels)), np.uint8)
    for row, name in zip(rows, label_names, strict=True):
        row[[class_of[part] for part in parts_of(name)]] = 1
    return rows
