"""TrainingData: the training text as numbers, the vocabulary made from it, the dev sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from windowclf import config as cfg
from windowclf.analysis.text_warnings import unusable
from windowclf.arrays import Bytes, Floats
from windowclf.errors import DataError, named
from windowclf.network.carry import Learnt
from windowclf.pipeline.feature_files import FeatureFiles, read_feature_files, read_vector_files
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import dev_sentences
from windowclf.pipeline.start import KEY, Start, list_notices, read_start
from windowclf.pipeline.texts import Text
from windowclf.pipeline.training_text import TrainingText
from windowclf.text.corpus import Corpus, count_values
from windowclf.text.corpus_cache import Encoded
from windowclf.text.features import FIRST_VALUE, UNKNOWN, columns_of
from windowclf.text.formats import Layout
from windowclf.text.growth import grown
from windowclf.text.label_sets import all_parts, are_sets, parts_of
from windowclf.text.sentence import Sentence
from windowclf.text.vocabulary import SlotRows, Vocabulary, build_vocabulary
from windowclf.text.word_vectors import WordVectors


@dataclass(frozen=True)
class TrainingData:
    """The training corpus as numbers, with the vocabulary made from it, and the dev sentences."""

    corpus: Corpus  # labels are class indices, or rows of `targets`
    vocabulary: Vocabulary
    slots: tuple[SlotRows, ...]  # of the corpus's distinct tokens
    targets: Bytes | None  # (strings, K) for a sigmoid output
    dev: list[Sentence] | None
    digest: str  # sha256 of the training files
    file_digests: Mapping[str, str]  # key of the config -> sha256 of the files it names
    given: Mapping[str, Floats]  # (V, d) initial values of tables that come from files
    start: Start | None = None  # the trained model that training.start_from names

    @property
    def learnt(self) -> Learnt | None:
        """What the network keeps of the model from which the run starts; None without one."""
        return self.start.learnt(self.vocabulary) if self.start else None


def training_data(
    config: cfg.Config,
    layout: Layout,
    texts: Mapping[str, Text],
    beside: Path | None = None,
    listener: Listener = SILENT,
) -> TrainingData:
    """Read the texts train, replay and dev once, and make the vocabulary.

    With `beside`, a text above data.cache_above_mb is kept there as numbers, for later runs too.
    """
    read = read_feature_files(config)
    start = read_start(config, read)
    known = start.labels if start else ()
    text = TrainingText(config, layout, texts, read, known, listener)
    dev = dev_sentences(config, layout, texts.get("dev"), listener)
    if isinstance(config.data.dev, cfg.Holdout):
        encoded, dev = text.without_holdout(config.data.dev.holdout)
    elif beside is not None and text.megabytes() > config.data.cache_above_mb:
        encoded = text.kept(beside)
    else:
        encoded = text.encoded()
    corpus = encoded.corpus
    _tell(encoded, config, listener)
    _refuse_unusable(corpus, texts["train"], layout)
    vectors, vector_digests = read_vector_files(config, corpus.keys)
    vocabulary = _vocabulary(config, read, corpus, vectors, start)
    if _is_sigmoid(config) and len(vocabulary.labels) < 2:
        raise DataError(
            f"{texts['train'].name}: expected at least two labels for model.output: sigmoid, found "
            f"{named(vocabulary.labels)} alone; {texts['train'].advice}"
        )
    targets = _targets(corpus.label_names, vocabulary) if _is_sigmoid(config) else None
    digests = {**read.digests, **vector_digests}
    if start:
        start.check_classes(vocabulary, 0 if targets is None else targets.shape[1])
        digests[KEY] = start.digest
        for notice in list_notices(start, read):
            listener.notice(notice)
    return TrainingData(
        corpus=corpus,
        vocabulary=vocabulary,
        slots=vocabulary.encode(corpus.keys),
        targets=targets,
        dev=dev,
        digest=encoded.digest,
        file_digests=digests,
        given={
            f"L.{table}": _in_order(found, vocabulary.values[table])
            for table, found in vectors.items()
        },
        start=start,
    )


def _tell(encoded: Encoded, config: cfg.Config, listener: Listener) -> None:
    """Tell a listener what there is to say of the training text."""
    for remark in encoded.remarks:
        listener.notice(f"train: {remark}")
    if rare := encoded.corpus.rare:
        listener.notice(
            f"{rare:,} tokens are beyond the first {config.data.distinct_tokens:,} distinct ones "
            "(data.distinct_tokens) and share one entry."
        )


def _vocabulary(
    config: cfg.Config,
    read: FeatureFiles,
    corpus: Corpus,
    vectors: Mapping[str, WordVectors],
    start: Start | None,
) -> Vocabulary:
    """The vocabulary of a corpus, with all that the model knows from which the run starts."""
    names = corpus.label_names
    vocabulary = build_vocabulary(
        read.features,
        columns_of(read.features),
        corpus.counts(),
        all_parts(names) if _is_sigmoid(config) and are_sets(names) else names,
        read.lexicons,
        {table: found.words for table, found in vectors.items()},
    )
    return grown(start.model.spec.vocabulary, vocabulary) if start else vocabulary


def _is_sigmoid(config: cfg.Config) -> bool:
    """Whether the classes of a token are probabilities of their own."""
    return config.model.output == "sigmoid"


def _in_order(vectors: WordVectors, words: Sequence[str]) -> Floats:
    """The rows of these words: (V, d), that of unknown words for one that has no vector."""
    if tuple(words) == vectors.words:
        return vectors.rows
    row_of = {word: row for row, word in enumerate(vectors.words, FIRST_VALUE)}
    listed = [row_of.get(word, UNKNOWN) for word in words]
    rows: Floats = vectors.rows[[*range(FIRST_VALUE), *listed]]
    return rows


def _refuse_unusable(corpus: Corpus, text: Text, layout: Layout) -> None:
    """Raise DataError where a text has no tokens, no labels, or labels that are no classes.

    What is replayed, and labels known before, do not count.
    """
    tokens = int(corpus.starts[len(corpus.starts) - 1 - corpus.replayed])
    counts = count_values(corpus.labels[:tokens], len(corpus.label_names)).tolist()
    names = [name for name, count in zip(corpus.label_names, counts, strict=True) if count]
    if fault := unusable(tokens, names, layout.task, text.advice):
        raise DataError(f"{text.name}: {fault}")


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
