"""The token stream of a real corpus as the window network of the benchmarks sees it.

Five features a token, all rows of one table: 25 slots of width 40 a window. The ids of the corpus's
distinct values are spread at random over the V rows in question.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# Benchmarks use the BLAS kernels of this machine, whatever the environment says.
os.environ.pop("OPENBLAS_CORETYPE", None)

import numpy as np
from numpy.typing import NDArray

from windowclf.network.architecture import Architecture
from windowclf.network.gradients import Objective
from windowclf.network.settings import Settings
from windowclf.network.trainer import Trainer
from windowclf.network.update_rules import Adam
from windowclf.system.threads import Workers
from windowclf.text.batches import lay_out, pieces_of
from windowclf.text.corpus import Corpus, encode_corpus
from windowclf.text.features import FIRST_VALUE, Feature
from windowclf.text.formats import Layout, read_sentences
from windowclf.text.vocabulary import SlotRows, build_vocabulary

WINDOW, WIDTH, HIDDEN = 2, 40, 200
POSITIONS = 2 * WINDOW + 1
LEARNING_RATE = 0.002
FEATURES = (
    Feature("word", "word", WIDTH),
    Feature("lower", "lower", WIDTH),
    Feature("prefix", "prefix3", WIDTH, length=3),
    Feature("suffix", "suffix3", WIDTH, length=3),
    Feature("shape", "shape", WIDTH),
)
SLOTS = POSITIONS * len(FEATURES)


@dataclass(frozen=True)
class Stream:
    """A corpus with the rows of the table that each distinct token reads."""

    corpus: Corpus
    slots: tuple[SlotRows, ...]
    rows: int  # V
    classes: int  # K

    def windows(self) -> NDArray[np.int64]:
        """(N, SLOTS) rows of the table for every token of the corpus, in its order."""
        by_token = np.stack([slot.ids for slot in self.slots], axis=1)
        return by_token[self.tokens_around()].reshape(-1, SLOTS).astype(np.int64)

    def tokens_around(self) -> NDArray[np.int64]:
        """(N, POSITIONS) the distinct token at every position of every window."""
        pieces = pieces_of(self.corpus.starts, WINDOW, None)
        places = lay_out(self.corpus.tokens, pieces, np.arange(len(pieces.begin)), WINDOW)
        return places.neighbours(WINDOW).T.astype(np.int64)


def read_stream(corpora: Path, rows: int, seed: int = 1) -> Stream:
    """EWT's training tokens over a table of V = `rows` rows."""
    path = corpora / "ud_en_ewt" / "en_ewt-ud-train.conllu"
    layout = Layout(format="conllu", task="tagging", label="upos")
    with path.open("rb") as file:
        sentences = list(read_sentences(file, layout, str(path)))
    corpus = encode_corpus(sentences, (), lambda sentence: sentence.labels or [])
    vocabulary = build_vocabulary(FEATURES, (), corpus.counts(), corpus.label_names)
    values = sum(len(vocabulary.values[feature.table]) for feature in FEATURES)
    if values + FIRST_VALUE > rows:
        raise SystemExit(f"the corpus has {values:,} values; expected at least as many rows")
    spread = np.random.default_rng(seed).permutation(rows - FIRST_VALUE).astype(np.int32)
    slots, taken = [], 0
    for feature, slot in zip(FEATURES, vocabulary.encode(corpus.keys), strict=True):
        own = spread[taken : taken + len(vocabulary.values[feature.table])] + FIRST_VALUE
        row_of = np.concatenate([np.arange(FIRST_VALUE, dtype=np.int32), own])
        slots.append(SlotRows(row_of[slot.ids]))
        taken += len(own)
    return Stream(corpus, tuple(slots), rows, len(vocabulary.labels))


def make_trainer(stream: Stream, batch_tokens: int, threads: int, epochs: int = 1) -> Trainer:
    """The network of the benchmarks in windowclf: Adam on touched rows, nothing else."""
    shared = tuple(Feature(feature.kind, "all", WIDTH) for feature in FEATURES)
    architecture = Architecture(
        features=shared,
        table_sizes={"all": stream.rows},
        window=WINDOW,
        activation="relu",
        units=HIDDEN,
        directions=0,
        truncate=None,
        output="softmax",
        classes=stream.classes,
    )
    settings = Settings(
        seed=1,
        epochs=epochs,
        batch_tokens=batch_tokens,
        rule=Adam(),
        learning_rate=LEARNING_RATE,
        rows="lazy",
        average=None,
        schedule="constant",
        warmup=0.0,
        objective=Objective(),
        word_dropout=0.0,
        clip_norm=None,
        patience=None,
        dtype="float32",
    )
    workers = Workers(threads)
    return Trainer(architecture, stream.corpus, stream.slots, settings, None, workers=workers)
