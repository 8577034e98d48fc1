"""Text for a model that is at hand without a file: sentences made of the words it has learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from windowclf.tagging.spec import Spec
from windowclf.text.sentence import Sentence

LENGTHS = 5, 35  # tokens of a sentence, the shortest and the longest
NEW_WORDS = 0.07  # share of words that no training text had, as in news and on the web
ZIPF = 2.7  # rank r occurs as often as 1 / (r + ZIPF)


def made_text(spec: Spec, tokens: int, seed: int = 1) -> list[Sentence]:
    """Sentences with at least so many tokens in all, the same for the same model and seed.

    Frequent words are frequent in them; columns that the model reads have values it knows.
    """
    rng = np.random.default_rng(seed)
    is_slots = spec.layout.task == "slots"
    words = [""] if is_slots else _words(spec)
    new_words = 0.0 if spec.layout.task in ("slots", "segmentation") else NEW_WORDS
    sentences: list[Sentence] = []
    while tokens > 0:
        length = 1 if is_slots else int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
        own = list(_drawn(words, length, new_words, rng))
        sentences.append(Sentence(own, columns=_columns(spec, length, rng)))
        tokens -= length
    return sentences


def _words(spec: Spec) -> Sequence[str]:
    """The words of the training text, the most frequent first; those of a table where not kept."""
    v = spec.vocabulary
    if v.seen:
        return v.seen
    tables = [f.table for f in v.features if f.kind in ("word", "lower", "vectors", "char_cnn")]
    known = next((v.values[table] for table in tables if v.values[table]), None)
    return known or ["a", "b", "c"]


def _drawn(
    words: Sequence[str], length: int, new_words: float, rng: np.random.Generator
) -> Iterator[str]:
    """So many words, frequent ones often, and now and then one that is made of two halves."""
    ranks = (ZIPF * (1 + len(words) / ZIPF) ** rng.random(2 * length) - ZIPF).astype(int)
    drawn = [words[min(rank, len(words) - 1)] for rank in ranks.tolist()]
    for first, second, chance in zip(drawn, drawn[length:], rng.random(length), strict=False):
        half, other = len(first) // 2, len(second) // 2
        yield first[: half + 1] + second[other:] if chance < new_words else first


def _columns(spec: Spec, length: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """A value for each of so many tokens in every column of the files that the model reads."""
    columns = {}
    for feature in spec.vocabulary.features:
        if feature.kind == "column":
            known = spec.vocabulary.values[feature.table] or [""]
            chosen = rng.integers(0, len(known), length).tolist()
            columns[feature.column] = [known[i] for i in chosen]
    return columns
