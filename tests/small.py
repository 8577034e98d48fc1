"""Small random networks and batches with every complication: repeated words, bags, shared tables,
sentences of different lengths, a token without a label, dropped words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from windowclf.config.reading import make_config
from windowclf.network.architecture import Architecture, initialize
from windowclf.network.gradients import Masks, Objective
from windowclf.pipeline.assembly import spec_of
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.texts import texts_of
from windowclf.pipeline.training_data import training_data
from windowclf.tagging.model import Model
from windowclf.tagging.spec import Spec
from windowclf.text.batches import Batch, lay_out, make_batch, pieces_of
from windowclf.text.corpus import NO_CLASS, Corpus, encode_corpus
from windowclf.text.features import Feature
from windowclf.text.formats import Layout
from windowclf.text.sentence import Sentence
from windowclf.text.vocabulary import Vocabulary, build_vocabulary, with_dropped_variants

FEATURES = (
    Feature("word", "word", 4),
    Feature("lower", "word", 4),  # shares the table of the words
    Feature("suffix", "suffix2", 3, length=2),
    Feature("ngrams", "ngrams", 2, min=2, max=3, buckets=11),
)
# Fewer numbers of as many kinds, sizes still unequal: for tests that go through every entry.
SMALLEST = {
    "units": 4,
    "tables": (
        Feature("word", "word", 2),
        Feature("lower", "word", 2),
        Feature("suffix", "suffix2", 1, length=2),
        Feature("ngrams", "ngrams", 3, min=2, max=3, buckets=11),
    ),
}
CHAR_CNN = Feature("char_cnn", "characters", 3, filters=5, width=3)
TEXT = [
    ("the dog saw the the cat", "D N V D - N"),
    ("Yes", "X"),
    ("big Dog ran big", "A N V A"),
]


@dataclass(frozen=True)
class Problem:
    architecture: Architecture
    parameters: dict[str, np.ndarray]
    batch: Batch
    objective: Objective
    masks: Masks
    corpus: Corpus
    vocabulary: Vocabulary


def sentences(text=TEXT) -> list[Sentence]:
    return [Sentence(words.split(), labels.split()) for words, labels in text]


def untrained(config: dict[str, Any], *settings: str) -> Model:
    """The model of a config with its initial parameters: what a run begins with."""
    resolved = make_config(config, settings)
    texts = texts_of(resolved)
    layout = layout_of(resolved, texts["train"])
    spec = spec_of(resolved, layout, training_data(resolved, layout, texts))
    return Model(spec, initialize(spec.architecture, resolved.seed, resolved.training.dtype))


def corpus_of(text, features) -> tuple[Corpus, Vocabulary]:
    raw = encode_corpus(
        sentences(text), (), lambda s: [None if label == "-" else label for label in s.labels]
    )
    vocabulary = build_vocabulary(features, (), raw.counts(), raw.label_names)
    turned = np.array([*(vocabulary.class_of[n] for n in raw.label_names), NO_CLASS], np.int32)
    corpus = Corpus(raw.tokens, turned[raw.labels], raw.starts, raw.keys, vocabulary.labels)
    return corpus, vocabulary


def problem(
    activation="relu",
    output="softmax",
    char_cnn=False,
    directions=0,
    truncate=None,
    *,
    plain=False,
    members=1,
    window=1,
    units=6,
    tables=FEATURES,
    seed=1,
    dtype="float64",
    text=TEXT,
) -> Problem:
    """`output`: softmax, crf, one (a single logit) or many; `plain` leaves regularisers out."""
    rng = np.random.default_rng(seed)
    features = (*tables, CHAR_CNN) if char_cnn else tables
    corpus, vocabulary = corpus_of(text, features)
    slots = with_dropped_variants(features, vocabulary.encode(corpus.keys))
    pieces = pieces_of(corpus.starts, window, None)
    places = lay_out(corpus.tokens, pieces, np.arange(len(text)), window)
    dropped = None if plain else rng.random(len(places.tokens)) < 0.3
    batch = make_batch(places, corpus.labels, slots, window, dropped)
    labels = len(vocabulary.labels)
    classes = {"softmax": labels, "crf": labels, "one": 1, "many": 3}[output]
    architecture = Architecture(
        features=features,
        table_sizes=vocabulary.table_sizes(),
        window=window,
        activation=activation,
        units=0 if activation == "none" else units,
        directions=directions,
        truncate=truncate,
        output=output if output in ("softmax", "crf") else "sigmoid",
        classes=classes,
        members=members,
    )
    parameters = initialize(architecture, seed, dtype)
    for name, p in parameters.items():
        times = 1 if name.startswith("R.") else 3  # states that grow would drown the rest
        parameters[name] = (times * p + 0.2 * rng.standard_normal(p.shape)).astype(dtype)
    targets = None
    if output in ("one", "many"):
        targets = rng.integers(0, 2, (labels, classes)).astype(np.uint8)
    objective = Objective(
        l2=0.0 if plain else 0.1,
        dropout=0.0 if plain else 0.3,
        input_dropout=0.0 if plain else 0.2,
        class_weights=None if plain or output == "crf" else np.linspace(0.5, 2, labels),
        targets=targets,
        label_smoothing=0.0 if plain or output != "softmax" else 0.1,
    )

    def mask(rows, width, kept):
        if not width or plain:
            return None
        return (rng.random((members, rows, width)) < kept).view(np.uint8)

    hidden = mask(len(batch.labels), architecture.hidden_width, 0.7)
    masks = Masks(mask(batch.slots[0].tokens(), architecture.token_width, 0.8), hidden)
    return Problem(architecture, parameters, batch, objective, masks, corpus, vocabulary)


def small_model(
    activation="relu", members=1, dtype="float32", provenance: dict[str, str] | None = None
) -> Model:
    """Words and their lower case in one table, suffixes, n-grams and characters."""
    p = problem(activation=activation, char_cnn=True, dtype=dtype, members=members)
    layout = Layout(format="conll", task="tagging")
    spec = Spec(p.architecture, p.vocabulary, layout, inside=None)
    return Model(spec, p.parameters, provenance=provenance or {})


def with_spec(model: Model, **changes) -> Model:
    """The model with parts of its spec exchanged."""
    return replace(model, spec=replace(model.spec, **changes))
